//! The destination equals the source: the same tables, and in each the same rows, value by value.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use millrace_testkit::TablePair;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio_postgres::Client;

use crate::stages::Stages;
use crate::world::World;

/// Between two comparisons, each of which reads all rows.
const PAUSE: Duration = Duration::from_millis(100);

/// What of the world's databases the destination must have.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Tables of the source that must not be there, as `table` or `database.table`.
    pub absent: Vec<String>,
    /// Columns of the source that must not be there, by table.
    pub absent_columns: BTreeMap<String, Vec<String>>,
    /// Tables that have another name there, as `schema.table`, by their name in the source.
    pub renamed: BTreeMap<String, String>,
    /// Names of columns there, by table and by their name in the source.
    pub renamed_columns: BTreeMap<String, BTreeMap<String, String>>,
    /// What the destination has in place of a column's value, as an expression of MySQL over the table `t`, by table and column.
    pub changed: BTreeMap<String, BTreeMap<String, String>>,
    /// Conditions in MySQL's words, by table: only rows for which it is true must be there.
    pub filter: BTreeMap<String, String>,
}

impl Scope {
    /// The first difference found; none where the destination is equal.
    pub async fn difference(&self, world: &World, source: &mut Conn, destination: &Client) -> Result<Option<String>> {
        let databases = world.databases(source).await?;
        let tables = self.source_tables(source, &databases).await?;
        let expected: BTreeSet<_> = tables.iter().map(|table| self.destination_of(table)).collect();
        let mut schemas = databases;
        schemas.extend(expected.iter().map(|(schema, _)| schema.clone()));
        let found = destination_tables(destination, &schemas).await?;
        if expected != found {
            let missing: Vec<_> = expected.difference(&found).collect();
            let extra: Vec<_> = found.difference(&expected).collect();
            return Ok(Some(format!("tables missing in the destination: {missing:?}; there only: {extra:?}")));
        }
        for (database, table) in &tables {
            let (schema, name) = self.destination_of(&(database.clone(), table.clone()));
            let mut pair = TablePair::new((database, table), (&schema, &name));
            for column in self.absent_columns.get(table).into_iter().flatten() {
                pair = pair.exclude(column);
            }
            for (column, name) in self.renamed_columns.get(table).into_iter().flatten() {
                pair = pair.rename(column, name);
            }
            for (column, expression) in self.changed.get(table).into_iter().flatten() {
                pair = pair.change(column, expression);
            }
            if let Some(condition) = self.filter.get(table) {
                pair = pair.filter(condition);
            }
            let comparison = pair.compare(source, destination).await?;
            if !comparison.is_equal() {
                return Ok(Some(format!("table \"{table}\": {comparison}")));
            }
        }
        Ok(None)
    }

    fn destination_of(&self, (database, table): &(String, String)) -> (String, String) {
        let renamed = self.renamed.get(table).and_then(|name| name.split_once('.'));
        let (schema, name) = renamed.unwrap_or((database, table));
        (schema.to_owned(), name.to_owned())
    }

    async fn source_tables(&self, source: &mut Conn, databases: &[String]) -> Result<BTreeSet<(String, String)>> {
        let sql = "SELECT table_schema, table_name FROM information_schema.tables \
                   WHERE table_type = 'BASE TABLE' AND table_schema = ?";
        let mut tables = BTreeSet::new();
        for database in databases {
            let found: Vec<(String, String)> = source.exec(sql, (database,)).await?;
            tables.extend(found);
        }
        tables.retain(|(database, table)| {
            !self.absent.iter().any(|absent| absent == table || *absent == format!("{database}.{table}"))
        });
        Ok(tables)
    }
}

async fn destination_tables(destination: &Client, databases: &[String]) -> Result<BTreeSet<(String, String)>> {
    let sql = "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c \
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p') AND n.nspname::text = ANY($1)";
    let rows = destination.query(sql, &[&databases]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Compares until the destination is equal; fails with the last difference after `limit`, and at once if a stage has
/// ended. The source must be at rest.
pub async fn poll_until_equal(world: &World, stages: &mut Stages, scope: &Scope, limit: Duration) -> Result<()> {
    let mut source = world.connect_mysql().await?;
    let destination = world.connect_postgres().await?;
    let start = Instant::now();
    loop {
        let ended = stages.ensure_running();
        // A table may be dropped, or not be there yet, while it is compared.
        let difference = scope.difference(world, &mut source, &destination).await;
        let text = match difference {
            Ok(None) => return source.disconnect().await.map_err(Into::into),
            Ok(Some(text)) => text,
            Err(error) => format!("{error:#}"),
        };
        ended?;
        if start.elapsed() >= limit {
            bail!("not equal after {limit:?}: {text}");
        }
        millrace_testkit::pace(PAUSE).await;
    }
}
