//! Drives the real `Capture`: producer, claim, stream, snapshot readers, steps.

use std::collections::{BTreeMap, BTreeSet};

use millrace_model::checkpoint::{Checkpoint, Ended, KeyRange, Load, RangeState, SourceMark, TableState};
use millrace_model::{MysqlType, TableName, TableSchema};
use millrace_protocol::ProtocolError;
use millrace_protocol::capture::{Capture, CaptureSettings, Step};

use crate::distributed;
use crate::faults::Broken;
use crate::log::{Record, Reply};
use crate::parts::cut;
use crate::random::mix;
use crate::reader::Reader;
use crate::source::{Distributed, Event};
use crate::tables::{Kind, Value, added, altered_schema, kind, mysql_schema, row};
use crate::world::{Outcome, Shared, trace};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Init,
    Claim,
    ReadState,
    Run,
    /// Fenced, killed or ended.
    Gone,
}

struct Sending {
    transaction: usize,
    records: Vec<(usize, Record)>,
}

pub(crate) struct CaptureActor {
    pub(crate) id: usize,
    pub(crate) phase: Phase,
    epoch: u64,
    claim: u64,
    machine: Option<Capture>,
    /// No transaction before this is undelivered.
    from: usize,
    /// The transaction being streamed: its number, event and row.
    cursor: Option<(usize, usize, usize)>,
    readers: Vec<Reader>,
    /// Prepared transactions whose rows it has.
    known: BTreeSet<u64>,
    sending: Option<Sending>,
    step: Option<Step>,
    /// The checkpoint says `End`.
    pub(crate) has_found_end: bool,
}

fn schema_hash(schema: &TableSchema<MysqlType>) -> u64 {
    mix(schema.table_id)
}

/// Failures of the real machine end the run.
macro_rules! check {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Outcome::Failed(error.to_string()),
        }
    };
}

impl CaptureActor {
    pub(crate) fn new(id: usize) -> Self {
        Self {
            id,
            phase: Phase::Init,
            epoch: 0,
            claim: 0,
            machine: None,
            from: 0,
            cursor: None,
            readers: Vec::new(),
            known: BTreeSet::new(),
            sending: None,
            step: None,
            has_found_end: false,
        }
    }

    /// Everything is thrown away; what is committed decides.
    pub(crate) fn restart(&mut self) {
        *self = Self::new(self.id);
    }

    fn settings(shared: &Shared) -> CaptureSettings {
        let settings = &shared.settings;
        CaptureSettings {
            message_bytes: settings.message_bytes,
            step_bytes: settings.step_bytes,
            watermark_bytes: settings.watermark_bytes,
            window_bytes: settings.window_bytes,
            readers: settings.readers,
            schema: true,
            full: settings.full,
            incremental: settings.incremental,
        }
    }

    pub(crate) fn tick(&mut self, shared: &mut Shared) -> Outcome {
        match self.phase {
            Phase::Init => {
                self.epoch = shared.log.init();
                self.phase = Phase::Claim;
                Outcome::Worked
            }
            Phase::Claim => self.write_claim(shared),
            Phase::ReadState => self.read_state(shared),
            Phase::Run => self.run(shared),
            Phase::Gone => Outcome::Idle,
        }
    }

    fn write_claim(&mut self, shared: &mut Shared) -> Outcome {
        self.claim = shared.random.next();
        let topic = shared.log.state_topic();
        let Ok(transaction) = shared.log.begin(self.epoch) else { return self.stand_back(shared) };
        shared.log.append(transaction, topic, Record::Claim(self.claim));
        match shared.log.commit(self.epoch, &mut shared.random, shared.lost_replies) {
            Reply::Done => self.phase = Phase::ReadState,
            Reply::Fenced => return self.stand_back(shared),
            Reply::Aborted | Reply::Lost => self.restart(),
        }
        Outcome::Worked
    }

    fn stand_back(&mut self, shared: &mut Shared) -> Outcome {
        trace!(shared, "capture {} is fenced", self.id);
        shared.coverage.saw("fenced capture");
        self.phase = Phase::Gone;
        Outcome::Worked
    }

    fn read_state(&mut self, shared: &mut Shared) -> Outcome {
        let topic = shared.log.state_topic();
        let (mut offset, mut claimed, mut checkpoint) = (0, false, None);
        let mut tables: BTreeMap<u64, TableState> = BTreeMap::new();
        while let Some((at, record)) = shared.log.read(topic, offset) {
            offset = at + 1;
            match record {
                Record::Claim(claim) => claimed |= *claim == self.claim,
                Record::Checkpoint(found) => checkpoint = Some(found.clone()),
                Record::Table(id, Some(state)) => drop(tables.insert(*id, state.clone())),
                Record::Table(id, None) => drop(tables.remove(id)),
                Record::Message(_) | Record::Schema(..) => {}
            }
        }
        if !claimed && !shared.breaks(Broken::StateReadWithoutClaim) {
            shared.coverage.saw("claim that is not visible yet");
            return Outcome::Idle;
        }
        let settings = Self::settings(shared);
        let machine = match checkpoint {
            Some(mut checkpoint) => {
                if checkpoint.ended == Ended::Yes {
                    self.has_found_end = true;
                    self.phase = Phase::Gone;
                    return Outcome::Worked;
                }
                if checkpoint.partial.is_some() {
                    shared.coverage.saw("restart inside a transaction");
                }
                if shared.breaks(Broken::PartialForgotten) {
                    checkpoint.partial = None;
                }
                trace!(shared, "capture {} resumes {:?}", self.id, checkpoint);
                let mut machine = Capture::resume(settings, *checkpoint, tables.into_values().collect(), schema_hash);
                if !shared.breaks(Broken::PreparedForgotten) {
                    self.known = check!(distributed::collect(&mut machine, shared));
                }
                machine
            }
            None => match first(shared) {
                Some((checkpoint, tables)) => {
                    trace!(shared, "capture {} begins at {:?}", self.id, checkpoint.source);
                    let mut machine = Capture::first(settings, checkpoint, tables, schema_hash);
                    divide(&mut machine, shared);
                    machine
                }
                None => return Outcome::Idle,
            },
        };
        self.machine = Some(machine);
        self.phase = Phase::Run;
        Outcome::Worked
    }

    fn run(&mut self, shared: &mut Shared) -> Outcome {
        if self.sending.is_some() {
            return self.send(shared);
        }
        let Some(machine) = &mut self.machine else { return Outcome::Idle };
        machine.end_if_complete();
        let due = if machine.is_full() { 1000 } else { 250 };
        let may_end = machine.has_step() || shared.breaks(Broken::StepWithinChange);
        if may_end && shared.random.chance(due) {
            let step = machine.take_step();
            return self.begin_step(shared, step);
        }
        match shared.random.below(3) {
            0 => self.read(shared),
            _ => self.stream(shared),
        }
    }

    // ---- the stream

    fn stream(&mut self, shared: &mut Shared) -> Outcome {
        let Some(machine) = &mut self.machine else { return Outcome::Idle };
        if machine.source().is_none() || (machine.stream_waits() && !shared.breaks(Broken::StreamDoesNotWait)) {
            return Outcome::Idle;
        }
        let Some((number, event, row)) = self.cursor else {
            let Some(delivered) = machine.source().map(|source| source.delivered.clone()) else {
                return Outcome::Idle;
            };
            let Some(number) = shared.source.next_after(&delivered, self.from) else {
                if !shared.random.chance(shared.idles) {
                    return Outcome::Idle;
                }
                machine.idle(shared.source.end(), 2_000_000);
                let step = machine.take_step();
                return self.begin_step(shared, step);
            };
            self.from = number;
            let transaction = shared.source.binlog[number].clone();
            check!(machine.begin(transaction.transaction.clone()));
            self.cursor = match transaction.distributed {
                Distributed::Prepares(xid) => {
                    machine.prepared(&xid.to_string(), transaction.end.clone());
                    self.known.insert(xid);
                    None
                }
                // Nobody has its rows.
                Distributed::Ends(xid) if !self.known.contains(&xid) => Some((number, transaction.events.len(), 0)),
                Distributed::Ends(_) | Distributed::No => Some((number, 0, 0)),
            };
            return Outcome::Worked;
        };
        let transaction = shared.source.binlog[number].clone();
        self.cursor = match transaction.events.get(event) {
            None => {
                if let Distributed::Ends(xid) = transaction.distributed {
                    machine.ends_prepared(&xid.to_string());
                    self.known.remove(&xid);
                }
                check!(machine.commit(transaction.end.clone()));
                None
            }
            Some(Event::Rows { table, changes }) => {
                let end = (row + shared.random.between(1, 8)).min(changes.len());
                check!(machine.rows(table, changes[row..end].iter().cloned()));
                if end == changes.len() { Some((number, event + 1, 0)) } else { Some((number, event, end)) }
            }
            Some(other) => {
                match other {
                    Event::Create(table) => check!(machine.create(mysql_schema(table))),
                    Event::Drop(table) => check!(machine.drop_table(table)),
                    Event::Truncate(table) => check!(machine.truncate(table)),
                    Event::Alter(table) => check!(alter(machine, table)),
                    Event::Rows { .. } => {}
                }
                Some((number, event + 1, 0))
            }
        };
        Outcome::Worked
    }

    // ---- the snapshot

    fn read(&mut self, shared: &mut Shared) -> Outcome {
        let Some(machine) = &mut self.machine else { return Outcome::Idle };
        if self.readers.is_empty() || shared.random.chance(300) {
            if let Some(request) = machine.next_request() {
                trace!(shared, "chunk {:?} of {} after {:?}", request.ticket, request.schema.name, request.extent);
                self.readers.push(Reader::new(request));
                return Outcome::Worked;
            }
            if self.readers.is_empty() {
                return Outcome::Idle;
            }
        }
        let i = shared.random.below(self.readers.len());
        let mut reader = self.readers.swap_remove(i);
        if reader.tick(machine, shared) {
            self.readers.push(reader);
        }
        Outcome::Worked
    }

    // ---- the log

    fn begin_step(&mut self, shared: &mut Shared, step: Step) -> Outcome {
        let Ok(transaction) = shared.log.begin(self.epoch) else { return self.stand_back(shared) };
        trace!(shared, "capture {} step: {:?}", self.id, step);
        let (state, schemas) = (shared.log.state_topic(), shared.log.schemas_topic());
        let mut records = Vec::new();
        for (key, schema) in &step.schemas {
            records.push((schemas, Record::Schema(*key, schema.clone())));
        }
        for (partition, batch) in &step.batches {
            let cut = cut(batch.clone().into(), self.epoch, shared.settings.parts, &mut shared.random);
            records.extend(cut.into_iter().map(|message| (*partition as usize, Record::Message(message))));
        }
        for (id, table) in &step.tables {
            records.push((state, Record::Table(*id, table.clone())));
        }
        records.push((state, Record::Checkpoint(step.checkpoint.clone().into())));
        records.reverse();
        self.step = Some(step);
        self.sending = Some(Sending { transaction, records });
        Outcome::Worked
    }

    fn send(&mut self, shared: &mut Shared) -> Outcome {
        let Some(sending) = &mut self.sending else { return Outcome::Idle };
        for _ in 0..shared.random.between(1, 6) {
            if let Some((topic, record)) = sending.records.pop()
                && shared.log.append(sending.transaction, topic, record) != Reply::Done
            {
                return self.stand_back(shared);
            }
        }
        if !sending.records.is_empty() {
            return Outcome::Worked;
        }
        let reply = shared.log.commit(self.epoch, &mut shared.random, shared.lost_replies);
        trace!(shared, "capture {} commit: {reply:?}", self.id);
        self.sending = None;
        match reply {
            Reply::Done => {}
            Reply::Fenced => return self.stand_back(shared),
            Reply::Aborted | Reply::Lost => {
                shared.coverage.saw("step without a good reply");
                return self.settle(shared);
            }
        }
        Outcome::Worked
    }

    /// No good reply: a new machine from what is committed, unless a rule is broken.
    fn settle(&mut self, shared: &mut Shared) -> Outcome {
        match (shared.broken, self.step.take()) {
            (Some(Broken::CommitAssumed), _) => {
                self.epoch = shared.log.init();
                Outcome::Worked
            }
            (Some(Broken::StepRepeated), Some(step)) => {
                self.epoch = shared.log.init();
                self.begin_step(shared, step)
            }
            (Some(Broken::ProducerReused), Some(step)) => self.begin_step(shared, step),
            _ => {
                self.restart();
                Outcome::Worked
            }
        }
    }

    /// Whether everything that the source has shown is published, and nothing is under way.
    pub(crate) fn is_idle(&self, shared: &Shared) -> bool {
        let Some(machine) = &self.machine else { return self.phase == Phase::Gone };
        let loaded = machine.tables().all(|(_, table)| !matches!(table.load, Load::Pending { .. }));
        let streamed = machine.source().is_none_or(|source| {
            self.cursor.is_none() && shared.source.next_after(&source.delivered, self.from).is_none()
        });
        let complete = shared.settings.incremental || machine.ended() == Ended::Yes;
        self.sending.is_none() && !machine.has_step() && loaded && streamed && complete
    }
}

/// The first start: a place of the source, and the schema of its tables there.
fn first(shared: &Shared) -> Option<(Checkpoint, Vec<TableSchema<MysqlType>>)> {
    if !shared.source.invisible().is_empty() || !shared.source.prepared.is_empty() {
        return None;
    }
    let delivered = shared.source.reading();
    let source = SourceMark {
        server: "server".into(),
        place: shared.source.end(),
        file_created: 1,
        delivered,
        last_gtid: String::new(),
        committed_at: 0,
        prepared: Vec::new(),
    };
    let checkpoint = Checkpoint {
        // Named by the place where it begins, for the auditor.
        task_id: shared.source.binlog.len().to_string(),
        fingerprint: [0; 16],
        cluster_id: "cluster".into(),
        source: shared.settings.incremental.then_some(source),
        next_sequences: vec![1; shared.settings.partitions as usize],
        next_watermark: 1,
        next_schema_version: 1,
        partial: None,
        ended: Ended::No,
    };
    Some((checkpoint, shared.source.visible_shapes.iter().map(|(name, added)| altered_schema(name, *added)).collect()))
}

/// The table gets a column after the others.
fn alter(machine: &mut Capture, table: &TableName) -> Result<(), ProtocolError> {
    let known = machine.table(table).map_or(0, |state| added(&state.schema));
    let schema = altered_schema(table, known + 1);
    let continued = schema.columns.len() - 1;
    machine.alter(table, schema, (0..continued).map(Some).chain([None]).collect())
}

/// Divides some tables at a random key.
fn divide(machine: &mut Capture, shared: &mut Shared) {
    let names: Vec<TableName> = machine.tables().map(|(name, _)| name.clone()).collect();
    for name in names {
        let kind = kind(&name);
        if kind == Kind::Keyless || kind == Kind::Composite || shared.random.below(2) == 0 {
            continue;
        }
        let at = shared.random.below(12) as i64;
        let key = Some(row(kind, [at, 0], Value { unique: 0, version: 0, count: 1 }).key(&[0]));
        let state = RangeState::Pending;
        let lower = KeyRange { after: None, through: key.clone(), state };
        let upper = KeyRange { after: key, through: None, state };
        machine.divide(&name, vec![lower, upper]);
        shared.coverage.saw("divided table");
    }
}
