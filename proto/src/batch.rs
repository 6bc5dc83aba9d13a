//! `EventBatch`: the messages of the two data topics.

use std::sync::Arc;

use bytes::Bytes;
use millrace_model::batch::{
    Alteration, Barrier, Batch, Control, Entry, ReadPurpose, RowChange, RowEntry, SchemaChange, Watermark,
};
use millrace_model::gtid::GtidSet;
use millrace_model::part::{Part, WriterId};
use millrace_model::position::{BinlogPlace, Transaction};
use millrace_model::row::Row;
use millrace_model::{Gtid, SchemaKey, TableName};
use prost::Message;

use crate::batch_reader::read;
use crate::batch_writer::encode_batch;
use crate::wire::{control, row_change, run, schema_change};
use crate::{DecodeError, FORMAT, MESSAGE_BYTES, wire};

/// What every message of a task carries besides its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The run of the task.
    pub task_id: String,
    /// Fingerprint of the task file.
    pub fingerprint: [u8; 16],
}

/// Renders a batch as Kafka messages of about [`MESSAGE_BYTES`] at most: one, or the parts of one that is larger, each made
/// when it is asked for.
pub fn encode_messages<T>(
    envelope: &Envelope,
    writer: WriterId,
    batch: &Batch<T>,
) -> impl Iterator<Item = Bytes> + Send + use<T> {
    let mut whole = encode_batch(envelope, batch);
    let count = whole.len().div_ceil(MESSAGE_BYTES);
    let header = wire::EventBatch {
        format: FORMAT,
        task_id: envelope.task_id.clone(),
        fingerprint: Bytes::copy_from_slice(&envelope.fingerprint),
        first_sequence: batch.first,
        last_sequence: batch.first.saturating_sub(1),
        input_offset: batch.input_offset,
        ..wire::EventBatch::default()
    };
    let last = batch.last;
    (0..count).map(move |number| {
        let content = whole.take(MESSAGE_BYTES);
        if count == 1 {
            return content;
        }
        let part = wire::Part {
            writer: Bytes::copy_from_slice(&writer.0),
            number: number as u32,
            count: count as u32,
            last_sequence: last,
            content,
        };
        let mut message = wire::EventBatch { part: Some(part), ..header.clone() };
        if number + 1 == count {
            message.last_sequence = last;
        }
        message.encode_to_vec().into()
    })
}

pub(crate) fn control_to_wire<T>(sequence: u64, control: &Control<T>) -> wire::Control {
    let content = match control {
        Control::Watermark(watermark) => control::Content::Watermark(watermark_to_wire(watermark)),
        Control::End(watermark) => control::Content::End(watermark_to_wire(watermark)),
        Control::Barrier(barrier) => control::Content::Barrier(wire::Barrier {
            watermark: Some(watermark_to_wire(&barrier.watermark)),
            changes: barrier.changes.iter().map(change_to_wire).collect(),
        }),
        Control::Reset { schema } => control::Content::Reset(wire::Reset { schema: Some(key_to_wire(*schema)) }),
        Control::ChunkDone { schema, chunk, rows } => control::Content::ChunkDone(wire::ChunkDone {
            schema: Some(key_to_wire(*schema)),
            chunk: *chunk,
            rows: *rows,
        }),
        Control::TableLoaded { schema } => {
            control::Content::TableLoaded(wire::TableLoaded { schema: Some(key_to_wire(*schema)) })
        }
    };
    wire::Control { sequence, content: Some(content) }
}

fn change_to_wire<T>(change: &SchemaChange<T>) -> wire::SchemaChange {
    let (kind, table) = match change {
        SchemaChange::Alter(alteration) => return alteration_to_wire(alteration),
        SchemaChange::Create { .. } => (schema_change::Kind::Create, None),
        SchemaChange::Drop { table, .. } => (schema_change::Kind::Drop, Some(table)),
        SchemaChange::Truncate { table, .. } => (schema_change::Kind::Truncate, Some(table)),
    };
    wire::SchemaChange {
        kind: kind as i32,
        schema: Some(key_to_wire(change.schema())),
        database: table.map(|t| t.database.to_string()).unwrap_or_default(),
        table: table.map(|t| t.table.to_string()).unwrap_or_default(),
        before: None,
        origins: Vec::new(),
    }
}

fn alteration_to_wire<T>(alteration: &Alteration<T>) -> wire::SchemaChange {
    let place = |origin: &Option<usize>| origin.map_or(0, |place| u32::try_from(place + 1).unwrap_or(u32::MAX));
    wire::SchemaChange {
        kind: schema_change::Kind::Alter as i32,
        schema: Some(key_to_wire(alteration.schema)),
        before: Some(key_to_wire(alteration.before)),
        origins: alteration.origins.iter().map(place).collect(),
        database: String::new(),
        table: String::new(),
    }
}

fn watermark_to_wire(watermark: &Watermark) -> wire::Watermark {
    wire::Watermark {
        ordinal: watermark.ordinal,
        file: watermark.place.as_ref().map(|place| place.file.to_string()).unwrap_or_default(),
        offset: watermark.place.as_ref().map_or(0, |place| place.offset),
        gtid: watermark.gtid.clone(),
        committed_at: watermark.committed_at,
    }
}

pub(crate) fn key_to_wire<T>(key: SchemaKey<T>) -> wire::SchemaKey {
    wire::SchemaKey { version: key.version, hash: key.hash }
}

pub(crate) fn key_from_wire<T>(key: Option<wire::SchemaKey>) -> Result<SchemaKey<T>, DecodeError> {
    let key = key.ok_or(DecodeError::Field("schema key"))?;
    Ok(SchemaKey::new(key.version, key.hash))
}

/// What a message holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received<T> {
    /// A batch.
    Batch(Batch<T>),
    /// A part of a larger message.
    Part(Part),
}

/// Reads messages of one task and refuses those of another.
#[derive(Debug, Clone)]
pub struct BatchDecoder {
    envelope: Option<Envelope>,
    fingerprint: [u8; 16],
}

impl BatchDecoder {
    /// Reads messages with this fingerprint; the task id is that of the first message, or `task_id` where known.
    pub fn new(fingerprint: [u8; 16], task_id: Option<String>) -> Self {
        Self { envelope: task_id.map(|task_id| Envelope { task_id, fingerprint }), fingerprint }
    }

    /// The task's envelope, once a message was read or where it was known.
    pub fn envelope(&self) -> Option<&Envelope> {
        self.envelope.as_ref()
    }

    /// Reads one message. Rows share its bytes. Their cells are checked against `columns`, which says how many a
    /// schema has once it is known (a row of a schema that is not known yet is checked without it).
    pub fn decode<T>(
        &mut self,
        message: Bytes,
        columns: impl Fn(SchemaKey<T>) -> Option<usize>,
    ) -> Result<Received<T>, DecodeError> {
        if let Some((header, batch)) = read(&message, &columns) {
            self.check(&header)?;
            return Ok(Received::Batch(batch));
        }
        let message = wire::EventBatch::decode(message)?;
        self.check(&message)?;
        decode_by_prost(message, columns)
    }

    /// Reads a message that was joined of its parts; otherwise as [`Self::decode`].
    pub fn decode_joined<T>(
        &mut self,
        message: Bytes,
        columns: impl Fn(SchemaKey<T>) -> Option<usize>,
    ) -> Result<Batch<T>, DecodeError> {
        match self.decode(message, columns)? {
            Received::Batch(batch) => Ok(batch),
            Received::Part(_) => Err(DecodeError::Field("message: a part is within a part")),
        }
    }

    fn check(&mut self, message: &wire::EventBatch) -> Result<(), DecodeError> {
        if message.format != FORMAT {
            return Err(DecodeError::Format(message.format));
        }
        if message.fingerprint[..] != self.fingerprint {
            return Err(DecodeError::OtherFingerprint);
        }
        match &self.envelope {
            Some(known) if known.task_id == message.task_id => Ok(()),
            Some(known) => {
                Err(DecodeError::OtherTask { found: message.task_id.clone(), expected: known.task_id.clone() })
            }
            None if message.task_id.is_empty() => Err(DecodeError::Field("task id")),
            None => {
                self.envelope = Some(Envelope { task_id: message.task_id.clone(), fingerprint: self.fingerprint });
                Ok(())
            }
        }
    }
}

/// A message in any form that protobuf allows.
pub(crate) fn decode_by_prost<T>(
    mut message: wire::EventBatch,
    columns: impl Fn(SchemaKey<T>) -> Option<usize>,
) -> Result<Received<T>, DecodeError> {
    match message.part.take() {
        None => batch_from_wire(message, columns).map(Received::Batch),
        Some(part) => part_from_wire(&message, part).map(Received::Part),
    }
}

fn batch_from_wire<T>(
    mut message: wire::EventBatch,
    columns: impl Fn(SchemaKey<T>) -> Option<usize>,
) -> Result<Batch<T>, DecodeError> {
    let transactions: Vec<Arc<Transaction>> =
        std::mem::take(&mut message.transactions).into_iter().map(transaction_from_wire).collect::<Result<_, _>>()?;
    let mut entries = Vec::new();
    for run in std::mem::take(&mut message.runs) {
        match run.content.ok_or(DecodeError::Field("run"))? {
            run::Content::Rows(rows) => {
                let schema = key_from_wire(rows.schema)?;
                let count = columns(schema);
                for change in rows.changes {
                    entries.push(Entry::Row(row_from_wire(schema, count, change, &transactions)?));
                }
            }
            run::Content::Control(control) => entries.push(control_from_wire(control)?),
        }
    }
    finish_batch(&message, entries)
}

/// The batch of these entries, with the range that the message says.
pub(crate) fn finish_batch<T>(header: &wire::EventBatch, entries: Vec<Entry<T>>) -> Result<Batch<T>, DecodeError> {
    let (first, last) = (header.first_sequence, header.last_sequence);
    match first > 0 && first <= last {
        true => Ok(Batch { first, last, input_offset: header.input_offset, entries }),
        false => Err(DecodeError::Field("sequence range")),
    }
}

fn part_from_wire(message: &wire::EventBatch, part: wire::Part) -> Result<Part, DecodeError> {
    let wire::Part { writer, number, count, last_sequence: last, content } = part;
    let first = message.first_sequence;
    let part = Part {
        writer: WriterId(writer[..].try_into().map_err(|_| DecodeError::Field("writer"))?),
        number,
        count,
        first,
        last,
        input_offset: message.input_offset,
        content,
    };
    let covered = if part.is_last() { last } else { first.saturating_sub(1) };
    match first > 0 && first <= last && number < count && message.last_sequence == covered {
        true => Ok(part),
        false => Err(DecodeError::Field("part")),
    }
}

pub(crate) fn transaction_from_wire(transaction: wire::SourceTransaction) -> Result<Arc<Transaction>, DecodeError> {
    let gtid = match transaction.gtid.as_str() {
        "" => None,
        text => Some(gtid_from_text(text)?),
    };
    Ok(Arc::new(Transaction {
        place: BinlogPlace::new(transaction.file, transaction.offset),
        gtid,
        committed_at: transaction.committed_at,
    }))
}

fn gtid_from_text(text: &str) -> Result<Gtid, DecodeError> {
    let set: GtidSet = text.parse().map_err(|_| DecodeError::Field("gtid"))?;
    let mut intervals = set.intervals();
    match (intervals.next(), intervals.next()) {
        (Some((source, &[(first, last)])), None) if first == last => Ok(Gtid { source: source.clone(), number: first }),
        _ => Err(DecodeError::Field("gtid")),
    }
}

pub(crate) fn row_from_wire<T>(
    schema: SchemaKey<T>,
    columns: Option<usize>,
    change: wire::RowChange,
    transactions: &[Arc<Transaction>],
) -> Result<RowEntry<T>, DecodeError> {
    let row = |bytes: Option<Bytes>| -> Result<Row, DecodeError> {
        let bytes = bytes.ok_or(DecodeError::Field("row image"))?;
        match columns {
            Some(columns) => Ok(Row::parse(bytes, columns)?),
            None => Ok(Row::parse_any(bytes)?),
        }
    };
    let kind = row_change::Kind::try_from(change.kind).map_err(|_| DecodeError::Field("kind of row change"))?;
    let (before, after) = (change.before, change.after);
    let decoded = match kind {
        row_change::Kind::Unspecified => return Err(DecodeError::Field("kind of row change")),
        row_change::Kind::Read => RowChange::Read { row: row(after)?, purpose: ReadPurpose::Load },
        row_change::Kind::Repair => RowChange::Read { row: row(after)?, purpose: ReadPurpose::Repair },
        row_change::Kind::Insert => RowChange::Insert(row(after)?),
        row_change::Kind::Update => RowChange::Update { before: row(before)?, after: row(after)? },
        row_change::Kind::Delete => RowChange::Delete(row(before)?),
    };
    let transaction = match change.transaction {
        0 => None,
        n => Some(transactions.get(n as usize - 1).ok_or(DecodeError::Field("transaction"))?.clone()),
    };
    Ok(RowEntry { sequence: change.sequence, schema, transaction, ordinal: change.ordinal, change: decoded })
}

pub(crate) fn control_from_wire<T>(control: wire::Control) -> Result<Entry<T>, DecodeError> {
    let decoded = match control.content.ok_or(DecodeError::Field("control entry"))? {
        control::Content::Watermark(watermark) => Control::Watermark(watermark_from_wire(watermark)),
        control::Content::End(watermark) => Control::End(watermark_from_wire(watermark)),
        control::Content::Barrier(barrier) => Control::Barrier(Barrier {
            watermark: watermark_from_wire(barrier.watermark.ok_or(DecodeError::Field("watermark"))?),
            changes: barrier.changes.into_iter().map(change_from_wire).collect::<Result<_, _>>()?,
        }),
        control::Content::Reset(reset) => Control::Reset { schema: key_from_wire(reset.schema)? },
        control::Content::ChunkDone(done) => {
            Control::ChunkDone { schema: key_from_wire(done.schema)?, chunk: done.chunk, rows: done.rows }
        }
        control::Content::TableLoaded(loaded) => Control::TableLoaded { schema: key_from_wire(loaded.schema)? },
    };
    Ok(Entry::Control { sequence: control.sequence, control: decoded })
}

fn change_from_wire<T>(change: wire::SchemaChange) -> Result<SchemaChange<T>, DecodeError> {
    let kind = schema_change::Kind::try_from(change.kind).map_err(|_| DecodeError::Field("kind of schema change"))?;
    let schema = key_from_wire(change.schema)?;
    let table = TableName::new(change.database, change.table);
    match kind {
        schema_change::Kind::Unspecified => Err(DecodeError::Field("kind of schema change")),
        schema_change::Kind::Create => Ok(SchemaChange::Create { schema }),
        schema_change::Kind::Drop => Ok(SchemaChange::Drop { schema, table }),
        schema_change::Kind::Truncate => Ok(SchemaChange::Truncate { schema, table }),
        schema_change::Kind::Alter => {
            let origins = change.origins.into_iter().map(|place| (place as usize).checked_sub(1)).collect();
            Ok(SchemaChange::Alter(Alteration { before: key_from_wire(change.before)?, schema, origins }))
        }
    }
}

fn watermark_from_wire(watermark: wire::Watermark) -> Watermark {
    let place = (!watermark.file.is_empty()).then(|| BinlogPlace::new(watermark.file, watermark.offset));
    Watermark { ordinal: watermark.ordinal, place, gtid: watermark.gtid, committed_at: watermark.committed_at }
}
