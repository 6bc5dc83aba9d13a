//! Values of the client library in the cell form of their type (`millrace_model::mysql_type`), and back as parameters.
//!
//! The forms must be byte for byte those of the binlog's decoder. In the binary protocol FLOAT and DOUBLE come as bits,
//! dates as parts; texts come converted to utf8mb4 by the server, or as their bytes.

use std::fmt::Write;

use millrace_model::mysql_type::Sign;
use millrace_model::{Cell, MysqlType, RowWriter};
use mysql_async::Value;
use mysql_async::consts::{ColumnFlags, ColumnType};

use crate::addresses;
use crate::binlog::NO_TEXT;
use crate::charset::TextDecoder;

/// Puts a value as the cell of its type. The error says what is wrong with it, without the value.
pub fn put_value(
    writer: &mut RowWriter,
    scratch: &mut String,
    ty: &MysqlType,
    value: &Value,
) -> Result<(), &'static str> {
    scratch.clear();
    let cell = match (ty, value) {
        (_, Value::NULL) => Cell::Null,
        (
            MysqlType::TinyInt(sign)
            | MysqlType::SmallInt(sign)
            | MysqlType::MediumInt(sign)
            | MysqlType::Int(sign)
            | MysqlType::BigInt(sign),
            Value::Int(_) | Value::UInt(_),
        ) => integer(*sign, value)?,
        (MysqlType::Year, Value::Int(_) | Value::UInt(_)) => integer(Sign::Unsigned, value)?,
        (MysqlType::Bit(_), Value::Bytes(bytes)) if bytes.len() <= 8 => {
            Cell::UInt(bytes.iter().fold(0, |bits, &b| bits << 8 | u64::from(b)))
        }
        (MysqlType::Decimal { .. }, Value::Bytes(bytes)) => Cell::Text(plain_decimal(text(bytes)?, scratch)),
        (MysqlType::Float(_), Value::Float(v)) => Cell::Float(*v),
        (MysqlType::Double(_), Value::Double(v)) => Cell::Double(*v),
        (_, Value::Date(..) | Value::Time(..)) => {
            put_moment(scratch, ty, value)?;
            Cell::Text(scratch)
        }
        (
            MysqlType::Char { .. }
            | MysqlType::Varchar { .. }
            | MysqlType::Text { .. }
            | MysqlType::Enum(_)
            | MysqlType::Set(_)
            | MysqlType::Json,
            Value::Bytes(bytes),
        ) => Cell::Text(text(bytes)?),
        (
            MysqlType::Binary(_)
            | MysqlType::Varbinary(_)
            | MysqlType::Blob(_)
            | MysqlType::Geometry(_)
            | MysqlType::Vector(_),
            Value::Bytes(bytes),
        ) => Cell::Bytes(bytes),
        (MysqlType::Uuid | MysqlType::Inet4 | MysqlType::Inet6, Value::Bytes(bytes)) => {
            addresses::put_text(ty, text(bytes)?, scratch).ok_or(OTHER_TYPE)?;
            Cell::Text(scratch)
        }
        _ => return Err(OTHER_TYPE),
    };
    writer.put(cell);
    Ok(())
}

/// Puts text that came as its bytes.
pub(crate) fn put_decoded(
    writer: &mut RowWriter,
    scratch: &mut String,
    decoder: &TextDecoder,
    bytes: &[u8],
) -> Result<(), &'static str> {
    writer.put(Cell::Text(decoder.decode(bytes, scratch).ok_or(NO_TEXT)?));
    Ok(())
}

const OTHER_TYPE: &str = "the value is not of the column's type";

/// Dates and times; sent in parts.
fn put_moment(out: &mut String, ty: &MysqlType, value: &Value) -> Result<(), &'static str> {
    match (ty, value) {
        (MysqlType::Date, Value::Date(year, month, day, ..)) => {
            put_text(out, format_args!("{year:04}-{month:02}-{day:02}"));
        }
        (MysqlType::DateTime(digits) | MysqlType::Timestamp(digits), &Value::Date(y, mo, d, h, mi, s, micros)) => {
            put_text(out, format_args!("{y:04}-{mo:02}-{d:02} {h:02}:{mi:02}:{s:02}"));
            put_fraction(out, micros, *digits);
        }
        (MysqlType::Time(digits), &Value::Time(negative, days, h, m, s, micros)) => {
            let sign = if negative { "-" } else { "" };
            put_text(out, format_args!("{sign}{:02}:{m:02}:{s:02}", days * 24 + u32::from(h)));
            put_fraction(out, micros, *digits);
        }
        _ => return Err(OTHER_TYPE),
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(bytes).map_err(|_| "the text is not valid in its character set")
}

fn put_text(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

fn put_fraction(out: &mut String, micros: u32, digits: u8) {
    if digits > 0 {
        let digits = usize::from(digits.min(6));
        let all = format!("{micros:06}");
        out.push('.');
        out.push_str(&all[..digits]);
    }
}

fn integer(sign: Sign, value: &Value) -> Result<Cell<'static>, &'static str> {
    let out_of_range = "the integer has another sign than its column";
    match (sign, value) {
        (Sign::Signed, Value::Int(v)) => Ok(Cell::Int(*v)),
        (Sign::Signed, Value::UInt(v)) => i64::try_from(*v).map(Cell::Int).map_err(|_| out_of_range),
        (Sign::Unsigned, Value::UInt(v)) => Ok(Cell::UInt(*v)),
        (Sign::Unsigned, Value::Int(v)) => u64::try_from(*v).map(Cell::UInt).map_err(|_| out_of_range),
        _ => Err(out_of_range),
    }
}

/// Without the zeros that ZEROFILL puts before a decimal.
fn plain_decimal<'a>(text: &'a str, scratch: &'a mut String) -> &'a str {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let point = digits.find('.').unwrap_or(digits.len());
    let zeros = digits[..point].bytes().take_while(|&b| b == b'0').count();
    // One digit stays before the point.
    let cut = zeros.min(point.saturating_sub(1));
    if cut == 0 && point > 0 {
        return text;
    }
    scratch.push_str(sign);
    if point == 0 {
        scratch.push('0');
    }
    scratch.push_str(&digits[cut..]);
    scratch
}

/// A key's cell as a parameter that the server compares with the column as it stands in the index.
pub fn parameter(ty: &MysqlType, cell: Cell<'_>) -> Value {
    match (ty, cell) {
        (_, Cell::Null) => Value::NULL,
        (MysqlType::Enum(labels), Cell::Text(label)) => {
            Value::UInt(labels.iter().position(|l| l == label).map_or(0, |at| at as u64 + 1))
        }
        (MysqlType::Set(labels), Cell::Text(text)) => Value::UInt(set_bits(labels, text)),
        (MysqlType::Date | MysqlType::DateTime(_) | MysqlType::Timestamp(_), Cell::Text(text)) => {
            moment(text).unwrap_or_else(|| Value::Bytes(text.as_bytes().to_vec()))
        }
        (MysqlType::Time(_), Cell::Text(text)) => {
            duration(text).unwrap_or_else(|| Value::Bytes(text.as_bytes().to_vec()))
        }
        (_, Cell::Int(v)) => Value::Int(v),
        (_, Cell::UInt(v)) => Value::UInt(v),
        (_, Cell::Float(v)) => Value::Double(f64::from(v)),
        (_, Cell::Double(v)) => Value::Double(v),
        (_, Cell::Text(v)) => Value::Bytes(v.as_bytes().to_vec()),
        // Parameters are texts to the server: bytes go through UNHEX.
        (_, Cell::Bytes(v)) => {
            let mut digits = String::with_capacity(v.len() * 2);
            v.iter().for_each(|b| put_text(&mut digits, format_args!("{b:02X}")));
            Value::Bytes(digits.into_bytes())
        }
    }
}

fn set_bits(labels: &[String], text: &str) -> u64 {
    let mut bits = 0;
    for chosen in text.split(',') {
        if let Some(at) = labels.iter().position(|l| l == chosen) {
            bits |= 1u64 << at.min(63);
        }
    }
    bits
}

fn moment(text: &str) -> Option<Value> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
    let small = |range| number(range).and_then(|n| u8::try_from(n).ok());
    let year = u16::try_from(number(0..4)?).ok()?;
    let (month, day) = (small(5..7)?, small(8..10)?);
    if text.len() == 10 {
        return Some(Value::Date(year, month, day, 0, 0, 0, 0));
    }
    Some(Value::Date(year, month, day, small(11..13)?, small(14..16)?, small(17..19)?, micros(text.get(19..)?)?))
}

fn duration(text: &str) -> Option<Value> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let mut parts = rest.splitn(3, ':');
    let hours: u32 = parts.next()?.parse().ok()?;
    let minutes: u8 = parts.next()?.parse().ok()?;
    let seconds = parts.next()?;
    let hour = u8::try_from(hours % 24).ok()?;
    let fraction = micros(seconds.get(2..)?)?;
    Some(Value::Time(negative, hours / 24, hour, minutes, seconds.get(..2)?.parse().ok()?, fraction))
}

/// Microseconds of `.5` or of nothing.
fn micros(fraction: &str) -> Option<u32> {
    match fraction.strip_prefix('.') {
        None => fraction.is_empty().then_some(0),
        Some(digits) => format!("{digits:0<6}").parse().ok(),
    }
}

/// How the text of a column comes from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextForm {
    /// Converted to utf8mb4.
    Text,
    /// As the bytes that are stored.
    Bytes,
}

/// What differs between a column of a result and the type that its schema says; none when they agree. Columns of a
/// changed table must not be read as what they were.
pub fn difference(ty: &MysqlType, form: TextForm, column: &mysql_async::Column) -> Option<&'static str> {
    use ColumnType as C;
    let found = column.column_type();
    let sign_agrees = |sign: &Sign| (*sign == Sign::Unsigned) == column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    let agrees = match ty {
        MysqlType::TinyInt(sign) => found == C::MYSQL_TYPE_TINY && sign_agrees(sign),
        MysqlType::SmallInt(sign) => found == C::MYSQL_TYPE_SHORT && sign_agrees(sign),
        MysqlType::MediumInt(sign) => found == C::MYSQL_TYPE_INT24 && sign_agrees(sign),
        MysqlType::Int(sign) => found == C::MYSQL_TYPE_LONG && sign_agrees(sign),
        MysqlType::BigInt(sign) => found == C::MYSQL_TYPE_LONGLONG && sign_agrees(sign),
        MysqlType::Decimal { scale, .. } => found == C::MYSQL_TYPE_NEWDECIMAL && column.decimals() == *scale,
        MysqlType::Float(_) => found == C::MYSQL_TYPE_FLOAT,
        MysqlType::Double(_) => found == C::MYSQL_TYPE_DOUBLE,
        MysqlType::Bit(_) => found == C::MYSQL_TYPE_BIT,
        MysqlType::Date => matches!(found, C::MYSQL_TYPE_DATE | C::MYSQL_TYPE_NEWDATE),
        MysqlType::DateTime(digits) => found == C::MYSQL_TYPE_DATETIME && column.decimals() == *digits,
        MysqlType::Timestamp(digits) => found == C::MYSQL_TYPE_TIMESTAMP && column.decimals() == *digits,
        MysqlType::Time(digits) => found == C::MYSQL_TYPE_TIME && column.decimals() == *digits,
        MysqlType::Year => found == C::MYSQL_TYPE_YEAR,
        MysqlType::Json => matches!(found, C::MYSQL_TYPE_JSON | C::MYSQL_TYPE_BLOB | C::MYSQL_TYPE_LONG_BLOB),
        MysqlType::Geometry(_) => found == C::MYSQL_TYPE_GEOMETRY,
        MysqlType::Vector(_) => matches!(found, C::MYSQL_TYPE_VECTOR | C::MYSQL_TYPE_BLOB),
        MysqlType::Enum(_) => column.flags().contains(ColumnFlags::ENUM_FLAG),
        MysqlType::Set(_) => column.flags().contains(ColumnFlags::SET_FLAG),
        MysqlType::Char { .. } | MysqlType::Varchar { .. } | MysqlType::Text { .. } => match form {
            TextForm::Text => is_text(column),
            TextForm::Bytes => is_bytes(column),
        },
        MysqlType::Binary(_) | MysqlType::Varbinary(_) | MysqlType::Blob(_) => is_bytes(column),
        MysqlType::Uuid | MysqlType::Inet4 | MysqlType::Inet6 => is_string(column),
    };
    (!agrees).then_some("its type is another one now")
}

fn is_string(column: &mysql_async::Column) -> bool {
    use ColumnType as C;
    matches!(
        column.column_type(),
        C::MYSQL_TYPE_STRING
            | C::MYSQL_TYPE_VAR_STRING
            | C::MYSQL_TYPE_VARCHAR
            | C::MYSQL_TYPE_TINY_BLOB
            | C::MYSQL_TYPE_BLOB
            | C::MYSQL_TYPE_MEDIUM_BLOB
            | C::MYSQL_TYPE_LONG_BLOB
    ) && !column.flags().intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG)
}

/// 63 is the `binary` character set.
fn is_text(column: &mysql_async::Column) -> bool {
    is_string(column) && column.character_set() != 63
}

fn is_bytes(column: &mysql_async::Column) -> bool {
    is_string(column) && column.character_set() == 63
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::column_type::parse_column_type;

    fn cell(ty: &str, value: Value) -> String {
        let mut writer = RowWriter::new();
        let ty = parse_column_type(ty, Some("utf8mb4")).unwrap();
        match put_value(&mut writer, &mut String::new(), &ty, &value) {
            Ok(()) => format!("{:?}", writer.finish().cell(0)),
            Err(what) => what.to_owned(),
        }
    }

    #[test]
    fn writes_the_form_of_each_type() {
        let bytes = |text: &str| Value::Bytes(text.as_bytes().to_vec());
        for (ty, value, expected) in [
            ("int", Value::Int(-1), "Int(-1)"),
            ("int unsigned", Value::Int(7), "UInt(7)"),
            ("bit(12)", Value::Bytes(vec![1, 2]), "UInt(258)"),
            ("year", Value::UInt(0), "UInt(0)"),
            ("decimal(6,2) unsigned zerofill", bytes("0012.50"), "Text(\"12.50\")"),
            ("decimal(6,2)", bytes("-0.50"), "Text(\"-0.50\")"),
            ("decimal(6,2)", bytes("0000.00"), "Text(\"0.00\")"),
            ("decimal(6,6)", bytes(".500000"), "Text(\"0.500000\")"),
            ("date", Value::Date(0, 0, 0, 0, 0, 0, 0), "Text(\"0000-00-00\")"),
            ("datetime(3)", Value::Date(2024, 1, 2, 3, 4, 5, 6000), "Text(\"2024-01-02 03:04:05.006\")"),
            ("time", Value::Time(true, 34, 22, 59, 59, 0), "Text(\"-838:59:59\")"),
            ("time(1)", Value::Time(false, 0, 1, 2, 3, 500_000), "Text(\"01:02:03.5\")"),
            ("inet6", bytes("0:0::1"), "Text(\"::1\")"),
            ("uuid", bytes("no uuid"), "the value is not of the column's type"),
            ("varchar(3)", Value::Bytes(vec![0xff]), "the text is not valid in its character set"),
            ("int", bytes("1"), "the value is not of the column's type"),
        ] {
            assert_eq!(cell(ty, value), expected, "{ty}");
        }
    }

    #[test]
    fn parameters_give_back_the_value() {
        for (ty, value) in [
            ("datetime(3)", Value::Date(2024, 1, 2, 3, 4, 5, 6000)),
            ("date", Value::Date(0, 0, 0, 0, 0, 0, 0)),
            ("time(6)", Value::Time(true, 34, 22, 59, 59, 1)),
        ] {
            let ty = parse_column_type(ty, None).unwrap();
            let mut writer = RowWriter::new();
            put_value(&mut writer, &mut String::new(), &ty, &value).unwrap();
            assert_eq!(parameter(&ty, writer.finish().cell(0)), value);
        }
        let set = parse_column_type("set('a','b','c')", None).unwrap();
        assert_eq!(parameter(&set, Cell::Text("a,c")), Value::UInt(5));
        assert_eq!(parameter(&set, Cell::Text("")), Value::UInt(0));
    }
}
