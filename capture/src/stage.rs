//! The loop of the stage: the binlog and the readers in, steps out.

use std::pin::pin;
use std::time::Duration;

use millrace_eventlog::{Broker, LogOptions, Standby, TopicNames};
use millrace_model::{Ended, Failure, Reading, TableName};
use millrace_mysql::SourceOptions;
use millrace_mysql::binlog::{BinlogStart, BinlogStream, SourceEvent, TableFilter};
use millrace_mysql::snapshot::ChunkLimits;
use millrace_proto::{Envelope, schema_hash};
use millrace_protocol::capture::{Capture, CaptureSettings, Step};
use millrace_service::{Outcome, StageContext};
use millrace_task::{Phase, Task};
use tokio::time::Instant;

use crate::arrivals::{Answer, Arrivals};
use crate::checks::ensure_tables_can_be_read;
use crate::options::reader_id;
use crate::pool::Pool;
use crate::progress::{Committed, Progress};
use crate::publish::{KafkaOutlet, Outlet};
use crate::recover::{Recovered, ensure_topics, open_log};
use crate::seam::Seam;
use crate::source::OpenSource;
use crate::start::{ensure_tables_fit, first_start, read_selected, unknown_tables};
use crate::statements::Statements;
use crate::stream::{Meaning, Translator};

/// Bytes of a message: batches compress well from here on, and stay far below the broker's limit.
const MESSAGE_BYTES: usize = 256 << 10;

/// A step is committed this long after it began when the source has nothing more to read ...
const QUIET: Duration = Duration::from_millis(5);

/// ... and at least this long after it began under load.
const BUSY: Duration = Duration::from_millis(50);

/// Watermarks within a full step: what apply writes at once is cut at one that all its partitions have, and it has read
/// them by different amounts.
const WATERMARKS_OF_A_STEP: usize = 8;

/// Watermarks come about this often: with each heartbeat of an idle source, or by the clock where there is none.
const WATERMARK: Duration = Duration::from_secs(1);

/// Runs one attempt of the stage over Kafka: until the task is complete, the process is told to stop, or something fails.
pub async fn run(context: StageContext) -> Result<Outcome, Failure> {
    let options = LogOptions::of_task(&context.task)?;
    let names = TopicNames::of(context.task.name.as_str());
    let mut source = OpenSource::connect(&context.task).await?;
    let broker = Broker::connect(&options).await?;
    context.mark.connected();
    ensure_topics(&broker, &options, &names, ensure_objects_can_move(&mut source, &context.task)).await?;
    let standby = Standby::join(&options, &names)?;
    context.status.set("waiting_for", "the capture that owns the task");
    let ownership = tokio::select! {
        () = context.shutdown.requested() => return Ok(Outcome::Stopped),
        ownership = standby.wait_for_ownership() => ownership?,
    };
    context.status.set("waiting_for", "");
    let (writer, recovered) = open_log(&broker, &options, &names, context.task.fingerprint()).await?;
    // Its clients have threads of their own, also where nothing is asked.
    drop(broker);
    if let Recovered::Restart { checkpoint, .. } = &recovered
        && checkpoint.ended == Ended::Yes
    {
        ownership.leave().await;
        return Ok(Outcome::Completed);
    }
    let log = Log::Kafka { partitions: options.partitions };
    let stage = begin(source, context, recovered, log).await?;
    let outlet = KafkaOutlet::new(writer, ownership, stage.envelope(), stage.context.mark.clone());
    stage.work(outlet).await
}

/// Runs one attempt of the stage into the other stages of this process, whose log has one partition.
pub async fn run_into(context: StageContext, recovered: Recovered, outlet: impl Outlet) -> Result<Outcome, Failure> {
    let source = OpenSource::connect(&context.task).await?;
    context.mark.connected();
    begin(source, context, recovered, Log::Memory).await?.work(outlet).await
}

/// Ensures that there is something to move, and that nothing of it is refused by what the task file and the source say.
async fn ensure_objects_can_move(source: &mut OpenSource, task: &Task) -> Result<(), Failure> {
    let tables = read_selected(&mut source.session, task).await?;
    let names: Vec<TableName> = tables.iter().map(|table| table.name.clone()).collect();
    ensure_tables_can_be_read(&mut source.session, &names).await?;
    ensure_tables_fit(task, &tables)
}

/// What the attempt does, on the server that it goes on from.
async fn begin(source: OpenSource, context: StageContext, recovered: Recovered, log: Log) -> Result<Stage, Failure> {
    let task = context.task.clone();
    let (mut unknown, mut listed) = (Vec::new(), None);
    let (mut source, capture) = match recovered {
        Recovered::Restart { mut checkpoint, tables } => {
            let mut source = source.for_restart(&task, &mut checkpoint).await?;
            let capture = Capture::resume(settings(&task, log), *checkpoint, tables, schema_hash);
            if capture.source().is_some() {
                let is_known = |name: &TableName| capture.table(name).is_some();
                unknown = unknown_tables(&mut source.session, &task, is_known).await?;
                listed = Seam::of(capture.source(), &source.facts).now(&mut source.session).await?;
            }
            (source, capture)
        }
        Recovered::First { cluster_id } => {
            source.ensure_is_first(&task)?;
            let mut source = source;
            let first = first_start(&mut source.session, &source.facts, &task, log.partitions(), cluster_id).await?;
            let mut capture = Capture::first(settings(&task, log), first.checkpoint, first.tables, schema_hash);
            first.ranges.into_iter().for_each(|(table, ranges)| capture.divide(&table, ranges));
            first.source_only.into_iter().for_each(|(table, rest)| capture.note(&table, rest));
            (source, capture)
        }
    };
    let seam = Seam::of(capture.source(), &source.facts);
    let statements = Statements::read(&mut source.session, &source.facts).await?;
    let progress = Progress::of(&mut source.session, &source.facts, &capture).await?;
    source.session.close().await;
    let mut arrivals = Arrivals::new(source.options.clone(), seam, listed);
    unknown.into_iter().for_each(|table| arrivals.expect(table));
    let translator = Translator::new(task, statements, arrivals);
    Ok(Stage::new(context, capture, (source.options, seam), translator, progress))
}

fn settings(task: &Task, log: Log) -> CaptureSettings {
    let step = task.memory.step();
    CaptureSettings {
        message_bytes: MESSAGE_BYTES,
        step_bytes: step,
        watermark_bytes: log.is_cut_within_steps().then_some(step / WATERMARKS_OF_A_STEP),
        window_bytes: task.memory.chunk(task.full.readers),
        readers: task.full.readers as usize,
        schema: task.phases.contains(Phase::Schema),
        full: task.phases.contains(Phase::Full),
        incremental: task.phases.contains(Phase::Incremental),
    }
}

/// Where steps go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    Kafka {
        partitions: u32,
    },
    /// To the other stages of this process.
    Memory,
}

impl Log {
    fn partitions(self) -> u32 {
        match self {
            Self::Kafka { partitions } => partitions,
            Self::Memory => 1,
        }
    }

    /// Whether the destination may commit in the middle of a step. In one process each commit takes the checkpoint of a
    /// step along, so it is at a step's end.
    fn is_cut_within_steps(self) -> bool {
        match self {
            Self::Kafka { .. } => true,
            Self::Memory => false,
        }
    }
}

struct Stage {
    context: StageContext,
    /// The server that is read.
    options: SourceOptions,
    capture: Capture,
    translator: Translator,
    pool: Pool,
    /// When the step that is being collected began; none while it is empty.
    step_began: Option<Instant>,
    last_commit: Instant,
    progress: Progress,
}

/// What the loop does next.
enum Next {
    GoOn,
    Commit,
}

impl Stage {
    fn new(
        context: StageContext,
        capture: Capture,
        (options, seam): (SourceOptions, Seam),
        translator: Translator,
        progress: Progress,
    ) -> Self {
        let task = &context.task;
        let readers = task.full.readers;
        let most = ChunkLimits { rows: task.full.chunk_rows as usize, bytes: task.memory.chunk(readers) };
        let pool = Pool::start(&options, readers as usize, most, seam);
        Self { translator, step_began: None, last_commit: Instant::now(), progress, context, options, capture, pool }
    }

    fn envelope(&self) -> Envelope {
        let (task_id, fingerprint) = self.capture.envelope_of();
        Envelope { task_id, fingerprint }
    }

    async fn work(mut self, mut outlet: impl Outlet) -> Result<Outcome, Failure> {
        self.commit(&mut outlet).await?;
        let mut stream = self.open_stream().await?;
        let shutdown = self.context.shutdown.clone();
        while self.capture.ended() == Ended::No {
            self.prepare()?;
            let (reads, commit_at) = (!self.capture.stream_waits(), self.commit_at());
            let next = tokio::select! {
                biased;
                () = shutdown.requested() => return self.stop(outlet).await,
                lost = outlet.lost() => return Err(lost),
                told = self.pool.next() => self.told(told)?,
                answer = self.translator.arrivals.next() => self.answered(answer)?,
                event = next_event(&mut stream), if reads => self.event(event?, &mut outlet).await?,
                () = tokio::time::sleep_until(commit_at) => self.quiet(),
            };
            self.capture.end_if_complete();
            if matches!(next, Next::Commit) || self.must_commit() {
                match self.capture.is_overfull() {
                    true => self.commit(&mut outlet).await?,
                    false => self.commit_while_reading(&mut outlet, &mut stream).await?,
                }
            }
        }
        self.commit(&mut outlet).await?;
        outlet.leave().await;
        Ok(Outcome::Completed)
    }

    /// What can be begun now: tables that arrived, and chunks for idle readers.
    fn prepare(&mut self) -> Result<(), Failure> {
        if self.capture.is_between_transactions() && !self.capture.stream_waits() {
            self.translator.settle(&mut self.capture)?;
            self.note_step();
        }
        self.pool.dispatch(&mut self.capture)
    }

    async fn open_stream(&self) -> Result<Option<BinlogStream>, Failure> {
        let Some(mark) = self.capture.source() else { return Ok(None) };
        let start = match (mark.resume(), &mark.delivered) {
            (Reading::Gtids(set), _) => BinlogStart::Gtids(set),
            (Reading::Place(from), Reading::Place(until)) if from < *until => {
                BinlogStart::Collecting { from, until: until.clone() }
            }
            (Reading::Place(place), _) => BinlogStart::Place(place),
        };
        let task = self.context.task.clone();
        let stream = BinlogStream::open(self.options.opts(), start, reader_id(&task)).await?;
        let other = task.clone();
        let filter = TableFilter::new(move |table: &TableName| task.selection.selects(table).is_some());
        let filter = filter.in_databases(move |database| other.selection.selects_in_database(database));
        Ok(Some(stream.selecting(filter)))
    }

    /// Takes an event. One that changes a table ends the step before it: in one process a commit is at a step's end, and rows
    /// that the destination refuses are held for certain, to be looked at and given up, only if theirs ends before the
    /// change that stops for them (ADR 0022).
    async fn event(&mut self, event: SourceEvent, outlet: &mut impl Outlet) -> Result<Next, Failure> {
        let rows = self.capture.rows_in_step();
        if self.translator.alters(&self.capture, &event)
            && let Some(step) = self.capture.take_step_before_open()
        {
            self.publish(step, rows, outlet).await?;
        }
        self.take(event).await
    }

    async fn take(&mut self, event: SourceEvent) -> Result<Next, Failure> {
        self.translator.learn_charsets(&self.capture, &self.options, &event).await?;
        let meaning = self.translator.take(&mut self.capture, event)?;
        self.note_step();
        match meaning {
            // The heartbeats set the pace, not the clock below: a watermark then carries the moment that it is written.
            Meaning::Idle if self.last_commit.elapsed() >= WATERMARK / 2 => Ok(Next::Commit),
            Meaning::Idle | Meaning::Taken => Ok(Next::GoOn),
        }
    }

    fn told(&mut self, told: crate::reader::Told) -> Result<Next, Failure> {
        self.pool.take(&mut self.capture, told)?;
        self.note_step();
        Ok(Next::GoOn)
    }

    fn answered(&mut self, answer: Answer) -> Result<Next, Failure> {
        self.translator.arrivals.take(answer)?;
        Ok(Next::GoOn)
    }

    fn quiet(&self) -> Next {
        if self.capture.is_between_transactions() { Next::Commit } else { Next::GoOn }
    }

    fn note_step(&mut self) {
        if self.step_began.is_none() && self.capture.has_step() {
            self.step_began = Some(Instant::now());
        }
    }

    /// When the source being quiet ends the step; a watermark is due even if there is nothing. Inside a transaction only
    /// its end does, or its size.
    fn commit_at(&self) -> Instant {
        match self.step_began {
            _ if !self.capture.is_between_transactions() => Instant::now() + WATERMARK,
            Some(began) => began + QUIET,
            None => self.last_commit + WATERMARK * 3 / 2,
        }
    }

    fn must_commit(&self) -> bool {
        let is_old = |began: Instant| began.elapsed() >= BUSY;
        self.capture.is_full() || (self.capture.is_between_transactions() && self.step_began.is_some_and(is_old))
    }

    /// Publishes what was collected.
    async fn commit(&mut self, outlet: &mut impl Outlet) -> Result<(), Failure> {
        let (step, rows) = self.take_step();
        self.publish(step, rows, outlet).await
    }

    async fn publish(&mut self, step: Step, rows: u64, outlet: &mut impl Outlet) -> Result<(), Failure> {
        self.step_began = None;
        let committed = Committed::of(&step, rows);
        outlet.publish(step).await?;
        self.committed(&committed);
        Ok(())
    }

    /// The same; what the source and the readers bring meanwhile is collected for the next step, up to its size, or up to a
    /// statement that ends it. Nothing of that is published before this step is: should it fail, all of it is read again.
    /// Should the reading fail, this step is published first.
    async fn commit_while_reading(
        &mut self,
        outlet: &mut impl Outlet,
        stream: &mut Option<BinlogStream>,
    ) -> Result<(), Failure> {
        let (step, rows) = self.take_step();
        let committed = Committed::of(&step, rows);
        let (mut taken, mut waiting) = (Ok(()), None);
        {
            let mut published = pin!(outlet.publish(step));
            loop {
                let is_open = self.capture.ended() == Ended::No && !self.capture.is_full();
                let takes = taken.is_ok() && waiting.is_none() && is_open;
                if takes {
                    taken = self.prepare();
                }
                let reads = takes && !self.capture.stream_waits();
                tokio::select! {
                    biased;
                    published = &mut published => break published?,
                    told = self.pool.next(), if takes => taken = self.told(told).map(drop),
                    event = next_event(stream), if reads => match event {
                        Ok(event) if self.translator.alters(&self.capture, &event) => waiting = Some(event),
                        Ok(event) => taken = self.take(event).await.map(drop),
                        Err(failure) => taken = Err(failure),
                    },
                }
            }
        }
        self.committed(&committed);
        taken?;
        match waiting {
            Some(event) => self.event(event, outlet).await.map(drop),
            None => Ok(()),
        }
    }

    fn take_step(&mut self) -> (Step, u64) {
        let rows = self.capture.rows_in_step();
        self.step_began = None;
        (self.capture.take_step(), rows)
    }

    fn committed(&mut self, step: &Committed) {
        self.last_commit = Instant::now();
        self.progress.committed(step);
        metrics::counter!("millrace_rows_total").increment(step.rows);
        self.progress.show(&self.context, &self.capture);
    }

    /// Publishes what is complete, and leaves so that a standby takes over at once.
    async fn stop(mut self, mut outlet: impl Outlet) -> Result<Outcome, Failure> {
        if self.capture.has_step() && self.capture.is_between_transactions() {
            self.commit(&mut outlet).await?;
        }
        outlet.leave().await;
        Ok(Outcome::Stopped)
    }
}

/// The next event of the binlog; waits for ever where there is none to follow.
async fn next_event(stream: &mut Option<BinlogStream>) -> Result<SourceEvent, Failure> {
    match stream {
        Some(stream) => Ok(stream.next().await?),
        None => std::future::pending().await,
    }
}
