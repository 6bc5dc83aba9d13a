//! `CONVERT TO CHARACTER SET`: what it makes of a column.
//!
//! Binary columns stay. A TEXT whose characters may need more bytes than its type holds becomes the next larger one, a
//! VARCHAR that no row could hold becomes a TEXT (MySQL Reference Manual, "ALTER TABLE Statement").

use std::sync::Arc;

use millrace_model::{Column, MysqlType};

use crate::column_type::{bytes_per_character, text, varchar};

/// Converts one column to a character set and collation.
pub(super) fn convert(column: &mut Column<MysqlType>, charset: &Arc<str>, collation: &Arc<str>) {
    let ty = match &column.ty {
        MysqlType::Char { length, .. } if &**charset == "binary" => MysqlType::Binary(*length),
        MysqlType::Char { length, .. } => MysqlType::Char { length: *length, charset: charset.clone() },
        MysqlType::Varchar { length, .. } => varchar(*length, charset.clone()),
        MysqlType::Text { length_bytes, charset: old } => {
            text(wide_enough(*length_bytes, old, charset), charset.clone())
        }
        MysqlType::Enum(_) | MysqlType::Set(_) => column.ty.clone(),
        _ => return,
    };
    let has_collation = !matches!(ty, MysqlType::Binary(_) | MysqlType::Varbinary(_) | MysqlType::Blob(_));
    column.ty = ty;
    column.collation = if has_collation { collation.clone() } else { "".into() };
}

/// Bytes of the length prefix that hold as many characters as before.
fn wide_enough(length_bytes: u8, old: &str, new: &str) -> u8 {
    let most = |bytes: u8| (1u64 << (8 * u32::from(bytes.min(4)))) - 1;
    let characters = most(length_bytes) / u64::from(bytes_per_character(old));
    let needed = characters * u64::from(bytes_per_character(new));
    (1..=4).find(|&bytes| needed <= most(bytes)).unwrap_or(4)
}
