//! Reads `EventBatch` in the form that [`crate::batch_writer`] writes, without building the generated types of its rows.
//!
//! Whatever is in another form - a field that is not known, out of order or given twice, and anything that is wrong - is
//! left to prost: [`read`] then says nothing, and the message is decoded, or refused, as a whole. So this cannot let in
//! what prost would refuse, as long as what it lets in is what prost makes of it; a test compares the two on changed
//! messages.

use std::sync::Arc;

use bytes::Bytes;
use millrace_model::SchemaKey;
use millrace_model::batch::{Batch, Entry};
use millrace_model::position::Transaction;
use prost::Message;
use prost::encoding::decode_varint;

use crate::batch::{control_from_wire, finish_batch, key_from_wire, row_from_wire, transaction_from_wire};
use crate::batch_writer::{
    AFTER, BEFORE, KIND, ORDINAL, ROWS_CHANGES, ROWS_SCHEMA, RUN_CONTROL, RUN_ROWS, RUNS, SEQUENCE, TRANSACTION,
};
use crate::wire;

/// Wire types (protobuf.dev, "Encoding").
const VARINT: u8 = 0;
const LENGTH: u8 = 2;

/// The header (a message without its runs) and the batch; nothing where the message is not in our own form.
pub(crate) fn read<T>(
    message: &Bytes,
    columns: impl Fn(SchemaKey<T>) -> Option<usize>,
) -> Option<(wire::EventBatch, Batch<T>)> {
    let runs_at = header_length(message)?;
    let mut header = wire::EventBatch::decode(message.slice(..runs_at)).ok()?;
    let transactions = std::mem::take(&mut header.transactions).into_iter().map(transaction_from_wire);
    let transactions: Vec<Arc<Transaction>> = transactions.collect::<Result<_, _>>().ok()?;
    let mut runs = Cursor { message, at: runs_at, end: message.len() };
    let mut entries = Vec::new();
    while !runs.is_done() {
        let run = runs.field(RUNS)?;
        read_run(run, &columns, &transactions, &mut entries)?;
    }
    let batch = finish_batch(&header, entries).ok()?;
    Some((header, batch))
}

/// Bytes before the first run; all of them where there is none. Nothing for a message that is part of another.
fn header_length(message: &Bytes) -> Option<usize> {
    let mut cursor = Cursor { message, at: 0, end: message.len() };
    while let Some(&tag) = message.get(cursor.at) {
        match (tag >> 3, tag & 7) {
            (8, LENGTH) => return Some(cursor.at),
            (1 | 4..=6, VARINT) => {
                cursor.at += 1;
                cursor.varint()?;
            }
            (2 | 3 | 7, LENGTH) => {
                cursor.field(tag)?;
            }
            _ => return None,
        }
    }
    Some(cursor.at)
}

fn read_run<T>(
    mut run: Cursor<'_>,
    columns: impl Fn(SchemaKey<T>) -> Option<usize>,
    transactions: &[Arc<Transaction>],
    entries: &mut Vec<Entry<T>>,
) -> Option<()> {
    if run.peek()? == RUN_CONTROL {
        let control = run.field(RUN_CONTROL)?;
        entries.push(control_from_wire(wire::Control::decode(control.bytes()).ok()?).ok()?);
        return run.is_done().then_some(());
    }
    let mut rows = run.field(RUN_ROWS)?;
    let key = wire::SchemaKey::decode(rows.field(ROWS_SCHEMA)?.bytes()).ok()?;
    let schema = key_from_wire(Some(key)).ok()?;
    let count = columns(schema);
    while !rows.is_done() {
        let change = read_change(rows.field(ROWS_CHANGES)?)?;
        entries.push(Entry::Row(row_from_wire(schema, count, change, transactions).ok()?));
    }
    run.is_done().then_some(())
}

/// Each field at most once, in order.
fn read_change(mut fields: Cursor<'_>) -> Option<wire::RowChange> {
    let kind = fields.number(KIND)? as i32;
    let sequence = fields.number(SEQUENCE)?;
    let transaction = fields.number(TRANSACTION)? as u32;
    let ordinal = fields.number(ORDINAL)?;
    let before = fields.image(BEFORE)?;
    let after = fields.image(AFTER)?;
    fields.is_done().then_some(wire::RowChange { kind, sequence, transaction, ordinal, before, after })
}

/// A stretch of the message that is being read.
struct Cursor<'a> {
    message: &'a Bytes,
    at: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    fn is_done(&self) -> bool {
        self.at == self.end
    }

    fn rest(&self) -> &'a [u8] {
        self.message.get(self.at..self.end).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// The whole stretch, sharing the message's memory.
    fn bytes(&self) -> Bytes {
        self.message.slice(self.at..self.end)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut rest = self.rest();
        let before = rest.len();
        let value = decode_varint(&mut rest).ok()?;
        self.at += before - rest.len();
        Some(value)
    }

    /// The body of the field with this tag, which must be next.
    fn field(&mut self, tag: u8) -> Option<Cursor<'a>> {
        if self.peek()? != tag {
            return None;
        }
        self.at += 1;
        let length = usize::try_from(self.varint()?).ok()?;
        let (at, end) = (self.at, self.at.checked_add(length).filter(|end| *end <= self.end)?);
        self.at = end;
        Some(Cursor { message: self.message, at, end })
    }

    /// The number with this tag, or 0 where another field is next.
    fn number(&mut self, tag: u8) -> Option<u64> {
        if self.peek() != Some(tag) {
            return Some(0);
        }
        self.at += 1;
        self.varint()
    }

    /// The bytes with this tag, if they are next.
    fn image(&mut self, tag: u8) -> Option<Option<Bytes>> {
        if self.peek() != Some(tag) {
            return Some(None);
        }
        self.field(tag).map(|body| Some(body.bytes()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use millrace_model::MysqlType;
    use millrace_testkit::Mutations;

    use super::*;
    use crate::batch::{Received, decode_by_prost};
    use crate::tests::{batch, envelope, whole};

    #[test]
    fn what_is_written_is_what_prost_writes() {
        let ours = whole(&batch());
        let theirs = wire::EventBatch::decode(ours.clone()).unwrap().encode_to_vec();
        assert_eq!(ours, theirs);
        let (header, read) = read::<MysqlType>(&ours, |_| None).unwrap();
        assert_eq!((header.task_id, read), (envelope().task_id, batch()));
    }

    #[test]
    fn changed_messages_are_read_as_prost_reads_them_or_left_to_it() {
        let mut mutations = Mutations::of_test("changed_messages_are_read_as_prost_reads_them_or_left_to_it");
        let message = whole(&batch());
        let mut read_here = 0;
        for _ in 0..100_000 {
            let changed = Bytes::from(mutations.mutate(&message));
            let Some((header, batch)) = read::<MysqlType>(&changed, |_| Some(3)) else { continue };
            read_here += 1;
            let whole = wire::EventBatch::decode(changed.clone()).unwrap();
            assert_eq!((header.format, &header.task_id), (whole.format, &whole.task_id));
            assert_eq!((&header.fingerprint, header.input_offset), (&whole.fingerprint, whole.input_offset));
            assert_eq!(decode_by_prost(whole, |_| Some(3)).unwrap(), Received::Batch(batch));
        }
        assert!(read_here > 1_000, "only {read_here} were read");
    }
}
