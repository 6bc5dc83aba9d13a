//! The scalars of MySQL's binary JSON (MySQL source, `sql-common/json_binary.h`).

use std::fmt;

use super::cursor::Cursor;
use super::decimal::DecimalShape;
use super::double::write_double;
use super::json::write_string;
use super::temporal;
use super::text::ShortText;

pub(crate) const LITERAL: u8 = 4;
const INT16: u8 = 5;
const UINT16: u8 = 6;
const INT32: u8 = 7;
const UINT32: u8 = 8;
const INT64: u8 = 9;
const UINT64: u8 = 10;
const DOUBLE: u8 = 11;
const STRING: u8 = 12;
const OPAQUE: u8 = 15;

/// Whether a value of this kind stands in its entry itself, where the entry has so many bytes for it.
pub(crate) fn is_inline(kind: u8, bytes: usize) -> bool {
    match kind {
        LITERAL | INT16 | UINT16 => true,
        INT32 | UINT32 => bytes >= 4,
        _ => false,
    }
}

/// Appends a scalar that begins at the start of `bytes`; `None`: it is broken, or of a kind that does not exist.
pub(crate) fn write(kind: u8, bytes: &[u8], text: &mut String) -> Option<()> {
    let mut cursor = Cursor::new(bytes);
    match kind {
        LITERAL => text.push_str(match cursor.u8()? {
            0 => "null",
            1 => "true",
            2 => "false",
            _ => return None,
        }),
        INT16 => number(text, i64::from(cursor.u16()? as i16)),
        UINT16 => number(text, i64::from(cursor.u16()?)),
        INT32 => number(text, i64::from(cursor.u32()? as i32)),
        UINT32 => number(text, i64::from(cursor.u32()?)),
        INT64 => number(text, cursor.uint(8)? as i64),
        UINT64 => {
            let _ = fmt::write(text, format_args!("{}", cursor.uint(8)?));
        }
        DOUBLE => {
            let value = f64::from_bits(cursor.uint(8)?);
            if !value.is_finite() {
                return None;
            }
            let mut digits = ShortText::new();
            write_double(value, &mut digits);
            text.push_str(digits.as_str());
        }
        STRING => {
            let length = variable_length(&mut cursor)?;
            write_string(std::str::from_utf8(cursor.take(length)?).ok()?, text);
        }
        OPAQUE => {
            let column_type = cursor.u8()?;
            let length = variable_length(&mut cursor)?;
            opaque(column_type, cursor.take(length)?, text)?;
        }
        _ => return None,
    }
    Some(())
}

fn number(text: &mut String, value: i64) {
    let _ = fmt::write(text, format_args!("{value}"));
}

/// 7 bits a byte from the lowest on, at most 32 bits.
fn variable_length(cursor: &mut Cursor<'_>) -> Option<usize> {
    let mut length = 0u64;
    for shift in [0, 7, 14, 21, 28] {
        let byte = cursor.u8()?;
        length |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return u32::try_from(length).ok().map(|length| length as usize);
        }
    }
    None
}

/// A value of an SQL type that JSON does not have: numbers stand bare, everything else in quotes.
fn opaque(column_type: u8, data: &[u8], text: &mut String) -> Option<()> {
    const TIMESTAMP: u8 = 7;
    const DATE: u8 = 10;
    const TIME: u8 = 11;
    const DATE_TIME: u8 = 12;
    const DECIMAL: u8 = 246;
    let packed = || data.try_into().ok().map(i64::from_le_bytes);
    let mut value = ShortText::new();
    match column_type {
        DECIMAL => {
            let mut cursor = Cursor::new(data);
            let shape = DecimalShape::of_json(cursor.u8()?, cursor.u8()?)?;
            shape.read(&mut cursor, &mut value).ok()?;
            text.push_str(value.as_str());
            return Some(());
        }
        DATE => temporal::json_date(packed()?, &mut value),
        TIME => temporal::json_time(packed()?, &mut value),
        DATE_TIME | TIMESTAMP => temporal::json_date_time(packed()?, &mut value),
        _ => {
            let _ = fmt::write(text, format_args!("\"base64:type{column_type}:"));
            base64(data, text);
            text.push('"');
            return Some(());
        }
    }
    text.push('"');
    text.push_str(value.as_str());
    text.push('"');
    Some(())
}

/// Base64 with a line break after every 76 characters that are followed by more, escaped as it then stands in a JSON
/// string (MySQL source, `mysys/base64.h`).
fn base64(data: &[u8], text: &mut String) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const GROUPS_IN_LINE: usize = 19;
    for (index, group) in data.chunks(3).enumerate() {
        if index > 0 && index % GROUPS_IN_LINE == 0 {
            text.push_str("\\n");
        }
        let bits = group.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let sextet = bits >> (18 - 6 * place) & 63;
            text.push(if place <= group.len() { char::from(ALPHABET[sextet as usize]) } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn text(kind: u8, bytes: &[u8]) -> Option<String> {
        let mut text = String::new();
        write(kind, bytes, &mut text).map(|()| text)
    }

    #[test]
    fn prints_scalars() {
        assert_eq!(text(INT16, &[0xff, 0xff]).unwrap(), "-1");
        assert_eq!(text(UINT64, &[0xff; 8]).unwrap(), "18446744073709551615");
        assert_eq!(text(DOUBLE, &1.5f64.to_le_bytes()).unwrap(), "1.5");
        assert_eq!(text(STRING, &[2, b'h', b'i', 9]).unwrap(), "\"hi\"");
        assert_eq!(text(OPAQUE, &[246, 4, 4, 2, 0x80 | 1, 50]).unwrap(), "1.50");
        assert_eq!(text(OPAQUE, &[252, 3, 1, 2, 3]).unwrap(), "\"base64:type252:AQID\"");
        assert_eq!(text(OPAQUE, &[252, 1, 1]).unwrap(), "\"base64:type252:AQ==\"");
        // Of 35 digits before the point, for which the server has room for 36.
        let bytes = b"\xf6\x20\x42\x1e\x7a\x0a\x1f\0\xc4\x65\x36\0\xc4\x65\x36\0\xc4\x65\x36\0\xf8\xa4\x32\xea\xff\x43\
            \x9e\xb1\xca\x48\x40\x78\xfc\x85";
        let nines = "9".repeat(35);
        assert_eq!(text(OPAQUE, bytes).unwrap(), format!("-{nines}.123456789012345678901234567890"));
        assert_eq!(text(LITERAL, &[3]), None);
        assert_eq!(text(DOUBLE, &f64::NAN.to_le_bytes()), None);
    }
}
