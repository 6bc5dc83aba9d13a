//! The records of `<task>.state`.

use std::sync::Arc;

use bytes::Bytes;
use millrace_model::checkpoint::{
    Checkpoint, Ended, KeyRange, Load, PartialTransaction, PreparedTransaction, RangeState, SourceMark, TableState,
};
use millrace_model::position::{BinlogPlace, Reading};
use millrace_model::row::Row;
use prost::Message;

use crate::batch::{key_from_wire, key_to_wire};
use crate::schema::{schema_from_wire, schema_to_wire};
use crate::wire::table_state;
use crate::{DecodeError, FORMAT, wire};

/// Key of the checkpoint's record.
pub const CHECKPOINT_KEY: &str = "checkpoint";

const TABLE_PREFIX: &str = "table/";

/// Key of a table's record.
pub fn table_record_key(table_id: u64) -> String {
    format!("{TABLE_PREFIX}{table_id}")
}

/// Renders the checkpoint's record.
pub fn encode_checkpoint(checkpoint: &Checkpoint) -> Bytes {
    let message = wire::Checkpoint {
        format: FORMAT,
        task_id: checkpoint.task_id.clone(),
        fingerprint: Bytes::copy_from_slice(&checkpoint.fingerprint),
        cluster_id: checkpoint.cluster_id.clone(),
        source: checkpoint.source.as_ref().map(source_to_wire),
        next_sequences: checkpoint.next_sequences.clone(),
        next_watermark: checkpoint.next_watermark,
        next_schema_version: checkpoint.next_schema_version,
        partial: checkpoint.partial.as_ref().map(|partial| wire::PartialTransaction {
            name: partial.name.clone(),
            images: partial.images,
            hash: partial.hash,
        }),
        ended: checkpoint.ended == Ended::Yes,
    };
    message.encode_to_vec().into()
}

/// Reads the checkpoint's record.
pub fn decode_checkpoint(value: Bytes) -> Result<Checkpoint, DecodeError> {
    let message = wire::Checkpoint::decode(value)?;
    if message.format != FORMAT {
        return Err(DecodeError::Format(message.format));
    }
    Ok(Checkpoint {
        task_id: message.task_id,
        fingerprint: message.fingerprint[..].try_into().map_err(|_| DecodeError::Field("fingerprint"))?,
        cluster_id: message.cluster_id,
        source: message.source.map(source_from_wire).transpose()?,
        next_sequences: message.next_sequences,
        next_watermark: message.next_watermark,
        next_schema_version: message.next_schema_version,
        partial: message.partial.map(|partial| PartialTransaction {
            name: partial.name,
            images: partial.images,
            hash: partial.hash,
        }),
        ended: if message.ended { Ended::Yes } else { Ended::No },
    })
}

fn source_to_wire(source: &SourceMark) -> wire::SourceMark {
    let (gtids, delivered) = match &source.delivered {
        Reading::Gtids(set) => (Some(set.to_string()), None),
        Reading::Place(place) => (None, Some(place)),
    };
    wire::SourceMark {
        server: source.server.clone(),
        file: source.place.file.to_string(),
        offset: source.place.offset,
        file_created: source.file_created,
        gtids,
        delivered_file: delivered.map(|place| place.file.to_string()).unwrap_or_default(),
        delivered_offset: delivered.map_or(0, |place| place.offset),
        last_gtid: source.last_gtid.clone(),
        committed_at: source.committed_at,
        prepared: source.prepared.iter().map(prepared_to_wire).collect(),
    }
}

fn prepared_to_wire(prepared: &PreparedTransaction) -> wire::PreparedTransaction {
    wire::PreparedTransaction {
        xid: prepared.xid.clone(),
        file: prepared.place.file.to_string(),
        offset: prepared.place.offset,
        gtid: prepared.gtid.to_string(),
    }
}

fn prepared_from_wire(prepared: wire::PreparedTransaction) -> Result<PreparedTransaction, DecodeError> {
    Ok(PreparedTransaction {
        xid: prepared.xid,
        place: BinlogPlace::new(prepared.file, prepared.offset),
        gtid: prepared.gtid.parse().map_err(|_| DecodeError::Field("GTID of a prepared transaction"))?,
    })
}

fn source_from_wire(source: wire::SourceMark) -> Result<SourceMark, DecodeError> {
    let delivered = match source.gtids {
        Some(text) => Reading::Gtids(text.parse().map_err(|_| DecodeError::Field("GTID set"))?),
        None => Reading::Place(BinlogPlace::new(source.delivered_file, source.delivered_offset)),
    };
    Ok(SourceMark {
        server: source.server,
        place: BinlogPlace::new(source.file, source.offset),
        file_created: source.file_created,
        delivered,
        last_gtid: source.last_gtid,
        committed_at: source.committed_at,
        prepared: source.prepared.into_iter().map(prepared_from_wire).collect::<Result<_, _>>()?,
    })
}

/// Renders a table's record.
pub fn encode_table(state: &TableState) -> Bytes {
    let (load, ranges, next_chunk, rows) = match &state.load {
        Load::NotNeeded => (table_state::Load::NotNeeded, &[][..], 0, 0),
        Load::Pending { ranges, next_chunk, rows } => (table_state::Load::Pending, &ranges[..], *next_chunk, *rows),
        Load::Loaded { rows } => (table_state::Load::Loaded, &[][..], 0, *rows),
    };
    let bytes = |row: &Option<Row>| row.as_ref().map(|row| row.as_bytes().clone());
    let range = |range: &KeyRange| wire::KeyRange {
        after: bytes(&range.after),
        through: bytes(&range.through),
        done: range.state == RangeState::Done,
    };
    let message = wire::TableState {
        key: Some(key_to_wire(state.key)),
        schema: Some(schema_to_wire(&state.schema)),
        load: load as i32,
        ranges: ranges.iter().map(range).collect(),
        next_chunk,
        rows,
    };
    message.encode_to_vec().into()
}

/// Reads the record with this key if it is a table's; none for other keys.
pub fn decode_table(key: &str, value: Bytes) -> Result<Option<TableState>, DecodeError> {
    if !key.starts_with(TABLE_PREFIX) {
        return Ok(None);
    }
    let message = wire::TableState::decode(value)?;
    let load = table_state::Load::try_from(message.load).map_err(|_| DecodeError::Field("load state"))?;
    let load = match load {
        table_state::Load::Unspecified => return Err(DecodeError::Field("load state")),
        table_state::Load::NotNeeded => Load::NotNeeded,
        table_state::Load::Pending => Load::Pending {
            ranges: message.ranges.into_iter().map(range_from_wire).collect::<Result<_, _>>()?,
            next_chunk: message.next_chunk,
            rows: message.rows,
        },
        table_state::Load::Loaded => Load::Loaded { rows: message.rows },
    };
    let schema = Arc::new(schema_from_wire(message.schema.ok_or(DecodeError::Field("schema"))?)?);
    Ok(Some(TableState { key: key_from_wire(message.key)?, schema, load }))
}

fn range_from_wire(range: wire::KeyRange) -> Result<KeyRange, DecodeError> {
    Ok(KeyRange {
        after: range.after.map(Row::parse_any).transpose()?,
        through: range.through.map(Row::parse_any).transpose()?,
        state: if range.done { RangeState::Done } else { RangeState::Pending },
    })
}
