//! The log at the start: a first start, a restart, or somebody else's topics.

use std::collections::BTreeMap;

use bytes::Bytes;
use millrace_eventlog::{Broker, ClaimId, DATA_RETENTION, LogOptions, Opened, StepWriter, TopicNames, read_tail};
use millrace_model::{Checkpoint, Failure, TableState};
use millrace_proto::{CHECKPOINT_KEY, decode_checkpoint, decode_table};

/// What the state topic says.
pub enum Recovered {
    /// There is no checkpoint: the task starts for the first time.
    First {
        /// The cluster that it starts on.
        cluster_id: String,
    },
    /// The task goes on.
    Restart {
        /// From here.
        checkpoint: Box<Checkpoint>,
        /// With these tables.
        tables: Vec<TableState>,
    },
}

/// Makes the topics for a task that has none. Topics that hold something, without a state topic beside them, belong to
/// something else, or lost their state.
/// `is_needed` says whether the task can start at all; nothing is made for one that cannot.
pub(crate) async fn ensure_topics(
    broker: &Broker,
    options: &LogOptions,
    names: &TopicNames,
    is_needed: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let description = broker.describe(&[&names.state]).await?;
    let has_state = description.topics.iter().any(|topic| topic.partitions.is_some());
    if !has_state {
        ensure_data_topics_are_empty(broker, options, names).await?;
        is_needed.await?;
        let made = broker.ensure_topics(names, DATA_RETENTION).await?;
        tracing::info!(topics = made.join(", "), "created topics");
    }
    Ok(())
}

/// Opens the log for writing, which shuts out every older capture, and reads where the task stands.
pub(crate) async fn open_log(
    broker: &Broker,
    options: &LogOptions,
    names: &TopicNames,
    fingerprint: [u8; 16],
) -> Result<(StepWriter, Recovered), Failure> {
    let Opened { writer, state } = StepWriter::open(options, names, ClaimId::random()).await?;
    let description = broker.describe(&[&names.state]).await?;
    let Some(value) = state.get(CHECKPOINT_KEY.as_bytes()) else {
        broker.ensure_topics(names, DATA_RETENTION).await?;
        ensure_data_topics_are_empty(broker, options, names).await?;
        return Ok((writer, Recovered::First { cluster_id: description.cluster_id }));
    };
    let checkpoint = decode_checkpoint(value.clone())?;
    broker.ensure_topics_unchanged(names).await?;
    ensure_same_task(&checkpoint, fingerprint, &description.cluster_id, options.partitions)?;
    Ok((writer, Recovered::Restart { checkpoint: Box::new(checkpoint), tables: tables_of(&state)? }))
}

/// Nothing may have been committed to the data topics. What a capture left there that died within its first step was
/// aborted, and is nothing.
pub(crate) async fn ensure_data_topics_are_empty(
    broker: &Broker,
    options: &LogOptions,
    names: &TopicNames,
) -> Result<(), Failure> {
    let data = [&names.captured, &names.transformed, &names.schemas];
    let description = broker.describe(&data.map(String::as_str)).await?;
    for found in description.topics.iter().filter(|found| found.partitions.is_some()) {
        if holds_data(broker, options, &found.topic).await? {
            return Err(Failure::fatal(
                format!("topic \"{}\" holds data, but the task has no checkpoint", found.topic),
                "another task of this name wrote to it, or its state topic was deleted: give this task another name, or \
                 delete the topics of the one that is over",
            ));
        }
    }
    Ok(())
}

async fn holds_data(broker: &Broker, options: &LogOptions, topic: &str) -> Result<bool, Failure> {
    for ends in broker.ends(topic).await? {
        // What retention has removed was there.
        let was_read = ends.earliest > 0;
        if was_read || (ends.end > 0 && !read_tail(options, topic, ends.partition, 1).await?.is_empty()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ensures that a checkpoint is of this task, as it is now.
pub(crate) fn ensure_same_task(
    checkpoint: &Checkpoint,
    fingerprint: [u8; 16],
    cluster_id: &str,
    partitions: u32,
) -> Result<(), Failure> {
    let kept = checkpoint.next_sequences.len();
    if kept != partitions as usize {
        return Err(Failure::fatal(
            format!("log.partitions is {partitions}, but the task was started with {kept}"),
            format!("set partitions = {kept} in [log]; the number cannot change while the task runs"),
        ));
    }
    if checkpoint.fingerprint != fingerprint {
        return Err(Failure::fatal(
            "the task file differs from the one that the task was started with",
            "phases, operations, [[objects]], [schema] and partitions cannot change while a task runs: undo the change, or \
             give the task another name to begin anew",
        ));
    }
    if checkpoint.cluster_id != cluster_id {
        return Err(Failure::fatal(
            format!(
                "the task was started on kafka cluster \"{}\", but this one is \"{cluster_id}\"",
                checkpoint.cluster_id
            ),
            "correct log.kafka",
        ));
    }
    Ok(())
}

fn tables_of(state: &BTreeMap<Vec<u8>, Bytes>) -> Result<Vec<TableState>, Failure> {
    let mut tables = Vec::new();
    for (key, value) in state {
        let Ok(key) = std::str::from_utf8(key) else { continue };
        if !value.is_empty()
            && let Some(table) = decode_table(key, value.clone())?
        {
            tables.push(table);
        }
    }
    Ok(tables)
}
