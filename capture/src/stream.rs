//! Events of the binlog, into capture's machine.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use millrace_model::batch::RowChange;
use millrace_model::row::RowWriter;
use millrace_model::{Failure, MysqlType, Reading, SchemaKey, TableName};
use millrace_mysql::binlog::{RowDecoder, RowImage, RowsBatch, SourceEvent, TableMap};
use millrace_mysql::charset::Charsets;
use millrace_mysql::{Session, SourceOptions};
use millrace_protocol::capture::Capture;
use millrace_task::Task;

use crate::arrivals::Arrivals;
use crate::start::{adopted, ensure_charsets_are_known};
use crate::statements::{Statements, ensure_name_is_free};

/// Decoders of the tables that came by, each for one table map and one schema.
pub(crate) struct Translator {
    task: Arc<Task>,
    statements: Statements,
    /// Tables whose definition is being read.
    pub(crate) arrivals: Arrivals,
    decoders: HashMap<TableName, Decoder>,
    charsets: Charsets,
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
    pub(crate) fn new(task: Arc<Task>, statements: Statements, arrivals: Arrivals) -> Self {
        let (decoders, charsets) = (HashMap::new(), Charsets::default());
        Self { task, statements, arrivals, decoders, charsets, writer: RowWriter::new() }
    }

    /// Asks the source for what is missing to read the text of an event's rows: once for each character set that needs it.
    pub(crate) async fn learn_charsets(
        &mut self,
        capture: &Capture,
        options: &SourceOptions,
        event: &SourceEvent,
    ) -> Result<(), Failure> {
        let SourceEvent::Rows(rows) = event else { return Ok(()) };
        let Some(state) = capture.table(&rows.map.name) else { return Ok(()) };
        if self.has_decoder(rows, state.key) || self.charsets.cover(&state.schema) {
            return Ok(());
        }
        let mut session = Session::connect(options).await?;
        self.charsets.complete(&mut session, &state.schema).await?;
        session.close().await;
        Ok(())
    }

    /// Whether the event may change the definition of a table that moves.
    pub(crate) fn alters(&self, capture: &Capture, event: &SourceEvent) -> bool {
        matches!(event, SourceEvent::Statement(statement) if self.statements.alters(capture, statement))
    }

    /// Gives one event to the machine.
    pub(crate) fn take(&mut self, capture: &mut Capture, event: SourceEvent) -> Result<Meaning, Failure> {
        match event {
            SourceEvent::Begin(transaction) => capture.begin(transaction)?,
            SourceEvent::Rows(rows) => self.rows(capture, &rows)?,
            SourceEvent::Statement(statement) => {
                self.statements.take(capture, &mut self.arrivals, &self.task, &statement)?;
            }
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

    fn has_decoder(&self, rows: &RowsBatch, schema: SchemaKey<MysqlType>) -> bool {
        let decoder = self.decoders.get(&rows.map.name);
        decoder.is_some_and(|decoder| Arc::ptr_eq(&decoder.map, &rows.map) && decoder.schema == schema)
    }

    fn rows(&mut self, capture: &mut Capture, rows: &RowsBatch) -> Result<(), Failure> {
        let name = &rows.map.name;
        let Some(rule) = self.task.selection.selects(name) else { return Ok(()) };
        let operations = rule.operations();
        let Some(state) = capture.table(name) else {
            // The load that follows supersedes rows that come before it.
            let is_superseded = self.arrivals.contains(name) || self.arrivals.is_gone(name, delivered(capture));
            return if is_superseded { Ok(()) } else { Err(unknown_table(name)) };
        };
        if !self.has_decoder(rows, state.key) {
            let decoder = RowDecoder::new(&rows.map, &state.schema, &self.charsets)
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

impl Translator {
    /// Between two transactions: creates the tables whose definition is known by now, and has others read.
    pub(crate) fn settle(&mut self, capture: &mut Capture) -> Result<(), Failure> {
        if self.arrivals.is_empty() {
            return Ok(());
        }
        let Some(delivered) = delivered(capture).cloned() else { return Ok(()) };
        for table in self.arrivals.arrived(&delivered) {
            let (name, source_only) = (table.name.clone(), table.source_only.clone());
            ensure_name_is_free(capture, &self.task, &name)?;
            self.statements.ensure_its_cascades_are_logged(&table, &self.task)?;
            let schema = adopted(table, &self.task);
            ensure_charsets_are_known(&name, &schema)?;
            capture.arrive(schema);
            capture.note(&name, source_only);
        }
        self.arrivals.ask(&delivered);
        Ok(())
    }
}

/// All that the stream has delivered.
pub(crate) fn delivered(capture: &Capture) -> Option<&Reading> {
    capture.source().map(|source| &source.delivered)
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
