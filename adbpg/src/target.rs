//! A table as it is in the destination, looked at before the first row is written to it: somebody may have made it by hand.
//!
//! What is missing is named before anything is written. And rows may be copied straight into a table only where the
//! destination itself refuses a second row of a key: by a unique index, checked at once, over columns of the replication
//! key alone, without a condition.

use std::collections::{BTreeMap, BTreeSet};

use millrace_model::{PgType, TableSchema};
use tokio_postgres::Client;

use crate::connect::rows;
use crate::error::AdbpgError;
use crate::ident::literal;
use crate::state::text;

/// Whether the destination refuses a second row of a replication key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Uniqueness {
    /// A unique index does.
    Enforced,
    /// Nothing does: the keys of rows must be deleted before they are copied.
    Open,
}

/// Looks at a table; an error where it or some of its columns are not there.
pub(crate) async fn look_at(client: &Client, schema: &TableSchema<PgType>) -> Result<Uniqueness, AdbpgError> {
    let place = format!(
        "n.nspname = {} AND c.relname = {} AND c.relkind IN ('r', 'p')",
        literal(&schema.name.database)?,
        literal(&schema.name.table)?
    );
    let sql = format!(
        "SELECT a.attname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid WHERE {place} AND a.attnum > 0 AND NOT a.attisdropped"
    );
    let mut columns = BTreeSet::new();
    for row in rows(client, "read a table's columns", &sql).await? {
        columns.insert(text(&row, 0, "pg_attribute.attname")?);
    }
    let wanted = schema.columns.iter().map(|column| column.name.to_string());
    let missing: Vec<String> = wanted.filter(|column| !columns.contains(column)).collect();
    let table = schema.name.to_string();
    match (columns.is_empty(), missing.is_empty()) {
        (true, _) => return Err(AdbpgError::TableMissing { table }),
        (false, false) => return Err(AdbpgError::ColumnsMissing { table, columns: missing.join("\", \"") }),
        (false, true) => {}
    }
    let sql = format!(
        "SELECT i.indexrelid, a.attname FROM pg_catalog.pg_class AS c \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid \
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) \
         WHERE {place} AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL"
    );
    let mut indexes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows(client, "read a table's unique indexes", &sql).await? {
        let index = indexes.entry(text(&row, 0, "pg_index.indexrelid")?).or_default();
        index.push(text(&row, 1, "pg_attribute.attname")?);
    }
    let in_key = |name: &String| schema.key.iter().any(|&place| *schema.columns[place].name == **name);
    Ok(match indexes.values().any(|columns| columns.iter().all(in_key)) {
        true => Uniqueness::Enforced,
        false => Uniqueness::Open,
    })
}
