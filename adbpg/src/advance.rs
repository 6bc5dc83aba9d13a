//! Progress: which part of each partition is in the destination. It decides what counts (`protocol.md` section 2).
//!
//! Each commit inserts the row with the next number. A writer that read number n inserts n + 1 only where no higher one
//! is there; two writers of the same number meet in the unique key, where the second waits for the first and then fails
//! (READ COMMITTED: the check alone does not see what is not committed). So of two writers at the same n at most one
//! commits, and the loser's rows go with its transaction: nothing is applied twice, a zombie changes nothing.

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::connect::{Connection, rows};
use crate::error::AdbpgError;
use crate::ident::literal;
use crate::state::{number, text};

/// Rows of progress that pruning keeps for each partition.
const KEPT_NUMBERS: u64 = 100;

/// How far one partition is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionProgress {
    /// The partition of the log.
    pub partition: u32,
    /// Number of this progress row: 1 for the partition's first commit. To advance, the number read plus 1.
    pub number: u64,
    /// Offset to go on reading at.
    pub next_offset: i64,
    /// Last sequence applied.
    pub sequence: u64,
    /// Ordinal of the last watermark reached; 0 before the first.
    pub watermark: u64,
    /// Whether the log's `End` was reached.
    pub ended: bool,
}

/// What became of an attempt to advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Advance {
    /// The rows are in the transaction.
    Advanced,
    /// Another writer was faster: roll back and read progress again.
    Lost,
}

impl Connection {
    /// The latest progress of each partition of the task, by partition; partitions that never committed are not in it.
    pub async fn read_progress(&self, task_id: &str) -> Result<Vec<PartitionProgress>, AdbpgError> {
        let sql = format!(
            "SELECT DISTINCT ON (log_partition) log_partition, number, next_offset, log_sequence, watermark, ended \
             FROM millrace.progress WHERE task_id = {} ORDER BY log_partition, number DESC",
            literal(task_id)?
        );
        let found = rows(&self.client, "read progress", &sql).await?;
        let parse = |row: &tokio_postgres::SimpleQueryRow| {
            Ok(PartitionProgress {
                partition: number(row, 0, "progress.log_partition")?,
                number: number(row, 1, "progress.number")?,
                next_offset: number(row, 2, "progress.next_offset")?,
                sequence: number(row, 3, "progress.log_sequence")?,
                watermark: number(row, 4, "progress.watermark")?,
                ended: text(row, 5, "progress.ended")? == "t",
            })
        };
        found.iter().map(parse).collect()
    }

    /// Removes all but the last hundred numbers of each partition, in a transaction of its own.
    pub async fn prune_progress(&self, task_id: &str) -> Result<(), AdbpgError> {
        let id = literal(task_id)?;
        let sql = format!(
            "DELETE FROM millrace.progress AS p USING (SELECT log_partition, max(number) AS latest \
             FROM millrace.progress WHERE task_id = {id} GROUP BY log_partition) AS m WHERE p.task_id = {id} \
             AND p.log_partition = m.log_partition AND p.number <= m.latest - {KEPT_NUMBERS}"
        );
        self.client.batch_execute(&sql).await.map_err(|error| AdbpgError::of("prune progress", &error))
    }
}

/// Inserts the next row of each partition, in partition order so that two writers cannot dead-lock, in one round trip.
/// Beside the rule above the row before must be there: state that was deleted by hand is never continued by guess.
pub(crate) async fn advance(
    client: &Client,
    task_id: &str,
    progress: &[PartitionProgress],
) -> Result<Advance, AdbpgError> {
    if progress.is_empty() {
        return Ok(Advance::Advanced);
    }
    let id = literal(task_id)?;
    let mut in_order: Vec<&PartitionProgress> = progress.iter().collect();
    in_order.sort_by_key(|row| row.partition);
    let statements: Vec<String> = in_order.iter().map(|row| render_advance(&id, row)).collect();
    let answer = match client.simple_query(&statements.join("; ")).await {
        Ok(answer) => answer,
        Err(error) => {
            return match AdbpgError::of("advance progress", &error) {
                AdbpgError::Server { state, .. } if state == "23505" => Ok(Advance::Lost),
                other => Err(other),
            };
        }
    };
    let inserted = answer.iter().filter(|message| matches!(message, SimpleQueryMessage::CommandComplete(1))).count();
    Ok(if inserted == progress.len() { Advance::Advanced } else { Advance::Lost })
}

fn render_advance(id: &str, row: &PartitionProgress) -> String {
    let PartitionProgress { partition, number, next_offset, sequence, watermark, ended } = row;
    let of_partition = format!("SELECT 1 FROM millrace.progress WHERE task_id = {id} AND log_partition = {partition}");
    let after = number.saturating_sub(1);
    let continued =
        if after == 0 { String::new() } else { format!(" AND EXISTS ({of_partition} AND number = {after})") };
    format!(
        "INSERT INTO millrace.progress (task_id, log_partition, number, next_offset, log_sequence, watermark, ended) \
         SELECT {id}, {partition}, {number}, {next_offset}, {sequence}, {watermark}, {ended} \
         WHERE NOT EXISTS ({of_partition} AND number >= {number}){continued}"
    )
}
