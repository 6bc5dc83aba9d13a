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
        }
    }
}
