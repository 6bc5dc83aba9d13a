//! The types of the destination's columns, and the form in which their values travel in `<task>.transformed`.
//!
//! | type | cell |
//! |---|---|
//! | smallint, integer, bigint | `Int` |
//! | numeric | `Text`, plain decimal digits |
//! | real / double precision | `Float` / `Double` |
//! | bit(n) | `Text` of n characters `0` and `1` |
//! | boolean | `Int` 0 or 1 |
//! | bytea | `Bytes` |
//! | real[] | `Text` in the array's input form, `{1,2.5}` |
//! | all others | `Text` in the type's input form (ISO dates; timestamptz with `+00`) |

use std::fmt;
use std::str::FromStr;

/// The type of a column of AnalyticDB for PostgreSQL, Greenplum or PostgreSQL. `Display` gives its SQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PgType {
    /// smallint.
    SmallInt,
    /// integer.
    Integer,
    /// bigint.
    BigInt,
    /// numeric(precision, scale).
    Numeric {
        /// Digits in all.
        precision: u16,
        /// Digits after the point.
        scale: u16,
    },
    /// real.
    Real,
    /// double precision.
    Double,
    /// bit(n).
    Bit(u8),
    /// boolean (only by override).
    Boolean,
    /// date.
    Date,
    /// timestamp(p) without time zone.
    Timestamp(u8),
    /// timestamptz(p).
    TimestampTz(u8),
    /// time(p) (only in the `dts` profile or by override).
    Time(u8),
    /// interval(p).
    Interval(u8),
    /// varchar(n).
    Varchar(u32),
    /// char(n) (only in the `dts` profile or by override).
    Char(u32),
    /// text.
    Text,
    /// bytea.
    Bytea,
    /// json (only in the `dts` profile or by override).
    Json,
    /// jsonb.
    Jsonb,
    /// real[].
    RealArray,
    /// uuid.
    Uuid,
    /// inet.
    Inet,
}

impl fmt::Display for PgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SmallInt => f.write_str("smallint"),
            Self::Integer => f.write_str("integer"),
            Self::BigInt => f.write_str("bigint"),
            Self::Numeric { precision, scale } => write!(f, "numeric({precision},{scale})"),
            Self::Real => f.write_str("real"),
            Self::Double => f.write_str("double precision"),
            Self::Bit(n) => write!(f, "bit({n})"),
            Self::Boolean => f.write_str("boolean"),
            Self::Date => f.write_str("date"),
            Self::Timestamp(p) => write!(f, "timestamp({p})"),
            Self::TimestampTz(p) => write!(f, "timestamptz({p})"),
            Self::Time(p) => write!(f, "time({p})"),
            Self::Interval(p) => write!(f, "interval({p})"),
            Self::Varchar(n) => write!(f, "varchar({n})"),
            Self::Char(n) => write!(f, "char({n})"),
            Self::Text => f.write_str("text"),
            Self::Bytea => f.write_str("bytea"),
            Self::Json => f.write_str("json"),
            Self::Jsonb => f.write_str("jsonb"),
            Self::RealArray => f.write_str("real[]"),
            Self::Uuid => f.write_str("uuid"),
            Self::Inet => f.write_str("inet"),
        }
    }
}

/// A text that names no type of [`PgType`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a type of the destination")]
pub struct UnknownPgType;

impl FromStr for PgType {
    type Err = UnknownPgType;

    /// The type of its SQL, in any case: what `Display` gives, the synonyms `int`, `int8`, `decimal`, `bool` and the like,
    /// and types with a fraction of a second also without one (then 6 digits, as PostgreSQL has it).
    fn from_str(text: &str) -> Result<Self, UnknownPgType> {
        let text = text.trim().to_ascii_lowercase();
        let (name, arguments) = match text.split_once('(') {
            Some((name, rest)) => (name.trim_end(), numbers(rest.strip_suffix(')').ok_or(UnknownPgType)?)?),
            None => (text.as_str(), Vec::new()),
        };
        let plain = match name {
            "smallint" | "int2" => Some(Self::SmallInt),
            "integer" | "int" | "int4" => Some(Self::Integer),
            "bigint" | "int8" => Some(Self::BigInt),
            "real" | "float4" => Some(Self::Real),
            "double precision" | "float8" => Some(Self::Double),
            "boolean" | "bool" => Some(Self::Boolean),
            "date" => Some(Self::Date),
            "text" => Some(Self::Text),
            "bytea" => Some(Self::Bytea),
            "json" => Some(Self::Json),
            "jsonb" => Some(Self::Jsonb),
            "real[]" | "float4[]" => Some(Self::RealArray),
            "uuid" => Some(Self::Uuid),
            "inet" => Some(Self::Inet),
            _ => None,
        };
        match (plain, &arguments[..]) {
            (Some(plain), []) => Ok(plain),
            (Some(_), _) => Err(UnknownPgType),
            (None, arguments) => qualified(name, arguments).ok_or(UnknownPgType),
        }
    }
}

fn numbers(text: &str) -> Result<Vec<u32>, UnknownPgType> {
    text.split(',').map(|number| number.trim().parse().map_err(|_| UnknownPgType)).collect()
}

/// A type with numbers, within PostgreSQL's bounds.
fn qualified(name: &str, arguments: &[u32]) -> Option<PgType> {
    let fraction = match arguments {
        [] => Some(6),
        [digits @ 0..=6] => u8::try_from(*digits).ok(),
        _ => None,
    };
    match (name, arguments) {
        ("timestamp", _) => Some(PgType::Timestamp(fraction?)),
        ("timestamptz", _) => Some(PgType::TimestampTz(fraction?)),
        ("time", _) => Some(PgType::Time(fraction?)),
        ("interval", _) => Some(PgType::Interval(fraction?)),
        ("bit", [n @ 1..=64]) => Some(PgType::Bit(u8::try_from(*n).ok()?)),
        ("varchar", [n @ 1..=10_485_760]) => Some(PgType::Varchar(*n)),
        ("char", [n @ 1..=10_485_760]) => Some(PgType::Char(*n)),
        ("numeric" | "decimal", [precision @ 1..=1000]) => {
            Some(PgType::Numeric { precision: u16::try_from(*precision).ok()?, scale: 0 })
        }
        ("numeric" | "decimal", [precision @ 1..=1000, scale]) if scale <= precision => {
            Some(PgType::Numeric { precision: u16::try_from(*precision).ok()?, scale: u16::try_from(*scale).ok()? })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_as_it_is_shown() {
        for text in [
            "smallint",
            "integer",
            "bigint",
            "numeric(20,4)",
            "real",
            "double precision",
            "bit(64)",
            "boolean",
            "date",
            "timestamp(3)",
            "timestamptz(0)",
            "time(6)",
            "interval(6)",
            "varchar(10)",
            "char(3)",
            "text",
            "bytea",
            "json",
            "jsonb",
            "real[]",
            "uuid",
            "inet",
        ] {
            assert_eq!(text.parse::<PgType>().map(|ty| ty.to_string()), Ok(text.to_owned()));
        }
        for (text, shown) in
            [("INT", "integer"), ("numeric(5)", "numeric(5,0)"), ("time", "time(6)"), (" Bool ", "boolean")]
        {
            assert_eq!(text.parse::<PgType>().map(|ty| ty.to_string()), Ok(shown.to_owned()));
        }
        for text in
            ["", "varchar", "varchar(0)", "numeric", "numeric(2,3)", "time(7)", "text(3)", "bit(65)", "cidr", "int("]
        {
            assert_eq!(text.parse::<PgType>(), Err(UnknownPgType), "{text}");
        }
    }
}
