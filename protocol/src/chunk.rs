//! The snapshot's part of capture's state machine: which chunk is read next, and when it is published.
//!
//! One chunk per table, or per range of keys of a table that is divided, is under way at a time. A chunk goes *requested* (its window opens) ->
//! *low* -> *read* -> *passed* -> published in one step with `ChunkDone` and the table's state. Nothing of it is durable
//! before that, so an interrupted chunk is simply read again.
//!
//! A table without a key is read whole: its low and high enclose only the opening of a consistent snapshot, and when the
//! stream has delivered `high` without a row of the table since the window opened, the stream waits there while `Reset`
//! and all rows are published: so that everything before the snapshot is before `Reset`, and everything after it after
//! the rows. If a row of the table came in between, the snapshot is opened again.
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

/// A piece of work for a snapshot reader.
#[derive(Debug, Clone)]
pub struct ChunkRequest {
    /// Names this request in the answers.
    pub ticket: Ticket,
    /// The table.
    pub schema: Arc<TableSchema<MysqlType>>,
    /// What to read.
    pub extent: Extent,
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
struct Lane {
    ticket: Ticket,
    table: TableName,
    work: Work,
}

#[derive(Debug)]
enum Work {
    /// A chunk by key; `read` is there once its rows are.
    Keyed { window: Option<Window>, read: Option<Read> },
    /// A whole table; its window collects the table's rows, only to know whether there were any.
    Whole { window: Option<Window>, opened: bool },
    /// The stream stands still while the rows of a whole table are published.
    Publishing { rows: u64 },
}

#[derive(Debug)]
struct Read {
    last_key: Option<Row>,
    completion: Completion,
    /// Rows of a task without incremental: there is no window to keep them.
    rows: Vec<Row>,
}

/// The chunks under way.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// By table and range.
    lanes: BTreeMap<(u64, usize), Lane>,
    tickets: u64,
}

impl Snapshot {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A row of the table was streamed.
    pub(crate) fn streamed(&mut self, table_id: u64, key: &Row) {
        for (_, lane) in self.lanes.range_mut((table_id, 0)..=(table_id, usize::MAX)) {
            if let Work::Keyed { window: Some(window), .. } | Work::Whole { window: Some(window), .. } = &mut lane.work
            {
                window.collect(key.clone());
            }
        }
    }

    /// The table changed: what is under way is void.
    pub(crate) fn void(&mut self, table_id: u64) {
        self.lanes.retain(|&(table, _), _| table != table_id);
    }

    fn get(&mut self, ticket: Ticket) -> Option<&mut Lane> {
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
        let is_busy = self.pending == 0 || self.snapshot.lanes.len() >= self.settings.readers;
        if is_busy || !self.is_between_transactions() {
            return None;
        }
        let idle = |(_, state): &(&TableName, &TableState)| self.snapshot.idle_range(state).is_some();
        let (name, state) = self.tables.iter().find(idle)?;
        let range = self.snapshot.idle_range(state)?;
        let Load::Pending { ranges, .. } = &state.load else { return None };
        let KeyRange { after, through, .. } = ranges.get(range)?.clone();
        let schema = state.schema.clone();
        self.snapshot.tickets += 1;
        let ticket = Ticket { table_id: schema.table_id, range, number: self.snapshot.tickets };
        let delivered = self.checkpoint.source.as_ref().map(|source| source.delivered.clone());
        let window = delivered.map(|delivered| Window::open(schema.key.clone(), delivered));
        let (extent, work) = match schema.is_keyed() {
            true => (Extent::Range { after, through }, Work::Keyed { window, read: None }),
            false => (Extent::Whole, Work::Whole { window, opened: false }),
        };
        self.snapshot.lanes.insert((ticket.table_id, range), Lane { ticket, table: name.clone(), work });
        Some(ChunkRequest { ticket, schema, extent })
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
        let Some(lane) = self.snapshot.get(ticket) else { return LowVerdict::Void };
        match &mut lane.work {
            Work::Keyed { window: Some(window), .. } | Work::Whole { window: Some(window), .. } => {
                match window.low(low) {
                    Low::Good => LowVerdict::Good,
                    Low::TooEarly => LowVerdict::TooEarly,
                }
            }
            _ => LowVerdict::Good,
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

    /// The table changed before its snapshot was read: the stream goes on and says how.
    pub fn whole_failed(&mut self, ticket: Ticket) {
        if self.snapshot.get(ticket).is_some() {
            self.snapshot.void(ticket.table_id);
        }
    }

    /// The consistent snapshot of a whole table is open; `high` was read after it.
    pub fn whole_opened(&mut self, ticket: Ticket, high: Option<Reading>) {
        let Some(lane) = self.snapshot.get(ticket) else { return };
        if let Work::Whole { window, opened } = &mut lane.work {
            let touched = window.as_ref().is_some_and(|window| window.collected() > 0);
            if touched {
                self.snapshot.void(ticket.table_id);
                return;
            }
            if let (Some(window), Some(high)) = (window, high) {
                window.rows(Vec::new(), high);
            }
            *opened = true;
        }
    }

    /// What a reader that holds an open snapshot of a whole table does now.
    pub fn whole_state(&mut self, ticket: Ticket) -> WholeState {
        let between = self.is_between_transactions();
        let delivered = self.checkpoint.source.as_ref().map(|source| source.delivered.clone());
        let Some(lane) = self.snapshot.get(ticket) else { return WholeState::Void };
        match &lane.work {
            Work::Publishing { .. } => WholeState::Publish,
            Work::Whole { window: Some(window), .. } if window.collected() > 0 => {
                self.snapshot.void(ticket.table_id);
                WholeState::Void
            }
            Work::Whole { window, opened: true } if between => {
                let passed = match (window, delivered) {
                    (Some(window), Some(delivered)) => window.is_passed(&delivered),
                    _ => true,
                };
                if !passed {
                    return WholeState::Wait;
                }
                lane.work = Work::Publishing { rows: 0 };
                let table = lane.table.clone();
                self.reset(&table);
                WholeState::Publish
            }
            _ => WholeState::Wait,
        }
    }

    fn reset(&mut self, table: &TableName) {
        let Some(schema) = self.tables.get(table).map(|state| state.key) else { return };
        self.unseal();
        self.step.push_control(&Control::Reset { schema });
    }

    /// Whether the stream must wait because a whole table is being published.
    pub fn stream_waits(&self) -> bool {
        self.settings.incremental
            && self.snapshot.lanes.values().any(|lane| matches!(lane.work, Work::Publishing { .. }))
    }

    /// Publishes rows of a whole table while the stream waits.
    pub fn whole_rows(&mut self, ticket: Ticket, rows: Vec<Row>) {
        let Some(lane) = self.snapshot.get(ticket) else { return };
        let Work::Publishing { rows: count } = &mut lane.work else { return };
        *count += rows.len() as u64;
        let table = lane.table.clone();
        self.publish_rows(&table, rows);
    }

    /// The whole table is published: the stream goes on.
    pub fn whole_done(&mut self, ticket: Ticket) {
        let Some(lane) = self.snapshot.get(ticket) else { return };
        let Work::Publishing { rows } = lane.work else { return };
        let table = lane.table.clone();
        self.snapshot.void(ticket.table_id);
        self.chunk_published(&table, 0, rows, None, Completion::LastChunk);
    }

    /// Publishes every chunk whose `high` the stream has delivered. Only between two transactions.
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
            self.chunk_published(&table, place.1, count, read.last_key, read.completion);
        }
    }

    fn publish_rows(&mut self, table: &TableName, rows: Vec<Row>) {
        let Some((schema, key, purpose)) = self.reading_of(table) else { return };
        let partitions = self.step.partitions();
        self.unseal();
        for row in rows {
            let to = partition_of(&schema, &row.key(&schema.key), partitions);
            self.step.push_row(to, key, None, 0, RowChange::Read { row, purpose });
        }
    }

    fn chunk_published(
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
            self.pending -= 1;
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

/// What a reader with an open snapshot of a whole table does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WholeState {
    /// Hold the snapshot open and ask again.
    Wait,
    /// Read and publish: the stream waits.
    Publish,
    /// A row of the table was streamed meanwhile, or the table changed: close the snapshot and begin again.
    Void,
}
