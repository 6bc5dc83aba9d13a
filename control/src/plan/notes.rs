//! What a column may lose, or what one should know of it. Pure; the rules are those of `docs/type-mapping.md`.

use millrace_model::mysql_type::Sign;
use millrace_model::schema::{DefaultValue, Nullability};
use millrace_model::{Column, MysqlType, PgType};
use millrace_task::{InsteadOfDate, InvalidText, NulCharacters, ValuePolicies};
use millrace_transform::types::{may_hold_nul, may_hold_zero_date};

/// What to know of a column; nothing where every value arrives as it is.
pub(super) fn notes(
    source: &Column<MysqlType>,
    target: &Column<PgType>,
    place: Place,
    policies: ValuePolicies,
) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |text: &str| notes.push(text.to_owned());
    if may_hold_zero_date(&source.ty) && !matches!(target.ty, PgType::Text | PgType::Varchar(_)) {
        match place {
            Place::InKey => note("part of the key: a zero date stops the task"),
            Place::Outside => {
                let allows = source.nullability == Nullability::NotNull && target.nullability == Nullability::Nullable;
                let null = if allows { "becomes NULL, so NULL is allowed" } else { "becomes NULL" };
                note(&format!("0000-00-00 {}", instead(policies.zero_dates, null)));
                if policies.invalid_dates != InsteadOfDate::Stop {
                    note(&format!("a date of no calendar {}", instead(policies.invalid_dates, null)));
                }
            }
        }
    }
    if place == Place::Outside && may_hold_nul(&source.ty) {
        match policies.nul_characters {
            NulCharacters::Stop => {}
            NulCharacters::Remove => note("U+0000 is left out"),
            NulCharacters::Replace => note("U+FFFD stands for U+0000"),
        }
    }
    let is_text = matches!(source.ty, MysqlType::Char { .. } | MysqlType::Varchar { .. } | MysqlType::Text { .. });
    if place == Place::Outside && is_text && policies.invalid_text == InvalidText::Replace {
        note("U+FFFD stands for bytes that are no character");
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
        MysqlType::Inet6 if target.ty == PgType::Inet => note("inet prints some addresses in another way"),
        _ => {}
    }
    notes
}

fn instead(policy: InsteadOfDate, null: &'static str) -> &'static str {
    match policy {
        InsteadOfDate::Null => null,
        InsteadOfDate::FirstDay => "becomes 0001-01-01",
        InsteadOfDate::Stop => "stops the task",
    }
}

/// Whether a column is part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    InKey,
    Outside,
}

/// What to know of a default that stays behind without the destination's renderer saying so.
pub(super) fn lost_default(source: &Column<MysqlType>, target: &Column<PgType>) -> Option<String> {
    match (&source.default, &target.default) {
        (None, _) | (_, Some(_)) => None,
        (Some(DefaultValue::Expression(text)), None) => {
            Some(format!("its default {text} does not move: it has no certain equivalent"))
        }
        (Some(_), None) => Some("its default does not move".to_owned()),
    }
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
    fn what_the_policies_do_is_named() {
        let (source, target) = pair(MysqlType::Date, PgType::Date);
        let usual = ValuePolicies::default();
        assert_eq!(notes(&source, &target, Place::Outside, usual), ["0000-00-00 becomes NULL, so NULL is allowed"]);
        assert_eq!(notes(&source, &target, Place::InKey, usual), ["part of the key: a zero date stops the task"]);
        let mut policies = usual;
        (policies.zero_dates, policies.invalid_dates) = (InsteadOfDate::Stop, InsteadOfDate::FirstDay);
        let expected = ["0000-00-00 stops the task", "a date of no calendar becomes 0001-01-01"];
        assert_eq!(notes(&source, &target, Place::Outside, policies), expected);
        policies.nul_characters = NulCharacters::Remove;
        let (source, target) = pair(MysqlType::Text { length_bytes: 2, charset: "utf8mb4".into() }, PgType::Text);
        assert_eq!(notes(&source, &target, Place::Outside, policies), ["U+0000 is left out"]);
        (policies.nul_characters, policies.invalid_text) = (NulCharacters::Stop, InvalidText::Replace);
        let expected = ["U+FFFD stands for bytes that are no character"];
        assert_eq!(notes(&source, &target, Place::Outside, policies), expected);
        assert!(notes(&source, &target, Place::InKey, policies).is_empty());
    }

    #[test]
    fn a_default_that_stays_behind_is_named() {
        let (mut source, mut target) =
            pair(MysqlType::Char { length: 36, charset: "ascii".into() }, PgType::Varchar(36));
        assert_eq!(lost_default(&source, &target), None);
        source.default = Some(DefaultValue::Expression("uuid()".into()));
        let expected = "its default uuid() does not move: it has no certain equivalent";
        assert_eq!(lost_default(&source, &target).as_deref(), Some(expected));
        target.default = Some(DefaultValue::Literal("x".into()));
        assert_eq!(lost_default(&source, &target), None);
    }

    #[test]
    fn what_arrives_as_it_is_needs_no_words() {
        let (source, target) = pair(MysqlType::Int(Sign::Signed), PgType::Integer);
        assert!(notes(&source, &target, Place::Outside, ValuePolicies::default()).is_empty());
    }
}
