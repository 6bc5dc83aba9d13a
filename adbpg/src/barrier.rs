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
        /// Version of its schema.
        version: u64,
    },
}

impl JournalEntry {
    fn key(self) -> String {
        match self {
            Self::Barrier(ordinal) => format!("barrier {ordinal}"),
            Self::TableLoaded { version } => format!("table {version} loaded"),
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
    /// Writes down that a partition stands before a barrier: everything before it is committed, with progress at exactly
    /// this `sequence` (0: nothing was before it). Again is the same as once.
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

    /// The arrivals at a barrier: partition, the sequence at which it arrived, and the sequence at which its latest
    /// progress stands now (0 where it has none).
    pub async fn arrivals(&self, task_id: &str, ordinal: u64) -> Result<Vec<(u32, u64, u64)>, AdbpgError> {
        let id = literal(task_id)?;
        let sql = format!(
            "SELECT a.log_partition, a.log_sequence, coalesce(p.log_sequence, 0) FROM millrace.arrival AS a \
             LEFT JOIN (SELECT DISTINCT ON (log_partition) log_partition, log_sequence FROM millrace.progress \
             WHERE task_id = {id} ORDER BY log_partition, number DESC) AS p ON p.log_partition = a.log_partition \
             WHERE a.task_id = {id} AND a.barrier = {ordinal} ORDER BY 1, 2"
        );
        let found = rows(&self.client, "read the arrivals at a barrier", &sql).await?;
        let parse = |row: &tokio_postgres::SimpleQueryRow| {
            let column = |place, name| number(row, place, name);
            Ok((
                number(row, 0, "arrival.log_partition")?,
                column(1, "arrival.log_sequence")?,
                column(2, "progress.log_sequence")?,
            ))
        };
        found.iter().map(parse).collect()
    }

    /// The schemas (version, hash) whose snapshot every partition has loaded and whose indexes the journal lacks.
    pub async fn loaded_tables(&self, task_id: &str, partitions: u32) -> Result<Vec<(u64, u64)>, AdbpgError> {
        let id = literal(task_id)?;
        let sql = format!(
            "SELECT version, hash FROM millrace.loaded WHERE task_id = {id} GROUP BY version, hash \
             HAVING count(DISTINCT log_partition) >= {partitions} AND NOT EXISTS (SELECT 1 FROM millrace.journal AS j \
             WHERE j.task_id = {id} AND j.entry = 'table ' || version || ' loaded') ORDER BY 1"
        );
        let found = rows(&self.client, "look for loaded tables", &sql).await?;
        let parse = |row: &tokio_postgres::SimpleQueryRow| {
            let hash: i64 = number(row, 1, "loaded.hash")?;
            Ok((number(row, 0, "loaded.version")?, hash as u64))
        };
        found.iter().map(parse).collect()
    }

    /// What this session has seen of tables may no longer hold: a schema change was made.
    pub fn forget_tables(&mut self) {
        self.looked_at.clear();
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
        transaction.batch_execute(&render_journal(task_id, entry)?).await.map_err(failed)?;
        match commit(transaction, &mut self.usability).await? {
            CommitOutcome::Committed => Ok(BarrierOutcome::Executed),
            CommitOutcome::Unknown(error) => Err(error),
        }
    }
}

pub(crate) fn render_journal(task_id: &str, entry: JournalEntry) -> Result<String, AdbpgError> {
    let (id, key) = (literal(task_id)?, literal(&entry.key())?);
    Ok(format!("INSERT INTO millrace.journal (task_id, entry) VALUES ({id}, {key})"))
}

fn render_look_up(task_id: &str, entry: JournalEntry) -> Result<String, AdbpgError> {
    let (id, key) = (literal(task_id)?, literal(&entry.key())?);
    Ok(format!("SELECT 1 FROM millrace.journal WHERE task_id = {id} AND entry = {key}"))
}
