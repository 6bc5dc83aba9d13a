//! The optional part of a TABLE_MAP event: fields of type, length and value (MySQL source,
//! `Table_map_event::Optional_metadata_field_type`). A field of an unknown type only describes more than is checked
//! here, and is passed over by its length.

use millrace_model::mysql_type::Sign;

use super::cursor::Cursor;
use super::table_map::{MappedColumn, WireType};

/// Fills in what the fields say of the columns and gives the primary key; outer `None` where a field is broken.
#[expect(clippy::option_option, reason = "the outer one is the error, as everywhere with a cursor")]
pub(crate) fn fill(columns: &mut [MappedColumn], fields: &[u8]) -> Option<Option<Vec<usize>>> {
    let mut cursor = Cursor::new(fields);
    let mut primary_key = None;
    while !cursor.is_empty() {
        let kind = cursor.u8()?;
        let mut value = Cursor::new(cursor.length_encoded_bytes()?);
        match kind {
            1 => signs(columns, value.rest())?,
            2 => default_collation(columns, is_string, &mut value)?,
            3 => collations(columns, is_string, &mut value)?,
            4 => names(columns, &mut value)?,
            5 => labels(columns, |wire| matches!(wire, WireType::Set(_)), &mut value)?,
            6 => labels(columns, |wire| matches!(wire, WireType::Enum(_)), &mut value)?,
            8 => primary_key = Some(key(columns.len(), &mut value, KeyParts::Whole)?),
            9 => primary_key = Some(key(columns.len(), &mut value, KeyParts::WithPrefix)?),
            10 => default_collation(columns, is_enum_or_set, &mut value)?,
            11 => collations(columns, is_enum_or_set, &mut value)?,
            _ => {}
        }
    }
    Some(primary_key)
}

fn is_number(wire: WireType) -> bool {
    use WireType::{Decimal, Double, Float, Int24, Long, LongLong, Short, Tiny, Year};
    matches!(wire, Tiny | Short | Int24 | Long | LongLong | Float | Double | Decimal { .. } | Year)
}

/// The server counts vectors among the columns that have a collation.
fn is_string(wire: WireType) -> bool {
    matches!(wire, WireType::Varchar(_) | WireType::String(_) | WireType::Blob(_) | WireType::Vector(_))
}

fn is_enum_or_set(wire: WireType) -> bool {
    matches!(wire, WireType::Enum(_) | WireType::Set(_))
}

/// One bit a number, from the highest bit of each byte down.
fn signs(columns: &mut [MappedColumn], bits: &[u8]) -> Option<()> {
    for (index, column) in columns.iter_mut().filter(|c| is_number(c.wire)).enumerate() {
        let bit = bits.get(index / 8)? >> (7 - index % 8) & 1;
        column.sign = Some(if bit == 1 { Sign::Unsigned } else { Sign::Signed });
    }
    Some(())
}

/// The collation of most columns of a kind, then pairs of a column's place among its kind and its own collation.
fn default_collation(
    columns: &mut [MappedColumn],
    is_kind: fn(WireType) -> bool,
    value: &mut Cursor<'_>,
) -> Option<()> {
    let default = value.length_encoded()?;
    let mut kind: Vec<&mut MappedColumn> = columns.iter_mut().filter(|c| is_kind(c.wire)).collect();
    for column in &mut kind {
        column.collation = Some(default);
    }
    while !value.is_empty() {
        let index = usize::try_from(value.length_encoded()?).ok()?;
        kind.get_mut(index)?.collation = Some(value.length_encoded()?);
    }
    Some(())
}

fn collations(columns: &mut [MappedColumn], is_kind: fn(WireType) -> bool, value: &mut Cursor<'_>) -> Option<()> {
    for column in columns.iter_mut().filter(|c| is_kind(c.wire)) {
        column.collation = Some(value.length_encoded()?);
    }
    Some(())
}

fn names(columns: &mut [MappedColumn], value: &mut Cursor<'_>) -> Option<()> {
    for column in columns {
        column.name = Some(std::str::from_utf8(value.length_encoded_bytes()?).ok()?.into());
    }
    Some(())
}

fn labels(columns: &mut [MappedColumn], is_kind: fn(WireType) -> bool, value: &mut Cursor<'_>) -> Option<()> {
    for column in columns.iter_mut().filter(|c| is_kind(c.wire)) {
        let count = usize::try_from(value.length_encoded()?).ok()?;
        // Each label has a length byte: a count beyond that is broken, and must not reserve memory.
        if count > value.len() {
            return None;
        }
        let labels: Option<Vec<_>> = (0..count).map(|_| value.length_encoded_bytes().map(Box::from)).collect();
        column.labels = Some(labels?);
    }
    Some(())
}

/// Whether the key's columns stand with the length of their prefix.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyParts {
    Whole,
    WithPrefix,
}

fn key(columns: usize, value: &mut Cursor<'_>, parts: KeyParts) -> Option<Vec<usize>> {
    let mut key = Vec::new();
    while !value.is_empty() {
        let column = usize::try_from(value.length_encoded()?).ok().filter(|&column| column < columns)?;
        if parts == KeyParts::WithPrefix {
            value.length_encoded()?;
        }
        key.push(column);
    }
    Some(key)
}
