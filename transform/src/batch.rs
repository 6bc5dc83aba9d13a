//! A captured message to a transformed one: a function of the message and the task file alone.
//!
//! The output covers exactly the input's range of sequences and carries the input's offset, so whoever repeats it repeats
//! it byte for byte, and the tail of the output says where to go on (`protocol::transform`). Rows that do not move leave
//! holes in the sequence; a message of which nothing moves is sent all the same.

use std::sync::Arc;

use millrace_model::batch::{Barrier, Batch, Control, Entry, RowEntry, SchemaChange};
use millrace_model::row::RowWriter;
use millrace_model::{Failure, MysqlType, PgType, SchemaKey};
use millrace_task::Operation;

use crate::follow::transform_alteration;
use crate::mappings::{Mappings, NamedMapping};
use crate::table::Verdict;

/// Scratch space that is reused from batch to batch.
#[derive(Debug, Default)]
pub struct Scratch {
    text: String,
    rows: RowWriter,
    dropped: Dropped,
}

impl Scratch {
    /// Adds what was dropped since the last call to the metrics.
    pub fn count_dropped(&mut self) {
        let Dropped { filter, operation } = std::mem::take(&mut self.dropped);
        for (reason, rows) in [("filter", filter), ("operation", operation)] {
            if rows > 0 {
                metrics::counter!("millrace_dropped_rows_total", "reason" => reason).increment(rows);
            }
        }
    }
}

/// Rows of a batch that do not move, by reason.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Dropped {
    /// The table's condition is not true for them.
    filter: u64,
    /// The task does not replicate the operation.
    operation: u64,
}

/// Transforms the batch at `offset`; its schemas must have been added to `mappings`.
pub fn transform_batch(
    mappings: &Mappings,
    scratch: &mut Scratch,
    offset: i64,
    batch: &Batch<MysqlType>,
) -> Result<Batch<PgType>, Failure> {
    let mut entries = Vec::with_capacity(batch.entries.len());
    // Rows of one table follow each other.
    let mut known: Option<(SchemaKey<MysqlType>, &NamedMapping)> = None;
    for entry in &batch.entries {
        entries.push(match entry {
            Entry::Row(row) => {
                let named = match known {
                    Some((schema, named)) if schema == row.schema => named,
                    _ => known.insert((row.schema, find(mappings, row.schema)?)).1,
                };
                let change = named.mapping.change(&row.change, &mut scratch.text, &mut scratch.rows)?;
                let change = match change {
                    Verdict::Moves(change) => change,
                    Verdict::Filtered => {
                        scratch.dropped.filter += 1;
                        continue;
                    }
                    Verdict::NotReplicated => {
                        scratch.dropped.operation += 1;
                        continue;
                    }
                };
                Entry::Row(RowEntry {
                    sequence: row.sequence,
                    schema: named.target,
                    transaction: row.transaction.clone(),
                    ordinal: row.ordinal,
                    change,
                })
            }
            Entry::Control { sequence, control } => {
                Entry::Control { sequence: *sequence, control: transform_control(mappings, control)? }
            }
        });
    }
    Ok(Batch { first: batch.first, last: batch.last, input_offset: Some(offset), entries })
}

fn transform_control(mappings: &Mappings, control: &Control<MysqlType>) -> Result<Control<PgType>, Failure> {
    let target = |key| find(mappings, key).map(|named| named.target);
    Ok(match control {
        Control::Watermark(watermark) => Control::Watermark(watermark.clone()),
        Control::End(watermark) => Control::End(watermark.clone()),
        Control::Reset { schema } => Control::Reset { schema: target(*schema)? },
        Control::TableLoaded { schema } => Control::TableLoaded { schema: target(*schema)? },
        Control::ChunkDone { schema, chunk, rows } => {
            Control::ChunkDone { schema: target(*schema)?, chunk: *chunk, rows: *rows }
        }
        Control::Barrier(barrier) => Control::Barrier(Barrier {
            watermark: barrier.watermark.clone(),
            changes: transform_changes(mappings, barrier)?,
        }),
    })
}

/// The changes that are replicated. The barrier stays where none is: its watermark counts.
fn transform_changes(mappings: &Mappings, barrier: &Barrier<MysqlType>) -> Result<Vec<SchemaChange<PgType>>, Failure> {
    let mut changes = Vec::with_capacity(barrier.changes.len());
    for change in &barrier.changes {
        let operation = match change {
            // No transaction was committed before the barriers of the first start: they are the phase `schema`.
            SchemaChange::Create { .. } if barrier.watermark.committed_at == 0 => None,
            SchemaChange::Create { .. } => Some(Operation::Create),
            SchemaChange::Drop { .. } => Some(Operation::Drop),
            SchemaChange::Truncate { .. } => Some(Operation::Truncate),
            SchemaChange::Alter(alteration) => {
                let (before, after) = (find(mappings, alteration.before)?, find(mappings, alteration.schema)?);
                changes.extend(transform_alteration(before, after, &alteration.origins).map(SchemaChange::Alter));
                continue;
            }
        };
        let operations = find(mappings, change.schema())?.mapping.operations();
        if operation.is_none_or(|operation| operations.contains(operation)) {
            let named = find(mappings, change.schema())?;
            let (schema, table) = (named.target, named.mapping.target().name.clone());
            changes.push(match change {
                SchemaChange::Drop { .. } => SchemaChange::Drop { schema, table },
                SchemaChange::Truncate { .. } => SchemaChange::Truncate { schema, table },
                SchemaChange::Create { .. } | SchemaChange::Alter(_) => SchemaChange::Create { schema },
            });
        }
    }
    Ok(changes)
}

fn find(mappings: &Mappings, key: SchemaKey<MysqlType>) -> Result<&Arc<NamedMapping>, Failure> {
    mappings.get(key).ok_or_else(|| {
        Failure::fatal(
            format!("a message names schema {key:?}, which was not read"),
            "this is a defect of Millrace: please report it",
        )
    })
}
