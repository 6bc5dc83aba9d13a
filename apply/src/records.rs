//! What a restart of a task in one process needs, until it is committed with the rows that it belongs to.
//!
//! A commit is at the end of a step, and need not be at the end of the last one that has come: a schema change ends it
//! before. So what each step says is kept by itself: a later step's records are not those of an earlier place.

use std::collections::{BTreeMap, VecDeque};

/// Key and value; none where the record goes.
pub(crate) type Record = (String, Option<Vec<u8>>);

/// The records of the steps that have come and are not committed.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// Steps that end between two transactions, with their last watermarks, rising.
    steps: VecDeque<(u64, Vec<Record>)>,
    /// Of steps of a transaction that is not complete.
    pending: Vec<Record>,
}

impl Records {
    /// Takes those of a step, which ends with this watermark; none where it ends within a transaction.
    pub(crate) fn add(&mut self, records: Vec<Record>, watermark: Option<u64>) {
        self.pending.extend(records);
        if let Some(watermark) = watermark {
            self.steps.push_back((watermark, std::mem::take(&mut self.pending)));
        }
    }

    /// Whether a step ends with this watermark.
    pub(crate) fn end_at(&self, watermark: u64) -> bool {
        self.steps.iter().any(|(end, _)| *end == watermark)
    }

    /// The records of all steps up to this watermark, the newest of each key.
    pub(crate) fn take_up_to(&mut self, watermark: u64) -> Vec<Record> {
        let mut newest = BTreeMap::new();
        let count = self.steps.partition_point(|(end, _)| *end <= watermark);
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
    fn a_commit_before_the_last_step_has_the_records_of_its_own_place() {
        let mut records = Records::default();
        records.add(vec![record("checkpoint", 1), record("table", 1)], Some(4));
        records.add(vec![record("checkpoint", 2)], Some(5));
        records.add(vec![record("checkpoint", 3)], None);
        records.add(vec![record("checkpoint", 4), ("table".to_owned(), None)], Some(7));
        assert!(records.end_at(4) && records.end_at(5) && !records.end_at(6));
        assert_eq!(records.take_up_to(5), [record("checkpoint", 2), record("table", 1)]);
        assert!(!records.end_at(5));
        assert_eq!(records.take_up_to(6), []);
        assert_eq!(records.take_up_to(7), [record("checkpoint", 4), ("table".to_owned(), None)]);
    }
}
