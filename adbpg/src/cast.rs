//! Changes of a column's type, for the rows that are there: as MySQL changes its own, or not at all.
//!
//! Every cast here refuses what it cannot keep, but that of floats to text: an implicit one of PostgreSQL from text cuts
//! nothing but spaces, and numbers out of range are errors. MySQL rounds a DATETIME that becomes a DATE, and half away from
//! zero where a number loses digits, as numeric does.

use millrace_model::PgType;

/// What a change of type needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeChange {
    /// Nothing: the types are the same.
    Same,
    /// The definition: every value of the old type is one of the new, in the same form.
    Definition,
    /// Every value goes through this expression, in which `$` is the column, and is then assigned to the new type.
    Cast(String),
}

impl TypeChange {
    /// The expression for a column that is called so in SQL.
    pub fn expression(&self, column: &str) -> String {
        match self {
            Self::Same | Self::Definition => column.to_owned(),
            Self::Cast(form) => form.replace('$', column),
        }
    }
}

/// What a change of type needs; none where the destination cannot make the new value of the old.
pub fn type_change(from: &PgType, to: &PgType) -> Option<TypeChange> {
    if from == to {
        return Some(TypeChange::Same);
    }
    if keeps_form(from, to) {
        return Some(TypeChange::Definition);
    }
    cast(from, to).map(TypeChange::Cast)
}

/// Changes that PostgreSQL makes without looking at a row (manual, ALTER TABLE, "Notes").
fn keeps_form(from: &PgType, to: &PgType) -> bool {
    match (from, to) {
        (PgType::Varchar(_), PgType::Text) => true,
        (PgType::Varchar(old), PgType::Varchar(new)) => new >= old,
        (PgType::Numeric { precision: p, scale: s }, PgType::Numeric { precision, scale }) => {
            precision >= p && scale == s
        }
        (PgType::Timestamp(old), PgType::Timestamp(new))
        | (PgType::TimestampTz(old), PgType::TimestampTz(new))
        | (PgType::Time(old), PgType::Time(new))
        | (PgType::Interval(old), PgType::Interval(new)) => new >= old,
        _ => false,
    }
}

fn cast(from: &PgType, to: &PgType) -> Option<String> {
    let form = match (from, to) {
        (from, to) if is_text(from) && is_text(to) => "$".to_owned(),
        (from, to) if is_exact(from) && is_number(to) => format!("$::{to}"),
        (from, to) if is_float(from) && is_float(to) => format!("$::{to}"),
        (from, to) if is_float(from) && is_exact(to) => format!("$::double precision::numeric::{to}"),
        (from, to) if is_exact(from) && is_text(to) => "$::text".to_owned(),
        // The source prints these its own way, so the rows are read again whatever is here.
        (from, to) if is_float(from) && is_text(to) => format!("$::text::{to}"),
        (from, to) if is_text(from) && is_exact(to) => format!("$::numeric::{to}"),
        (from, to) if is_text(from) && is_float(to) => format!("$::{to}"),
        (PgType::Boolean, to) if is_number(to) => format!("$::integer::{to}"),
        (PgType::Boolean, to) if is_text(to) => "$::integer::text".to_owned(),
        (from, PgType::Boolean) if is_exact(from) => "$ <> 0".to_owned(),
        (PgType::Bit(_), PgType::Bit(n)) => format!("$::bigint::bit({n})"),
        (PgType::Bit(_), to) if is_exact(to) => format!("$::bigint::{to}"),
        (from, PgType::Bit(n)) if is_exact(from) => format!("$::bigint::bit({n})"),
        (PgType::Json | PgType::Jsonb, to) if is_text(to) => "$::text".to_owned(),
        (from, PgType::Json | PgType::Jsonb) if is_text(from) => format!("$::{to}"),
        (PgType::Json, PgType::Jsonb) | (PgType::Jsonb, PgType::Json) => format!("$::{to}"),
        (PgType::Uuid, to) if is_text(to) => "$::text".to_owned(),
        // Without `/32`, which the cast to text puts behind it.
        (PgType::Inet, to) if is_text(to) => "host($)".to_owned(),
        (from, PgType::Uuid | PgType::Inet) if is_text(from) => format!("$::{to}"),
        (PgType::Bytea, to) if is_text(to) => "convert_from($, 'UTF8')".to_owned(),
        (from, PgType::Bytea) if is_text(from) => "convert_to($::text, 'UTF8')".to_owned(),
        (from, to) => return moment(from, to),
    };
    Some(form)
}

/// Dates and times. An instant is taken apart in UTC, which is how it travels.
fn moment(from: &PgType, to: &PgType) -> Option<String> {
    let form = match (from, to) {
        (PgType::Date, PgType::Timestamp(_)) => format!("$::{to}"),
        (PgType::Timestamp(_), PgType::Timestamp(_))
        | (PgType::TimestampTz(_), PgType::TimestampTz(_))
        | (PgType::Time(_), PgType::Time(_) | PgType::Interval(_))
        | (PgType::Interval(_), PgType::Interval(_)) => format!("$::{to}"),
        (PgType::Timestamp(_), PgType::Date) => "date_trunc('second', $ + interval '0.5 second')::date".to_owned(),
        (PgType::TimestampTz(_), PgType::Date) => {
            "date_trunc('second', ($ AT TIME ZONE 'UTC') + interval '0.5 second')::date".to_owned()
        }
        (PgType::Date | PgType::Timestamp(_), PgType::TimestampTz(_)) => {
            format!("($::timestamp AT TIME ZONE 'UTC')::{to}")
        }
        (PgType::TimestampTz(_), PgType::Timestamp(_)) => format!("($ AT TIME ZONE 'UTC')::{to}"),
        (PgType::Date, to) if is_text(to) => "$::text".to_owned(),
        (PgType::Timestamp(digits), to) if is_text(to) => printed("$", "YYYY-MM-DD HH24:MI:SS", 19, *digits),
        (PgType::TimestampTz(digits), to) if is_text(to) => {
            printed("$ AT TIME ZONE 'UTC'", "YYYY-MM-DD HH24:MI:SS", 19, *digits)
        }
        (from, PgType::Date | PgType::Timestamp(_) | PgType::Time(_) | PgType::Interval(_)) if is_text(from) => {
            format!("$::{to}")
        }
        _ => return None,
    };
    Some(form)
}

/// A moment as MySQL prints it: with exactly `digits` of the fraction.
fn printed(value: &str, form: &str, length: u8, digits: u8) -> String {
    match digits {
        0 => format!("to_char({value}, '{form}')"),
        digits => format!("left(to_char({value}, '{form}.US'), {})", length + 1 + digits),
    }
}

fn is_text(ty: &PgType) -> bool {
    matches!(ty, PgType::Text | PgType::Varchar(_) | PgType::Char(_))
}

fn is_exact(ty: &PgType) -> bool {
    matches!(ty, PgType::SmallInt | PgType::Integer | PgType::BigInt | PgType::Numeric { .. })
}

fn is_float(ty: &PgType) -> bool {
    matches!(ty, PgType::Real | PgType::Double)
}

fn is_number(ty: &PgType) -> bool {
    is_exact(ty) || is_float(ty)
}
