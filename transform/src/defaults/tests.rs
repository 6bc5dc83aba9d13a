use millrace_model::mysql_type::{Rounding, Sign};

use super::*;

fn shown(default: &DefaultValue, ty: &MysqlType) -> String {
    match map_default(default, ty) {
        None => "none".to_owned(),
        Some(DefaultValue::Literal(text)) => format!("'{text}'"),
        Some(DefaultValue::CurrentTimestamp(digits)) => format!("now {digits}"),
        Some(DefaultValue::Expression(text)) => format!("expression {text}"),
    }
}

fn of(cases: &[(&str, MysqlType, &str)]) {
    for (expression, ty, expected) in cases {
        let default = DefaultValue::Expression((*expression).to_owned());
        assert_eq!(shown(&default, ty), *expected, "{expression} of {}", ty.name());
    }
}

fn varchar(length: u32) -> MysqlType {
    MysqlType::Varchar { length, charset: "utf8mb4".into() }
}

fn text() -> MysqlType {
    MysqlType::Text { length_bytes: 2, charset: "latin1".into() }
}

const INT: MysqlType = MysqlType::Int(Sign::Signed);

#[test]
fn texts_move_where_they_fit_and_are_plain() {
    let labels = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
    of(&[
        ("_utf8mb4\\'a b\\'", varchar(3), "'a b'"),
        ("_utf8mb4 'a b'", varchar(3), "'a b'"),
        ("('')", text(), "''"),
        ("_utf8mb4\\'abcd\\'", varchar(3), "none"),
        ("_utf16\\'ab\\'", varchar(3), "none"),
        ("_utf8mb4\\'a\\'", MysqlType::Varchar { length: 9, charset: "swe7".into() }, "none"),
        ("_utf8mb4\\'a  \\'", MysqlType::Char { length: 1, charset: "utf8mb4".into() }, "'a'"),
        ("_utf8mb4\\'\u{e9}\\'", varchar(3), "none"),
        ("_utf8mb4\\'it\\\\\\'s\\'", varchar(9), "none"),
        ("'it''s'", varchar(9), "none"),
        ("'x\\\\y'", varchar(9), "none"),
        ("_utf8mb4\\'a\\'';drop table x;--\\'", varchar(99), "none"),
        ("concat(_utf8mb4\\'a\\',_utf8mb4\\'b\\')", varchar(9), "none"),
        ("uuid()", varchar(36), "none"),
        ("uuid ( )", varchar(36), "none"),
        ("'b'", MysqlType::Enum(labels(&["a", "b"])), "'b'"),
        ("'B'", MysqlType::Enum(labels(&["a", "b"])), "none"),
        ("'a,c'", MysqlType::Set(labels(&["a", "b", "c"])), "'a,c'"),
        ("'c,a'", MysqlType::Set(labels(&["a", "b", "c"])), "none"),
    ]);
}

#[test]
fn numbers_move_where_they_fit() {
    let decimal = MysqlType::Decimal { precision: 4, scale: 2 };
    let unsigned = MysqlType::BigInt(Sign::Unsigned);
    of(&[
        ("-5", INT, "'-5'"),
        ("- 5", INT, "'-5'"),
        ("(2 * 3)", INT, "'6'"),
        ("((1 + 2) * -(3))", INT, "'-9'"),
        ("2 * 3 - 1", INT, "'5'"),
        ("true", MysqlType::TinyInt(Sign::Signed), "'1'"),
        ("128", MysqlType::TinyInt(Sign::Signed), "none"),
        ("-1", unsigned.clone(), "none"),
        ("18446744073709551615", unsigned.clone(), "'18446744073709551615'"),
        ("18446744073709551616", unsigned.clone(), "none"),
        ("18446744073709551615 - 1", unsigned.clone(), "none"),
        ("9223372036854775807 + 1", unsigned, "none"),
        ("7 / 2", INT, "none"),
        ("7 div 2", INT, "none"),
        ("1.5", INT, "none"),
        ("1.5", decimal.clone(), "'1.5'"),
        ("-(1.5)", decimal.clone(), "'-1.5'"),
        ("-(-(1.5))", decimal.clone(), "'1.5'"),
        ("1.555", decimal.clone(), "none"),
        ("100", decimal.clone(), "none"),
        ("1e1", decimal, "none"),
        ("1e3", MysqlType::Double(Rounding::None), "'1e3'"),
        ("1e999", MysqlType::Double(Rounding::None), "none"),
        ("1.5", MysqlType::Double(Rounding::Digits { precision: 5, scale: 1 }), "none"),
        ("0.1", MysqlType::Float(Rounding::None), "'0.1'"),
        // Halfway between two of them, and a little more, which a double does not show.
        ("1.000000059604644775390625000001", MysqlType::Float(Rounding::None), "none"),
        ("-0.0", MysqlType::Double(Rounding::None), "none"),
        ("1.5.5", MysqlType::Double(Rounding::None), "none"),
        ("2024", MysqlType::Year, "'2024'"),
        ("24", MysqlType::Year, "none"),
    ]);
}

#[test]
fn bytes_and_bits_move_where_they_fit() {
    of(&[
        ("0x6100", MysqlType::Varbinary(2), "'\\x6100'"),
        ("x'6100'", MysqlType::Varbinary(2), "'\\x6100'"),
        ("0x610061", MysqlType::Varbinary(2), "none"),
        ("0x61", MysqlType::Binary(3), "'\\x610000'"),
        ("_utf8mb4\\'ab\\'", MysqlType::Blob(2), "'\\x6162'"),
        ("0x05", MysqlType::Bit(4), "'0101'"),
        ("b'101'", MysqlType::Bit(4), "'0101'"),
        ("5", MysqlType::Bit(4), "'0101'"),
        ("0xFF", MysqlType::Bit(4), "none"),
        ("0x010000000000000000", MysqlType::Bit(64), "none"),
        ("0xFF", INT, "none"),
        ("b'102'", MysqlType::Bit(4), "none"),
    ]);
    let literal = |text: &str| DefaultValue::Literal(text.to_owned());
    assert_eq!(shown(&literal("00000101"), &MysqlType::Bit(8)), "'00000101'");
    assert_eq!(shown(&literal("101"), &MysqlType::Bit(8)), "none");
    assert_eq!(shown(&literal("0x61"), &MysqlType::Varbinary(8)), "none");
}

#[test]
fn days_and_moments_move_where_the_calendar_has_them() {
    of(&[
        ("curdate()", MysqlType::Date, "now 0"),
        ("CURRENT_DATE", MysqlType::Date, "now 0"),
        ("now()", MysqlType::Date, "now 0"),
        ("now(3)", MysqlType::Date, "none"),
        ("now ( 3 )", MysqlType::DateTime(3), "now 3"),
        ("localtimestamp", MysqlType::Timestamp(0), "now 0"),
        ("now(7)", MysqlType::DateTime(3), "none"),
        ("sysdate(3)", MysqlType::DateTime(3), "none"),
        ("utc_timestamp()", MysqlType::DateTime(0), "none"),
        ("(now() + interval 1 day)", MysqlType::DateTime(0), "none"),
        ("now() + 1", MysqlType::DateTime(0), "none"),
        ("curdate()", MysqlType::DateTime(0), "none"),
        ("'2024-02-29'", MysqlType::Date, "'2024-02-29'"),
        ("'2023-02-29'", MysqlType::Date, "none"),
        ("'2024-02-29 10:11:12.5'", MysqlType::DateTime(1), "'2024-02-29 10:11:12.5'"),
        ("'2024-02-29 10:11:12.55'", MysqlType::DateTime(1), "none"),
        ("'2024-02-29 10:11:12'", MysqlType::Timestamp(0), "none"),
        ("'01:02:03'", MysqlType::Time(0), "'01:02:03'"),
        ("'1:2'", MysqlType::Time(0), "none"),
    ]);
    let literal = |text: &str| DefaultValue::Literal(text.to_owned());
    assert_eq!(shown(&literal("2024-01-01"), &MysqlType::Date), "'2024-01-01'");
    assert_eq!(shown(&literal("2024-00-00"), &MysqlType::Date), "none");
    assert_eq!(shown(&literal("2023-02-30 00:00:00"), &MysqlType::DateTime(0)), "none");
    assert_eq!(shown(&literal("2024-01-01 00:00:00"), &MysqlType::Timestamp(0)), "'2024-01-01 00:00:00+00'");
    assert_eq!(shown(&literal("0000-00-00 00:00:00"), &MysqlType::Timestamp(0)), "none");
}

#[test]
fn documents_move_where_their_numbers_are_plain() {
    of(&[
        ("json_array()", MysqlType::Json, "'[]'"),
        ("JSON_OBJECT ( )", MysqlType::Json, "'{}'"),
        ("json_array(1)", MysqlType::Json, "none"),
        ("cast(_utf8mb4\\'{\"a\": [1, null]}\\' as json)", MysqlType::Json, "'{\"a\": [1, null]}'"),
        ("CAST ( '[]' AS JSON )", MysqlType::Json, "'[]'"),
        ("_utf8mb4\\'{}\\'", MysqlType::Json, "'{}'"),
        ("'[1.0]'", MysqlType::Json, "none"),
        ("'[9007199254740993]'", MysqlType::Json, "none"),
        ("'no document'", MysqlType::Json, "none"),
        ("json_array()", text(), "none"),
        ("cast('1' as signed)", INT, "none"),
    ]);
}

#[test]
fn an_expression_without_end_is_none() {
    of(&[
        (&"(".repeat(100_000), INT, "none"),
        (&"-".repeat(100_000), INT, "none"),
        ("", INT, "none"),
        ("'", INT, "none"),
    ]);
}
