//! What waits in apply's lanes, and what is taken out of them for one write.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_model::batch::{Barrier, Control, Entry};
use millrace_model::{PgType, SchemaKey, TableSchema, Watermark};

use crate::compact::Compactor;
use crate::cut::{Ended, Progress, Then, Write};
use crate::route::partition_of_table;

/// An entry that waits in a lane, or the rest of a range without any. It is moved for each row.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) entry: Option<Entry<PgType>>,
    /// Progress after this item: last sequence covered and next offset.
    pub(crate) covered: u64,
    pub(crate) next_offset: i64,
}

impl Item {
    /// What it counts for in memory.
    pub(crate) fn bytes(&self) -> usize {
        match &self.entry {
            Some(Entry::Row(row)) => row.change.len() + 64,
            Some(Entry::Control { .. }) => 64,
            None => 0,
        }
    }

    pub(crate) fn control(&self) -> Option<&Control<PgType>> {
        match &self.entry {
            Some(Entry::Control { control, .. }) => Some(control),
            _ => None,
        }
    }

    pub(crate) fn watermark(&self) -> Option<u64> {
        self.control().and_then(Control::watermark).map(|watermark| watermark.ordinal)
    }

    pub(crate) fn barrier(&self) -> Option<&Barrier<PgType>> {
        match self.control() {
            Some(Control::Barrier(barrier)) => Some(barrier),
            _ => None,
        }
    }

    /// The ordinal of a barrier that is not passed without asking.
    pub(crate) fn stop(&self, passed: u64) -> Option<u64> {
        self.barrier().map(|barrier| barrier.watermark.ordinal).filter(|&ordinal| ordinal > passed)
    }
}

impl Progress {
    pub(crate) fn apply(&mut self, item: &Item) {
        self.sequence = item.covered;
        self.next_offset = item.next_offset;
        self.watermark = item.watermark().unwrap_or(self.watermark);
        if matches!(item.control(), Some(Control::End(_))) {
            self.ended = Ended::Yes;
        }
    }
}

/// Entries taken for one write.
pub(crate) struct Taken {
    partitions: u32,
    compactor: Compactor,
    /// The schema of the row before: rows of one table follow each other.
    schema: Option<(SchemaKey<PgType>, Arc<TableSchema<PgType>>)>,
    changes: u64,
    loaded: Vec<(SchemaKey<PgType>, u32)>,
    watermark: Option<Watermark>,
}

impl Taken {
    pub(crate) fn new(partitions: u32) -> Self {
        Self { partitions, compactor: Compactor::new(), schema: None, changes: 0, loaded: Vec::new(), watermark: None }
    }

    pub(crate) fn push(
        &mut self,
        partition: u32,
        item: Item,
        schemas: &HashMap<SchemaKey<PgType>, Arc<TableSchema<PgType>>>,
    ) {
        match item.entry {
            Some(Entry::Row(row)) => {
                self.changes += 1;
                if self.schema.as_ref().is_none_or(|(key, _)| *key != row.schema) {
                    self.schema = schemas.get(&row.schema).map(|schema| (row.schema, schema.clone()));
                }
                if let Some((key, schema)) = &self.schema {
                    self.compactor.push(*key, schema, row.change);
                }
            }
            Some(Entry::Control { control, .. }) => match control {
                Control::Watermark(watermark) | Control::End(watermark) => {
                    if self.watermark.as_ref().is_none_or(|known| known.ordinal < watermark.ordinal) {
                        self.watermark = Some(watermark);
                    }
                }
                Control::TableLoaded { schema } => self.loaded.push((schema, partition)),
                // Only the partition that has the table's rows empties it: in the others there is no order to them.
                Control::Reset { schema } => {
                    if let Some(table) = schemas.get(&schema)
                        && partition_of_table(table.table_id, self.partitions) == partition
                    {
                        self.compactor.reset(schema, table);
                    }
                }
                Control::ChunkDone { .. } | Control::Barrier(_) => {}
            },
            None => {}
        }
    }

    pub(crate) fn write(self, then: Then) -> Write {
        let Self { compactor, changes, loaded, watermark, .. } = self;
        Write { tables: compactor.finish(), changes, then, loaded, watermark }
    }
}
