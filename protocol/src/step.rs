//! A step: what capture publishes in one Kafka transaction. Rows and control entries are numbered per partition as they
//! are pushed, and come out as batches below the message limit, in order.
//!
//! The numbers of a step that is never committed are never seen: a restart takes the next numbers from the checkpoint.

use std::sync::Arc;

use millrace_model::batch::{Batch, Control, Entry, RowChange, RowEntry};
use millrace_model::position::Transaction;
use millrace_model::{MysqlType, SchemaKey};

/// About what an entry costs in a message besides its row images, in bytes.
const ENTRY_OVERHEAD: usize = 24;

/// Collects the entries of a step.
#[derive(Debug)]
pub struct StepBuilder {
    lanes: Vec<Lane>,
    message_bytes: usize,
    bytes: usize,
    rows: u64,
}

#[derive(Debug)]
struct Lane {
    next: u64,
    full: Vec<Batch<MysqlType>>,
    entries: Vec<Entry<MysqlType>>,
    bytes: usize,
}

impl Lane {
    fn push(&mut self, bytes: usize, limit: usize, entry: impl FnOnce(u64) -> Entry<MysqlType>) {
        if self.bytes + bytes > limit {
            self.close();
        }
        self.entries.push(entry(self.next));
        self.next += 1;
        self.bytes += bytes;
    }

    fn close(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        self.bytes = 0;
        if let Some(first) = entries.first() {
            self.full.push(Batch { first: first.sequence(), last: self.next - 1, input_offset: None, entries });
        }
    }
}

impl StepBuilder {
    /// An empty step; `next` holds the next sequence of each partition, `message_bytes` bounds a message.
    pub fn new(next: &[u64], message_bytes: usize) -> Self {
        let lanes = next.iter().map(|&next| Lane { next, full: Vec::new(), entries: Vec::new(), bytes: 0 }).collect();
        Self { lanes, message_bytes, bytes: 0, rows: 0 }
    }

    /// Number of partitions.
    pub fn partitions(&self) -> u32 {
        self.lanes.len() as u32
    }

    /// Appends a row to one partition.
    pub fn push_row(
        &mut self,
        partition: u32,
        schema: SchemaKey<MysqlType>,
        transaction: Option<&Arc<Transaction>>,
        ordinal: u64,
        change: RowChange,
    ) {
        let bytes = change.len() + ENTRY_OVERHEAD;
        self.bytes += bytes;
        self.rows += 1;
        let transaction = transaction.cloned();
        self.lanes[partition as usize].push(bytes, self.message_bytes, |sequence| {
            Entry::Row(RowEntry { sequence, schema, transaction, ordinal, change })
        });
    }

    /// Appends a control entry to every partition.
    pub fn push_control(&mut self, control: &Control<MysqlType>) {
        for lane in &mut self.lanes {
            lane.push(ENTRY_OVERHEAD, self.message_bytes, |sequence| Entry::Control {
                sequence,
                control: control.clone(),
            });
        }
        self.bytes += ENTRY_OVERHEAD * self.lanes.len();
    }

    /// Bytes collected.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Rows collected.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether nothing was collected.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Next sequence of each partition.
    pub fn next_sequences(&self) -> Vec<u64> {
        self.lanes.iter().map(|lane| lane.next).collect()
    }

    /// Takes the batches of each partition, in order, and begins the next step.
    pub fn take(&mut self) -> Vec<(u32, Batch<MysqlType>)> {
        self.bytes = 0;
        self.rows = 0;
        let mut all = Vec::new();
        for (partition, lane) in self.lanes.iter_mut().enumerate() {
            lane.close();
            all.extend(std::mem::take(&mut lane.full).into_iter().map(|batch| (partition as u32, batch)));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use millrace_model::{Cell, Row};

    use super::*;

    fn insert(id: i64) -> RowChange {
        RowChange::Insert([Cell::Int(id)].into_iter().collect::<Row>())
    }

    #[test]
    fn numbers_without_a_hole_over_messages_and_steps() {
        let schema = SchemaKey::new(1, 1);
        let mut step = StepBuilder::new(&[1, 40], 2 * (ENTRY_OVERHEAD + insert(1).len()));
        for id in 0..5 {
            step.push_row(0, schema, None, 0, insert(id));
        }
        step.push_control(&Control::Reset { schema });
        assert_eq!((step.rows(), step.next_sequences()), (5, vec![7, 41]));
        let ranges: Vec<_> = step.take().into_iter().map(|(p, batch)| (p, batch.first, batch.last)).collect();
        assert_eq!(ranges, [(0, 1, 2), (0, 3, 4), (0, 5, 6), (1, 40, 40)]);
        assert!(step.is_empty());
        step.push_control(&Control::Reset { schema });
        let ranges: Vec<_> = step.take().into_iter().map(|(p, batch)| (p, batch.first, batch.last)).collect();
        assert_eq!(ranges, [(0, 7, 7), (1, 41, 41)]);
    }

    #[test]
    fn row_above_the_message_limit_is_alone() {
        let schema = SchemaKey::new(1, 1);
        let mut step = StepBuilder::new(&[1], 1);
        step.push_row(0, schema, None, 0, insert(1));
        step.push_row(0, schema, None, 0, insert(2));
        assert_eq!(step.take().len(), 2);
    }
}
