//! MariaDB as the source: its binlog, its snapshots, its types. Where MariaDB cannot be installed this says so instead.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_e2e::{
    LIMIT, Role, Scope, Stages, TestResult, Way, World, Writers, in_world_at, poll_until_equal, run_case_at,
    run_hidden_cascades,
};
use millrace_testkit::{OwnServer, Random, Server, Servers, built_binary};

/// Cases that have nothing of MySQL alone.
const CASES: [&str; 4] = ["insert_update_delete", "table_without_key", "composite_key", "truncate"];

/// Every type that MySQL and MariaDB share, and MariaDB's JSON, which is LONGTEXT.
const TYPES: &str = "
    CREATE TABLE kind (
      id BIGINT UNSIGNED PRIMARY KEY, a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT, d INT UNSIGNED, e BIGINT, f DECIMAL(30, 10),
      g FLOAT, h DOUBLE, i BIT(12), j DATE, k TIME(3), l DATETIME(6), m TIMESTAMP(6) NULL, n YEAR, o CHAR(5), p VARCHAR(50),
      q BINARY(4), r VARBINARY(20), s TEXT, t MEDIUMTEXT CHARACTER SET latin1, u BLOB, v ENUM('x', 'y'), w SET('p', 'q', 'r'),
      z JSON);
    INSERT INTO kind VALUES (1, -128, 65535, -8388608, 4294967295, -9223372036854775808, -1234567890.0123456789, 1.5, -2.25e100,
      b'101010101010', '2024-02-29', '-838:59:58.999', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999999', 2155, 'ab',
      'Zürich 😀', 'ab', 'abc', 'text', 'café', 'blob', 'y', 'p,r', '{\"a\": [1, null, \"ü\"]}');
    INSERT INTO kind (id) VALUES (2);";

/// Its own types (`n` has UUIDs of the versions 1 to 7): as keys, whose order the server has, with NULLs and defaults; texts are of any form that it takes. Addresses
/// of IPv6 are of words of which half are 0.
const OWN_TYPES: &str = "
    CREATE TABLE n (v INT PRIMARY KEY, u CHAR(32));
    INSERT INTO n SELECT seq, CONCAT(LEFT(MD5(seq), 12), HEX(1 + seq % 7), SUBSTR(MD5(seq), 14, 3), HEX(8 + seq % 4),
      SUBSTR(MD5(seq), 18)) FROM seq_1_to_2000;
    CREATE TABLE changes (id INT PRIMARY KEY, u CHAR(36), a VARCHAR(15), b VARCHAR(45));
    INSERT INTO changes VALUES (1, '550E8400-e29b-41d4-a716-446655440000', '10.0.0.1', '0:0::FFFF'), (2, NULL, NULL, NULL);
    CREATE TABLE by_uuid (id UUID PRIMARY KEY, a INET4, b INET6, c UUID DEFAULT '550E8400E29B41D4A716446655440000', v INT);
    CREATE TABLE by_inet4 (id INET4 PRIMARY KEY, a INET6 NOT NULL DEFAULT '0:0::1', v INT);
    CREATE TABLE by_inet6 (id INET6, more INET4, v INT, PRIMARY KEY (id, more));
    CREATE TABLE without_key (a UUID, b INET4, c INET6);
    INSERT INTO by_uuid (id, a, v) SELECT u, INET_NTOA(CRC32(v)), v FROM n WHERE v <= 700;
    INSERT INTO by_uuid (id) SELECT UUID() FROM seq_1_to_20;
    INSERT INTO by_inet4 SELECT INET_NTOA(CRC32(seq)), INET6_NTOA(UNHEX(MD5(seq))), seq FROM seq_1_to_700;
    INSERT INTO by_inet6 SELECT CONCAT_WS(':',
        HEX(IF(CRC32(CONCAT(seq, 'a')) % 2, 0, CRC32(seq + 1) % 65536)),
        HEX(IF(CRC32(CONCAT(seq, 'b')) % 2, 0, CRC32(seq + 2) % 65536)),
        HEX(IF(CRC32(CONCAT(seq, 'c')) % 2, 0, CRC32(seq + 3) % 65536)),
        HEX(IF(CRC32(CONCAT(seq, 'd')) % 2, 0, CRC32(seq + 4) % 65536)),
        HEX(IF(CRC32(CONCAT(seq, 'e')) % 2, 0, CRC32(seq + 5) % 65536)),
        HEX(IF(CRC32(CONCAT(seq, 'f')) % 2, 0, 65535)),
        HEX(IF(CRC32(CONCAT(seq, 'g')) % 2, 0, CRC32(seq + 7) % 65536)),
        HEX(IF(CRC32(CONCAT(seq, 'h')) % 2, 0, CRC32(seq + 8) % 65536))),
      INET_NTOA(seq), seq FROM seq_1_to_1500;
    INSERT INTO by_inet6 SELECT CONCAT('::', HEX(seq DIV 4), ':', HEX(seq % 4)), '32.32.32.32', seq FROM seq_1_to_30;
    INSERT INTO without_key VALUES (NULL, NULL, NULL), (NULL, NULL, NULL), (UUID(), '0.0.0.0', '::ffff:1.2.3.4'), (UUID(), '1.0.0.0', '1::'),
      ('FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', '255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'),
      ('00000000-0000-0000-0000-000000000000', '0.0.0.32', '::'), ('00000000-0000-1000-8000-000000000000', '1.2.0.0', '64:ff9b::1.2.3.4');";

/// Changes of each value and of keys, by the binlog; a table that comes and one that changes its shape.
const OWN_CHANGES: &str = "
    UPDATE by_uuid SET id = (SELECT u FROM n WHERE n.v = by_uuid.v + 1000), a = NULL, b = '0:1::', c = id WHERE v % 3 = 0;
    DELETE FROM by_uuid WHERE v % 3 = 1;
    UPDATE by_inet4 SET id = INET_NTOA(CRC32(v) ^ 1), a = '::ffff:0:0' WHERE v % 3 = 0;
    DELETE FROM by_inet4 WHERE v % 3 = 1;
    INSERT INTO by_inet6 SELECT id, INET_NTOA(v + 5000), v FROM by_inet6;
    DELETE FROM by_inet6 WHERE v % 3 = 1;
    DELETE FROM without_key LIMIT 1;
    INSERT INTO without_key SELECT id, a, b FROM by_uuid;
    CREATE TABLE later (id UUID PRIMARY KEY DEFAULT UUID(), a INET4 DEFAULT '10.0.0.1', b INET6 DEFAULT '0:0::2');
    INSERT INTO later (a) VALUES ('1.2.3.4'), (NULL);
    ALTER TABLE by_inet4 ADD COLUMN u UUID DEFAULT '550e8400-e29b-41d4-a716-446655440001', ADD COLUMN n INET6 NOT NULL DEFAULT '::';
    UPDATE by_inet4 SET u = (SELECT u FROM n WHERE n.v = by_inet4.v), n = a WHERE v % 5 = 0;
    ALTER TABLE changes MODIFY u UUID, MODIFY a INET4, MODIFY b INET6;
    INSERT INTO changes VALUES (3, '550e8400-e29b-41d4-a716-446655440003', '10.0.0.3', '::3');";

/// Texts again.
const OWN_TYPES_GONE: &str = "
    ALTER TABLE changes MODIFY u VARCHAR(40), MODIFY a TEXT, MODIFY b VARCHAR(50);
    UPDATE changes SET u = 'any' WHERE id = 3;";

#[test]
fn source_is_maria_db() -> TestResult {
    // Without names of hosts the nameless accounts that MariaDB comes with stand before nobody else.
    let own = match OwnServer::start(Server::MariaDb, "--max-binlog-size=64K --skip-name-resolve") {
        Ok(own) => own,
        Err(error) => return Ok(skip(&format!("{error:#}"))?),
    };
    let servers = own.among_servers()?;
    for name in CASES {
        run_case_at(servers.clone(), name, Way::Staged)?;
    }
    run_case_at(servers.clone(), "big_transaction", Way::OneProcess)?;
    types_arrive(servers.clone()).context("types")?;
    own_types_arrive(servers.clone()).context("MariaDB's own types")?;
    compressed_columns_are_refused(servers.clone()).context("compressed columns")?;
    definitions_move(servers.clone()).context("definitions")?;
    killed_while_binlogs_rotate(servers.clone()).context("killed while binlogs rotate")?;
    distributed_transactions(servers.clone()).context("distributed transactions")?;
    run_hidden_cascades(servers.clone()).context("cascades that are not logged")?;
    a_replica_that_does_not_log_is_refused(servers).context("a replica")?;
    Ok(())
}

/// On standard error itself, which is shown for tests that pass, too.
fn skip(reason: &str) -> Result<()> {
    writeln!(std::io::stderr(), "SKIPPED source_is_maria_db: {reason}")?;
    Ok(())
}

fn types_arrive(servers: Servers) -> Result<()> {
    in_world_at(servers, "maria_types", async |world| {
        world.run_in_source(TYPES).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("snapshot")?;
        // The same values by the binlog.
        world.run_in_source("CREATE TEMPORARY TABLE c AS SELECT * FROM kind; UPDATE c SET id = id + 10; INSERT INTO kind SELECT * FROM c; \
                             UPDATE kind SET p = NULL, a = 3 WHERE id = 1; DELETE FROM kind WHERE id = 2").await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("binlog")?;
        stages.stop().await
    })
}

/// Read in chunks by keys of these types, then changed.
fn own_types_arrive(servers: Servers) -> Result<()> {
    in_world_at(servers, "maria_own_types", async |world| {
        world.run_in_source(OWN_TYPES).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("snapshot")?;
        world.run_in_source(OWN_CHANGES).await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("binlog")?;
        world.run_in_source(OWN_TYPES_GONE).await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("texts again")?;
        stages.stop().await?;
        let types = "SELECT string_agg(format_type(atttypid, atttypmod), ' ' ORDER BY attnum) FROM pg_attribute \
                     WHERE attrelid = '\"{database}\".without_key'::regclass AND attnum > 0";
        let row = world.connect_postgres().await?.query_one(&world.fill(types), &[]).await?;
        ensure!(row.get::<_, String>(0) == "uuid inet text", "other types: {}", row.get::<_, String>(0));
        Ok(())
    })
}

/// Before the start, and where a statement brings one.
fn compressed_columns_are_refused(servers: Servers) -> Result<()> {
    in_world_at(servers.clone(), "maria_compressed", async |world| {
        world
            .run_in_source(
                "CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE t (id INT PRIMARY KEY, c TEXT COMPRESSED)",
            )
            .await?;
        let task = world.task_file().write()?;
        let printed = Stages::start(world, &task, &[Role::Capture])?.wait_for_failure(Role::Capture, LIMIT).await?;
        let named =
            world.fill("table \"{database}.t\", column \"c\": type \"text /*M!100301 COMPRESSED*/\" is not supported");
        ensure!(printed.error.contains(&named), "{}", printed.error);
        ensure!(printed.hint.contains("without COMPRESSED"), "{}", printed.hint);
        world.ensure_destination_is_empty().await
    })?;
    in_world_at(servers, "maria_compressed_later", async |world| {
        world.run_in_source("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)").await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        world.run_in_source("ALTER TABLE t ADD COLUMN c VARCHAR(100) COMPRESSED").await?;
        let printed = stages.wait_for_failure(Role::Capture, LIMIT).await?;
        ensure!(printed.error.contains("column \"c\": type \"compressed\" is not supported"), "{}", printed.error);
        Ok(())
    })
}

/// Its catalog has words of its own for defaults and CHECK constraints.
fn definitions_move(servers: Servers) -> Result<()> {
    const TABLE: &str = "CREATE TABLE defined (id INT PRIMARY KEY, note VARCHAR(9) DEFAULT CONCAT('a', 'b'), day DATE DEFAULT CURDATE(), \
        at DATETIME(3) DEFAULT (NOW(3)), product INT DEFAULT (2 * 3), flags BIT(4) DEFAULT b'101', amount INT, \
        CONSTRAINT in_range CHECK (amount > -1 AND (product IS NULL OR amount < 100)), CONSTRAINT texts CHECK (note <> 'x'))";
    in_world_at(servers, "maria_definitions", async |world| {
        world.run_in_source(TABLE).await?;
        world.run_in_source("INSERT INTO defined (id, amount) VALUES (1, 99)").await?;
        let task = world.task_file().write()?;
        let plan = Command::new(built_binary("millrace")?).arg("plan").arg(&task).arg("--sql").output()?;
        let sql = String::from_utf8(plan.stdout)?;
        let check = "ADD CONSTRAINT \"in_range\" CHECK (((\"amount\" > (-1)) AND ((\"product\" IS NULL) OR (\"amount\" < 100)))) NOT VALID;";
        ensure!(sql.contains(check) && !sql.contains("texts"), "{sql}");
        let mut stages = Stages::start(world, &task, &Role::ALL)?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        stages.stop().await?;
        let query = "SELECT attname || ' ' || pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute \
                     ON attrelid = adrelid AND attnum = adnum WHERE adrelid = $1::text::regclass ORDER BY attnum";
        let name = format!("{}.defined", world.name);
        let rows = world.connect_postgres().await?.query(query, &[&name]).await?;
        let found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        ensure!(
            found == ["day CURRENT_DATE", "at CURRENT_TIMESTAMP(3)", "product 6", "flags '0101'::bit(4)"],
            "{found:?}"
        );
        Ok(())
    })
}

/// Binlogs of 64 KiB: the writers alone make several.
fn killed_while_binlogs_rotate(servers: Servers) -> Result<()> {
    in_world_at(servers, "maria_rotated", async |world| {
        let mut random = Random::of_test("maria_rotated");
        let writers = Writers::start(world, &mut random, 4).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        for _ in 0..5 {
            millrace_testkit::pace(Duration::from_millis(300 + random.below(1500))).await;
            stages.kill_and_restart(0)?;
        }
        writers.stop().await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        stages.stop().await
    })
}

fn distributed_transactions(servers: Servers) -> Result<()> {
    in_world_at(servers, "maria_xa", async |world| {
        world
            .run_in_source("CREATE TABLE t (id INT PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'x')")
            .await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        mark(world, &mut stages, 101).await?;
        world
            .run_in_source(
                "XA START 'a', 'b', 7; UPDATE t SET v = 'a' WHERE id = 1; XA END 'a', 'b', 7; XA PREPARE 'a', 'b', 7",
            )
            .await?;
        world.run_in_source("XA START 'c'; DELETE FROM t WHERE id = 2; XA END 'c'; XA PREPARE 'c'").await?;
        mark(world, &mut stages, 102).await?;
        stages.kill_and_restart(0)?;
        mark(world, &mut stages, 103).await?;
        world.run_in_source("XA ROLLBACK 'c'; XA COMMIT 'a', 'b', 7").await?;
        world.run_in_source("XA START 'd'; INSERT INTO t VALUES (3, 'd'); XA END 'd'; XA COMMIT 'd' ONE PHASE").await?;
        mark(world, &mut stages, 104).await?;
        stages.stop().await
    })
}

/// MariaDB does not log what it replicates unless told to. A connection to another server counts, started or not.
fn a_replica_that_does_not_log_is_refused(servers: Servers) -> Result<()> {
    in_world_at(servers, "maria_replica", async |world| {
        world.run_in_source("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)").await?;
        world.run_in_source("CHANGE MASTER 'other' TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1").await?;
        let task = world.task_file().write()?;
        let mut stages = Stages::start(world, &task, &[Role::Capture])?;
        let printed = stages.wait_for_failure(Role::Capture, LIMIT).await?;
        ensure!(printed.error.contains("log_slave_updates = OFF"), "{printed:?}");
        ensure!(printed.error.contains("(replicated_changes_logged)"), "{printed:?}");
        world.run_in_source("RESET SLAVE 'other' ALL").await
    })
}

/// A row that arrives shows that everything before it in the binlog was read.
async fn mark(world: &World, stages: &mut Stages, row: i32) -> Result<()> {
    world.run_in_source(&format!("INSERT INTO t VALUES ({row}, 'mark')")).await?;
    poll_until_equal(world, stages, &Scope::default(), LIMIT).await.with_context(|| format!("mark {row}"))
}
