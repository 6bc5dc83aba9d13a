//! Capture's state machine: source transactions in, steps out.
//!
//! - A step ends with a watermark in every partition, and only between two source transactions; a transaction larger than
//!   a step is spread over several, whose checkpoints say how much of it is out. No watermark, barrier or chunk is
//!   written until it is complete. A large step has watermarks within, too, also only between two transactions: apply's
//!   cuts are then as small as these, not as a step.
//! - The checkpoint of a step describes exactly what is published when the step is: both are one Kafka transaction. So a
//!   restart builds a new machine from the last committed checkpoint and reads the binlog from there; nothing is skipped
//!   but the images of a transaction that is partly out, and these are compared by hash.
//! - Images of unselected tables are not counted: the selection is part of the fingerprint and cannot differ between the
//!   two readings.
//! - A schema change is a barrier: a watermark with a payload. It voids every open chunk of its table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use millrace_model::batch::{Batch, Control, ReadPurpose, RowChange, RowOperation, SchemaChange, Watermark};
use millrace_model::checkpoint::{Checkpoint, Ended, Load, SourceMark, TableState};
use millrace_model::position::{BinlogPlace, Reading, Transaction};
use millrace_model::schema::SourceOnly;
use millrace_model::{MysqlType, SchemaKey, TableName, TableSchema};

use crate::ProtocolError;
use crate::chunk::Snapshot;
use crate::partial::{OpenTransaction, name_of};
use crate::route::{by_key, partition_of};
use crate::step::StepBuilder;

/// Tables created by one barrier at most: a barrier is one transaction in the destination.
const CREATES_PER_BARRIER: usize = 200;

/// Where the first event of a binlog file begins.
const FIRST_OFFSET: u64 = 4;

/// What bounds a step, and what the task consists of.
#[derive(Debug, Clone)]
pub struct CaptureSettings {
    /// Bytes of one message at most, save for a single larger row.
    pub message_bytes: usize,
    /// Bytes at which a step is committed even inside a transaction.
    pub step_bytes: usize,
    /// Bytes of a step after which a watermark stands within it; none where only its end may be a cut.
    pub watermark_bytes: Option<usize>,
    /// Bytes that the window of a chunk holds of keys; one that would hold more voids its chunk.
    pub window_bytes: usize,
    /// Snapshot readers at work at once.
    pub readers: usize,
    /// Whether tables are created (phase `schema`).
    pub schema: bool,
    /// Whether their rows are read (phase `full`).
    pub full: bool,
    /// Whether the binlog is followed (phase `incremental`).
    pub incremental: bool,
}

/// What one Kafka transaction holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Messages for `<task>.captured`, in order per partition.
    pub batches: Vec<(u32, Batch<MysqlType>)>,
    /// Records for `<task>.schemas`.
    pub schemas: Vec<(SchemaKey<MysqlType>, Arc<TableSchema<MysqlType>>)>,
    /// Records for `<task>.state`, by table id; none for a table that was dropped.
    pub tables: Vec<(u64, Option<TableState>)>,
    /// The record for `<task>.state` that makes this step the resume point.
    pub checkpoint: Checkpoint,
    /// What its entries take, in bytes; beyond what a step may take where a row does.
    pub bytes: usize,
}

/// The state machine. Everything it returns is durable only once the caller committed it; after any failure the caller
/// throws the machine away and makes a new one from what is committed.
#[derive(Debug)]
pub struct Capture {
    pub(crate) settings: CaptureSettings,
    pub(crate) step: StepBuilder,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) tables: BTreeMap<TableName, TableState>,
    pub(crate) dirty: BTreeSet<TableName>,
    pub(crate) dropped: Vec<u64>,
    pub(crate) schemas: Vec<(SchemaKey<MysqlType>, Arc<TableSchema<MysqlType>>)>,
    pub(crate) open: Option<OpenTransaction>,
    pub(crate) snapshot: Snapshot,
    /// The tables whose snapshot is not complete: among thousands that are loaded, the next to read is found at once.
    pub(crate) pending: BTreeSet<TableName>,
    /// Whether the step's last entry already is a watermark.
    pub(crate) sealed: bool,
    /// Bytes that the step had at its last watermark.
    sealed_bytes: usize,
    /// Whether the last step ended inside a transaction: its end must be published even if nothing else is to be.
    owes_watermark: bool,
    /// Hash of a schema's wire form, given by the caller because the wire is not known here.
    pub(crate) schema_hash: fn(&TableSchema<MysqlType>) -> u64,
}

impl Capture {
    /// The machine of a task's first start: `tables` is the schema of the selected tables at `checkpoint`'s place. Its
    /// first step creates them and is the task's first checkpoint.
    pub fn first(
        settings: CaptureSettings,
        checkpoint: Checkpoint,
        tables: Vec<TableSchema<MysqlType>>,
        schema_hash: fn(&TableSchema<MysqlType>) -> u64,
    ) -> Self {
        let mut capture = Self::resume(settings, checkpoint, Vec::new(), schema_hash);
        let load = if capture.settings.full { Load::from_start(ReadPurpose::Load) } else { Load::NotNeeded };
        let mut changes = Vec::new();
        for table in tables {
            let schema = capture.adopt(table, load.clone());
            changes.push(SchemaChange::Create { schema });
        }
        if capture.settings.schema {
            for part in changes.chunks(CREATES_PER_BARRIER) {
                capture.barrier(part.to_vec());
            }
        }
        capture
    }

    /// The machine of a restart.
    pub fn resume(
        settings: CaptureSettings,
        checkpoint: Checkpoint,
        tables: Vec<TableState>,
        schema_hash: fn(&TableSchema<MysqlType>) -> u64,
    ) -> Self {
        let owes_watermark = checkpoint.partial.is_some();
        Self {
            step: StepBuilder::new(&checkpoint.next_sequences, settings.message_bytes),
            snapshot: Snapshot::new(settings.window_bytes),
            pending: tables.iter().filter(|t| t.load.is_pending()).map(|t| t.schema.name.clone()).collect(),
            tables: tables.into_iter().map(|state| (state.schema.name.clone(), state)).collect(),
            settings,
            checkpoint,
            dirty: BTreeSet::new(),
            dropped: Vec::new(),
            schemas: Vec::new(),
            open: None,
            sealed: false,
            sealed_bytes: 0,
            owes_watermark,
            schema_hash,
        }
    }

    /// The state of a selected table.
    pub fn table(&self, name: &TableName) -> Option<&TableState> {
        self.tables.get(name)
    }

    /// Notes what of a table's definition does not travel; kept with its state.
    pub fn note(&mut self, table: &TableName, source_only: SourceOnly) {
        if let Some(state) = self.tables.get_mut(table)
            && state.source_only != source_only
        {
            state.source_only = source_only;
            self.dirty.insert(table.clone());
        }
    }

    /// All tables by name.
    pub fn tables(&self) -> impl ExactSizeIterator<Item = (&TableName, &TableState)> {
        self.tables.iter()
    }

    /// Number of tables whose snapshot is not complete.
    pub fn tables_to_load(&self) -> usize {
        self.pending.len()
    }

    /// Where the source is, with what this machine has taken but not yet published; none without incremental.
    pub fn source(&self) -> Option<&SourceMark> {
        self.checkpoint.source.as_ref()
    }

    /// The run of the task and the fingerprint, which every message carries.
    pub fn envelope_of(&self) -> (String, [u8; 16]) {
        (self.checkpoint.task_id.clone(), self.checkpoint.fingerprint)
    }

    /// Rows that the next step holds.
    pub fn rows_in_step(&self) -> u64 {
        self.step.rows()
    }

    /// Whether `End` was pushed or published.
    pub fn ended(&self) -> Ended {
        self.checkpoint.ended
    }

    /// A binlog file begins, or the stream begins in it; `created` is the header timestamp of its first format
    /// description event.
    pub fn file_begins(&mut self, file: &Arc<str>, created: u32) {
        let Some(source) = &mut self.checkpoint.source else { return };
        let begin = BinlogPlace::new(file.clone(), FIRST_OFFSET);
        if begin.file_number() > source.place.file_number() {
            source.move_to(begin);
        }
        if source.place.file == *file {
            source.file_created = created;
        }
    }

    /// A source transaction begins.
    pub fn begin(&mut self, transaction: Arc<Transaction>) -> Result<(), ProtocolError> {
        let found = name_of(&transaction);
        match &self.checkpoint.partial {
            // Prepared transactions come again before the one that is partly out.
            Some(partial) if partial.name != found && !self.was_prepared(&transaction) => {
                return Err(ProtocolError::PartialMissing { expected: partial.name.clone(), found });
            }
            Some(partial) if partial.name != found => {
                self.open = Some(OpenTransaction::new(transaction, None));
            }
            _ => {
                let published = self.checkpoint.partial.take();
                self.open = Some(OpenTransaction::new(transaction, published));
            }
        }
        Ok(())
    }

    /// Row images of the open transaction, of one selected table of which every operation is replicated.
    pub fn rows(
        &mut self,
        table: &TableName,
        changes: impl IntoIterator<Item = RowChange>,
    ) -> Result<(), ProtocolError> {
        self.rows_of(table, changes, |_| true)
    }

    /// Row images of the open transaction, of one selected table of which only some operations are replicated: a key that
    /// others touch stays in its chunk, because nothing else would bring its row to the destination.
    pub fn rows_of(
        &mut self,
        table: &TableName,
        changes: impl IntoIterator<Item = RowChange>,
        is_replicated: impl Fn(RowOperation) -> bool,
    ) -> Result<(), ProtocolError> {
        let unknown = || ProtocolError::TableUnknown(table.to_string());
        let state = self.tables.get(table).ok_or_else(unknown)?;
        let (schema, key) = (state.schema.clone(), state.key);
        // `Reset` and the snapshot behind it supersede such rows: a destination without them could not delete any.
        let superseded = state.load.is_pending() && !schema.is_keyed();
        self.barrier_before_rows();
        for change in changes {
            let open = self.open.as_mut().ok_or_else(unknown)?;
            let ordinal = open.images;
            open.count(schema.table_id, &change);
            if let Some(published) = &open.published
                && open.images <= published.images
            {
                if open.images == published.images && open.hash != published.hash {
                    let (name, images) = (published.name.clone(), published.images);
                    return Err(ProtocolError::PartialDiffers { name, images });
                }
                continue;
            }
            let transaction = open.transaction.clone();
            if superseded {
                self.snapshot.streamed(schema.table_id, &millrace_model::Row::default());
                continue;
            }
            self.sealed = false;
            for (at, change) in by_key(&schema, change) {
                if change.operation().is_none_or(&is_replicated) {
                    self.snapshot.streamed(schema.table_id, &at);
                }
                let to = partition_of(&schema, &at, self.step.partitions());
                self.step.push_row(to, key, Some(&transaction), ordinal, change);
            }
        }
        Ok(())
    }

    /// The open transaction is complete; the next begins at `end`.
    pub fn commit(&mut self, end: BinlogPlace) -> Result<(), ProtocolError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        if let Some(published) = &open.published
            && open.images < published.images
        {
            return Err(ProtocolError::PartialDiffers { name: published.name.clone(), images: open.images });
        }
        if let Some(source) = &mut self.checkpoint.source {
            source.prepared.retain(|prepared| open.ends.as_ref() != Some(&prepared.xid));
            source.committed_at = open.transaction.committed_at;
            if let Some(gtid) = &open.transaction.gtid {
                source.last_gtid = gtid.to_string();
                if let Reading::Gtids(set) = &mut source.delivered {
                    set.add(gtid);
                }
            }
            source.move_to(end);
        }
        self.sealed = false;
        if !open.changes.is_empty() {
            self.barrier(open.changes);
        }
        self.publish_passed();
        Ok(())
    }

    /// The source had nothing more up to `place` at this moment (microseconds since 1970-01-01 UTC): the next watermark
    /// says so.
    pub fn idle(&mut self, place: BinlogPlace, now: u64) {
        if !self.is_between_transactions() {
            return;
        }
        if let Some(source) = &mut self.checkpoint.source {
            if place > source.place {
                source.move_to(place);
            }
            source.committed_at = source.committed_at.max(now);
        }
        self.sealed = false;
        self.publish_passed();
    }

    /// Whether the machine stands between two transactions: none is open, and none that is partly out is still to come.
    pub fn is_between_transactions(&self) -> bool {
        self.open.is_none() && self.checkpoint.partial.is_none()
    }

    /// Whether the step must be committed now, even inside a transaction.
    pub fn is_full(&self) -> bool {
        self.step.bytes() >= self.settings.step_bytes && !self.is_changing()
    }

    /// Whether the step is far beyond full, which only a large row makes it: nothing else is to be read until it is out, so
    /// that no two such rows are here at once.
    pub fn is_overfull(&self) -> bool {
        self.step.bytes() >= 2 * self.settings.step_bytes
    }

    /// Whether the open transaction has changed a table's definition and neither had a row since nor ended: no step ends
    /// there, because a restart would make the change again.
    fn is_changing(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.changes.is_empty())
    }

    /// Whether there is something to publish, and it may be published here.
    pub fn has_step(&self) -> bool {
        if self.is_changing() {
            return false;
        }
        let completes = self.owes_watermark && self.is_between_transactions();
        completes || !self.step.is_empty() || !self.dirty.is_empty() || !self.schemas.is_empty()
    }

    /// Ends the step: seals it with a watermark if it stands between two transactions, and hands it out.
    pub fn take_step(&mut self) -> Step {
        self.barrier_before_rows();
        self.seal();
        let mut checkpoint = self.checkpoint.clone();
        checkpoint.next_sequences = self.step.next_sequences();
        let partial = self.open.as_ref().map(OpenTransaction::partial);
        checkpoint.partial = partial.or(checkpoint.partial);
        self.owes_watermark = checkpoint.partial.is_some();
        self.checkpoint.next_sequences.clone_from(&checkpoint.next_sequences);
        let dirty = std::mem::take(&mut self.dirty);
        let states = dirty.iter().filter_map(|name| self.tables.get(name));
        let mut tables: Vec<_> =
            std::mem::take(&mut self.dropped).into_iter().map(|table_id| (table_id, None)).collect();
        tables.extend(states.map(|state| (state.schema.table_id, Some(state.clone()))));
        (self.sealed, self.sealed_bytes) = (false, 0);
        let (bytes, schemas) = (self.step.bytes(), std::mem::take(&mut self.schemas));
        Step { batches: self.step.take(), schemas, tables, checkpoint, bytes }
    }

    /// Like [`Capture::take_step`], for what was before the open transaction; none where that has no rows whose step is not
    /// ended, or where something of the transaction is here already. The checkpoint is the one that the step had if the transaction had not
    /// begun, so a restart reads it from its beginning.
    pub fn take_step_before_open(&mut self) -> Option<Step> {
        let has_rows = self.step.rows() > 0 || self.owes_watermark;
        if !has_rows || self.checkpoint.partial.is_some() {
            return None;
        }
        let open = self.open.take_if(|open| open.is_untouched())?;
        let step = self.take_step();
        self.open = Some(open);
        Some(step)
    }

    /// Ends a task without incremental once everything is loaded: pushes `End`.
    pub fn end_if_complete(&mut self) {
        if !self.settings.incremental && self.checkpoint.ended == Ended::No && self.pending.is_empty() {
            let watermark = self.next_watermark();
            self.step.push_control(&Control::End(watermark));
            self.checkpoint.ended = Ended::Yes;
            self.sealed = true;
        }
    }

    pub(crate) fn next_watermark(&mut self) -> Watermark {
        let ordinal = self.checkpoint.next_watermark;
        self.checkpoint.next_watermark += 1;
        match &self.checkpoint.source {
            Some(source) => Watermark {
                ordinal,
                place: Some(source.place.clone()),
                gtid: source.last_gtid.clone(),
                committed_at: source.committed_at,
            },
            None => Watermark { ordinal, place: None, gtid: String::new(), committed_at: 0 },
        }
    }

    /// Puts a watermark behind what the step has, where that is much since its last one and complete.
    pub(crate) fn seal_what_is_much(&mut self) {
        let Some(much) = self.settings.watermark_bytes else { return };
        if self.step.bytes() - self.sealed_bytes >= much {
            self.seal();
        }
    }

    /// Puts a watermark behind what the step has, where that is complete and has none.
    fn seal(&mut self) {
        if self.is_between_transactions() && !self.sealed && self.checkpoint.ended == Ended::No {
            let watermark = self.next_watermark();
            self.step.push_control(&Control::Watermark(watermark));
            (self.sealed, self.sealed_bytes) = (true, self.step.bytes());
        }
    }

    pub(crate) fn unseal(&mut self) {
        self.sealed = false;
    }
}
