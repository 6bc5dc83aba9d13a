//! The plan of a task, of what both servers say. Pure.

use std::collections::HashMap;

use millrace_adbpg::ddl::{ExistingTable, render_create_schema, render_create_table};
use millrace_adbpg::indexes::render_indexes;
use millrace_adbpg::{AdbpgError, Dialect, LeftOut};
use millrace_model::TableName;
use millrace_model::schema::Nullability;
use millrace_mysql::SourceTable;
use millrace_mysql::constraints::CheckConstraint;
use millrace_mysql::objects::SourceObject;
use millrace_task::{Phase, Task};

use super::estimate::Estimate;
use super::notes::{Place, lost_default, notes};
use super::objects::{KeysMade, Unmoved, unmoved};
use super::way::Way;
use crate::catalog::MappedTable;
use crate::check_constraints::{MappedCheck, map_checks};
use crate::foreign_keys::map_foreign_keys;
use crate::loose_keys::key_notes;

/// What a task would do.
pub(super) struct Plan {
    pub(super) task: String,
    pub(super) environment: Option<String>,
    /// Product and version of the destination.
    pub(super) destination: String,
    /// Whether the task itself creates the tables.
    pub(super) creates: Creates,
    pub(super) way: Way,
    /// The statements that make the schemas.
    pub(super) schemas: Vec<String>,
    pub(super) tables: Vec<PlannedTable>,
    pub(super) unmoved: Vec<Unmoved>,
    pub(super) estimate: Estimate,
}

/// Whether the task creates its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Creates {
    /// It has the phase `schema`.
    Tables,
    /// They must be there.
    Nothing,
}

/// What becomes of one table.
pub(super) struct PlannedTable {
    pub(super) source: String,
    pub(super) destination: String,
    /// How its rows are spread over the partitions of the log, and why; none where it has none.
    pub(super) route: Option<&'static str>,
    pub(super) route_reason: &'static str,
    /// The columns that tell its rows apart.
    pub(super) key: Vec<String>,
    /// Unique keys that mean something else in the destination.
    pub(super) key_notes: Vec<String>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) columns: Vec<PlannedColumn>,
    /// What of the definition stays behind: what, and why.
    pub(super) left_out: Vec<(String, String)>,
    /// The statements that create it.
    pub(super) statements: Vec<String>,
    /// Those that follow its full load.
    pub(super) after_load: Vec<String>,
    /// Those that wait for cut-over, because the source is the one who checks until then.
    pub(super) at_cut_over: Vec<String>,
}

/// What becomes of one column.
pub(super) struct PlannedColumn {
    pub(super) name: String,
    pub(super) source_type: String,
    /// None for a column that stays behind.
    pub(super) destination_type: Option<String>,
    pub(super) nullable: bool,
    pub(super) notes: Vec<String>,
}

/// What the source has beside its tables.
pub(super) struct Beside {
    pub(super) objects: Vec<SourceObject>,
    pub(super) checks: Vec<CheckConstraint>,
}

/// Makes the plan.
///
/// # Errors
/// A name or a default that cannot be written in the destination's SQL.
pub(super) fn plan(
    task: &Task,
    dialect: &Dialect,
    tables: &[SourceTable],
    mapped: &[MappedTable],
    beside: Beside,
) -> Result<Plan, AdbpgError> {
    let Beside { objects, checks } = beside;
    let mut checks_of: HashMap<TableName, Vec<MappedCheck>> = HashMap::new();
    for check in map_checks(task, &checks, mapped) {
        checks_of.entry(check.table.clone()).or_default().push(check);
    }
    let plan_table = |(table, mapped): (&SourceTable, &MappedTable)| {
        plan_table(task, dialect, table, mapped, checks_of.get(&table.name).map_or(&[], |checks| checks))
    };
    let planned: Result<Vec<PlannedTable>, AdbpgError> = tables.iter().zip(mapped).map(plan_table).collect();
    let mut names: Vec<&str> = mapped.iter().map(|table| &*table.target.name.database).collect();
    names.sort_unstable();
    names.dedup();
    let schemas: Result<Vec<String>, AdbpgError> = names.into_iter().map(render_create_schema).collect();
    let (rows, bytes) = (tables.iter().map(|t| t.estimated_rows).sum(), tables.iter().map(|t| t.estimated_bytes).sum());
    Ok(Plan {
        task: task.name.to_string(),
        environment: task.environment.as_ref().map(ToString::to_string),
        destination: dialect.to_string(),
        creates: if task.phases.contains(Phase::Schema) { Creates::Tables } else { Creates::Nothing },
        way: Way::of(task),
        schemas: schemas?,
        tables: planned?,
        unmoved: unmoved(objects, tables, map_foreign_keys(task, tables, mapped), KeysMade::of(task, dialect)),
        estimate: Estimate::of(rows, bytes, task.phases.contains(Phase::Full)),
    })
}

fn plan_table(
    task: &Task,
    dialect: &Dialect,
    table: &SourceTable,
    mapped: &MappedTable,
    checks: &[MappedCheck],
) -> Result<PlannedTable, AdbpgError> {
    let created = render_create_table(dialect, &mapped.target, ExistingTable::Refuse)?;
    let indexes = render_indexes(dialect, &mapped.target)?;
    let mut left_out: Vec<(String, String)> = table.left_out.iter().map(|text| split_reason(text)).collect();
    left_out.extend(indexes_of_excluded_columns(mapped));
    let mut at_cut_over = Vec::new();
    for check in checks {
        match &check.target {
            Ok(check) => at_cut_over.extend(check.render()?),
            Err(why) => left_out.push((format!("check \"{}\"", check.name), why.clone())),
        }
    }
    left_out.extend(created.left_out.into_iter().chain(indexes.left_out).map(|LeftOut { what, why, .. }| (what, why)));
    let (route, route_reason) = Way::of(task).route(&mapped.source);
    Ok(PlannedTable {
        source: mapped.source.name.to_string(),
        destination: mapped.target.name.to_string(),
        route,
        route_reason,
        key: mapped.source.key.iter().map(|&place| mapped.source.columns[place].name.to_string()).collect(),
        key_notes: key_notes(table),
        rows: table.estimated_rows,
        bytes: table.estimated_bytes,
        columns: columns(mapped),
        left_out,
        statements: created.statements,
        after_load: indexes.statements,
        at_cut_over,
    })
}

/// `index "a": why` in its two parts.
fn split_reason(text: &str) -> (String, String) {
    match text.split_once(": ") {
        Some((what, why)) => (what.to_owned(), why.to_owned()),
        None => (text.to_owned(), String::new()),
    }
}

/// Indexes that have a column which stays behind.
fn indexes_of_excluded_columns(mapped: &MappedTable) -> Vec<(String, String)> {
    let moves = |name: &str| mapped.target.indexes.iter().any(|index| &*index.name == name);
    let stays = mapped.source.indexes.iter().filter(|index| !moves(&index.name));
    stays.map(|index| (format!("index \"{}\"", index.name), "it has a column that is excluded".to_owned())).collect()
}

/// The columns of the source in order, each with what it becomes. The destination's are those that move, in that order.
fn columns(mapped: &MappedTable) -> Vec<PlannedColumn> {
    let plan_column = |(place, column): (usize, &millrace_model::Column<_>)| {
        let moved = mapped.moving.iter().position(|&moving| moving == place);
        let target = moved.map(|moved| &mapped.target.columns[moved]);
        let mut notes = match target {
            Some(target) => {
                let in_key = mapped.source.key.contains(&place);
                notes(column, target, if in_key { Place::InKey } else { Place::Outside }, mapped.policies)
            }
            None => vec!["excluded".to_owned()],
        };
        if let Some(target) = target.filter(|target| target.name != column.name) {
            notes.insert(0, format!("is named \"{}\"", target.name));
        }
        notes.extend(target.and_then(|target| lost_default(column, target)));
        PlannedColumn {
            name: column.name.to_string(),
            source_type: column.ty.name(),
            destination_type: target.map(|target| target.ty.to_string()),
            nullable: target.map_or(column.nullability, |target| target.nullability) == Nullability::Nullable,
            notes,
        }
    };
    mapped.source.columns.iter().enumerate().map(plan_column).collect()
}

#[cfg(test)]
mod tests;
