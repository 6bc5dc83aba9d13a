//! Two tables of any size side by side: both are read in the order of the key, one row at a time.
//!
//! Each row is seen once, so that memory does not grow with the tables. Both sides sort by the key's numbers, and the
//! merge compares numbers: a side that sorted otherwise would show as missing and extra rows, not as equality.

use std::cmp::Ordering;
use std::pin::pin;

use anyhow::{Context, Result, ensure};
use futures_util::TryStreamExt;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Value};
use tokio_postgres::Client;

use super::form::Form;
use super::read::{self, Pair};
use super::report::{Comparison, Difference};
use super::{Cell, TablePair};
use crate::servers::{mysql_identifier, postgres_identifier};

/// A row with its key in numbers.
struct Keyed<R> {
    key: Vec<i128>,
    row: R,
}

impl TablePair {
    /// Compares like [`TablePair::compare`], holding one row of each side at a time. The table needs a primary key of
    /// whole numbers.
    pub async fn compare_ordered(&self, source: &mut Conn, destination: &Client) -> Result<Comparison> {
        let mut comparison = Comparison::default();
        let columns = self.columns(source, destination, &mut comparison).await?;
        let keys: Vec<usize> = (0..columns.len()).filter(|at| columns[*at].source.in_key).collect();
        ensure!(!keys.is_empty(), "table \"{}.{}\" has no primary key to sort by", self.source.0, self.source.1);
        for &at in &keys {
            let Pair { source, .. } = &columns[at];
            ensure!(source.form == Form::Number, "key column \"{}\" is not a number to sort by", source.name);
        }
        read::prepare_source(source).await?;
        read::prepare_destination(destination).await?;
        let order = |quote: fn(&str) -> String, name: fn(&Pair) -> &str| {
            let sorted: Vec<String> = keys.iter().map(|at| format!("t.{}", quote(name(&columns[*at])))).collect();
            sorted.join(", ")
        };
        let left = read::source_sql(&self.source, &columns, &self.filter);
        let left = format!("{left} ORDER BY {}", order(mysql_identifier, |pair| &pair.source.name));
        let right = read::destination_sql(&self.destination, &columns)?;
        let right = format!("{right} ORDER BY {}", order(postgres_identifier, |pair| &pair.target));

        let mut left = source.query_iter(left).await?;
        let mut right = pin!(destination.query_raw(&right, std::iter::empty::<&str>()).await?);
        let mut expected = next_source(left.next().await?, &keys)?;
        let mut found = next_destination(right.try_next().await?, &keys)?;
        loop {
            let order = match (&expected, &found) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(expected), Some(found)) => expected.key.cmp(&found.key),
            };
            match (order, &expected, &found) {
                (Ordering::Less, Some(row), _) => comparison.add(Difference::MissingRow { key: text_of(&row.key) }),
                (Ordering::Greater, _, Some(row)) => comparison.add(Difference::ExtraRow { key: text_of(&row.key) }),
                (_, Some(left), Some(right)) => compare_rows(&columns, left, &right.row, &mut comparison)?,
                _ => {}
            }
            if order != Ordering::Greater {
                comparison.source_rows += 1;
                expected = next_source(left.next().await?, &keys)?;
            }
            if order != Ordering::Less {
                comparison.destination_rows += 1;
                found = next_destination(right.try_next().await?, &keys)?;
            }
        }
        Ok(comparison)
    }
}

fn text_of(key: &[i128]) -> Vec<String> {
    key.iter().map(ToString::to_string).collect()
}

fn next_source(row: Option<mysql_async::Row>, keys: &[usize]) -> Result<Option<Keyed<mysql_async::Row>>> {
    let Some(row) = row else { return Ok(None) };
    let number = |at: &usize| Ok(source_text(&row, *at)?.context("a key is NULL")?.parse::<i128>()?);
    let key = keys.iter().map(number).collect::<Result<_>>()?;
    Ok(Some(Keyed { key, row }))
}

fn next_destination(row: Option<tokio_postgres::Row>, keys: &[usize]) -> Result<Option<Keyed<tokio_postgres::Row>>> {
    let Some(row) = row else { return Ok(None) };
    let number = |at: &usize| Ok(destination_text(&row, *at)?.context("a key is NULL")?.parse::<i128>()?);
    let key = keys.iter().map(number).collect::<Result<_>>()?;
    Ok(Some(Keyed { key, row }))
}

/// The text of a column; the answer begins with a constant.
fn source_text(row: &mysql_async::Row, at: usize) -> Result<Option<&str>> {
    match row.as_ref(at + 1).context("a column is missing in the answer")? {
        Value::NULL => Ok(None),
        Value::Bytes(bytes) => Ok(Some(str::from_utf8(bytes)?)),
        other => anyhow::bail!("the answer has {other:?} where a text was asked for"),
    }
}

fn destination_text(row: &tokio_postgres::Row, at: usize) -> Result<Option<&str>> {
    Ok(row.try_get(at + 1)?)
}

fn compare_rows(
    columns: &[Pair],
    left: &Keyed<mysql_async::Row>,
    right: &tokio_postgres::Row,
    comparison: &mut Comparison,
) -> Result<()> {
    for (at, pair) in columns.iter().enumerate() {
        let form = pair.source.form;
        let context = || format!("column \"{}\"", pair.target);
        let source = source_text(&left.row, at).with_context(context)?;
        let destination = destination_text(right, at).with_context(context)?;
        // One text on both sides is one value, where both are brought into the canonical form by the same rule.
        if source == destination && form.is_alike_on_both_sides() {
            continue;
        }
        let canonical = |text: Option<&str>, rule: fn(Form, String) -> Result<String>| -> Result<Cell> {
            text.map(|text| rule(form, text.to_owned())).transpose().with_context(context)
        };
        let source = canonical(source, Form::canonical_source)?;
        let destination = canonical(destination, Form::canonical_destination)?;
        if source != destination {
            let (key, column) = (text_of(&left.key), pair.target.clone());
            comparison.add(Difference::Value { key, column, source, destination });
        }
    }
    Ok(())
}
