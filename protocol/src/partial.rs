//! The source transaction that capture is in the middle of, and how much of it is out.

use std::sync::Arc;

use millrace_model::MysqlType;
use millrace_model::batch::{RowChange, SchemaChange};
use millrace_model::checkpoint::PartialTransaction;
use millrace_model::position::Transaction;
use xxhash_rust::xxh3::xxh3_64_with_seed;

#[derive(Debug)]
pub(crate) struct OpenTransaction {
    pub(crate) transaction: Arc<Transaction>,
    pub(crate) images: u64,
    pub(crate) hash: u64,
    /// What a former run published of it.
    pub(crate) published: Option<PartialTransaction>,
    /// Schema changes not yet in a barrier: put before its first row (CREATE TABLE ... SELECT), or at its end.
    pub(crate) changes: Vec<SchemaChange<MysqlType>>,
    /// The XID of the prepared transaction that it commits or rolls back.
    pub(crate) ends: Option<String>,
}

impl OpenTransaction {
    pub(crate) fn new(transaction: Arc<Transaction>, published: Option<PartialTransaction>) -> Self {
        Self { transaction, images: 0, hash: 0, published, changes: Vec::new(), ends: None }
    }

    /// Whether it has only begun: it has no image yet, changes no table yet, and nothing of it is out.
    pub(crate) fn is_untouched(&self) -> bool {
        self.images == 0 && self.changes.is_empty() && self.published.is_none()
    }

    /// Counts an image, and adds it to the hash.
    pub(crate) fn count(&mut self, table_id: u64, change: &RowChange) {
        self.hash = hash_image(self.hash, table_id, change);
        self.images += 1;
    }

    /// What a checkpoint says of it: what is out, now or from a former run.
    pub(crate) fn partial(&self) -> PartialTransaction {
        match &self.published {
            Some(published) if self.images < published.images => published.clone(),
            _ => PartialTransaction { name: name_of(&self.transaction), images: self.images, hash: self.hash },
        }
    }
}

/// How a transaction is named in a checkpoint: its GTID, or its place.
pub(crate) fn name_of(transaction: &Transaction) -> String {
    match &transaction.gtid {
        Some(gtid) => gtid.to_string(),
        None => transaction.place.to_string(),
    }
}

fn hash_image(seed: u64, table_id: u64, change: &RowChange) -> u64 {
    let seed = xxh3_64_with_seed(&table_id.to_le_bytes(), seed);
    match change {
        RowChange::Read { row, .. } => xxh3_64_with_seed(row.as_bytes(), seed),
        RowChange::Insert(row) => xxh3_64_with_seed(row.as_bytes(), seed ^ 1),
        RowChange::Delete(row) => xxh3_64_with_seed(row.as_bytes(), seed ^ 2),
        RowChange::Update { before, after } => {
            xxh3_64_with_seed(after.as_bytes(), xxh3_64_with_seed(before.as_bytes(), seed ^ 3))
        }
    }
}
