//! The first start of a task.

use std::collections::{BTreeMap, HashMap};

use millrace_model::position::Reading;
use millrace_model::schema::SourceOnly;
use millrace_model::{Checkpoint, Ended, Failure, KeyRange, MysqlType, RangeState, SourceMark, TableName, TableSchema};
use millrace_mysql::binlog::read_file_created;
use millrace_mysql::locks::{is_lock_conflict, limit_lock_waits};
use millrace_mysql::schema::read_tables;
use millrace_mysql::server::{read_binlog_end, read_executed};
use millrace_mysql::snapshot::plan_ranges;
use millrace_mysql::table_check::columns_of_unknown_charset;
use millrace_mysql::{ServerFacts, Session, SourceTable};
use millrace_task::{Phase, Task};

use crate::checks::{ensure_no_prepared_xa, ensure_snapshot_can_lock, ensure_tables_can_be_read};
use crate::options::{reader_id, source_options};

/// How often the schema is read until two readings agree.
const SCHEMA_READINGS: usize = 10;

/// A table of at least so many chunks is divided among the readers.
const CHUNKS_OF_A_LARGE_TABLE: u64 = 4;

/// The checkpoint and the tables of a first start.
pub(crate) struct FirstStart {
    /// Where the task begins.
    pub(crate) checkpoint: Checkpoint,
    /// The selected tables at that place.
    pub(crate) tables: Vec<TableSchema<MysqlType>>,
    /// What of their definitions does not travel.
    pub(crate) source_only: Vec<(TableName, SourceOnly)>,
    /// Large tables, divided into ranges of keys that are read at once.
    pub(crate) ranges: Vec<(TableName, Vec<KeyRange>)>,
}

/// Reads where the source is and what the selected tables are there.
///
/// The position lies between two readings of the schema that agree: a change after it comes by in the stream, one before
/// it is in both.
pub(crate) async fn first_start(
    session: &mut Session,
    facts: &ServerFacts,
    task: &Task,
    partitions: u32,
    cluster_id: String,
) -> Result<FirstStart, Failure> {
    let incremental = task.phases.contains(Phase::Incremental);
    if incremental {
        ensure_no_prepared_xa(session).await?;
    }
    let mut before = read_selected(session, task).await?;
    for _ in 0..SCHEMA_READINGS {
        let source = if incremental { Some(mark_source(session, facts, task).await?) } else { None };
        let after = read_selected(session, task).await?;
        if definitions(&before) == definitions(&after) {
            let names: Vec<TableName> = after.iter().map(|table| table.name.clone()).collect();
            ensure_tables_can_be_read(session, &names).await?;
            if incremental && task.phases.contains(Phase::Full) {
                ensure_snapshot_can_lock(session, facts, &after).await?;
            }
            ensure_tables_fit(task, &after)?;
            warn_of_idle_rules(task, &names);
            let checkpoint = Checkpoint {
                task_id: format!("{}-{}", task.name, uuid::Uuid::new_v4()),
                fingerprint: task.fingerprint(),
                cluster_id,
                source,
                next_sequences: vec![1; partitions as usize],
                next_watermark: 1,
                next_schema_version: 1,
                partial: None,
                ended: Ended::No,
            };
            let ranges = if incremental { divide(session, task, &after).await? } else { Vec::new() };
            let rest = |table: &SourceTable| (table.name.clone(), table.source_only.clone());
            let source_only = after.iter().map(rest).collect();
            let tables = after.into_iter().map(|table| adopted(table, task)).collect();
            return Ok(FirstStart { checkpoint, tables, source_only, ranges });
        }
        before = after;
    }
    Err(Failure::statement(
        "the schema of the selected tables changes all the time",
        "start the task while no schema change is under way",
    ))
}

/// A pattern that matches nothing is often a slip; a table that it means may also come later.
fn warn_of_idle_rules(task: &Task, tables: &[TableName]) {
    for rule in task.selection.idle_rules(&tables.iter().collect::<Vec<_>>()) {
        tracing::warn!(pattern = %rule.pattern(), "a rule of [[objects]] selects no table of the source");
    }
}

/// The schema of a table that is followed from now on; what does not move is logged.
pub(crate) fn adopted(table: SourceTable, task: &Task) -> TableSchema<MysqlType> {
    for left_out in &table.left_out {
        tracing::warn!(table = %table.name, index = left_out, "does not move");
    }
    // The machine gives the id.
    routed(table.into_schema(0), task)
}

/// The schema with the route that the task file asks for.
pub(crate) fn routed(mut schema: TableSchema<MysqlType>, task: &Task) -> TableSchema<MysqlType> {
    if let Some(rule) = task.selection.selects(&schema.name) {
        schema.route = rule.route(schema.route);
    }
    schema
}

/// Divides large tables, so that all readers can work on one. A task without incremental reads each table in one
/// consistent snapshot, and so undivided. So is one that somebody has locked: nothing waits for it at the start.
async fn divide(
    session: &mut Session,
    task: &Task,
    tables: &[SourceTable],
) -> Result<Vec<(TableName, Vec<KeyRange>)>, Failure> {
    limit_lock_waits(session).await?;
    let mut divided = Vec::new();
    let readers = task.full.readers as usize;
    let large = u64::from(task.full.chunk_rows) * CHUNKS_OF_A_LARGE_TABLE;
    for table in tables.iter().filter(|table| readers > 1 && table.estimated_rows >= large) {
        let schema = table.clone().into_schema(0);
        let ranges = match plan_ranges(session, &schema, readers).await {
            Err(error) if is_lock_conflict(&error) => {
                tracing::warn!(table = %table.name, "somebody has it locked: one reader reads it, once it is free");
                continue;
            }
            ranges => ranges?,
        };
        let state = RangeState::Pending;
        let ranges = ranges.into_iter().map(|range| KeyRange { after: range.after, through: range.through, state });
        divided.push((table.name.clone(), ranges.collect()));
    }
    Ok(divided)
}

/// Selected tables of the source that a restarted task does not know: the stream is still to create them, or they came
/// into the selection.
pub(crate) async fn unknown_tables(
    session: &mut Session,
    task: &Task,
    is_known: impl Fn(&TableName) -> bool + Sync,
) -> Result<Vec<TableName>, Failure> {
    let wanted = |name: &TableName| task.selection.selects(name).is_some() && !is_known(name);
    Ok(read_tables(session, &wanted).await?.into_iter().map(|table| table.name).collect())
}

pub(crate) async fn read_selected(session: &mut Session, task: &Task) -> Result<Vec<SourceTable>, Failure> {
    let tables = read_tables(session, &|name: &TableName| task.selection.selects(name).is_some()).await?;
    if tables.is_empty() {
        return Err(task.selection.nothing_selected());
    }
    Ok(tables)
}

/// What of a table counts for whether it changed; the server's estimates do not.
fn definitions(tables: &[SourceTable]) -> BTreeMap<TableName, TableSchema<MysqlType>> {
    tables.iter().map(|table| (table.name.clone(), table.clone().into_schema(0))).collect()
}

async fn mark_source(session: &mut Session, facts: &ServerFacts, task: &Task) -> Result<SourceMark, Failure> {
    let delivered = read_executed(session).await?;
    let place = match &delivered {
        Reading::Place(place) => place.clone(),
        Reading::Gtids(_) => read_binlog_end(session).await?,
    };
    let file_created = read_file_created(source_options(&task.source).opts(), &place.file, reader_id(task)).await?;
    Ok(SourceMark {
        server: facts.server_uuid.clone(),
        place,
        file_created,
        delivered,
        last_gtid: String::new(),
        committed_at: 0,
        prepared: Vec::new(),
    })
}

/// What of the selected tables is refused by name before anything is made for the task.
pub(crate) fn ensure_tables_fit(task: &Task, tables: &[SourceTable]) -> Result<(), Failure> {
    ensure_types_are_known(tables)?;
    ensure_names_differ(task, tables)?;
    for table in tables {
        let Some(rule) = task.selection.selects(&table.name) else { continue };
        rule.ensure_table_needs_no_quotes(&table.name, table.columns.iter().map(|column| &*column.name))?;
    }
    Ok(())
}

/// Character sets that the binlog's decoder does not know are refused by name before anything moves.
fn ensure_types_are_known(tables: &[SourceTable]) -> Result<(), Failure> {
    for table in tables {
        ensure_charsets_are_known(&table.name, &table.clone().into_schema(0))?;
    }
    Ok(())
}

/// Two source tables may not become one table in the destination.
fn ensure_names_differ(task: &Task, tables: &[SourceTable]) -> Result<(), Failure> {
    let mut seen = HashMap::new();
    for table in tables.iter().map(|table| &table.name) {
        let Some(rule) = task.selection.selects(table) else { continue };
        let name = rule.destination_table(table);
        if let Some(other) = seen.insert(name.clone(), table) {
            return Err(same_destination(other, table, &name));
        }
    }
    Ok(())
}

/// The refusal of a table that would become the destination table of another one.
pub(crate) fn same_destination(one: &TableName, other: &TableName, name: &TableName) -> Failure {
    Failure::fatal(
        format!("tables \"{one}\" and \"{other}\" would both become \"{name}\" in the destination"),
        "give one of them another name with rename in [[objects]], or exclude it: joining several tables into one is not \
         supported yet",
    )
}

/// Refuses a table with a column whose character set cannot be decoded.
pub(crate) fn ensure_charsets_are_known(name: &TableName, schema: &TableSchema<MysqlType>) -> Result<(), Failure> {
    let Some((column, charset)) = columns_of_unknown_charset(&schema.columns).next() else { return Ok(()) };
    Err(Failure::fatal(
        format!("column \"{column}\" of table \"{name}\" has character set \"{charset}\", which is not supported yet"),
        "convert the column to utf8mb4, or exclude the table in [[objects]]",
    ))
}

#[cfg(test)]
mod tests;
