//! A transaction that nobody ends holds every read_committed reader back, silently. This notices it.
//!
//! A living capture moves the last stable offset many times a second, and a dead one is settled by the broker after
//! [`TRANSACTION_TIMEOUT`]. So an offset that stays behind the end for three of them is neither.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::error::LogError;
use crate::settings::TRANSACTION_TIMEOUT;

/// The offsets that bound what can be read of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionEnds {
    /// The partition.
    pub partition: u32,
    /// First offset that is still there.
    pub earliest: i64,
    /// Where readers stop: the first open transaction begins here, or it is `end`.
    pub last_stable: i64,
    /// The offset after the last.
    pub end: i64,
}

/// Watches the last stable offsets of a topic.
#[derive(Debug)]
pub struct StableOffsetWatch {
    topic: String,
    behind: BTreeMap<u32, (i64, Instant)>,
}

impl StableOffsetWatch {
    /// For how long an offset may stay behind.
    pub const LIMIT: Duration = TRANSACTION_TIMEOUT.saturating_mul(3);

    /// A watch over a topic.
    pub fn new(topic: &str) -> Self {
        Self { topic: topic.to_owned(), behind: BTreeMap::new() }
    }

    /// Takes what [`crate::Broker::ends`] said at `now`; an error where an offset has stayed behind for too long.
    pub fn observe(&mut self, ends: &[PartitionEnds], now: Instant) -> Result<(), LogError> {
        for end in ends {
            if end.last_stable >= end.end {
                self.behind.remove(&end.partition);
                continue;
            }
            let (offset, since) = self.behind.entry(end.partition).or_insert((end.last_stable, now));
            if *offset != end.last_stable {
                (*offset, *since) = (end.last_stable, now);
            }
            let waited = now.saturating_duration_since(*since);
            if waited >= Self::LIMIT {
                return Err(LogError::HangingTransaction {
                    topic: self.topic.clone(),
                    partition: end.partition,
                    offset: *offset,
                    seconds: waited.as_secs(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn ends(last_stable: i64, end: i64) -> [PartitionEnds; 1] {
        [PartitionEnds { partition: 2, earliest: 0, last_stable, end }]
    }

    #[test]
    fn only_an_offset_that_does_not_move_is_an_error() {
        let start = Instant::now();
        let mut watch = StableOffsetWatch::new("t.captured");
        watch.observe(&ends(5, 9), start).unwrap();
        watch.observe(&ends(6, 9), start + StableOffsetWatch::LIMIT).unwrap();
        watch.observe(&ends(9, 9), start + StableOffsetWatch::LIMIT * 2).unwrap();
        watch.observe(&ends(9, 12), start + StableOffsetWatch::LIMIT * 3).unwrap();
        let error = watch.observe(&ends(9, 20), start + StableOffsetWatch::LIMIT * 4).unwrap_err();
        assert_eq!(
            error,
            LogError::HangingTransaction { topic: "t.captured".into(), partition: 2, offset: 9, seconds: 45 }
        );
    }
}
