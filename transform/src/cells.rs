//! One cell from its captured form (`model::mysql_type`) to its transformed form (`model::pg_type`).
//!
//! A function of the cell and its column alone: no clock, no locale, no state, so that transform can be repeated. Text is
//! built in one buffer that is reused; cells that do not change are copied as they are.

use std::fmt::Write;

use millrace_model::mysql_type::{MysqlType, Sign};
use millrace_model::row::{Cell, RowWriter};
use millrace_task::NulCharacters;

use crate::convert::Conversion;
use crate::error::ValueProblem;
use crate::nul::{holds_escaped_nul, in_json};
use crate::treatment::{DateKind, Judged, TextPolicy, Treatment, kind_of_date};

/// What stands for dates that the destination does not have, where the task file says so.
pub(crate) const FIRST_DAY: &str = "0001-01-01";

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
    Date(Treatment),
    /// DATETIME.
    DateTime(Treatment),
    /// TIMESTAMP: with its time zone, which is UTC.
    Timestamp(Treatment),
    /// Text, without U+0000.
    Text(TextPolicy),
    /// JSON, whose strings are without U+0000.
    Json(NulCharacters),
    /// VECTOR: an array of reals.
    Vector,
    /// The task file says the column's type.
    Convert(Conversion),
}

impl CellRule {
    /// The rule for a column of this type.
    pub fn of(ty: &MysqlType, treatment: Treatment) -> Self {
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
            | MysqlType::Geometry(_)
            | MysqlType::Uuid
            | MysqlType::Inet4
            | MysqlType::Inet6 => Self::Same,
            MysqlType::Bit(n) => Self::Bits(*n),
            MysqlType::Date => Self::Date(treatment),
            MysqlType::DateTime(_) => Self::DateTime(treatment),
            MysqlType::Timestamp(_) => Self::Timestamp(treatment),
            MysqlType::Char { .. }
            | MysqlType::Varchar { .. }
            | MysqlType::Text { .. }
            | MysqlType::Enum(_)
            | MysqlType::Set(_) => Self::Text(treatment.text()),
            MysqlType::Json => Self::Json(treatment.nul_characters()),
            MysqlType::Vector(_) => Self::Vector,
        }
    }

    /// The rule under which nothing is changed: what it refuses is refused or changed by this one.
    pub fn strict(self) -> Self {
        match self {
            Self::Date(treatment) => Self::Date(treatment.strict()),
            Self::DateTime(treatment) => Self::DateTime(treatment.strict()),
            Self::Timestamp(treatment) => Self::Timestamp(treatment.strict()),
            Self::Text(_) => Self::Text(TextPolicy::STRICT),
            Self::Json(_) => Self::Json(NulCharacters::Stop),
            Self::Convert(conversion) => Self::Convert(conversion.strict()),
            Self::Drop | Self::Same | Self::SignedInteger | Self::Digits | Self::Bits(_) | Self::Vector => self,
        }
    }

    /// Whether a value that is not NULL can become NULL.
    pub fn may_give_null(self) -> bool {
        match self {
            Self::Date(treatment) | Self::DateTime(treatment) | Self::Timestamp(treatment) => treatment.may_give_null(),
            Self::Convert(conversion) => conversion.may_give_null(),
            _ => false,
        }
    }

    /// Whether it leaves most cells as they are.
    pub(crate) fn may_keep(self) -> bool {
        matches!(self, Self::Same | Self::Text(_) | Self::Json(_) | Self::Date(_) | Self::DateTime(_))
    }

    /// Whether [`CellRule::apply`] puts just this cell. False also says that it has not been looked at.
    pub(crate) fn keeps(self, cell: Cell<'_>) -> bool {
        match (self, cell) {
            (Self::Drop, _) => false,
            (_, Cell::Null) | (Self::Same, _) => true,
            (Self::Text(_), Cell::Text(text)) => !text.as_bytes().contains(&0),
            (Self::Json(_), Cell::Text(text)) => !holds_escaped_nul(text),
            (Self::Date(_) | Self::DateTime(_), Cell::Text(text)) => matches!(kind_of_date(text), Ok(DateKind::Valid)),
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
            (Self::Date(treatment), Cell::Text(text)) => match treatment.judge(text)? {
                Judged::Itself(text) => out.put(Cell::Text(text)),
                Judged::Null => out.put(Cell::Null),
                Judged::FirstDay => out.put(Cell::Text(FIRST_DAY)),
            },
            (Self::DateTime(treatment), Cell::Text(text)) => match treatment.judge(text)? {
                Judged::Itself(text) => out.put(Cell::Text(text)),
                Judged::Null => out.put(Cell::Null),
                Judged::FirstDay => put_text(buffer, out, format_args!("{FIRST_DAY} 00:00:00")),
            },
            (Self::Timestamp(treatment), Cell::Text(text)) => match treatment.judge(text)? {
                Judged::Itself(text) => put_text(buffer, out, format_args!("{text}+00")),
                Judged::Null => out.put(Cell::Null),
                Judged::FirstDay => put_text(buffer, out, format_args!("{FIRST_DAY} 00:00:00+00")),
            },
            (Self::Text(policy), cell) => out.put(Cell::Text(&policy.text(cell)?)),
            (Self::Json(policy), Cell::Text(text)) => out.put(Cell::Text(&in_json(text, policy)?)),
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

    use millrace_task::{InvalidText, ValuePolicies};

    use super::*;
    use crate::treatment::InKey;

    fn usual() -> Treatment {
        Treatment::new(InKey::No, ValuePolicies::default())
    }

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
            (CellRule::Date(usual()), Cell::Text("0000-00-00"), Cell::Null),
            (CellRule::Date(usual()), Cell::Text("2024-02-29"), Cell::Text("2024-02-29")),
            (CellRule::DateTime(usual()), Cell::Text("0000-00-00 00:00:00.000000"), Cell::Null),
            (CellRule::Timestamp(usual()), Cell::Text("2024-01-01 00:00:00.5"), Cell::Text("2024-01-01 00:00:00.5+00")),
            (CellRule::Same, Cell::Text("-838:59:59"), Cell::Text("-838:59:59")),
            (CellRule::Json(NulCharacters::Stop), Cell::Text(r#"{"a": "\\u0000"}"#), Cell::Text(r#"{"a": "\\u0000"}"#)),
            (CellRule::Vector, Cell::Bytes(&[0, 0, 128, 63, 0, 0, 32, 192]), Cell::Text("{1,-2.5}")),
            (CellRule::Text(TextPolicy::STRICT), Cell::Null, Cell::Null),
        ] {
            assert_eq!(apply(rule, from).unwrap(), cell(to), "{rule:?} {from:?}");
            assert_eq!(rule.keeps(from), cell(from) == cell(to), "{rule:?} {from:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_character_are_replaced_where_the_policy_says_so() {
        let policy = |nul| TextPolicy { nul, invalid: InvalidText::Replace };
        for (rule, from, to) in [
            (
                CellRule::Text(policy(NulCharacters::Stop)),
                Cell::Bytes(b"\xffa\xc3\xa9\xff\xff"),
                "\u{fffd}aé\u{fffd}\u{fffd}",
            ),
            (CellRule::Text(policy(NulCharacters::Remove)), Cell::Bytes(b"\0\xff"), "\u{fffd}"),
        ] {
            assert_eq!(apply(rule, from).unwrap(), cell(Cell::Text(to)), "{from:?}");
            assert!(!rule.keeps(from));
        }
        let rule = CellRule::Text(policy(NulCharacters::Stop));
        assert_eq!(apply(rule, Cell::Bytes(b"\0\xff")).unwrap_err(), ValueProblem::NulCharacter);
        let mut policies = ValuePolicies::default();
        policies.invalid_text = InvalidText::Replace;
        let text = MysqlType::Text { length_bytes: 2, charset: "cp1250".into() };
        let in_key = CellRule::of(&text, Treatment::new(InKey::Yes, policies));
        assert_eq!(apply(in_key, Cell::Bytes(b"\xff")).unwrap_err(), ValueProblem::InvalidText);
    }

    #[test]
    fn what_the_destination_cannot_hold_is_refused() {
        for (rule, from, problem) in [
            (
                CellRule::Date(Treatment::new(InKey::Yes, ValuePolicies::default())),
                Cell::Text("0000-00-00"),
                ValueProblem::ZeroDateInKey,
            ),
            (CellRule::Date(usual()), Cell::Text("2024-00-10"), ValueProblem::InvalidDate),
            (CellRule::Date(usual()), Cell::Text("2004-02-30"), ValueProblem::InvalidDate),
            (CellRule::Date(usual()), Cell::Text("0000-01-01"), ValueProblem::InvalidDate),
            (CellRule::DateTime(usual()), Cell::Text("0000-00-00 00:00:01"), ValueProblem::InvalidDate),
            (CellRule::Text(TextPolicy::STRICT), Cell::Text("a\0b"), ValueProblem::NulCharacter),
            (CellRule::Json(NulCharacters::Stop), Cell::Text(r#"["\\\u0000"]"#), ValueProblem::NulCharacter),
            (CellRule::Text(TextPolicy::STRICT), Cell::Bytes(b"a\xff"), ValueProblem::InvalidText),
            (CellRule::Digits, Cell::Text("5"), ValueProblem::OtherKind),
        ] {
            assert_eq!(apply(rule, from).unwrap_err(), problem, "{rule:?} {from:?}");
            assert!(!rule.keeps(from), "{rule:?} {from:?}");
        }
    }
}
