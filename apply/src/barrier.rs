//! Schema changes in the destination: arrive, and execute once when all have arrived.

use millrace_adbpg::barrier::JournalEntry;
use millrace_adbpg::{BarrierOutcome, Connection};
use millrace_model::batch::{Barrier, SchemaChange};
use millrace_model::{Failure, PgType, SchemaKey, TableName};
use millrace_protocol::barrier::{Arrival, Journal, Next, decide};
use millrace_protocol::cut::{Cuts, Standing};
use millrace_task::ExistingTables;

use crate::feed::Feed;
use crate::loaded::{Finished, finish_tables};
use crate::quarantine::Guard;
use crate::schema_changes::{Found, first_changes, render};
use crate::schema_lines::SchemaLines;

/// Whether a barrier can be passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Its journal row is there.
    Open,
    /// Not yet: look again a little later.
    Closed,
}

/// Arrives at the barrier with the standing partitions, executes it if all have arrived, and says whether it can be
/// passed.
pub(crate) async fn stand(
    connection: &mut Connection,
    feed: &mut Feed,
    task_id: &str,
    partitions: u32,
    standing: &Standing,
    existing: ExistingTables,
) -> Result<Gate, Failure> {
    let ordinal = standing.barrier.watermark.ordinal;
    if connection.journal_contains(task_id, JournalEntry::Barrier(ordinal)).await? {
        return Ok(Gate::Open);
    }
    for &(partition, sequence) in &standing.partitions {
        connection.record_arrival(task_id, partition, ordinal, sequence).await?;
    }
    let found = connection.arrivals(task_id, ordinal).await?;
    let arrivals: Vec<Arrival> = found
        .into_iter()
        .map(|(partition, arrived_at, stands_at)| Arrival { partition, arrived_at, stands_at })
        .collect();
    match decide(partitions, &arrivals, Journal::Lacks) {
        Next::Pass => Ok(Gate::Open),
        Next::Wait(_) => Ok(Gate::Closed),
        Next::Execute => {
            // All have arrived, so what was loaded before the barrier is known to be: its indexes are made as they were
            // then, before a change that may touch them.
            match finish_tables(connection, feed, task_id, partitions).await? {
                Finished::All => execute(connection, task_id, &standing.barrier, &feed.cuts, existing).await,
                Finished::NotAll => Ok(Gate::Closed),
            }
        }
    }
}

async fn execute(
    connection: &mut Connection,
    task_id: &str,
    barrier: &Barrier<PgType>,
    cuts: &Cuts,
    existing: ExistingTables,
) -> Result<Gate, Failure> {
    let there = connection.existing_tables(&tables_created(cuts)).await?;
    let kept = match tables_to_keep(there, existing) {
        Ok(kept) => kept,
        Err(exists) => {
            // Another apply may have executed the barrier since the journal was read: its tables and its journal row
            // became visible together.
            let entry = JournalEntry::Barrier(barrier.watermark.ordinal);
            return if connection.journal_contains(task_id, entry).await? { Ok(Gate::Open) } else { Err(exists) };
        }
    };
    let mut found = Found::keeping(kept);
    for change in first_changes(barrier, cuts)? {
        let replacing = connection.look_for_hindrances(&change.difference).await?;
        found.note(change.table_id, change.name, replacing);
    }
    let holds = connection.read_holds(task_id).await?;
    let mut statements = Guard::at_barrier(&holds, task_id, barrier, cuts)?;
    let rendered = render(connection.dialect(), barrier, cuts, &found)?;
    statements.extend(rendered.statements);
    for left_out in rendered.left_out {
        tracing::warn!(table = %left_out.table, what = left_out.what, why = left_out.why, "does not move");
    }
    match connection.execute_barrier(task_id, barrier.watermark.ordinal, &statements).await? {
        BarrierOutcome::Executed => {
            found.tell();
            SchemaLines::of(barrier, cuts, &found.kept).tell();
            Ok(Gate::Open)
        }
        BarrierOutcome::AlreadyDone => Ok(Gate::Open),
        BarrierOutcome::Busy => Ok(Gate::Closed),
    }
}

/// The tables that the barriers that have come create. All of them are looked at, so that a task of many tables creates none
/// if one is there.
pub(crate) fn tables_created(cuts: &Cuts) -> Vec<TableName> {
    let changes = cuts.barriers().flat_map(|barrier| &barrier.changes);
    created_tables(changes, |key| cuts.schema(key).map(|schema| schema.name.clone()))
}

/// Tables that barriers create must not be there: they may hold somebody's rows; unless the task says that they are used.
/// Takes those that are there, and gives those that are used.
pub(crate) fn tables_to_keep(
    existing: Vec<TableName>,
    existing_tables: ExistingTables,
) -> Result<Vec<TableName>, Failure> {
    let first = match (existing.first(), existing_tables) {
        (Some(first), ExistingTables::Report) => first,
        (None, _) | (_, ExistingTables::Ignore) => return Ok(existing),
    };
    let message = match existing.len() - 1 {
        0 => format!("table \"{first}\" already exists in the destination"),
        more => format!("table \"{first}\" and {more} more of the selected tables already exist in the destination"),
    };
    Err(Failure::fatal(
        message,
        "drop or rename it there, take it out of the task's objects, or write existing_tables = \"ignore\" in [schema]; \
         nothing was created",
    ))
}

/// The tables that these changes create under names that none of them has freed before.
fn created_tables<'c>(
    changes: impl Iterator<Item = &'c SchemaChange<PgType>>,
    name_of: impl Fn(SchemaKey<PgType>) -> Option<TableName>,
) -> Vec<TableName> {
    let (mut created, mut freed): (Vec<TableName>, Vec<TableName>) = (Vec::new(), Vec::new());
    for change in changes {
        match change {
            SchemaChange::Create { schema } => created.extend(name_of(*schema).filter(|name| !freed.contains(name))),
            SchemaChange::Drop { table, .. } => freed.push(table.clone()),
            SchemaChange::Alter(change) => {
                let (before, after) = (name_of(change.before), name_of(change.schema));
                freed.extend(before.filter(|before| after.as_ref() != Some(before)));
            }
            SchemaChange::Truncate { .. } => {}
        }
    }
    created
}

#[cfg(test)]
mod tests {
    use millrace_model::batch::Alteration;

    use super::*;

    /// Changes of tables whose schemas have the names `a`, `b`, ... as versions 1, 2, ...
    fn created(changes: &[SchemaChange<PgType>]) -> String {
        let name_of = |key: SchemaKey<PgType>| {
            let letter = char::from(b'a' + (key.version - 1) as u8);
            Some(TableName::new("d", letter.to_string()))
        };
        let names = created_tables(changes.iter(), name_of);
        names.iter().map(|name| &*name.table).collect()
    }

    fn create(version: u64) -> SchemaChange<PgType> {
        SchemaChange::Create { schema: SchemaKey::new(version, 0) }
    }

    fn drop_table(version: u64, name: &str) -> SchemaChange<PgType> {
        SchemaChange::Drop { schema: SchemaKey::new(version, 0), table: TableName::new("d", name) }
    }

    fn alter(before: u64, after: u64) -> SchemaChange<PgType> {
        let (before, schema) = (SchemaKey::new(before, 0), SchemaKey::new(after, 0));
        SchemaChange::Alter(Alteration { before, schema, origins: vec![Some(0)] })
    }

    #[test]
    fn a_name_that_was_freed_before_may_be_there() {
        assert_eq!(created(&[create(1), create(2)]), "ab");
        assert_eq!(created(&[drop_table(1, "a"), create(1)]), "");
        assert_eq!(created(&[create(1), drop_table(1, "a")]), "a");
        // a is called b, and a new a comes; a table that keeps its name frees none.
        assert_eq!(created(&[alter(1, 2), create(1)]), "");
        assert_eq!(created(&[alter(1, 1), create(1)]), "a");
        // What a rename takes is not there for one who creates it: the source would have refused it.
        assert_eq!(created(&[alter(1, 2), create(2)]), "b");
    }
}
