//! Names that change: of columns, of indexes, and of a table with its indexes.
//!
//! A table's indexes are called after it (`crate::indexes`), so they are renamed with it. The names of the index behind a
//! primary key or UNIQUE are the server's own affair: it takes one that is free.

use millrace_model::{PgType, TableName, TableSchema};

use crate::error::AdbpgError;
use crate::ident::{Ident, QualifiedName};
use crate::indexes::index_name;

/// Renames one after the other so that no name is ever taken twice: one waits until its new name is free, and a cycle goes by
/// way of a name of its own.
pub(super) fn in_order(mut pending: Vec<(Ident, Ident)>) -> Result<Vec<(Ident, Ident)>, AdbpgError> {
    let mut ordered = Vec::with_capacity(pending.len());
    while !pending.is_empty() {
        let is_free = |new: &Ident| !pending.iter().any(|(old, _)| old == new);
        match pending.iter().position(|(_, new)| is_free(new)) {
            Some(next) => ordered.push(pending.remove(next)),
            None => {
                let aside = Ident::new(&format!("millrace_renamed_{}", ordered.len()))?;
                let old = std::mem::replace(&mut pending[0].0, aside.clone());
                ordered.push((old, aside));
            }
        }
    }
    Ok(ordered)
}

/// The table and its indexes get other names; `schema` says which indexes it has by now. Where both the schema and the
/// table's name change, it goes by way of a name of its own, which is taken on neither side.
pub fn render_rename(
    schema: &TableSchema<PgType>,
    from: &TableName,
    to: &TableName,
) -> Result<Vec<String>, AdbpgError> {
    let mut statements = Vec::new();
    if from.database != to.database && from.table != to.table {
        let aside = name_aside(schema.table_id);
        statements.extend(rename_within(schema, from, &aside)?);
        let old = QualifiedName::new(&TableName::new(from.database.clone(), aside.clone()))?;
        statements.push(format!("ALTER TABLE {old} SET SCHEMA {}", Ident::new(&to.database)?));
        let moved = TableName::new(to.database.clone(), aside);
        statements.extend(rename_within(schema, &moved, &to.table)?);
    } else if from.database != to.database {
        let old = QualifiedName::new(from)?;
        statements.push(format!("ALTER TABLE {old} SET SCHEMA {}", Ident::new(&to.database)?));
    } else {
        statements.extend(rename_within(schema, from, &to.table)?);
    }
    Ok(statements)
}

/// The name of a table whose own name another table of the same barrier takes first.
pub fn name_aside(table_id: u64) -> String {
    format!("millrace_moved_{table_id}")
}

fn rename_within(schema: &TableSchema<PgType>, from: &TableName, table: &str) -> Result<Vec<String>, AdbpgError> {
    let database = Ident::new(&from.database)?;
    let mut statements = Vec::with_capacity(schema.indexes.len() + 1);
    for index in &schema.indexes {
        let (old, new) = (index_name(&from.table, &index.name)?, index_name(table, &index.name)?);
        statements.push(format!("ALTER INDEX IF EXISTS {database}.{old} RENAME TO {new}"));
    }
    statements.push(format!("ALTER TABLE {} RENAME TO {}", QualifiedName::new(from)?, Ident::new(table)?));
    Ok(statements)
}
