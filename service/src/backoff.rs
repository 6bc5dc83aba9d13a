//! When to try again: pure arithmetic over the failures since the last progress.
//!
//! Each class has a window that begins at its own first failure of the run; a lock time-out after an hour without a
//! connection still has its ten minutes. The last attempt is made when the window ends, not before.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use millrace_model::ErrorClass;
use millrace_task::Retry;
use tokio::time::Instant;

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A run of failures without progress between them.
pub(crate) struct FailureRun {
    windows: Retry,
    connection_since: Option<Instant>,
    statement_since: Option<Instant>,
    failures: u32,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Try again.
    Retry {
        /// After this time.
        wait: Duration,
        /// The window of its class: from the first failure of this run.
        since: Instant,
        /// To its end.
        until: Instant,
        /// Failures of this run, this one included.
        failures: u32,
    },
    /// The class's window is over.
    GiveUp {
        /// Its length.
        window: Duration,
    },
    /// Retrying cannot help.
    Stop,
}

impl FailureRun {
    pub(crate) fn new(windows: Retry) -> Self {
        Self { windows, connection_since: None, statement_since: None, failures: 0 }
    }

    /// There was progress: the next failure begins a run of its own.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.windows);
    }

    /// Decides about a failure; `random` spreads the waits of many processes.
    pub(crate) fn failed(&mut self, class: ErrorClass, now: Instant, random: u64) -> Decision {
        let (since, window) = match class {
            ErrorClass::Connection => (self.connection_since.get_or_insert(now), self.windows.connection),
            ErrorClass::Statement => (self.statement_since.get_or_insert(now), self.windows.other),
            ErrorClass::Fatal => return Decision::Stop,
        };
        let (since, until) = (*since, *since + window);
        if now >= until {
            return Decision::GiveUp { window };
        }
        let wait = wait(self.failures, random).min(until - now);
        self.failures = self.failures.saturating_add(1);
        Decision::Retry { wait, since, until, failures: self.failures }
    }
}

/// The wait after a number of earlier failures: 0.2 s, doubled each time up to 10 s, of which the second half is random.
fn wait(earlier: u32, random: u64) -> Duration {
    let full = FIRST_WAIT.saturating_mul(1 << earlier.min(16)).min(LONGEST_WAIT);
    let half = full / 2;
    let part = u32::try_from(random % 1001).unwrap_or(0);
    half + half * part / 1000
}

/// A random number; the standard library seeds its hash maps with one.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_ten_seconds_and_half_of_each_is_random() {
        let full: Vec<u128> = [0, 1, 2, 5, 6, 100, u32::MAX].map(|earlier| wait(earlier, 1000).as_millis()).to_vec();
        assert_eq!(full, [200, 400, 800, 6400, 10_000, 10_000, 10_000]);
        assert_eq!(wait(0, 0), FIRST_WAIT / 2);
        assert_eq!(wait(9, 0), LONGEST_WAIT / 2);
        assert_ne!(random(), random());
    }
}
