//! The mappings of all schemas that have come by, made on first use.
//!
//! The mapping of a table's first schema follows from the task file. That of a schema that a change made follows from the
//! change and the mapping before it. Where the task leaves changes out, the result is written down as a record
//! before anything that needs it, so that whoever begins behind the change finds what everybody else had: it is the same
//! whoever wrote it, because it is a function of the log.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_model::batch::{Alteration, Batch, Control, Entry, SchemaChange};
use millrace_model::{MysqlType, PgType, SchemaKey, TableSchema};
use millrace_proto::{HeldTable, schema_hash};
use millrace_task::{ObjectRule, Selection};

use crate::error::TransformError;
use crate::table::{TableMapping, ensure_columns_are_there};

/// A mapping with the name of the destination's schema.
#[derive(Debug)]
pub struct NamedMapping {
    /// The mapping.
    pub mapping: TableMapping,
    /// Names the destination's schema: the same version, the hash of its own content.
    pub target: SchemaKey<PgType>,
}

/// A schema whose mapping is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The schema.
    pub key: SchemaKey<MysqlType>,
    /// The change that makes it, where that comes with the batch.
    pub alteration: Option<Alteration<MysqlType>>,
}

/// The mappings by the source's schema.
#[derive(Debug, Default)]
pub struct Mappings {
    by_source: HashMap<SchemaKey<MysqlType>, Arc<NamedMapping>>,
}

impl Mappings {
    /// The mapping of a schema that was added.
    pub fn get(&self, key: SchemaKey<MysqlType>) -> Option<&Arc<NamedMapping>> {
        self.by_source.get(&key)
    }

    /// Makes the mapping of a schema as the task's selection says.
    pub fn add(
        &mut self,
        key: SchemaKey<MysqlType>,
        schema: TableSchema<MysqlType>,
        selection: &Selection,
    ) -> Result<Arc<NamedMapping>, TransformError> {
        let rule = rule_of(&schema, selection)?;
        // Later versions were looked at when their change came.
        if key.version == schema.table_id {
            ensure_columns_are_there(&schema, rule)?;
        }
        let mapping = TableMapping::new(Arc::new(schema), rule)?;
        Ok(self.insert(key, mapping))
    }

    /// Makes the mapping of a schema that a change made, whose schema before was added.
    pub fn follow(
        &mut self,
        schema: TableSchema<MysqlType>,
        alteration: &Alteration<MysqlType>,
        selection: &Selection,
    ) -> Result<Arc<NamedMapping>, TransformError> {
        let before = self.by_source.get(&alteration.before);
        let before = before.ok_or_else(|| TransformError::NotSelected(schema.name.clone()))?.clone();
        let old_rule = rule_of(&before.mapping.source, selection)?;
        let rule = rule_of(&schema, selection)?;
        let mapping = before.mapping.follow(old_rule, Arc::new(schema), rule, &alteration.origins)?;
        Ok(self.insert(alteration.schema, mapping))
    }

    /// Makes the mapping of a schema from the record of it.
    pub fn recall(
        &mut self,
        key: SchemaKey<MysqlType>,
        schema: TableSchema<MysqlType>,
        held: HeldTable,
        selection: &Selection,
    ) -> Result<Arc<NamedMapping>, TransformError> {
        let rule = rule_of(&schema, selection)?;
        let mapping = TableMapping::recall(Arc::new(schema), rule, held)?;
        Ok(self.insert(key, mapping))
    }

    fn insert(&mut self, key: SchemaKey<MysqlType>, mapping: TableMapping) -> Arc<NamedMapping> {
        let target = SchemaKey::new(key.version, schema_hash(mapping.target()));
        let named = Arc::new(NamedMapping { mapping, target });
        self.by_source.insert(key, named.clone());
        named
    }

    /// Schemas that the batch names and that were not added yet, each after those that it needs.
    pub fn missing(&self, batch: &Batch<MysqlType>) -> Vec<Need> {
        let mut missing: Vec<Need> = Vec::new();
        let mut need = |key: SchemaKey<MysqlType>, alteration: Option<&Alteration<MysqlType>>| {
            if !self.by_source.contains_key(&key) && !missing.iter().any(|need| need.key == key) {
                missing.push(Need { key, alteration: alteration.cloned() });
            }
        };
        // Rows of one table follow each other.
        let mut last = None;
        for entry in &batch.entries {
            match entry {
                Entry::Row(row) if last == Some(row.schema) => {}
                Entry::Row(row) => {
                    last = Some(row.schema);
                    need(row.schema, None);
                }
                Entry::Control { control, .. } => match control {
                    Control::Watermark(_) | Control::End(_) => {}
                    Control::Barrier(barrier) => barrier.changes.iter().for_each(|change| match change {
                        SchemaChange::Alter(alteration) => {
                            need(alteration.before, None);
                            need(alteration.schema, Some(alteration));
                        }
                        change => need(change.schema(), None),
                    }),
                    Control::Reset { schema } | Control::ChunkDone { schema, .. } | Control::TableLoaded { schema } => {
                        need(*schema, None);
                    }
                },
            }
        }
        missing
    }
}

/// Whether the mapping of a schema is written down: it was made by a change, and the task leaves changes out.
pub fn is_written_down(key: SchemaKey<MysqlType>, schema: &TableSchema<MysqlType>, selection: &Selection) -> bool {
    key.version != schema.table_id && selection.leaves_changes_out()
}

fn rule_of<'s>(schema: &TableSchema<MysqlType>, selection: &'s Selection) -> Result<&'s ObjectRule, TransformError> {
    selection.selects(&schema.name).ok_or_else(|| TransformError::NotSelected(schema.name.clone()))
}
