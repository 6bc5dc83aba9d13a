//! Latency as a user has it: a row is changed at the source twenty times a second, and another connection looks when
//! the destination shows it. Counted from the moment at which the source acknowledged the commit.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use millrace_testkit::{Servers, poll_until};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::shop::NAME;

/// Between two beats.
const BEAT: Duration = Duration::from_millis(50);
/// Between two looks; and as long as the table is not there.
const LOOK: Duration = Duration::from_micros(2_500);
const LOOK_FOR_TABLE: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Beats {
    /// Sent and not seen yet: number and when its commit was acknowledged.
    under_way: VecDeque<(u64, Instant)>,
    sent: u64,
    seen: u64,
    /// When each beat was acknowledged, and how long it took to be seen.
    latencies: Vec<(Instant, Duration)>,
}

impl Beats {
    fn sent(&mut self, number: u64) {
        self.sent = number;
        if self.seen >= number {
            self.latencies.push((Instant::now(), Duration::ZERO));
        } else {
            self.under_way.push_back((number, Instant::now()));
        }
    }

    fn seen(&mut self, number: u64) {
        self.seen = number;
        let arrived = self.under_way.partition_point(|(sent, _)| *sent <= number);
        self.latencies.extend(self.under_way.drain(..arrived).map(|(_, at)| (at, at.elapsed())));
    }
}

/// A heart that beats until it is stopped.
pub(crate) struct Heartbeat {
    stop: Arc<AtomicBool>,
    beats: Arc<Mutex<Beats>>,
    sender: JoinHandle<Result<()>>,
    looker: JoinHandle<Result<()>>,
}

fn lock(beats: &Mutex<Beats>) -> MutexGuard<'_, Beats> {
    beats.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Heartbeat {
    /// Begins. `destination` is a connection to the demo's database.
    pub(crate) async fn start(servers: &Servers, destination: Client) -> Result<Self> {
        let (stop, beats) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Beats>>::default());
        let sender = tokio::spawn(send(servers.connect_mysql().await?, stop.clone(), beats.clone()));
        let looker = tokio::spawn(look(destination, beats.clone()));
        Ok(Self { stop, beats, sender, looker })
    }

    /// The number of a beat that begins after this moment.
    pub(crate) fn next(&self) -> u64 {
        lock(&self.beats).sent + 2
    }

    /// Whether the destination shows this beat, and with it all that was committed before it; an error if it never will.
    pub(crate) fn has_arrived(&self, number: u64) -> Result<bool> {
        if self.looker.is_finished() || self.sender.is_finished() {
            bail!("the heartbeat has ended");
        }
        Ok(lock(&self.beats).seen >= number)
    }

    /// Waits until the destination shows all that the source has committed now.
    pub(crate) async fn reach_now(&self, limit: Duration) -> Result<()> {
        let number = self.next();
        let what = "all that was written is in the destination";
        poll_until(limit, what, async || self.has_arrived(number)).await
    }

    /// How long the oldest beat that is not seen yet is under way, or else what the newest one took.
    pub(crate) fn latency(&self) -> Option<Duration> {
        let beats = lock(&self.beats);
        let waiting = beats.under_way.front().map(|(_, at)| at.elapsed());
        waiting.max(beats.latencies.last().map(|(_, took)| *took))
    }

    /// Latencies of the beats between two moments, in order of size.
    pub(crate) fn between(&self, from: Instant, to: Instant) -> Vec<Duration> {
        let beats = lock(&self.beats);
        let within = beats.latencies.iter().filter(|(at, _)| *at >= from && *at < to);
        let mut found: Vec<Duration> = within.map(|(_, took)| *took).collect();
        found.sort_unstable();
        found
    }

    /// Ends it; an error if it ended by itself before.
    pub(crate) async fn stop(self) -> Result<()> {
        if self.looker.is_finished() {
            return self.looker.await.context("the look at the destination panicked")?;
        }
        self.looker.abort();
        self.stop.store(true, Ordering::Relaxed);
        self.sender.await.context("the heartbeat panicked")?
    }
}

/// The latency that `part` (0 to 1) of these do not exceed; they are in order of size.
pub(crate) fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

async fn send(mut source: Conn, stop: Arc<AtomicBool>, beats: Arc<Mutex<Beats>>) -> Result<()> {
    let mut pace = tokio::time::interval(BEAT);
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        number += 1;
        source.query_drop(format!("UPDATE {NAME}.heartbeat SET beat = {number}")).await?;
        lock(&beats).sent(number);
    }
    source.disconnect().await?;
    Ok(())
}

async fn look(destination: Client, beats: Arc<Mutex<Beats>>) -> Result<()> {
    let sql = format!("SELECT beat FROM {NAME}.heartbeat");
    loop {
        match destination.query_opt(&sql, &[]).await {
            Ok(row) => {
                if let Some(row) = row {
                    lock(&beats).seen(u64::try_from(row.try_get::<_, i64>(0)?)?);
                }
                tokio::time::sleep(LOOK).await;
            }
            Err(error) if is_missing(&error) => tokio::time::sleep(LOOK_FOR_TABLE).await,
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_missing(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::UNDEFINED_TABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(quantile(&sorted, 0.5), Duration::from_millis(100));
        assert_eq!(quantile(&sorted, 0.99), Duration::from_millis(198));
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn a_beat_that_is_seen_before_its_acknowledgement_took_no_time() {
        let mut beats = Beats::default();
        beats.sent(1);
        beats.seen(2);
        beats.sent(2);
        assert_eq!(beats.latencies.len(), 2);
        assert_eq!(beats.latencies[1].1, Duration::ZERO);
    }
}
