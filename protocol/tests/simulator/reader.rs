//! A snapshot reader: the steps of one chunk, or of one whole table.

use millrace_model::position::Reading;
use millrace_model::row::Row;
use millrace_protocol::capture::Capture;
use millrace_protocol::chunk::{ChunkRequest, Completion, Extent, LowVerdict, StreamPlace};
use millrace_protocol::whole::WholeState;

use crate::faults::Broken;
use crate::tables::added;
use crate::world::{Shared, trace};

enum ReaderStep {
    WaitLow,
    Read,
    High,
    Hold,
    /// The table is not as the request says; the source had this when that was found.
    Changed(Reading),
}

pub(crate) struct Reader {
    request: ChunkRequest,
    step: ReaderStep,
    early_high: Option<Reading>,
    rows: Vec<Row>,
    publishing: bool,
}

impl Reader {
    pub(crate) fn new(request: ChunkRequest) -> Self {
        Self { request, step: ReaderStep::WaitLow, early_high: None, rows: Vec::new(), publishing: false }
    }

    /// One step; false when it is done.
    pub(crate) fn tick(&mut self, machine: &mut Capture, shared: &mut Shared) -> bool {
        match self.request.extent.clone() {
            Extent::Range { after, through } => read_chunk(machine, self, after.as_ref(), through.as_ref(), shared),
            Extent::Whole => read_whole(machine, self, shared),
        }
    }
}

/// One step of a reader of a chunk; false when it is done.
fn read_chunk(
    machine: &mut Capture,
    reader: &mut Reader,
    after: Option<&Row>,
    through: Option<&Row>,
    shared: &mut Shared,
) -> bool {
    let ticket = reader.request.ticket;
    match &reader.step {
        ReaderStep::Changed(seen) => match machine.stands(ticket, seen) {
            StreamPlace::Void => return false,
            StreamPlace::Behind => {}
            StreamPlace::Passed => panic!("the stream passed a change of the table that it did not see"),
        },
        ReaderStep::WaitLow => {
            let verdict = machine.low(ticket, &shared.source.reading());
            trace!(shared, "chunk {ticket:?} low: {verdict:?}");
            match verdict {
                LowVerdict::TooEarly => shared.coverage.saw("low too early"),
                LowVerdict::Void => shared.coverage.saw("void chunk"),
                LowVerdict::Good => {}
            }
            match verdict {
                LowVerdict::Good => reader.step = ReaderStep::Read,
                LowVerdict::TooEarly if shared.breaks(Broken::TooEarlyIgnored) => reader.step = ReaderStep::Read,
                LowVerdict::TooEarly => {}
                LowVerdict::Void => return false,
            }
        }
        ReaderStep::Read if shared.breaks(Broken::HighReadFirst) && reader.early_high.is_none() => {
            reader.early_high = Some(shared.source.reading());
        }
        ReaderStep::Read => {
            let limit = (shared.settings.chunk_rows >> reader.request.halvings).max(1);
            if reader.request.halvings > 0 {
                shared.coverage.saw("chunk made smaller");
            }
            let name = &reader.request.schema.name;
            if is_changed(reader, shared) {
                reader.step = ReaderStep::Changed(shared.source.reading());
                return true;
            }
            let Some((rows, last, completion)) = shared.source.read_chunk(name, after, through, limit) else {
                // The table is gone: the stream will say so.
                reader.step = ReaderStep::WaitLow;
                return true;
            };
            reader.rows = rows;
            reader.step = ReaderStep::High;
            if let Some(high) = reader.early_high.take() {
                let rows = std::mem::take(&mut reader.rows);
                machine.chunk_read(ticket, rows, last, completion, Some(high));
                return false;
            }
            // Between the rows and `high` others act: the reader keeps what it has read.
            reader.request.extent = Extent::Range { after: last, through: None };
            if completion == Completion::LastChunk {
                reader.step = ReaderStep::Hold;
            }
        }
        ReaderStep::High | ReaderStep::Hold => {
            let held = matches!(reader.step, ReaderStep::Hold);
            let completion = if held { Completion::LastChunk } else { Completion::More };
            let Extent::Range { after: last, .. } = reader.request.extent.clone() else { return false };
            let high = shared.settings.incremental.then(|| shared.source.reading());
            machine.chunk_read(ticket, std::mem::take(&mut reader.rows), last, completion, high);
            return false;
        }
    }
    true
}

/// Whether the table that is visible has another shape than the request says.
fn is_changed(reader: &Reader, shared: &mut Shared) -> bool {
    let schema = &reader.request.schema;
    let shape = shared.source.visible_shapes.get(&schema.name);
    let is_changed = shape.is_some_and(|shape| *shape != added(schema));
    if is_changed {
        shared.coverage.saw("table changed before it was read");
    }
    is_changed
}

/// One step of a reader of a whole table; false when it is done.
fn read_whole(machine: &mut Capture, reader: &mut Reader, shared: &mut Shared) -> bool {
    let ticket = reader.request.ticket;
    let name = reader.request.schema.name.clone();
    match &reader.step {
        ReaderStep::WaitLow => match machine.low(ticket, &shared.source.reading()) {
            LowVerdict::Good => reader.step = ReaderStep::Read,
            LowVerdict::TooEarly if shared.breaks(Broken::TooEarlyIgnored) => reader.step = ReaderStep::Read,
            LowVerdict::TooEarly => {}
            LowVerdict::Void => return false,
        },
        ReaderStep::Read if shared.breaks(Broken::HighReadFirst) && reader.early_high.is_none() => {
            reader.early_high = Some(shared.source.reading());
        }
        ReaderStep::Read => {
            let Some(rows) = shared.source.read_whole(&name) else {
                reader.step = ReaderStep::WaitLow;
                return true;
            };
            reader.rows = rows;
            reader.step = ReaderStep::High;
        }
        ReaderStep::High => {
            let high =
                reader.early_high.take().or_else(|| shared.settings.incremental.then(|| shared.source.reading()));
            machine.whole_opened(ticket, high);
            reader.step = ReaderStep::Hold;
        }
        ReaderStep::Hold => match machine.whole_state(ticket) {
            WholeState::Wait => {}
            WholeState::Void => {
                shared.coverage.saw("whole table reopened");
                return false;
            }
            WholeState::Publish => return publish_whole(machine, reader, shared),
        },
        ReaderStep::Changed(_) => return false,
    }
    true
}

fn publish_whole(machine: &mut Capture, reader: &mut Reader, shared: &mut Shared) -> bool {
    let ticket = reader.request.ticket;
    // The server no longer shows the state of a snapshot in which the table had another definition.
    if is_changed(reader, shared) {
        machine.whole_failed(ticket);
        return false;
    }
    if shared.breaks(Broken::WholeReadInPieces) && !std::mem::replace(&mut reader.publishing, true) {
        reader.rows = shared.source.read_whole(&reader.request.schema.name).unwrap_or_default();
    }
    if reader.rows.is_empty() {
        machine.whole_done(ticket);
        return false;
    }
    let rest = reader.rows.split_off(shared.random.between(1, 3).min(reader.rows.len()));
    let now = std::mem::replace(&mut reader.rows, rest);
    machine.whole_rows(ticket, now);
    true
}
