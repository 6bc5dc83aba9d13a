//! What capture keeps in `<task>.state`, in the transaction of the step that it describes: where to go on, and how far
//! the snapshot of each table is.

use std::sync::Arc;

use crate::gtid::GtidSet;
use crate::mysql_type::MysqlType;
use crate::position::{BinlogPlace, Reading};
use crate::row::Row;
use crate::schema::{SchemaKey, TableSchema};

/// The durable resume point of capture: one record, replaced by each step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Names this run of the task: chosen at its first start, carried by every message and every progress row.
    pub task_id: String,
    /// What decides content and route; a task file that differs here is refused.
    pub fingerprint: [u8; 16],
    /// Kafka's cluster id at the first start; empty for the log in memory.
    pub cluster_id: String,
    /// Where the source is; none for a task without incremental.
    pub source: Option<SourceMark>,
    /// Next sequence of each partition, from 1.
    pub next_sequences: Vec<u64>,
    /// Ordinal of the next watermark, from 1.
    pub next_watermark: u64,
    /// Version of the next schema, from 1.
    pub next_schema_version: u64,
    /// The source transaction that is partly published, if any.
    pub partial: Option<PartialTransaction>,
    /// Whether `End` is published.
    pub ended: Ended,
}

/// Whether a task has published its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// There is more to come.
    No,
    /// `End` is in every partition: a start writes nothing more.
    Yes,
}

/// A place in the source between two transactions, with what must still be there on a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceMark {
    /// `@@server_uuid`.
    pub server: String,
    /// Where the next transaction begins.
    pub place: BinlogPlace,
    /// Header timestamp of the first format description event of that file, seconds; 0 while not known.
    pub file_created: u32,
    /// Everything that was delivered.
    pub delivered: Reading,
    /// GTID of the last transaction delivered; empty for none.
    pub last_gtid: String,
    /// Its commit time, microseconds since 1970-01-01 UTC.
    pub committed_at: u64,
    /// Distributed (XA) transactions that are delivered up to their PREPARE: their rows are not published yet.
    pub prepared: Vec<PreparedTransaction>,
}

/// A distributed transaction between its XA PREPARE and its XA COMMIT or ROLLBACK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedTransaction {
    /// Its XID, as the server prints it.
    pub xid: String,
    /// Where its PREPARE's transaction begins.
    pub place: BinlogPlace,
    /// The GTID of its PREPARE; empty for none.
    pub gtid: GtidSet,
}

impl SourceMark {
    /// From where a restart reads: what was delivered, less the prepared transactions, whose rows it needs again.
    pub fn resume(&self) -> Reading {
        match &self.delivered {
            Reading::Gtids(set) => {
                Reading::Gtids(self.prepared.iter().fold(set.clone(), |rest, prepared| rest.minus(&prepared.gtid)))
            }
            Reading::Place(place) => {
                let oldest = self.prepared.iter().map(|prepared| &prepared.place).min();
                Reading::Place(oldest.unwrap_or(place).min(place).clone())
            }
        }
    }

    /// The next transaction begins at `place`. Another file is not known by its creation time yet.
    pub fn move_to(&mut self, place: BinlogPlace) {
        if place.file != self.place.file {
            self.file_created = 0;
        }
        if let Reading::Place(delivered) = &mut self.delivered {
            *delivered = place.clone();
        }
        self.place = place;
    }
}

/// How much of a transaction larger than a step is published. A restart reads it again from its beginning, skips that
/// many images and compares the hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialTransaction {
    /// Its GTID, or its place where there are none.
    pub name: String,
    /// Row images of selected tables that are published.
    pub images: u64,
    /// Hash over those images and their tables.
    pub hash: u64,
}

/// One selected table: its present schema and how far its snapshot is. One record per table, replaced when changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableState {
    /// Name of the schema in `<task>.schemas`.
    pub key: SchemaKey<MysqlType>,
    /// The schema.
    pub schema: Arc<TableSchema<MysqlType>>,
    /// Its snapshot.
    pub load: Load,
}

/// How far a table's snapshot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Load {
    /// Nothing is to be read: the table came to be while the task ran, or the task has no full load.
    NotNeeded,
    /// Some of it is published.
    Pending {
        /// The ranges of keys into which it is divided, which together hold every key: one, or several that are read at
        /// once.
        ranges: Vec<KeyRange>,
        /// Number of the next chunk, from 0.
        next_chunk: u64,
        /// Rows published so far.
        rows: u64,
    },
    /// `TableLoaded` is published.
    Loaded {
        /// Rows that the snapshot published.
        rows: u64,
    },
}

/// A range of keys of a snapshot, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// Everything up to and with these key cells is published or belongs to another range; none: from the first key.
    pub after: Option<Row>,
    /// It ends with these key cells; none: at the last key.
    pub through: Option<Row>,
    /// Whether all of it is published.
    pub state: RangeState,
}

/// Whether a range of a snapshot is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeState {
    /// Not all of it.
    Pending,
    /// All of it.
    Done,
}

impl Load {
    /// Whether there is still something to read.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Pending { .. })
    }

    /// A snapshot that has not begun.
    pub fn from_start() -> Self {
        let whole = KeyRange { after: None, through: None, state: RangeState::Pending };
        Self::Pending { ranges: vec![whole], next_chunk: 0, rows: 0 }
    }
}
