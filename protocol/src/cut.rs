//! What apply writes together.
//!
//! Each partition has a lane: what was received and not yet handed out. An apply that owns all partitions hands out
//! everything up to the highest watermark that every partition has delivered: a *cut*. Watermarks stand between source
//! transactions in every partition, so the destination only ever shows states that the source had. An apply that owns
//! only some partitions hands out what it has, partition by partition: order is kept per key.
//!
//! A transaction that does not fit in memory is written ahead in pieces inside one open destination transaction, which
//! is committed at the cut; only entries before the next watermark are ever written ahead, so that the cut stays one.
//!
//! Nothing passes a barrier: a lane stands before it until the caller says that its journal row is there. After any
//! failure, or when partitions come or go, the caller builds this anew from the progress in the destination: there is
//! nothing here that is not in the log and in the progress rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use millrace_model::batch::{Barrier, Batch, Control, Entry, SchemaChange};
use millrace_model::part::Part;
use millrace_model::{PgType, SchemaKey, TableSchema, Watermark};

pub use crate::progress::{Ended, Progress};

use crate::ProtocolError;
use crate::compact::TableWrite;
use crate::parts::{Joined, Joiner};
use crate::sequence::RangeGate;
use crate::taken::{Item, Taken};
use crate::waiting::Waiting;

/// What to do next.
#[derive(Debug)]
pub enum Work {
    /// Nothing: wait for messages.
    Idle,
    /// Write this.
    Write(Write),
    /// These partitions stand before a barrier.
    Barrier(Standing),
    /// All owned partitions have ended.
    Ended,
}

/// One write to the destination.
#[derive(Debug)]
pub struct Write {
    /// Tables by name, each compacted.
    pub tables: Vec<TableWrite>,
    /// Row changes that came in, also those of which nothing is left to write.
    pub changes: u64,
    /// What follows.
    pub then: Then,
    /// Tables whose snapshot is complete in these partitions: (schema, partition).
    pub loaded: Vec<(SchemaKey<PgType>, u32)>,
    /// The newest watermark that is applied with this write.
    pub watermark: Option<Watermark>,
}

/// What follows a write.
#[derive(Debug, PartialEq, Eq)]
pub enum Then {
    /// Advance these partitions, in order, and commit.
    Commit(Vec<Progress>),
    /// Keep the transaction open: more of it follows.
    KeepOpen,
}

/// Partitions that stand before a barrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The barrier.
    pub barrier: Barrier<PgType>,
    /// Partitions with the sequence at which their progress stands.
    pub partitions: Vec<(u32, u64)>,
}

#[derive(Debug)]
struct Lane {
    gate: RangeGate,
    joiner: Joiner,
    /// What is in the destination once the last write handed out is committed.
    progress: Progress,
    /// What is committed or handed out with a commit; differs from `progress` only while writing ahead.
    committed: Progress,
    queue: Waiting,
    last_queued_watermark: u64,
}

impl Lane {
    fn has_end(&self) -> bool {
        let queued = self.queue.last().and_then(Item::control);
        self.progress.ended == Ended::Yes || matches!(queued, Some(Control::End(_)))
    }
}

/// The state machine of one apply: the partitions it owns.
#[derive(Debug)]
pub struct Cuts {
    partitions: u32,
    byte_limit: usize,
    lanes: BTreeMap<u32, Lane>,
    schemas: HashMap<SchemaKey<PgType>, Arc<TableSchema<PgType>>>,
    bytes: usize,
    /// The lowest watermark at which what was written ahead can be committed; 0 where nothing was.
    ahead: u64,
    floor: u64,
    /// The highest barrier, or watermark above it, that any partition is known to have passed.
    passed: u64,
}

impl Cuts {
    /// An apply that owns the partitions of `owned`, of `partitions` in all; `floor` is the highest watermark in the
    /// progress of any partition: the first cut is above it (an apply that owned only some may have gone beyond it, into
    /// the next transaction), and a barrier not above it is passed without asking (the partition that is beyond it passed
    /// it, so its journal row is there). `byte_limit` is when it writes ahead.
    pub fn new(partitions: u32, owned: &[Progress], floor: u64, byte_limit: usize) -> Self {
        let lane = |progress: &Progress| Lane {
            gate: RangeGate::new(progress.partition, progress.sequence),
            joiner: Joiner::default(),
            progress: *progress,
            committed: *progress,
            queue: Waiting::default(),
            last_queued_watermark: progress.watermark,
        };
        Self {
            partitions,
            byte_limit,
            lanes: owned.iter().map(|progress| (progress.partition, lane(progress))).collect(),
            schemas: HashMap::new(),
            bytes: 0,
            ahead: 0,
            floor,
            passed: floor,
        }
    }

    /// Schemas of the batch that are not known yet: to be read and given to [`Cuts::add_schema`] before [`Cuts::offer`].
    pub fn missing_schemas(&self, batch: &Batch<PgType>) -> Vec<SchemaKey<PgType>> {
        let mut missing = Vec::new();
        let mut need = |key: SchemaKey<PgType>| {
            if !self.schemas.contains_key(&key) && !missing.contains(&key) {
                missing.push(key);
            }
        };
        // Rows of one table follow each other.
        let mut last = None;
        for entry in &batch.entries {
            match entry {
                Entry::Row(row) if last == Some(row.schema) => {}
                Entry::Row(row) => {
                    last = Some(row.schema);
                    need(row.schema);
                }
                Entry::Control { control, .. } => match control {
                    Control::Reset { schema } | Control::ChunkDone { schema, .. } | Control::TableLoaded { schema } => {
                        need(*schema);
                    }
                    Control::Barrier(barrier) => {
                        barrier.changes.iter().flat_map(SchemaChange::schemas).for_each(&mut need)
                    }
                    Control::Watermark(_) | Control::End(_) => {}
                },
            }
        }
        missing
    }

    /// Makes a schema known.
    pub fn add_schema(&mut self, key: SchemaKey<PgType>, schema: Arc<TableSchema<PgType>>) {
        self.schemas.insert(key, schema);
    }

    /// A schema that was made known.
    pub fn schema(&self, key: SchemaKey<PgType>) -> Option<&Arc<TableSchema<PgType>>> {
        self.schemas.get(&key)
    }

    /// The barriers that were received and are not passed, in order; they are the same in every partition.
    pub fn barriers(&self) -> impl Iterator<Item = &Barrier<PgType>> {
        self.lanes.values().next().into_iter().flat_map(|lane| lane.queue.barriers())
    }

    /// Takes the part at `offset` of a partition; gives the message that it completes, to be given to
    /// [`Cuts::offer_joined`] at once.
    pub fn offer_part(&mut self, partition: u32, offset: i64, part: Part) -> Option<Joined> {
        let lane = self.lanes.get_mut(&partition)?;
        let seen = lane.gate.last();
        lane.joiner.take(offset, part, seen)
    }

    /// Takes the message at `offset` of a partition; what was seen before is skipped.
    pub fn offer(&mut self, partition: u32, offset: i64, batch: Batch<PgType>) -> Result<(), ProtocolError> {
        self.offer_joined(partition, offset, offset, batch)
    }

    /// Takes the message whose first part is at one offset of a partition, and whose last at the other.
    pub fn offer_joined(
        &mut self,
        partition: u32,
        first_offset: i64,
        last_offset: i64,
        batch: Batch<PgType>,
    ) -> Result<(), ProtocolError> {
        let Some(lane) = self.lanes.get_mut(&partition) else { return Ok(()) };
        let (last, before) = (batch.last, lane.gate.last());
        let entries = lane.gate.accept(batch)?;
        if last <= before {
            return Ok(());
        }
        lane.joiner.forget(last);
        // Whoever goes on from here reads unfinished messages from their first part.
        let after = lane.joiner.first_offset().map_or(last_offset + 1, |unfinished| unfinished.min(last_offset + 1));
        let again = after.min(first_offset);
        let count = entries.len();
        for (i, entry) in entries.into_iter().enumerate() {
            let ordinal = match &entry {
                Entry::Control { control, .. } => control.watermark().map(|watermark| watermark.ordinal),
                Entry::Row(_) => None,
            };
            if let Some(found) = ordinal {
                let previous = lane.last_queued_watermark;
                if found <= previous {
                    return Err(ProtocolError::WatermarkOrder { partition, previous, found });
                }
                lane.last_queued_watermark = found;
            }
            let is_last = i + 1 == count;
            let covered = if is_last { last } else { entry.sequence() };
            let next_offset = if is_last { after } else { again };
            let item = Item { entry: Some(entry), covered, next_offset };
            self.bytes += item.bytes();
            lane.queue.push(item);
        }
        if count == 0 {
            lane.queue.push(Item { entry: None, covered: last, next_offset: after });
        }
        Ok(())
    }

    /// Bytes received and not yet handed out.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// From which partition a message is taken best: the one with the lowest rank, which is its highest watermark, as the
    /// lowest of these is how far a cut can come. Nothing more should be taken now from one without a rank: over the byte
    /// limit, it already holds a watermark beyond what is applied and not below the lowest possible cut (the others are what
    /// the cut waits for).
    pub fn rank(&self, partition: u32) -> Option<u64> {
        let lane = self.lanes.get(&partition)?;
        let watermark = lane.last_queued_watermark;
        let is_ahead = watermark > lane.progress.watermark && watermark >= self.lowest_cut();
        (self.bytes < self.byte_limit || !is_ahead).then_some(watermark)
    }

    fn owns_all(&self) -> bool {
        self.lanes.len() == self.partitions as usize
    }

    /// What to do next. A returned write counts as done: if it fails, this machine must be thrown away.
    pub fn next_work(&mut self) -> Work {
        let cut = match self.owns_all() {
            true => self.common_watermark(),
            false => Some(u64::MAX),
        };
        if let Some(cut) = cut {
            let write = self.take_until(cut);
            if let Some(write) = write {
                return Work::Write(write);
            }
        }
        if self.owns_all()
            && self.bytes >= self.byte_limit
            && let Some(write) = self.take_ahead()
        {
            return Work::Write(write);
        }
        // What was written ahead is committed when the last lane stands there too: no arrival before.
        if !self.is_ahead()
            && let Some(standing) = self.standing()
        {
            return Work::Barrier(standing);
        }
        match !self.lanes.is_empty() && self.lanes.values().all(|lane| lane.progress.ended == Ended::Yes) {
            true => Work::Ended,
            false => Work::Idle,
        }
    }

    /// The highest watermark that every lane has delivered, barriers not passed; none that is not above the floor, or that
    /// is below what was written ahead.
    fn common_watermark(&self) -> Option<u64> {
        let reach = |lane: &Lane| {
            // Nothing comes after `End`.
            if lane.has_end() {
                return u64::MAX;
            }
            lane.queue.stop(self.passed).unwrap_or(lane.last_queued_watermark)
        };
        let cut = self.lanes.values().map(reach).min()?;
        (cut >= self.lowest_cut()).then_some(cut)
    }

    fn lowest_cut(&self) -> u64 {
        self.ahead.max(self.floor + 1)
    }

    /// Takes everything up to and with watermark `cut` from each lane (u64::MAX: everything), before any barrier.
    fn take_until(&mut self, cut: u64) -> Option<Write> {
        let mut taken = Taken::new(self.partitions);
        let mut advanced = Vec::new();
        for (&partition, lane) in &mut self.lanes {
            let before = lane.progress;
            while let Some(item) = lane.queue.first() {
                let beyond = match cut {
                    u64::MAX => false,
                    cut => lane.progress.watermark >= cut,
                };
                if beyond || item.stop(self.passed).is_some() {
                    break;
                }
                let Some(item) = lane.queue.take() else { break };
                self.bytes -= item.bytes();
                lane.progress.apply(&item);
                taken.push(partition, item, &self.schemas);
            }
            if lane.progress != before || lane.progress != lane.committed {
                lane.progress.number = lane.committed.number + 1;
                lane.committed = lane.progress;
                advanced.push(lane.progress);
            }
        }
        if advanced.is_empty() {
            return None;
        }
        self.ahead = 0;
        Some(taken.write(Then::Commit(advanced)))
    }

    /// Takes what comes before the next watermark from each lane, to be written without a commit; where lanes are below
    /// the floor, from these alone, and up to it: the cut is above it in any case.
    fn take_ahead(&mut self) -> Option<Write> {
        let mut taken = Taken::new(self.partitions);
        let mut any = false;
        let floor = self.floor;
        let behind = self.lanes.values().any(|lane| lane.progress.watermark < floor);
        for (&partition, lane) in &mut self.lanes {
            while let Some(item) = lane.queue.first() {
                let beyond = match behind {
                    true => lane.progress.watermark >= floor,
                    false => item.watermark().is_some(),
                };
                if beyond || item.stop(self.passed).is_some() {
                    break;
                }
                let Some(item) = lane.queue.take() else { break };
                any = true;
                self.ahead = self.ahead.max(floor).max(lane.progress.watermark + 1);
                self.bytes -= item.bytes();
                lane.progress.apply(&item);
                taken.push(partition, item, &self.schemas);
            }
        }
        any.then(|| taken.write(Then::KeepOpen))
    }

    /// Whether a transaction was written ahead and waits for its cut.
    pub fn is_ahead(&self) -> bool {
        self.ahead > 0
    }

    fn standing(&self) -> Option<Standing> {
        let at = |lane: &Lane| lane.queue.first().and_then(|item| item.stop(self.passed));
        let lowest = self.lanes.values().filter_map(at).min()?;
        let here: Vec<_> = self.lanes.values().filter(|lane| at(lane) == Some(lowest)).collect();
        let barrier = here.first()?.queue.first()?.barrier()?.clone();
        let partitions = here.iter().map(|lane| (lane.progress.partition, lane.progress.sequence)).collect();
        Some(Standing { barrier, partitions })
    }

    /// The barrier's journal row is there: the lanes that stand before it pass it, and the others when they come to it;
    /// their progress says so with their next write.
    pub fn pass(&mut self, ordinal: u64) {
        self.passed = self.passed.max(ordinal);
        for lane in self.lanes.values_mut() {
            let stands = lane.queue.first().and_then(Item::barrier).is_some_and(|b| b.watermark.ordinal == ordinal);
            if stands && let Some(item) = lane.queue.take() {
                self.bytes -= item.bytes();
                lane.progress.apply(&item);
            }
        }
    }
}
