//! Tables as the log knows them: a [`TableSchema`] is immutable and named by its [`SchemaKey`]; a change of the table is
//! a new schema with a new version.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

/// A table's name: database and table in MySQL, schema and table in the destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// MySQL database, or the destination's schema.
    pub database: Arc<str>,
    /// Table.
    pub table: Arc<str>,
}

impl TableName {
    /// A name of its two parts, unquoted.
    pub fn new(database: impl Into<Arc<str>>, table: impl Into<Arc<str>>) -> Self {
        Self { database: database.into(), table: table.into() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.table)
    }
}

/// Names one immutable schema in `<task>.schemas`: the ordinal of the schema change that made it (1, 2, 3, ... within a
/// task, set by capture) and a hash of its content. Transform keeps the version and has a hash of its own.
pub struct SchemaKey<T> {
    /// Ordinal of the schema change, from 1.
    pub version: u64,
    /// Hash of the schema's wire form (XXH3, 64 bits).
    pub hash: u64,
    side: PhantomData<fn() -> T>,
}

impl<T> SchemaKey<T> {
    /// A key of its two parts.
    pub fn new(version: u64, hash: u64) -> Self {
        Self { version, hash, side: PhantomData }
    }
}

// Written out because a derive would ask the same of `T`, which is only a marker here.
impl<T> Clone for SchemaKey<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for SchemaKey<T> {}
impl<T> PartialEq for SchemaKey<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.version, self.hash) == (other.version, other.hash)
    }
}
impl<T> Eq for SchemaKey<T> {}
impl<T> Hash for SchemaKey<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.version, self.hash).hash(state);
    }
}
impl<T> fmt::Debug for SchemaKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}", self.version, self.hash)
    }
}

/// What a column holds when an INSERT names no value for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultValue {
    /// A constant in its text form, unquoted.
    Literal(String),
    /// CURRENT_TIMESTAMP with 0 to 6 digits.
    CurrentTimestamp(u8),
    /// An expression of the source, in the source's language; never executed in the destination.
    Expression(String),
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column<T> {
    /// Name, unquoted, in the case in which it was defined.
    pub name: Arc<str>,
    /// Its type.
    pub ty: T,
    /// Whether NULL is allowed.
    pub nullability: Nullability,
    /// Its default, if it has one other than NULL.
    pub default: Option<DefaultValue>,
    /// Its comment; empty for none.
    pub comment: String,
    /// In the source: MySQL's name of the collation by which its text (ENUM and SET too) is compared, such as
    /// `utf8mb4_0900_ai_ci`; empty where it has none, or where it is not known. Empty in the destination.
    pub collation: Arc<str>,
}

/// Whether a column may hold NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nullability {
    /// NULL is allowed.
    Nullable,
    /// NOT NULL.
    NotNull,
}

/// Whether an index forbids equal keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uniqueness {
    /// UNIQUE.
    Unique,
    /// Not unique.
    NonUnique,
}

/// A secondary index over whole columns (prefix, functional, full-text and spatial ones are not carried:
/// capture lists them in its log and `plan` names them).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Name, unique within its table.
    pub name: Arc<str>,
    /// Places of its columns in [`TableSchema::columns`], in index order.
    pub columns: Vec<usize>,
    /// UNIQUE or not.
    pub uniqueness: Uniqueness,
}

/// How the rows of a table are spread over the partitions of the log (`docs/adr/0003`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// By the table and its replication key: order is kept per key.
    Key,
    /// By the table alone: order is kept over the whole table.
    Table,
}

/// Where the destination keeps a table's rows, as far as the task file says it; the default leaves it to the destination
/// (its key, its usual storage). Always the default in the source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Placement {
    /// How rows are spread over segments.
    pub distribution: Distribution,
    /// In what form they are stored.
    pub storage: Storage,
}

/// How the rows of a table are spread over the segments of a distributed destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Distribution {
    /// By the replication key; randomly where there is none.
    #[default]
    Key,
    /// By these columns of the replication key, by place.
    Columns(Vec<usize>),
    /// Every segment has all rows.
    Replicated,
}

/// In what form a destination stores a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Storage {
    /// As the destination does by itself.
    #[default]
    Usual,
    /// Row-oriented heap tables.
    Heap,
    /// AnalyticDB's own row and column storage.
    Beam,
}

/// A table at one place in the stream. Rows are positional: cell i belongs to `columns[i]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSchema<T> {
    /// Stable number of the table within the task: the version of its first schema. Routes hash it, not the name.
    pub table_id: u64,
    /// Its name on this side.
    pub name: TableName,
    /// The columns in order.
    pub columns: Vec<Column<T>>,
    /// Places of the primary key's columns, in key order; empty where there is none.
    pub primary_key: Vec<usize>,
    /// Places of the replication key's columns: the primary key, or the first unique key over NOT NULL columns; empty
    /// where there is neither (rows are then identified by all their cells).
    pub key: Vec<usize>,
    /// Secondary indexes.
    pub indexes: Vec<Index>,
    /// The table's comment; empty for none.
    pub comment: String,
    /// How its rows are spread over the partitions.
    pub route: Route,
    /// Where the destination keeps its rows.
    pub placement: Placement,
}

/// What of a source table's definition does not travel, but counts when a later statement changes the table. Kept beside
/// its schema in `<task>.state`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceOnly {
    /// The character set of columns that name none; empty where it is not known.
    pub charset: Arc<str>,
    /// The collation of columns that name neither; empty where it is not known.
    pub collation: Arc<str>,
    /// Place of the AUTO_INCREMENT column.
    pub auto_increment: Option<usize>,
    /// Indexes that are not carried.
    pub indexes: Vec<OtherIndex>,
}

/// An index that is not carried: over a prefix or an expression, full-text, spatial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherIndex {
    /// Name, unique within its table; `PRIMARY` for a primary key over prefixes.
    pub name: Arc<str>,
    /// Place of the column of each part; none for an expression.
    pub columns: Vec<Option<usize>>,
    /// UNIQUE or not.
    pub uniqueness: Uniqueness,
}

impl<T> TableSchema<T> {
    /// Whether rows can be told apart by a key.
    pub fn is_keyed(&self) -> bool {
        !self.key.is_empty()
    }
}
