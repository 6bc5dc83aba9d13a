//! The snapshot's part of capture's state machine: which chunk is read next, and when it is published.
//!
//! One chunk per table, or per range of keys of a table that is divided, is under way at a time. A chunk goes *requested* (its window opens) ->
//! *low* -> *read* -> *passed* -> published in one step with `ChunkDone` and the table's state. Nothing of it is durable
//! before that, so an interrupted chunk is simply read again.
//!
//! A table without a key is read whole ([`crate::whole`]).
//!
//! A window may hold so many bytes of keys. One that would hold more (the stream has rows of the table by the hundred
//! thousand, or is far behind) voids its chunk, which is read again later and smaller: its next window opens once the stream
//! has delivered all that the source had when it was asked for, where a window is short; and each such end halves the rows
//! that are read at once, until as many chunks have been published.
//!
//! A ticket names each request: an answer to a request that was voided meanwhile (by a schema change of its table) is
//! recognised by its ticket and ignored.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_model::batch::{Control, ReadPurpose, RowChange};
use millrace_model::checkpoint::{KeyRange, Load, RangeState, TableState};
use millrace_model::position::Reading;
use millrace_model::row::Row;
use millrace_model::{MysqlType, SchemaKey, TableName, TableSchema};

use crate::capture::Capture;
use crate::route::partition_of;
use crate::window::{Low, Window};

/// A chunk is halved no more often: it is a row or a few.
const MOST_HALVINGS: u32 = 24;

/// A piece of work for a snapshot reader.
#[derive(Debug, Clone)]
pub struct ChunkRequest {
    /// Names this request in the answers.
    pub ticket: Ticket,
    /// The table.
    pub schema: Arc<TableSchema<MysqlType>>,
    /// What to read.
    pub extent: Extent,
    /// How often the rows and bytes of a chunk are halved: its windows held too much.
    pub halvings: u32,
}

/// What a reader reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// The next rows in key order.
    Range {
        /// After these key cells; none: from the first row.
        after: Option<Row>,
        /// Up to and with these key cells; none: to the last row.
        through: Option<Row>,
    },
    /// All rows in one consistent snapshot.
    Whole,
}

/// Names a request: the table and a number that is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The table's id.
    pub table_id: u64,
    /// Place of the range of keys among the table's.
    range: usize,
    number: u64,
}

/// What to do with a reading taken before the rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LowVerdict {
    /// Read the rows, then take `high`.
    Good,
    /// Take the reading again, a little later.
    TooEarly,
    /// The request is void: throw it away.
    Void,
}

/// Where the stream stands as seen by a reader whose table is not as its schema says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamPlace {
    /// The change is still to come: wait.
    Behind,
    /// The stream is past it and did not see it: the schema is wrong.
    Passed,
    /// The stream saw it: the request is void.
    Void,
}

/// Whether a chunk reached the end of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// There may be more rows after it.
    More,
    /// It holds the last row.
    LastChunk,
}

#[derive(Debug)]
pub(crate) struct Lane {
    ticket: Ticket,
    pub(crate) table: TableName,
    pub(crate) work: Work,
}

#[derive(Debug)]
pub(crate) enum Work {
    /// The window of a chunk whose last one held too much: it opens when the stream has delivered `until`, which is what
    /// the source had when this was asked first.
    Behind { until: Option<Reading> },
    /// A chunk by key; `read` is there once its rows are.
    Keyed { window: Option<Window>, read: Option<Read> },
    /// A whole table; its window collects the table's rows, only to know whether there were any.
    Whole { window: Option<Window>, opened: bool },
    /// The stream stands still while the rows of a whole table are published.
    Publishing { rows: u64 },
}

#[derive(Debug)]
pub(crate) struct Read {
    last_key: Option<Row>,
    completion: Completion,
    /// Rows of a task without incremental: there is no window to keep them.
    rows: Vec<Row>,
}

/// A range of which a window held too much.
#[derive(Debug)]
struct Narrow {
    halvings: u32,
    /// The next window opens near the stream's head.
    is_behind: bool,
}

/// The chunks under way.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// By table and range.
    pub(crate) lanes: BTreeMap<(u64, usize), Lane>,
    tickets: u64,
    /// What a window may hold.
    window_bytes: usize,
    /// By table and range.
    narrow: BTreeMap<(u64, usize), Narrow>,
}

impl Snapshot {
    pub(crate) fn new(window_bytes: usize) -> Self {
        Self { window_bytes, ..Self::default() }
    }

    /// A row of the table was streamed.
    pub(crate) fn streamed(&mut self, table_id: u64, key: &Row) {
        let mut full = Vec::new();
        for (&place, lane) in self.lanes.range_mut((table_id, 0)..=(table_id, usize::MAX)) {
            match &mut lane.work {
                Work::Whole { window: Some(window), .. } => window.collect(key),
                Work::Keyed { window: Some(window), .. } => {
                    window.collect(key);
                    if window.bytes() > self.window_bytes {
                        full.push(place);
                    }
                }
                Work::Keyed { .. } | Work::Whole { .. } | Work::Behind { .. } | Work::Publishing { .. } => {}
            }
        }
        full.into_iter().for_each(|place| self.narrow(place));
    }

    /// A window holds too much: its chunk is void, the next is smaller and its window opens later.
    fn narrow(&mut self, place: (u64, usize)) {
        self.lanes.remove(&place);
        let narrow = self.narrow.entry(place).or_insert(Narrow { halvings: 0, is_behind: true });
        narrow.halvings = (narrow.halvings + 1).min(MOST_HALVINGS);
        narrow.is_behind = true;
    }

    /// A chunk of the range was published: the next may be larger again.
    fn widen(&mut self, place: (u64, usize)) {
        if let Some(narrow) = self.narrow.get_mut(&place) {
            narrow.halvings -= 1;
            if narrow.halvings == 0 {
                self.narrow.remove(&place);
            }
        }
    }

    /// The table changed: what is under way is void.
    pub(crate) fn void(&mut self, table_id: u64) {
        self.lanes.retain(|&(table, _), _| table != table_id);
        self.narrow.retain(|&(table, _), _| table != table_id);
    }

    pub(crate) fn get(&mut self, ticket: Ticket) -> Option<&mut Lane> {
        self.lanes.get_mut(&(ticket.table_id, ticket.range)).filter(|lane| lane.ticket == ticket)
    }

    /// A range that nobody reads now.
    fn idle_range(&self, state: &TableState) -> Option<usize> {
        let Load::Pending { ranges, .. } = &state.load else { return None };
        let is_idle = |place: usize| !self.lanes.contains_key(&(state.schema.table_id, place));
        (0..ranges.len()).find(|&place| ranges[place].state == RangeState::Pending && is_idle(place))
    }
}

impl Capture {
    /// The next piece of work for an idle reader, if there is one: its window is open from now on.
    pub fn next_request(&mut self) -> Option<ChunkRequest> {
        let is_busy = self.pending.is_empty() || self.snapshot.lanes.len() >= self.settings.readers;
        if is_busy || !self.is_between_transactions() {
            return None;
        }
        let mut pending = self.pending.iter().filter_map(|name| self.tables.get(name).map(|state| (name, state)));
        let (name, state, range) =
            pending.find_map(|(name, state)| self.snapshot.idle_range(state).map(|range| (name, state, range)))?;
        let Load::Pending { ranges, .. } = &state.load else { return None };
        let KeyRange { after, through, .. } = ranges.get(range)?.clone();
        let schema = state.schema.clone();
        self.snapshot.tickets += 1;
        let ticket = Ticket { table_id: schema.table_id, range, number: self.snapshot.tickets };
        let delivered = self.checkpoint.source.as_ref().map(|source| source.delivered.clone());
        let window = delivered.map(|delivered| Window::open(schema.key.clone(), delivered));
        let narrow = self.snapshot.narrow.get_mut(&(schema.table_id, range));
        let is_behind = narrow.as_ref().is_some_and(|narrow| narrow.is_behind);
        let halvings = narrow.map_or(0, |narrow| {
            narrow.is_behind = false;
            narrow.halvings
        });
        let (extent, work) = match schema.is_keyed() {
            true if is_behind => (Extent::Range { after, through }, Work::Behind { until: None }),
            true => (Extent::Range { after, through }, Work::Keyed { window, read: None }),
            false => (Extent::Whole, Work::Whole { window, opened: false }),
        };
        self.snapshot.lanes.insert((ticket.table_id, range), Lane { ticket, table: name.clone(), work });
        Some(ChunkRequest { ticket, schema, extent, halvings })
    }

    /// Divides the snapshot of a table that has a key and of which nothing is read yet. The ranges hold every key.
    pub fn divide(&mut self, table: &TableName, ranges: Vec<KeyRange>) {
        let Some(state) = self.tables.get_mut(table) else { return };
        if let Load::Pending { ranges: whole, next_chunk: 0, .. } = &mut state.load
            && state.schema.is_keyed()
            && !ranges.is_empty()
        {
            *whole = ranges;
            self.dirty.insert(table.clone());
        }
    }

    /// Judges a reading taken after the request was made and before anything is read.
    pub fn low(&mut self, ticket: Ticket, low: &Reading) -> LowVerdict {
        self.open_behind(ticket, low);
        let Some(lane) = self.snapshot.get(ticket) else { return LowVerdict::Void };
        match &mut lane.work {
            Work::Behind { .. } => LowVerdict::TooEarly,
            Work::Keyed { window: Some(window), .. } | Work::Whole { window: Some(window), .. } => {
                match window.low(low) {
                    Low::Good => LowVerdict::Good,
                    Low::TooEarly => LowVerdict::TooEarly,
                }
            }
            _ => LowVerdict::Good,
        }
    }

    /// Opens the window of a chunk that waits for the stream, if the stream has come to where the source was.
    fn open_behind(&mut self, ticket: Ticket, low: &Reading) {
        let is_between = self.is_between_transactions();
        let Some(delivered) = self.checkpoint.source.as_ref().map(|source| &source.delivered) else { return };
        let Some(lane) = self.snapshot.get(ticket) else { return };
        let Work::Behind { until } = &mut lane.work else { return };
        let is_near = delivered.covers(until.get_or_insert_with(|| low.clone()));
        if let Some(state) = self.tables.get(&lane.table)
            && is_between
            && is_near
        {
            let window = Window::open(state.schema.key.clone(), delivered.clone());
            lane.work = Work::Keyed { window: Some(window), read: None };
        }
    }

    /// Takes the rows of a chunk; `high` was read after them (none for a task without incremental).
    pub fn chunk_read(
        &mut self,
        ticket: Ticket,
        rows: Vec<Row>,
        last_key: Option<Row>,
        completion: Completion,
        high: Option<Reading>,
    ) {
        let Some(lane) = self.snapshot.get(ticket) else { return };
        if let Work::Keyed { window, read } = &mut lane.work {
            let kept = match (window, high) {
                (Some(window), Some(high)) => {
                    window.rows(rows, high);
                    Vec::new()
                }
                _ => rows,
            };
            *read = Some(Read { last_key, completion, rows: kept });
        }
        if self.is_between_transactions() {
            self.publish_passed();
        }
    }

    /// Where the stream stands for a reader that found the table otherwise than its schema says, and read `seen` after
    /// that: what changed the table is in `seen`.
    pub fn stands(&self, ticket: Ticket, seen: &Reading) -> StreamPlace {
        let is_void = !self.snapshot.lanes.values().any(|lane| lane.ticket == ticket);
        let delivered = self.checkpoint.source.as_ref().map(|source| &source.delivered);
        match delivered {
            _ if is_void => StreamPlace::Void,
            Some(delivered) if !delivered.covers(seen) => StreamPlace::Behind,
            _ => StreamPlace::Passed,
        }
    }

    /// Publishes every chunk whose `high` the stream has delivered, and a watermark where much is complete. Only between two
    /// transactions.
    pub(crate) fn publish_passed(&mut self) {
        let delivered = self.checkpoint.source.as_ref().map(|source| &source.delivered);
        let passed: Vec<(u64, usize)> = self
            .snapshot
            .lanes
            .iter()
            .filter(|(_, lane)| match (&lane.work, delivered) {
                (Work::Keyed { window: Some(window), read: Some(_) }, Some(delivered)) => window.is_passed(delivered),
                (Work::Keyed { window: None, read: Some(_) }, _) => true,
                _ => false,
            })
            .map(|(&place, _)| place)
            .collect();
        for place in passed {
            let Some(Lane { table, work: Work::Keyed { window, read: Some(read) }, .. }) =
                self.snapshot.lanes.remove(&place)
            else {
                continue;
            };
            let rows = window.map_or(read.rows, Window::publish);
            let count = rows.len() as u64;
            self.publish_rows(&table, rows);
            self.snapshot.widen(place);
            self.chunk_published(&table, place.1, count, read.last_key, read.completion);
            self.seal_what_is_much();
        }
        self.seal_what_is_much();
    }

    pub(crate) fn publish_rows(&mut self, table: &TableName, rows: Vec<Row>) {
        let Some((schema, key, purpose)) = self.reading_of(table) else { return };
        let partitions = self.step.partitions();
        self.unseal();
        for row in rows {
            let to = partition_of(&schema, &row.key(&schema.key), partitions);
            self.step.push_row(to, key, None, 0, RowChange::Read { row, purpose });
        }
    }

    pub(crate) fn chunk_published(
        &mut self,
        table: &TableName,
        range: usize,
        count: u64,
        last_key: Option<Row>,
        completion: Completion,
    ) {
        let Some(state) = self.tables.get_mut(table) else { return };
        let Load::Pending { ranges, next_chunk, rows, .. } = &mut state.load else { return };
        let (schema, chunk) = (state.key, *next_chunk);
        *rows += count;
        *next_chunk += 1;
        if let Some(range) = ranges.get_mut(range) {
            if last_key.is_some() {
                range.after = last_key;
            }
            if completion == Completion::LastChunk {
                range.state = RangeState::Done;
            }
        }
        let is_loaded = ranges.iter().all(|range| range.state == RangeState::Done);
        if is_loaded {
            state.load = Load::Loaded { rows: *rows };
            self.pending.remove(table);
        }
        self.dirty.insert(table.clone());
        self.unseal();
        self.step.push_control(&Control::ChunkDone { schema, chunk, rows: count });
        if is_loaded {
            self.step.push_control(&Control::TableLoaded { schema });
        }
    }

    fn reading_of(
        &self,
        table: &TableName,
    ) -> Option<(Arc<TableSchema<MysqlType>>, SchemaKey<MysqlType>, ReadPurpose)> {
        let state = self.tables.get(table)?;
        let Load::Pending { purpose, .. } = &state.load else { return None };
        Some((state.schema.clone(), state.key, *purpose))
    }
}
