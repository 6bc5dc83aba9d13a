//! Schema changes in the destination: arrive, and execute once when all have arrived.

use millrace_adbpg::barrier::JournalEntry;
use millrace_adbpg::{BarrierOutcome, Connection};
use millrace_model::batch::{Barrier, SchemaChange};
use millrace_model::{Failure, PgType, TableName};
use millrace_protocol::barrier::{Arrival, Journal, Next, decide};
use millrace_protocol::cut::{Cuts, Standing};
use millrace_task::ExistingTables;

use crate::feed::Feed;
use crate::loaded::{Finished, finish_tables};
use crate::quarantine::Guard;
use crate::schema_changes::render;

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
    let kept = match tables_to_keep(connection, cuts, existing).await {
        Ok(kept) => kept,
        Err(exists) => {
            // Another apply may have executed the barrier since the journal was read: its tables and its journal row
            // became visible together.
            let entry = JournalEntry::Barrier(barrier.watermark.ordinal);
            return if connection.journal_contains(task_id, entry).await? { Ok(Gate::Open) } else { Err(exists) };
        }
    };
    let holds = connection.read_holds(task_id).await?;
    let mut statements = Guard::at_barrier(&holds, task_id, barrier, cuts)?;
    let rendered = render(connection.dialect(), barrier, cuts, &kept)?;
    statements.extend(rendered.statements);
    for left_out in rendered.left_out {
        tracing::warn!(table = %left_out.table, what = left_out.what, why = left_out.why, "does not move");
    }
    match connection.execute_barrier(task_id, barrier.watermark.ordinal, &statements).await? {
        BarrierOutcome::Executed => {
            tracing::info!(barrier = barrier.watermark.ordinal, changes = barrier.changes.len(), "schema changed");
            Ok(Gate::Open)
        }
        BarrierOutcome::AlreadyDone => Ok(Gate::Open),
        BarrierOutcome::Busy => Ok(Gate::Closed),
    }
}

/// Tables that barriers create must not be there: they may hold somebody's rows; unless the task says that they are used.
/// All barriers that have come are looked at, so that a task of many tables creates none if one is there. Gives those that
/// are used.
pub(crate) async fn tables_to_keep(
    connection: &Connection,
    cuts: &Cuts,
    existing_tables: ExistingTables,
) -> Result<Vec<TableName>, Failure> {
    let (mut created, mut dropped): (Vec<TableName>, Vec<&TableName>) = (Vec::new(), Vec::new());
    for change in cuts.barriers().flat_map(|barrier| &barrier.changes) {
        match change {
            // A table that was dropped before may be created again.
            SchemaChange::Create { schema } => {
                let name = cuts.schema(*schema).map(|schema| &schema.name);
                created.extend(name.filter(|name| !dropped.contains(name)).cloned());
            }
            SchemaChange::Drop { table, .. } => dropped.push(table),
            // Its name is free where it is renamed.
            SchemaChange::Alter(change) => {
                let (before, after) = (cuts.schema(change.before), cuts.schema(change.schema));
                let before = before.map(|schema| &schema.name);
                dropped.extend(before.filter(|name| after.is_none_or(|after| after.name != **name)));
            }
            SchemaChange::Truncate { .. } => {}
        }
    }
    let existing = connection.existing_tables(&created).await?;
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
