//! No stage grows with what it is given: one transaction of many rows, of which each stage holds a little at a time.
//!
//! Nor with the number of tables: many small ones, and one transaction that writes to each of them. A large row, which is
//! never divided, is in each stage's memory once; only where it is read from MySQL is it there twice.
//!
//! `make big ROWS=5000000` moves a larger transaction, `make many-tables TABLES=10000` more tables.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_e2e::{Role, Stages, TestResult, World, in_world};
use millrace_testkit::poll_until;
use mysql_async::prelude::Queryable;

/// What a process takes that is not data: code, connections, definitions.
const BESIDES: u64 = 32 << 20;

/// Longest time for the rows to arrive, beside a millisecond a row.
const PATIENCE: Duration = Duration::from_secs(120);

/// Moves one transaction of this many rows of about 150 bytes; each process stays within this many MiB.
async fn move_one_transaction(world: &World, rows: u64, memory: u64, roles: &[Role]) -> Result<()> {
    world.run_in_source("CREATE TABLE big (id INT PRIMARY KEY, a VARCHAR(200), b BIGINT)").await?;
    world.run_in_source("INSERT INTO big VALUES (0, 'loaded', 0)").await?;
    let keys = format!("memory = {memory}\nlog.partitions = 3");
    let task = match roles {
        [Role::Run] => world.task_file().without_kafka().with(&format!("memory = {memory}"))?,
        _ => world.task_file().with(&keys)?,
    };
    let mut stages = Stages::start(world, &task.write()?, roles)?;
    let destination = world.connect_postgres().await?;
    let query = format!("SELECT count(*)::bigint, sum(b)::bigint FROM \"{}\".big", world.name);
    // Rows of a transaction that the load reads are not seen at once: the load has to be over.
    poll_until(PATIENCE, "the load", async || {
        stages.ensure_running()?;
        Ok(destination.query_one(&query, &[]).await.is_ok_and(|row| row.get::<_, i64>(0) == 1))
    })
    .await?;
    let sql = format!(
        "SET SESSION cte_max_recursion_depth = {rows}; INSERT INTO big WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL \
         SELECT i + 1 FROM n WHERE i < {rows}) SELECT i, CONCAT(REPEAT('x', 130), i), i * 7 FROM n"
    );
    world.run_in_source(&sql).await?;
    let (sum, started) = (rows * (rows + 1) / 2 * 7, std::time::Instant::now());
    poll_until(PATIENCE + Duration::from_millis(rows), "all rows in the destination", async || {
        stages.ensure_running()?;
        let Ok(row) = destination.query_one(&query, &[]).await else { return Ok(false) };
        let (count, found): (i64, Option<i64>) = (row.get(0), row.get(1));
        let seen = count as u64 - 1;
        ensure!(seen == 0 || seen == rows, "{seen} of {rows} rows of one transaction are visible");
        Ok(found == Some(sum as i64))
    })
    .await?;
    let peaks = stages.peak_memory()?;
    let shown: Vec<String> = peaks.iter().map(|(role, bytes)| format!("{role:?} {} MiB", bytes >> 20)).collect();
    eprintln!("{rows} rows in {:.1} s: {}", started.elapsed().as_secs_f64(), shown.join(", "));
    let bound = (memory << 20) * if roles == [Role::Run] { 3 } else { 1 } + BESIDES;
    for (role, bytes) in peaks {
        ensure!(bytes <= bound, "{role:?} took {} MiB, more than {}: {shown:?}", bytes >> 20, bound >> 20);
    }
    stages.stop().await.context("at the end")
}

/// What a process may take for a row of 64 MB that is updated, in MiB. Whoever reads the binlog has the event, with the row
/// before and after, twice: as the packet and as what the driver makes of it, then as that and as rows.
fn most_for_large_row(role: Role) -> u64 {
    match role {
        Role::Capture | Role::Run => 416,
        Role::Transform | Role::Apply => 256,
    }
}

/// Loads a row of 64 MB, then changes it, which has it twice in the log.
async fn move_large_row(world: &World, roles: &[Role]) -> Result<()> {
    world
        .run_in_source(
            "CREATE TABLE large (id INT PRIMARY KEY, version INT, content LONGBLOB); \
             INSERT INTO large VALUES (1, 1, REPEAT(RANDOM_BYTES(1000), 64000))",
        )
        .await?;
    let task = if roles == [Role::Run] { world.task_file().without_kafka() } else { world.task_file() };
    let mut stages = Stages::start(world, &task.write()?, roles)?;
    wait_for_large_row(world, &mut stages).await.context("the load")?;
    world.run_in_source("UPDATE large SET version = 2, content = REVERSE(content) WHERE id = 1").await?;
    wait_for_large_row(world, &mut stages).await.context("the stream")?;
    let peaks = stages.peak_memory()?;
    let shown: Vec<String> = peaks.iter().map(|(role, bytes)| format!("{role:?} {} MiB", bytes >> 20)).collect();
    eprintln!("a row of 64 MB: {}", shown.join(", "));
    for (role, bytes) in peaks {
        let most = most_for_large_row(role);
        ensure!(bytes <= most << 20, "{role:?} took more than {most} MiB: {}", shown.join(", "));
    }
    stages.stop().await.context("at the end")
}

/// The destination has the source's large row: first its version, then what it holds, told by a hash.
async fn wait_for_large_row(world: &World, stages: &mut Stages) -> Result<()> {
    let mut source = world.connect_mysql().await?;
    let sql = world.fill("SELECT id, version, SHA2(content, 256) FROM `{database}`.large ORDER BY id");
    let expected: Vec<(i32, i32, String)> = source.query(sql).await?;
    source.disconnect().await?;
    let destination = world.connect_postgres().await?;
    let sql = world.fill("SELECT id, version FROM \"{database}\".large ORDER BY id");
    poll_until(PATIENCE, "the large row", async || {
        stages.ensure_running()?;
        let found = destination.query(&sql, &[]).await.unwrap_or_default();
        let found = found.iter().map(|row| (row.get::<_, i32>(0), row.get::<_, i32>(1)));
        Ok(found.eq(expected.iter().map(|(id, version, _)| (*id, *version))))
    })
    .await?;
    let sql = world.fill("SELECT id, version, encode(sha256(content), 'hex') FROM \"{database}\".large ORDER BY id");
    let found = destination.query(&sql, &[]).await?;
    let found: Vec<(i32, i32, String)> = found.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    ensure!(found == expected, "{found:?} instead of {expected:?}");
    Ok(())
}

/// Moves so many tables of three rows, then a transaction with a row for each; each process stays within this many MiB.
async fn move_many_tables(world: &World, tables: u64, memory: u64) -> Result<()> {
    let names = || (0..tables).map(|number| format!("t{number}"));
    let mut source = world.connect_mysql().await?;
    source.query_drop(world.fill("USE `{database}`")).await?;
    for name in names() {
        source.query_drop(format!("CREATE TABLE {name} (id INT PRIMARY KEY, v VARCHAR(20))")).await?;
        source.query_drop(format!("INSERT INTO {name} VALUES (1, 'one'), (2, 'two'), (3, 'three')")).await?;
    }
    let task = world.task_file().with(&format!("memory = {memory}\nlog.partitions = 3"))?.write()?;
    let started = std::time::Instant::now();
    let mut stages = Stages::start(world, &task, &Role::ALL)?;
    wait_for_rows_of_all(world, &mut stages, tables, 3).await?;
    let loaded = started.elapsed();
    source.query_drop("BEGIN").await?;
    for name in names() {
        source.query_drop(format!("INSERT INTO {name} VALUES (4, 'four')")).await?;
    }
    source.query_drop("COMMIT").await?;
    source.disconnect().await?;
    wait_for_rows_of_all(world, &mut stages, tables, 4).await?;
    let peaks = stages.peak_memory()?;
    let shown: Vec<String> = peaks.iter().map(|(role, bytes)| format!("{role:?} {} MiB", bytes >> 20)).collect();
    let (all, loaded) = (started.elapsed().as_secs_f64(), loaded.as_secs_f64());
    eprintln!("{tables} tables: loaded in {loaded:.1} s, all in {all:.1} s: {}", shown.join(", "));
    for (role, bytes) in peaks {
        ensure!(bytes <= (memory << 20) + BESIDES, "{role:?} took {} MiB: {shown:?}", bytes >> 20);
    }
    stages.stop().await.context("at the end")
}

/// All tables are there, each with this many rows.
async fn wait_for_rows_of_all(world: &World, stages: &mut Stages, tables: u64, rows: u64) -> Result<()> {
    let destination = world.connect_postgres().await?;
    let wait = PATIENCE + Duration::from_millis(100 * tables);
    // Tables that had all of them are not asked again.
    let mut next = 0;
    poll_until(wait, &format!("{rows} rows in each of {tables} tables"), async || {
        stages.ensure_running()?;
        while next < tables {
            let last = (next + 200).min(tables);
            let each = (next..last).map(|number| format!("SELECT count(*) AS n FROM \"{}\".t{number}", world.name));
            let counts = each.collect::<Vec<_>>().join(" UNION ALL ");
            let query = format!("SELECT count(*)::bigint FROM ({counts}) c WHERE n = {rows}");
            let Ok(row) = destination.query_one(&query, &[]).await else { return Ok(false) };
            if row.get::<_, i64>(0) as u64 != last - next {
                return Ok(false);
            }
            next = last;
        }
        Ok(true)
    })
    .await
}

#[test]
fn many_tables_stay_within_the_memory_of_the_task_file() -> TestResult {
    let asked = std::env::var("MILLRACE_MANY_TABLES").ok().and_then(|tables| tables.parse().ok());
    Ok(in_world("many_tables", async |world| move_many_tables(world, asked.unwrap_or(100), 64).await)?)
}

#[test]
fn one_large_transaction_stays_within_the_memory_of_the_task_file() -> TestResult {
    let asked = std::env::var("MILLRACE_BIG_ROWS").ok().and_then(|rows| rows.parse().ok());
    let (rows, memory) = asked.map_or((300_000, 64), |rows| (rows, 256));
    Ok(in_world("memory", async |world| move_one_transaction(world, rows, memory, &Role::ALL).await)?)
}

#[test]
fn one_large_transaction_stays_within_the_memory_of_one_process() -> TestResult {
    Ok(in_world("memory_run", async |world| move_one_transaction(world, 300_000, 64, &[Role::Run]).await)?)
}

#[test]
fn a_row_of_64_mb_takes_a_bounded_multiple_of_it() -> TestResult {
    Ok(in_world("large_rows_memory", async |world| move_large_row(world, &Role::ALL).await)?)
}

#[test]
fn a_row_of_64_mb_takes_a_bounded_multiple_of_it_in_one_process() -> TestResult {
    Ok(in_world("large_rows_run", async |world| move_large_row(world, &[Role::Run]).await)?)
}
