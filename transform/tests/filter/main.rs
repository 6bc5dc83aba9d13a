//! Row filters against the real server: for every condition and row, our verdict is `SELECT (condition) IS TRUE`.

mod collations;
mod random;
mod server;
mod table;

use anyhow::{Result, ensure};
use millrace_task::Condition;
use millrace_transform::filter::Filter;
use mysql_async::prelude::Queryable;

use random::Random;
use server::with_database;

const ROWS: usize = 250;
const CONDITIONS: usize = 800;
/// Conditions that one query asks about.
const BATCH: usize = 50;

#[tokio::test]
async fn random_conditions_over_random_rows_have_the_servers_verdict() -> Result<()> {
    let seed = std::env::var("MILLRACE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_240_229);
    with_database("filter", async |connection| {
        let mut random = Random::new(seed);
        let table = table::create(connection, &mut random, ROWS).await?;
        for _ in 0..CONDITIONS / BATCH {
            let conditions: Vec<String> = (0..BATCH).map(|_| table::condition(&mut random, 3)).collect();
            table.ensure_agreement(connection, &conditions).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn conditions_that_are_easily_got_wrong_have_the_servers_verdict() -> Result<()> {
    with_database("filter_edges", async |connection| {
        let mut random = Random::new(1);
        let table = table::create(connection, &mut random, ROWS).await?;
        let conditions: Vec<String> = EDGES.iter().map(|text| (*text).to_owned()).collect();
        for part in conditions.chunks(BATCH) {
            table.ensure_agreement(connection, part).await?;
        }
        Ok(())
    })
    .await
}

const EDGES: [&str; 56] = [
    "NULL",
    "1",
    "0",
    "TRUE AND NULL",
    "FALSE AND NULL",
    "TRUE OR NULL",
    "NULL XOR TRUE",
    "NOT NULL",
    "NULL <=> NULL",
    "NULL IS NULL",
    "1 = 1.0",
    "2 < 10",
    "-0 = 0",
    "i IN (1, NULL)",
    "i NOT IN (1, NULL)",
    "NOT i BETWEEN 1 AND 3",
    "i = 1 XOR ti = 1 XOR TRUE",
    "(i = 1 OR ti = 2) IS NOT TRUE",
    "(i = ti) IS UNKNOWN",
    "NOT i IS NULL",
    "! i",
    "u > -1",
    "u = 18446744073709551615",
    "u < 18446744073709551616",
    "u >= 9223372036854775807.5",
    "i > 99999999999999999999999999999999999999",
    "d = 0.1000",
    "big < 0.000000000000000000000000000001",
    "i = 0x05",
    "i = x'0005'",
    "bt = 5 OR bt",
    "f = 0.1",
    "f > 0.1 AND f < 0.10000000149011613",
    "g = 0.1 AND g <> f",
    "f = 16777217 OR f BETWEEN 16777215.9 AND 16777216",
    "f IN (0.5, 0.1, NULL)",
    "g IN (0.30000000000000004, 9007199254740993)",
    "g = 9007199254740993 OR g = u",
    "u = g OR i < f OR big > g",
    "d <=> f OR g <=> NULL",
    "NOT f OR g",
    "f >= 340282346638528859811704183484516925441",
    "f > -0.0 AND g < -0",
    "y = 0 OR y > 2000",
    "c_ai = 'A ' OR c_general = 'A ' OR ch = 'a '",
    "c_ai LIKE 'a_%' OR c_bin LIKE '%\\%%'",
    "c_bin LIKE '%|_%' ESCAPE '|'",
    "c_ai LIKE '' OR c_ai LIKE NULL",
    "c_ai LIKE '支%' OR c_general LIKE '%支' OR c_cs LIKE '付_A'",
    "c_unicode >= '支' AND c_ai < '支付' OR c_cs = 'a支'",
    "s LIKE '%y%' AND e <> ''",
    "dm >= '2024-02-29' AND dm < '2024-03-01 00:00:00.5'",
    "ts BETWEEN DATE '2024-01-01' AND TIMESTAMP '2024-12-31 23:59:59.999999'",
    "tm > '-01:00:00' AND tm <= TIME '100:00:00.5'",
    "dt = dm OR dt <=> dm",
    "bn = 'a' OR b = x'6100' OR b < 'b' OR bn LIKE 'a%'",
];

#[tokio::test]
async fn collations_order_their_characters_as_the_server_does() -> Result<()> {
    with_database("filter_collations", async |connection| {
        for collation in collations::ALL {
            collations::ensure_agreement(connection, collation).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn collations_of_unicode_order_chinese_characters_as_the_server_does() -> Result<()> {
    with_database("filter_chinese", async |connection| {
        for collation in collations::ALL.into_iter().filter(|collation| collation.starts_with("utf8mb")) {
            collations::ensure_agreement_beyond_ascii(connection, collation).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn collations_that_are_not_known_are_refused() -> Result<()> {
    with_database("filter_unknown", async |connection| {
        let sql = "SELECT collation_name FROM information_schema.collations WHERE character_set_name IN \
                   ('utf8mb4', 'utf8mb3', 'ascii', 'latin1')";
        let names: Vec<String> = connection.query(sql).await?;
        let condition = Condition::parse("a = 'x'").map_err(|problem| anyhow::anyhow!("{problem}"))?;
        for name in names {
            let is_known = collations::ALL.contains(&name.as_str());
            let found = Filter::new(&condition, &collations::schema(&name)).is_ok();
            ensure!(found == is_known, "{name}: known {found}, tested {is_known}");
        }
        Ok(())
    })
    .await
}
