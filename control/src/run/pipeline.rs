//! One attempt: capture, transform and apply over a log in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millrace_apply::{InProcess, StateRecords};
use millrace_capture::Recovered;
use millrace_model::{Failure, MysqlType, PgType, SchemaKey, TableSchema, TableState};
use millrace_proto::{CHECKPOINT_KEY, decode_checkpoint, decode_held, decode_table, held_record_key};
use millrace_service::{Outcome, StageContext, StageFailure, StageName};
use millrace_task::Task;
use millrace_transform::mappings::{Mappings, is_written_down};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::run::outlet::MemoryOutlet;
use crate::run::progress::Progress;

/// Steps under way between capture and apply: each holds some megabytes at most.
const STEPS_UNDER_WAY: usize = 4;

/// The contexts of the stages, which share task and shutdown.
#[derive(Clone)]
pub(crate) struct Contexts {
    pub(crate) capture: StageContext,
    pub(crate) apply: StageContext,
}

/// Runs the task from what the destination says until it is complete, the process is told to stop, or something fails.
pub(crate) async fn attempt(contexts: Contexts, progress: Progress) -> Result<Outcome, StageFailure> {
    let of_apply = |failure: Failure| StageFailure::of(StageName::Apply, failure);
    let destination = InProcess::open(contexts.apply.clone()).await.map_err(of_apply)?;
    let task = contexts.capture.task.clone();
    let recovered = recover(&task, destination.state()).map_err(of_apply)?;
    let (schemas, mappings) = recall(&task, &recovered, destination.state())
        .map_err(|failure| StageFailure::of(StageName::Transform, failure))?;
    if let Recovered::Restart { tables, .. } = &recovered {
        progress.resume(tables);
    }
    contexts.capture.status.set("held", mappings.held().to_json());
    let (sender, steps) = mpsc::channel(STEPS_UNDER_WAY);
    let apply_ended = Arc::new(AtomicBool::new(false));
    let outlet = MemoryOutlet::new(contexts.capture.clone(), mappings, sender, apply_ended.clone(), progress);
    let mut apply = JoinSet::new();
    apply.spawn(destination.run(schemas, steps));
    let capture = millrace_capture::run_into(contexts.capture, recovered, outlet);
    tokio::pin!(capture);
    // Whichever fails first ends both; when capture is done, apply writes what is still under way.
    let captured = tokio::select! {
        captured = &mut capture => captured,
        applied = joined(&mut apply) => return applied.map_err(of_apply),
    };
    match captured {
        Ok(_) => joined(&mut apply).await.map_err(of_apply),
        // Capture also fails when apply has ended; then apply knows the reason.
        Err(_) if apply_ended.load(Ordering::Acquire) => joined(&mut apply).await.map_err(of_apply),
        Err(failure) => Err(failure.into()),
    }
}

/// Schemas of the destination, with the names under which batches know them.
type Schemas = Vec<(SchemaKey<PgType>, Arc<TableSchema<PgType>>)>;

/// The mappings of the tables that a restart goes on with.
fn recall(task: &Task, recovered: &Recovered, state: Option<&StateRecords>) -> Result<(Schemas, Mappings), Failure> {
    let (mut schemas, mut mappings) = (Schemas::new(), Mappings::default());
    let Recovered::Restart { tables, .. } = recovered else { return Ok((schemas, mappings)) };
    for table in tables {
        let (schema, selection) = (table.schema.as_ref().clone(), &task.selection);
        let record = state.and_then(|state| held_record(table.key, state));
        let named = match record.filter(|_| is_written_down(table.key, &schema, selection)) {
            Some(held) => mappings.recall(table.key, schema, decode_held(held.into())?, selection)?,
            None => mappings.add(table.key, schema, selection)?,
        };
        schemas.push((named.target, named.mapping.target().clone()));
    }
    Ok((schemas, mappings))
}

/// What was written down of a mapping that does not follow from the task file alone.
fn held_record(key: SchemaKey<MysqlType>, state: &StateRecords) -> Option<Vec<u8>> {
    let record = held_record_key(key);
    state.iter().find(|(found, _)| *found == record).map(|(_, value)| value.clone())
}

async fn joined(apply: &mut JoinSet<Result<Outcome, Failure>>) -> Result<Outcome, Failure> {
    match apply.join_next().await {
        Some(Ok(outcome)) => outcome,
        _ => Err(Failure::fatal("apply ended unexpectedly", "this is a defect of Millrace: please report it")),
    }
}

fn recover(task: &Arc<Task>, state: Option<&StateRecords>) -> Result<Recovered, Failure> {
    let Some(state) = state else { return Ok(Recovered::First { cluster_id: String::new() }) };
    let mut checkpoint = None;
    let mut tables: Vec<TableState> = Vec::new();
    for (key, value) in state {
        match key.as_str() {
            CHECKPOINT_KEY => checkpoint = Some(decode_checkpoint(value.clone().into())?),
            key => tables.extend(decode_table(key, value.clone().into())?),
        }
    }
    let Some(checkpoint) = checkpoint else {
        return Err(Failure::fatal(
            "the destination's state of the task has no checkpoint",
            "somebody changed table millrace.state; start a new task under another name",
        ));
    };
    if checkpoint.fingerprint != task.fingerprint() {
        return Err(Failure::fatal(
            "the task file differs from the one that the task was started with",
            "phases, operations, [[objects]], [schema] and partitions cannot change while a task runs: undo the change, or \
             give the task another name to begin anew",
        ));
    }
    Ok(Recovered::Restart { checkpoint: Box::new(checkpoint), tables })
}
