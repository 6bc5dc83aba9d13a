//! The mappings of all schemas that have come by, made on first use.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_model::batch::{Batch, Control, Entry};
use millrace_model::{MysqlType, PgType, SchemaKey, TableSchema};
use millrace_proto::schema_hash;
use millrace_task::Selection;

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
        let rule = selection.selects(&schema.name).ok_or_else(|| TransformError::NotSelected(schema.name.clone()))?;
        // Later versions may have lost a column that the first one had.
        if key.version == schema.table_id {
            ensure_columns_are_there(&schema, rule)?;
        }
        let mapping = TableMapping::new(Arc::new(schema), rule)?;
        let target = SchemaKey::new(key.version, schema_hash(mapping.target()));
        let named = Arc::new(NamedMapping { mapping, target });
        self.by_source.insert(key, named.clone());
        Ok(named)
    }

    /// Schemas that the batch names and that were not added yet.
    pub fn missing(&self, batch: &Batch<MysqlType>) -> Vec<SchemaKey<MysqlType>> {
        let mut missing: Vec<SchemaKey<MysqlType>> = Vec::new();
        let mut need = |key: SchemaKey<MysqlType>| {
            if !self.by_source.contains_key(&key) && !missing.contains(&key) {
                missing.push(key);
            }
        };
        for entry in &batch.entries {
            match entry {
                Entry::Row(row) => need(row.schema),
                Entry::Control { control, .. } => match control {
                    Control::Watermark(_) | Control::End(_) => {}
                    Control::Barrier(barrier) => barrier.changes.iter().for_each(|change| need(change.schema())),
                    Control::Reset { schema } | Control::ChunkDone { schema, .. } | Control::TableLoaded { schema } => {
                        need(*schema);
                    }
                },
            }
        }
        missing
    }
}
