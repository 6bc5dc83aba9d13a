//! Whether the value that rows get from a written DEFAULT is certain.
//!
//! The server converts a constant to the column's type: it rounds, finds labels by collation, guesses centuries, reads bytes
//! in character sets. A constant counts as certain only in the forms in which none of this happens; everything else is read
//! from the rows (MySQL Reference Manual, "Date and Time Literals", "The ENUM Type", "The SET Type").

use millrace_model::MysqlType;

use crate::sql_text::{SqlMode, Token};

/// Whether rows that are there get, in a new column, exactly what its DEFAULT shows.
pub(super) fn is_stored_as_written(written: &[Token], ty: &MysqlType, mode: SqlMode) -> bool {
    match (ty, written) {
        (
            MysqlType::TinyInt(_)
            | MysqlType::SmallInt(_)
            | MysqlType::MediumInt(_)
            | MysqlType::Int(_)
            | MysqlType::BigInt(_),
            written,
        ) => matches!(written, [Token::Hex(_) | Token::Bits(_)]) || is_plain_number(written, 0),
        (MysqlType::Decimal { scale, .. }, written) => is_plain_number(written, usize::from(*scale)),
        (MysqlType::Char { length, charset } | MysqlType::Varchar { length, charset }, [Token::Text(text)]) => {
            u32::try_from(text.chars().count()).is_ok_and(|characters| characters <= *length) && holds(charset, text)
        }
        (MysqlType::Text { charset, .. }, [Token::Text(text)]) => holds(charset, text),
        (MysqlType::Enum(labels), [Token::Text(text)]) => {
            are_distinct(labels, mode) && labels.iter().any(|label| **label == **text)
        }
        (MysqlType::Set(labels), [Token::Text(text)]) => are_distinct(labels, mode) && in_order(labels, text),
        (MysqlType::Date, [Token::Text(text)]) => is_date(text),
        (MysqlType::DateTime(digits), [Token::Text(text)]) => match text.split_once(' ') {
            Some((date, time)) => is_date(date) && is_time(time, usize::from(*digits)),
            None => is_date(text),
        },
        _ => false,
    }
}

/// Digits with at most `scale` of them after the point, which nothing rounds.
fn is_plain_number(written: &[Token], scale: usize) -> bool {
    let unsigned = match written {
        [Token::Symbol('-' | '+'), rest @ ..] => rest,
        all => all,
    };
    match unsigned {
        [Token::Number(text)] => has_digits(text, scale),
        [Token::Text(text)] if unsigned.len() == written.len() => {
            has_digits(text.strip_prefix('-').unwrap_or(text), scale)
        }
        [Token::Word(word)] => word.eq_ignore_ascii_case("TRUE") || word.eq_ignore_ascii_case("FALSE"),
        _ => false,
    }
}

fn has_digits(text: &str, scale: usize) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    is_digits(whole, 1..=usize::MAX) && (fraction.is_empty() || is_digits(fraction, 1..=scale))
}

fn is_digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether every character surely has a code. swe7 has letters in the place of brackets.
fn holds(charset: &str, text: &str) -> bool {
    match charset {
        "utf8mb4" | "utf16" | "utf16le" | "utf32" => true,
        "utf8mb3" | "ucs2" => text.chars().all(|c| c <= '\u{ffff}'),
        "swe7" => false,
        _ => text.is_ascii(),
    }
}

/// Whether no label hides another one. The server refuses those that its collation takes for equal in strict modes only.
fn are_distinct(labels: &[String], mode: SqlMode) -> bool {
    mode.is_strict() || labels.len() == 1
}

/// Whether these are labels in the order of the definition.
fn in_order(labels: &[String], text: &str) -> bool {
    let mut rest = labels.iter();
    text.is_empty() || text.split(',').all(|part| rest.any(|label| **label == *part))
}

/// A date with a year of four digits.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(*parts, [year, month, day] if is_digits(year, 4..=4) && is_digits(month, 1..=2) && is_digits(day, 1..=2))
}

/// A time of the day with no more digits of a second than the column has, which others would round.
fn is_time(text: &str, digits: usize) -> bool {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let parts: Vec<&str> = clock.split(':').collect();
    parts.len() == 3 && parts.iter().all(|part| is_digits(part, 1..=2)) && is_digits(fraction, 0..=digits)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::column_type::parse_column_type;
    use crate::sql_text::tokenize;

    fn is_certain(ty: &str, sql: &str, mode: u64) -> bool {
        let ty = parse_column_type(ty, Some("utf8mb4")).unwrap();
        is_stored_as_written(&tokenize(sql, SqlMode(mode), 80036).unwrap(), &ty, SqlMode(mode))
    }

    #[test]
    fn only_constants_that_nothing_converts_are_certain() {
        for (ty, certain, converted) in [
            ("int", "7;-7;+7;'7';'-7';TRUE;false;0x10;b'101'", "1.6;'1.6';1e3;2.5e0;' 7';-'7';'7a'"),
            ("decimal(10,2)", "1.5;'1.50';-3;007", "1.555;1e3;0x10;''"),
            ("varchar(3)", "'';'abc';'dé你'", "'abcd';'abc ';7;0x41;_latin1'a';x'41';TRUE"),
            ("char(3)", "'abc'", "_utf8mb4'a';1"),
            ("text", "' x'", "0x41"),
            ("enum('Small','Large')", "'Small';'Large'", "'small';'Small ';1;_latin1'Small'"),
            ("set('a','b','c')", "'';'a';'a,b';'a,c';'a,b,c'", "'b,a';'A';'a,a';'a,';1"),
            ("date", "'2024-01-02';'2024-1-2'", "'24-01-02';'2024/1/2';'20240102';20240102;'2024-01-02 10:00:00'"),
            (
                "datetime",
                "'2024-01-01 10:00:00';'2024-1-1 1:2:3';'2024-01-01'",
                "'2024-01-01 10:00:00.6';'24-01-01 10:00:00';'2024-01-01 10:00:00+05:00';'2024-01-01 10:00';20240101",
            ),
            ("datetime(3)", "'2024-01-01 10:00:00.6';'2024-01-01 10:00:00.678'", "'2024-01-01 10:00:00.6789'"),
        ] {
            for sql in certain.split(';') {
                assert!(is_certain(ty, sql, SqlMode::STRICT_TRANS_TABLES), "{ty} {sql}");
            }
            for sql in converted.split(';') {
                assert!(!is_certain(ty, sql, SqlMode::STRICT_TRANS_TABLES), "{ty} {sql}");
            }
        }
        // 'A' may be found as 'a' there.
        assert!(!is_certain("enum('a','A')", "'A'", 0));
    }

    #[test]
    fn characters_of_other_sets_may_be_converted() {
        for (charset, text, expected) in [
            ("gbk", "abc", true),
            ("gbk", "你", false),
            ("latin1", "é", false),
            ("utf8mb3", "é你", true),
            ("utf8mb3", "😀", false),
            ("swe7", "a", false),
        ] {
            assert_eq!(holds(charset, text), expected, "{charset} {text}");
        }
    }
}
