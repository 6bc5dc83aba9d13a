//! MariaDB as the source: its binlog, its snapshots, its types. Where MariaDB cannot be installed this says so instead.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_e2e::{
    LIMIT, Role, Scope, Stages, TestResult, Way, World, Writers, in_world_at, poll_until_equal, run_case_at,
};
use millrace_testkit::{OwnServer, Random, Server, Servers};

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

#[test]
fn source_is_maria_db() -> TestResult {
    let own = match OwnServer::start(Server::MariaDb, "--max-binlog-size=64K") {
        Ok(own) => own,
        Err(error) => return Ok(skip(&format!("{error:#}"))?),
    };
    let servers = own.among_servers()?;
    for name in CASES {
        run_case_at(servers.clone(), name, Way::Staged)?;
    }
    run_case_at(servers.clone(), "big_transaction", Way::OneProcess)?;
    types_arrive(servers.clone()).context("types")?;
    killed_while_binlogs_rotate(servers.clone()).context("killed while binlogs rotate")?;
    distributed_transactions(servers.clone()).context("distributed transactions")?;
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
