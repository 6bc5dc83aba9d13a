//! One cell from its captured form (`model::mysql_type`) to its transformed form (`model::pg_type`).
//!
//! A function of the cell and its column alone: no clock, no locale, no state, so that transform can be repeated. Text is
//! built in one buffer that is reused; cells that do not change are copied as they are.

use std::fmt::Write;

use millrace_model::mysql_type::{MysqlType, Sign};
use millrace_model::row::{Cell, RowWriter};

use crate::convert::Conversion;
use crate::error::ValueProblem;

/// Whether a column is part of the replication key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InKey {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// What is done to the cells of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellRule {
    /// The column does not move.
    Drop,
    /// The cell stays as it is.
    Same,
    /// An unsigned integer that fits the destination's signed type.
    SignedInteger,
    /// An unsigned integer as decimal digits.
    Digits,
    /// BIT(n): n characters.
    Bits(u8),
    /// DATE.
    Date(InKey),
    /// DATETIME.
    DateTime(InKey),
    /// TIMESTAMP: with its time zone, which is UTC.
    Timestamp(InKey),
    /// Text, which must not hold U+0000.
    Text,
    /// JSON, whose strings must not hold U+0000.
    Json,
    /// VECTOR: an array of reals.
    Vector,
    /// The task file says the column's type.
    Convert(Conversion),
}

impl CellRule {
    /// The rule for a column of this type.
    pub fn of(ty: &MysqlType, in_key: InKey) -> Self {
        match ty {
            MysqlType::TinyInt(Sign::Unsigned)
            | MysqlType::SmallInt(Sign::Unsigned)
            | MysqlType::MediumInt(Sign::Unsigned)
            | MysqlType::Int(Sign::Unsigned)
            | MysqlType::Year => Self::SignedInteger,
            MysqlType::BigInt(Sign::Unsigned) => Self::Digits,
            MysqlType::TinyInt(Sign::Signed)
            | MysqlType::SmallInt(Sign::Signed)
            | MysqlType::MediumInt(Sign::Signed)
            | MysqlType::Int(Sign::Signed)
            | MysqlType::BigInt(Sign::Signed)
            | MysqlType::Decimal { .. }
            | MysqlType::Float(_)
            | MysqlType::Double(_)
            | MysqlType::Time(_)
            | MysqlType::Binary(_)
            | MysqlType::Varbinary(_)
            | MysqlType::Blob(_)
            | MysqlType::Geometry(_) => Self::Same,
            MysqlType::Bit(n) => Self::Bits(*n),
            MysqlType::Date => Self::Date(in_key),
            MysqlType::DateTime(_) => Self::DateTime(in_key),
            MysqlType::Timestamp(_) => Self::Timestamp(in_key),
            MysqlType::Char { .. }
            | MysqlType::Varchar { .. }
            | MysqlType::Text { .. }
            | MysqlType::Enum(_)
            | MysqlType::Set(_) => Self::Text,
            MysqlType::Json => Self::Json,
            MysqlType::Vector(_) => Self::Vector,
        }
    }

    /// Whether it leaves most cells as they are.
    pub(crate) fn may_keep(self) -> bool {
        matches!(self, Self::Same | Self::Text | Self::Json | Self::Date(_) | Self::DateTime(_))
    }

    /// Whether [`CellRule::apply`] puts just this cell. False also says that it has not been looked at.
    pub(crate) fn keeps(self, cell: Cell<'_>) -> bool {
        match (self, cell) {
            (Self::Drop, _) => false,
            (_, Cell::Null) | (Self::Same, _) => true,
            (Self::Text, Cell::Text(text)) => !text.as_bytes().contains(&0),
            (Self::Json, Cell::Text(text)) => !holds_escaped_nul(text),
            (Self::Date(_) | Self::DateTime(_), Cell::Text(text)) => matches!(judge_date(text), Ok(DateKind::Valid)),
            _ => false,
        }
    }

    /// Appends the transformed cell; `buffer` is scratch space.
    pub fn apply(self, cell: Cell<'_>, buffer: &mut String, out: &mut RowWriter) -> Result<(), ValueProblem> {
        match (self, cell) {
            (Self::Drop, _) => {}
            (_, Cell::Null) => out.put(Cell::Null),
            (Self::Same, cell) => out.put(cell),
            (Self::SignedInteger, Cell::UInt(value)) => {
                out.put(Cell::Int(i64::try_from(value).map_err(|_| ValueProblem::OtherKind)?));
            }
            (Self::Digits, Cell::UInt(value)) => put_text(buffer, out, format_args!("{value}")),
            (Self::Bits(n), Cell::UInt(value)) => {
                put_text(buffer, out, format_args!("{value:0width$b}", width = n.into()))
            }
            (Self::Date(in_key) | Self::DateTime(in_key), Cell::Text(text)) => match judge_date(text)? {
                DateKind::Valid => out.put(Cell::Text(text)),
                DateKind::Zero => put_zero_date(in_key, out)?,
            },
            (Self::Timestamp(in_key), Cell::Text(text)) => match judge_date(text)? {
                DateKind::Valid => put_text(buffer, out, format_args!("{text}+00")),
                DateKind::Zero => put_zero_date(in_key, out)?,
            },
            (Self::Text, Cell::Text(text)) => match text.as_bytes().contains(&0) {
                false => out.put(Cell::Text(text)),
                true => return Err(ValueProblem::NulCharacter),
            },
            (Self::Json, Cell::Text(text)) => match holds_escaped_nul(text) {
                false => out.put(Cell::Text(text)),
                true => return Err(ValueProblem::NulCharacter),
            },
            (Self::Vector, Cell::Bytes(bytes)) => put_vector(bytes, buffer, out)?,
            (Self::Convert(conversion), cell) => conversion.apply(cell, buffer, out)?,
            _ => return Err(ValueProblem::OtherKind),
        }
        Ok(())
    }
}

pub(crate) fn put_text(buffer: &mut String, out: &mut RowWriter, text: std::fmt::Arguments<'_>) {
    buffer.clear();
    // Writing to a String cannot fail.
    let _ = buffer.write_fmt(text);
    out.put(Cell::Text(buffer));
}

pub(crate) fn put_zero_date(in_key: InKey, out: &mut RowWriter) -> Result<(), ValueProblem> {
    match in_key {
        InKey::No => out.put(Cell::Null),
        InKey::Yes => return Err(ValueProblem::ZeroDateInKey),
    }
    Ok(())
}

/// What a date is.
pub(crate) enum DateKind {
    Valid,
    Zero,
}

/// Judges the date at the start of `YYYY-MM-DD...`. MySQL can hold dates with month or day zero, year zero and, with
/// ALLOW_INVALID_DATES, days that the month does not have.
pub(crate) fn judge_date(text: &str) -> Result<DateKind, ValueProblem> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<u32> { text.get(from..to)?.parse().ok() };
    let parts = (number(0, 4), number(5, 7), number(8, 10));
    let (Some(year), Some(month), Some(day)) = parts else { return Err(ValueProblem::OtherKind) };
    if (year, month, day) == (0, 0, 0) {
        // Only the all-zero value is "no date"; a time without a date is not.
        let all_zero = bytes[10..].iter().all(|b| !b.is_ascii_digit() || *b == b'0');
        return if all_zero { Ok(DateKind::Zero) } else { Err(ValueProblem::InvalidDate) };
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    match year > 0 && (1..=days).contains(&day) {
        true => Ok(DateKind::Valid),
        false => Err(ValueProblem::InvalidDate),
    }
}

/// Whether a JSON text has `\u0000` in a string: an escape whose backslash is not itself escaped.
pub(crate) fn holds_escaped_nul(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|&b| b == b'\\') {
        let escape = at + found;
        if bytes[escape..].starts_with(b"\\u0000") {
            return true;
        }
        at = (escape + 2).min(bytes.len());
    }
    false
}

fn put_vector(bytes: &[u8], buffer: &mut String, out: &mut RowWriter) -> Result<(), ValueProblem> {
    let (elements, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(ValueProblem::OtherKind);
    }
    buffer.clear();
    buffer.push('{');
    for (i, element) in elements.iter().enumerate() {
        if i > 0 {
            buffer.push(',');
        }
        let _ = write!(buffer, "{}", f32::from_le_bytes(*element));
    }
    buffer.push('}');
    out.put(Cell::Text(buffer));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use millrace_model::Row;

    use super::*;

    fn apply(rule: CellRule, cell: Cell<'_>) -> Result<Row, ValueProblem> {
        let mut out = RowWriter::new();
        rule.apply(cell, &mut String::new(), &mut out).map(|()| out.finish())
    }

    fn cell(cell: Cell<'_>) -> Row {
        [cell].into_iter().collect()
    }

    #[test]
    fn values_take_the_destinations_form() {
        for (rule, from, to) in [
            (CellRule::SignedInteger, Cell::UInt(4_294_967_295), Cell::Int(4_294_967_295)),
            (CellRule::Digits, Cell::UInt(u64::MAX), Cell::Text("18446744073709551615")),
            (CellRule::Bits(5), Cell::UInt(0b101), Cell::Text("00101")),
            (CellRule::Bits(64), Cell::UInt(u64::MAX), Cell::Text(&"1".repeat(64))),
            (CellRule::Date(InKey::No), Cell::Text("0000-00-00"), Cell::Null),
            (CellRule::Date(InKey::No), Cell::Text("2024-02-29"), Cell::Text("2024-02-29")),
            (CellRule::DateTime(InKey::No), Cell::Text("0000-00-00 00:00:00.000000"), Cell::Null),
            (
                CellRule::Timestamp(InKey::No),
                Cell::Text("2024-01-01 00:00:00.5"),
                Cell::Text("2024-01-01 00:00:00.5+00"),
            ),
            (CellRule::Same, Cell::Text("-838:59:59"), Cell::Text("-838:59:59")),
            (CellRule::Json, Cell::Text(r#"{"a": "\\u0000"}"#), Cell::Text(r#"{"a": "\\u0000"}"#)),
            (CellRule::Vector, Cell::Bytes(&[0, 0, 128, 63, 0, 0, 32, 192]), Cell::Text("{1,-2.5}")),
            (CellRule::Text, Cell::Null, Cell::Null),
        ] {
            assert_eq!(apply(rule, from).unwrap(), cell(to), "{rule:?} {from:?}");
            assert_eq!(rule.keeps(from), cell(from) == cell(to), "{rule:?} {from:?}");
        }
    }

    #[test]
    fn what_the_destination_cannot_hold_is_refused() {
        for (rule, from, problem) in [
            (CellRule::Date(InKey::Yes), Cell::Text("0000-00-00"), ValueProblem::ZeroDateInKey),
            (CellRule::Date(InKey::No), Cell::Text("2024-00-10"), ValueProblem::InvalidDate),
            (CellRule::Date(InKey::No), Cell::Text("2004-02-30"), ValueProblem::InvalidDate),
            (CellRule::Date(InKey::No), Cell::Text("0000-01-01"), ValueProblem::InvalidDate),
            (CellRule::DateTime(InKey::No), Cell::Text("0000-00-00 00:00:01"), ValueProblem::InvalidDate),
            (CellRule::Text, Cell::Text("a\0b"), ValueProblem::NulCharacter),
            (CellRule::Json, Cell::Text(r#"["\\\u0000"]"#), ValueProblem::NulCharacter),
            (CellRule::Digits, Cell::Text("5"), ValueProblem::OtherKind),
        ] {
            assert_eq!(apply(rule, from).unwrap_err(), problem, "{rule:?} {from:?}");
            assert!(!rule.keeps(from), "{rule:?} {from:?}");
        }
    }
}
