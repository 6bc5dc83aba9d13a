//! Settings of the task file whose effect can be seen at the source alone.

use anyhow::{Context, Result, ensure};
use millrace_e2e::{LIMIT, Role, Stages, TestResult, World, in_world};
use mysql_async::prelude::Queryable;

/// Tables that as many readers can read at once; a reader connects when it has something to read.
const TABLES: &str = "CREATE TABLE t1 (id INT PRIMARY KEY); CREATE TABLE t2 LIKE t1; CREATE TABLE t3 LIKE t1;
    CREATE TABLE t4 LIKE t1; CREATE TABLE t5 LIKE t1;";

/// A table of 300 rows.
const TABLE: &str = "CREATE TABLE t (id INT PRIMARY KEY);
    INSERT INTO t WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 300) SELECT id FROM n;";

/// Loads the world's database in one process as a task of this name with these keys, until it is complete.
async fn load(world: &World, source: &str, name: &str, keys: &str) -> Result<()> {
    world.run_in_destination("DROP SCHEMA IF EXISTS \"{database}\" CASCADE").await?;
    let keys = format!("name = \"{name}\"\nphases = [\"schema\", \"full\"]\n{keys}");
    let task = world.task_file().with(&keys)?.with_source(source)?.without_kafka().write()?;
    Stages::start(world, &task, &[Role::Run])?.wait_for_success(LIMIT).await
}

/// How often an account has connected.
async fn connections_of(world: &World, source: &str) -> Result<u64> {
    let user = source.strip_prefix("mysql://").and_then(|rest| rest.split(':').next()).context("no user")?;
    let sql =
        "SELECT CAST(IFNULL(SUM(total_connections), 0) AS UNSIGNED) FROM performance_schema.accounts WHERE user = ?";
    let found = world.connect_mysql().await?.exec_first(sql, (user,)).await?;
    found.context("the server does not count connections")
}

/// How often rows of the world's table `t` were read in the order of its key, as chunks are.
async fn reads_of(world: &World) -> Result<u64> {
    let sql = "SELECT CAST(IFNULL(SUM(count_star), 0) AS UNSIGNED) \
               FROM performance_schema.events_statements_summary_by_digest WHERE digest_text LIKE ?";
    let read = format!("EXECUTE SELECT `id` FROM `{}` . `t` %ORDER BY `id` LIMIT ?", world.name);
    let found = world.connect_mysql().await?.exec_first(sql, (read,)).await?;
    found.context("the server does not count statements")
}

#[test]
fn as_many_readers_connect_as_the_task_file_says() -> TestResult {
    Ok(in_world("readers", async |world| {
        world.run_in_source(TABLES).await?;
        let source = world.create_account(&["SELECT ON *.*".to_owned()]).await?;
        let mut connections = Vec::new();
        for readers in [1, 5] {
            let before = connections_of(world, &source).await?;
            load(world, &source, &format!("readers-{readers}"), &format!("full.readers = {readers}")).await?;
            connections.push(connections_of(world, &source).await? - before);
        }
        ensure!(connections[1] == connections[0] + 4, "1 and 5 readers: {connections:?} connections");
        Ok(())
    })?)
}

#[test]
fn as_many_rows_are_read_at_once_as_chunk_rows_says() -> TestResult {
    Ok(in_world("chunk_rows", async |world| {
        world.run_in_source(TABLE).await?;
        let mut reads = Vec::new();
        // What the server has counted of other statements may have left no place for these.
        let mut administrator = world.connect_mysql().await?;
        for rows in [100, 1000] {
            administrator.query_drop("TRUNCATE performance_schema.events_statements_summary_by_digest").await?;
            let before = reads_of(world).await?;
            load(world, &world.servers.mysql, &format!("chunks-{rows}"), &format!("full.chunk_rows = {rows}")).await?;
            reads.push(reads_of(world).await? - before);
        }
        ensure!((3..=4).contains(&reads[0]) && (1..=2).contains(&reads[1]), "chunks of 100 and 1000: {reads:?} reads");
        Ok(())
    })?)
}
