//! Capture's machine: changes of tables' definitions.
//!
//! A schema change is a barrier: a watermark with a payload, after the transaction that made it. Rows before it carry the
//! schema before, rows after it the one after, in every partition, because the machine names the table's schema in each
//! row and the barrier stands between them. It voids every open chunk of its table.

use std::sync::Arc;

use millrace_model::batch::{Alteration, Barrier, Control, SchemaChange};
use millrace_model::checkpoint::{Load, TableState};
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

    /// The open transaction drops a selected table.
    pub fn drop_table(&mut self, table: &TableName) -> Result<(), ProtocolError> {
        let Some(state) = self.tables.remove(table) else {
            return match self.is_partly_published() {
                true => Ok(()),
                false => Err(ProtocolError::TableUnknown(table.to_string())),
            };
        };
        self.snapshot.void(state.schema.table_id);
        self.pending -= usize::from(state.load.is_pending());
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
        let state = self.tables.remove(table).ok_or_else(|| ProtocolError::TableUnknown(table.to_string()))?;
        self.snapshot.void(state.schema.table_id);
        self.dirty.remove(table);
        self.pending -= usize::from(state.load.is_pending());
        let table_id = state.schema.table_id;
        let key = self.name(TableSchema { table_id, ..schema }, state.load);
        self.change(SchemaChange::Alter(Alteration { before: state.key, schema: key, origins }));
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
            self.barrier(changes, false);
        }
    }

    pub(crate) fn adopt(&mut self, mut schema: TableSchema<MysqlType>, load: Load) -> SchemaKey<MysqlType> {
        schema.table_id = self.checkpoint.next_schema_version;
        self.name(schema, load)
    }

    /// Gives a schema the next version and makes it the table's.
    fn name(&mut self, schema: TableSchema<MysqlType>, load: Load) -> SchemaKey<MysqlType> {
        let version = self.checkpoint.next_schema_version;
        self.checkpoint.next_schema_version += 1;
        let key = SchemaKey::new(version, (self.schema_hash)(&schema));
        self.pending += usize::from(load.is_pending());
        let schema = Arc::new(schema);
        let name = schema.name.clone();
        self.schemas.push((key, schema.clone()));
        self.tables.insert(name.clone(), TableState { key, schema, load });
        self.dirty.insert(name);
        key
    }

    /// A barrier; created tables of which nothing is to be loaded are loaded with it: their indexes follow.
    pub(crate) fn barrier(&mut self, changes: Vec<SchemaChange<MysqlType>>, loads: bool) {
        let watermark = self.next_watermark();
        let is_new = |change: &&SchemaChange<_>| matches!(change, SchemaChange::Create { .. }) && !loads;
        let loaded: Vec<_> = changes.iter().filter(is_new).map(SchemaChange::schema).collect();
        self.step.push_control(&Control::Barrier(Barrier { watermark, changes }));
        self.sealed = loaded.is_empty();
        loaded.into_iter().for_each(|schema| self.step.push_control(&Control::TableLoaded { schema }));
    }
}
