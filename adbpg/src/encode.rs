//! Cells as text: one line of `COPY ... FROM STDIN` per row, an element of an array, or a bare parameter.
//!
//! The text form is the portable one: type input functions read it on every server of the family, while binary COPY was
//! missing or broken on some. What PostgreSQL's COPY reads back is exactly what was written: backslash, tab, newline and
//! carriage return are the only bytes with a meaning in it (manual, COPY, "Text Format"), NULL is `\N` and cannot be
//! confused with the text `\N`, whose backslash is doubled. Floats are printed with the digits that name them alone.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use millrace_model::{Cell, Column, PgType, Row, TableName};

use crate::error::AdbpgError;

/// Where a cell's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A field of a COPY line.
    Copy,
    /// An element of an array.
    Array,
    /// Alone.
    Alone,
}

/// A cell that has no text form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellProblem(pub(crate) &'static str);

const NUL: CellProblem = CellProblem("a text holds a NUL character, which the destination cannot hold");
const FORM: CellProblem = CellProblem("a cell is not in the form that its column's type travels in");

/// Appends a row as one line of COPY text, with its line end. `row` has one cell for each of `columns`.
pub fn put_copy_line(
    out: &mut BytesMut,
    table: &TableName,
    columns: &[Column<PgType>],
    row: &Row,
) -> Result<(), AdbpgError> {
    let mut cells = row.cells();
    for (place, column) in columns.iter().enumerate() {
        if place > 0 {
            out.put_u8(b'\t');
        }
        let cell = cells.next().ok_or_else(|| cell_error(table, column, CellProblem("the row ends before it")))?;
        put_cell(out, &column.ty, cell, Place::Copy).map_err(|problem| cell_error(table, column, problem))?;
    }
    out.put_u8(b'\n');
    match (cells.next(), columns.last()) {
        (Some(_), Some(last)) => Err(cell_error(table, last, CellProblem("the row goes on after it"))),
        _ => Ok(()),
    }
}

pub(crate) fn cell_error(table: &TableName, column: &Column<PgType>, problem: CellProblem) -> AdbpgError {
    AdbpgError::Cell { table: table.to_string(), column: column.name.to_string(), problem: problem.0 }
}

/// Appends the text of a cell of a column of type `ty` (`millrace_model::pg_type` has the form of each type).
pub(crate) fn put_cell(out: &mut BytesMut, ty: &PgType, cell: Cell<'_>, place: Place) -> Result<(), CellProblem> {
    match (ty, cell) {
        (_, Cell::Null) => match place {
            Place::Copy => out.put_slice(b"\\N"),
            Place::Array => out.put_slice(b"NULL"),
            Place::Alone => return Err(FORM),
        },
        (PgType::SmallInt | PgType::Integer | PgType::BigInt, Cell::Int(value)) => put_int(out, value),
        (PgType::Boolean, Cell::Int(0)) => out.put_u8(b'f'),
        (PgType::Boolean, Cell::Int(1)) => out.put_u8(b't'),
        (PgType::Real, Cell::Float(value)) => {
            put_float(out, f64::from(value), format_args!("{value}"), format_args!("{value:e}"));
        }
        (PgType::Double, Cell::Double(value)) => {
            put_float(out, value, format_args!("{value}"), format_args!("{value:e}"));
        }
        (PgType::Bytea, Cell::Bytes(value)) => put_hex(out, value, place),
        (
            PgType::Numeric { .. }
            | PgType::Bit(_)
            | PgType::Date
            | PgType::Timestamp(_)
            | PgType::TimestampTz(_)
            | PgType::Time(_)
            | PgType::Interval(_)
            | PgType::Varchar(_)
            | PgType::Char(_)
            | PgType::Text
            | PgType::Json
            | PgType::Jsonb
            | PgType::RealArray
            | PgType::Uuid
            | PgType::Inet,
            Cell::Text(value),
        ) => return put_text(out, value.as_bytes(), place),
        _ => return Err(FORM),
    }
    Ok(())
}

fn put_int(out: &mut BytesMut, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    out.put_slice(&digits[at..]);
}

/// `plain` and `exponent` are both the shortest digits that give the float back; very large and very small ones would be
/// hundreds of zeros in plain form.
fn put_float(out: &mut BytesMut, value: f64, plain: std::fmt::Arguments<'_>, exponent: std::fmt::Arguments<'_>) {
    let size = value.abs();
    let form = if size != 0.0 && !(1e-5..1e16).contains(&size) && value.is_finite() { exponent } else { plain };
    // Writing into a growing buffer cannot fail. NaN and inf are spelled so that the server reads them.
    let _ = out.write_fmt(form);
}

fn put_hex(out: &mut BytesMut, value: &[u8], place: Place) {
    out.reserve(value.len() * 2 + 5);
    out.put_slice(match place {
        Place::Copy => b"\\\\x",
        Place::Array => b"\"\\\\x",
        Place::Alone => b"\\x",
    });
    put_digits(out, value);
    if place == Place::Array {
        out.put_u8(b'"');
    }
}

/// Two digits for each byte.
pub(crate) fn put_digits(out: &mut BytesMut, value: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in value {
        out.put_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

fn put_text(out: &mut BytesMut, value: &[u8], place: Place) -> Result<(), CellProblem> {
    if place == Place::Array {
        out.put_u8(b'"');
    }
    let mut rest = value;
    loop {
        let clean = clean_length(rest, place);
        out.put_slice(&rest[..clean]);
        let Some(&special) = rest.get(clean) else { break };
        let escape = match special {
            0 => return Err(NUL),
            b'\t' => b't',
            b'\n' => b'n',
            b'\r' => b'r',
            other => other,
        };
        out.put_slice(&[b'\\', escape]);
        rest = &rest[clean + 1..];
    }
    if place == Place::Array {
        out.put_u8(b'"');
    }
    Ok(())
}

fn is_special(byte: u8, place: Place) -> bool {
    match place {
        Place::Copy => matches!(byte, 0 | b'\\' | b'\t' | b'\n' | b'\r'),
        Place::Array => matches!(byte, 0 | b'\\' | b'"'),
        Place::Alone => byte == 0,
    }
}

/// How many bytes from the start need no escape. Eight at a time: a word is looked at byte by byte only where it may
/// hold a special one (bit tricks "haszero" and "hasless" of the Stanford Bit Twiddling Hacks; they may only err on the
/// side of looking).
fn clean_length(bytes: &[u8], place: Place) -> usize {
    let (below, other) = match place {
        Place::Copy => (0x0e, b'\\'),
        Place::Array => (0x01, b'"'),
        Place::Alone => (0x01, 0),
    };
    let mut at = 0;
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word_bits = u64::from_le_bytes(*word);
        let suspect = has_less(word_bits, below) | has_byte(word_bits, b'\\') | has_byte(word_bits, other);
        if suspect != 0
            && let Some(found) = word.iter().position(|&byte| is_special(byte, place))
        {
            return at + found;
        }
        at += 8;
    }
    let tail = bytes.get(at..).unwrap_or_default();
    at + tail.iter().position(|&byte| is_special(byte, place)).unwrap_or(tail.len())
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

fn has_less(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(LOW * u64::from(limit)) & !word & HIGH
}

fn has_byte(word: u64, byte: u8) -> u64 {
    has_less(word ^ (LOW * u64::from(byte)), 1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn text_of(ty: &PgType, cell: Cell<'_>, place: Place) -> Result<String, CellProblem> {
        let mut out = BytesMut::new();
        put_cell(&mut out, ty, cell, place)?;
        Ok(String::from_utf8(out.to_vec()).unwrap())
    }

    #[test]
    fn writes_each_form() {
        let numeric = PgType::Numeric { precision: 65, scale: 30 };
        for (ty, cell, copy) in [
            (&PgType::Text, Cell::Null, "\\N"),
            (&PgType::Text, Cell::Text("\\N"), "\\\\N"),
            (&PgType::Text, Cell::Text(""), ""),
            (&PgType::Text, Cell::Text("a\tb\nc\rd\\e\"'{}\u{b}"), "a\\tb\\nc\\rd\\\\e\"'{}\u{b}"),
            (&PgType::Jsonb, Cell::Text("{\"a\": \"\\n\"}"), "{\"a\": \"\\\\n\"}"),
            (&PgType::BigInt, Cell::Int(i64::MIN), "-9223372036854775808"),
            (&PgType::SmallInt, Cell::Int(0), "0"),
            (&PgType::Boolean, Cell::Int(1), "t"),
            (&PgType::Bytea, Cell::Bytes(&[0, 0x5c, 0xff]), "\\\\x005cff"),
            (&PgType::Real, Cell::Float(0.1), "0.1"),
            (&PgType::Double, Cell::Double(-0.0), "-0"),
            (&PgType::Double, Cell::Double(1e300), "1e300"),
            (&PgType::Double, Cell::Double(5e-324), "5e-324"),
            (&numeric, Cell::Text("18446744073709551615"), "18446744073709551615"),
        ] {
            assert_eq!(text_of(ty, cell, Place::Copy).unwrap(), copy, "{ty} {cell:?}");
        }
        assert_eq!(text_of(&PgType::Text, Cell::Text("a\"\\{,}\t"), Place::Array).unwrap(), "\"a\\\"\\\\{,}\t\"");
        assert_eq!(text_of(&PgType::Bytea, Cell::Bytes(&[1]), Place::Array).unwrap(), "\"\\\\x01\"");
        assert_eq!(text_of(&PgType::Bytea, Cell::Bytes(&[1]), Place::Alone).unwrap(), "\\x01");
    }

    #[test]
    fn refuses_nul_and_wrong_forms() {
        assert_eq!(text_of(&PgType::Text, Cell::Text("aaaaaaaaaa\0"), Place::Copy), Err(NUL));
        assert_eq!(text_of(&PgType::Text, Cell::Text("\0"), Place::Alone), Err(NUL));
        for (ty, cell) in [
            (PgType::Integer, Cell::Text("1")),
            (PgType::Text, Cell::Bytes(b"a")),
            (PgType::Boolean, Cell::Int(2)),
            (PgType::Double, Cell::Float(1.0)),
            (PgType::BigInt, Cell::UInt(1)),
        ] {
            assert_eq!(text_of(&ty, cell, Place::Copy), Err(FORM), "{ty}");
        }
    }

    /// The reading half of COPY, as the manual has it.
    fn read_copy(text: &str) -> Option<String> {
        if text == "\\N" {
            return None;
        }
        let mut chars = text.chars();
        let mut out = String::new();
        while let Some(c) = chars.next() {
            out.push(match c {
                '\\' => match chars.next().unwrap() {
                    't' => '\t',
                    'n' => '\n',
                    'r' => '\r',
                    other => other,
                },
                '\t' | '\n' | '\r' => panic!("a bare {c:?}"),
                other => other,
            });
        }
        Some(out)
    }

    proptest! {
        #[test]
        fn copy_reads_back_what_was_written(text in "([a-z ]{0,20}|[\\x01-\\x10\\\\\"Nntr]|\\PC){0,12}") {
            prop_assert_eq!(read_copy(&text_of(&PgType::Text, Cell::Text(&text), Place::Copy).unwrap()), Some(text));
        }

        #[test]
        fn the_scan_finds_the_first_special_byte(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for place in [Place::Copy, Place::Array, Place::Alone] {
                let simple = bytes.iter().position(|&byte| is_special(byte, place)).unwrap_or(bytes.len());
                prop_assert_eq!(clean_length(&bytes, place), simple);
            }
        }

        #[test]
        fn floats_are_exact(bits in any::<u64>()) {
            let double = f64::from_bits(bits);
            let single = f32::from_bits(bits as u32);
            if double.is_finite() {
                let text = text_of(&PgType::Double, Cell::Double(double), Place::Copy).unwrap();
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), bits);
                prop_assert!(text.len() < 30);
            }
            if single.is_finite() {
                let text = text_of(&PgType::Real, Cell::Float(single), Place::Copy).unwrap();
                prop_assert_eq!(text.parse::<f32>().unwrap().to_bits(), single.to_bits());
            }
        }

        #[test]
        fn integers_are_exact(value in any::<i64>()) {
            prop_assert_eq!(text_of(&PgType::BigInt, Cell::Int(value), Place::Copy).unwrap(), value.to_string());
        }
    }
}
