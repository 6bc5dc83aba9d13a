//! What transform shows of itself in the status: what passed, how fast, and of which partitions.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millrace_service::{Rate, StatusHandle};
use serde_json::json;
use tokio::time::Instant;

/// Shown again at the earliest after this time.
const PAUSE: Duration = Duration::from_millis(200);

/// Counts of an attempt.
pub(crate) struct Progress {
    entries: u64,
    rate: Rate,
    shown: Option<Instant>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { entries: 0, rate: Rate::new(Instant::now()), shown: None }
    }

    /// So many entries were written.
    pub(crate) fn written(&mut self, entries: usize) {
        let entries = entries as u64;
        self.entries += entries;
        self.rate.add(entries, Instant::now());
    }

    /// Shows where things stand, if that was not done just now. Every partition has a watermark each second, so what is
    /// left out is soon shown.
    pub(crate) fn show(&mut self, status: &StatusHandle, partitions: impl Iterator<Item = u32>) {
        let now = Instant::now();
        if self.shown.is_some_and(|shown| now.duration_since(shown) < PAUSE) {
            return;
        }
        self.shown = Some(now);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        status.merge(json!({
            "as_of": u64::try_from(since.as_micros()).unwrap_or(u64::MAX),
            "partitions": partitions.collect::<Vec<u32>>(),
            "entries": self.entries,
            "entries_per_second": self.rate.per_second(now).round(),
        }));
    }
}
