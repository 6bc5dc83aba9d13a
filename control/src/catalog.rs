//! The selected tables, and what becomes of each in the destination.

use std::sync::Arc;

use millrace_model::{Failure, MysqlType, PgType, TableName, TableSchema};
use millrace_mysql::schema::read_tables;
use millrace_mysql::{MysqlError, Session, SourceTable};
use millrace_task::{ObjectRule, Task, ValuePolicies};
use millrace_transform::TransformError;
use millrace_transform::table::{TableMapping, ensure_columns_are_there};

/// Reads the tables of the source that the task selects, by name.
pub(crate) async fn selected_tables(session: &mut Session, task: &Task) -> Result<Vec<SourceTable>, MysqlError> {
    read_tables(session, &|name: &TableName| task.selection.selects(name).is_some()).await
}

/// The databases of these tables, each once.
pub(crate) fn databases(tables: &[SourceTable]) -> Vec<&str> {
    let mut databases: Vec<&str> = tables.iter().map(|table| &*table.name.database).collect();
    databases.sort_unstable();
    databases.dedup();
    databases
}

/// A table on both sides.
#[derive(Debug, Clone)]
pub(crate) struct MappedTable {
    /// In the source.
    pub(crate) source: Arc<TableSchema<MysqlType>>,
    /// In the destination.
    pub(crate) target: Arc<TableSchema<PgType>>,
    /// Places of the source's columns that move, in the order of the destination's.
    pub(crate) moving: Vec<usize>,
    /// What becomes of values that the destination does not have.
    pub(crate) policies: ValuePolicies,
}

/// What becomes of a table; `number` tells it from the others.
pub(crate) fn map_table(task: &Task, table: &SourceTable, number: u64) -> Result<MappedTable, TransformError> {
    let mapping = mapping(task, table, number)?;
    let (source, target) = (mapping.source().clone(), mapping.target().clone());
    let policies = task.selection.selects(&table.name).map(ObjectRule::value_policies).unwrap_or_default();
    Ok(MappedTable { source, target, moving: mapping.moving_columns(), policies })
}

/// What transform does with a table and its rows; `number` tells it from the others.
pub(crate) fn mapping(task: &Task, table: &SourceTable, number: u64) -> Result<TableMapping, TransformError> {
    let rule = task.selection.selects(&table.name).ok_or_else(|| TransformError::NotSelected(table.name.clone()))?;
    let schema = table.clone().into_schema(number);
    ensure_columns_are_there(&schema, rule)?;
    TableMapping::new(Arc::new(schema), rule)
}

/// What becomes of all tables.
///
/// # Errors
/// The first that cannot be mapped.
pub(crate) fn map_tables(task: &Task, tables: &[SourceTable]) -> Result<Vec<MappedTable>, Failure> {
    let mapped = tables.iter().zip(1..).map(|(table, number)| map_table(task, table, number));
    Ok(mapped.collect::<Result<Vec<MappedTable>, TransformError>>()?)
}
