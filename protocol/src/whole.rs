//! A table without a key, which is read whole.
//!
//! Its low and high enclose only the opening of a consistent snapshot, and when the stream has delivered `high` without a
//! row of the table since the window opened, the stream waits there while `Reset` and all rows are published: so that
//! everything before the snapshot is before `Reset`, and everything after it after the rows. If a row of the table came in
//! between, the snapshot is opened again.

use millrace_model::TableName;
use millrace_model::batch::Control;
use millrace_model::position::Reading;
use millrace_model::row::Row;

use crate::capture::Capture;
use crate::chunk::{Completion, Ticket, Work};

/// What a reader with an open snapshot of a whole table does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WholeState {
    /// Hold the snapshot open and ask again.
    Wait,
    /// Read and publish: the stream waits.
    Publish,
    /// A row of the table was streamed meanwhile, or the table changed: close the snapshot and begin again.
    Void,
}

impl Capture {
    /// The table changed before its snapshot was read: the stream goes on and says how.
    pub fn whole_failed(&mut self, ticket: Ticket) {
        if self.snapshot.get(ticket).is_some() {
            self.snapshot.void(ticket.table_id);
        }
    }

    /// The consistent snapshot of a whole table is open; `high` was read after it.
    pub fn whole_opened(&mut self, ticket: Ticket, high: Option<Reading>) {
        let Some(lane) = self.snapshot.get(ticket) else { return };
        if let Work::Whole { window, opened } = &mut lane.work {
            let touched = window.as_ref().is_some_and(|window| window.collected() > 0);
            if touched {
                self.snapshot.void(ticket.table_id);
                return;
            }
            if let (Some(window), Some(high)) = (window, high) {
                window.rows(Vec::new(), high);
            }
            *opened = true;
        }
    }

    /// What a reader that holds an open snapshot of a whole table does now.
    pub fn whole_state(&mut self, ticket: Ticket) -> WholeState {
        let between = self.is_between_transactions();
        let delivered = self.checkpoint.source.as_ref().map(|source| source.delivered.clone());
        let Some(lane) = self.snapshot.get(ticket) else { return WholeState::Void };
        match &lane.work {
            Work::Publishing { .. } => WholeState::Publish,
            Work::Whole { window: Some(window), .. } if window.collected() > 0 => {
                self.snapshot.void(ticket.table_id);
                WholeState::Void
            }
            Work::Whole { window, opened: true } if between => {
                let passed = match (window, delivered) {
                    (Some(window), Some(delivered)) => window.is_passed(&delivered),
                    _ => true,
                };
                if !passed {
                    return WholeState::Wait;
                }
                lane.work = Work::Publishing { rows: 0 };
                let table = lane.table.clone();
                self.reset(&table);
                WholeState::Publish
            }
            _ => WholeState::Wait,
        }
    }

    fn reset(&mut self, table: &TableName) {
        let Some(schema) = self.tables.get(table).map(|state| state.key) else { return };
        self.unseal();
        self.step.push_control(&Control::Reset { schema });
    }

    /// Whether the stream must wait because a whole table is being published.
    pub fn stream_waits(&self) -> bool {
        self.settings.incremental
            && self.snapshot.lanes.values().any(|lane| matches!(lane.work, Work::Publishing { .. }))
    }

    /// Publishes rows of a whole table while the stream waits.
    pub fn whole_rows(&mut self, ticket: Ticket, rows: Vec<Row>) {
        let Some(lane) = self.snapshot.get(ticket) else { return };
        let Work::Publishing { rows: count } = &mut lane.work else { return };
        *count += rows.len() as u64;
        let table = lane.table.clone();
        self.publish_rows(&table, rows);
        self.seal_what_is_much();
    }

    /// The whole table is published: the stream goes on.
    pub fn whole_done(&mut self, ticket: Ticket) {
        let Some(lane) = self.snapshot.get(ticket) else { return };
        let Work::Publishing { rows } = lane.work else { return };
        let table = lane.table.clone();
        self.snapshot.void(ticket.table_id);
        self.chunk_published(&table, 0, rows, None, Completion::LastChunk);
    }
}
