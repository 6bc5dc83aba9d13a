//! A captured message to a transformed one: a function of the message and the task file alone.
//!
//! The output covers exactly the input's range of sequences and carries the input's offset, so whoever repeats it repeats
//! it byte for byte, and the tail of the output says where to go on (`protocol::transform`). Rows that do not move leave
//! holes in the sequence; a message of which nothing moves is sent all the same.

use std::sync::Arc;

use millrace_model::batch::{Barrier, Batch, Control, Entry, RowEntry, SchemaChange};
use millrace_model::row::RowWriter;
use millrace_model::{Failure, MysqlType, PgType, SchemaKey};

use crate::mappings::{Mappings, NamedMapping};

/// Scratch space that is reused from batch to batch.
#[derive(Debug, Default)]
pub struct Scratch {
    text: String,
    rows: RowWriter,
}

/// Rows of a batch that do not move, by reason.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Rows that the table's condition is not true for.
    pub filter: u64,
}

/// Transforms the batch at `offset`; its schemas must have been added to `mappings`.
pub fn transform_batch(
    mappings: &Mappings,
    scratch: &mut Scratch,
    offset: i64,
    batch: &Batch<MysqlType>,
) -> Result<(Batch<PgType>, Dropped), Failure> {
    let mut dropped = Dropped::default();
    let mut entries = Vec::with_capacity(batch.entries.len());
    for entry in &batch.entries {
        entries.push(match entry {
            Entry::Row(row) => {
                let named = find(mappings, row.schema)?;
                let change = named.mapping.change(&row.change, &mut scratch.text, &mut scratch.rows)?;
                let Some(change) = change else {
                    dropped.filter += 1;
                    continue;
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
    Ok((Batch { first: batch.first, last: batch.last, input_offset: Some(offset), entries }, dropped))
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
            changes: barrier
                .changes
                .iter()
                .map(|change| transform_change(mappings, change))
                .collect::<Result<_, _>>()?,
        }),
    })
}

fn transform_change(mappings: &Mappings, change: &SchemaChange<MysqlType>) -> Result<SchemaChange<PgType>, Failure> {
    let named = find(mappings, change.schema())?;
    let (schema, table) = (named.target, named.mapping.target().name.clone());
    Ok(match change {
        SchemaChange::Create { .. } => SchemaChange::Create { schema },
        SchemaChange::Drop { .. } => SchemaChange::Drop { schema, table },
        SchemaChange::Truncate { .. } => SchemaChange::Truncate { schema, table },
    })
}

fn find(mappings: &Mappings, key: SchemaKey<MysqlType>) -> Result<&Arc<NamedMapping>, Failure> {
    mappings.get(key).ok_or_else(|| {
        Failure::fatal(
            format!("a message names schema {key:?}, which was not read"),
            "this is a defect of Millrace: please report it",
        )
    })
}
