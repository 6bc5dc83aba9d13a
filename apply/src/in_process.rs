//! Apply for a task that runs in one process: steps come from memory, and what a restart needs is kept in the destination,
//! in the transaction that writes the data.
//!
//! There is one partition, and every commit is at the end of a step, with that step's checkpoint: so what is in the
//! destination and where capture goes on are one state, whatever is killed when. Schema changes are executed in the same
//! transaction, so they need no journal. After any failure the whole log in memory is thrown away and capture starts
//! from what is committed.

use std::sync::Arc;
use std::time::Duration;

use millrace_adbpg::{
    Advance, BarrierOutcome, CommitOutcome, Connection, JournalEntry, PartitionProgress, Replaced, TaskIdentity,
    WriteTransaction,
};
use millrace_model::batch::{Barrier, Batch};
use millrace_model::{Failure, PgType, SchemaKey, TableSchema};
use millrace_protocol::cut::{Cuts, Ended, Progress, Then, Work, Write};
use millrace_service::{Outcome, StageContext};
use millrace_task::Phase;
use tokio::sync::{mpsc, oneshot};

use crate::barrier::{tables_created, tables_to_keep};
use crate::loaded::{finish_table, render_finish};
use crate::options::destination_options;
use crate::quarantine::{Guard, ensure_none_held};
use crate::records::Records;
use crate::schema_changes::{Found, first_changes, render};
use crate::schema_lines::SchemaLines;
use crate::session::{Arrival, ensure_destination_can_be_written, ensure_tables_fit};
use crate::tally::Tally;
use crate::write::{Terms, from_row, write_tables};

/// How long a former process' session may take to be noticed as gone.
const LOCK_LIMIT: Duration = Duration::from_secs(15);

/// A step in the destination's form.
#[derive(Debug)]
pub struct TransformedStep {
    /// The run of the task.
    pub task_id: String,
    /// Its messages.
    pub batches: Vec<Batch<PgType>>,
    /// Schemas that they use for the first time.
    pub schemas: Vec<(SchemaKey<PgType>, Arc<TableSchema<PgType>>)>,
    /// Records of the state, by key; none removes one.
    pub state: Vec<(String, Option<Vec<u8>>)>,
    /// Sequence of its last entry; none where a huge transaction goes on.
    pub end: Option<u64>,
    /// Dropped when apply asks for more: it has then written what it could of this step. For a step with a large row.
    pub written: Option<oneshot::Sender<()>>,
}

/// The destination of a task that runs in one process; holds the task's lock.
pub struct InProcess {
    connection: Connection,
    context: StageContext,
    recovered: Option<(String, StateRecords)>,
}

/// Records of a task's state: key and value.
pub type StateRecords = Vec<(String, Vec<u8>)>;

impl InProcess {
    /// Connects, locks the task and reads its state. Writes nothing but empty state tables.
    pub async fn open(context: StageContext) -> Result<Self, Failure> {
        let mut connection = Connection::connect(&destination_options(&context.task.destination)).await?;
        ensure_destination_can_be_written(&mut connection).await?;
        let name = context.task.name.to_string();
        lock(&connection, &name).await?;
        let ids = connection.find_tasks_named(&name).await?;
        let mut recovered = None;
        for id in &ids {
            let state = connection.read_state(id).await?;
            if !state.is_empty() {
                recovered = Some((id.clone(), state));
            }
        }
        match (&recovered, ids.first()) {
            (None, Some(id)) => Err(Failure::fatal(
                format!("a task named \"{name}\" has written to this destination over Kafka (task id \"{id}\")"),
                "give this task another name, or go on with the stages over Kafka",
            )),
            _ => Ok(Self { connection, context, recovered }),
        }
    }

    /// The state where the task ran before.
    pub fn state(&self) -> Option<&StateRecords> {
        self.recovered.as_ref().map(|(_, state)| state)
    }

    /// Applies steps until there are no more. `schemas` are those of the tables that the state knows.
    pub async fn run(
        self,
        schemas: Vec<(SchemaKey<PgType>, Arc<TableSchema<PgType>>)>,
        steps: mpsc::Receiver<TransformedStep>,
    ) -> Result<Outcome, Failure> {
        let mut progress = Progress::start(0);
        let mut guard = Guard::new(&self.context);
        if let Some((task_id, _)) = &self.recovered {
            let rows = self.connection.read_progress(task_id).await?;
            progress = rows.first().map(from_row).unwrap_or(progress);
            guard.read(&self.connection, task_id).await?;
            guard.show(&self.context);
        }
        let mut cuts = Cuts::new(1, &[progress], progress.watermark, self.context.task.memory.held());
        for (key, schema) in &schemas {
            cuts.add_schema(*key, schema.clone());
        }
        let Self { connection, context, .. } = self;
        let inbox = Inbox { steps, cuts, records: Records::default(), offset: 0, waiting: None };
        let mut applier = Applier { context, inbox, progress, task: None, schemas, tally: Tally::default(), guard };
        applier.work(connection).await
    }
}

async fn lock(connection: &Connection, name: &str) -> Result<(), Failure> {
    let locked = async {
        while !connection.try_lock_task(name).await? {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok::<(), Failure>(())
    };
    if let Ok(locked) = tokio::time::timeout(LOCK_LIMIT, locked).await {
        locked?;
        return Ok(connection.name_session(&this_process()).await?);
    }
    let holder = connection.find_holder_of_task(name).await?;
    let holder = holder.map(|holder| format!(" ({holder})")).unwrap_or_default();
    Err(Failure::fatal(
        format!("task \"{name}\" is already running in another process{holder}"),
        "stop that process, or give this task another name",
    ))
}

/// How the session with the lock is named, for who is kept out by it: this process, and the machine's name, where it can
/// be read and is printable.
fn this_process() -> String {
    let process = format!("millrace run, process {}", std::process::id());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match host.trim() {
        host if !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic()) => format!("{process} on {host}"),
        _ => process,
    }
}

/// What came and is not written yet.
struct Inbox {
    steps: mpsc::Receiver<TransformedStep>,
    cuts: Cuts,
    /// What a restart needs, by steps.
    records: Records,
    offset: i64,
    /// Whoever waits until the step that came last is written.
    waiting: Option<oneshot::Sender<()>>,
}

impl Inbox {
    fn take(&mut self, step: TransformedStep) -> Result<(), Failure> {
        for (key, schema) in step.schemas {
            self.cuts.add_schema(key, schema);
        }
        for batch in step.batches {
            self.cuts.offer(0, self.offset, batch)?;
            self.offset += 1;
        }
        self.records.add(step.state, step.end);
        self.waiting = step.written;
        Ok(())
    }
}

struct Applier {
    context: StageContext,
    inbox: Inbox,
    progress: Progress,
    task: Option<TaskIdentity>,
    schemas: Vec<(SchemaKey<PgType>, Arc<TableSchema<PgType>>)>,
    tally: Tally,
    guard: Guard,
}

/// Whether more steps may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Open,
    Closed,
}

impl Applier {
    async fn work(&mut self, mut connection: Connection) -> Result<Outcome, Failure> {
        let mut loaded = self.tables_to_finish();
        let mut arrival = if self.schemas.is_empty() { Arrival::First } else { Arrival::Again };
        loop {
            self.finish_tables(&mut connection, std::mem::take(&mut loaded)).await?;
            if self.collect().await? == Source::Closed {
                return self.outcome(&connection).await;
            }
            if arrival == Arrival::First && !self.context.task.phases.contains(Phase::Schema) {
                let schemas: Vec<_> = self.schemas.iter().map(|(_, schema)| TableSchema::clone(schema)).collect();
                ensure_tables_fit(&connection, &schemas).await?;
            }
            arrival = Arrival::Again;
            loaded = self.transaction(&mut connection).await?;
        }
    }

    async fn outcome(&self, connection: &Connection) -> Result<Outcome, Failure> {
        if self.progress.ended == Ended::No {
            return Ok(Outcome::Stopped);
        }
        if let Some(task_id) = self.task_id(connection).await? {
            ensure_none_held(connection, &task_id).await?;
        }
        Ok(Outcome::Completed)
    }

    /// Waits for a step and takes all that are there, within bounds.
    async fn collect(&mut self) -> Result<Source, Failure> {
        self.inbox.waiting = None;
        let Some(step) = self.inbox.steps.recv().await else { return Ok(Source::Closed) };
        self.note(&step);
        self.inbox.take(step)?;
        while self.inbox.cuts.bytes() < self.context.task.memory.held()
            && let Ok(step) = self.inbox.steps.try_recv()
        {
            self.note(&step);
            self.inbox.take(step)?;
        }
        Ok(Source::Open)
    }

    fn note(&mut self, step: &TransformedStep) {
        self.schemas.extend(step.schemas.iter().cloned());
        if self.task.is_none() {
            self.task = Some(TaskIdentity { id: step.task_id.clone(), name: self.context.task.name.to_string() });
        }
    }

    /// Writes what is there in one transaction that ends at a step's end; gives the tables whose snapshot is complete.
    async fn transaction(&mut self, connection: &mut Connection) -> Result<Vec<SchemaKey<PgType>>, Failure> {
        let Some(task) = self.task.clone() else { return Ok(Vec::new()) };
        let (mut loaded, mut changes, mut watermark) = (Vec::new(), 0, None);
        let mut schema_lines = Vec::new();
        let mut transaction: Option<WriteTransaction<'_>> = None;
        let mut connection = Some(connection);
        loop {
            let work = self.inbox.cuts.next_work();
            if let (Work::Idle | Work::Ended, None) = (&work, &transaction) {
                return Ok(Vec::new());
            }
            if transaction.is_none()
                && let Some(connection) = connection.take()
            {
                self.guard.refresh(connection, &task.id).await?;
                transaction = Some(connection.begin().await?);
            }
            let Some(open) = transaction.as_mut() else { return Ok(Vec::new()) };
            let at_end = match work {
                Work::Write(write) => {
                    changes += write.tables.iter().map(|table| table.changes).sum::<u64>();
                    watermark = write.watermark.clone().or(watermark);
                    loaded.extend(write.loaded.iter().map(|(key, _)| *key));
                    self.write(open, &task, write).await?
                }
                Work::Barrier(standing) => {
                    self.finish_within(open, &task, std::mem::take(&mut loaded)).await?;
                    self.forget_held(open, &task, &standing.barrier).await?;
                    schema_lines.push(self.change_schema(open, &standing.barrier).await?);
                    false
                }
                Work::Idle | Work::Ended => self.collect().await? == Source::Closed,
            };
            if at_end {
                break;
            }
        }
        let Some(transaction) = transaction else { return Ok(Vec::new()) };
        self.commit(transaction, &task).await?;
        schema_lines.iter().for_each(SchemaLines::tell);
        self.tally.committed(&self.context, &[self.progress], changes, watermark);
        self.guard.show(&self.context);
        Ok(loaded)
    }

    async fn change_schema(
        &mut self,
        transaction: &mut WriteTransaction<'_>,
        barrier: &Barrier<PgType>,
    ) -> Result<SchemaLines, Failure> {
        // In the transaction, because it may have created tables of these names, and dropped them.
        let there = transaction.existing_tables(&tables_created(&self.inbox.cuts)).await?;
        let mut found = Found::keeping(tables_to_keep(there, self.context.task.existing_tables)?);
        for change in first_changes(barrier, &self.inbox.cuts)? {
            let replacing = transaction.look_for_hindrances(&change.difference).await?;
            found.note(change.table_id, change.name, replacing);
        }
        let rendered = render(transaction.dialect(), barrier, &self.inbox.cuts, &found)?;
        for left_out in rendered.left_out {
            tracing::warn!(table = %left_out.table, what = left_out.what, why = left_out.why, "does not move");
        }
        transaction.execute("change the schema", &rendered.statements).await?;
        found.tell();
        transaction.forget_tables();
        let lines = SchemaLines::of(barrier, &self.inbox.cuts, &found.kept);
        self.inbox.cuts.pass(barrier.watermark.ordinal);
        Ok(lines)
    }

    /// Finishes tables whose snapshot is complete in this transaction, before a schema change that may touch them.
    async fn finish_within(
        &self,
        transaction: &mut WriteTransaction<'_>,
        task: &TaskIdentity,
        loaded: Vec<SchemaKey<PgType>>,
    ) -> Result<(), Failure> {
        for key in loaded {
            let Some(schema) = self.inbox.cuts.schema(key) else { continue };
            let statements = render_finish(transaction.dialect(), schema)?;
            let entry = JournalEntry::TableLoaded { version: key.version };
            transaction.execute("make the indexes of a loaded table", &statements).await?;
            transaction.record_executed(&task.id, entry).await?;
        }
        Ok(())
    }

    /// What is held of tables that lose all their rows in a schema change goes with them.
    async fn forget_held(
        &mut self,
        transaction: &mut WriteTransaction<'_>,
        task: &TaskIdentity,
        barrier: &Barrier<PgType>,
    ) -> Result<(), Failure> {
        let statements = Guard::at_barrier(&self.guard.holds(), &task.id, barrier, &self.inbox.cuts)?;
        if statements.is_empty() {
            return Ok(());
        }
        for change in &barrier.changes {
            if let Some(schema) = self.inbox.cuts.schema(change.schema()) {
                self.guard.forget(transaction, &task.id, schema.table_id).await?;
            }
        }
        Ok(())
    }

    /// Writes; true if the write ends at a step's end.
    async fn write(
        &mut self,
        transaction: &mut WriteTransaction<'_>,
        task: &TaskIdentity,
        write: Write,
    ) -> Result<bool, Failure> {
        let existing = self.context.task.existing_tables;
        let mut terms = Terms { task_id: &task.id, existing, guard: &mut self.guard };
        write_tables(transaction, write.tables, &mut terms).await?;
        for (key, partition) in &write.loaded {
            transaction.record_loaded(&task.id, key.version, key.hash, *partition).await?;
        }
        let Then::Commit(progress) = write.then else { return Ok(false) };
        let Some(lane) = progress.first() else { return Ok(false) };
        self.progress = Progress { number: self.progress.number, ..*lane };
        Ok(self.inbox.records.end_at(lane.sequence))
    }

    async fn commit(&mut self, mut transaction: WriteTransaction<'_>, task: &TaskIdentity) -> Result<(), Failure> {
        let state = self.inbox.records.take_up_to(self.progress.sequence);
        self.progress.number += 1;
        let Progress { partition, number, next_offset, sequence, watermark, ended } = self.progress;
        let ended = ended == Ended::Yes;
        let row = PartitionProgress { partition, number, next_offset, sequence, watermark, ended };
        transaction.register_task(task).await?;
        transaction.write_state(&task.id, &state).await?;
        let again =
            || Failure::connection("another process has written for this task", "the task starts again from there");
        let released = || {
            Failure::connection("rows were released from the quarantine meanwhile", "the task starts again from there")
        };
        if self.guard.store(&mut transaction, &task.id).await? == Replaced::Lost {
            return Err(released());
        }
        if transaction.advance_progress(&task.id, &[row]).await? == Advance::Lost {
            return Err(again());
        }
        match transaction.commit().await? {
            CommitOutcome::Committed => Ok(()),
            CommitOutcome::Unknown(error) => Err(error.into()),
        }
    }

    /// Schemas of tables that were loaded before the start, perhaps without their indexes.
    fn tables_to_finish(&self) -> Vec<SchemaKey<PgType>> {
        self.schemas.iter().map(|(key, _)| *key).collect()
    }

    async fn finish_tables(
        &mut self,
        connection: &mut Connection,
        loaded: Vec<SchemaKey<PgType>>,
    ) -> Result<(), Failure> {
        if loaded.is_empty() {
            return Ok(());
        }
        let Some(task_id) = self.task_id(connection).await? else { return Ok(()) };
        for (version, hash) in connection.loaded_tables(&task_id, 1).await? {
            let key = SchemaKey::new(version, hash);
            let Some((_, schema)) = self.schemas.iter().find(|(known, _)| *known == key) else { continue };
            if finish_table(connection, &task_id, version, schema).await? == BarrierOutcome::Busy {
                let what = format!("another session makes the indexes of \"{}\"", schema.name);
                return Err(Failure::connection(
                    what,
                    "if it stays, look for that session in pg_stat_activity of the destination",
                ));
            }
        }
        if self.tally.commits_since_prune() {
            connection.prune_progress(&task_id).await?;
        }
        Ok(())
    }

    async fn task_id(&self, connection: &Connection) -> Result<Option<String>, Failure> {
        match &self.task {
            Some(task) => Ok(Some(task.id.clone())),
            None => Ok(connection.find_tasks_named(self.context.task.name.as_str()).await?.pop()),
        }
    }
}
