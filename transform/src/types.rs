//! The type of each MySQL column in the destination. In the profile `lossless` every value that MySQL can hold arrives
//! unchanged; the profile `dts` has other types for some, into which every value is checked on its way
//! (`convert`). `docs/type-mapping.md` is the table for users.

use millrace_model::mysql_type::{MysqlType, Sign};
use millrace_model::pg_type::PgType;
use millrace_task::TypeProfile;

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
        MysqlType::Uuid => PgType::Uuid,
        MysqlType::Inet4 => PgType::Inet,
        // inet prints some addresses in another way: 1::2:3:4:5:6:7 as 1:0:2:3:4:5:6:7.
        MysqlType::Inet6 => PgType::Text,
    }
}

/// Whether a value of the type can be a zero date, which becomes NULL in the destination.
pub fn may_hold_zero_date(ty: &MysqlType) -> bool {
    matches!(ty, MysqlType::Date | MysqlType::DateTime(_) | MysqlType::Timestamp(_))
}

/// Whether a value of the type can hold the character U+0000.
pub fn may_hold_nul(ty: &MysqlType) -> bool {
    matches!(
        ty,
        MysqlType::Char { .. }
            | MysqlType::Varchar { .. }
            | MysqlType::Text { .. }
            | MysqlType::Enum(_)
            | MysqlType::Set(_)
            | MysqlType::Json
    )
}

/// Characters that the profile `dts` gives the labels of ENUM and SET.
const LABEL_CHARACTERS: u32 = 128;

/// The type that a profile has in place of [`target_type`]'s; none where it is the same.
///
/// # Errors
/// The profile's name, where it does not move columns of the type.
pub fn type_of_profile(ty: &MysqlType, profile: TypeProfile) -> Result<Option<PgType>, &'static str> {
    match (profile, ty) {
        (TypeProfile::Lossless, _) => Ok(None),
        (TypeProfile::Dts, MysqlType::Time(digits)) => Ok(Some(PgType::Time(*digits))),
        (TypeProfile::Dts, MysqlType::Char { length: length @ 1.., .. }) => Ok(Some(PgType::Char(*length))),
        (TypeProfile::Dts, MysqlType::Enum(_) | MysqlType::Set(_)) => Ok(Some(PgType::Varchar(LABEL_CHARACTERS))),
        (TypeProfile::Dts, MysqlType::Json) => Ok(Some(PgType::Json)),
        (TypeProfile::Dts, MysqlType::Geometry(_)) => Err("dts"),
        (TypeProfile::Dts, _) => Ok(None),
    }
}

/// Whether a column's default means the same in the type that a profile gives it.
pub(crate) fn default_moves(ty: &MysqlType, of_profile: Option<&PgType>) -> bool {
    // A default of TIME may be no time of a day.
    of_profile.is_none() || !matches!(ty, MysqlType::Time(_) | MysqlType::Json)
}
