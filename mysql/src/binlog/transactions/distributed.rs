//! The events of distributed (XA) transactions: see [`crate::binlog::xa`].

use std::sync::Arc;

use millrace_model::BinlogPlace;

use super::super::error::{BinlogError, Refusal};
use super::super::event::SourceEvent;
use super::super::xa::{Kept, OpenXa, Waiting, XaStatement};
use super::{Placed, State, Transactions};

/// A transaction that must be read again before the open one can end.
#[derive(Debug)]
pub(super) struct ReadAgain {
    place: BinlogPlace,
    /// None where the open transaction is that transaction itself.
    xid: Option<Arc<str>>,
}

impl Transactions {
    /// Gives rows of distributed transactions at once.
    pub(crate) fn pass_rows_on(&mut self) {
        self.waiting = Waiting::PassedOn;
    }

    /// Gives nothing that stands before `place`, but keeps rows of distributed transactions that are prepared before it.
    pub(crate) fn give_from(&mut self, place: BinlogPlace) {
        self.given_before = Some(place);
    }

    /// Where a transaction begins whose rows must be read again, and be given next.
    pub(crate) fn to_read_again(&self) -> Option<&BinlogPlace> {
        self.to_read_again.as_ref().map(|again| &again.place)
    }

    /// Those rows were given.
    pub(crate) fn was_read_again(&mut self) {
        if let Some(again) = self.to_read_again.take() {
            self.end_with(again.xid);
        }
    }

    /// Keeps at most so many bytes of rows of distributed transactions; those beyond are read again.
    pub(crate) fn keep_at_most(&mut self, bytes: usize) {
        self.xa.set_limit(bytes);
    }

    pub(super) fn xa_statement(&mut self, placed: &Placed<'_>, text: &[u8]) -> Result<(), BinlogError> {
        let statement = XaStatement::parse(text).ok_or_else(|| placed.refused(Refusal::Xa))?;
        match (statement, &self.state) {
            (XaStatement::Start(xid), State::Announced(transaction)) => {
                self.state = State::Xa(self.xa.open(transaction.clone(), xid));
                Ok(())
            }
            (XaStatement::End(xid), State::Xa(open)) if *open.xid == *xid => Ok(()),
            (XaStatement::Commit(xid), State::Announced(_)) => match self.xa.end(xid) {
                Some((place, kept)) => {
                    self.take_effect(kept, ReadAgain { place, xid: Some(xid.into()) });
                    Ok(())
                }
                None => Err(placed.refused(Refusal::XaUnknown)),
            },
            (XaStatement::Rollback(xid), State::Announced(_)) => {
                self.xa.end(xid);
                self.end_with(Some(xid.into()));
                Ok(())
            }
            _ => Err(placed.wrong("it is about another distributed transaction than the one that is open")),
        }
    }

    /// Ends the rows of a distributed transaction (MySQL source, `XA_prepare_log_event`): whether it commits with it, in
    /// one phase, is its first byte.
    pub(super) fn xa_prepare(&mut self, placed: &Placed<'_>) -> Result<(), BinlogError> {
        if self.payload.is_some() {
            return Err(placed.wrong("it ends its transaction before the compressed payload does"));
        }
        let &one_phase = placed.event.data.first().ok_or_else(|| placed.cut_short())?;
        let State::Xa(open) = &self.state else {
            return Err(placed.wrong("it ends a distributed transaction that was not begun"));
        };
        let open = open.clone();
        if one_phase != 0 {
            let again = ReadAgain { place: open.transaction.place.clone(), xid: None };
            let kept = self.xa.commit_open(open);
            self.take_effect(kept, again);
            return Ok(());
        }
        self.prepared(open);
        Ok(())
    }

    fn prepared(&mut self, open: OpenXa) {
        let end = self.whereabouts.place();
        self.give(SourceEvent::Prepared { xid: open.xid.clone(), end: end.clone() });
        self.xa.prepare(open);
        self.state = State::Outside;
        self.boundary = end;
    }

    fn take_effect(&mut self, kept: Kept, again: ReadAgain) {
        match kept {
            Kept::Rows(rows) => {
                rows.into_iter().for_each(|rows| self.give(SourceEvent::Rows(rows)));
                self.end_with(again.xid);
            }
            // What was given before is not read for nothing.
            Kept::Forgotten if self.was_given() => self.end_with(again.xid),
            Kept::Forgotten => self.to_read_again = Some(again),
        }
    }

    fn was_given(&self) -> bool {
        let begun = match &self.state {
            State::Outside => &self.boundary,
            State::Announced(transaction) | State::Open(transaction, _) => &transaction.place,
            State::Xa(open) => &open.transaction.place,
        };
        self.given_before.as_ref().is_some_and(|place| begun < place)
    }

    /// Hands an event to the caller, unless its transaction was given before.
    pub(super) fn give(&mut self, event: SourceEvent) {
        if !self.was_given() {
            self.ready.push_back(event);
        }
    }

    pub(super) fn end_with(&mut self, xid: Option<Arc<str>>) {
        if let Some(xid) = xid {
            self.give(SourceEvent::EndsPrepared { xid });
        }
        self.end_transaction();
    }
}
