//! How long a full load takes, and what that rests on. Pure.

use std::time::Duration;

/// Rows a second that are assumed: rows of about 200 bytes on a machine with two cores, everything included.
const ROWS_PER_SECOND: u64 = 50_000;

/// Bytes a second that are assumed for wide rows.
const BYTES_PER_SECOND: u64 = 20 << 20;

/// An estimate of the full load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Estimate {
    /// Rows of all tables, as the source guesses.
    pub(super) rows: u64,
    /// Bytes of them in the source's files, without indexes.
    pub(super) bytes: u64,
    /// Time that it takes; none for a task without full load.
    pub(super) time: Option<Duration>,
}

impl Estimate {
    /// The estimate for so much.
    pub(super) fn of(rows: u64, bytes: u64, full: bool) -> Self {
        let seconds = rows.div_ceil(ROWS_PER_SECOND).max(bytes.div_ceil(BYTES_PER_SECOND)).max(1);
        Self { rows, bytes, time: full.then(|| Duration::from_secs(seconds)) }
    }

    /// What it rests on, in a sentence.
    pub(super) fn assumption() -> String {
        format!(
            "assumes {} rows/s and {}/s in all, whichever takes longer (an estimate: measure yours with `millrace status`)",
            crate::text::number(ROWS_PER_SECOND),
            crate::text::bytes(BYTES_PER_SECOND)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_rows_and_bytes_counts() {
        for (rows, bytes, seconds) in [(0, 0, 1), (1_000_000, 0, 20), (1000, 2 << 30, 103), (60_000, 1, 2)] {
            assert_eq!(Estimate::of(rows, bytes, true).time, Some(Duration::from_secs(seconds)), "{rows} {bytes}");
        }
        assert_eq!(Estimate::of(1, 1, false).time, None);
    }
}
