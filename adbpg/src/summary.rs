//! What the destination remembers of the tasks of a name, for those who only look: nothing is created or changed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::advance::PartitionProgress;
use crate::connect::{Connection, rows};
use crate::error::AdbpgError;
use crate::ident::literal;

/// A task that has written here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSummary {
    /// Its id.
    pub task_id: String,
    /// The latest progress of each partition that ever committed, by partition.
    pub partitions: Vec<PartitionProgress>,
    /// When the newest progress was written, by the destination's clock.
    pub last_write: Option<SystemTime>,
}

impl Connection {
    /// The tasks of this name that ever wrote here, the oldest first; none where Millrace never did.
    pub async fn summarize_tasks(&self, name: &str) -> Result<Vec<TaskSummary>, AdbpgError> {
        let action = "look for progress";
        let there = rows(&self.client, action, "SELECT to_regclass('millrace.progress')").await?;
        if there.first().and_then(|row| row.get(0)).is_none() {
            return Ok(Vec::new());
        }
        let mut summaries = Vec::new();
        for task_id in self.find_tasks_named(name).await? {
            let partitions = self.read_progress(&task_id).await?;
            let sql = format!(
                "SELECT floor(extract(epoch FROM max(written_at)) * 1000)::bigint FROM millrace.progress \
                 WHERE task_id = {}",
                literal(&task_id)?
            );
            let written = rows(&self.client, action, &sql).await?;
            let milliseconds: Option<u64> =
                written.first().and_then(|row| row.get(0)).and_then(|value| value.parse().ok());
            let last_write = milliseconds.map(|since| UNIX_EPOCH + Duration::from_millis(since));
            summaries.push(TaskSummary { task_id, partitions, last_write });
        }
        Ok(summaries)
    }
}
