//! Looks at what is committed, anywhere, and knows nothing of the protocol: it uses none of its code.
//!
//! - Final state: the destination equals the source, table by table.
//! - Order per key: the version in a row never goes back, and a row that was deleted does not come back.
//! - States at cuts: once the full load is in, each commit of an apply that owns all partitions shows a state that the
//!   source had between two transactions, and these only advance.
//! - Accounting: captured = images of the source + rows read (less those of a table without a key that its snapshot
//!   supersedes); captured = delivered + dropped by the filter; delivered =
//!   applied + compacted.

use std::collections::{BTreeMap, HashMap, HashSet};

use millrace_model::batch::{Entry, RowChange};
use millrace_model::checkpoint::Load;
use millrace_model::{Row, TableName};

use crate::destination::{Commit, Destination, RowDelta};
use crate::log::{Log, Record};
use crate::parts::Message;
use crate::source::{Event, Source};
use crate::tables::{KINDS, Key, Kind, Tables, is_filtered, kind, parse};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Note {
    Nothing,
    Control,
    Read { filtered: bool },
    Streamed { filtered: bool, kind: Kind },
}

#[derive(Default)]
pub(crate) struct Auditor {
    filter: bool,
    /// Transactions of the source before the task.
    begins_at: Option<usize>,
    /// What has each sequence of each captured partition.
    captured: Vec<Vec<Note>>,
    names: HashMap<u64, TableName>,
    pending: BTreeMap<u64, bool>,
    /// Sequences after which the full load is complete.
    loaded_at: Option<Vec<u64>>,
    versions: HashMap<(TableName, Key), (u64, bool)>,
    boundary: usize,
    changes: u64,
    /// Cuts that were compared with a state of the source.
    pub(crate) cuts: u64,
    pub(crate) failure: Option<String>,
}

impl Auditor {
    pub(crate) fn new(partitions: u32, filter: bool) -> Self {
        Self { filter, captured: vec![Vec::new(); partitions as usize], ..Self::default() }
    }

    fn fail(&mut self, message: String) {
        self.failure.get_or_insert(message);
    }

    /// Whether the task's first checkpoint is there.
    pub(crate) fn has_begun(&self) -> bool {
        self.begins_at.is_some()
    }

    /// The last captured sequence of a partition.
    pub(crate) fn captured(&self, partition: usize) -> u64 {
        self.captured[partition].len() as u64
    }

    pub(crate) fn see_captured(&mut self, log: &Log, number: usize) {
        let mut sequences = None;
        let mut records = log.records(number);
        records.sort_by_key(|(_, record)| !matches!(record, Record::Schema(..)));
        for (topic, record) in records {
            match record {
                Record::Message(message) => {
                    for entry in message.covers().into_iter().flat_map(|batch| &batch.entries) {
                        self.note(topic, entry);
                    }
                }
                Record::Schema(key, schema) => drop(self.names.insert(key.version, schema.name.clone())),
                Record::Checkpoint(checkpoint) => {
                    self.begins_at = checkpoint.task_id.parse().ok();
                    sequences = Some(checkpoint.next_sequences.clone());
                }
                Record::Table(id, Some(state)) => {
                    self.pending.insert(*id, matches!(state.load, Load::Pending { .. }));
                }
                Record::Table(id, None) => drop(self.pending.remove(id)),
                Record::Claim(_) => {}
            }
        }
        if self.loaded_at.is_none() && !self.pending.values().any(|pending| *pending) {
            self.loaded_at = sequences.map(|next| next.iter().map(|next| next - 1).collect());
        }
    }

    fn note(&mut self, partition: usize, entry: &Entry<millrace_model::MysqlType>) {
        let at = entry.sequence() as usize - 1;
        let note = match entry {
            Entry::Control { .. } => Note::Control,
            Entry::Row(row) => {
                let kind = self.names.get(&row.schema.version).map_or(Kind::Single, kind);
                let filtered = |row: &Row| self.filter && is_filtered(parse(kind, row).0);
                match &row.change {
                    RowChange::Read { row, .. } => Note::Read { filtered: filtered(row) },
                    RowChange::Insert(row) | RowChange::Delete(row) => Note::Streamed { filtered: filtered(row), kind },
                    RowChange::Update { after, .. } => Note::Streamed { filtered: filtered(after), kind },
                }
            }
        };
        let notes = &mut self.captured[partition];
        if notes.len() <= at {
            notes.resize(at + 1, Note::Nothing);
        }
        notes[at] = note;
    }

    pub(crate) fn see_commits(&mut self, destination: &mut Destination, source: &Source) {
        if let Some(violation) = destination.violations.pop() {
            self.fail(violation);
        }
        for commit in std::mem::take(&mut destination.commits) {
            self.changes += commit.changes;
            for delta in &commit.rows {
                self.check_order(delta);
            }
            self.check_cut(&commit, destination, source);
        }
    }

    fn check_order(&mut self, delta: &RowDelta) {
        if kind(&delta.table) == Kind::Keyless || delta.before == delta.after {
            return;
        }
        let known = self.versions.entry((delta.table.clone(), delta.key)).or_insert((0, true));
        let (last, deleted) = *known;
        match delta.after {
            Some(value) => {
                *known = (value.version.max(last), false);
                if value.version < last || (deleted && value.version == last) {
                    let at = format!("{} {:?}", delta.table, delta.key);
                    self.fail(format!("key {at} goes back to version {} after {last}", value.version));
                }
            }
            None => *known = (last.max(delta.before.map_or(0, |value| value.version)), true),
        }
    }

    fn check_cut(&mut self, commit: &Commit, destination: &Destination, source: &Source) {
        let Some(loaded_at) = &self.loaded_at else { return };
        let stands = |(partition, &sequence)| destination.progress(partition as u32).sequence >= sequence;
        if !commit.whole || commit.hash_before == destination.hash || !loaded_at.iter().enumerate().all(stands) {
            return;
        }
        self.cuts += 1;
        match (self.boundary..source.boundaries.len()).find(|&i| source.boundaries[i] == destination.hash) {
            Some(boundary) => self.boundary = boundary,
            None => self.fail(format!("a commit shows a state that the source never had after {}", self.boundary)),
        }
    }

    /// At the end, when everything has come to rest.
    pub(crate) fn finish(&mut self, source: &Source, log: &Log, destination: &Destination) {
        self.compare(&source.committed, &destination.tables);
        if source.shapes != destination.shapes {
            self.fail(format!("columns differ: source {:?}, destination {:?}", source.shapes, destination.shapes));
        }
        self.count(source, log);
    }

    fn compare(&mut self, source: &Tables, destination: &Tables) {
        let filter = self.filter;
        for (table, rows) in source {
            let Some(there) = destination.get(table) else {
                return self.fail(format!("table {table} is missing in the destination"));
            };
            let expected: BTreeMap<_, _> = rows.iter().filter(|(key, _)| !filter || !is_filtered(**key)).collect();
            let found: BTreeMap<_, _> = there.iter().collect();
            if expected != found {
                return self.fail(format!("table {table} differs: source {expected:?}, destination {found:?}"));
            }
        }
        if let Some(table) = destination.keys().find(|table| !source.contains_key(*table)) {
            self.fail(format!("table {table} is in the destination alone"));
        }
    }

    fn count(&mut self, source: &Source, log: &Log) {
        let since = &source.binlog[self.begins_at.unwrap_or(0)..];
        for kind in KINDS {
            let images: usize = since.iter().flat_map(|t| &t.events).map(|event| images_of(event, kind)).sum();
            let streamed = |note: &&Note| matches!(note, Note::Streamed { kind: of, .. } if *of == kind);
            let captured = self.captured.iter().flatten().filter(streamed).count();
            if captured > images || (kind != Kind::Keyless && captured < images) {
                self.fail(format!("the source has {images} images since the beginning, {captured} were captured"));
            }
        }
        let mut delivered = HashSet::new();
        for (partition, messages) in log.transformed.iter().enumerate() {
            let entries = messages.iter().filter_map(Message::covers).flat_map(|batch| &batch.entries);
            delivered.extend(entries.filter_map(|entry| match entry {
                Entry::Row(row) => Some((partition, row.sequence)),
                Entry::Control { .. } => None,
            }));
        }
        for (partition, notes) in self.captured.iter().enumerate() {
            for (at, note) in notes.iter().enumerate() {
                let expected = match note {
                    Note::Read { filtered } | Note::Streamed { filtered, .. } => !filtered,
                    Note::Control => false,
                    Note::Nothing => {
                        return self.fail(format!("sequence {} of partition {partition} was not captured", at + 1));
                    }
                };
                if expected != delivered.contains(&(partition, at as u64 + 1)) {
                    return self.fail(format!("captured row {} of partition {partition} is not accounted for", at + 1));
                }
            }
        }
        if self.changes != delivered.len() as u64 {
            let (applied, delivered) = (self.changes, delivered.len());
            self.fail(format!("{delivered} rows were delivered, but {applied} applied or compacted"));
        }
    }
}

fn images_of(event: &Event, of: Kind) -> usize {
    let Event::Rows { table, changes } = event else { return 0 };
    let kind = kind(table);
    if kind != of {
        return 0;
    }
    let images = |change: &RowChange| match change {
        // A change of the key is two: the old row goes, the new one comes.
        RowChange::Update { before, after } if kind != Kind::Keyless => {
            1 + usize::from(parse(kind, before).0 != parse(kind, after).0)
        }
        _ => 1,
    };
    changes.iter().map(images).sum()
}
