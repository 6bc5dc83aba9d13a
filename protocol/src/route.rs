//! Which partition a row goes to: the hash of its table's stable id and, where order per key is enough, of its key.
//!
//! XXH3 (64 bits) over the table id as 8 little-endian bytes and the key's wire bytes, modulo the number of partitions.
//! The hash is part of the published contract: it must never change for a running task. A table is routed as a whole
//! where it has no key, or a second unique key (order *between* keys matters there: the value that frees a unique key
//! must arrive before the one that takes it).

use millrace_model::batch::RowChange;
use millrace_model::row::Row;
use millrace_model::schema::{Route, TableSchema};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The partition of a row with these key cells, below `partitions`.
pub fn partition_of<T>(schema: &TableSchema<T>, key: &Row, partitions: u32) -> u32 {
    let hash = match schema.route {
        Route::Table => xxh3_64(&schema.table_id.to_le_bytes()),
        Route::Key => hash_of_key(schema.table_id, key.as_bytes()),
    };
    (hash % u64::from(partitions.max(1))) as u32
}

/// Bytes up to which table id and key are put together first: the state of a hash that is fed in pieces is much larger
/// than most keys.
const SHORT: usize = 128;

fn hash_of_key(table_id: u64, key: &[u8]) -> u64 {
    let id = table_id.to_le_bytes();
    let mut together = [0; SHORT];
    let length = id.len() + key.len();
    match together.get_mut(..length) {
        Some(short) => {
            let (head, tail) = short.split_at_mut(id.len());
            head.copy_from_slice(&id);
            tail.copy_from_slice(key);
            xxh3_64(short)
        }
        None => {
            let mut hash = Xxh3::new();
            hash.update(&id);
            hash.update(key);
            hash.digest()
        }
    }
}

/// A change with the key that it is about. An update of the key is two changes: the old row goes in its partition, the new
/// one comes in its own.
pub(crate) fn by_key<T>(schema: &TableSchema<T>, change: RowChange) -> impl Iterator<Item = (Row, RowChange)> {
    let key_of = |row: &Row| row.key(&schema.key);
    let parts = match change {
        RowChange::Update { before, after } => {
            let (old, new) = (key_of(&before), key_of(&after));
            match old == new {
                true => [Some((old, RowChange::Update { before, after })), None],
                false => [Some((old, RowChange::Delete(before))), Some((new, RowChange::Insert(after)))],
            }
        }
        RowChange::Insert(row) => [Some((key_of(&row), RowChange::Insert(row))), None],
        RowChange::Delete(row) => [Some((key_of(&row), RowChange::Delete(row))), None],
        RowChange::Read { row, purpose } => [Some((key_of(&row), RowChange::Read { row, purpose })), None],
    };
    parts.into_iter().flatten()
}

/// The partition of a table that is routed as a whole.
pub fn partition_of_table(table_id: u64, partitions: u32) -> u32 {
    (xxh3_64(&table_id.to_le_bytes()) % u64::from(partitions.max(1))) as u32
}

#[cfg(test)]
mod tests {
    use millrace_model::{Cell, MysqlType, TableName};

    use super::*;

    fn schema(route: Route) -> TableSchema<MysqlType> {
        TableSchema {
            table_id: 7,
            name: TableName::new("shop", "orders"),
            columns: Vec::new(),
            primary_key: vec![0],
            key: vec![0],
            indexes: Vec::new(),
            comment: String::new(),
            route,
            placement: Default::default(),
        }
    }

    #[test]
    fn never_changes() {
        let partitions = |key: Cell<'_>| partition_of(&schema(Route::Key), &[key].into_iter().collect(), 16);
        let found = [Cell::Int(1), Cell::Int(2), Cell::UInt(1), Cell::Text("a"), Cell::Null].map(partitions);
        assert_eq!(found, [3, 0, 9, 15, 0], "the hash is published: consumers and running tasks rely on it");
    }

    #[test]
    fn keys_of_any_length_are_hashed_as_one_text() {
        let bytes: Vec<u8> = (0..400u32).map(|n| (n * 7) as u8).collect();
        for length in 0..bytes.len() {
            let whole: Vec<u8> = 77u64.to_le_bytes().iter().chain(&bytes[..length]).copied().collect();
            assert_eq!(hash_of_key(77, &bytes[..length]), xxh3_64(&whole), "{length}");
        }
    }

    #[test]
    fn table_route_does_not_look_at_the_key() {
        let whole = schema(Route::Table);
        for id in 0..50 {
            let key: Row = [Cell::Int(id)].into_iter().collect();
            assert_eq!(partition_of(&whole, &key, 16), partition_of_table(7, 16));
        }
        let empty: Row = std::iter::empty().collect();
        assert_eq!(partition_of(&schema(Route::Key), &empty, 16), partition_of_table(7, 16), "a table without a key");
    }
}
