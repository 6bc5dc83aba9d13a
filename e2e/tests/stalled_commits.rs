//! The seam of snapshot and stream under its worst case: a transaction that is in the binlog, and so before the task's
//! first position or already streamed, while no read sees it. Semi-sync AFTER_SYNC without a replica brings that about
//! for as long as the test wants. Binlog and storage engine commit in different orders, too.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TestResult, World, in_world_at, poll_until_equal};
use millrace_testkit::{OwnServer, Server, poll_until};
use mysql_async::prelude::Queryable;

const TABLES: &str = "
    CREATE TABLE changed (id INT PRIMARY KEY, v VARCHAR(10));
    CREATE TABLE free (id INT PRIMARY KEY);
    CREATE TABLE keyless (v VARCHAR(10));
    INSERT INTO changed VALUES (1, 'old'), (2, 'old'), (3, 'old');
    INSERT INTO free VALUES (1), (2);
    INSERT INTO keyless VALUES ('old'), ('old');
    INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so';
    SET GLOBAL rpl_semi_sync_source_wait_no_replica = ON;
    SET GLOBAL rpl_semi_sync_source_timeout = 600000;
    SET GLOBAL rpl_semi_sync_source_enabled = ON;";

#[test]
fn stalled_commit_with_gtids() -> TestResult {
    // Every table waits: the stalled transaction is streamed, and no reading of the executed set has it.
    Ok(stalled_commit("stalled_gtids", "--binlog-order-commits=OFF", 0)?)
}

#[test]
fn stalled_commit_without_gtids() -> TestResult {
    let options = "--binlog-order-commits=OFF --gtid-mode=OFF --enforce-gtid-consistency=OFF";
    // Only what it locks waits.
    Ok(stalled_commit("stalled_places", options, 2)?)
}

/// `free` is how many rows of the untouched table arrive while the commit stalls.
fn stalled_commit(name: &str, options: &str, free: usize) -> Result<()> {
    let own = OwnServer::start(Server::Mysql, options)?;
    in_world_at(own.among_servers()?, name, async |world| {
        world.run_in_source(TABLES).await?;
        let mut writer = world.connect_mysql().await?;
        let stalled = tokio::spawn(async move {
            writer.query_drop("BEGIN").await?;
            writer.query_drop("UPDATE changed SET v = 'new' WHERE id = 1").await?;
            writer.query_drop("DELETE FROM changed WHERE id = 2").await?;
            writer.query_drop("INSERT INTO changed VALUES (4, 'new')").await?;
            writer.query_drop("UPDATE keyless SET v = 'new' LIMIT 1").await?;
            writer.query_drop("COMMIT").await?;
            writer.disconnect().await
        });
        wait_until_logged(world, 1).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        wait_for_rows(world, &mut stages, "free", free).await?;
        // A snapshot that does not wait for the commit would have read the other tables by then.
        millrace_testkit::pace(Duration::from_secs(2)).await;
        ensure!(!stalled.is_finished(), "the commit did not wait");
        world.run_in_source("SET GLOBAL rpl_semi_sync_source_enabled = OFF").await?;
        stalled.await??;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        stages.stop().await
    })
}

/// A table is many chunks, and a window holds the keys of about 10,000 rows.
const NARROW: &str = "memory = 64\nfull.chunk_rows = 500";

const LARGE: &str = "
    CREATE TABLE large (id INT PRIMARY KEY, v INT NOT NULL);
    SET SESSION cte_max_recursion_depth = 200000;
    INSERT INTO large WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 120000) SELECT i, 0 FROM n;";

/// Transactions that change so many rows of it each; the last of them is not streamed before a window is open.
const WRITERS: u64 = 5;
const ROWS_EACH: u64 = 20_000;

#[test]
fn large_transactions_do_not_fill_the_windows() -> TestResult {
    let own = OwnServer::start(Server::Mysql, "--binlog-order-commits=OFF")?;
    Ok(in_world_at(own.among_servers()?, "stalled_large", async |world| {
        world.run_in_source(LARGE).await?;
        let mut writers = Vec::new();
        for number in 0..WRITERS {
            let mut writer = world.connect_mysql().await?;
            let (after, through) = (number * ROWS_EACH, (number + 1) * ROWS_EACH);
            writer.query_drop("BEGIN").await?;
            let update = format!("UPDATE large SET v = 1 WHERE id > {after} AND id <= {through}");
            writer.query_drop(update).await?;
            writers.push(writer);
        }
        world.run_in_source(TABLES).await?;
        let mut small = world.connect_mysql().await?;
        let mut commits = vec![tokio::spawn(async move {
            small.query_drop("UPDATE changed SET v = 'new' WHERE id = 1").await?;
            small.disconnect().await
        })];
        wait_until_logged(world, 1).await?;
        // Once the small one is streamed, windows open and wait until it is visible; the large ones come into them.
        let mut stages = Stages::start(world, &world.task_file().with(NARROW)?.write()?, &Role::ALL)?;
        wait_until_followed(world, &mut stages).await?;
        for mut writer in writers {
            commits.push(tokio::spawn(async move {
                writer.query_drop("COMMIT").await?;
                writer.disconnect().await
            }));
            wait_until_logged(world, commits.len() as u64).await?;
            millrace_testkit::pace(Duration::from_millis(500)).await;
        }
        poll_until(LIMIT, "a window holds all that it may", async || {
            stages.ensure_running()?;
            Ok(stages.output(Role::Capture)?.contains("smaller chunks"))
        })
        .await?;
        world.run_in_source("SET GLOBAL rpl_semi_sync_source_enabled = OFF").await?;
        for commit in commits {
            commit.await??;
        }
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        stages.stop().await
    })?)
}

/// The source sends its binlog to the task.
async fn wait_until_followed(world: &World, stages: &mut Stages) -> Result<()> {
    let mut connection = world.connect_mysql().await?;
    let sql = "SELECT COUNT(*) FROM performance_schema.processlist WHERE command LIKE 'Binlog Dump%'";
    poll_until(LIMIT, "the binlog is followed", async || {
        stages.ensure_running()?;
        let followers: Option<u64> = connection.query_first(sql).await?;
        Ok(followers.context("no count")? > 0)
    })
    .await
}

/// So many commits wait for a replica once they are in the binlog.
async fn wait_until_logged(world: &World, commits: u64) -> Result<()> {
    let mut connection = world.connect_mysql().await?;
    let sql = "SELECT COUNT(*) FROM performance_schema.processlist WHERE state LIKE 'Waiting for semi-sync%'";
    poll_until(LIMIT, "the commit waits for a replica", async || {
        let waiting: Option<u64> = connection.query_first(sql).await?;
        Ok(waiting.context("no count")? >= commits)
    })
    .await
}

async fn wait_for_rows(world: &World, stages: &mut Stages, table: &str, count: usize) -> Result<()> {
    let destination = world.connect_postgres().await?;
    let sql = format!("SELECT FROM \"{}\".{table}", world.name);
    poll_until(LIMIT, "rows of a table in the destination", async || {
        stages.ensure_running()?;
        Ok(destination.query(&sql, &[]).await.is_ok_and(|rows| rows.len() >= count))
    })
    .await
}
