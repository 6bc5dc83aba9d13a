//! What a consumer accepts. Capture numbers the entries of each partition 1, 2, 3, ...; transform keeps the numbers and
//! says the range that each of its messages stands for.
//!
//! `<task>.captured` is written in transactions, so every number comes exactly once: anything else is an error.
//! `<task>.transformed` is written without transactions, so a zombie or a restart may write ranges again: what was seen
//! is skipped, and only a range that begins beyond the next number is an error. Both topics are written by
//! deterministic functions of the same input, so an entry that comes again is the same entry.

use millrace_model::batch::{Batch, Entry};

use crate::ProtocolError;

/// Checks the sequence of one partition of `<task>.captured`.
#[derive(Debug, Clone)]
pub struct StrictSequence {
    partition: u32,
    next: u64,
}

impl StrictSequence {
    /// Expects `next` first.
    pub fn new(partition: u32, next: u64) -> Self {
        Self { partition, next }
    }

    /// The next sequence.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Accepts a batch that holds exactly the next numbers, or says what is wrong.
    pub fn accept<T>(&mut self, batch: &Batch<T>) -> Result<(), ProtocolError> {
        let (partition, expected, found) = (self.partition, self.next, batch.first);
        if found > expected {
            return Err(ProtocolError::Gap { partition, expected, found });
        }
        if found < expected {
            return Err(ProtocolError::StepBack { partition, expected, found });
        }
        for entry in &batch.entries {
            let found = entry.sequence();
            if found != self.next {
                return Err(ProtocolError::Gap { partition, expected: self.next, found });
            }
            self.next += 1;
        }
        match self.next == batch.last + 1 {
            true => Ok(()),
            false => {
                Err(ProtocolError::OutsideRange { partition, first: batch.first, last: batch.last, found: self.next })
            }
        }
    }
}

/// Filters one partition of `<task>.transformed`: everything once, nothing missing.
#[derive(Debug, Clone)]
pub struct RangeGate {
    partition: u32,
    last: u64,
}

impl RangeGate {
    /// Everything up to `last` is already there.
    pub fn new(partition: u32, last: u64) -> Self {
        Self { partition, last }
    }

    /// The last sequence covered.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The entries of the batch that are new, or an error where the batch begins beyond the next number.
    pub fn accept<T>(&mut self, batch: Batch<T>) -> Result<Vec<Entry<T>>, ProtocolError> {
        let partition = self.partition;
        if batch.first > self.last + 1 {
            return Err(ProtocolError::Gap { partition, expected: self.last + 1, found: batch.first });
        }
        let mut before = batch.first.saturating_sub(1);
        for entry in &batch.entries {
            let found = entry.sequence();
            if found <= before || found > batch.last {
                return Err(ProtocolError::OutsideRange { partition, first: batch.first, last: batch.last, found });
            }
            before = found;
        }
        let seen = self.last;
        self.last = self.last.max(batch.last);
        Ok(batch.entries.into_iter().filter(|entry| entry.sequence() > seen).collect())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use millrace_model::MysqlType;
    use millrace_model::batch::Control;

    use super::*;

    fn batch(first: u64, last: u64, sequences: &[u64]) -> Batch<MysqlType> {
        let schema = millrace_model::SchemaKey::new(1, 1);
        let entry = |&sequence| Entry::Control { sequence, control: Control::Reset { schema } };
        Batch { first, last, input_offset: None, entries: sequences.iter().map(entry).collect() }
    }

    #[test]
    fn strict_takes_each_number_once() {
        let mut strict = StrictSequence::new(0, 1);
        strict.accept(&batch(1, 2, &[1, 2])).unwrap();
        assert_eq!(strict.next(), 3);
        for (wrong, error) in [
            (batch(4, 4, &[4]), ProtocolError::Gap { partition: 0, expected: 3, found: 4 }),
            (batch(2, 3, &[2, 3]), ProtocolError::StepBack { partition: 0, expected: 3, found: 2 }),
            (batch(3, 5, &[3, 5]), ProtocolError::Gap { partition: 0, expected: 4, found: 5 }),
            (batch(3, 5, &[3, 4]), ProtocolError::OutsideRange { partition: 0, first: 3, last: 5, found: 5 }),
        ] {
            assert_eq!(strict.clone().accept(&wrong), Err(error), "{wrong:?}");
        }
    }

    #[test]
    fn gate_takes_what_is_new() {
        let mut gate = RangeGate::new(0, 3);
        let sequences = |entries: Vec<Entry<MysqlType>>| entries.iter().map(Entry::sequence).collect::<Vec<_>>();
        assert_eq!(sequences(gate.accept(batch(1, 3, &[1, 2])).unwrap()), []);
        assert_eq!(sequences(gate.accept(batch(2, 6, &[2, 3, 5])).unwrap()), [5]);
        assert_eq!(gate.last(), 6, "the range counts, not its last row");
        assert_eq!(sequences(gate.accept(batch(7, 9, &[])).unwrap()), []);
        assert_eq!(
            gate.clone().accept(batch(11, 12, &[11])).unwrap_err(),
            ProtocolError::Gap { partition: 0, expected: 10, found: 11 }
        );
        for wrong in [batch(10, 11, &[9]), batch(10, 11, &[12]), batch(10, 12, &[11, 10]), batch(10, 12, &[11, 11])] {
            assert!(matches!(gate.clone().accept(wrong), Err(ProtocolError::OutsideRange { .. })));
        }
    }
}
