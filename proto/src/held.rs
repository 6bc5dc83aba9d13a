//! `HeldTable`: records of `<task>.schemas` where a task leaves changes of tables out.

use bytes::Bytes;
use millrace_model::{MysqlType, PgType, SchemaKey, TableSchema};
use prost::Message;

use crate::schema::{schema_from_wire, schema_to_wire};
use crate::{DecodeError, wire};

/// Keys of such records begin so.
pub const HELD_PREFIX: &str = "held/";

/// A table as the destination has it while its source has gone on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTable {
    /// The table in the destination, with the columns that rows go to.
    pub schema: TableSchema<PgType>,
    /// For each of its columns the place in the source of the column that goes to it.
    pub sources: Vec<usize>,
    /// Its columns, keys, indexes and comment.
    pub shape: Standing,
    /// Its name.
    pub name: Standing,
}

/// Whether something follows the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Follows,
    /// A change of it was left out.
    Held,
}

/// The key of the record for a schema of the source.
pub fn held_record_key(key: SchemaKey<MysqlType>) -> String {
    format!("{HELD_PREFIX}{}-{:016x}", key.version, key.hash)
}

/// The schema of the source that a record of this key is of; none for keys of other records.
pub fn schema_of_held_record(key: &[u8]) -> Option<SchemaKey<MysqlType>> {
    let (version, hash) = std::str::from_utf8(key).ok()?.strip_prefix(HELD_PREFIX)?.split_once('-')?;
    Some(SchemaKey::new(version.parse().ok()?, u64::from_str_radix(hash, 16).ok()?))
}

/// Renders the record.
pub fn encode_held(held: &HeldTable) -> Bytes {
    let message = wire::HeldTable {
        schema: Some(schema_to_wire(&held.schema)),
        sources: held.sources.iter().map(|&place| place as u32).collect(),
        keeps_shape: held.shape == Standing::Held,
        keeps_name: held.name == Standing::Held,
    };
    message.encode_to_vec().into()
}

/// Reads the record.
pub fn decode_held(value: Bytes) -> Result<HeldTable, DecodeError> {
    let message = wire::HeldTable::decode(value)?;
    let schema = schema_from_wire::<PgType>(message.schema.ok_or(DecodeError::Field("schema"))?)?;
    if message.sources.len() != schema.columns.len() {
        return Err(DecodeError::Field("sources"));
    }
    let standing = |kept| if kept { Standing::Held } else { Standing::Follows };
    Ok(HeldTable {
        schema,
        sources: message.sources.into_iter().map(|place| place as usize).collect(),
        shape: standing(message.keeps_shape),
        name: standing(message.keeps_name),
    })
}
