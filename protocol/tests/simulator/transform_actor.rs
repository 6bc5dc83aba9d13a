//! Transform: a deterministic function per partition, and where it goes on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use millrace_model::batch::{Alteration, Barrier, Batch, Control, Entry, RowChange, RowEntry, SchemaChange};
use millrace_model::{MysqlType, PgType, SchemaKey};
use millrace_protocol::parts::Joiner;
use millrace_protocol::sequence::StrictSequence;
use millrace_protocol::transform::{Covered, ResumePoint, resume_after};

use crate::faults::Broken;
use crate::log::Record;
use crate::parts::{Message, cut, is_sound};
use crate::random::mix;
use crate::tables::{is_filtered, kind, parse, pg_schema};
use crate::world::{Outcome, Shared, trace};

struct Lane {
    sequence: Option<StrictSequence>,
    /// Captured sequences up to here are in the output, or on their way.
    last: u64,
    /// Next offset of the captured partition.
    offset: usize,
    /// On its way to the log.
    queue: VecDeque<Message<PgType>>,
    joiner: Joiner,
}

pub(crate) struct TransformActor {
    pub(crate) id: usize,
    /// Steps until a zombie notices that it lost its partitions; none for one that notices at once.
    pub(crate) unaware: Option<usize>,
    pub(crate) gone: bool,
    owned: Vec<u32>,
    lanes: BTreeMap<u32, Lane>,
    /// Names this life of it, and those before.
    lives: u64,
}

impl TransformActor {
    pub(crate) fn new(id: usize) -> Self {
        Self { id, unaware: None, gone: false, owned: Vec::new(), lanes: BTreeMap::new(), lives: 0 }
    }

    /// Killed: what was on its way may still arrive, in order, up to some message.
    pub(crate) fn kill(&mut self, shared: &mut Shared) {
        for (partition, lane) in std::mem::take(&mut self.lanes) {
            let mut queue = lane.queue;
            queue.truncate(shared.random.below(queue.len() + 1));
            if !queue.is_empty() {
                shared.log.late.push((partition, queue));
            }
        }
        self.owned.clear();
        self.lives += 1;
    }

    pub(crate) fn tick(&mut self, shared: &mut Shared) -> Outcome {
        match &mut self.unaware {
            Some(0) => {
                self.kill(shared);
                self.gone = true;
                return Outcome::Idle;
            }
            Some(steps) => *steps -= 1,
            None => {
                let mine = shared.partitions_of(&shared.transform_owners, self.id);
                if mine != self.owned {
                    self.kill(shared);
                    self.owned = mine;
                }
            }
        }
        let Some(partition) = shared.random.pick(&self.owned) else { return Outcome::Idle };
        if shared.settings.slow_partition == Some(partition) && shared.random.chance(900) {
            return Outcome::Idle;
        }
        let Some(lane) = self.lanes.get_mut(&partition) else { return self.start(partition, shared) };
        if !lane.queue.is_empty() && shared.random.chance(500) {
            if let Some(message) = lane.queue.pop_front() {
                trace!(shared, "transform {} writes {partition}: {message:?}", self.id);
                shared.log.transformed[partition as usize].push(message);
            }
            return Outcome::Worked;
        }
        self.read(partition, shared)
    }

    /// Reads the tail of the output: longer where it does not hang together (late messages of a former writer).
    fn start(&mut self, partition: u32, shared: &mut Shared) -> Outcome {
        let output = &shared.log.transformed[partition as usize];
        let mut length = shared.random.between(1, 4);
        let resume = loop {
            let tail = &output[output.len().saturating_sub(length)..];
            let covers = |message: &Message<PgType>| match shared.breaks(Broken::FirstPartCovers) {
                true => Some(message.batch().clone()),
                false => message.covers().cloned(),
            };
            let covered: Vec<Covered> = tail.iter().filter_map(covers).map(|batch| (&*batch).into()).collect();
            if matches!(tail.last(), Some(Message::Part(part, _)) if !part.is_last()) {
                shared.coverage.saw("restart within a message in parts");
            }
            match resume_after(partition, &covered) {
                Ok(_) if covered.is_empty() && length < output.len() => length *= 2,
                Ok(resume) => break resume,
                Err(_) if length < output.len() => {
                    shared.coverage.saw("longer tail of transform");
                    length *= 2;
                }
                Err(error) => return Outcome::Failed(error.to_string()),
            }
        };
        let ResumePoint { mut last, input_offset } = resume;
        let mut offset = input_offset.unwrap_or(0) as usize;
        if shared.breaks(Broken::TransformResumesFromItsInput) {
            (last, offset) = *shared.transform_offsets.get(&partition).unwrap_or(&(0, 0));
        }
        trace!(shared, "transform {} begins {partition} after {last}, at offset {offset}", self.id);
        self.lanes.insert(
            partition,
            Lane { sequence: None, last, offset, queue: VecDeque::new(), joiner: Joiner::default() },
        );
        Outcome::Worked
    }

    fn read(&mut self, partition: u32, shared: &mut Shared) -> Outcome {
        let Some(lane) = self.lanes.get_mut(&partition) else { return Outcome::Idle };
        let topic = partition as usize;
        let found = match shared.breaks(Broken::UncommittedRead) {
            true => shared.log.read_uncommitted(topic, lane.offset),
            false => shared.log.read(topic, lane.offset),
        };
        let Some((at, Record::Message(message))) = found else { return Outcome::Idle };
        let batch = message.batch().clone();
        if let Message::Part(part, _) = message
            && !part.is_last()
        {
            lane.joiner.take(at as i64, part.clone(), lane.last);
            lane.offset = at + 1;
            return Outcome::Worked;
        }
        let last_part = match message {
            Message::Part(part, _) => Some(part.clone()),
            Message::Whole(_) => None,
        };
        for key in schemas_of(&batch) {
            match publish_schema(key, shared) {
                true => {}
                false if shared.breaks(Broken::UnknownSchemaStops) => {
                    return Outcome::Failed(format!("unknown schema {key:?}"));
                }
                false => {
                    shared.coverage.saw("schema that is not visible yet");
                    return Outcome::Idle;
                }
            }
        }
        let first = match last_part {
            None => at,
            Some(part) => match lane.joiner.take(at as i64, part, lane.last) {
                Some(joined) => {
                    shared.coverage.saw("message joined of parts");
                    let first = joined.first_offset as usize;
                    if !is_sound(joined, &batch) {
                        return Outcome::Failed("a message is joined of the wrong parts".into());
                    }
                    first
                }
                None => {
                    lane.offset = at + 1;
                    return Outcome::Worked;
                }
            },
        };
        if !shared.breaks(Broken::GapIgnored) {
            // Where it goes on in the middle of a message, that message begins at or before the next sequence.
            let expected = lane.last + 1;
            let sequence =
                lane.sequence.get_or_insert_with(|| StrictSequence::new(partition, batch.first.min(expected)));
            if let Err(error) = sequence.accept(&batch) {
                return Outcome::Failed(error.to_string());
            }
        }
        lane.offset = at + 1;
        if shared.settings.faults > 0 {
            shared.transform_offsets.insert(partition, (batch.last, lane.offset));
        }
        if batch.last > lane.last {
            let outputs = transform(&batch, first as i64, lane.last, shared);
            lane.last = batch.last;
            let writer = self.id as u64 * 1000 + self.lives;
            for output in outputs {
                lane.queue.extend(cut(Arc::new(output), writer, shared.settings.parts, &mut shared.random));
            }
            if shared.breaks(Broken::OutputWithGaps) && lane.queue.len() > 1 && shared.random.chance(30) {
                lane.queue.remove(0);
            }
        }
        Outcome::Worked
    }

    pub(crate) fn is_idle(&self, shared: &Shared) -> bool {
        self.lanes.iter().all(|(&partition, lane)| {
            lane.queue.is_empty() && shared.log.read(partition as usize, lane.offset).is_none()
        })
    }
}

fn schemas_of(batch: &Batch<MysqlType>) -> Vec<SchemaKey<MysqlType>> {
    let mut keys = Vec::new();
    for entry in &batch.entries {
        match entry {
            Entry::Row(row) => keys.push(row.schema),
            Entry::Control { control, .. } => match control {
                Control::Reset { schema } | Control::ChunkDone { schema, .. } | Control::TableLoaded { schema } => {
                    keys.push(*schema);
                }
                Control::Barrier(barrier) => keys.extend(barrier.changes.iter().map(SchemaChange::schema)),
                Control::Watermark(_) | Control::End(_) => {}
            },
        }
    }
    keys.dedup();
    keys
}

fn pg_key(key: SchemaKey<MysqlType>) -> SchemaKey<PgType> {
    SchemaKey::new(key.version, mix(key.hash))
}

/// Writes the destination's schema, once; false where the source's is not visible yet.
fn publish_schema(key: SchemaKey<MysqlType>, shared: &mut Shared) -> bool {
    if shared.log.pg_schemas.contains_key(&key.version) {
        return true;
    }
    let topic = shared.log.schemas_topic();
    let mut offset = 0;
    while let Some((at, record)) = shared.log.read(topic, offset) {
        if let Record::Schema(found, schema) = record
            && *found == key
        {
            let schema = Arc::new(pg_schema(schema));
            shared.log.pg_schemas.insert(key.version, (pg_key(key), schema));
            return true;
        }
        offset = at + 1;
    }
    false
}

/// The function itself, for what lies after `last`; how the output is cut into messages does not matter.
fn transform(batch: &Batch<MysqlType>, offset: i64, last: u64, shared: &mut Shared) -> Vec<Batch<PgType>> {
    let mut outputs = Vec::new();
    let new = |first| Batch { first, last: first, input_offset: Some(offset), entries: Vec::new() };
    let first = match shared.breaks(Broken::GapIgnored) {
        true => last + 1,
        false => batch.first.max(last + 1),
    };
    let mut output = new(first);
    for entry in batch.entries.iter().filter(|entry| entry.sequence() > last) {
        output.last = entry.sequence();
        output.entries.extend(map(entry, shared));
        if shared.random.chance(150) && output.last < batch.last {
            let next = new(output.last + 1);
            outputs.push(std::mem::replace(&mut output, next));
        }
    }
    output.last = batch.last;
    outputs.push(output);
    if shared.breaks(Broken::RangesWithoutDroppedRows) {
        outputs.retain(|output| !output.entries.is_empty());
        for output in &mut outputs {
            output.first = output.entries[0].sequence();
            output.last = output.entries[output.entries.len() - 1].sequence();
        }
    }
    outputs
}

fn map(entry: &Entry<MysqlType>, shared: &Shared) -> Option<Entry<PgType>> {
    match entry {
        Entry::Row(row) => {
            let (_, schema) = &shared.log.pg_schemas[&row.schema.version];
            let image = match &row.change {
                RowChange::Read { row, .. } | RowChange::Insert(row) | RowChange::Delete(row) => row,
                RowChange::Update { after, .. } => after,
            };
            if shared.settings.filter && is_filtered(parse(kind(&schema.name), image).0) {
                return None;
            }
            Some(Entry::Row(RowEntry {
                sequence: row.sequence,
                schema: pg_key(row.schema),
                transaction: row.transaction.clone(),
                ordinal: row.ordinal,
                change: row.change.clone(),
            }))
        }
        Entry::Control { sequence, control } => {
            Some(Entry::Control { sequence: *sequence, control: map_control(control) })
        }
    }
}

fn map_control(control: &Control<MysqlType>) -> Control<PgType> {
    match control {
        Control::Watermark(watermark) => Control::Watermark(watermark.clone()),
        Control::End(watermark) => Control::End(watermark.clone()),
        Control::Reset { schema } => Control::Reset { schema: pg_key(*schema) },
        Control::TableLoaded { schema } => Control::TableLoaded { schema: pg_key(*schema) },
        Control::ChunkDone { schema, chunk, rows } => {
            Control::ChunkDone { schema: pg_key(*schema), chunk: *chunk, rows: *rows }
        }
        Control::Barrier(barrier) => Control::Barrier(Barrier {
            watermark: barrier.watermark.clone(),
            changes: barrier.changes.iter().map(map_change).collect(),
        }),
    }
}

fn map_change(change: &SchemaChange<MysqlType>) -> SchemaChange<PgType> {
    let schema = pg_key(change.schema());
    match change {
        SchemaChange::Create { .. } => SchemaChange::Create { schema },
        SchemaChange::Drop { table, .. } => SchemaChange::Drop { schema, table: table.clone() },
        SchemaChange::Truncate { table, .. } => SchemaChange::Truncate { schema, table: table.clone() },
        SchemaChange::Alter(alteration) => SchemaChange::Alter(Alteration {
            before: pg_key(alteration.before),
            schema,
            origins: alteration.origins.clone(),
        }),
    }
}
