//! What the log holds of a task, looked at without changing anything: for the checks before a start.

use bytes::Bytes;
use millrace_eventlog::{Broker, LogOptions, TopicNames, read_tail};
use millrace_model::{Checkpoint, Failure};
use millrace_proto::{CHECKPOINT_KEY, decode_checkpoint};
use millrace_task::Task;

use crate::recover::{ensure_data_topics_are_empty, ensure_same_task};

/// Records of the state topic's end in which the checkpoint is looked for: it is the last record of every step.
const TAIL: usize = 64;

/// Where a task stands in its log.
#[derive(Debug)]
pub enum Standing {
    /// It was never started.
    New,
    /// It was started, with this task file; this is its newest checkpoint.
    Started(Box<Checkpoint>),
}

/// Looks where a task stands.
///
/// # Errors
/// What capture itself would stop at: topics of something else, another task file, another cluster.
pub async fn examine_log(
    broker: &Broker,
    options: &LogOptions,
    names: &TopicNames,
    task: &Task,
) -> Result<Standing, Failure> {
    let description = broker.describe(&[&names.state]).await?;
    let has_state = description.topics.iter().any(|topic| topic.partitions.is_some());
    let checkpoint = if has_state { newest_checkpoint(options, names).await? } else { None };
    let Some(checkpoint) = checkpoint else {
        ensure_data_topics_are_empty(broker, options, names).await?;
        return Ok(Standing::New);
    };
    broker.ensure_topics_unchanged(names).await?;
    ensure_same_task(&checkpoint, task.fingerprint(), &description.cluster_id, options.partitions)?;
    Ok(Standing::Started(Box::new(checkpoint)))
}

async fn newest_checkpoint(options: &LogOptions, names: &TopicNames) -> Result<Option<Checkpoint>, Failure> {
    let tail = read_tail(options, &names.state, 0, TAIL).await?;
    let is_checkpoint = |key: &Bytes| key[..] == *CHECKPOINT_KEY.as_bytes();
    match tail.into_iter().rev().find(|message| is_checkpoint(&message.key)) {
        Some(message) => Ok(Some(decode_checkpoint(message.payload)?)),
        None => Ok(None),
    }
}
