//! One write of the machine into one destination transaction.

use std::time::Duration;

use millrace_adbpg::{
    Advance, CommitOutcome, Connection, InsertStrategy, PartitionProgress, Replaced, TableWrite, WriteTransaction,
};
use millrace_eventlog::{Membership, MembershipEvent};
use millrace_model::batch::Watermark;
use millrace_model::{Failure, HoldOrigin, PgType, SchemaKey};
use millrace_protocol::compact::{self, Clear};
use millrace_protocol::cut::{Ended, Progress, Then, Work, Write};
use millrace_service::Shutdown;
use millrace_task::ExistingTables;

use crate::feed::Feed;
use crate::quarantine::Guard;

/// How long a transaction that was written ahead may wait for its cut.
const AHEAD_LIMIT: Duration = Duration::from_secs(30);

/// What became of a write.
#[derive(Debug)]
pub(crate) enum Written {
    /// It is in the destination: what was advanced, and the row changes of it.
    Committed {
        /// The partitions that were advanced.
        progress: Vec<Progress>,
        /// What it has.
        content: Content,
        /// The newest watermark of it.
        watermark: Option<Watermark>,
    },
    /// Nothing of it is in the destination: read progress again and go on from there.
    Undone,
    /// The same, because this had to be answered while what was written ahead waited for its cut.
    Interrupted(Interruption),
}

/// What a transaction has, over all the pieces in which it was written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    /// Row changes.
    pub(crate) changes: u64,
    /// Ends of tables' snapshots, one for each partition.
    pub(crate) loaded: usize,
}

impl Content {
    fn add(&mut self, piece: &Write) {
        self.changes += piece.tables.iter().map(|table| table.changes).sum::<u64>();
        self.loaded += piece.loaded.len();
    }
}

/// What does not wait for the cut of what was written ahead.
#[derive(Debug)]
pub(crate) enum Interruption {
    /// Partitions come or go.
    Member(MembershipEvent),
    /// The process is to stop.
    Stop,
}

/// What may interrupt a write.
pub(crate) struct Interrupts<'a> {
    /// Who owns which partitions.
    pub(crate) membership: &'a mut Membership,
    /// Whether the process is to stop.
    pub(crate) shutdown: &'a Shutdown,
}

/// On what terms tables are written.
pub(crate) struct Terms<'a> {
    /// The run of the task.
    pub(crate) task_id: &'a str,
    /// What is done with tables that were there.
    pub(crate) existing: ExistingTables,
    /// What is done with rows that are refused.
    pub(crate) guard: &'a mut Guard,
}

/// Carries out a write; one that is written ahead goes on in the same transaction until its cut.
pub(crate) async fn carry_out(
    connection: &mut Connection,
    feed: &mut Feed,
    interrupts: &mut Interrupts<'_>,
    terms: &mut Terms<'_>,
    first: Write,
) -> Result<Written, Failure> {
    let task_id = terms.task_id;
    terms.guard.refresh(connection, task_id).await?;
    let mut transaction = connection.begin().await?;
    let mut write = first;
    let mut content = Content::default();
    loop {
        content.add(&write);
        feed.meanwhile(write_rows(&mut transaction, write.tables, &write.loaded, terms)).await?;
        match write.then {
            Then::Commit(progress) => {
                let watermark = write.watermark;
                return Ok(match feed.meanwhile(commit(transaction, terms, &progress)).await? {
                    Advance::Advanced => Written::Committed { progress, content, watermark },
                    Advance::Lost => Written::Undone,
                });
            }
            Then::KeepOpen => match more(feed, interrupts).await? {
                More::Write(next) => write = next,
                More::TooLate => {
                    transaction.rollback().await?;
                    return Ok(Written::Undone);
                }
                More::Interrupted(by) => {
                    transaction.rollback().await?;
                    tracing::info!("what was written ahead of its cut is rolled back: it is read again from the log");
                    return Ok(Written::Interrupted(by));
                }
            },
        }
    }
}

/// Writes tables, and which tables' snapshots are complete with them.
async fn write_rows(
    transaction: &mut WriteTransaction<'_>,
    tables: Vec<compact::TableWrite>,
    loaded: &[(SchemaKey<PgType>, u32)],
    terms: &mut Terms<'_>,
) -> Result<(), Failure> {
    write_tables(transaction, tables, terms).await?;
    for (key, partition) in loaded {
        transaction.record_loaded(terms.task_id, key.version, key.hash, *partition).await?;
    }
    Ok(())
}

/// Puts the progress into the transaction and commits it; where another was faster, nothing of it is there.
async fn commit(
    mut transaction: WriteTransaction<'_>,
    terms: &mut Terms<'_>,
    progress: &[Progress],
) -> Result<Advance, Failure> {
    let rows: Vec<PartitionProgress> = progress.iter().map(to_row).collect();
    // Last of all tables, so that two writers lock them in the same order.
    let replaced = terms.guard.store(&mut transaction, terms.task_id).await?;
    if replaced == Replaced::Lost || transaction.advance_progress(terms.task_id, &rows).await? == Advance::Lost {
        transaction.rollback().await?;
        return Ok(Advance::Lost);
    }
    match transaction.commit().await? {
        CommitOutcome::Committed => Ok(Advance::Advanced),
        CommitOutcome::Unknown(error) => Err(error.into()),
    }
}

/// What comes after a piece that was written ahead.
enum More {
    Write(Write),
    /// The cut does not come in time.
    TooLate,
    Interrupted(Interruption),
}

/// The rest of a transaction that was written ahead. Whoever waits for this apply - the group for a partition, the system
/// for its end - does not wait for the cut.
async fn more(feed: &mut Feed, interrupts: &mut Interrupts<'_>) -> Result<More, Failure> {
    let limit = tokio::time::Instant::now() + AHEAD_LIMIT;
    loop {
        if let Work::Write(write) = feed.next_work() {
            return Ok(More::Write(write));
        }
        tokio::select! {
            biased;
            () = interrupts.shutdown.requested() => return Ok(More::Interrupted(Interruption::Stop)),
            event = interrupts.membership.next() => return Ok(More::Interrupted(Interruption::Member(event?))),
            () = tokio::time::sleep_until(limit) => return Ok(More::TooLate),
            collected = feed.collect() => collected?,
        }
    }
}

/// Writes tables, each compacted.
pub(crate) async fn write_tables(
    transaction: &mut WriteTransaction<'_>,
    tables: Vec<compact::TableWrite>,
    terms: &mut Terms<'_>,
) -> Result<(), Failure> {
    for mut table in tables {
        if table.clear == Clear::All {
            terms.guard.forget(transaction, terms.task_id, table.schema.table_id).await?;
            transaction.truncate(&table.schema.name).await?;
        }
        let load = match terms.existing {
            ExistingTables::Report => HoldOrigin::Change,
            ExistingTables::Ignore => HoldOrigin::LoadIfAbsent,
        };
        terms.guard.withhold(&mut table, load);
        let loads = match terms.existing {
            ExistingTables::Report => Vec::new(),
            ExistingTables::Ignore => table.inserts.split_off(table.inserts.len() - table.loads),
        };
        let write = TableWrite {
            deletes: table.deletes,
            inserts: table.inserts,
            keyless: table.counts,
            strategy: InsertStrategy::LikelyAbsent,
        };
        terms.guard.write(transaction, &table.schema, &write).await?;
        if !loads.is_empty() {
            let strategy = InsertStrategy::WhereAbsent;
            let write = TableWrite { inserts: loads, strategy, ..TableWrite::default() };
            terms.guard.write(transaction, &table.schema, &write).await?;
        }
    }
    Ok(())
}

fn to_row(progress: &Progress) -> PartitionProgress {
    PartitionProgress {
        partition: progress.partition,
        number: progress.number,
        next_offset: progress.next_offset,
        sequence: progress.sequence,
        watermark: progress.watermark,
        ended: progress.ended == Ended::Yes,
    }
}

/// Progress as the destination has it.
pub(crate) fn from_row(row: &PartitionProgress) -> Progress {
    Progress {
        partition: row.partition,
        number: row.number,
        next_offset: row.next_offset,
        sequence: row.sequence,
        watermark: row.watermark,
        ended: if row.ended { Ended::Yes } else { Ended::No },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise a table whose snapshot ends behind what was written ahead has no indexes.
    #[test]
    fn every_piece_of_a_transaction_counts() {
        let piece = |then, loaded| Write { tables: Vec::new(), changes: 0, then, loaded, watermark: None };
        let end = |partition| (SchemaKey::new(1, 7), partition);
        let mut content = Content::default();
        content.add(&piece(Then::KeepOpen, Vec::new()));
        content.add(&piece(Then::KeepOpen, vec![end(0)]));
        content.add(&piece(Then::Commit(Vec::new()), vec![end(1), end(2)]));
        assert_eq!(content, Content { changes: 0, loaded: 3 });
    }
}
