//! The model of MySQL: a binlog, and two states. A transaction is in the binlog, and thereby streamed, before snapshot
//! reads and `gtid_executed` see it, as under semi-sync AFTER_SYNC; until then it holds its locks.

use std::collections::BTreeSet;
use std::sync::Arc;

use millrace_model::batch::RowChange;
use millrace_model::gtid::{Gtid, GtidSet, GtidSource};
use millrace_model::position::{BinlogPlace, Reading, Transaction};
use millrace_model::{Row, TableName};
use millrace_protocol::chunk::Completion;

use crate::tables::{
    Kind, Shapes, Tables, Value, is_filtered, kind, parse, parse_key, row, row_hash, table_hash, widened,
};

#[derive(Debug, Clone)]
pub(crate) enum Event {
    Rows {
        table: TableName,
        changes: Vec<RowChange>,
    },
    Create(TableName),
    Drop(TableName),
    Truncate(TableName),
    /// The table gets one more column.
    Alter(TableName),
}

/// What a transaction of the binlog has to do with a distributed (XA) one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Distributed {
    No,
    /// Prepares the one of this number; it changes nothing yet.
    Prepares(u64),
    /// Commits it, with its rows, or rolls it back, without.
    Ends(u64),
}

#[derive(Debug)]
pub(crate) struct SourceTransaction {
    pub(crate) transaction: Arc<Transaction>,
    pub(crate) end: BinlogPlace,
    pub(crate) events: Vec<Event>,
    pub(crate) distributed: Distributed,
}

/// What names a moment of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    Gtids,
    Places,
}

pub(crate) struct Source {
    pub(crate) naming: Naming,
    pub(crate) filter: bool,
    pub(crate) binlog: Vec<Arc<SourceTransaction>>,
    /// Prepared and not ended: their numbers, and their rows, which are locked.
    pub(crate) prepared: Vec<(u64, Vec<Event>)>,
    seen: Vec<bool>,
    /// All before this number are visible.
    shown: usize,
    executed: GtidSet,
    /// After the last transaction of the binlog.
    pub(crate) committed: Tables,
    /// What snapshot reads see.
    pub(crate) visible: Tables,
    /// Of `committed`, and of `visible`.
    pub(crate) shapes: Shapes,
    pub(crate) visible_shapes: Shapes,
    hash: u64,
    /// Hash of the state after each number of transactions, without what a filter drops.
    pub(crate) boundaries: Vec<u64>,
    pub(crate) version: u64,
}

pub(crate) fn gtid(number: u64) -> Gtid {
    let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    Gtid { source: GtidSource { uuid: uuid.into(), tag: "".into() }, number }
}

fn place(number: usize) -> BinlogPlace {
    BinlogPlace::new(format!("binlog.{:06}", 1 + number / 16), 4 + 100 * (number % 16) as u64)
}

impl Source {
    pub(crate) fn new(naming: Naming, filter: bool) -> Self {
        Self {
            naming,
            filter,
            binlog: Vec::new(),
            prepared: Vec::new(),
            seen: Vec::new(),
            shown: 0,
            executed: GtidSet::new(),
            committed: Tables::new(),
            visible: Tables::new(),
            shapes: Shapes::new(),
            visible_shapes: Shapes::new(),
            hash: 0,
            boundaries: vec![0],
            version: 0,
        }
    }

    /// The next transaction is being put together: its changes are made at once in the committed state.
    pub(crate) fn change(&mut self, events: &mut Vec<Event>, event: Event) {
        let event = match event {
            Event::Rows { table, changes } => {
                let added = self.shapes[&table];
                let changes = changes.iter().map(|change| in_shape(change, added)).collect();
                Event::Rows { table, changes }
            }
            event => event,
        };
        reshape(&mut self.shapes, &event);
        let Self { committed, hash, filter, .. } = self;
        apply(committed, &event, &mut |table, key, value, sign| {
            if !(*filter && key.is_some_and(is_filtered)) {
                let part = key.map_or_else(|| table_hash(table), |key| row_hash(table, key, value));
                *hash = hash.wrapping_add(part.wrapping_mul(sign as u64));
            }
        });
        match (events.last_mut(), event) {
            (Some(Event::Rows { table: last, changes }), Event::Rows { table, changes: more }) if *last == table => {
                changes.extend(more);
            }
            (_, event) => events.push(event),
        }
    }

    /// Writes the transaction to the binlog.
    pub(crate) fn commit(&mut self, events: Vec<Event>) {
        self.log(events, Distributed::No);
    }

    /// Writes it to the binlog, as a part of a distributed one.
    pub(crate) fn log(&mut self, events: Vec<Event>, distributed: Distributed) {
        let number = self.binlog.len();
        let gtid = (self.naming == Naming::Gtids).then(|| gtid(number as u64 + 1));
        let committed_at = 1_000_000 + number as u64;
        let transaction = Arc::new(Transaction { place: place(number), gtid, committed_at });
        self.binlog.push(Arc::new(SourceTransaction { transaction, end: place(number + 1), events, distributed }));
        self.seen.push(false);
        self.boundaries.push(self.hash);
    }

    pub(crate) fn invisible(&self) -> Vec<usize> {
        (self.shown..self.seen.len()).filter(|&i| !self.seen[i]).collect()
    }

    /// Snapshot reads see it from now on.
    pub(crate) fn show(&mut self, number: usize) {
        self.seen[number] = true;
        while self.seen.get(self.shown) == Some(&true) {
            self.shown += 1;
        }
        self.executed.add(&gtid(number as u64 + 1));
        for event in &self.binlog[number].clone().events {
            reshape(&mut self.visible_shapes, event);
            apply(&mut self.visible, event, &mut |_, _, _, _| {});
        }
    }

    /// The place after the last transaction.
    pub(crate) fn end(&self) -> BinlogPlace {
        place(self.binlog.len())
    }

    /// What is visible at this moment.
    pub(crate) fn reading(&self) -> Reading {
        match self.naming {
            Naming::Gtids => Reading::Gtids(self.executed.clone()),
            Naming::Places => Reading::Place(place(self.shown)),
        }
    }

    /// The first transaction that is not delivered, at or after `from`.
    pub(crate) fn next_after(&self, delivered: &Reading, from: usize) -> Option<usize> {
        (from..self.binlog.len()).find(|&i| !self.is_delivered(delivered, i))
    }

    /// Whether a transaction is among what was delivered.
    pub(crate) fn is_delivered(&self, delivered: &Reading, number: usize) -> bool {
        match delivered {
            Reading::Gtids(set) => set.contains(&gtid(number as u64 + 1)),
            Reading::Place(end) => self.binlog[number].end <= *end,
        }
    }

    /// The next rows in key order of what is visible; none where the table is not there.
    pub(crate) fn read_chunk(
        &self,
        table: &TableName,
        after: Option<&Row>,
        through: Option<&Row>,
        limit: usize,
    ) -> Option<(Vec<Row>, Option<Row>, Completion)> {
        let kind = kind(table);
        let (after, through) = (after.map(parse_key), through.map(parse_key));
        let rows = self.visible.get(table)?;
        let mut found = rows.iter().filter(|(key, _)| {
            after.is_none_or(|after| **key > after) && through.is_none_or(|through| **key <= through)
        });
        let added = self.visible_shapes[table];
        let image = |(key, value): (&_, &_)| widened(&row(kind, *key, *value), added);
        let chunk: Vec<Row> = found.by_ref().take(limit).map(image).collect();
        let columns: &[usize] = if kind == Kind::Composite { &[2, 0] } else { &[0] };
        let last = chunk.last().map(|row| row.key(columns));
        let completion = if found.next().is_some() { Completion::More } else { Completion::LastChunk };
        Some((chunk, last, completion))
    }

    /// All rows of what is visible, each as often as it is there.
    pub(crate) fn read_whole(&self, table: &TableName) -> Option<Vec<Row>> {
        let kind = kind(table);
        let rows = self.visible.get(table)?;
        let added = self.visible_shapes[table];
        let image = |key: &_, value: &Value| widened(&row(kind, *key, *value), added);
        let each = |(key, value): (&_, &Value)| vec![image(key, value); value.count as usize];
        Some(rows.iter().flat_map(each).collect())
    }

    /// Tables and keys that transactions which are not visible yet have locked.
    pub(crate) fn locks(&self) -> (BTreeSet<TableName>, BTreeSet<(TableName, [i64; 2])>) {
        let (mut tables, mut keys) = (BTreeSet::new(), BTreeSet::new());
        let invisible: Vec<_> = self.invisible().into_iter().map(|number| &self.binlog[number].events).collect();
        let prepared = self.prepared.iter().map(|(_, events)| events);
        for events in invisible.into_iter().chain(prepared) {
            for event in events {
                match event {
                    Event::Rows { table, changes } => match kind(table) {
                        kind @ (Kind::Single | Kind::Composite) => {
                            for image in changes.iter().flat_map(images) {
                                keys.insert((table.clone(), parse(kind, image).0));
                            }
                        }
                        Kind::SecondUnique | Kind::Keyless => drop(tables.insert(table.clone())),
                    },
                    Event::Create(table) | Event::Drop(table) | Event::Truncate(table) | Event::Alter(table) => {
                        tables.insert(table.clone());
                    }
                }
            }
        }
        (tables, keys)
    }
}

/// The same change in a table that got so many columns.
fn in_shape(change: &RowChange, added: usize) -> RowChange {
    match change {
        RowChange::Insert(row) => RowChange::Insert(widened(row, added)),
        RowChange::Delete(row) => RowChange::Delete(widened(row, added)),
        RowChange::Read { row, purpose } => RowChange::Read { row: widened(row, added), purpose: *purpose },
        RowChange::Update { before, after } => {
            RowChange::Update { before: widened(before, added), after: widened(after, added) }
        }
    }
}

fn reshape(shapes: &mut Shapes, event: &Event) {
    match event {
        Event::Create(table) => drop(shapes.insert(table.clone(), 0)),
        Event::Drop(table) => drop(shapes.remove(table)),
        Event::Alter(table) => *shapes.get_mut(table).unwrap() += 1,
        Event::Truncate(_) | Event::Rows { .. } => {}
    }
}

fn images(change: &RowChange) -> Vec<&Row> {
    match change {
        RowChange::Read { row, .. } | RowChange::Insert(row) | RowChange::Delete(row) => vec![row],
        RowChange::Update { before, after } => vec![before, after],
    }
}

/// Applies an event to a state; `note` hears of every row (or, without a key, table) that goes (-1) or comes (1).
fn apply(tables: &mut Tables, event: &Event, note: &mut impl FnMut(&TableName, Option<[i64; 2]>, Value, i64)) {
    let nothing = Value { unique: 0, version: 0, count: 0 };
    let clear = |tables: &mut Tables, table: &TableName, note: &mut dyn FnMut([i64; 2], Value)| {
        for (key, value) in tables.remove(table).into_iter().flatten() {
            note(key, value);
        }
    };
    match event {
        Event::Create(table) => {
            tables.insert(table.clone(), Default::default());
            note(table, None, nothing, 1);
        }
        Event::Drop(table) => {
            clear(tables, table, &mut |key, value| note(table, Some(key), value, -1));
            note(table, None, nothing, -1);
        }
        Event::Truncate(table) => {
            clear(tables, table, &mut |key, value| note(table, Some(key), value, -1));
            tables.insert(table.clone(), Default::default());
        }
        Event::Alter(_) => {}
        Event::Rows { table, changes } => {
            let kind = kind(table);
            let rows = tables.get_mut(table).unwrap();
            for change in changes {
                let (before, after) = match change {
                    RowChange::Insert(row) | RowChange::Read { row, .. } => (None, Some(row)),
                    RowChange::Delete(row) => (Some(row), None),
                    RowChange::Update { before, after } => (Some(before), Some(after)),
                };
                if let Some(row) = before {
                    let (key, value) = parse(kind, row);
                    note(table, Some(key), value, -1);
                    let there = rows.get_mut(&key).unwrap();
                    there.count -= 1;
                    if there.count == 0 {
                        rows.remove(&key);
                    }
                }
                if let Some(row) = after {
                    let (key, value) = parse(kind, row);
                    note(table, Some(key), value, 1);
                    rows.entry(key).and_modify(|there| there.count += 1).or_insert(value);
                }
            }
        }
    }
}
