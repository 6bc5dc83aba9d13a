//! The model of the destination: tables that enforce their keys, progress rows, arrivals, journal, and transactions that
//! commit or not. What a transaction wrote is applied when it commits: it conflicts with others in its progress rows
//! alone, and there it waits or loses as under READ COMMITTED.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use millrace_model::batch::SchemaChange;
use millrace_model::{PgType, SchemaKey, TableName, TableSchema};
use millrace_protocol::compact::{Clear, TableWrite};
use millrace_protocol::cut::Progress;

use crate::random::Random;
use crate::tables::{Key, Kind, Shapes, Tables, Value, added, kind, parse, parse_key, row_hash, table_hash};

/// A row that a commit changed.
pub(crate) struct RowDelta {
    pub(crate) table: TableName,
    pub(crate) key: Key,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// What a commit did.
pub(crate) struct Commit {
    pub(crate) rows: Vec<RowDelta>,
    /// Row changes that came in with it.
    pub(crate) changes: u64,
    /// Whether the writer owned all partitions.
    pub(crate) whole: bool,
    pub(crate) hash_before: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advance {
    Won,
    /// Another has the number, or a higher one.
    Lost,
    /// Another transaction that is open has the number.
    Blocked,
    /// The transaction is not there any more.
    Gone,
}

/// What becomes of a transaction whose client is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Attached,
    Commits,
    RollsBack,
}

#[derive(Debug)]
struct Open {
    writes: Vec<Arc<Vec<TableWrite>>>,
    changes: u64,
    progress: Vec<Progress>,
    whole: bool,
    fate: Fate,
}

#[derive(Default)]
pub(crate) struct Destination {
    pub(crate) tables: Tables,
    pub(crate) shapes: Shapes,
    pub(crate) hash: u64,
    progress: BTreeMap<u32, Progress>,
    arrivals: BTreeMap<(u64, u32), u64>,
    journal: BTreeSet<u64>,
    open: BTreeMap<u64, Open>,
    begun: u64,
    /// Commits that the auditor has not seen yet.
    pub(crate) commits: Vec<Commit>,
    /// What should never happen, whatever the writers do.
    pub(crate) violations: Vec<String>,
    /// Whether a lost race is not noticed.
    pub(crate) race_ignored: bool,
}

impl Destination {
    pub(crate) fn progress(&self, partition: u32) -> Progress {
        self.progress.get(&partition).copied().unwrap_or_else(|| Progress::start(partition))
    }

    pub(crate) fn begin(&mut self, whole: bool) -> u64 {
        self.begun += 1;
        let open = Open { writes: Vec::new(), changes: 0, progress: Vec::new(), whole, fate: Fate::Attached };
        self.open.insert(self.begun, open);
        self.begun
    }

    /// Writes in an open transaction; false where it is not there any more.
    pub(crate) fn write(&mut self, number: u64, tables: Arc<Vec<TableWrite>>, changes: u64) -> bool {
        let Some(open) = self.open.get_mut(&number) else { return false };
        open.writes.push(tables);
        open.changes += changes;
        true
    }

    /// `INSERT ... SELECT n + 1 WHERE NOT EXISTS (number > n)`.
    pub(crate) fn advance(&mut self, number: u64, progress: Progress) -> Advance {
        if !self.open.contains_key(&number) {
            return Advance::Gone;
        }
        if self.progress(progress.partition).number >= progress.number && !self.race_ignored {
            return Advance::Lost;
        }
        let same = |p: &Progress| (p.partition, p.number) == (progress.partition, progress.number);
        if self.open.iter().any(|(&n, open)| n != number && open.progress.iter().any(same)) && !self.race_ignored {
            return Advance::Blocked;
        }
        self.open.get_mut(&number).unwrap().progress.push(progress);
        Advance::Won
    }

    pub(crate) fn rollback(&mut self, number: u64) {
        self.open.remove(&number);
    }

    /// Commits; false where the transaction is not there any more.
    pub(crate) fn commit(&mut self, number: u64) -> bool {
        let Some(open) = self.open.remove(&number) else { return false };
        let hash_before = self.hash;
        let mut touched = BTreeMap::new();
        for write in open.writes.iter().flat_map(|writes| writes.iter()) {
            self.apply(write, &mut touched);
        }
        for progress in open.progress {
            let known = self.progress(progress.partition);
            if known.number + 1 != progress.number && !self.race_ignored {
                self.violations.push(format!("progress number {} follows {}", progress.number, known.number));
            }
            self.progress.insert(progress.partition, progress);
        }
        let rows = self.deltas(touched);
        self.commits.push(Commit { rows, changes: open.changes, whole: open.whole, hash_before });
        true
    }

    fn deltas(&mut self, touched: BTreeMap<(TableName, Key), Option<Value>>) -> Vec<RowDelta> {
        let mut rows = Vec::with_capacity(touched.len());
        for ((table, key), before) in touched {
            let after = self.tables.get(&table).and_then(|rows| rows.get(&key)).copied();
            for (value, sign) in [(before, u64::MAX), (after, 1)] {
                let part = value.map_or(0, |value| row_hash(&table, key, value));
                self.hash = self.hash.wrapping_add(part.wrapping_mul(sign));
            }
            rows.push(RowDelta { table, key, before, after });
        }
        rows
    }

    fn apply(&mut self, write: &TableWrite, touched: &mut BTreeMap<(TableName, Key), Option<Value>>) {
        let name = &write.schema.name;
        let Some(rows) = self.tables.get_mut(name) else {
            self.violations.push(format!("a write to table {name}, which is not there"));
            return;
        };
        let shape = (Some(&added(&write.schema)) == self.shapes.get(name)).then_some(write.schema.columns.len());
        let images = write.inserts.iter().chain(write.counts.iter().map(|(row, _)| row));
        if images.map(|row| Some(row.cells().count())).any(|cells| cells != shape) {
            self.violations.push(format!("a row of {name} is not of the table's shape"));
        }
        let kind = kind(name);
        let mut note = |key: Key, value: Option<Value>| {
            touched.entry((name.clone(), key)).or_insert(value);
        };
        if write.clear == Clear::All {
            for (key, value) in std::mem::take(rows) {
                note(key, Some(value));
            }
        }
        for key in &write.deletes {
            let key = parse_key(key);
            note(key, rows.get(&key).copied());
            rows.remove(&key);
        }
        let inserts: Vec<(Key, Value)> = write.inserts.iter().map(|row| parse(kind, row)).collect();
        // A duplicate key: the general way deletes the keys of the inserts first.
        for (key, _) in &inserts {
            note(*key, rows.get(key).copied());
            rows.remove(key);
        }
        let mut codes: BTreeSet<i64> = match kind {
            Kind::SecondUnique => rows.values().map(|value| value.unique).collect(),
            _ => BTreeSet::new(),
        };
        for (key, value) in inserts {
            if kind == Kind::SecondUnique && !codes.insert(value.unique) {
                self.violations.push(format!("two rows of {name} have code {}", value.unique));
            }
            if rows.insert(key, value).is_some() {
                self.violations.push(format!("two inserts of one key of {name} in one write"));
            }
        }
        for (row, change) in &write.counts {
            let (key, value) = parse(kind, row);
            note(key, rows.get(&key).copied());
            let count = rows.get(&key).map_or(0, |value| value.count as i64) + change;
            if count < 0 {
                self.violations.push(format!("{name} has fewer equal rows than are to be deleted"));
            }
            match count > 0 {
                true => drop(rows.insert(key, Value { count: count as u64, ..value })),
                false => drop(rows.remove(&key)),
            }
        }
    }

    /// Commits the arrival of a partition.
    pub(crate) fn arrive(&mut self, barrier: u64, partition: u32, sequence: u64) {
        self.arrivals.insert((barrier, partition), sequence);
    }

    pub(crate) fn arrival(&self, barrier: u64, partition: u32) -> Option<u64> {
        self.arrivals.get(&(barrier, partition)).copied()
    }

    pub(crate) fn is_in_journal(&self, barrier: u64) -> bool {
        self.journal.contains(&barrier)
    }

    /// Executes a barrier's changes, with its journal row; the journal is looked at under the lock.
    pub(crate) fn execute(
        &mut self,
        barrier: u64,
        changes: &[SchemaChange<PgType>],
        schema: impl Fn(SchemaKey<PgType>) -> Option<Arc<TableSchema<PgType>>>,
        journal_unread: bool,
    ) {
        if !self.journal.insert(barrier) && !journal_unread {
            return;
        }
        let hash_before = self.hash;
        let mut touched = BTreeMap::new();
        for change in changes {
            let Some(schema) = schema(change.schema()) else {
                self.violations.push("a barrier with an unknown schema".into());
                continue;
            };
            let name = &schema.name;
            match change {
                // Tables keep their names here.
                SchemaChange::Alter(_) => {
                    let before = self.shapes.insert(name.clone(), added(&schema));
                    if before.map(|before| before + 1) != Some(added(&schema)) {
                        self.violations.push(format!("table {name} is altered twice, or not in order"));
                    }
                }
                SchemaChange::Create { .. } => {
                    self.shapes.insert(name.clone(), added(&schema));
                    if self.tables.insert(name.clone(), BTreeMap::new()).is_some() {
                        self.violations.push(format!("table {name} is created twice"));
                    }
                    self.hash = self.hash.wrapping_add(table_hash(name));
                }
                SchemaChange::Drop { .. } | SchemaChange::Truncate { .. } => {
                    let Some(rows) = self.tables.remove(name) else {
                        self.violations.push(format!("table {name} is not there to be dropped or emptied"));
                        continue;
                    };
                    for (key, value) in rows {
                        touched.entry((name.clone(), key)).or_insert(Some(value));
                    }
                    match change {
                        SchemaChange::Truncate { .. } => drop(self.tables.insert(name.clone(), BTreeMap::new())),
                        _ => {
                            self.shapes.remove(name);
                            self.hash = self.hash.wrapping_sub(table_hash(name));
                        }
                    }
                }
            }
        }
        let rows = self.deltas(touched);
        self.commits.push(Commit { rows, changes: 0, whole: false, hash_before });
    }

    /// The client of an open transaction is gone; where it had asked for the commit, that may still happen.
    pub(crate) fn orphan(&mut self, number: u64, commit_was_sent: bool, random: &mut Random) {
        if let Some(open) = self.open.get_mut(&number) {
            open.fate = match commit_was_sent && random.chance(500) {
                true => Fate::Commits,
                false => Fate::RollsBack,
            };
        }
    }

    /// The server ends one transaction whose client is gone.
    pub(crate) fn settle(&mut self, random: &mut Random) -> bool {
        let gone: Vec<u64> = self.open.iter().filter(|(_, o)| o.fate != Fate::Attached).map(|(&n, _)| n).collect();
        let Some(number) = random.pick(&gone) else { return false };
        match self.open[&number].fate {
            Fate::Commits => drop(self.commit(number)),
            Fate::Attached | Fate::RollsBack => self.rollback(number),
        }
        true
    }

    /// `idle_in_transaction_session_timeout`: the server rolls back what is idle.
    pub(crate) fn end_idle(&mut self, random: &mut Random) {
        let all: Vec<u64> = self.open.keys().copied().collect();
        if let Some(number) = random.pick(&all) {
            self.rollback(number);
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.open.is_empty()
    }
}
