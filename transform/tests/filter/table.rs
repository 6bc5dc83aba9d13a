//! A table with a column of each kind, random rows, and random conditions over it.

use anyhow::{Result, anyhow, ensure};
use millrace_model::mysql_type::{MysqlType, Rounding, Sign};
use millrace_model::schema::{Nullability, Route};
use millrace_model::{Cell, Column, Row, TableName, TableSchema};
use millrace_task::Condition;
use millrace_transform::filter::Filter;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::random::Random;

/// How the values of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Int,
    UInt,
    /// Bits as a number in SQL.
    Quoted,
    Decimal,
    Float,
    Double,
    Bytes,
}

struct Kind {
    name: &'static str,
    sql: &'static str,
    collation: &'static str,
    form: Form,
    /// Values as they travel; constants of conditions are among them.
    values: &'static [&'static str],
    /// More constants.
    constants: &'static [&'static str],
    /// Columns that it can be compared with.
    partners: &'static [&'static str],
}

const TEXTS: &[&str] =
    &["", "a", "A", "b", "B", "ab", "Ab", "a b", "a%b", "a_b", "ab-c", "b'\"x", "Z", "10", "9", "a\\b"];
const UNICODE_TEXTS: &[&str] =
    &["", "a", "A", "ab", "Ab", "a b", "a%b", "a_b", "ab-c", "Z", "10", "支付", "支", "付 a", "a支", "A支"];
const BINARY_TEXTS: &[&str] = &["", "a", "A", "ä", "Ä", "é", "日本", "a%b", "a_b", "🦀", "ab", "a\tb"];
const MOMENTS: &[&str] =
    &["'2024-02-29'", "'2024-02-29 12:00:00'", "DATE '2024-01-01'", "TIMESTAMP '2024-02-29 12:00:00.25'"];

const fn text(name: &'static str, sql: &'static str, collation: &'static str) -> Kind {
    Kind { name, sql, collation, form: Form::Quoted, values: TEXTS, constants: &[], partners: &[] }
}

const fn unicode(name: &'static str, sql: &'static str, collation: &'static str) -> Kind {
    Kind { values: UNICODE_TEXTS, ..text(name, sql, collation) }
}

const fn other(
    name: &'static str,
    sql: &'static str,
    form: Form,
    values: &'static [&'static str],
    constants: &'static [&'static str],
    partners: &'static [&'static str],
) -> Kind {
    Kind { name, sql, collation: "", form, values, constants, partners }
}

const KINDS: [Kind; 28] = [
    other(
        "i",
        "INT",
        Form::Int,
        &["-5", "0", "1", "2", "5", "2147483647"],
        &["1.5", "-0.0", "TRUE", "0x05"],
        &["ti", "u", "d"],
    ),
    other("ti", "TINYINT", Form::Int, &["-1", "0", "1", "2", "5"], &["0.999", "100000000000000000000"], &["i", "big"]),
    other(
        "u",
        "BIGINT UNSIGNED",
        Form::UInt,
        &["0", "1", "5", "9007199254740993", "9223372036854775808", "18446744073709551615"],
        &["-1", "9007199254740992", "9007199254740993.0", "18446744073709551616"],
        &["i", "d", "big"],
    ),
    other(
        "d",
        "DECIMAL(10,3)",
        Form::Decimal,
        &["-5.000", "0.000", "0.100", "1.000", "5.001"],
        &["0.1", "1", "-5", "5.0010"],
        &["i", "big"],
    ),
    other(
        "big",
        "DECIMAL(65,30)",
        Form::Decimal,
        &[
            "0.000000000000000000000000000001",
            "-12345678901234567890123456789012345.123456789012345678901234567890",
            "9007199254740993.000000000000000000000000000000",
        ],
        &[
            "9007199254740993",
            "9007199254740992",
            "0",
            "-12345678901234567890123456789012345.12345678901234567890123456789",
        ],
        &["u", "d", "ti"],
    ),
    other(
        "f",
        "FLOAT",
        Form::Float,
        &[
            "-1.5",
            "0",
            "0.1",
            "0.5",
            "16777216",
            "340282346638528859811704183484516925440",
            "0.000000000000000000000000000001",
        ],
        &[
            "0.10000000149011612",
            "16777217",
            "16777216.5",
            "-0.0",
            "-1.50",
            "TRUE",
            "1000000000000000000000000000000000000000",
        ],
        &["g", "i", "u", "d", "big"],
    ),
    other(
        "g",
        "DOUBLE",
        Form::Double,
        &["-1.5", "0", "0.1", "0.30000000000000004", "9007199254740992", "9007199254740994", "18446744073709551616"],
        &[
            "0.3",
            "0.100000000000000005551115123125",
            "9007199254740993",
            "9007199254740993.0000000000001",
            "18446744073709551615",
            "9223372036854775807",
            "-9223372036854775808",
        ],
        &["f", "i", "u", "d", "big"],
    ),
    other("y", "YEAR", Form::UInt, &["0", "1901", "2000", "2024", "2155"], &[], &[]),
    other("bt", "BIT(8)", Form::UInt, &["0", "1", "5", "255"], &["x'05'", "-1"], &["i"]),
    other(
        "dt",
        "DATE",
        Form::Quoted,
        &["0000-00-00", "1000-01-01", "2024-02-29", "2024-12-31"],
        &["DATE '2024-02-29'", "'2024-03-01'"],
        &["dm", "d0"],
    ),
    other(
        "dm",
        "DATETIME(3)",
        Form::Quoted,
        &["0000-00-00 00:00:00.000", "2024-02-29 00:00:00.000", "2024-02-29 12:00:00.250", "2024-12-31 23:59:59.999"],
        MOMENTS,
        &["dt", "d0"],
    ),
    other(
        "d0",
        "DATETIME",
        Form::Quoted,
        &["2024-02-29 00:00:00", "2024-02-29 12:00:00", "2024-02-29 12:00:01"],
        MOMENTS,
        &["dt", "dm"],
    ),
    other(
        "ts",
        "TIMESTAMP(6) NULL",
        Form::Quoted,
        &["2024-02-29 00:00:00.000000", "2024-02-29 12:00:00.250000", "2024-12-31 23:59:59.999999"],
        MOMENTS,
        &[],
    ),
    other(
        "tm",
        "TIME(2)",
        Form::Quoted,
        &["-838:59:59.00", "-00:00:00.50", "00:00:00.00", "12:30:00.00", "100:00:00.25"],
        &["'12:30:00'", "TIME '-01:00:00'", "'100:00:00.2'"],
        &["t0"],
    ),
    other("t0", "TIME", Form::Quoted, &["-838:59:59", "00:00:00", "12:30:00"], &["'12:30:00.5'"], &["tm"]),
    unicode("c_ai", "VARCHAR(9) COLLATE utf8mb4_0900_ai_ci", "utf8mb4_0900_ai_ci"),
    unicode("c_cs", "VARCHAR(9) COLLATE utf8mb4_0900_as_cs", "utf8mb4_0900_as_cs"),
    unicode("c_general", "VARCHAR(9) COLLATE utf8mb4_general_ci", "utf8mb4_general_ci"),
    unicode("c_unicode", "TEXT COLLATE utf8mb4_unicode_ci", "utf8mb4_unicode_ci"),
    text("c_latin1", "VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_swedish_ci", "latin1_swedish_ci"),
    text("c_ascii", "VARCHAR(9) CHARACTER SET ascii COLLATE ascii_general_ci", "ascii_general_ci"),
    Kind { values: BINARY_TEXTS, ..text("c_bin", "VARCHAR(9) COLLATE utf8mb4_bin", "utf8mb4_bin") },
    Kind { values: BINARY_TEXTS, ..text("c_0bin", "VARCHAR(9) COLLATE utf8mb4_0900_bin", "utf8mb4_0900_bin") },
    Kind { partners: &["c_ai"], ..text("ch", "CHAR(9) COLLATE utf8mb4_0900_ai_ci", "utf8mb4_0900_ai_ci") },
    Kind { values: &["x", "Y", "z z"], ..text("e", "ENUM('x','Y','z z')", "utf8mb4_0900_ai_ci") },
    Kind { values: &["", "x", "y", "x,y"], ..text("s", "SET('x','y')", "utf8mb4_0900_ai_ci") },
    other(
        "b",
        "VARBINARY(9)",
        Form::Bytes,
        &["", "a", "A", "a\0", "ab", "ä"],
        &["x'61'", "'a'", "x'c3a4'", "x'6100'"],
        &["bn"],
    ),
    other("bn", "BINARY(3)", Form::Bytes, &["\0\0\0", "a\0\0", "abc"], &["x'610000'", "'abc'"], &["b"]),
];

/// The table with its rows.
pub(crate) struct Table {
    schema: TableSchema<MysqlType>,
    rows: Vec<Row>,
}

fn type_of(kind: &Kind) -> MysqlType {
    let character = || MysqlType::Varchar { length: 9, charset: kind.collation.split('_').next().unwrap_or("").into() };
    match kind.name {
        "i" => MysqlType::Int(Sign::Signed),
        "ti" => MysqlType::TinyInt(Sign::Signed),
        "u" => MysqlType::BigInt(Sign::Unsigned),
        "d" => MysqlType::Decimal { precision: 10, scale: 3 },
        "big" => MysqlType::Decimal { precision: 65, scale: 30 },
        "f" => MysqlType::Float(Rounding::None),
        "g" => MysqlType::Double(Rounding::None),
        "y" => MysqlType::Year,
        "bt" => MysqlType::Bit(8),
        "dt" => MysqlType::Date,
        "dm" => MysqlType::DateTime(3),
        "d0" => MysqlType::DateTime(0),
        "ts" => MysqlType::Timestamp(6),
        "tm" => MysqlType::Time(2),
        "t0" => MysqlType::Time(0),
        "e" => MysqlType::Enum(kind.values.iter().map(|&label| label.to_owned()).collect()),
        "s" => MysqlType::Set(["x".to_owned(), "y".to_owned()].into()),
        "b" => MysqlType::Varbinary(9),
        "bn" => MysqlType::Binary(3),
        _ => character(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn hexadecimal(text: &str) -> String {
    format!("x'{}'", text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn sql_of(kind: &Kind, value: &str) -> String {
    match kind.form {
        Form::Quoted => quoted(value),
        Form::Bytes => hexadecimal(value),
        Form::Int | Form::UInt | Form::Decimal | Form::Float | Form::Double => value.to_owned(),
    }
}

fn cell_of<'v>(kind: &Kind, value: &'v str) -> Result<Cell<'v>> {
    Ok(match kind.form {
        Form::Int => Cell::Int(value.parse()?),
        Form::UInt => Cell::UInt(value.parse()?),
        Form::Quoted | Form::Decimal => Cell::Text(value),
        Form::Float => Cell::Float(value.parse()?),
        Form::Double => Cell::Double(value.parse()?),
        Form::Bytes => Cell::Bytes(value.as_bytes()),
    })
}

pub(crate) async fn create(connection: &mut Conn, random: &mut Random, rows: usize) -> Result<Table> {
    let column = |kind: &Kind| Column {
        name: kind.name.into(),
        ty: type_of(kind),
        nullability: Nullability::Nullable,
        default: None,
        comment: String::new(),
        collation: kind.collation.into(),
    };
    let schema = TableSchema {
        table_id: 1,
        name: TableName::new("d", "t"),
        columns: KINDS.iter().map(column).collect(),
        primary_key: vec![],
        key: vec![],
        indexes: vec![],
        comment: String::new(),
        route: Route::Table,
        placement: Default::default(),
    };
    let columns: Vec<String> = KINDS.iter().map(|kind| format!("{} {}", kind.name, kind.sql)).collect();
    connection.query_drop(format!("CREATE TABLE t (id INT PRIMARY KEY, {})", columns.join(", "))).await?;
    let mut made = Vec::new();
    for id in 0..rows {
        let values: Vec<Option<&str>> =
            KINDS.iter().map(|kind| (random.below(8) > 0).then(|| *random.pick(kind.values))).collect();
        let sql: Vec<String> = KINDS
            .iter()
            .zip(&values)
            .map(|(kind, value)| value.map_or_else(|| "NULL".to_owned(), |value| sql_of(kind, value)))
            .collect();
        connection.query_drop(format!("INSERT INTO t VALUES ({id}, {})", sql.join(", "))).await?;
        let cells = KINDS.iter().zip(&values).map(|(kind, value)| value.map_or(Ok(Cell::Null), |v| cell_of(kind, v)));
        made.push(cells.collect::<Result<Row>>()?);
    }
    Ok(Table { schema, rows: made })
}

impl Table {
    /// Every condition has the server's verdict about every row.
    pub(crate) async fn ensure_agreement(&self, connection: &mut Conn, conditions: &[String]) -> Result<()> {
        let asked: Vec<String> = conditions.iter().map(|condition| format!("({condition}) IS TRUE")).collect();
        let sql = format!("SELECT {} FROM t ORDER BY id", asked.join(", "));
        let answers: Vec<mysql_async::Row> = connection.query(sql).await?;
        ensure!(answers.len() == self.rows.len(), "{} rows", answers.len());
        for (place, text) in conditions.iter().enumerate() {
            let condition = Condition::parse(text).map_err(|problem| anyhow!("{text}: {problem}"))?;
            let filter = Filter::new(&condition, &self.schema).map_err(|problem| anyhow!("{text}: {problem}"))?;
            for (row, answer) in self.rows.iter().zip(&answers) {
                let found = filter.is_true(row).map_err(|none| anyhow!("{text}: {none:?}"))?;
                let expected = answer.get::<i64, _>(place) == Some(1);
                ensure!(found == expected, "{text}\n{row:?}\nwe say {found}, the server says {expected}");
            }
        }
        Ok(())
    }
}

/// A random condition of at most this depth.
pub(crate) fn condition(random: &mut Random, depth: usize) -> String {
    if depth == 0 || random.below(4) == 0 {
        return comparison(random);
    }
    let mut inner = || condition(random, depth - 1);
    let (one, other) = (inner(), inner());
    match random.below(8) {
        0 | 1 => format!("{one} AND {other}"),
        2 | 3 => format!("{one} OR {other}"),
        4 => format!("({one}) XOR ({other})"),
        5 => format!("NOT ({one})"),
        6 => format!("({one} OR {other})"),
        _ => format!("({one}) IS {}", random.pick(&["TRUE", "NOT FALSE", "UNKNOWN", "NOT NULL"])),
    }
}

fn comparison(random: &mut Random) -> String {
    let kind = random.pick(&KINDS);
    let name = kind.name;
    let not = *random.pick(&["", "", "NOT "]);
    let is_text = kind.name == "b" || !kind.collation.is_empty();
    match random.below(8) {
        0 => format!(
            "{name} {not}IN ({}, {})",
            within(kind, random),
            if random.below(6) == 0 { "NULL".to_owned() } else { within(kind, random) }
        ),
        1 => format!("{name} {not}BETWEEN {} AND {}", within(kind, random), within(kind, random)),
        2 => format!("{name} IS {not}NULL"),
        3 if is_text => {
            let pattern = *random.pick(&["a%", "%b", "_", "%", "a_b", "%a%b%", "a\\_b", "a\\%b", "", "A%", "__"]);
            format!("{name} {not}LIKE '{pattern}'")
        }
        4 if !kind.partners.is_empty() => {
            format!("{name} {} {}", operator(random), random.pick(kind.partners))
        }
        5 => format!("{} {} {name}", constant(kind, random), operator(random)),
        _ => format!("{name} {} {}", operator(random), constant(kind, random)),
    }
}

fn operator(random: &mut Random) -> &'static str {
    random.pick::<&str>(&["=", "<>", "!=", "<", "<=", ">", ">=", "<=>"])
}

fn constant(kind: &Kind, random: &mut Random) -> String {
    if random.below(12) == 0 { "NULL".to_owned() } else { bound(kind, random) }
}

/// A constant other than NULL that the column can hold, more or less.
fn within(kind: &Kind, random: &mut Random) -> String {
    let constant = bound(kind, random);
    let is_beyond = ["-1", "18446744073709551616", "100000000000000000000"].contains(&constant.as_str());
    if is_beyond && matches!(kind.name, "u" | "ti" | "bt") { within(kind, random) } else { constant }
}

/// A constant other than NULL.
fn bound(kind: &Kind, random: &mut Random) -> String {
    let all = kind.values.len() + kind.constants.len();
    let at = random.below(all);
    match kind.values.get(at) {
        Some(value) if value.starts_with("0000") => bound(kind, random),
        Some(value) => sql_of(kind, value),
        None => kind.constants[at - kind.values.len()].to_owned(),
    }
}
