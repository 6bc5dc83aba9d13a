//! Keys of which the destination refused a row: everything that comes for them later is held too, so that no change
//! overtakes an earlier one of its key.
//!
//! The unit is the key, as everywhere: of a held key only the newest state matters (a row, or that there is none),
//! because releasing it moves the destination from what it has to that state at once, as a cut does. So a key takes one
//! record, however often it changes while it is held. A change of a key is a delete of one key and an insert of another,
//! and each is held where its own key is.
//!
//! This is what one apply knows between two commits. The records are in the destination, in the transaction that holds
//! them back; after any failure this is made anew from there. Somebody else may only ever remove records (release or
//! give up): a commit finds out by counting what it replaces.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use millrace_model::{Hold, HoldOrigin, PgType, Row, TableSchema};

use crate::compact::TableWrite;

/// The keys that are held.
#[derive(Debug, Default)]
pub struct Quarantine {
    tables: BTreeMap<u64, HashMap<Row, Held>>,
}

#[derive(Debug)]
struct Held {
    hold: Hold,
    stored: Stored,
    /// What came since the last commit: the row (none: it is deleted) with its schema.
    newer: Option<(Option<Row>, Arc<TableSchema<PgType>>)>,
}

/// Whether the destination has a record of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// A record is there, unless somebody removed it.
    Yes,
    /// Not yet.
    No,
}

/// A record that is to be written with the next commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The key.
    pub hold: Hold,
    /// The row of the key in the source; none where it was deleted.
    pub row: Option<Row>,
    /// The table's schema.
    pub schema: Arc<TableSchema<PgType>>,
    /// Whether it takes the place of a record.
    pub stored: Stored,
}

impl Quarantine {
    /// What the destination holds.
    pub fn of(holds: Vec<Hold>) -> Self {
        let mut quarantine = Self::default();
        for hold in holds {
            let keys = quarantine.tables.entry(hold.table_id).or_default();
            keys.insert(hold.key.clone(), Held { hold, stored: Stored::Yes, newer: None });
        }
        quarantine
    }

    /// Whether no key is held.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Keys that are held.
    pub fn len(&self) -> usize {
        self.tables.values().map(HashMap::len).sum()
    }

    /// Whether keys of a table are held.
    pub fn holds_any_of(&self, table_id: u64) -> bool {
        self.tables.contains_key(&table_id)
    }

    /// All that is held, by table.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.tables.values().flat_map(|keys| keys.values().map(|held| &held.hold))
    }

    /// Takes out of a write what is about held keys, and keeps it as the newest of them. `load` is where the rows at the
    /// end of `inserts` come from that only the full load touched.
    pub fn withhold(&mut self, write: &mut TableWrite, load: HoldOrigin) {
        let Some(keys) = self.tables.get_mut(&write.schema.table_id) else { return };
        let mut touched: HashSet<Row> = HashSet::new();
        let mut keep = |key: Row, row: Option<&Row>, origin: HoldOrigin| {
            let Some(held) = keys.get_mut(&key) else { return true };
            held.newer = Some((row.cloned(), write.schema.clone()));
            if held.hold.origin == HoldOrigin::LoadIfAbsent {
                held.hold.origin = origin;
            }
            // A delete and an insert of one key in one write are one change.
            if touched.insert(key) {
                held.hold.changes += 1;
            }
            false
        };
        write.deletes.retain(|key| keep(key.clone(), None, HoldOrigin::Change));
        let first_load = write.inserts.len() - write.loads;
        let inserts = std::mem::take(&mut write.inserts);
        for (place, row) in inserts.into_iter().enumerate() {
            let is_load = place >= first_load;
            let origin = if is_load { load } else { HoldOrigin::Change };
            match keep(row.key(&write.schema.key), Some(&row), origin) {
                true => write.inserts.push(row),
                false if is_load => write.loads -= 1,
                false => {}
            }
        }
    }

    /// Holds a key whose row was refused.
    pub fn hold(&mut self, hold: Hold, row: Row, schema: &Arc<TableSchema<PgType>>) {
        let keys = self.tables.entry(hold.table_id).or_default();
        let newer = Some((Some(row), schema.clone()));
        keys.insert(hold.key.clone(), Held { hold, stored: Stored::No, newer });
    }

    /// All rows of a table are gone, and so is what is held of it.
    pub fn forget_table(&mut self, table_id: u64) {
        self.tables.remove(&table_id);
    }

    /// The records that go into the commit; they count as stored then.
    pub fn take_records(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        for held in self.tables.values_mut().flat_map(HashMap::values_mut) {
            if let Some((row, schema)) = held.newer.take() {
                records.push(Record { hold: held.hold.clone(), row, schema, stored: held.stored });
                held.stored = Stored::Yes;
            }
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use millrace_model::batch::{ReadPurpose, RowChange};
    use millrace_model::{Cell, SchemaKey, TableName};

    use super::*;
    use crate::compact::Compactor;

    fn schema() -> Arc<TableSchema<PgType>> {
        Arc::new(TableSchema {
            table_id: 1,
            name: TableName::new("shop", "orders"),
            columns: Vec::new(),
            primary_key: vec![0],
            key: vec![0],
            indexes: Vec::new(),
            comment: String::new(),
            route: millrace_model::schema::Route::Key,
            placement: Default::default(),
        })
    }

    fn row(id: i64, value: i64) -> Row {
        [Cell::Int(id), Cell::Int(value)].into_iter().collect()
    }

    fn key(id: i64) -> Row {
        row(id, 0).key(&[0])
    }

    fn hold(id: i64, origin: HoldOrigin) -> Hold {
        let table = TableName::new("shop", "orders");
        Hold { table_id: 1, table, key: key(id), origin, changes: 1, since: 5, reason: "no".to_owned() }
    }

    fn write_of(changes: Vec<RowChange>) -> TableWrite {
        let (mut compactor, schema) = (Compactor::new(), schema());
        changes.into_iter().for_each(|change| compactor.push(SchemaKey::new(1, 1), &schema, change));
        compactor.finish().remove(0)
    }

    fn update(id: i64, before: i64, after: i64) -> RowChange {
        RowChange::Update { before: row(id, before), after: row(id, after) }
    }

    fn read(id: i64, value: i64) -> RowChange {
        RowChange::Read { row: row(id, value), purpose: ReadPurpose::Load }
    }

    #[test]
    fn later_changes_of_a_held_key_are_held_and_others_go_on() {
        let mut quarantine = Quarantine::of(vec![hold(1, HoldOrigin::Change), hold(2, HoldOrigin::Change)]);
        let mut write = write_of(vec![
            update(1, 5, 6),
            update(3, 5, 6),
            RowChange::Delete(row(2, 5)),
            RowChange::Insert(row(4, 4)),
            read(5, 5),
        ]);
        quarantine.withhold(&mut write, HoldOrigin::Change);
        assert_eq!((&write.deletes[..], write.loads), (&[key(3)][..], 1));
        assert_eq!(write.inserts, [row(3, 6), row(4, 4), row(5, 5)]);
        let mut records = quarantine.take_records();
        records.sort_by_key(|record| record.row.is_none());
        let said: Vec<_> = records.iter().map(|record| (&record.row, record.hold.changes, record.stored)).collect();
        assert_eq!(said, [(&Some(row(1, 6)), 2, Stored::Yes), (&None, 2, Stored::Yes)]);
        assert!(quarantine.take_records().is_empty(), "records are written once");
    }

    #[test]
    fn a_key_change_is_held_where_its_keys_are() {
        let mut quarantine = Quarantine::of(vec![hold(1, HoldOrigin::Change)]);
        let mut write = write_of(vec![RowChange::Delete(row(1, 5)), RowChange::Insert(row(9, 5))]);
        quarantine.withhold(&mut write, HoldOrigin::Change);
        assert_eq!((write.deletes.len(), &write.inserts[..]), (0, &[row(9, 5)][..]));
        let mut write = write_of(vec![RowChange::Delete(row(9, 5)), RowChange::Insert(row(1, 7))]);
        quarantine.withhold(&mut write, HoldOrigin::Change);
        assert_eq!((&write.deletes[..], write.inserts.len()), (&[key(9)][..], 0));
        let records = quarantine.take_records();
        assert_eq!((records.len(), &records[0].row, records[0].hold.changes), (1, &Some(row(1, 7)), 3));
    }

    #[test]
    fn a_refused_row_is_stored_once_and_replaced_afterwards() {
        let mut quarantine = Quarantine::default();
        quarantine.hold(hold(1, HoldOrigin::Change), row(1, -1), &schema());
        assert_eq!(quarantine.take_records()[0].stored, Stored::No);
        let mut write = write_of(vec![update(1, -1, 1)]);
        quarantine.withhold(&mut write, HoldOrigin::Change);
        let records = quarantine.take_records();
        assert_eq!((records[0].stored, &records[0].row), (Stored::Yes, &Some(row(1, 1))));
        quarantine.forget_table(1);
        assert!(quarantine.is_empty() && quarantine.take_records().is_empty());
    }

    #[test]
    fn a_row_of_the_full_load_becomes_a_change_by_a_change() {
        let load = HoldOrigin::LoadIfAbsent;
        let mut quarantine = Quarantine::of(vec![hold(1, load), hold(2, HoldOrigin::Change)]);
        let mut write = write_of(vec![read(3, 3), read(1, 2), read(2, 2)]);
        quarantine.withhold(&mut write, load);
        assert_eq!((write.loads, &write.inserts[..]), (1, &[row(3, 3)][..]));
        let origins = |quarantine: &Quarantine| {
            let mut found: Vec<_> =
                quarantine.holds().map(|hold| (hold.key.cell(0) == Cell::Int(1), hold.origin)).collect();
            found.sort_by_key(|(first, _)| !first);
            found
        };
        assert_eq!(origins(&quarantine), [(true, load), (false, HoldOrigin::Change)]);
        let mut write = write_of(vec![update(1, 2, 3)]);
        quarantine.withhold(&mut write, load);
        assert_eq!(origins(&quarantine)[0], (true, HoldOrigin::Change));
    }
}
