//! Schema changes, executed once by whoever finds everybody arrived (`protocol.md` section 4).
//!
//! The statements and their journal row are one transaction, under an advisory lock of the entry: a second executor
//! either finds the lock taken, or the row. The unique key of the journal holds even if both locks failed.

use crate::commit::{CommitOutcome, commit};
use crate::connect::{Connection, rows};
use crate::error::AdbpgError;
use crate::ident::literal;
use crate::state::{advisory_key, insert_once, number};

/// Something that is executed once in a task's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JournalEntry {
    /// The schema changes of the barrier with this ordinal.
    Barrier(u64),
    /// Indexes and ANALYZE after a table's full load.
    TableLoaded {
        /// Number of the table in the task.
        table_id: u64,
        /// Version of its schema.
        version: u64,
    },
}

impl JournalEntry {
    fn key(self) -> String {
        match self {
            Self::Barrier(ordinal) => format!("barrier {ordinal}"),
            Self::TableLoaded { table_id, version } => format!("table {table_id} loaded at version {version}"),
        }
    }
}

/// What became of a request to execute an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum BarrierOutcome {
    /// This call executed it.
    Executed,
    /// It had been executed before.
    AlreadyDone,
    /// Another session is executing it now: look into the journal again later.
    Busy,
}

impl Connection {
    /// Writes down that a partition stands at a barrier: everything before it is committed, with progress at exactly
    /// this `sequence` and the barrier's ordinal as watermark. Again is the same as once.
    pub async fn record_arrival(
        &self,
        task_id: &str,
        partition: u32,
        ordinal: u64,
        sequence: u64,
    ) -> Result<(), AdbpgError> {
        let id = literal(task_id)?;
        let sql = format!(
            "INSERT INTO millrace.arrival (task_id, barrier, log_partition, log_sequence) \
             SELECT {id}, {ordinal}, {partition}, {sequence} WHERE NOT EXISTS (SELECT 1 FROM millrace.arrival WHERE \
             task_id = {id} AND barrier = {ordinal} AND log_partition = {partition} AND log_sequence = {sequence})"
        );
        insert_once(self, "record the arrival at a barrier", &sql).await
    }

    /// The partitions below `partition_count` that stand at the barrier now, in order: arrived, and with their latest
    /// progress exactly there.
    pub async fn arrivals(&self, task_id: &str, ordinal: u64, partition_count: u32) -> Result<Vec<u32>, AdbpgError> {
        let id = literal(task_id)?;
        let sql = format!(
            "SELECT DISTINCT a.log_partition FROM millrace.arrival AS a \
             JOIN (SELECT DISTINCT ON (log_partition) log_partition, log_sequence, watermark FROM millrace.progress \
             WHERE task_id = {id} ORDER BY log_partition, number DESC) AS p ON p.log_partition = a.log_partition \
             AND p.log_sequence = a.log_sequence WHERE a.task_id = {id} AND a.barrier = {ordinal} \
             AND p.watermark = {ordinal} AND a.log_partition < {partition_count} ORDER BY 1"
        );
        let found = rows(&self.client, "read the arrivals at a barrier", &sql).await?;
        found.iter().map(|row| number(row, 0, "arrival.log_partition")).collect()
    }

    /// Whether the journal has the entry.
    pub async fn journal_contains(&self, task_id: &str, entry: JournalEntry) -> Result<bool, AdbpgError> {
        let sql = render_look_up(task_id, entry)?;
        Ok(!rows(&self.client, "read the journal", &sql).await?.is_empty())
    }

    /// Executes the schema changes of a barrier once.
    pub async fn execute_barrier(
        &mut self,
        task_id: &str,
        ordinal: u64,
        statements: &[String],
    ) -> Result<BarrierOutcome, AdbpgError> {
        self.execute_once(task_id, JournalEntry::Barrier(ordinal), statements).await
    }

    /// Executes statements and the entry's journal row in one transaction, unless the journal has it. An error means
    /// that it is not known to be done: look into the journal before trying again.
    pub async fn execute_once(
        &mut self,
        task_id: &str,
        entry: JournalEntry,
        statements: &[String],
    ) -> Result<BarrierOutcome, AdbpgError> {
        let key = entry.key();
        let action = format!("execute \"{key}\"");
        let failed = |error: tokio_postgres::Error| AdbpgError::of(action.as_str(), &error);
        let transaction = self.client.transaction().await.map_err(failed)?;
        let lock = advisory_key(&[task_id, &key]);
        let locked = format!("SELECT 1 WHERE pg_try_advisory_xact_lock({lock})");
        if rows(transaction.client(), &action, &locked).await?.is_empty() {
            transaction.rollback().await.map_err(failed)?;
            return Ok(BarrierOutcome::Busy);
        }
        if !rows(transaction.client(), &action, &render_look_up(task_id, entry)?).await?.is_empty() {
            transaction.rollback().await.map_err(failed)?;
            return Ok(BarrierOutcome::AlreadyDone);
        }
        for (place, statement) in statements.iter().enumerate() {
            let of_all = || format!("{action}, statement {} of {}", place + 1, statements.len());
            transaction.batch_execute(statement).await.map_err(|error| AdbpgError::of(of_all(), &error))?;
        }
        let (id, entry) = (literal(task_id)?, literal(&key)?);
        let row = format!("INSERT INTO millrace.journal (task_id, entry) VALUES ({id}, {entry})");
        transaction.batch_execute(&row).await.map_err(failed)?;
        match commit(transaction, &mut self.usability).await? {
            CommitOutcome::Committed => Ok(BarrierOutcome::Executed),
            CommitOutcome::Unknown(error) => Err(error),
        }
    }
}

fn render_look_up(task_id: &str, entry: JournalEntry) -> Result<String, AdbpgError> {
    let (id, key) = (literal(task_id)?, literal(&entry.key())?);
    Ok(format!("SELECT 1 FROM millrace.journal WHERE task_id = {id} AND entry = {key}"))
}
