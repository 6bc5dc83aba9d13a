//! A source with `gtid_mode = OFF`: positions are files and offsets, the snapshot reads with short shared locks.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_e2e::{
    LIMIT, Printed, Role, Scope, Stages, TestResult, Way, World, Writers, in_world_at, poll_until_equal, run_case_at,
};
use millrace_testkit::{OwnServer, Random, Server, Servers};
use mysql_async::prelude::Queryable;

/// Connections that write.
const WRITERS: usize = 4;

/// One server after the other is what takes the time, so all of it is one test on one server.
#[test]
fn source_without_gtids() -> TestResult {
    let own = OwnServer::start(Server::Mysql, "--gtid-mode=OFF --enforce-gtid-consistency=OFF --max-binlog-size=64K")?;
    let servers = own.among_servers()?;
    for name in ["insert_update_delete", "table_without_key", "truncate"] {
        run_case_at(servers.clone(), name, Way::Staged)?;
    }
    run_case_at(servers.clone(), "big_transaction", Way::OneProcess)?;
    killed_while_binlogs_rotate(servers.clone()).context("killed while binlogs rotate")?;
    a_purged_binlog_is_named(servers.clone()).context("a purged binlog")?;
    a_reset_is_noticed(servers).context("a reset")?;
    Ok(())
}

/// Binlogs of 64 KiB: the writers alone make several.
fn killed_while_binlogs_rotate(servers: Servers) -> Result<()> {
    in_world_at(servers, "rotated", async |world| {
        let mut random = Random::of_test("killed_while_binlogs_rotate");
        let writers = Writers::start(world, &mut random, WRITERS).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        for _ in 0..6 {
            millrace_testkit::pace(Duration::from_millis(300 + random.below(1500))).await;
            stages.kill_and_restart(0)?;
        }
        writers.stop().await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        stages.stop().await
    })
}

/// Moves a table, stops in good order, lets `accident` happen, and gives what capture then says.
async fn after_accident(world: &World, accident: &str) -> Result<Printed> {
    world.run_in_source("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2);").await?;
    let task = world.task_file().write()?;
    let mut stages = Stages::start(world, &task, &Role::ALL)?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
    stages.stop().await?;
    world.run_in_source("INSERT INTO t VALUES (3)").await?;
    world.run_in_source(accident).await?;
    Stages::start(world, &task, &[Role::Capture])?.wait_for_failure(Role::Capture, LIMIT).await
}

async fn current_binlog(world: &World) -> Result<String> {
    let mut connection = world.connect_mysql().await?;
    let row: Option<mysql_async::Row> = connection.query_first("SHOW BINARY LOG STATUS").await?;
    connection.disconnect().await?;
    row.and_then(|row| row.get("File")).context("no binlog")
}

fn a_purged_binlog_is_named(servers: Servers) -> Result<()> {
    in_world_at(servers, "purged_file", async |world| {
        let file = current_binlog(world).await?;
        let printed =
            after_accident(world, "FLUSH BINARY LOGS; FLUSH BINARY LOGS; PURGE BINARY LOGS BEFORE '2100-01-01'")
                .await?;
        ensure!(printed.error.contains(&format!("the source has purged binlog {file}")), "{printed:?}");
        ensure!(printed.hint.contains("put the purged binlogs back"), "{printed:?}");
        Ok(())
    })
}

fn a_reset_is_noticed(servers: Servers) -> Result<()> {
    in_world_at(servers, "reset_binlog", async |world| {
        let file = current_binlog(world).await?;
        let printed = after_accident(world, "RESET BINARY LOGS AND GTIDS").await?;
        ensure!(printed.error.contains(&format!("no longer has binlog {file}")), "{printed:?}");
        ensure!(printed.hint.contains("start a new task under another name"), "{printed:?}");
        Ok(())
    })
}
