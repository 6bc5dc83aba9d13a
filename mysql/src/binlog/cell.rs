//! One column's part of the decoder: how its cells are cut out of a row, and which [`Cell`] they become. The forms are
//! fixed in [`millrace_model::mysql_type`].

use std::sync::Arc;

use millrace_model::mysql_type::Sign;
use millrace_model::{Cell, Column, MysqlType, RowWriter};

use super::cursor::Cursor;
use super::decimal::DecimalShape;
use super::schema_check::{Mismatch, charset_of, unknown_charset};
use super::table_map::WireType;
use super::temporal;
use super::text::ShortText;
use super::{json, json_diff};
use crate::addresses;
use crate::charset::{Charsets, TextDecoder};

const SHORT: &str = "the row is cut short";

/// Also what a snapshot says of such a value.
pub(crate) const NO_TEXT: &str = "not text of the column's character set";

/// How a column's cells are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CellPlan {
    Signed {
        bytes: u8,
    },
    Unsigned {
        bytes: u8,
    },
    Float,
    Double,
    Decimal(DecimalShape),
    Bit {
        bytes: u8,
    },
    Year,
    Temporal(Temporal),
    Text {
        length_bytes: u8,
        decoder: TextDecoder,
        invalid: Invalid,
    },
    Bytes {
        length_bytes: u8,
    },
    /// BINARY(n): the binlog leaves out its trailing zeros.
    PaddedBytes {
        length_bytes: u8,
        length: usize,
    },
    Enum {
        bytes: u8,
        labels: Arc<[String]>,
    },
    Set {
        bytes: u8,
        labels: Arc<[String]>,
    },
    Json {
        length_bytes: u8,
    },
    /// UUID, INET4 or INET6, whose bytes the binlog has as those of a BINARY.
    Address {
        ty: MysqlType,
        length: usize,
    },
}

/// What a text that is not one of its column's character set becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// An error: keys are compared.
    Refused,
    /// Bytes, with a mark for what is no character.
    Marked,
}

/// The kinds of dates and times, with their digits of fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temporal {
    Date,
    Time(u8),
    DateTime(u8),
    Timestamp(u8),
    OldTime,
    OldDateTime,
    OldTimestamp,
}

/// Buffers that live as long as a batch is decoded.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    text: String,
    bytes: Vec<u8>,
}

impl CellPlan {
    /// The plan of a column whose schema agrees with its form in the binlog.
    pub(crate) fn new(
        wire: WireType,
        column: &Column<MysqlType>,
        invalid: Invalid,
        charsets: &Charsets,
    ) -> Result<Self, Mismatch> {
        let disagrees = || Mismatch::Type { column: column.name.to_string(), binlog: wire, schema: column.ty.name() };
        if let Some(temporal) = temporal_of(wire) {
            return Ok(Self::Temporal(temporal));
        }
        Ok(match (wire, &column.ty) {
            (WireType::Decimal { precision, scale }, _) => {
                Self::Decimal(DecimalShape::new(precision, scale).ok_or_else(disagrees)?)
            }
            (WireType::Float, _) => Self::Float,
            (WireType::Double, _) => Self::Double,
            (WireType::Year, _) => Self::Year,
            (WireType::Bit { bits }, _) if bits <= 64 => Self::Bit { bytes: bits.div_ceil(8) as u8 },
            (WireType::Json(length_bytes), _) => Self::Json { length_bytes },
            (WireType::Geometry(length_bytes) | WireType::Vector(length_bytes), _) => Self::Bytes { length_bytes },
            (WireType::Enum(bytes), MysqlType::Enum(labels)) => Self::Enum { bytes, labels: labels.clone() },
            (WireType::Set(bytes), MysqlType::Set(labels)) => Self::Set { bytes, labels: labels.clone() },
            (_, MysqlType::TinyInt(sign)) => integer(1, *sign),
            (_, MysqlType::SmallInt(sign)) => integer(2, *sign),
            (_, MysqlType::MediumInt(sign)) => integer(3, *sign),
            (_, MysqlType::Int(sign)) => integer(4, *sign),
            (_, MysqlType::BigInt(sign)) => integer(8, *sign),
            (
                WireType::String(_) | WireType::Varchar(_) | WireType::Blob(_),
                MysqlType::Char { charset, .. } | MysqlType::Varchar { charset, .. } | MysqlType::Text { charset, .. },
            ) => {
                let decoder = charsets.decoder(charset_of(column, charset)?);
                let decoder = decoder.ok_or_else(|| unknown_charset(column, charset))?;
                Self::Text { length_bytes: length_bytes(wire), decoder, invalid }
            }
            (WireType::String(max), MysqlType::Binary(_)) => {
                Self::PaddedBytes { length_bytes: length_bytes(wire), length: usize::from(max) }
            }
            (WireType::String(max), MysqlType::Uuid | MysqlType::Inet4 | MysqlType::Inet6) => {
                Self::Address { ty: column.ty.clone(), length: usize::from(max) }
            }
            (WireType::Varchar(_) | WireType::Blob(_), MysqlType::Varbinary(_) | MysqlType::Blob(_)) => {
                Self::Bytes { length_bytes: length_bytes(wire) }
            }
            _ => return Err(disagrees()),
        })
    }

    /// Reads one cell, which is not NULL, and appends it to the row; the error says what is wrong with it.
    #[inline]
    pub(crate) fn read(
        &self,
        cursor: &mut Cursor<'_>,
        scratch: &mut Scratch,
        row: &mut RowWriter,
    ) -> Result<(), &'static str> {
        match self {
            Self::Signed { bytes } => row.put(Cell::Int(signed(cursor, *bytes)?)),
            Self::Unsigned { bytes } => row.put(Cell::UInt(cursor.uint(usize::from(*bytes)).ok_or(SHORT)?)),
            Self::Float => row.put(Cell::Float(f32::from_le_bytes(cursor.array().ok_or(SHORT)?))),
            Self::Double => row.put(Cell::Double(f64::from_le_bytes(cursor.array().ok_or(SHORT)?))),
            Self::Bit { bytes } => row.put(Cell::UInt(cursor.uint_big_endian(usize::from(*bytes)).ok_or(SHORT)?)),
            Self::Year => row.put(Cell::UInt(match cursor.u8().ok_or(SHORT)? {
                0 => 0,
                years => 1900 + u64::from(years),
            })),
            Self::Decimal(shape) => {
                let mut text = ShortText::new();
                shape.read(cursor, &mut text)?;
                row.put(Cell::Text(text.as_str()));
            }
            Self::Temporal(temporal) => {
                let mut text = ShortText::new();
                temporal.read(cursor, &mut text)?;
                row.put(Cell::Text(text.as_str()));
            }
            Self::Text { length_bytes, decoder, invalid } => {
                put_text(prefixed(cursor, *length_bytes)?, decoder, *invalid, scratch, row)?;
            }
            Self::Bytes { length_bytes } => row.put(Cell::Bytes(prefixed(cursor, *length_bytes)?)),
            Self::PaddedBytes { length_bytes, length } => {
                row.put(Cell::Bytes(padded(cursor, *length_bytes, *length, &mut scratch.bytes)?));
            }
            Self::Address { ty, length } => {
                let bytes = padded(cursor, 1, *length, &mut scratch.bytes)?;
                scratch.text.clear();
                addresses::put_bytes(ty, bytes, &mut scratch.text).ok_or("more bytes than its type has")?;
                row.put(Cell::Text(&scratch.text));
            }
            Self::Enum { bytes, labels } => {
                let index = cursor.uint(usize::from(*bytes)).ok_or(SHORT)?;
                row.put(Cell::Text(enum_label(labels, index)?));
            }
            Self::Set { bytes, labels } => {
                let bits = cursor.uint(usize::from(*bytes)).ok_or(SHORT)?;
                row.put(Cell::Text(set_labels(labels, bits, &mut scratch.text)?));
            }
            Self::Json { length_bytes } => {
                scratch.text.clear();
                json::write_document(prefixed(cursor, *length_bytes)?, &mut scratch.text)?;
                row.put(Cell::Text(&scratch.text));
            }
        }
        Ok(())
    }
}

/// JSON, whole or as changes of the document before.
impl CellPlan {
    /// The document that comes next; none in a column of another type.
    pub(crate) fn document<'a>(&self, mut cursor: Cursor<'a>) -> Option<&'a [u8]> {
        match self {
            Self::Json { length_bytes } => prefixed(&mut cursor, *length_bytes).ok(),
            _ => None,
        }
    }

    /// Reads the changes of a document and appends what it is after them.
    pub(crate) fn read_changes(
        before: &[u8],
        cursor: &mut Cursor<'_>,
        scratch: &mut Scratch,
        row: &mut RowWriter,
    ) -> Result<(), &'static str> {
        scratch.text.clear();
        json_diff::write_changed(before, prefixed(cursor, 4)?, &mut scratch.text)?;
        row.put(Cell::Text(&scratch.text));
        Ok(())
    }
}

impl Temporal {
    fn read(self, cursor: &mut Cursor<'_>, text: &mut ShortText) -> Result<(), &'static str> {
        match self {
            Self::Date => temporal::date(cursor, text),
            Self::Time(digits) => temporal::time(cursor, digits, text),
            Self::DateTime(digits) => temporal::date_time(cursor, digits, text),
            Self::Timestamp(digits) => temporal::timestamp(cursor, digits, text),
            Self::OldTime => temporal::old_time(cursor, text),
            Self::OldDateTime => temporal::old_date_time(cursor, text),
            Self::OldTimestamp => temporal::old_timestamp(cursor, text),
        }
    }
}

fn temporal_of(wire: WireType) -> Option<Temporal> {
    Some(match wire {
        WireType::Date => Temporal::Date,
        WireType::Time(digits) => Temporal::Time(digits),
        WireType::DateTime(digits) => Temporal::DateTime(digits),
        WireType::Timestamp(digits) => Temporal::Timestamp(digits),
        WireType::OldTime => Temporal::OldTime,
        WireType::OldDateTime => Temporal::OldDateTime,
        WireType::OldTimestamp => Temporal::OldTimestamp,
        _ => return None,
    })
}

fn integer(bytes: u8, sign: Sign) -> CellPlan {
    match sign {
        Sign::Signed => CellPlan::Signed { bytes },
        Sign::Unsigned => CellPlan::Unsigned { bytes },
    }
}

/// Bytes of the length before a string, by the most that it can hold.
fn length_bytes(wire: WireType) -> u8 {
    match wire {
        WireType::Blob(bytes) => bytes,
        WireType::String(max) | WireType::Varchar(max) if max > 255 => 2,
        _ => 1,
    }
}

#[inline]
fn signed(cursor: &mut Cursor<'_>, bytes: u8) -> Result<i64, &'static str> {
    let value = cursor.uint(usize::from(bytes)).ok_or(SHORT)?;
    let unused = 64 - 8 * u32::from(bytes);
    Ok((value << unused) as i64 >> unused)
}

#[inline]
fn prefixed<'a>(cursor: &mut Cursor<'a>, length_bytes: u8) -> Result<&'a [u8], &'static str> {
    let length = cursor.uint(usize::from(length_bytes)).ok_or(SHORT)?;
    cursor.take(length as usize).ok_or(SHORT)
}

#[inline]
fn put_text(
    bytes: &[u8],
    decoder: &TextDecoder,
    invalid: Invalid,
    scratch: &mut Scratch,
    row: &mut RowWriter,
) -> Result<(), &'static str> {
    match (decoder.decode(bytes, &mut scratch.text), invalid) {
        (Some(text), _) => row.put(Cell::Text(text)),
        (None, Invalid::Refused) => return Err(NO_TEXT),
        (None, Invalid::Marked) => {
            decoder.mark(bytes, &mut scratch.bytes);
            row.put(Cell::Bytes(&scratch.bytes));
        }
    }
    Ok(())
}

/// The bytes with the trailing zeros that the binlog leaves out.
#[inline]
fn padded<'b>(
    cursor: &mut Cursor<'_>,
    length_bytes: u8,
    length: usize,
    buffer: &'b mut Vec<u8>,
) -> Result<&'b [u8], &'static str> {
    buffer.clear();
    buffer.extend_from_slice(prefixed(cursor, length_bytes)?);
    buffer.resize(buffer.len().max(length), 0);
    Ok(buffer)
}

/// Index 0 is the error value, which MySQL shows as the empty text.
fn enum_label(labels: &[String], index: u64) -> Result<&str, &'static str> {
    match index {
        0 => Ok(""),
        _ => labels.get(index as usize - 1).map(String::as_str).ok_or("a label beyond the last"),
    }
}

fn set_labels<'a>(labels: &'a [String], bits: u64, scratch: &'a mut String) -> Result<&'a str, &'static str> {
    if labels.len() < 64 && bits >> labels.len() != 0 {
        return Err("a label beyond the last");
    }
    scratch.clear();
    for (index, label) in labels.iter().enumerate().take(64) {
        if bits >> index & 1 == 1 {
            // The server puts no comma behind nothing: '' and then 'a' is 'a'.
            if !scratch.is_empty() {
                scratch.push(',');
            }
            scratch.push_str(label);
        }
    }
    Ok(scratch)
}
