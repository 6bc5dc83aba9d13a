//! What one message of the log carries: consecutive rows and control entries of one partition.
//!
//! Every entry has a sequence: capture numbers the entries of each partition 1, 2, 3, ... A captured batch holds every
//! number of its range; a transformed batch carries the range of captured numbers that it stands for (rows that a filter
//! dropped leave holes) so that apply can tell a hole from a loss.

use std::sync::Arc;

use crate::position::{BinlogPlace, Transaction};
use crate::row::Row;
use crate::schema::{SchemaKey, TableName};

/// A message of `<task>.captured` (`T` = `MysqlType`) or `<task>.transformed` (`T` = `PgType`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<T> {
    /// First sequence covered.
    pub first: u64,
    /// Last sequence covered.
    pub last: u64,
    /// For a transformed batch: the offset of the captured message that it was made of, in the same partition.
    pub input_offset: Option<i64>,
    /// The entries, in sequence.
    pub entries: Vec<Entry<T>>,
}

/// One entry of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<T> {
    /// A row.
    Row(RowEntry<T>),
    /// A control entry; the same in all partitions, each with its own sequence.
    Control {
        /// Its sequence in this partition.
        sequence: u64,
        /// What it says.
        control: Control<T>,
    },
}

impl<T> Entry<T> {
    /// The entry's sequence.
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Row(row) => row.sequence,
            Self::Control { sequence, .. } => *sequence,
        }
    }
}

/// A row's change at its place in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowEntry<T> {
    /// Its sequence in this partition.
    pub sequence: u64,
    /// The schema its cells belong to.
    pub schema: SchemaKey<T>,
    /// The source transaction; none for rows of a snapshot.
    pub transaction: Option<Arc<Transaction>>,
    /// Which row image of the transaction this is, from 0, over all tables; 0 for rows of a snapshot.
    pub ordinal: u64,
    /// What happened to it.
    pub change: RowChange,
}

/// What happened to a row. An update that changes the key is never an `Update`: capture makes it a `Delete` of the old key
/// and an `Insert` of the new row, each in its own partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowChange {
    /// Read by a snapshot.
    Read {
        /// The row.
        row: Row,
        /// Why it was read.
        purpose: ReadPurpose,
    },
    /// Inserted.
    Insert(Row),
    /// Updated without a change of its key.
    Update {
        /// The row before.
        before: Row,
        /// The row after.
        after: Row,
    },
    /// Deleted.
    Delete(Row),
}

/// What of a change a task can leave out: everything but rows of snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowOperation {
    /// INSERT; also the new row of an update that changes the key.
    Insert,
    /// UPDATE that keeps the key.
    Update,
    /// DELETE; also the old row of an update that changes the key.
    Delete,
}

impl RowChange {
    /// The operation; none for a row of a snapshot.
    pub fn operation(&self) -> Option<RowOperation> {
        match self {
            Self::Read { .. } => None,
            Self::Insert(_) => Some(RowOperation::Insert),
            Self::Update { .. } => Some(RowOperation::Update),
            Self::Delete(_) => Some(RowOperation::Delete),
        }
    }

    /// Bytes of the row images.
    pub fn len(&self) -> usize {
        match self {
            Self::Read { row, .. } | Self::Insert(row) | Self::Delete(row) => row.len(),
            Self::Update { before, after } => before.len() + after.len(),
        }
    }

    /// Whether there is nothing in its images.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a snapshot read a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadPurpose {
    /// Full load: never replaces an earlier write of its key.
    Load,
    /// Repair of a difference: overwrites.
    Repair,
}

/// Entries that are not rows. They stand in every partition of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control<T> {
    /// A source transaction boundary: everything of the source up to here is before this entry in every partition.
    Watermark(Watermark),
    /// Schema changes, executed once after everything before them, in all partitions, is committed.
    Barrier(Barrier<T>),
    /// The table's rows begin anew: what was read of it before is void.
    Reset {
        /// The schema whose rows follow.
        schema: SchemaKey<T>,
    },
    /// A chunk of a table's snapshot is complete before this entry.
    ChunkDone {
        /// The table's schema.
        schema: SchemaKey<T>,
        /// Number of the chunk in its table, from 0.
        chunk: u64,
        /// Rows that the chunk published, over all partitions.
        rows: u64,
    },
    /// The table's snapshot is complete before this entry: secondary indexes and ANALYZE follow.
    TableLoaded {
        /// The table's schema.
        schema: SchemaKey<T>,
    },
    /// The task is complete; the last entry of every partition.
    End(Watermark),
}

impl<T> Control<T> {
    /// The watermark that the entry is, if it is one.
    pub fn watermark(&self) -> Option<&Watermark> {
        match self {
            Self::Watermark(watermark) | Self::End(watermark) => Some(watermark),
            Self::Barrier(barrier) => Some(&barrier.watermark),
            Self::Reset { .. } | Self::ChunkDone { .. } | Self::TableLoaded { .. } => None,
        }
    }
}

/// A moment of the source between two transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// 1, 2, 3, ... within the task; the same in all partitions.
    pub ordinal: u64,
    /// Where the source's binlog was read up to; none for a task without incremental.
    pub place: Option<BinlogPlace>,
    /// The last GTID before it, in its text form; empty for none.
    pub gtid: String,
    /// The source's commit time of the last transaction before it, or the time of the reading when the source was idle;
    /// microseconds since 1970-01-01 UTC.
    pub committed_at: u64,
}

/// A watermark with schema changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barrier<T> {
    /// The watermark; its ordinal is also the barrier's.
    pub watermark: Watermark,
    /// What changes, in order.
    pub changes: Vec<SchemaChange<T>>,
}

/// A change of a table's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaChange<T> {
    /// The table comes to be, with this schema.
    Create {
        /// Key of its schema.
        schema: SchemaKey<T>,
    },
    /// The table goes, with all its rows.
    Drop {
        /// Key of its last schema.
        schema: SchemaKey<T>,
        /// Its name on this side.
        table: TableName,
    },
    /// All rows of the table go.
    Truncate {
        /// Key of its schema.
        schema: SchemaKey<T>,
        /// Its name on this side.
        table: TableName,
    },
    /// The table's columns, keys, indexes, comment or name change; its rows stay.
    Alter(Alteration<T>),
}

impl<T> SchemaChange<T> {
    /// The schema that the change is about: the one after it.
    pub fn schema(&self) -> SchemaKey<T> {
        match self {
            Self::Create { schema } | Self::Drop { schema, .. } | Self::Truncate { schema, .. } => *schema,
            Self::Alter(alteration) => alteration.schema,
        }
    }

    /// All schemas that the change names, the earlier one first.
    pub fn schemas(&self) -> impl Iterator<Item = SchemaKey<T>> {
        let before = match self {
            Self::Alter(alteration) => Some(alteration.before),
            Self::Create { .. } | Self::Drop { .. } | Self::Truncate { .. } => None,
        };
        before.into_iter().chain([self.schema()])
    }
}

/// How a table goes from one schema to the next. Both have the same table id; what else differs between them is the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alteration<T> {
    /// Key of its schema before.
    pub before: SchemaKey<T>,
    /// Key of its schema after.
    pub schema: SchemaKey<T>,
    /// For each column of the schema after, the place of the column before that it continues (under whatever name and
    /// type); none for a column that is new.
    pub origins: Vec<Option<usize>>,
}
