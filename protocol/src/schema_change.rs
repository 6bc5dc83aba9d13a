//! Capture's machine: changes of tables' definitions.
//!
//! A schema change is a barrier: a watermark with a payload, after the transaction that made it. Rows before it carry the
//! schema before, rows after it the one after, in every partition, because the machine names the table's schema in each
//! row and the barrier stands between them. It voids every open chunk of its table.

use std::collections::HashSet;
use std::sync::Arc;

use millrace_model::batch::{Alteration, Barrier, Control, ReadPurpose, SchemaChange};
use millrace_model::checkpoint::{Load, TableState};
use millrace_model::schema::SourceOnly;
use millrace_model::{MysqlType, SchemaKey, TableName, TableSchema};

use crate::ProtocolError;
use crate::capture::Capture;

impl Capture {
    /// The open transaction creates a selected table; its rows, if it has any, follow.
    pub fn create(&mut self, table: TableSchema<MysqlType>) -> Result<(), ProtocolError> {
        if self.tables.contains_key(&table.name) {
            if self.is_partly_published() {
                return Ok(());
            }
            return Err(ProtocolError::TableExists(table.name.to_string()));
        }
        let schema = self.adopt(table, Load::NotNeeded);
        self.change(SchemaChange::Create { schema });
        Ok(())
    }

    /// A selected table that was there without being followed is followed from here on, between two transactions: this
    /// is its schema at this place, and all its rows are read.
    pub fn arrive(&mut self, table: TableSchema<MysqlType>) {
        let load = Load::from_start(ReadPurpose::Load);
        let schema = self.adopt(table, load);
        self.barrier(vec![SchemaChange::Create { schema }]);
    }

    /// The open transaction drops a selected table.
    pub fn drop_table(&mut self, table: &TableName) -> Result<(), ProtocolError> {
        let Some(state) = self.tables.remove(table) else {
            return match self.is_partly_published() {
                true => Ok(()),
                false => Err(ProtocolError::TableUnknown(table.to_string())),
            };
        };
        self.snapshot.void(state.schema.table_id);
        self.pending.remove(table);
        self.dropped.push(state.schema.table_id);
        self.dirty.remove(table);
        self.change(SchemaChange::Drop { schema: state.key, table: table.clone() });
        Ok(())
    }

    /// The open transaction empties a selected table: its snapshot has nothing more to read that is not streamed, but
    /// goes on (what it finds now was inserted since).
    pub fn truncate(&mut self, table: &TableName) -> Result<(), ProtocolError> {
        let state = self.tables.get(table).ok_or_else(|| ProtocolError::TableUnknown(table.to_string()))?;
        let schema = state.key;
        self.snapshot.void(state.schema.table_id);
        self.change(SchemaChange::Truncate { schema, table: table.clone() });
        Ok(())
    }

    /// The open transaction alters or renames a selected table: `schema` is the table after it (its table id is set here)
    /// and `origins` says which columns it continues ([`Alteration::origins`]).
    pub fn alter(
        &mut self,
        table: &TableName,
        schema: TableSchema<MysqlType>,
        origins: Vec<Option<usize>>,
    ) -> Result<(), ProtocolError> {
        let state = self.take(table)?;
        self.alter_taken(state, schema, origins);
        Ok(())
    }

    /// The open transaction gives selected tables other selected names, all at once: two may change places.
    pub fn rename(&mut self, renames: Vec<(TableName, TableSchema<MysqlType>)>) -> Result<(), ProtocolError> {
        let mut taken = Vec::with_capacity(renames.len());
        for (from, schema) in renames {
            taken.push((self.take(&from)?, schema));
        }
        for (state, schema) in taken {
            let origins = (0..schema.columns.len()).map(Some).collect();
            self.alter_taken(state, schema, origins);
        }
        Ok(())
    }

    /// The table's name is free from here on.
    fn take(&mut self, table: &TableName) -> Result<TableState, ProtocolError> {
        let state = self.tables.remove(table).ok_or_else(|| ProtocolError::TableUnknown(table.to_string()))?;
        self.snapshot.void(state.schema.table_id);
        self.dirty.remove(table);
        self.pending.remove(table);
        Ok(state)
    }

    fn alter_taken(&mut self, state: TableState, schema: TableSchema<MysqlType>, origins: Vec<Option<usize>>) {
        let table_id = state.schema.table_id;
        let load = load_after(state.load, &state.schema, &schema, &origins);
        let key = self.name(TableSchema { table_id, ..schema }, load, state.source_only);
        self.change(SchemaChange::Alter(Alteration { before: state.key, schema: key, origins }));
    }

    /// The table's rows are read from its first one: to replace those that are there, or, where it is empty, to be those
    /// that are there.
    pub fn read_again(&mut self, table: &TableName, purpose: ReadPurpose) -> Result<(), ProtocolError> {
        let state = self.tables.get_mut(table).ok_or_else(|| ProtocolError::TableUnknown(table.to_string()))?;
        self.pending.insert(table.clone());
        state.load = Load::from_start(purpose);
        self.snapshot.void(state.schema.table_id);
        self.dirty.insert(table.clone());
        Ok(())
    }

    fn change(&mut self, change: SchemaChange<MysqlType>) {
        if let Some(open) = &mut self.open {
            open.changes.push(change);
        }
    }

    /// Whether a former run published the beginning of the open transaction, and with it its schema changes.
    fn is_partly_published(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.published.is_some())
    }

    /// A schema change inside a transaction (CREATE TABLE ... SELECT) stands before the rows of the transaction, as a
    /// barrier whose watermark does not count that transaction.
    pub(crate) fn barrier_before_rows(&mut self) {
        let pending = self.open.as_mut().filter(|open| open.images == 0).map(|open| std::mem::take(&mut open.changes));
        if let Some(changes) = pending
            && !changes.is_empty()
        {
            self.barrier(changes);
        }
    }

    pub(crate) fn adopt(&mut self, mut schema: TableSchema<MysqlType>, load: Load) -> SchemaKey<MysqlType> {
        schema.table_id = self.checkpoint.next_schema_version;
        self.name(schema, load, SourceOnly::default())
    }

    /// Gives a schema the next version and makes it the table's.
    fn name(&mut self, schema: TableSchema<MysqlType>, load: Load, source_only: SourceOnly) -> SchemaKey<MysqlType> {
        let version = self.checkpoint.next_schema_version;
        self.checkpoint.next_schema_version += 1;
        let key = SchemaKey::new(version, (self.schema_hash)(&schema));
        let schema = Arc::new(schema);
        let name = schema.name.clone();
        match load.is_pending() {
            true => self.pending.insert(name.clone()),
            false => self.pending.remove(&name),
        };
        self.schemas.push((key, schema.clone()));
        self.tables.insert(name.clone(), TableState { key, schema, load, source_only });
        self.dirty.insert(name);
        key
    }

    /// A barrier; created tables of which nothing is to be loaded are loaded with it: their indexes follow.
    pub(crate) fn barrier(&mut self, changes: Vec<SchemaChange<MysqlType>>) {
        let watermark = self.next_watermark();
        let pending: HashSet<_> =
            self.pending.iter().filter_map(|table| self.tables.get(table)).map(|state| state.key).collect();
        let created = |change: &SchemaChange<_>| match change {
            SchemaChange::Create { schema } if !pending.contains(schema) => Some(*schema),
            _ => None,
        };
        let loaded: Vec<_> = changes.iter().filter_map(created).collect();
        self.step.push_control(&Control::Barrier(Barrier { watermark, changes }));
        self.sealed = loaded.is_empty();
        loaded.into_iter().for_each(|schema| self.step.push_control(&Control::TableLoaded { schema }));
    }
}

/// How far a snapshot is after a change of its table. It goes on where the key tells rows apart as before; else the places
/// up to which it came mean nothing, and it begins again: rows that are there by then are replaced.
fn load_after(
    load: Load,
    before: &TableSchema<MysqlType>,
    after: &TableSchema<MysqlType>,
    origins: &[Option<usize>],
) -> Load {
    let is_same_column = |(&now, &old): (&usize, &usize)| {
        origins.get(now) == Some(&Some(old)) && after.columns[now].ty == before.columns[old].ty
    };
    let same_key = before.key.len() == after.key.len() && after.key.iter().zip(&before.key).all(is_same_column);
    match load {
        Load::Pending { .. } if !same_key => Load::from_start(ReadPurpose::Repair),
        load => load,
    }
}
