//! Events of the binlog, into capture's machine.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use millrace_model::batch::RowChange;
use millrace_model::row::RowWriter;
use millrace_model::{Failure, MysqlType, SchemaKey, TableName};
use millrace_mysql::binlog::{RowDecoder, RowImage, RowsBatch, SourceEvent, TableMap};
use millrace_protocol::capture::Capture;
use millrace_task::Task;

use crate::statements::Statements;

/// Decoders of the tables that came by, each for one table map and one schema.
pub(crate) struct Translator {
    task: Arc<Task>,
    statements: Statements,
    decoders: HashMap<TableName, Decoder>,
    writer: RowWriter,
}

struct Decoder {
    map: Arc<TableMap>,
    schema: SchemaKey<MysqlType>,
    rows: RowDecoder,
}

/// What an event means for the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It is in the machine.
    Taken,
    /// The source has nothing new: time for an idle watermark.
    Idle,
}

impl Translator {
    /// A translator for the task's selection.
    pub(crate) fn new(task: Arc<Task>, statements: Statements) -> Self {
        Self { task, statements, decoders: HashMap::new(), writer: RowWriter::new() }
    }

    /// Gives one event to the machine.
    pub(crate) fn take(&mut self, capture: &mut Capture, event: SourceEvent) -> Result<Meaning, Failure> {
        match event {
            SourceEvent::Begin(transaction) => capture.begin(transaction)?,
            SourceEvent::Rows(rows) => self.rows(capture, &rows)?,
            SourceEvent::Statement(statement) => self.statements.take(capture, &self.task, &statement)?,
            SourceEvent::Commit { end } => capture.commit(end)?,
            SourceEvent::Prepared { xid, end } => capture.prepared(&xid, end),
            SourceEvent::EndsPrepared { xid } => capture.ends_prepared(&xid),
            SourceEvent::FormatDescription { file, created, .. } => capture.file_begins(&file, created),
            SourceEvent::Rotated { .. } => {}
            SourceEvent::Heartbeat { place } => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                capture.idle(place, now.as_micros() as u64);
                return Ok(Meaning::Idle);
            }
        }
        Ok(Meaning::Taken)
    }

    fn rows(&mut self, capture: &mut Capture, rows: &RowsBatch) -> Result<(), Failure> {
        let name = &rows.map.name;
        let Some(rule) = self.task.selection.selects(name) else { return Ok(()) };
        let operations = rule.operations();
        let state = capture.table(name).ok_or_else(|| unknown_table(name))?;
        let is_current = self
            .decoders
            .get(name)
            .is_some_and(|decoder| Arc::ptr_eq(&decoder.map, &rows.map) && decoder.schema == state.key);
        if !is_current {
            let decoder = RowDecoder::new(&rows.map, &state.schema)
                .map_err(|mismatch| Failure::fatal(mismatch.to_string(), mismatch.hint()))?;
            let decoder = Decoder { map: rows.map.clone(), schema: state.key, rows: decoder };
            self.decoders.insert(name.clone(), decoder);
        }
        let Some(decoder) = self.decoders.get(name) else { return Ok(()) };
        let images = decoder.rows.decode(rows, &mut self.writer)?;
        let changes: Vec<RowChange> = images.map(|image| image.map(to_change)).collect::<Result<_, _>>()?;
        Ok(capture.rows_of(name, changes, |operation| operations.contains(operation))?)
    }
}

fn to_change(image: RowImage) -> RowChange {
    match image {
        RowImage::Insert(row) => RowChange::Insert(row),
        RowImage::Update { before, after } => RowChange::Update { before, after },
        RowImage::Delete(row) => RowChange::Delete(row),
    }
}

fn unknown_table(name: &TableName) -> Failure {
    Failure::fatal(
        format!("the binlog has rows of table \"{name}\", whose definition is not known at this position"),
        "start a new task under another name",
    )
}
