//! Writes `EventBatch` without building the generated types of its rows: those of a full load are all alike, and each
//! image is copied once, into a buffer of the right size.
//!
//! The form is the one that prost writes (fields in order, defaults left out, shortest varints), so that a repeated
//! transform writes the same bytes whichever version did it first; a test re-encodes with prost what is written here.
//! All that is not a row is left to prost.
//!
//! An image as large as a message ([`MESSAGE_BYTES`]) is not copied at all: the message is then given in pieces, of which
//! that image is one, and [`Pieces::take`] cuts them into parts. A row of 64 MB is so in memory once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::{BufMut, Bytes};
use millrace_model::batch::{Batch, Entry, ReadPurpose, RowChange, RowEntry};
use millrace_model::position::Transaction;
use millrace_model::row::Row;
use millrace_model::{Gtid, SchemaKey};
use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};

use crate::batch::{Envelope, control_to_wire, key_to_wire};
use crate::wire::row_change::Kind;
use crate::{FORMAT, MESSAGE_BYTES, wire};

// Tags: (field number << 3) | wire type (protobuf.dev, "Encoding").
pub(crate) const RUNS: u8 = 8 << 3 | 2;
pub(crate) const RUN_ROWS: u8 = 1 << 3 | 2;
pub(crate) const RUN_CONTROL: u8 = 2 << 3 | 2;
pub(crate) const ROWS_SCHEMA: u8 = 1 << 3 | 2;
pub(crate) const ROWS_CHANGES: u8 = 2 << 3 | 2;
pub(crate) const KIND: u8 = 1 << 3;
pub(crate) const SEQUENCE: u8 = 2 << 3;
pub(crate) const TRANSACTION: u8 = 3 << 3;
pub(crate) const ORDINAL: u8 = 4 << 3;
pub(crate) const BEFORE: u8 = 5 << 3 | 2;
pub(crate) const AFTER: u8 = 6 << 3 | 2;

/// Renders a batch as one message, whatever its size.
pub(crate) fn encode_batch<T>(envelope: &Envelope, batch: &Batch<T>) -> Pieces {
    let mut transactions = Transactions::default();
    let mut large = 0;
    let mut sizes = Vec::with_capacity(batch.entries.len());
    let mut runs: Vec<Run<T>> = Vec::new();
    for (place, entry) in batch.entries.iter().enumerate() {
        match entry {
            Entry::Row(row) => {
                let size = RowSize::of(row, transactions.index(row.transaction.as_ref()));
                extend_rows(&mut runs, row.schema, place, size.whole());
                if size.images >= MESSAGE_BYTES {
                    large += large_images(&row.change).map(Row::len).sum::<usize>();
                }
                sizes.push(size);
            }
            Entry::Control { sequence, control } => {
                runs.push(Run::Control(control_to_wire(*sequence, control).encode_to_vec()));
                sizes.push(RowSize::default());
            }
        }
    }
    let header = wire::EventBatch {
        format: FORMAT,
        task_id: envelope.task_id.clone(),
        fingerprint: Bytes::copy_from_slice(&envelope.fingerprint),
        first_sequence: batch.first,
        last_sequence: batch.last,
        input_offset: batch.input_offset,
        transactions: transactions.list,
        runs: Vec::new(),
        part: None,
    };
    let size: usize = runs.iter().map(|run| field_size(run.size())).sum();
    let mut out = Out { buffer: Vec::with_capacity(header.encoded_len() + size - large), large: Vec::new() };
    header.encode_raw(&mut out.buffer);
    for run in &runs {
        put_run(&mut out, run, &batch.entries, &sizes);
    }
    out.into_pieces()
}

/// A message as it is written: all but the large images, and where these belong.
struct Out {
    buffer: Vec<u8>,
    /// Place in the buffer, and what comes there.
    large: Vec<(usize, Bytes)>,
}

impl Out {
    fn put_image(&mut self, image: &Row) {
        if image.len() >= MESSAGE_BYTES {
            self.large.push((self.buffer.len(), image.as_bytes().clone()));
        } else {
            self.buffer.put_slice(image.as_bytes());
        }
    }

    fn into_pieces(self) -> Pieces {
        let mut last = Bytes::from(self.buffer);
        if self.large.is_empty() {
            return Pieces { first: last, rest: VecDeque::new() };
        }
        let (mut rest, mut cut) = (VecDeque::with_capacity(2 * self.large.len() + 1), 0);
        for (place, image) in self.large {
            rest.extend([last.split_to(place - cut), image]);
            cut = place;
        }
        rest.push_back(last);
        Pieces { first: Bytes::new(), rest }
    }
}

fn large_images(change: &RowChange) -> impl Iterator<Item = &Row> {
    let (_, before, after) = parts(change);
    [before, after].into_iter().flatten().filter(|image| image.len() >= MESSAGE_BYTES)
}

/// A message's bytes, in order.
#[derive(Debug)]
pub(crate) struct Pieces {
    first: Bytes,
    rest: VecDeque<Bytes>,
}

impl Pieces {
    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.rest.iter().map(Bytes::len).sum::<usize>()
    }

    /// Takes the next `length` bytes, or all that are left: copied only where they are of several pieces. A piece of which
    /// nothing is left is let go of.
    pub(crate) fn take(&mut self, length: usize) -> Bytes {
        let mut taken = self.take_of_first(length);
        if taken.len() == length || self.rest.is_empty() {
            return taken;
        }
        let mut whole = Vec::with_capacity(length.min(taken.len() + self.len()));
        while !taken.is_empty() {
            whole.put_slice(&taken);
            taken = self.take_of_first(length - whole.len());
        }
        whole.into()
    }

    /// At most `length` bytes of the first piece that has any.
    fn take_of_first(&mut self, length: usize) -> Bytes {
        while self.first.is_empty()
            && let Some(next) = self.rest.pop_front()
        {
            self.first = next;
        }
        self.first.split_to(length.min(self.first.len()))
    }
}

/// What becomes of consecutive entries.
enum Run<T> {
    /// Rows of one schema: the place of the first, how many, and the bytes of their fields.
    Rows { schema: SchemaKey<T>, key: Vec<u8>, first: usize, count: usize, bytes: usize },
    /// A control entry, encoded.
    Control(Vec<u8>),
}

impl<T> Run<T> {
    /// Bytes of the body of `RowRun` or `Control`.
    fn content(&self) -> usize {
        match self {
            Self::Rows { key, bytes, .. } => field_size(key.len()) + bytes,
            Self::Control(control) => control.len(),
        }
    }

    /// Bytes of the body of `Run`.
    fn size(&self) -> usize {
        field_size(self.content())
    }
}

fn extend_rows<T>(runs: &mut Vec<Run<T>>, schema: SchemaKey<T>, place: usize, size: usize) {
    if let Some(Run::Rows { schema: last, count, bytes, .. }) = runs.last_mut()
        && *last == schema
    {
        *count += 1;
        *bytes += field_size(size);
        return;
    }
    let key = key_to_wire(schema).encode_to_vec();
    runs.push(Run::Rows { schema, key, first: place, count: 1, bytes: field_size(size) });
}

/// A field with one byte of tag, its length and its body.
fn field_size(body: usize) -> usize {
    1 + encoded_len_varint(body as u64) + body
}

fn put_field(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.put_u8(tag);
    encode_varint(length as u64, out);
}

fn put_run<T>(out: &mut Out, run: &Run<T>, entries: &[Entry<T>], sizes: &[RowSize]) {
    let buffer = &mut out.buffer;
    put_field(buffer, RUNS, run.size());
    match run {
        Run::Control(control) => {
            put_field(buffer, RUN_CONTROL, control.len());
            buffer.put_slice(control);
        }
        Run::Rows { key, first, count, .. } => {
            put_field(buffer, RUN_ROWS, run.content());
            put_field(buffer, ROWS_SCHEMA, key.len());
            buffer.put_slice(key);
            let places = *first..first + count;
            for (entry, size) in entries[places.clone()].iter().zip(&sizes[places]) {
                if let Entry::Row(row) = entry {
                    put_row(out, row, size);
                }
            }
        }
    }
}

/// What a row takes in its message.
#[derive(Debug, Clone, Copy, Default)]
struct RowSize {
    /// Place of its transaction in the message, from 1; 0 for none.
    transaction: u32,
    /// Bytes of all fields but the images.
    numbers: usize,
    /// Bytes of the images' fields.
    images: usize,
}

impl RowSize {
    fn of<T>(row: &RowEntry<T>, transaction: u32) -> Self {
        let number = |value: u64| if value == 0 { 0 } else { 1 + encoded_len_varint(value) };
        let image = |row: Option<&Row>| row.map_or(0, |row| field_size(row.len()));
        let (kind, before, after) = parts(&row.change);
        Self {
            transaction,
            numbers: number(kind as u64) + number(row.sequence) + number(transaction.into()) + number(row.ordinal),
            images: image(before) + image(after),
        }
    }

    fn whole(&self) -> usize {
        self.numbers + self.images
    }
}

fn put_row<T>(out: &mut Out, row: &RowEntry<T>, size: &RowSize) {
    let buffer = &mut out.buffer;
    put_field(buffer, ROWS_CHANGES, size.whole());
    let (kind, before, after) = parts(&row.change);
    let numbers =
        [(KIND, kind as u64), (SEQUENCE, row.sequence), (TRANSACTION, size.transaction.into()), (ORDINAL, row.ordinal)];
    for (tag, value) in numbers.into_iter().filter(|(_, value)| *value != 0) {
        buffer.put_u8(tag);
        encode_varint(value, buffer);
    }
    for (tag, image) in [(BEFORE, before), (AFTER, after)] {
        if let Some(image) = image {
            put_field(&mut out.buffer, tag, image.len());
            out.put_image(image);
        }
    }
}

fn parts(change: &RowChange) -> (Kind, Option<&Row>, Option<&Row>) {
    match change {
        RowChange::Read { row, purpose: ReadPurpose::Load } => (Kind::Read, None, Some(row)),
        RowChange::Read { row, purpose: ReadPurpose::Repair } => (Kind::Repair, None, Some(row)),
        RowChange::Insert(row) => (Kind::Insert, None, Some(row)),
        RowChange::Update { before, after } => (Kind::Update, Some(before), Some(after)),
        RowChange::Delete(row) => (Kind::Delete, Some(row), None),
    }
}

/// The transactions that a message names.
#[derive(Default)]
struct Transactions {
    list: Vec<wire::SourceTransaction>,
    known: HashMap<*const Transaction, u32>,
    /// The one before: rows of a transaction follow each other.
    last: Option<(*const Transaction, u32)>,
}

impl Transactions {
    /// 1-based place of the transaction in the list; 0 for none.
    fn index(&mut self, transaction: Option<&Arc<Transaction>>) -> u32 {
        let Some(transaction) = transaction else { return 0 };
        // Rows of one transaction share one allocation, which the batch keeps alive.
        let pointer = Arc::as_ptr(transaction);
        if let Some((last, index)) = self.last
            && last == pointer
        {
            return index;
        }
        let list = &mut self.list;
        let index = *self.known.entry(pointer).or_insert_with(|| {
            list.push(wire::SourceTransaction {
                file: transaction.place.file.to_string(),
                offset: transaction.place.offset,
                gtid: transaction.gtid.as_ref().map(Gtid::to_string).unwrap_or_default(),
                committed_at: transaction.committed_at,
            });
            list.len() as u32
        });
        self.last = Some((pointer, index));
        index
    }
}
