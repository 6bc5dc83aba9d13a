//! Columns whose type in the destination the task file says (`columns.type`): which types a MySQL type may become, and how
//! each value gets there. A conversion loses nothing: a value that would lose something is refused, never changed. So two
//! different values of a column never become one, and a converted column tells rows apart as well as the source's.

use std::borrow::Cow;
use std::fmt::Write;

use millrace_model::mysql_type::MysqlType;
use millrace_model::pg_type::PgType;
use millrace_model::row::{Cell, RowWriter};
use millrace_task::NulCharacters;

use crate::cells::{FIRST_DAY, put_text};
use crate::error::ValueProblem;
use crate::nul::in_json;
use crate::treatment::{Judged, TextPolicy, Treatment};

/// What is done to the cells of a column with a type of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// 0 and 1.
    Boolean,
    /// A whole number between the two.
    Integer {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// Digits: at most `whole` before the point, and `scale` after it that are not zero.
    Numeric {
        /// Digits before the point.
        whole: u16,
        /// Digits after it.
        scale: u16,
    },
    /// FLOAT as double precision.
    Double,
    /// The value's text, of at most so many characters.
    Text {
        /// Characters.
        most: u32,
        /// What becomes of characters that cannot be held.
        policy: TextPolicy,
    },
    /// The same, without spaces at the end: char(n) would lose them.
    FixedText {
        /// Characters.
        most: u32,
        /// What becomes of characters that cannot be held.
        policy: TextPolicy,
    },
    /// JSON, whose strings are without U+0000.
    Json(NulCharacters),
    /// A date, with or without a time: at most `digits` of a second's fraction are not zero.
    Moment {
        /// Whether a time other than midnight is allowed.
        clock: Clock,
        /// Digits of the fraction.
        digits: u8,
        /// Text after the value, such as `+00`.
        suffix: &'static str,
        /// What becomes of dates that the destination does not have.
        treatment: Treatment,
    },
    /// TIME as a time of the day.
    TimeOfDay {
        /// Digits of the fraction.
        digits: u8,
    },
    /// An address, whose text the destination reads.
    Inet,
    /// TIME as an interval.
    Interval {
        /// Digits of the fraction.
        digits: u8,
    },
}

/// Whether a moment's time of day may be other than midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Any time.
    Any,
    /// Midnight, or no time at all.
    Midnight,
}

/// What a MySQL type may become, in words, for errors and `docs/type-mapping.md`.
pub fn allowed(ty: &MysqlType) -> &'static str {
    match ty {
        MysqlType::TinyInt(_)
        | MysqlType::SmallInt(_)
        | MysqlType::MediumInt(_)
        | MysqlType::Int(_)
        | MysqlType::BigInt(_) => "boolean, smallint, integer, bigint, numeric(p,s), text, varchar(n)",
        MysqlType::Decimal { .. } => "smallint, integer, bigint, numeric(p,s), text, varchar(n)",
        MysqlType::Float(_) => "real, double precision",
        MysqlType::Double(_) => "double precision",
        MysqlType::Bit(_) => "boolean, smallint, integer, bigint, numeric(p,s)",
        MysqlType::Date => "date, timestamp(f), text, varchar(n)",
        MysqlType::DateTime(_) => "timestamp(f), date, text, varchar(n)",
        MysqlType::Timestamp(_) => "timestamptz(f), timestamp(f), text, varchar(n)",
        MysqlType::Time(_) => "interval(f), time(f), text, varchar(n)",
        MysqlType::Year => "smallint, integer, bigint, numeric(p,s), text, varchar(n)",
        MysqlType::Char { .. } | MysqlType::Varchar { .. } | MysqlType::Text { .. } => "varchar(n), char(n), text",
        MysqlType::Enum(_) | MysqlType::Set(_) => "text, varchar(n), char(n)",
        MysqlType::Binary(_) | MysqlType::Varbinary(_) | MysqlType::Blob(_) | MysqlType::Geometry(_) => "bytea",
        MysqlType::Json => "jsonb, json, text",
        MysqlType::Vector(_) => "real[]",
        MysqlType::Uuid => "uuid, text, varchar(n)",
        MysqlType::Inet4 | MysqlType::Inet6 => "inet, text, varchar(n)",
    }
}

/// The conversion of a type into one that is not its usual one; none where it is not among [`allowed`].
pub fn conversion(ty: &MysqlType, target: &PgType, treatment: Treatment) -> Option<Conversion> {
    let moment = |clock, digits: u8, suffix| Conversion::Moment { clock, digits, suffix, treatment };
    let (nul, policy) = (treatment.nul_characters(), treatment.text());
    Some(match (ty, target) {
        (_, PgType::Text) if to_text(ty) => Conversion::Text { most: u32::MAX, policy },
        (_, PgType::Varchar(most)) if to_text(ty) && *ty != MysqlType::Json => Conversion::Text { most: *most, policy },
        (_, PgType::Char(most)) if is_character(ty) => Conversion::FixedText { most: *most, policy },
        (_, PgType::Boolean) if is_integer(ty) || matches!(ty, MysqlType::Bit(_)) => Conversion::Boolean,
        (_, PgType::SmallInt) if is_number(ty) => {
            Conversion::Integer { least: i64::from(i16::MIN), most: i64::from(i16::MAX) }
        }
        (_, PgType::Integer) if is_number(ty) => {
            Conversion::Integer { least: i64::from(i32::MIN), most: i64::from(i32::MAX) }
        }
        (_, PgType::BigInt) if is_number(ty) => Conversion::Integer { least: i64::MIN, most: i64::MAX },
        (_, PgType::Numeric { precision, scale }) if is_number(ty) => {
            Conversion::Numeric { whole: precision - scale, scale: *scale }
        }
        (MysqlType::Float(_), PgType::Double) => Conversion::Double,
        (MysqlType::Json, PgType::Json) => Conversion::Json(nul),
        (MysqlType::Date, PgType::Timestamp(_)) => moment(Clock::Midnight, 0, ""),
        (MysqlType::DateTime(_), PgType::Timestamp(digits)) => moment(Clock::Any, *digits, ""),
        (MysqlType::DateTime(_), PgType::Date) => moment(Clock::Midnight, 0, ""),
        (MysqlType::Timestamp(_), PgType::Timestamp(digits)) => moment(Clock::Any, *digits, ""),
        (MysqlType::Timestamp(_), PgType::TimestampTz(digits)) => moment(Clock::Any, *digits, "+00"),
        (MysqlType::Time(_), PgType::Time(digits)) => Conversion::TimeOfDay { digits: *digits },
        (MysqlType::Time(_), PgType::Interval(digits)) => Conversion::Interval { digits: *digits },
        (MysqlType::Inet6, PgType::Inet) => Conversion::Inet,
        _ => return None,
    })
}

fn is_integer(ty: &MysqlType) -> bool {
    matches!(
        ty,
        MysqlType::TinyInt(_)
            | MysqlType::SmallInt(_)
            | MysqlType::MediumInt(_)
            | MysqlType::Int(_)
            | MysqlType::BigInt(_)
    )
}

fn is_number(ty: &MysqlType) -> bool {
    is_integer(ty) || matches!(ty, MysqlType::Decimal { .. } | MysqlType::Bit(_) | MysqlType::Year)
}

fn is_character(ty: &MysqlType) -> bool {
    matches!(
        ty,
        MysqlType::Char { .. }
            | MysqlType::Varchar { .. }
            | MysqlType::Text { .. }
            | MysqlType::Enum(_)
            | MysqlType::Set(_)
    )
}

/// Whether the cell of the type has one text that tells its value.
fn to_text(ty: &MysqlType) -> bool {
    let has_digits = is_number(ty) && !matches!(ty, MysqlType::Bit(_));
    let is_temporal = matches!(
        ty,
        MysqlType::Date | MysqlType::DateTime(_) | MysqlType::Timestamp(_) | MysqlType::Time(_) | MysqlType::Json
    );
    let is_address = matches!(ty, MysqlType::Uuid | MysqlType::Inet4 | MysqlType::Inet6);
    has_digits || is_temporal || is_address || is_character(ty)
}

impl Conversion {
    /// Whether a date can become NULL.
    pub fn may_give_null(self) -> bool {
        matches!(self, Self::Moment { treatment, .. } if treatment.may_give_null())
    }

    /// The conversion under which nothing is changed.
    pub fn strict(self) -> Self {
        let policy = TextPolicy::STRICT;
        match self {
            Self::Text { most, .. } => Self::Text { most, policy },
            Self::FixedText { most, .. } => Self::FixedText { most, policy },
            Self::Json(_) => Self::Json(policy.nul),
            Self::Moment { clock, digits, suffix, treatment } => {
                Self::Moment { clock, digits, suffix, treatment: treatment.strict() }
            }
            other => other,
        }
    }

    /// Appends the converted cell, which is not NULL; `buffer` is scratch space.
    pub fn apply(self, cell: Cell<'_>, buffer: &mut String, out: &mut RowWriter) -> Result<(), ValueProblem> {
        match self {
            Self::Boolean => match cell {
                Cell::Int(value @ (0 | 1)) => out.put(Cell::Int(value)),
                Cell::UInt(value @ (0 | 1)) => out.put(Cell::Int(i64::from(value == 1))),
                Cell::Int(_) | Cell::UInt(_) => return Err(ValueProblem::NoBoolean),
                _ => return Err(ValueProblem::OtherKind),
            },
            Self::Integer { least, most } => {
                let value = whole_number(cell)?;
                let fits = (least..=most).contains(&value);
                out.put(Cell::Int(fits.then_some(value).ok_or(ValueProblem::OutOfRange)?));
            }
            Self::Numeric { whole, scale } => {
                render(cell, buffer)?;
                ensure_digits(buffer, whole, scale)?;
                out.put(Cell::Text(buffer));
            }
            Self::Double => match cell {
                Cell::Float(value) => out.put(Cell::Double(f64::from(value))),
                _ => return Err(ValueProblem::OtherKind),
            },
            Self::Text { most, policy } => {
                out.put(Cell::Text(&short_text(rendered_text(cell, buffer)?, most, policy)?));
            }
            Self::FixedText { most, policy } => {
                let text = short_text(rendered_text(cell, buffer)?, most, policy)?;
                if text.ends_with(' ') {
                    return Err(ValueProblem::TrailingSpace);
                }
                out.put(Cell::Text(&text));
            }
            Self::Json(nul) => out.put(Cell::Text(&in_json(text_of(cell)?, nul)?)),
            Self::Moment { clock, digits, suffix, treatment } => match (treatment.judge(text_of(cell)?)?, clock) {
                (Judged::Itself(text), _) => put_moment(text, clock, digits, suffix, buffer, out)?,
                (Judged::Null, _) => out.put(Cell::Null),
                (Judged::FirstDay, Clock::Midnight) => out.put(Cell::Text(FIRST_DAY)),
                (Judged::FirstDay, Clock::Any) => put_text(buffer, out, format_args!("{FIRST_DAY} 00:00:00{suffix}")),
            },
            Self::TimeOfDay { digits } => {
                let text = text_of(cell)?;
                let hours = text.split(':').next().and_then(|hours| hours.parse::<u32>().ok());
                if hours.is_none_or(|hours| hours > 23) {
                    return Err(ValueProblem::NoTimeOfDay);
                }
                ensure_fraction(text, digits)?;
                out.put(cell);
            }
            Self::Inet => out.put(Cell::Text(text_of(cell)?)),
            Self::Interval { digits } => {
                ensure_fraction(text_of(cell)?, digits)?;
                out.put(cell);
            }
        }
        Ok(())
    }
}

fn text_of(cell: Cell<'_>) -> Result<&str, ValueProblem> {
    match cell {
        Cell::Text(text) => Ok(text),
        _ => Err(ValueProblem::OtherKind),
    }
}

fn whole_number(cell: Cell<'_>) -> Result<i64, ValueProblem> {
    match cell {
        Cell::Int(value) => Ok(value),
        Cell::UInt(value) => i64::try_from(value).map_err(|_| ValueProblem::OutOfRange),
        Cell::Text(text) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            if fraction.bytes().any(|digit| digit != b'0') {
                return Err(ValueProblem::Fraction);
            }
            whole.parse().map_err(|_| ValueProblem::OutOfRange)
        }
        _ => Err(ValueProblem::OtherKind),
    }
}

/// The value's own text, into the buffer.
fn render(cell: Cell<'_>, buffer: &mut String) -> Result<(), ValueProblem> {
    buffer.clear();
    let written = match cell {
        Cell::Int(value) => write!(buffer, "{value}"),
        Cell::UInt(value) => write!(buffer, "{value}"),
        Cell::Text(text) => write!(buffer, "{text}"),
        _ => return Err(ValueProblem::OtherKind),
    };
    written.map_err(|_| ValueProblem::OtherKind)
}

fn ensure_digits(number: &str, whole: u16, scale: u16) -> Result<(), ValueProblem> {
    let digits = number.trim_start_matches('-');
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    if before.trim_start_matches('0').len() > usize::from(whole) {
        return Err(ValueProblem::OutOfRange);
    }
    match after.trim_end_matches('0').len() > usize::from(scale) {
        true => Err(ValueProblem::Fraction),
        false => Ok(()),
    }
}

/// The value's own text, or the text that it is.
fn rendered_text<'c>(cell: Cell<'c>, buffer: &'c mut String) -> Result<Cell<'c>, ValueProblem> {
    if matches!(cell, Cell::Text(_) | Cell::Bytes(_)) {
        return Ok(cell);
    }
    render(cell, buffer)?;
    Ok(Cell::Text(buffer))
}

/// A text of at most `most` characters, as the policy has it.
fn short_text(cell: Cell<'_>, most: u32, policy: TextPolicy) -> Result<Cow<'_, str>, ValueProblem> {
    let text = policy.text(cell)?;
    // Characters are at most as many as bytes.
    if text.len() > most as usize && text.chars().count() > most as usize {
        return Err(ValueProblem::TooLong);
    }
    Ok(text)
}

fn put_moment(
    text: &str,
    clock: Clock,
    digits: u8,
    suffix: &str,
    buffer: &mut String,
    out: &mut RowWriter,
) -> Result<(), ValueProblem> {
    ensure_fraction(text, digits)?;
    let (date, time) = text.split_once(' ').unwrap_or((text, ""));
    match clock {
        Clock::Any => put_text(buffer, out, format_args!("{text}{suffix}")),
        Clock::Midnight if time.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0') => {
            return Err(ValueProblem::TimeInDate);
        }
        Clock::Midnight => out.put(Cell::Text(date)),
    }
    Ok(())
}

/// The destination would round digits that it does not have.
fn ensure_fraction(text: &str, digits: u8) -> Result<(), ValueProblem> {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    match fraction.trim_end_matches('0').len() > usize::from(digits) {
        true => Err(ValueProblem::Fraction),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
