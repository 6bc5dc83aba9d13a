//! One write of the machine into one destination transaction.

use std::time::Duration;

use millrace_adbpg::{
    Advance, CommitOutcome, Connection, InsertStrategy, PartitionProgress, TableWrite, WriteTransaction,
};
use millrace_model::Failure;
use millrace_model::batch::Watermark;
use millrace_protocol::compact::{self, Clear};
use millrace_protocol::cut::{Ended, Progress, Then, Work, Write};
use millrace_task::ExistingTables;

use crate::feed::Feed;

/// How long a transaction that was written ahead may wait for its cut.
const AHEAD_LIMIT: Duration = Duration::from_secs(30);

/// What became of a write.
#[derive(Debug)]
pub(crate) enum Written {
    /// It is in the destination: what was advanced, and the row changes of it.
    Committed {
        /// The partitions that were advanced.
        progress: Vec<Progress>,
        /// Row changes.
        changes: u64,
        /// The newest watermark of it.
        watermark: Option<Watermark>,
    },
    /// Nothing of it is in the destination: read progress again and go on from there.
    Undone,
}

/// Carries out a write; one that is written ahead goes on in the same transaction until its cut.
pub(crate) async fn carry_out(
    connection: &mut Connection,
    feed: &mut Feed,
    task_id: &str,
    existing: ExistingTables,
    first: Write,
) -> Result<Written, Failure> {
    let mut transaction = connection.begin().await?;
    let mut write = first;
    let mut changes = 0;
    loop {
        changes += write.tables.iter().map(|table| table.changes).sum::<u64>();
        write_tables(&mut transaction, write.tables, existing).await?;
        for (key, partition) in &write.loaded {
            transaction.record_loaded(task_id, key.version, key.hash, *partition).await?;
        }
        match write.then {
            Then::Commit(progress) => {
                let rows: Vec<PartitionProgress> = progress.iter().map(to_row).collect();
                if transaction.advance_progress(task_id, &rows).await? == Advance::Lost {
                    transaction.rollback().await?;
                    return Ok(Written::Undone);
                }
                let watermark = write.watermark;
                return match transaction.commit().await? {
                    CommitOutcome::Committed => Ok(Written::Committed { progress, changes, watermark }),
                    CommitOutcome::Unknown(error) => Err(error.into()),
                };
            }
            Then::KeepOpen => match more(feed).await? {
                Some(next) => write = next,
                None => {
                    transaction.rollback().await?;
                    return Ok(Written::Undone);
                }
            },
        }
    }
}

/// The rest of a transaction that was written ahead; none if it does not come in time.
async fn more(feed: &mut Feed) -> Result<Option<Write>, Failure> {
    let waited = tokio::time::timeout(AHEAD_LIMIT, async {
        loop {
            // What was just written ahead may have paused a partition that the cut now waits for.
            feed.pause();
            let event = feed.next().await?;
            feed.collect(event).await?;
            if let Work::Write(write) = feed.cuts.next_work() {
                feed.pause();
                return Ok::<Write, Failure>(write);
            }
        }
    });
    match waited.await {
        Ok(write) => write.map(Some),
        Err(_) => Ok(None),
    }
}

/// Writes tables, each compacted.
pub(crate) async fn write_tables(
    transaction: &mut WriteTransaction<'_>,
    tables: Vec<compact::TableWrite>,
    existing: ExistingTables,
) -> Result<(), Failure> {
    for mut table in tables {
        if table.clear == Clear::All {
            transaction.truncate(&table.schema.name).await?;
        }
        let loads = match existing {
            ExistingTables::Report => Vec::new(),
            ExistingTables::Ignore => table.inserts.split_off(table.inserts.len() - table.loads),
        };
        let write = TableWrite {
            deletes: table.deletes,
            inserts: table.inserts,
            keyless: table.counts,
            strategy: InsertStrategy::LikelyAbsent,
        };
        transaction.write_table(&table.schema, &write).await?;
        if !loads.is_empty() {
            let strategy = InsertStrategy::WhereAbsent;
            let write = TableWrite { inserts: loads, strategy, ..TableWrite::default() };
            transaction.write_table(&table.schema, &write).await?;
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
