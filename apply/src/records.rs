//! What a restart of a task in one process needs, until it is committed with the rows that it belongs to.
//!
//! A commit is at the end of a step, because a restart begins at one, and need not be at the end of the last one that has
//! come. So what each step says is kept by itself: a later step's records are not those of an earlier place. Where a step ends
//! is told by the sequence of its last entry, not by its watermark: what is written before a schema change may end behind the
//! last watermark before it, in the midst of a step.

use std::collections::{BTreeMap, VecDeque};

/// Key and value; none where the record goes.
pub(crate) type Record = (String, Option<Vec<u8>>);

/// The records of the steps that have come and are not committed.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// Steps that end between two transactions, with the sequences of their last entries, rising.
    steps: VecDeque<(u64, Vec<Record>)>,
    /// Of steps of a transaction that is not complete.
    pending: Vec<Record>,
}

impl Records {
    /// Takes those of a step, whose last entry has this sequence; none where it ends within a transaction.
    pub(crate) fn add(&mut self, records: Vec<Record>, end: Option<u64>) {
        self.pending.extend(records);
        if let Some(end) = end {
            self.steps.push_back((end, std::mem::take(&mut self.pending)));
        }
    }

    /// Whether a step ends with this sequence.
    pub(crate) fn end_at(&self, sequence: u64) -> bool {
        self.steps.iter().any(|(end, _)| *end == sequence)
    }

    /// The records of all steps up to this sequence, the newest of each key.
    pub(crate) fn take_up_to(&mut self, sequence: u64) -> Vec<Record> {
        let mut newest = BTreeMap::new();
        let count = self.steps.partition_point(|(end, _)| *end <= sequence);
        for (_, records) in self.steps.drain(..count) {
            newest.extend(records);
        }
        newest.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, value: u8) -> Record {
        (key.to_owned(), Some(vec![value]))
    }

    #[test]
    fn a_commit_has_the_records_of_its_own_place() {
        let mut records = Records::default();
        records.add(vec![record("checkpoint", 1), record("table", 1)], Some(40));
        records.add(vec![record("checkpoint", 2)], Some(50));
        records.add(vec![record("checkpoint", 3)], None);
        records.add(vec![record("checkpoint", 4), ("table".to_owned(), None)], Some(70));
        // What is before a schema change may end within a step: there is no place to begin again.
        assert!(records.end_at(40) && records.end_at(50) && !records.end_at(45) && !records.end_at(60));
        assert_eq!(records.take_up_to(50), [record("checkpoint", 2), record("table", 1)]);
        assert!(!records.end_at(50));
        assert_eq!(records.take_up_to(60), []);
        assert_eq!(records.take_up_to(70), [record("checkpoint", 4), ("table".to_owned(), None)]);
    }
}
