//! Every pair of characters that a collation tells, and every pair of short texts of some of them.

use std::cmp::Ordering;

use anyhow::{Result, anyhow, ensure};
use millrace_model::mysql_type::MysqlType;
use millrace_model::schema::{Nullability, Route};
use millrace_model::{Cell, Column, Row, TableName, TableSchema};
use millrace_task::Condition;
use millrace_transform::filter::Filter;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

/// The collations that conditions know.
pub(crate) const ALL: [&str; 16] = [
    "utf8mb4_bin",
    "utf8mb3_bin",
    "ascii_bin",
    "utf8mb4_0900_bin",
    "utf8mb4_0900_ai_ci",
    "utf8mb4_0900_as_ci",
    "utf8mb4_0900_as_cs",
    "utf8mb4_unicode_ci",
    "utf8mb3_unicode_ci",
    "utf8mb4_unicode_520_ci",
    "utf8mb3_unicode_520_ci",
    "utf8mb4_general_ci",
    "utf8mb3_general_ci",
    "latin1_swedish_ci",
    "latin1_general_ci",
    "ascii_general_ci",
];

/// Texts of these letters, of up to three.
const LETTERS: [char; 7] = ['a', 'A', 'b', ' ', '-', '_', '\t'];
/// More of them, which collations of Unicode have; some of them are not told.
const MORE_LETTERS: [char; 12] = ['a', 'L', '支', '付', ' ', 'é', '·', '\u{301}', '（', 'ß', 'я', '。'];

/// A table of two columns of a collation.
pub(crate) fn schema(collation: &str) -> TableSchema<MysqlType> {
    let charset = collation.split('_').next().unwrap_or_default();
    let column = |name: &str| Column {
        name: name.into(),
        ty: MysqlType::Varchar { length: 9, charset: charset.into() },
        nullability: Nullability::Nullable,
        default: None,
        comment: String::new(),
        collation: collation.into(),
    };
    TableSchema {
        table_id: 1,
        name: TableName::new("d", "t"),
        columns: vec![column("a"), column("b")],
        primary_key: vec![],
        key: vec![],
        indexes: vec![],
        comment: String::new(),
        route: Route::Table,
        placement: Default::default(),
    }
}

fn texts() -> Vec<String> {
    let mut texts: Vec<String> = (9..=13u8).chain(32..=126).map(|byte| char::from(byte).to_string()).collect();
    let mut last = vec![String::new()];
    for _ in 0..3 {
        last = last.iter().flat_map(|text| LETTERS.iter().map(move |letter| format!("{text}{letter}"))).collect();
        texts.extend(last.iter().filter(|text| text.len() > 1).cloned());
    }
    texts.push(String::new());
    texts
}

pub(crate) async fn ensure_agreement(connection: &mut Conn, collation: &str) -> Result<()> {
    let charset = collation.split('_').next().unwrap_or_default();
    connection.query_drop("DROP TABLE IF EXISTS texts").await?;
    let sql = format!("CREATE TABLE texts (a VARCHAR(9) CHARACTER SET {charset} COLLATE {collation})");
    connection.query_drop(sql).await?;
    let rows = texts().into_iter().map(|text| (text,));
    connection.exec_batch("INSERT INTO texts VALUES (?)", rows).await?;
    let sql = "SELECT one.a, other.a, STRCMP(one.a, other.a), one.a LIKE REPLACE(other.a, '_', '\\\\_') \
               FROM texts one JOIN texts other";
    let answers: Vec<(String, String, i64, i64)> = connection.query(sql).await?;
    let filter = |text: &str| {
        let condition = Condition::parse(text).map_err(|problem| anyhow!("{problem}"))?;
        Filter::new(&condition, &schema(collation)).map_err(|problem| anyhow!("{collation}: {problem}"))
    };
    let (less, equal) = (filter("a < b")?, filter("a = b")?);
    for (one, other, order, _) in &answers {
        let row: Row = [Cell::Text(one), Cell::Text(other)].into_iter().collect();
        let is = |filter: &Filter| filter.is_true(&row).map_err(|none| anyhow!("{collation}: {none:?}"));
        let found = match (is(&less)?, is(&equal)?) {
            (true, _) => Ordering::Less,
            (false, true) => Ordering::Equal,
            (false, false) => Ordering::Greater,
        };
        ensure!(found == order.cmp(&0), "{collation}: {one:?} and {other:?} are {found:?}, the server says {order}");
    }
    Ok(())
}

/// Chinese characters alone, behind all of ASCII and in the order of their code points; and short texts with characters
/// that are not told: where there is a verdict, it is the server's.
pub(crate) async fn ensure_agreement_beyond_ascii(connection: &mut Conn, collation: &str) -> Result<()> {
    let charset = collation.split('_').next().unwrap_or_default();
    connection.query_drop("DROP TABLE IF EXISTS texts").await?;
    let sql = format!("CREATE TABLE texts (a VARCHAR(9) CHARACTER SET {charset} COLLATE {collation})");
    connection.query_drop(sql).await?;
    let chinese: Vec<String> = ('\u{4e00}'..='\u{9fa5}').map(String::from).collect();
    for part in chinese.chunks(2000) {
        connection.query_drop(format!("INSERT INTO texts VALUES ('{}')", part.join("'), ('"))).await?;
    }
    let sorted: Vec<(String, i64)> =
        connection.query("SELECT MIN(a), COUNT(*) FROM texts GROUP BY a ORDER BY a").await?;
    ensure!(sorted.len() == chinese.len(), "{collation}: {} of {} are different", sorted.len(), chinese.len());
    ensure!(sorted.iter().map(|(text, _)| text).eq(&chinese), "{collation}: not in the order of code points");
    let behind: Option<i64> = connection.query_first("SELECT SUM(a > '~' AND a > 'z' AND a > 'Z') FROM texts").await?;
    ensure!(behind == i64::try_from(chinese.len()).ok(), "{collation}: not behind ASCII");

    let texts: Vec<String> = MORE_LETTERS
        .iter()
        .flat_map(|one| MORE_LETTERS.iter().flat_map(move |two| [format!("{one}{two}"), format!("{one}{two}{one}a")]))
        .chain(MORE_LETTERS.iter().map(ToString::to_string))
        .collect();
    connection.query_drop("DELETE FROM texts").await?;
    connection.query_drop(format!("INSERT INTO texts VALUES ('{}')", texts.join("'), ('"))).await?;
    let sql = "SELECT one.a, other.a, STRCMP(one.a, other.a) FROM texts one JOIN texts other";
    let answers: Vec<(String, String, i64)> = connection.query(sql).await?;
    let filter = |text: &str| {
        let condition = Condition::parse(text).map_err(|problem| anyhow!("{problem}"))?;
        Filter::new(&condition, &schema(collation)).map_err(|problem| anyhow!("{collation}: {problem}"))
    };
    let (less, equal, mut told) = (filter("a < b")?, filter("a = b")?, 0);
    for (one, other, order) in &answers {
        let row: Row = [Cell::Text(one), Cell::Text(other)].into_iter().collect();
        let (Ok(is_less), Ok(is_equal)) = (less.is_true(&row), equal.is_true(&row)) else { continue };
        told += 1;
        let server = (*order < 0, *order == 0);
        ensure!((is_less, is_equal) == server, "{collation}: {one:?} and {other:?}: the server says {order}");
    }
    ensure!(told * 20 > answers.len(), "{collation}: a verdict about {told} of {} pairs", answers.len());
    Ok(())
}
