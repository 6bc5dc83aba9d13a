//! CHECK constraints: the statements that `millrace plan` gives refuse the same rows as the source.

use anyhow::Result;
use mysql_async::prelude::Queryable;
use serde_json::Value;

use crate::world::{World, millrace};

/// Columns, the values that each has (a row for every choice of one of each), and conditions, of a table of its own each.
struct Lot {
    columns: &'static str,
    values: &'static [&'static [&'static str]],
    conditions: &'static [&'static str],
}

const NUMBERS: Lot = Lot {
    columns: "a INT, b BIGINT UNSIGNED, c DECIMAL(6, 2), f DOUBLE",
    values: &[
        &["NULL", "-1", "0", "1", "2147483647"],
        &["NULL", "0", "1", "18446744073709551615"],
        &["NULL", "-0.01", "0.5", "1", "99.99"],
        &["NULL", "-1", "0.1", "1.5"],
    ],
    conditions: &[
        "a > 0",
        "a BETWEEN 1 AND b",
        "a NOT BETWEEN -1 AND 1.5",
        "a IN (1, -1, NULL)",
        "a NOT IN (1, 2)",
        "b IS NULL OR b <> a",
        "a = 1 XOR b = 1",
        "NOT (a = 1) AND NOT b = 0",
        "a <=> b",
        "a OR b",
        "NOT a",
        "(a > 0) IS NOT TRUE",
        "(a > 0) IS UNKNOWN OR c IS NOT NULL",
        "c >= 0.5",
        "c < a",
        "c BETWEEN a AND b",
        "f < 1.5",
        "f IN (1, 0.1)",
        "f IS NOT NULL AND f <> -1",
        "b > -1 AND c <= 99.99",
    ],
};

const DATES: Lot = Lot {
    columns: "d DATE, l DATE, e DATETIME(3), s TIMESTAMP NULL, z TIMESTAMP NULL, k TIME, m TIME",
    values: &[
        &["NULL", "'1999-12-31'", "'2000-01-31'", "'2024-02-29'"],
        &["NULL", "'2000-01-31'", "'0001-01-01'"],
        &["NULL", "'2000-01-31 00:00:00'", "'2000-01-31 00:00:00.001'", "'1999-12-31 23:59:59.999'"],
        &["NULL", "'2000-01-31 10:00:00'"],
        &["'2000-01-31 10:00:00'", "'2000-01-31 10:00:01'"],
        &["NULL", "'-10:00:00'", "'100:00:00'"],
        &["'08:30:00'"],
    ],
    conditions: &[
        "d > '2000-01-01'",
        "d <> l",
        "d <= e",
        "e < d OR e = l",
        "NOT (d < l)",
        "d BETWEEN '1999-12-31' AND '2000-01-31'",
        "d NOT BETWEEN l AND '2000-01-31'",
        "d IN ('1999-12-31', '2024-02-29', NULL)",
        "d NOT IN (l)",
        "e > DATE '2000-01-31'",
        "e >= '2000-01-31'",
        "e = '2000-01-31 00:00:00.001'",
        "e BETWEEN '2000-01-31' AND '2000-01-31 00:00:00.0005'",
        "e IN ('2000-01-31 00:00:00.001', '1999-12-31 23:59:59.999')",
        "s < z",
        "s = z XOR d = l",
        "k < m",
        "k <=> m OR k IS NULL",
    ],
};

impl Lot {
    fn rows(&self) -> Vec<String> {
        let mut rows = vec![String::new()];
        for values in self.values {
            rows = rows.iter().flat_map(|row| values.iter().map(move |value| format!("{row}, {value}"))).collect();
        }
        rows.iter().enumerate().map(|(id, row)| format!("({id}{row})")).collect()
    }

    /// Makes a table for each condition; rows that it does not hold for are left out.
    fn in_source(&self, prefix: &str) -> String {
        let rows = self.rows().join(", ");
        let make = |(number, condition): (usize, &&str)| {
            let (table, columns) = (format!("{prefix}{number}"), self.columns);
            format!(
                "CREATE TABLE {table} (id INT PRIMARY KEY, {columns}, CONSTRAINT holds_{table} CHECK ({condition})); \
                 INSERT IGNORE INTO {table} VALUES {rows};"
            )
        };
        self.conditions.iter().enumerate().map(make).collect()
    }

    /// Inserts every row that no constraint refuses.
    fn in_destination(&self, table: &str) -> String {
        let rows: Vec<String> = self.rows().iter().map(|row| format!("'{}'", row.replace('\'', "''"))).collect();
        format!(
            "DO $$ DECLARE one text; BEGIN FOREACH one IN ARRAY ARRAY[{}] LOOP \
             BEGIN EXECUTE 'INSERT INTO {table} VALUES ' || one; EXCEPTION WHEN check_violation THEN NULL; END; \
             END LOOP; END $$",
            rows.join(", ")
        )
    }
}

fn table<'v>(plan: &'v Value, name: &str) -> &'v Value {
    plan["tables"].as_array().unwrap().iter().find(|table| table["source"] == name).unwrap()
}

#[tokio::test]
async fn constraints_made_at_cut_over_refuse_what_the_source_refuses() -> Result<()> {
    let world = World::new("checks").await?;
    let name = &world.name;
    let lots = [("numbers", NUMBERS), ("dates", DATES)];
    let of_lots: String = lots.iter().map(|(prefix, lot)| lot.in_source(prefix)).collect();
    let others = "CREATE TABLE others (id INT PRIMARY KEY, s VARCHAR(9), CONSTRAINT texts CHECK (s <> 'x'), \
                  CONSTRAINT computes CHECK (id + 1 > 0), CONSTRAINT is_loose CHECK (id > 0) NOT ENFORCED);";
    world.mysql(&format!("USE {name}; {of_lots} {others}")).await?;

    let task = world.task_that_stops_at_zero_dates()?;
    let ended = millrace(&["plan", &task, "--json"])?;
    assert_eq!(ended.code, 0, "{ended:?}");
    let plan = ended.json();
    let sql = millrace(&["plan", &task, "--sql"])?.out;
    world.postgres(&sql).await?;
    let client = world.servers.connect_postgres().await?;
    let mut source = world.servers.connect_mysql().await?;
    for (prefix, lot) in &lots {
        for (number, condition) in lot.conditions.iter().enumerate() {
            let place = format!("{name}.{prefix}{number}");
            let planned = table(&plan, &place);
            let statements = planned["statements_at_cut_over"].as_array().unwrap();
            assert_eq!(statements.len(), 2, "{condition}: {planned:#}");
            for statement in statements.iter().map(|statement| statement.as_str().unwrap()) {
                assert!(sql.contains(&format!("-- {statement};")), "{sql}");
                client.batch_execute(statement).await?;
            }
            client.batch_execute(&lot.in_destination(&place)).await?;
            let query = format!("SELECT id FROM {place} ORDER BY id");
            let accepted: Vec<i32> = source.query(&query).await?;
            let found: Vec<i32> = client.query(&query, &[]).await?.iter().map(|row| row.get(0)).collect();
            assert!(!accepted.is_empty() && accepted == found, "{condition}: {accepted:?}, and here {found:?}");
        }
    }

    let others = table(&plan, &format!("{name}.others"));
    assert_eq!(others["statements_at_cut_over"], serde_json::json!([]));
    let left_out = others["left_out"].as_array().unwrap();
    let whats: Vec<&str> = left_out.iter().map(|left| left["what"].as_str().unwrap()).collect();
    assert_eq!(whats, ["check \"computes\"", "check \"is_loose\"", "check \"texts\""]);
    let text = millrace(&["plan", &task])?.out;
    assert!(
        text.contains("at cut-over: ALTER TABLE")
            && text.contains("check \"is_loose\": the source does not enforce it"),
        "{text}"
    );
    world.remove().await
}
