//! How fast a scan reads, and what it says of its progress.

use std::io::{self, Write};
use std::time::Duration;

use tokio::time::Instant;

use crate::text::number;

/// Between two lines about one table.
const SILENCE: Duration = Duration::from_secs(10);

/// Keeps a scan at its speed.
#[derive(Debug)]
pub(super) struct Pace {
    rows_per_second: u64,
    began: Instant,
    /// Rows of all tables.
    rows: u64,
    table: String,
    of_table: u64,
    estimated: u64,
    said: Instant,
}

impl Pace {
    /// At most so many rows a second, from now on.
    pub(super) fn new(rows_per_second: u32) -> Self {
        let now = Instant::now();
        let rows_per_second = u64::from(rows_per_second.max(1));
        Self { rows_per_second, began: now, rows: 0, table: String::new(), of_table: 0, estimated: 0, said: now }
    }

    /// What follows is of this table, which has about so many rows.
    pub(super) fn begin_table(&mut self, table: &str, estimated: u64) {
        (self.table, self.of_table, self.estimated) = (table.to_owned(), 0, estimated);
    }

    /// So many rows were read: waits until more may be, and from time to time says how far it is.
    pub(super) async fn read(&mut self, rows: usize) {
        self.rows += rows as u64;
        self.of_table += rows as u64;
        if self.said.elapsed() >= SILENCE {
            self.said = Instant::now();
            let (done, of) = (number(self.of_table), number(self.estimated));
            // Progress that nobody can see is no failure.
            let _ = writeln!(io::stderr().lock(), "reading {}: {done} of about {of} rows", self.table);
        }
        tokio::time::sleep_until(self.began + self.due()).await;
    }

    /// When the rows so far may have been read, from the beginning.
    fn due(&self) -> Duration {
        Duration::from_millis(self.rows.saturating_mul(1000) / self.rows_per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_take_their_time() {
        let mut pace = Pace::new(1000);
        assert_eq!(pace.due(), Duration::ZERO);
        pace.rows = 2500;
        assert_eq!(pace.due(), Duration::from_millis(2500));
    }
}
