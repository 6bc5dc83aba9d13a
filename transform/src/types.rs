//! The type of each MySQL column in the destination, profile `lossless`: every value that MySQL can hold arrives
//! unchanged. `docs/type-mapping.md` is the table for users.

use millrace_model::mysql_type::{MysqlType, Sign};
use millrace_model::pg_type::PgType;

/// The destination's type for a column.
pub fn target_type(ty: &MysqlType) -> PgType {
    match ty {
        MysqlType::TinyInt(_) | MysqlType::SmallInt(Sign::Signed) => PgType::SmallInt,
        MysqlType::SmallInt(Sign::Unsigned) | MysqlType::MediumInt(_) | MysqlType::Int(Sign::Signed) => PgType::Integer,
        MysqlType::Int(Sign::Unsigned) | MysqlType::BigInt(Sign::Signed) => PgType::BigInt,
        MysqlType::BigInt(Sign::Unsigned) => PgType::Numeric { precision: 20, scale: 0 },
        MysqlType::Decimal { precision, scale } => {
            PgType::Numeric { precision: u16::from(*precision), scale: u16::from(*scale) }
        }
        MysqlType::Float(_) => PgType::Real,
        MysqlType::Double(_) => PgType::Double,
        MysqlType::Bit(n) => PgType::Bit(*n),
        MysqlType::Date => PgType::Date,
        MysqlType::DateTime(digits) => PgType::Timestamp(*digits),
        MysqlType::Timestamp(digits) => PgType::TimestampTz(*digits),
        MysqlType::Time(digits) => PgType::Interval(*digits),
        MysqlType::Year => PgType::Integer,
        MysqlType::Char { length: 0, .. } | MysqlType::Varchar { length: 0, .. } => PgType::Text,
        MysqlType::Char { length, .. } | MysqlType::Varchar { length, .. } => PgType::Varchar(*length),
        MysqlType::Text { .. } | MysqlType::Enum(_) | MysqlType::Set(_) => PgType::Text,
        MysqlType::Binary(_) | MysqlType::Varbinary(_) | MysqlType::Blob(_) | MysqlType::Geometry(_) => PgType::Bytea,
        MysqlType::Json => PgType::Jsonb,
        MysqlType::Vector(_) => PgType::RealArray,
    }
}

/// Whether a value of the type can be a zero date, which becomes NULL in the destination.
pub fn may_hold_zero_date(ty: &MysqlType) -> bool {
    matches!(ty, MysqlType::Date | MysqlType::DateTime(_) | MysqlType::Timestamp(_))
}
