//! The beginning of an attempt: which run of the task it is, and whether the destination may be written.

use bytes::Bytes;
use millrace_adbpg::check::Verdict;
use millrace_adbpg::{Connection, TaskIdentity};
use millrace_eventlog::{Broker, LogOptions, TopicNames, read_tail};
use millrace_model::{Checkpoint, Failure, PgType, TableSchema};
use millrace_proto::{CHECKPOINT_KEY, decode_checkpoint};
use millrace_service::{Patience, StageContext};

/// Records of the state topic's end in which the checkpoint is looked for: it is the last record of every step.
const TAIL: usize = 64;

/// Waits for capture's first checkpoint, which names the run of the task; none if the process is told to stop before.
pub(crate) async fn wait_for_task(
    context: &StageContext,
    options: &LogOptions,
    names: &TopicNames,
) -> Result<Option<Checkpoint>, Failure> {
    let broker = Broker::connect(options).await?;
    context.mark.connected();
    let (patience, mut looked_at) = (Patience::begin(), None);
    loop {
        let waiting_for = match broker.missing(names).await?.into_iter().next() {
            Some(topic) => format!("capture to create topic \"{topic}\""),
            None => {
                let stable = broker.ends(&names.state).await?.iter().map(|ends| ends.last_stable).max();
                let newest = match looked_at == stable {
                    true => None,
                    false => {
                        broker.ensure_topics_unchanged(names).await?;
                        newest_checkpoint(options, names).await?
                    }
                };
                looked_at = stable;
                match newest {
                    Some(checkpoint) if checkpoint.fingerprint == context.task.fingerprint() => {
                        context.status.set("waiting_for", "");
                        return Ok(Some(checkpoint));
                    }
                    Some(_) => return Err(other_task_file()),
                    None => "capture's first step".to_owned(),
                }
            }
        };
        context.status.set("waiting_for", waiting_for);
        tokio::select! {
            () = context.shutdown.requested() => return Ok(None),
            () = patience.pause() => {}
        }
    }
}

async fn newest_checkpoint(options: &LogOptions, names: &TopicNames) -> Result<Option<Checkpoint>, Failure> {
    let tail = read_tail(options, &names.state, 0, TAIL).await?;
    let is_checkpoint = |key: &Bytes| key[..] == *CHECKPOINT_KEY.as_bytes();
    match tail.into_iter().rev().find(|message| is_checkpoint(&message.key)) {
        Some(message) => Ok(Some(decode_checkpoint(message.payload)?)),
        None => Ok(None),
    }
}

fn other_task_file() -> Failure {
    Failure::fatal(
        "the task runs with another version of the task file",
        "all stages need the same task file; phases, operations, [[objects]], [schema] and partitions cannot change while a \
         task runs",
    )
}

/// Makes sure that the destination can be written and has the state tables.
pub(crate) async fn ensure_destination_can_be_written(connection: &mut Connection) -> Result<(), Failure> {
    for finding in connection.check(&[]).await? {
        match finding.verdict {
            Verdict::Good => {}
            Verdict::Warning => tracing::warn!(check = finding.name, mend = finding.mend, "{}", finding.found),
            Verdict::Blocks => {
                return Err(Failure::fatal(format!("{}: {}", finding.name, finding.found), finding.mend));
            }
        }
    }
    Ok(connection.ensure_state_tables().await?)
}

/// Makes sure that the destination can be written and that its state tables belong to this run of the task; says
/// whether the task has written there before.
pub(crate) async fn ensure_destination(connection: &mut Connection, task: &TaskIdentity) -> Result<Arrival, Failure> {
    ensure_destination_can_be_written(connection).await?;
    let others = connection.find_tasks_named(&task.name).await?;
    if let Some(other) = others.iter().find(|id| **id != task.id) {
        return Err(Failure::fatal(
            format!("another task named \"{}\" has written to this destination (task id \"{other}\")", task.name),
            format!(
                "give this task another name; or, if the other is over, remove its state: DELETE FROM millrace.task \
                 WHERE task_id = '{other}'"
            ),
        ));
    }
    Ok(if others.is_empty() { Arrival::First } else { Arrival::Again })
}

/// Whether a run of a task has come to its destination before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It comes for the first time.
    First,
    /// It is registered there.
    Again,
}

/// Tables that somebody made by hand are looked at before anything is written: all that they lack is named.
pub(crate) async fn ensure_tables_fit(connection: &Connection, schemas: &[TableSchema<PgType>]) -> Result<(), Failure> {
    let finding = connection.check_tables_fit(schemas).await?;
    match finding.verdict {
        Verdict::Good | Verdict::Warning => Ok(()),
        Verdict::Blocks => {
            Err(Failure::fatal(format!("the destination is not ready: {}", finding.found), finding.mend))
        }
    }
}
