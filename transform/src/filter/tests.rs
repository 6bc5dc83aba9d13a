#![expect(clippy::unwrap_used, reason = "tests")]
use millrace_model::mysql_type::{Rounding, Sign};
use millrace_model::schema::{Nullability, Route};
use millrace_model::{Column, TableName};

use super::*;

fn schema() -> TableSchema<MysqlType> {
    let text = || MysqlType::Varchar { length: 9, charset: "utf8mb4".into() };
    let column = |(name, ty, collation): (&str, MysqlType, &str)| Column {
        name: name.into(),
        ty,
        nullability: Nullability::Nullable,
        default: None,
        comment: String::new(),
        collation: collation.into(),
    };
    TableSchema {
        table_id: 1,
        name: TableName::new("shop", "orders"),
        columns: [
            ("id", MysqlType::TinyInt(Sign::Signed), ""),
            ("status", text(), "utf8mb4_0900_ai_ci"),
            ("at", MysqlType::DateTime(0), ""),
            ("code", text(), "utf8mb4_bin"),
            ("ratio", MysqlType::Double(Rounding::Digits { precision: 7, scale: 2 }), ""),
            ("doc", MysqlType::Json, ""),
            ("name", text(), "utf8mb4_german2_ci"),
            ("y", MysqlType::Year, ""),
            ("later", text(), ""),
            ("raw", MysqlType::Blob(2), ""),
            ("moment", MysqlType::Timestamp(0), ""),
            ("plain", text(), "latin1_swedish_ci"),
            ("weight", MysqlType::Float(Rounding::None), ""),
        ]
        .map(column)
        .into(),
        primary_key: vec![0],
        key: vec![0],
        indexes: vec![],
        comment: String::new(),
        route: Route::Key,
        placement: Default::default(),
    }
}

fn filter(text: &str) -> Result<Filter, ConditionProblem> {
    Filter::new(&Condition::parse(text).unwrap(), &schema())
}

#[test]
fn what_mysql_would_convert_is_refused_with_its_place() {
    for (text, column, message, hint) in [
        ("ID = '5'", 6, "not of the kind", "without quotes"),
        ("status = 5", 10, "not of the kind", "in quotes"),
        ("id = 1 AND statu = 'x'", 12, "no column \"statu\"", "its columns are id, status"),
        ("at > '2024-02-30'", 6, "not of the kind", "'2024-01-31'"),
        ("at > '24-02-01'", 6, "not of the kind", "'2024-01-31'"),
        ("at > '2024-02-01 24:00:00'", 6, "not of the kind", ""),
        ("at > '0000-00-00'", 6, "not of the kind", ""),
        ("at = id", 6, "\"at\" and \"id\" are not of the same kind", "one kind"),
        ("at = moment", 6, "not of the same kind", ""),
        ("status = code", 10, "not of the same kind", "one collation"),
        ("ratio > 1", 1, "is a double(7,2), which MySQL compares with a tolerance", "IS NULL"),
        ("weight = '1'", 10, "not of the kind", "without quotes"),
        ("weight IN (id, 1)", 12, "\"id\" is no FLOAT or DOUBLE", "one by one"),
        ("id BETWEEN 1 AND weight", 1, "\"id\" is no FLOAT or DOUBLE", "one by one"),
        ("weight = y", 10, "not of the same kind", "one kind"),
        ("doc = 'x'", 1, "cannot be compared", "IS NULL"),
        ("name = 'x'", 1, "collation \"utf8mb4_german2_ci\", which is not supported", "docs"),
        ("later = 'x'", 1, "not known", "another name"),
        ("status = 'müde'", 10, "printable ASCII and Chinese characters only", "_bin"),
        ("plain = '支付'", 9, "printable ASCII and Chinese characters only", "_bin"),
        ("status LIKE 'ä%'", 13, "column \"status\" is supported for printable ASCII", "_bin"),
        ("id LIKE '1%'", 1, "holds no texts", "LIKE"),
        ("status LIKE 5", 13, "the pattern is no text", "quotes"),
        ("raw = 'ä'", 7, "not of the kind", "x'4D79'"),
        ("y = 24", 5, "not of the kind", "four digits"),
        ("status", 1, "neither true nor false", "compare"),
        ("'x'", 1, "neither true nor false", "compare"),
        ("'a' = 'a'", 1, "constants are compared", "column"),
        ("id IN (1, 200)", 11, "from -128 to 127", "can hold"),
        ("id BETWEEN NULL AND 3", 12, "no bound", "<="),
    ] {
        let problem = filter(text).unwrap_err();
        assert_eq!(problem.column, column, "{text}: {problem}");
        assert!(problem.message.contains(message), "{text}: {problem}");
        assert!(problem.hint.contains(hint), "{text}: {}", problem.hint);
    }
}

#[test]
fn columns_that_cannot_be_compared_can_be_null() {
    assert!(filter("name <=> NULL").is_err(), "a comparison with NULL is one too");
    assert!(filter("ratio IS NULL AND doc IS NOT NULL AND name IS NULL AND later IS NULL").is_ok());
}

#[test]
fn bytes_that_are_no_text_give_no_verdict() {
    let cells = [Cell::Int(1), Cell::Bytes(b"draft\xff")];
    let row: Row = cells.into_iter().chain([Cell::Null; 11]).collect();
    let none = Err(NoVerdict { column: 1, reason: Reason::InvalidText });
    assert_eq!(filter("status = 'draft'").unwrap().is_true(&row), none);
    assert_eq!(filter("status LIKE 'd%'").unwrap().is_true(&row), none);
    assert_eq!(filter("status IS NOT NULL").unwrap().is_true(&row), Ok(true));
}

#[test]
fn characters_that_a_collation_does_not_tell_give_no_verdict() {
    let row = |status: &'static str| -> Row {
        let cells = [Cell::Int(1), Cell::Text(status), Cell::Null, Cell::Text("é"), Cell::Null, Cell::Null];
        cells.into_iter().chain([Cell::Null; 7]).collect()
    };
    let by_status = filter("status = 'Draft'").unwrap();
    assert_eq!(by_status.is_true(&row("dRAFT")), Ok(true));
    for open in ["dräft", "draftä", "draf\u{301}t", "äd"] {
        assert_eq!(by_status.is_true(&row(open)), Err(NoVerdict { column: 1, reason: Reason::Characters }), "{open}");
    }
    // What stands behind the first difference does not matter.
    for other in ["支付ä", "paiä", "drä", "DRAFT支（付）"] {
        let expected =
            if other == "drä" { Err(NoVerdict { column: 1, reason: Reason::Characters }) } else { Ok(false) };
        assert_eq!(by_status.is_true(&row(other)), expected, "{other}");
    }
    assert_eq!(filter("status >= '支付'").unwrap().is_true(&row("支付宝（")), Ok(true));
    assert_eq!(filter("status > 'Z' AND status LIKE '支%'").unwrap().is_true(&row("支付")), Ok(true));
    assert_eq!(filter("code = 'é'").unwrap().is_true(&row("x")), Ok(true));
    // What is decided before is not looked at.
    assert_eq!(filter("id = 2 AND status = 'x'").unwrap().is_true(&row("ä")), Ok(false));
}
