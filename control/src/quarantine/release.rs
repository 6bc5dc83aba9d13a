//! Releasing and giving up: each is one transaction of the destination.

use std::collections::BTreeMap;

use bytes::Bytes;
use millrace_adbpg::{CommitOutcome, Connection, HeldRow, InsertStrategy, TableWrite, WriteTransaction};
use millrace_model::{Failure, Hold, HoldOrigin, PgType, TableName, TableSchema};
use millrace_proto::decode_schema;

/// What became of a release.
pub(super) struct Attempt {
    /// Keys whose newest state is in the destination.
    pub(super) released: usize,
    /// Those that are held on.
    pub(super) refused: Vec<Hold>,
}

/// Writes the newest state of these keys, and holds those on whose row is refused again.
pub(super) async fn release(connection: &mut Connection, task_id: &str, holds: &[Hold]) -> Result<Attempt, Failure> {
    let mut transaction = connection.begin().await?;
    let taken = transaction.take_held(task_id, holds).await?;
    let all = taken.len();
    let mut tables: BTreeMap<(TableName, Bytes), Vec<HeldRow>> = BTreeMap::new();
    for held in taken {
        tables.entry((held.hold.table.clone(), held.definition.clone())).or_default().push(held);
    }
    // In the order of their names, as every writer locks them.
    let mut refused = Vec::new();
    for ((_, definition), held) in tables {
        let schema: TableSchema<PgType> = decode_schema(definition)?;
        refused.extend(write(&mut transaction, &schema, held).await?);
    }
    transaction.insert_held(task_id, &refused).await?;
    commit(transaction).await?;
    let refused: Vec<Hold> = refused.into_iter().map(|held| held.hold).collect();
    Ok(Attempt { released: all - refused.len(), refused })
}

/// Writes to one table; gives what it refuses, with the newest reason.
async fn write(
    transaction: &mut WriteTransaction<'_>,
    schema: &TableSchema<PgType>,
    held: Vec<HeldRow>,
) -> Result<Vec<HeldRow>, Failure> {
    let (loads, changes): (Vec<&HeldRow>, Vec<&HeldRow>) =
        held.iter().partition(|held| held.hold.origin == HoldOrigin::LoadIfAbsent);
    let rows = |held: &[&HeldRow]| held.iter().filter_map(|held| held.row.clone()).collect();
    let changes = TableWrite {
        deletes: changes.iter().map(|held| held.hold.key.clone()).collect(),
        inserts: rows(&changes),
        strategy: InsertStrategy::AfterDeletes,
        ..TableWrite::default()
    };
    let loads = TableWrite { inserts: rows(&loads), strategy: InsertStrategy::WhereAbsent, ..TableWrite::default() };
    let mut refused = transaction.write_table_but_refused(schema, &changes, held.len()).await?;
    refused.extend(transaction.write_table_but_refused(schema, &loads, held.len()).await?);
    let back = |mut held: HeldRow| {
        let again = refused.iter().find(|refused| held.row.as_ref() == Some(&refused.row))?;
        held.hold.reason.clone_from(&again.reason);
        Some(held)
    };
    Ok(held.into_iter().filter_map(back).collect())
}

/// Gives these keys up; how many of them were held.
pub(super) async fn drop_held(connection: &mut Connection, task_id: &str, holds: &[Hold]) -> Result<usize, Failure> {
    let mut transaction = connection.begin().await?;
    let dropped = transaction.take_held(task_id, holds).await?.len();
    commit(transaction).await?;
    Ok(dropped)
}

async fn commit(transaction: WriteTransaction<'_>) -> Result<(), Failure> {
    match transaction.commit().await? {
        CommitOutcome::Committed => Ok(()),
        CommitOutcome::Unknown(error) => Err(error.into()),
    }
}
