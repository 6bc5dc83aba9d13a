//! The tables of a run: kinds, rows and schemas. The source and the destination hold rows as plain numbers; only what
//! travels is a `Row`.

use std::collections::BTreeMap;

use millrace_model::schema::{Nullability, Route};
use millrace_model::{Cell, Column, MysqlType, PgType, Row, TableName, TableSchema};

use crate::random::mix;

/// A row's key: one or two numbers; for a table without a key the whole row.
pub(crate) type Key = [i64; 2];

/// What a row holds besides its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value {
    /// Value of the second unique key, where the table has one.
    pub(crate) unique: i64,
    /// Grows with every write in the source, over all tables; 0 in a table without a key.
    pub(crate) version: u64,
    /// Number of equal rows in a table without a key, else 1.
    pub(crate) count: u64,
}

/// How many columns each table got since it was created.
pub(crate) type Shapes = BTreeMap<TableName, usize>;

/// What a row holds in each of those.
const ADDED: i64 = 7;

/// Rows of all tables.
pub(crate) type Tables = BTreeMap<TableName, BTreeMap<Key, Value>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Single,
    Composite,
    SecondUnique,
    Keyless,
}

pub(crate) const KINDS: [Kind; 4] = [Kind::Single, Kind::Composite, Kind::SecondUnique, Kind::Keyless];

pub(crate) fn name(kind: Kind, number: usize) -> TableName {
    let prefix = match kind {
        Kind::Single => "single",
        Kind::Composite => "composite",
        Kind::SecondUnique => "unique",
        Kind::Keyless => "keyless",
    };
    TableName::new("shop", format!("{prefix}{number}"))
}

pub(crate) fn kind(name: &TableName) -> Kind {
    match name.table.as_bytes()[0] {
        b's' => Kind::Single,
        b'c' => Kind::Composite,
        b'u' => Kind::SecondUnique,
        _ => Kind::Keyless,
    }
}

/// Places of the key's columns. The composite key is neither in front nor in column order.
fn key_columns(kind: Kind) -> Vec<usize> {
    match kind {
        Kind::Single | Kind::SecondUnique => vec![0],
        Kind::Composite => vec![2, 0],
        Kind::Keyless => vec![],
    }
}

pub(crate) fn row(kind: Kind, key: Key, value: Value) -> Row {
    let [a, b] = key.map(Cell::Int);
    let version = Cell::UInt(value.version);
    match kind {
        Kind::Single => [a, version].into_iter().collect(),
        Kind::Composite => [b, version, a].into_iter().collect(),
        Kind::SecondUnique => [a, Cell::Int(value.unique), version].into_iter().collect(),
        Kind::Keyless => [a, b].into_iter().collect(),
    }
}

/// A row in a table that got so many columns.
pub(crate) fn widened(row: &Row, added: usize) -> Row {
    row.cells().chain(std::iter::repeat_n(Cell::Int(ADDED), added)).collect()
}

fn number(cell: Cell<'_>) -> i64 {
    match cell {
        Cell::Int(v) => v,
        Cell::UInt(v) => v as i64,
        other => panic!("not a number: {other:?}"),
    }
}

/// Reads a row back.
pub(crate) fn parse(kind: Kind, row: &Row) -> (Key, Value) {
    let cells: Vec<i64> = row.cells().map(number).collect();
    let value = |unique, version: i64| Value { unique, version: version as u64, count: 1 };
    match (kind, &cells[..]) {
        (Kind::Single, &[a, version, ..]) => ([a, 0], value(0, version)),
        (Kind::Composite, &[b, version, a, ..]) => ([a, b], value(0, version)),
        (Kind::SecondUnique, &[a, unique, version, ..]) => ([a, 0], value(unique, version)),
        (Kind::Keyless, &[a, b, ..]) => ([a, b], value(0, 0)),
        (kind, cells) => panic!("{kind:?} has no row of {} cells", cells.len()),
    }
}

/// Reads the cells of a key back.
pub(crate) fn parse_key(key: &Row) -> Key {
    let mut cells = key.cells().map(number);
    [cells.next().unwrap_or(0), cells.next().unwrap_or(0)]
}

fn column_names(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Single => &["id", "version"],
        Kind::Composite => &["b", "version", "a"],
        Kind::SecondUnique => &["id", "code", "version"],
        Kind::Keyless => &["a", "b"],
    }
}

/// How many columns a table of this schema got since it was created.
pub(crate) fn added<T>(schema: &TableSchema<T>) -> usize {
    schema.columns.len() - column_names(kind(&schema.name)).len()
}

fn schema_of<T: Clone>(name: &TableName, added: usize, ty: T) -> TableSchema<T> {
    let kind = kind(name);
    let column = |name: &str| Column {
        name: name.into(),
        ty: ty.clone(),
        nullability: Nullability::NotNull,
        default: None,
        comment: String::new(),
        collation: "".into(),
    };
    let names = column_names(kind).iter().map(|name| (*name).to_owned());
    let names = names.chain((0..added).map(|number| format!("added{number}")));
    TableSchema {
        table_id: 0,
        name: name.clone(),
        columns: names.map(|name| column(&name)).collect(),
        primary_key: key_columns(kind),
        key: key_columns(kind),
        indexes: Vec::new(),
        comment: String::new(),
        route: match kind {
            Kind::Single | Kind::Composite => Route::Key,
            Kind::SecondUnique | Kind::Keyless => Route::Table,
        },
        placement: Default::default(),
    }
}

pub(crate) fn mysql_schema(name: &TableName) -> TableSchema<MysqlType> {
    altered_schema(name, 0)
}

/// The schema of a table that got so many columns.
pub(crate) fn altered_schema(name: &TableName, added: usize) -> TableSchema<MysqlType> {
    schema_of(name, added, MysqlType::BigInt(millrace_model::mysql_type::Sign::Signed))
}

pub(crate) fn pg_schema(source: &TableSchema<MysqlType>) -> TableSchema<PgType> {
    let mut schema = schema_of(&source.name, added(source), PgType::BigInt);
    schema.table_id = source.table_id;
    schema
}

/// The rows that transform drops where the task has a filter.
pub(crate) fn is_filtered(key: Key) -> bool {
    key[0] % 4 == 1
}

/// A number for a row, to be summed over the rows of a state.
pub(crate) fn row_hash(table: &TableName, key: Key, value: Value) -> u64 {
    let mut hash = table_hash(table);
    for part in [key[0] as u64, key[1] as u64, value.unique as u64, value.version] {
        hash = mix(hash ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
    hash.wrapping_mul(value.count)
}

/// A number for a table that exists.
pub(crate) fn table_hash(table: &TableName) -> u64 {
    table.table.bytes().fold(17, |hash, byte| mix(hash ^ u64::from(byte)))
}
