//! Columns and rows of both sides.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use tokio_postgres::Client;

use super::Cell;
use super::form::Form;
use crate::servers::{mysql_identifier, postgres_identifier};

/// A column of the source.
#[derive(Debug, Clone)]
pub(super) struct SourceColumn {
    pub(super) name: String,
    /// What gives its value.
    pub(super) expression: String,
    pub(super) form: Form,
    /// Whether it is part of the primary key.
    pub(super) in_key: bool,
}

/// A column of the source and the one of the destination that holds its values.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) source: SourceColumn,
    pub(super) target: String,
    /// The destination column's type.
    pub(super) kind: String,
}

/// All columns of a source table, invisible ones too, in their order; none if there is no such table.
pub(super) async fn source_columns(connection: &mut Conn, table: &(String, String)) -> Result<Vec<SourceColumn>> {
    let sql = "SELECT column_name, CAST(data_type AS CHAR), CAST(column_type AS CHAR), column_key = 'PRI' \
               FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position";
    let rows: Vec<(String, String, String, bool)> = connection.exec(sql, (&table.0, &table.1)).await?;
    let column = |(name, data_type, column_type, in_key): (String, String, String, bool)| {
        let form = Form::of(&data_type, &column_type).with_context(|| format!("column \"{name}\""))?;
        Ok(SourceColumn { expression: mysql_identifier(&name), name, form, in_key })
    };
    rows.into_iter().map(column).collect()
}

/// All columns of a destination table with their types; none if there is no such table.
pub(super) async fn destination_columns(client: &Client, table: &(String, String)) -> Result<BTreeMap<String, String>> {
    let sql = "SELECT a.attname::text, format_type(a.atttypid, NULL) FROM pg_catalog.pg_attribute a \
               JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped";
    let rows = client.query(sql, &[&table.0, &table.1]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The rows of the source for which `filter` is true, in canonical form.
pub(super) async fn source_rows(
    connection: &mut Conn,
    table: &(String, String),
    columns: &[Pair],
    filter: &str,
) -> Result<Vec<Vec<Cell>>> {
    prepare_source(connection).await?;
    let rows: Vec<Row> = connection.query(source_sql(table, columns, filter)).await?;
    rows.into_iter().map(|row| source_row(row, columns)).collect()
}

/// Settings of the session on which the forms of [`Form::source_sql`] rest.
pub(super) async fn prepare_source(connection: &mut Conn) -> Result<()> {
    Ok(connection.query_drop("SET time_zone = '+00:00', character_set_results = 'utf8mb4'").await?)
}

/// A constant and then the columns, of the table called `t`.
pub(super) fn source_sql(table: &(String, String), columns: &[Pair], filter: &str) -> String {
    let expressions: Vec<String> =
        columns.iter().map(|pair| pair.source.form.source_sql(&pair.source.expression)).collect();
    let (database, name) = (mysql_identifier(&table.0), mysql_identifier(&table.1));
    format!("SELECT 1, {} FROM {database}.{name} AS t WHERE {filter}", list(&expressions))
}

fn source_row(row: Row, columns: &[Pair]) -> Result<Vec<Cell>> {
    let canonical = |(at, pair): (usize, &Pair)| -> Result<Cell> {
        let bytes: Option<Vec<u8>> = row.get(at + 1).context("a column is missing in the answer")?;
        let context = || format!("source column \"{}\"", pair.source.name);
        let text = bytes.map(String::from_utf8).transpose().with_context(context)?;
        text.map(|text| pair.source.form.canonical_source(text)).transpose().with_context(context)
    };
    columns.iter().enumerate().map(canonical).collect()
}

/// The rows of the destination in canonical form.
pub(super) async fn destination_rows(
    client: &Client,
    table: &(String, String),
    columns: &[Pair],
) -> Result<Vec<Vec<Cell>>> {
    prepare_destination(client).await?;
    let rows = client.query(&destination_sql(table, columns)?, &[]).await?;
    rows.iter().map(|row| destination_row(row, columns)).collect()
}

/// Settings of the session on which the forms of [`Form::destination_sql`] rest.
pub(super) async fn prepare_destination(client: &Client) -> Result<()> {
    let settings = "SET TimeZone = 'UTC'; SET extra_float_digits = 3; SET IntervalStyle = 'postgres'";
    Ok(client.batch_execute(settings).await?)
}

/// A constant and then the columns, of the table called `t`.
pub(super) fn destination_sql(table: &(String, String), columns: &[Pair]) -> Result<String> {
    let expression = |pair: &Pair| pair.source.form.destination_sql(&postgres_identifier(&pair.target), &pair.kind);
    let expressions = columns.iter().map(expression).collect::<Result<Vec<String>>>()?;
    let (schema, name) = (postgres_identifier(&table.0), postgres_identifier(&table.1));
    Ok(format!("SELECT 1, {} FROM {schema}.{name} AS t", list(&expressions)))
}

fn destination_row(row: &tokio_postgres::Row, columns: &[Pair]) -> Result<Vec<Cell>> {
    let canonical = |(at, pair): (usize, &Pair)| -> Result<Cell> {
        let text: Option<String> = row.try_get(at + 1)?;
        let canonical = text.map(|text| pair.source.form.canonical_destination(text)).transpose();
        canonical.with_context(|| format!("destination column \"{}\"", pair.target))
    };
    columns.iter().enumerate().map(canonical).collect()
}

fn list(expressions: &[String]) -> String {
    if expressions.is_empty() { "1".to_owned() } else { expressions.join(", ") }
}
