//! A task that has gone through very many schema changes starts again as any other: its stages keep nothing themselves, and
//! read what they need from the log and the destination.
//!
//! `make many-changes CHANGES=2000` makes more of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TestResult, World, in_world, poll_until_equal};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

/// MiB that each stage may take for data.
const MEMORY: u64 = 64;

/// What a process takes that is not data: code, connections, definitions.
const BESIDES: u64 = 32 << 20;

/// Beside [`LIMIT`], for each change that is yet to be carried out.
const PER_CHANGE: Duration = Duration::from_millis(300);

/// The change of this number; ten of them leave the table with the columns that it had.
fn change(number: u64) -> String {
    let tens = number / 10;
    let action = match number % 10 {
        0 => format!("ADD COLUMN c{tens} INT NOT NULL DEFAULT {tens}"),
        1 => format!("MODIFY c{tens} BIGINT NOT NULL DEFAULT {tens}"),
        2 => format!("RENAME COLUMN c{tens} TO d{tens}"),
        3 => format!("ADD INDEX i{tens} (a)"),
        4 => format!("COMMENT = 'after {number}'"),
        5 => format!("ADD COLUMN e VARCHAR(20) DEFAULT 'e{tens}' AFTER id"),
        6 => format!("DROP INDEX i{tens}"),
        7 => format!("ALTER a SET DEFAULT {tens}"),
        8 => format!("DROP COLUMN d{tens}"),
        _ => "DROP COLUMN e".to_owned(),
    };
    format!("ALTER TABLE t {action}")
}

async fn make_changes(source: &mut Conn, numbers: std::ops::Range<u64>) -> Result<()> {
    for number in numbers {
        let sql = change(number);
        source.query_drop(&sql).await.context(sql)?;
        source.query_drop(format!("INSERT INTO t (a) VALUES ({number})")).await?;
        source.query_drop(format!("UPDATE t SET a = -a WHERE id % 50 = {}", number % 50)).await?;
    }
    Ok(())
}

fn ensure_memory_is_bounded(stages: &Stages) -> Result<String> {
    let peaks = stages.peak_memory()?;
    let shown: Vec<String> = peaks.iter().map(|(role, bytes)| format!("{role:?} {} MiB", bytes >> 20)).collect();
    let shown = shown.join(", ");
    ensure!(peaks.iter().all(|(_, bytes)| *bytes <= (MEMORY << 20) + BESIDES), "too much: {shown}");
    Ok(shown)
}

async fn all_start_again(world: &World, stages: &mut Stages, limit: Duration) -> Result<Duration> {
    for process in 0..Role::ALL.len() {
        stages.kill(process)?;
    }
    world.run_in_source("INSERT INTO t (a) VALUES (-1)").await?;
    let started = Instant::now();
    stages.restart_ended().await?;
    poll_until_equal(world, stages, &Scope::default(), limit).await?;
    Ok(started.elapsed())
}

async fn recover(world: &World, changes: u64) -> Result<()> {
    world
        .run_in_source(
            "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b INT DEFAULT 7); INSERT INTO t (a) VALUES (1), (2), (3)",
        )
        .await?;
    let task = world.task_file().with(&format!("memory = {MEMORY}"))?.write()?;
    let mut stages = Stages::start(world, &task, &Role::ALL)?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("at the start")?;
    // Transform and apply find all changes in the log; capture half of them in its own state, and half in the binlog.
    stages.kill(1)?;
    stages.kill(2)?;
    let mut source = world.connect_mysql().await?;
    make_changes(&mut source, 0..changes / 2).await?;
    stages.kill_and_restart(0)?;
    make_changes(&mut source, changes / 2..changes).await?;
    source.disconnect().await?;
    let limit = LIMIT + PER_CHANGE * u32::try_from(changes)?;
    let behind = all_start_again(world, &mut stages, limit).await.context("with all changes before them")?;
    let first = ensure_memory_is_bounded(&stages)?;
    let ready = all_start_again(world, &mut stages, LIMIT).await.context("with all changes behind them")?;
    let second = ensure_memory_is_bounded(&stages)?;
    let (behind, ready) = (behind.as_secs_f64(), ready.as_secs_f64());
    eprintln!(
        "{changes} changes carried out in {behind:.1} s: {first}; started again after them in {ready:.1} s: {second}"
    );
    stages.stop().await
}

#[test]
fn stages_start_again_after_very_many_schema_changes() -> TestResult {
    let asked = std::env::var("MILLRACE_MANY_CHANGES").ok().and_then(|changes| changes.parse().ok());
    Ok(in_world("many_changes", async |world| recover(world, asked.unwrap_or(100)).await)?)
}
