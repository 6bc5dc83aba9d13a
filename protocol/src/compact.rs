//! The last write per key of what is applied together, so that the destination does each key's work once.
//!
//! For a table with a key: per exact key (as bytes) the last image, and whether a row of that key may already be in the
//! destination. Written as "delete the touched keys, insert the survivors", in that order: right whatever happened to a
//! key in between, and also when keys swap a second unique value. A `Read` of a full load never replaces an earlier write
//! of its key: that one is newer.
//!
//! For a table without a key: the net count of each full row; an update is one row less and one more.
//!
//! Keys are the users' bytes, so their hash has a seed of each process's own; it is kept with the key, so that a map that
//! grows hashes none again.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use indexmap::map::Entry;
use millrace_model::batch::{ReadPurpose, RowChange};
use millrace_model::row::Row;
use millrace_model::{PgType, SchemaKey, TableSchema};

/// What is done to one table in one destination transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableWrite {
    /// Names the schema.
    pub key: SchemaKey<PgType>,
    /// The table's schema.
    pub schema: Arc<TableSchema<PgType>>,
    /// Whether all rows of the table go first.
    pub clear: Clear,
    /// Key cells of rows to delete.
    pub deletes: Vec<Row>,
    /// Rows to insert after the deletes. The destination holds no row of their keys, save where a row read by the full
    /// load was streamed before, or the task shares its tables with others: a duplicate key means that the general way
    /// (delete the keys of `inserts` too) is taken.
    pub inserts: Vec<Row>,
    /// How many of `inserts`, at the end, are rows of the full load that nothing else touched.
    pub loads: usize,
    /// For a table without a key: full rows and by how many their number changes; never 0.
    pub counts: Vec<(Row, i64)>,
    /// Row changes that came in.
    pub changes: u64,
}

/// Whether a table is emptied before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    /// Its rows stay.
    Keep,
    /// All rows go: its snapshot begins anew.
    All,
}

/// Whether the destination has a row of a key before the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Absent,
    /// A row that was read by the full load: what was streamed of it earlier may be there already.
    Unknown,
    MayBeThere,
}

/// What is known of a key.
#[derive(Debug)]
struct Slot {
    row: Option<Row>,
    before: Before,
}

/// Collects the changes of one table.
#[derive(Debug)]
struct Table {
    schema: Arc<TableSchema<PgType>>,
    clear: Clear,
    /// By key, in the order in which the keys came.
    slots: IndexMap<Row, Slot, RandomState>,
    counts: IndexMap<Row, i64, RandomState>,
    changes: u64,
}

/// Collects the changes of one cut.
#[derive(Debug, Default)]
pub struct Compactor {
    /// In the order in which they came.
    tables: Vec<(SchemaKey<PgType>, Table)>,
    places: HashMap<SchemaKey<PgType>, usize>,
    /// The table of the change before: changes of one table follow each other.
    last: usize,
}

impl Compactor {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next change of a table; changes of one key must come in order.
    pub fn push(&mut self, key: SchemaKey<PgType>, schema: &Arc<TableSchema<PgType>>, change: RowChange) {
        let table = self.table(key, schema);
        table.changes += 1;
        match schema.is_keyed() {
            true => table.push_keyed(change),
            false => table.push_counted(change),
        }
    }

    /// The table's rows begin anew.
    pub fn reset(&mut self, key: SchemaKey<PgType>, schema: &Arc<TableSchema<PgType>>) {
        let table = self.table(key, schema);
        table.clear = Clear::All;
        table.slots.clear();
        table.counts.clear();
    }

    fn table(&mut self, key: SchemaKey<PgType>, schema: &Arc<TableSchema<PgType>>) -> &mut Table {
        if self.tables.get(self.last).is_none_or(|(last, _)| *last != key) {
            self.last = *self.places.entry(key).or_insert(self.tables.len());
            if self.last == self.tables.len() {
                self.tables.push((key, Table::new(schema.clone())));
            }
        }
        &mut self.tables[self.last].1
    }

    /// The writes, by table name: every apply locks tables in the same order.
    pub fn finish(self) -> Vec<TableWrite> {
        let finished = self.tables.into_iter().map(|(key, table)| table.finish(key));
        let mut writes: Vec<TableWrite> = finished.filter(|write| !write.is_nothing()).collect();
        writes.sort_by(|a, b| (&a.schema.name, a.key.version).cmp(&(&b.schema.name, b.key.version)));
        writes
    }
}

impl Table {
    fn new(schema: Arc<TableSchema<PgType>>) -> Self {
        Self { schema, clear: Clear::Keep, slots: IndexMap::default(), counts: IndexMap::default(), changes: 0 }
    }

    fn push_keyed(&mut self, change: RowChange) {
        let key_of = |row: &Row| row.key(&self.schema.key);
        match change {
            RowChange::Read { row, purpose: ReadPurpose::Load } => {
                if let Entry::Vacant(place) = self.slots.entry(key_of(&row)) {
                    place.insert(Slot { row: Some(row), before: Before::Unknown });
                }
            }
            RowChange::Read { row, purpose: ReadPurpose::Repair } => {
                self.put(key_of(&row), Some(row), Before::MayBeThere)
            }
            RowChange::Insert(row) => self.put(key_of(&row), Some(row), Before::Absent),
            RowChange::Update { before, after } => {
                let (old, new) = (key_of(&before), key_of(&after));
                // The destination's key can have columns that the source's does not have.
                if old != new {
                    self.put(old, None, Before::MayBeThere);
                    return self.put(new, Some(after), Before::Absent);
                }
                self.put(new, Some(after), Before::MayBeThere);
            }
            RowChange::Delete(row) => self.put(key_of(&row), None, Before::MayBeThere),
        }
    }

    fn put(&mut self, key: Row, row: Option<Row>, before: Before) {
        match self.slots.entry(key) {
            // What was there before the batch is known from the first change of the key, unless that is a `Read`.
            Entry::Occupied(mut place) => {
                let slot = place.get_mut();
                slot.row = row;
                if slot.before == Before::Unknown {
                    slot.before = Before::MayBeThere;
                }
            }
            Entry::Vacant(place) => {
                place.insert(Slot { row, before });
            }
        }
    }

    fn push_counted(&mut self, change: RowChange) {
        match change {
            RowChange::Read { row, .. } | RowChange::Insert(row) => *self.counts.entry(row).or_default() += 1,
            RowChange::Delete(row) => *self.counts.entry(row).or_default() -= 1,
            RowChange::Update { before, after } => {
                *self.counts.entry(before).or_default() -= 1;
                *self.counts.entry(after).or_default() += 1;
            }
        }
    }

    fn finish(self, key: SchemaKey<PgType>) -> TableWrite {
        let mut write = TableWrite {
            key,
            schema: self.schema,
            clear: self.clear,
            deletes: Vec::new(),
            inserts: Vec::new(),
            loads: 0,
            counts: self.counts.into_iter().filter(|&(_, count)| count != 0).collect(),
            changes: self.changes,
        };
        let mut loads = Vec::new();
        for (key, slot) in self.slots {
            if slot.before == Before::MayBeThere {
                write.deletes.push(key);
            }
            match slot.before {
                Before::Unknown => loads.extend(slot.row),
                Before::Absent | Before::MayBeThere => write.inserts.extend(slot.row),
            }
        }
        write.loads = loads.len();
        write.inserts.append(&mut loads);
        write
    }
}

impl TableWrite {
    fn is_nothing(&self) -> bool {
        self.clear == Clear::Keep && self.deletes.is_empty() && self.inserts.is_empty() && self.counts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use millrace_model::{Cell, TableName};

    use super::*;

    fn schema(key: Vec<usize>) -> Arc<TableSchema<PgType>> {
        Arc::new(TableSchema {
            table_id: 1,
            name: TableName::new("shop", "orders"),
            columns: Vec::new(),
            primary_key: key.clone(),
            key,
            indexes: Vec::new(),
            comment: String::new(),
            route: millrace_model::schema::Route::Key,
            placement: Default::default(),
        })
    }

    fn row(id: i64, value: i64) -> Row {
        [Cell::Int(id), Cell::Int(value)].into_iter().collect()
    }

    fn read(id: i64, value: i64, purpose: ReadPurpose) -> RowChange {
        RowChange::Read { row: row(id, value), purpose }
    }

    fn update(id: i64, before: i64, after: i64) -> RowChange {
        RowChange::Update { before: row(id, before), after: row(id, after) }
    }

    #[test]
    fn an_update_can_change_a_key_of_more_columns_than_the_source_s() {
        for (changes, deletes, inserts) in [
            (vec![update(1, 5, 6)], vec![row(1, 5)], vec![row(1, 6)]),
            (vec![RowChange::Insert(row(1, 5)), update(1, 5, 6)], vec![], vec![row(1, 6)]),
            (vec![update(1, 5, 6), update(1, 6, 5)], vec![row(1, 5)], vec![row(1, 5)]),
            (vec![update(1, 5, 6), RowChange::Delete(row(1, 6))], vec![row(1, 5)], vec![]),
        ] {
            let mut compactor = Compactor::new();
            let schema = schema(vec![0, 1]);
            changes.into_iter().for_each(|change| compactor.push(SchemaKey::new(1, 1), &schema, change));
            let writes = compactor.finish();
            assert_eq!((&writes[0].deletes, &writes[0].inserts), (&deletes, &inserts));
        }
    }

    #[test]
    fn keeps_the_last_write_of_each_key() {
        let (load, repair) = (ReadPurpose::Load, ReadPurpose::Repair);
        let (insert, delete) = (RowChange::Insert(row(1, 1)), RowChange::Delete(row(1, 1)));
        // changes, whether the key is deleted, what is inserted
        for (changes, deleted, inserted) in [
            (vec![insert.clone()], false, Some(1)),
            (vec![insert.clone(), update(1, 1, 2)], false, Some(2)),
            (vec![insert.clone(), delete.clone()], false, None),
            (vec![delete.clone()], true, None),
            (vec![delete.clone(), insert.clone()], true, Some(1)),
            (vec![update(1, 0, 1)], true, Some(1)),
            (vec![read(1, 1, load)], false, Some(1)),
            (vec![read(1, 1, load), update(1, 1, 2)], true, Some(2)),
            (vec![read(1, 1, load), delete.clone()], true, None),
            (vec![update(1, 1, 2), read(1, 2, load)], true, Some(2)),
            (vec![delete, read(1, 1, load)], true, None),
            (vec![update(1, 1, 2), read(1, 3, repair)], true, Some(3)),
        ] {
            let schema = schema(vec![0]);
            let mut compactor = Compactor::new();
            let said = format!("{changes:?}");
            changes.into_iter().for_each(|change| compactor.push(SchemaKey::new(1, 1), &schema, change));
            let writes = compactor.finish();
            let write = writes.first();
            assert_eq!(write.is_some_and(|write| write.deletes == [row(1, 0).key(&[0])]), deleted, "{said}");
            let found = write.and_then(|write| write.inserts.first().cloned());
            assert_eq!(found, inserted.map(|value| row(1, value)), "{said}");
        }
    }

    #[test]
    fn counts_rows_without_a_key_and_forgets_them_at_reset() {
        let (schema, key) = (schema(vec![]), SchemaKey::new(1, 1));
        let mut compactor = Compactor::new();
        compactor.push(key, &schema, RowChange::Delete(row(9, 9)));
        compactor.reset(key, &schema);
        compactor.push(key, &schema, read(1, 1, ReadPurpose::Load));
        compactor.push(key, &schema, RowChange::Insert(row(1, 1)));
        compactor.push(key, &schema, update(2, 2, 2));
        let writes = compactor.finish();
        assert_eq!((writes[0].clear, &writes[0].counts[..]), (Clear::All, &[(row(1, 1), 2)][..]));
    }
}
