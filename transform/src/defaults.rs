//! What a column's default becomes in the destination.
//!
//! Rows that Millrace writes never rest on a default: it counts for those that are written after cut-over. So one moves only
//! where the destination gives the same value for certain: constants that the column can hold as they are, and the time
//! and day of now. All others stay behind, and `plan` names them. Of an expression's text nothing reaches the destination
//! but constants, as constants.

mod constant;
mod fit;

use millrace_model::mysql_type::MysqlType;
use millrace_model::schema::DefaultValue;

use crate::filter::moment::{is_date, is_moment};

/// The default of a column of this type in the destination; none where it has no meaning there.
pub(crate) fn map_default(default: &DefaultValue, ty: &MysqlType) -> Option<DefaultValue> {
    match (default, ty) {
        (DefaultValue::CurrentTimestamp(_), MysqlType::DateTime(_) | MysqlType::Timestamp(_)) => Some(default.clone()),
        (DefaultValue::CurrentTimestamp(_), _) => None,
        (DefaultValue::Expression(text), _) => fit::default_of(&constant::parse(text)?, ty),
        (DefaultValue::Literal(text), MysqlType::Date) => is_date(text).then(|| default.clone()),
        (DefaultValue::Literal(text), MysqlType::DateTime(_)) => is_moment(text).then(|| default.clone()),
        (DefaultValue::Literal(text), MysqlType::Timestamp(_)) => {
            is_moment(text).then(|| DefaultValue::Literal(format!("{text}+00")))
        }
        (DefaultValue::Literal(text), MysqlType::Bit(n)) => {
            let is_whole = text.len() == usize::from(*n) && text.bytes().all(|digit| matches!(digit, b'0' | b'1'));
            is_whole.then(|| default.clone())
        }
        // MySQL's catalog cuts those of binary types at their first zero byte; the others have none but NULL.
        (
            DefaultValue::Literal(_),
            MysqlType::Binary(_)
            | MysqlType::Varbinary(_)
            | MysqlType::Blob(_)
            | MysqlType::Geometry(_)
            | MysqlType::Vector(_),
        ) => None,
        (DefaultValue::Literal(_), _) => Some(default.clone()),
    }
}

#[cfg(test)]
mod tests;
