//! What a column may lose, or what one should know of it. Pure; the rules are those of `docs/type-mapping.md`.

use millrace_model::mysql_type::Sign;
use millrace_model::schema::Nullability;
use millrace_model::{Column, MysqlType, PgType};
use millrace_transform::types::may_hold_zero_date;

/// What to know of a column; nothing where every value arrives as it is.
pub(super) fn notes(source: &Column<MysqlType>, target: &Column<PgType>, in_key: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |text: &str| notes.push(text.to_owned());
    if may_hold_zero_date(&source.ty) {
        match (in_key, source.nullability, target.nullability) {
            (true, _, _) => note("part of the key: a zero date stops the task"),
            (false, Nullability::NotNull, Nullability::Nullable) => note("0000-00-00 becomes NULL, so NULL is allowed"),
            (false, _, _) => note("0000-00-00 becomes NULL"),
        }
    }
    match &source.ty {
        MysqlType::Timestamp(_) => note("the instant, whatever the time zones"),
        MysqlType::Time(_) => note("-838:59:59 to 838:59:59, which time cannot hold"),
        MysqlType::BigInt(Sign::Unsigned) => note("up to 18446744073709551615, which bigint cannot hold"),
        MysqlType::Enum(_) => note("the label; which labels are allowed is no longer checked"),
        MysqlType::Set(_) => note("the labels, comma-separated; no longer checked"),
        MysqlType::Char { .. } => note("without the blanks at its end"),
        MysqlType::Text { length_bytes: 4, .. } | MysqlType::Blob(4) => note("a value above 1 GB stops the task"),
        MysqlType::Json => note("numbers by value: 1.0 and 1.00 are the same"),
        MysqlType::Geometry(_) => note("bytes as MySQL stores them: SRID, then WKB"),
        MysqlType::Vector(_) => note("its numbers as an array"),
        _ => {}
    }
    notes
}

/// Whether a default stays behind without the destination's renderer saying so.
pub(super) fn default_is_lost(source: &Column<MysqlType>, target: &Column<PgType>) -> bool {
    source.default.is_some() && target.default.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(ty: MysqlType, target: PgType) -> (Column<MysqlType>, Column<PgType>) {
        let source = Column {
            name: "a".into(),
            ty,
            collation: "".into(),
            nullability: Nullability::NotNull,
            default: None,
            comment: String::new(),
        };
        let target = Column {
            name: "a".into(),
            ty: target,
            collation: "".into(),
            nullability: Nullability::Nullable,
            default: None,
            comment: String::new(),
        };
        (source, target)
    }

    #[test]
    fn zero_dates_are_named() {
        let (source, target) = pair(MysqlType::Date, PgType::Date);
        assert_eq!(notes(&source, &target, false), ["0000-00-00 becomes NULL, so NULL is allowed"]);
        assert_eq!(notes(&source, &target, true), ["part of the key: a zero date stops the task"]);
    }

    #[test]
    fn what_arrives_as_it_is_needs_no_words() {
        let (source, target) = pair(MysqlType::Int(Sign::Signed), PgType::Integer);
        assert!(notes(&source, &target, false).is_empty());
    }
}
