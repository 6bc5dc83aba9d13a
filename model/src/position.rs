//! Places in the source: where a transaction stands in the binlog, and what a reading of the server's state covers.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::gtid::{Gtid, GtidSet};

/// A place in the binlog of one server: file and byte offset. Ordered by the file's number, then the offset (names
/// compare wrongly as text once the number passes 999999).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BinlogPlace {
    /// File name as the server gives it, such as `binlog.000042`.
    pub file: Arc<str>,
    /// Byte offset; 64 bits, because events can lie beyond the 32 bits of their header's field.
    pub offset: u64,
}

impl BinlogPlace {
    /// A place of its two parts.
    pub fn new(file: impl Into<Arc<str>>, offset: u64) -> Self {
        Self { file: file.into(), offset }
    }

    /// The number after the last dot of the file's name; 0 where there is none.
    pub fn file_number(&self) -> u64 {
        self.file.rsplit('.').next().and_then(|n| n.parse().ok()).unwrap_or(0)
    }
}

impl PartialOrd for BinlogPlace {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BinlogPlace {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.file_number(), self.offset).cmp(&(other.file_number(), other.offset))
    }
}

impl fmt::Display for BinlogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.offset)
    }
}

/// One source transaction, as every row of it knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transaction {
    /// Where its first event (the GTID event) begins.
    pub place: BinlogPlace,
    /// Its GTID, where the server gives one.
    pub gtid: Option<Gtid>,
    /// Commit time at the source, microseconds since 1970-01-01 UTC.
    pub committed_at: u64,
}

/// A reading of what the server had committed at one moment: what a snapshot's low and high watermarks are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// `@@gtid_executed`.
    Gtids(GtidSet),
    /// The end of the binlog, for servers without GTIDs.
    Place(BinlogPlace),
}

impl Reading {
    /// Whether everything in `other` is also in `self`. Readings of different kinds never cover each other.
    pub fn covers(&self, other: &Reading) -> bool {
        match (self, other) {
            (Self::Gtids(a), Self::Gtids(b)) => a.contains_set(b),
            (Self::Place(a), Self::Place(b)) => a >= b,
            _ => false,
        }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gtids(set) => set.fmt(f),
            Self::Place(place) => place.fmt(f),
        }
    }
}
