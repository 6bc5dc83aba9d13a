//! Latency: rows are written at a fixed rate, and another connection looks when the destination shows them. Counted from
//! the moment at which the source acknowledged the commit, but from the moment at which it was due where the writer was
//! late: a writer that waits for a slow machine hides no row (coordinated omission).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio_postgres::Client;

use crate::ground::Ground;
use crate::run::{Clock, Run};
use crate::stages::{Stages, Way};

/// Transactions a second.
const RATE: u64 = 500;
/// Before anything is counted.
const WARM_UP: Duration = Duration::from_secs(5);
/// While it is counted.
const LENGTH: Duration = Duration::from_secs(20);
/// Between two looks: the resolution.
const LOOK: Duration = Duration::from_micros(2_500);

#[derive(Default)]
struct Seen {
    /// Number, when it was due, when its commit was acknowledged.
    under_way: VecDeque<(u64, Instant)>,
    latencies: Vec<(Instant, Duration)>,
    last: u64,
}

impl Seen {
    /// Latencies of what was written after a moment, in order of size.
    fn since(&self, moment: Instant) -> Vec<Duration> {
        let counted = self.latencies.iter().filter(|(at, _)| *at >= moment);
        let mut found: Vec<Duration> = counted.map(|(_, took)| *took).collect();
        found.sort_unstable();
        found
    }
}

/// Transactions of 1 and of 4 rows.
pub(crate) async fn measure(ground: &Ground, way: Way) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for rows in [1, 4] {
        runs.push(measure_rows(ground, way, rows).await?);
    }
    Ok(runs)
}

/// Transactions of so many rows.
pub(crate) async fn measure_rows(ground: &Ground, way: Way, rows: u64) -> Result<Run> {
    ground.reset_source().await?;
    let table = "CREATE TABLE beat (id BIGINT PRIMARY KEY, k INT NOT NULL, note VARCHAR(100) NOT NULL); \
                 INSERT INTO beat VALUES (0, 0, 'first')";
    ground.run_in_source(table).await?;
    ground.reset_destination().await?;
    let mut stages = Stages::start(ground, way, way.roles())?;
    stages.until("the full load", async |stages| Ok(stages.shown("apply", "changes").await >= 1)).await?;

    let seen = Arc::<Mutex<Seen>>::default();
    let looker = tokio::spawn(look(ground.connect_destination().await?, seen.clone()));
    let source = ground.servers.connect_mysql().await?;
    let count = RATE * (WARM_UP + LENGTH).as_secs();
    let writer = tokio::spawn(write(source, rows, count, seen.clone()));
    tokio::time::sleep(WARM_UP).await;
    let mut clock = Clock::start(ground)?;
    let before = stages.used()?;
    let from = clock.started();
    writer.await.context("the writer panicked")??;
    stages.until("the last row", async |_| Ok(lock(&seen).last >= count * rows)).await?;
    clock.stop(Instant::now());
    looker.abort();

    let mut run = clock.run(ground, &format!("W4 x{rows}"), way, RATE * LENGTH.as_secs() * rows, &stages)?;
    run.subtract(&before);
    run.topics = None;
    run.latencies = lock(&seen).since(from);
    stages.stop().await?;
    ground.ensure_equal(&["beat".to_owned()]).await?;
    Ok(run)
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write(mut source: Conn, rows: u64, count: u64, seen: Arc<Mutex<Seen>>) -> Result<()> {
    let start = Instant::now();
    let pause = Duration::from_secs(1) / RATE as u32;
    for number in 0..count {
        let due = start + pause * u32::try_from(number)?;
        tokio::time::sleep_until(due.into()).await;
        let last = (number + 1) * rows;
        let values: Vec<String> = (last - rows + 1..=last).map(|id| format!("({id}, {number}, 'row {id}')")).collect();
        source.query_drop(format!("INSERT INTO bench.beat VALUES {}", values.join(", "))).await?;
        let mut seen = lock(&seen);
        // The timer's own resolution is a millisecond: a commit that was on time counts from its end.
        let late = due.elapsed() > pause * 4;
        let since = if late { due } else { Instant::now() };
        if seen.last >= last {
            seen.latencies.push((since, Duration::ZERO));
        } else {
            seen.under_way.push_back((last, since));
        }
    }
    Ok(source.disconnect().await?)
}

async fn look(destination: Client, seen: Arc<Mutex<Seen>>) -> Result<()> {
    loop {
        let row = destination.query_one("SELECT max(id) FROM bench.beat", &[]).await?;
        let last = u64::try_from(row.try_get::<_, Option<i64>>(0)?.unwrap_or(0))?;
        {
            let mut seen = lock(&seen);
            seen.last = last;
            let arrived = seen.under_way.partition_point(|(number, _)| *number <= last);
            let found: Vec<_> = seen.under_way.drain(..arrived).map(|(_, since)| (since, since.elapsed())).collect();
            seen.latencies.extend(found);
        }
        tokio::time::sleep(LOOK).await;
    }
}
