//! A row in its wire form, which is the same in memory, in a Kafka message and in a published `.proto` file.
//!
//! A [`Row`] is the body of the message `millrace.v1.Row` (`proto/millrace/v1/row.proto`):
//! `repeated Value values = 1`, where a `Value` has at most one field set:
//!
//! | cell | field of `Value` | body |
//! |---|---|---|
//! | NULL | none | empty |
//! | `Int` | 1, sint64 | zigzag varint |
//! | `UInt` | 2, uint64 | varint |
//! | `Float` | 3, float | 4 bytes little endian |
//! | `Double` | 4, double | 8 bytes little endian |
//! | `Text` | 5, string | UTF-8 |
//! | `Bytes` | 6, bytes | as they are |
//!
//! So any protobuf library reads our topics, while we walk cells without building an object for each. The writer emits
//! one fixed form (fields in order, shortest varints), so equal values have equal bytes: keys are compared as bytes.
//! A test in `proto` holds the two forms together. Rows from the log are untrusted: [`Row::parse`] checks a whole row
//! once; after it the walk cannot fail.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

/// One value of a row, borrowed from it. Which cell a column's value takes is fixed by its type: see
/// [`mysql_type`](crate::mysql_type) and [`pg_type`](crate::pg_type).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// SQL NULL.
    Null,
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// A 32-bit float.
    Float(f32),
    /// A 64-bit float.
    Double(f64),
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// Bytes that are not a row.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not a row: {what} at byte {at}")]
pub struct RowParseError {
    /// What was wrong.
    pub what: &'static str,
    /// Where in the row's bytes.
    pub at: usize,
}

/// The cells of one row, in the order of its schema's columns. Cheap to clone: the bytes are shared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Row(Bytes);

impl Row {
    /// Takes bytes from outside after checking every cell; `columns` is how many there must be.
    pub fn parse(bytes: Bytes, columns: usize) -> Result<Self, RowParseError> {
        match Self::check(&bytes)? {
            count if count == columns => Ok(Self(bytes)),
            _ => Err(RowParseError { what: "the number of cells differs from the schema's columns", at: bytes.len() }),
        }
    }

    /// Takes bytes from outside after checking every cell, whatever their number.
    pub fn parse_any(bytes: Bytes) -> Result<Self, RowParseError> {
        Self::check(&bytes)?;
        Ok(Self(bytes))
    }

    /// The number of cells, if all can be read.
    fn check(bytes: &Bytes) -> Result<usize, RowParseError> {
        let mut rest = &bytes[..];
        let mut count = 0;
        while !rest.is_empty() {
            let at = bytes.len() - rest.len();
            let err = |what| RowParseError { what, at };
            let body = take_field(&mut rest).ok_or_else(|| err("a broken cell"))?;
            parse_cell(body).ok_or_else(|| err("a broken value"))?;
            count += 1;
        }
        Ok(count)
    }

    /// The same row in bytes of its own: it does not keep what it was cut from.
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// The wire form.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// Length of the wire form in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the row has no cells.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Walks the cells.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        self.fields().map(|body| parse_cell(body).unwrap_or(Cell::Null))
    }

    /// The cell of column `index`; NULL beyond the last.
    pub fn cell(&self, index: usize) -> Cell<'_> {
        self.cells().nth(index).unwrap_or(Cell::Null)
    }

    /// The exact bytes of the cells at `columns`, in that order: equal keys have equal bytes. The result is itself a row
    /// of those cells.
    pub fn key(&self, columns: &[usize]) -> Row {
        if let [only] = columns {
            let mut rest = &self.0[..];
            for _ in 0..*only {
                take_field(&mut rest);
            }
            let start = self.0.len() - rest.len();
            take_field(&mut rest);
            return Row(self.0.slice(start..self.0.len() - rest.len()));
        }
        let fields: Vec<&[u8]> = self.fields().collect();
        let mut out = BytesMut::with_capacity(columns.iter().map(|&c| fields.get(c).map_or(0, |f| f.len() + 3)).sum());
        for &column in columns {
            put_field(&mut out, fields.get(column).copied().unwrap_or(&[]));
        }
        Row(out.freeze())
    }

    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || if rest.is_empty() { None } else { take_field(&mut rest) })
    }
}

/// Writes rows one after the other into one buffer, so that a batch of rows costs one allocation.
#[derive(Debug, Default)]
pub struct RowWriter {
    buffer: BytesMut,
}

impl RowWriter {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a cell to the row being written.
    pub fn put(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Null => self.buffer.put_slice(&[FIELD, 0]),
            Cell::Int(v) => self.put_varint(TAG_INT, ((v << 1) ^ (v >> 63)) as u64),
            Cell::UInt(v) => self.put_varint(TAG_UINT, v),
            Cell::Float(v) => {
                self.buffer.put_slice(&[FIELD, 5, TAG_FLOAT]);
                self.buffer.put_f32_le(v);
            }
            Cell::Double(v) => {
                self.buffer.put_slice(&[FIELD, 9, TAG_DOUBLE]);
                self.buffer.put_f64_le(v);
            }
            Cell::Text(v) => self.put_bytes(TAG_TEXT, v.as_bytes()),
            Cell::Bytes(v) => self.put_bytes(TAG_BYTES, v),
        }
    }

    /// Ends the row: returns it and begins the next in the same buffer.
    pub fn finish(&mut self) -> Row {
        let row = self.buffer.split().freeze();
        if self.buffer.capacity() < 256 {
            self.buffer.reserve(32 * 1024);
        }
        Row(row)
    }

    /// Throws away what was put since the last `finish`.
    pub fn discard(&mut self) {
        self.buffer.clear();
    }

    fn put_varint(&mut self, tag: u8, value: u64) {
        self.buffer.put_slice(&[FIELD, 1 + varint_len(value) as u8, tag]);
        put_varint(&mut self.buffer, value);
    }

    fn put_bytes(&mut self, tag: u8, value: &[u8]) {
        self.buffer.put_u8(FIELD);
        put_varint(&mut self.buffer, (1 + varint_len(value.len() as u64) + value.len()) as u64);
        self.buffer.put_u8(tag);
        put_varint(&mut self.buffer, value.len() as u64);
        self.buffer.put_slice(value);
    }
}

impl<'a> FromIterator<Cell<'a>> for Row {
    fn from_iter<I: IntoIterator<Item = Cell<'a>>>(cells: I) -> Self {
        let mut writer = RowWriter::new();
        cells.into_iter().for_each(|cell| writer.put(cell));
        writer.finish()
    }
}

// Protobuf tags: (field number << 3) | wire type.
const FIELD: u8 = 1 << 3 | 2;
const TAG_INT: u8 = 1 << 3;
const TAG_UINT: u8 = 2 << 3;
const TAG_FLOAT: u8 = 3 << 3 | 5;
const TAG_DOUBLE: u8 = 4 << 3 | 1;
const TAG_TEXT: u8 = 5 << 3 | 2;
const TAG_BYTES: u8 = 6 << 3 | 2;

fn varint_len(value: u64) -> usize {
    ((64 - (value | 1).leading_zeros()) as usize).div_ceil(7)
}

fn put_varint(buffer: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        buffer.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.put_u8(value as u8);
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn put_field(buffer: &mut BytesMut, body: &[u8]) {
    buffer.put_u8(FIELD);
    put_varint(buffer, body.len() as u64);
    buffer.put_slice(body);
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&tag, tail) = rest.split_first()?;
    *rest = tail;
    if tag != FIELD {
        return None;
    }
    take_slice(rest)
}

fn take_slice<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_varint(rest)?).ok()?;
    let (slice, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(slice)
}

fn parse_cell(body: &[u8]) -> Option<Cell<'_>> {
    let Some((&tag, mut rest)) = body.split_first() else { return Some(Cell::Null) };
    let cell = match tag {
        TAG_INT => {
            let v = take_varint(&mut rest)?;
            Cell::Int((v >> 1) as i64 ^ -((v & 1) as i64))
        }
        TAG_UINT => Cell::UInt(take_varint(&mut rest)?),
        TAG_FLOAT => {
            let (v, tail) = rest.split_first_chunk::<4>()?;
            rest = tail;
            Cell::Float(f32::from_le_bytes(*v))
        }
        TAG_DOUBLE => {
            let (v, tail) = rest.split_first_chunk::<8>()?;
            rest = tail;
            Cell::Double(f64::from_le_bytes(*v))
        }
        TAG_TEXT => Cell::Text(std::str::from_utf8(take_slice(&mut rest)?).ok()?),
        TAG_BYTES => Cell::Bytes(take_slice(&mut rest)?),
        _ => return None,
    };
    rest.is_empty().then_some(cell)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const CELLS: [Cell<'_>; 12] = [
        Cell::Null,
        Cell::Int(i64::MIN),
        Cell::Int(-1),
        Cell::Int(i64::MAX),
        Cell::UInt(0),
        Cell::UInt(u64::MAX),
        Cell::Float(-0.0),
        Cell::Double(f64::MIN_POSITIVE),
        Cell::Text(""),
        Cell::Text("grüße"),
        Cell::Bytes(&[0, 255]),
        Cell::Bytes(&[7; 300]),
    ];

    #[test]
    fn gives_back_what_was_put() {
        let row: Row = CELLS.into_iter().collect();
        let parsed = Row::parse(row.as_bytes().clone(), CELLS.len()).unwrap();
        assert_eq!(parsed.cells().collect::<Vec<_>>(), CELLS);
        for (i, cell) in CELLS.into_iter().enumerate() {
            assert_eq!(row.cell(i), cell);
            assert_eq!(row.key(&[i]), [cell].into_iter().collect());
        }
        assert_eq!(row.key(&[11, 2]), [CELLS[11], CELLS[2]].into_iter().collect());
    }

    #[test]
    fn refuses_every_truncation_and_any_wrong_count() {
        let row: Row = CELLS.into_iter().collect();
        assert!(Row::parse(row.as_bytes().clone(), CELLS.len() + 1).is_err());
        for end in 0..row.len() {
            assert!(Row::parse(row.as_bytes().slice(..end), CELLS.len()).is_err(), "{end}");
        }
    }

    #[test]
    fn refuses_lengths_beyond_the_row() {
        for bytes in [
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01][..],
            &[0x0a, 3, 0x2a, 9, 65],
            &[0x12, 0],
        ] {
            assert!(Row::parse(Bytes::copy_from_slice(bytes), 1).is_err());
        }
    }

    #[test]
    fn rows_of_one_writer_are_apart() {
        let mut writer = RowWriter::new();
        writer.put(Cell::Int(1));
        let one = writer.finish();
        writer.put(Cell::Int(5));
        writer.discard();
        writer.put(Cell::Int(2));
        assert_eq!(one.cell(0), Cell::Int(1));
        assert_eq!(writer.finish().cells().collect::<Vec<_>>(), [Cell::Int(2)]);
    }
}
