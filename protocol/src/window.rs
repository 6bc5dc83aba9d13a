//! The window of one snapshot chunk (a virtual watermark pair, after Netflix' DBLog, without writing to the source).
//!
//! A window opens when everything in `delivered` has been streamed. From then on the keys of streamed rows of the table
//! are collected. Then, outside, in this order: `low` is read, the rows are read, `high` is read. Once the stream has
//! delivered everything in `high`, the rows whose keys were not collected are published.
//!
//! Why that is right, for a key k of the chunk: let v be the row as it was read, at a moment between `low` and `high`.
//! - k was not collected: no transaction that was delivered after the opening and up to now touched k. What the read saw
//!   is contained in `high`, which is delivered; what was delivered at the opening is contained in `low`, which the read
//!   saw. So the last write of k that was delivered is the one that the read saw: publishing v repeats the newest state.
//! - k was collected: the stream has published an image of k that is at least as new as any that the read could have
//!   missed, and publishes every later one: v is left out.
//!
//! The two conditions are checked, not assumed: `low` must cover `delivered` as of the opening (a transaction can be in
//! the binlog before it is visible to SELECT: under semi-sync AFTER_SYNC for seconds), else `low` is read again.

use std::collections::HashSet;

use millrace_model::position::Reading;
use millrace_model::row::Row;

/// Where a chunk is.
#[derive(Debug)]
enum State {
    /// Open: waiting for a `low` that covers what was delivered at the opening.
    Open { delivered: Reading },
    /// `low` is good: the rows and `high` are being read.
    Reading,
    /// Rows and `high` are there: waiting for the stream to deliver `high`.
    Waiting { rows: Vec<Row>, high: Reading },
}

/// One chunk from its opening to its publication.
#[derive(Debug)]
pub struct Window {
    state: State,
    collected: HashSet<Row>,
    /// Keys that were streamed since the opening, with repetitions.
    touched: usize,
    /// The chunk's own keys, once a row of the table is streamed after it was read: most chunks never need them.
    own: Option<HashSet<Row>>,
    key: Vec<usize>,
}

/// What to do with a `low`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Low {
    /// Read the rows now.
    Good,
    /// Something that was streamed is not visible yet: read `low` again, a little later.
    TooEarly,
}

impl Window {
    /// Opens a window; `key` are the places of the replication key's columns, `delivered` is what the stream has
    /// delivered so far.
    pub fn open(key: Vec<usize>, delivered: Reading) -> Self {
        Self { state: State::Open { delivered }, collected: HashSet::new(), touched: 0, own: None, key }
    }

    /// Collects the key of a streamed row; once the rows are there only where it is one of theirs.
    pub fn collect(&mut self, key: Row) {
        self.touched += 1;
        let is_own = match &self.state {
            State::Waiting { rows, .. } => {
                let own = || rows.iter().map(|row| row.key(&self.key)).collect();
                self.own.get_or_insert_with(own).contains(&key)
            }
            State::Open { .. } | State::Reading => true,
        };
        if is_own {
            self.collected.insert(key);
        }
    }

    /// How many rows were streamed since the opening.
    pub fn collected(&self) -> usize {
        self.touched
    }

    /// Judges a reading taken after the opening.
    pub fn low(&mut self, low: &Reading) -> Low {
        match &self.state {
            State::Open { delivered } if !low.covers(delivered) => Low::TooEarly,
            State::Open { .. } => {
                self.state = State::Reading;
                Low::Good
            }
            State::Reading | State::Waiting { .. } => Low::Good,
        }
    }

    /// Takes the rows, read after a good `low`, and `high`, read after them. From now on only the chunk's own keys
    /// matter: the others are forgotten and no longer collected.
    pub fn rows(&mut self, mut rows: Vec<Row>, high: Reading) {
        if !self.collected.is_empty() {
            rows.retain(|row| !self.collected.contains(&row.key(&self.key)));
            self.collected = HashSet::new();
        }
        self.state = State::Waiting { rows, high };
    }

    /// Whether the stream has delivered all that the rows could have seen.
    pub fn is_passed(&self, delivered: &Reading) -> bool {
        matches!(&self.state, State::Waiting { high, .. } if delivered.covers(high))
    }

    /// What `high` waits for, for messages.
    pub fn waits_for(&self) -> Option<&Reading> {
        match &self.state {
            State::Waiting { high, .. } => Some(high),
            State::Open { .. } | State::Reading => None,
        }
    }

    /// The rows to publish; only after [`Window::is_passed`].
    pub fn publish(self) -> Vec<Row> {
        let State::Waiting { mut rows, .. } = self.state else { return Vec::new() };
        if !self.collected.is_empty() {
            rows.retain(|row| !self.collected.contains(&row.key(&self.key)));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use millrace_model::{Cell, GtidSet};

    use super::*;

    fn upto(last: u64) -> Reading {
        let set = format!("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-{last}");
        Reading::Gtids(set.parse::<GtidSet>().unwrap())
    }

    fn row(id: i64) -> Row {
        [Cell::Int(id), Cell::Text("x")].into_iter().collect()
    }

    #[test]
    fn low_must_cover_what_was_delivered_at_the_opening() {
        let mut window = Window::open(vec![0], upto(5));
        assert_eq!(window.low(&upto(4)), Low::TooEarly);
        assert_eq!(window.low(&upto(5)), Low::Good);
        window.rows(vec![row(1)], upto(6));
        assert_eq!(window.low(&upto(9)), Low::Good);
        assert_eq!(window.publish(), [row(1)], "a late answer takes nothing away");
    }

    #[test]
    fn is_passed_when_high_is_delivered() {
        let mut window = Window::open(vec![0], upto(5));
        assert!(!window.is_passed(&upto(9)), "nothing was read");
        window.low(&upto(5));
        window.rows(vec![row(1)], upto(7));
        assert!(!window.is_passed(&upto(6)));
        assert!(window.is_passed(&upto(7)));
        assert_eq!(window.waits_for(), Some(&upto(7)));
    }

    #[test]
    fn leaves_out_what_was_streamed_before_and_after_the_rows_came() {
        let mut window = Window::open(vec![0], upto(5));
        window.collect(row(1).key(&[0]));
        window.collect(row(9).key(&[0]));
        window.rows(vec![row(1), row(2), row(3)], upto(7));
        window.collect(row(3).key(&[0]));
        window.collect(row(8).key(&[0]));
        assert_eq!(window.collected.len(), 1, "once the rows are there, only their own keys are kept");
        assert_eq!(window.collected(), 4);
        assert_eq!(window.publish(), [row(2)]);
    }
}
