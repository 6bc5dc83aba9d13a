//! Capture's machine: distributed (XA) transactions.
//!
//! Such a transaction is published where it commits, with the identity of its XA COMMIT. Two sets follow from that:
//! *delivered* includes the GTID of a PREPARE, as the server's executed set does, so that chunks are passed; *resume*
//! ([`SourceMark::resume`](millrace_model::SourceMark::resume)) does not, so that a restart reads the rows again. A
//! prepared transaction that comes again because of that changes nothing here.

use millrace_model::position::{BinlogPlace, Reading, Transaction};
use millrace_model::{GtidSet, PreparedTransaction};

use crate::capture::Capture;

impl Capture {
    /// The open transaction, of which no row was given, was prepared; the next begins at `end`.
    pub fn prepared(&mut self, xid: &str, end: BinlogPlace) {
        let Some(open) = self.open.take() else { return };
        if self.was_prepared(&open.transaction) {
            return;
        }
        if let Some(source) = &mut self.checkpoint.source {
            let mut gtid = GtidSet::new();
            if let (Some(one), Reading::Gtids(delivered)) = (&open.transaction.gtid, &mut source.delivered) {
                gtid.add(one);
                delivered.add(one);
            }
            if let Some(one) = &open.transaction.gtid {
                source.last_gtid = one.to_string();
            }
            let place = open.transaction.place.clone();
            source.prepared.push(PreparedTransaction { xid: xid.to_owned(), place, gtid });
            source.committed_at = open.transaction.committed_at;
            source.move_to(end);
        }
        self.unseal();
        self.publish_passed();
    }

    /// The open transaction commits or rolls back the prepared one of this XID.
    pub fn ends_prepared(&mut self, xid: &str) {
        if let Some(open) = &mut self.open {
            open.ends = Some(xid.to_owned());
        }
    }

    /// Whether this transaction is the PREPARE of one that is known to be prepared.
    pub(crate) fn was_prepared(&self, transaction: &Transaction) -> bool {
        let Some(source) = &self.checkpoint.source else { return false };
        source.prepared.iter().any(|prepared| match &transaction.gtid {
            Some(gtid) if !prepared.gtid.is_empty() => prepared.gtid.contains(gtid),
            _ => prepared.place == transaction.place,
        })
    }
}
