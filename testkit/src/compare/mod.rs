//! The comparison of a source table with a destination table: every row, value by value.
//!
//! Both sides are read in one canonical text form per MySQL type ([`form`]); the databases format, this module only
//! brings what may be written in several ways (numbers, intervals, JSON, vectors) into one. The rows are then joined
//! by key. It is a check that can fail: its tests plant each kind of difference.

mod canonical;
mod form;
mod json;
mod ordered;
mod read;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use mysql_async::Conn;
use tokio_postgres::Client;

pub use report::{Comparison, Difference};

/// A canonical value; `None` is NULL.
type Cell = Option<String>;

/// A source table, its destination table, and how they may differ.
#[derive(Debug, Clone)]
pub struct TablePair {
    source: (String, String),
    destination: (String, String),
    excluded: BTreeSet<String>,
    renamed: BTreeMap<String, String>,
    changed: BTreeMap<String, String>,
    filter: String,
}

impl TablePair {
    /// Source (database, table) and destination (schema, table), all columns by the same names, all rows.
    pub fn new(source: (&str, &str), destination: (&str, &str)) -> Self {
        Self {
            source: (source.0.to_owned(), source.1.to_owned()),
            destination: (destination.0.to_owned(), destination.1.to_owned()),
            excluded: BTreeSet::new(),
            renamed: BTreeMap::new(),
            changed: BTreeMap::new(),
            filter: "TRUE".to_owned(),
        }
    }

    /// Leaves a column of the source out; it must not be in the destination either.
    pub fn exclude(mut self, column: &str) -> Self {
        self.excluded.insert(column.to_owned());
        self
    }

    /// The source's column `from` is the destination's column `to`.
    pub fn rename(mut self, from: &str, to: &str) -> Self {
        self.renamed.insert(from.to_owned(), to.to_owned());
        self
    }

    /// The destination has what this MySQL expression over the table `t` gives in place of the column's value.
    pub fn change(mut self, column: &str, expression: &str) -> Self {
        self.changed.insert(column.to_owned(), expression.to_owned());
        self
    }

    /// Only the source's rows for which this MySQL condition is true are expected in the destination.
    pub fn filter(mut self, condition: &str) -> Self {
        condition.clone_into(&mut self.filter);
        self
    }

    /// Compares. The tables must be at rest. An error is a table that cannot be compared, not a difference.
    pub async fn compare(&self, source: &mut Conn, destination: &Client) -> Result<Comparison> {
        let mut comparison = Comparison::default();
        let selected = self.columns(source, destination, &mut comparison).await?;
        let left = read::source_rows(source, &self.source, &selected, &self.filter).await?;
        let right = read::destination_rows(destination, &self.destination, &selected).await?;
        comparison.source_rows = left.len();
        comparison.destination_rows = right.len();
        if is_keyed(&selected, &left) {
            join_by_key(&selected, left, right, &mut comparison);
        } else {
            join_without_key(left, right, &mut comparison);
        }
        Ok(comparison)
    }

    /// The columns that both sides have; the others are differences.
    async fn columns(
        &self,
        source: &mut Conn,
        destination: &Client,
        comparison: &mut Comparison,
    ) -> Result<Vec<read::Pair>> {
        let columns = read::source_columns(source, &self.source).await?;
        let present = read::destination_columns(destination, &self.destination).await?;
        ensure!(!columns.is_empty(), "source table \"{}.{}\" does not exist", self.source.0, self.source.1);
        ensure!(
            !present.is_empty(),
            "destination table \"{}.{}\" does not exist",
            self.destination.0,
            self.destination.1
        );

        let mut missing = present.clone();
        let mut selected = Vec::new();
        for mut column in columns.into_iter().filter(|column| !self.excluded.contains(&column.name)) {
            if let Some(expression) = self.changed.get(&column.name) {
                expression.clone_into(&mut column.expression);
            }
            let target = self.renamed.get(&column.name).unwrap_or(&column.name);
            match missing.remove(target) {
                Some(kind) => selected.push(read::Pair { target: target.clone(), kind, source: column }),
                None => comparison.add(Difference::MissingColumn { column: target.clone() }),
            }
        }
        for column in missing.into_keys() {
            comparison.add(Difference::ExtraColumn { column });
        }
        Ok(selected)
    }
}

/// Compares a source (database, table) with a destination (schema, table): all rows, all columns by the same names.
pub async fn compare_table(
    source: &mut Conn,
    destination: &Client,
    source_table: (&str, &str),
    destination_table: (&str, &str),
) -> Result<Comparison> {
    TablePair::new(source_table, destination_table).compare(source, destination).await
}

fn key_of(columns: &[read::Pair], row: &[Cell]) -> Vec<String> {
    let keyed = columns.iter().zip(row).filter(|(pair, _)| pair.source.in_key);
    keyed.map(|(_, cell)| cell.clone().unwrap_or_else(|| "NULL".to_owned())).collect()
}

/// Whether the rows of the source have keys that differ as texts. The error value of an ENUM and its label '' do not: such
/// rows are compared as a whole.
fn is_keyed(columns: &[read::Pair], rows: &[Vec<Cell>]) -> bool {
    let mut seen = BTreeSet::new();
    columns.iter().any(|pair| pair.source.in_key) && rows.iter().all(|row| seen.insert(key_of(columns, row)))
}

fn join_by_key(columns: &[read::Pair], left: Vec<Vec<Cell>>, right: Vec<Vec<Cell>>, comparison: &mut Comparison) {
    let mut expected: BTreeMap<Vec<String>, Vec<Cell>> =
        left.into_iter().map(|row| (key_of(columns, &row), row)).collect();
    let mut seen = BTreeSet::new();
    for row in right {
        let key = key_of(columns, &row);
        if !seen.insert(key.clone()) {
            comparison.add(Difference::DuplicateKey { key });
            continue;
        }
        let Some(wanted) = expected.remove(&key) else {
            comparison.add(Difference::ExtraRow { key });
            continue;
        };
        for ((pair, source), destination) in columns.iter().zip(wanted).zip(row) {
            if source != destination {
                let column = pair.target.clone();
                comparison.add(Difference::Value { key: key.clone(), column, source, destination });
            }
        }
    }
    for key in expected.into_keys() {
        comparison.add(Difference::MissingRow { key });
    }
}

/// Without a key, equal rows are counted on both sides.
fn join_without_key(left: Vec<Vec<Cell>>, right: Vec<Vec<Cell>>, comparison: &mut Comparison) {
    let mut counts: BTreeMap<Vec<Cell>, i64> = BTreeMap::new();
    for row in left {
        *counts.entry(row).or_default() += 1;
    }
    for row in right {
        *counts.entry(row).or_default() -= 1;
    }
    for (row, count) in counts {
        let key: Vec<String> = row.into_iter().map(|cell| cell.unwrap_or_else(|| "NULL".to_owned())).collect();
        for _ in 0..count.unsigned_abs() {
            comparison.add(match count.is_positive() {
                true => Difference::MissingRow { key: key.clone() },
                false => Difference::ExtraRow { key: key.clone() },
            });
        }
    }
}
