//! Rows of distributed (XA) transactions between XA PREPARE and XA COMMIT.
//!
//! The binlog has such a transaction in two places: its rows, ended by a PREPARE event, and later a lone `XA COMMIT` or
//! `XA ROLLBACK`, with any number of other transactions in between. It takes effect at XA COMMIT, so its rows wait here.
//! What waits is bounded in bytes: a transaction that would pass the bound is forgotten but for its place, and is read
//! again from there when it commits.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_model::{BinlogPlace, Transaction};

use super::event::RowsBatch;

/// Bytes of rows that wait at most, over all transactions.
const LIMIT: usize = 32 << 20;

/// A statement that the server logs about an XA transaction, with the XID as it prints it (MySQL source,
/// `XID::serialize`), such as `X'6162',X'',1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum XaStatement<'a> {
    /// Its rows follow.
    Start(&'a str),
    /// Its rows are over.
    End(&'a str),
    /// It takes effect.
    Commit(&'a str),
    /// It never does.
    Rollback(&'a str),
}

impl<'a> XaStatement<'a> {
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let after = |prefix: &str| text.strip_prefix(prefix).map(str::trim);
        after("XA START ")
            .map(Self::Start)
            .or_else(|| after("XA END ").map(Self::End))
            .or_else(|| after("XA COMMIT ").map(Self::Commit))
            .or_else(|| after("XA ROLLBACK ").map(Self::Rollback))
    }
}

/// The rows of a transaction, as far as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    Rows(Vec<RowsBatch>),
    /// They were too many: to be read again.
    Forgotten,
}

/// What becomes of rows before it is known whether they take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// They wait.
    Kept,
    /// They are given at once, by a reader of one transaction that takes effect.
    PassedOn,
}

/// An XA transaction whose rows are being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenXa {
    pub(crate) transaction: Arc<Transaction>,
    pub(crate) xid: Arc<str>,
    kept: Kept,
    bytes: usize,
}

#[derive(Debug)]
struct Prepared {
    place: BinlogPlace,
    kept: Kept,
    bytes: usize,
}

/// The transactions that are prepared.
#[derive(Debug)]
pub(crate) struct XaRows {
    limit: usize,
    bytes: usize,
    prepared: HashMap<Arc<str>, Prepared>,
}

impl XaRows {
    pub(crate) fn new() -> Self {
        Self { limit: LIMIT, bytes: 0, prepared: HashMap::new() }
    }

    /// Another bound of what waits.
    pub(crate) fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    /// Begins to keep the rows of a transaction.
    pub(crate) fn open(&self, transaction: Arc<Transaction>, xid: &str) -> OpenXa {
        OpenXa { transaction, xid: xid.into(), kept: Kept::Rows(Vec::new()), bytes: 0 }
    }

    /// Keeps rows, or forgets all of the transaction where they are too many.
    pub(crate) fn keep(&mut self, open: &mut OpenXa, rows: RowsBatch) {
        let Kept::Rows(kept) = &mut open.kept else { return };
        let bytes = rows.data.len();
        if self.bytes + bytes > self.limit {
            self.bytes -= open.bytes;
            (open.kept, open.bytes) = (Kept::Forgotten, 0);
            return;
        }
        self.bytes += bytes;
        open.bytes += bytes;
        kept.push(rows);
    }

    /// The transaction is prepared: its rows wait.
    pub(crate) fn prepare(&mut self, open: OpenXa) {
        let OpenXa { transaction, xid, kept, bytes } = open;
        // The same XID cannot be prepared twice: what was there was read before.
        self.end(&xid);
        self.prepared.insert(xid, Prepared { place: transaction.place.clone(), kept, bytes });
    }

    /// The transaction takes effect without having been prepared.
    pub(crate) fn commit_open(&mut self, open: OpenXa) -> Kept {
        self.bytes -= open.bytes;
        open.kept
    }

    /// The transaction ends: its place and rows; none where its PREPARE was not read.
    pub(crate) fn end(&mut self, xid: &str) -> Option<(BinlogPlace, Kept)> {
        let Prepared { place, kept, bytes } = self.prepared.remove(xid)?;
        self.bytes -= bytes;
        Some((place, kept))
    }
}
