//! The state machine between framed events and transactions. Pure: it takes one event at a time.
//!
//! Closed world: each event type is either part of a transaction, known to say nothing about data, or an error that
//! names it. The states make sure that nothing is taken for complete that is not:
//! - rows count only between the transaction's begin and its commit, and only with a table map of the same transaction;
//! - inside of a transaction every event begins where the last one ended, so none can be missing;
//! - a compressed transaction must give exactly as many bytes of inner events as its outer event promises, before the
//!   next outer event. The driver drops a payload that it cannot inflate without an error; here it shows.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use millrace_model::gtid::GtidSource;
use millrace_model::{BinlogPlace, Gtid, Transaction};

use super::cursor::Cursor;
use super::error::{BinlogError, Refusal};
use super::event::{GtidFields, Level, RawEvent, RowsBatch, RowsKind, SourceEvent, kind, kind_name};
use super::event_parts::{description_version, payload_size, rows_parts, uuid_text};
use super::place::{Gaps, Whereabouts};
use super::query::{Meaning, Query};
use super::selection::TableFilter;
use super::table_map::{self, TableMap};
use super::xa::{OpenXa, Waiting, XaRows};
use distributed::ReadAgain;

/// Set by the server on events that it makes up for the stream.
const ARTIFICIAL: u16 = 0x20;
/// Set on events of which MySQL itself says that a reader who does not know them may pass them over.
const IGNORABLE: u16 = 0x80;
/// The table id of the rows event that only ends a statement.
const NO_TABLE: u64 = 0x00ff_ffff;
/// Table maps remembered over transactions; beyond, all are forgotten and parsed anew.
const MAX_TABLE_MAPS: usize = 4096;

/// Where in a transaction the stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Between transactions.
    Outside,
    /// Its GTID event came.
    Announced(Arc<Transaction>),
    /// It was begun; rows may come.
    Open(Arc<Transaction>, Logged),
    /// The same for a distributed transaction, whose rows wait.
    Xa(OpenXa),
}

/// Whether a transaction has rows already: then a rollback would have to take them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Logged {
    Nothing,
    Rows,
}

/// The transaction payload that is being given event by event.
#[derive(Debug)]
struct Payload {
    place: BinlogPlace,
    left: u64,
}

/// What a reader of transactions remembers.
#[derive(Debug)]
pub(crate) struct Transactions {
    whereabouts: Whereabouts,
    /// Where the last complete transaction ended.
    boundary: BinlogPlace,
    /// Whether transactions are left out on request.
    gaps: Gaps,
    state: State,
    payload: Option<Payload>,
    /// All table maps seen, by table id.
    known: HashMap<u64, Arc<TableMap>>,
    /// Those of the open transaction.
    current: HashMap<u64, Arc<TableMap>>,
    source: Option<([u8; 16], GtidSource)>,
    ready: VecDeque<SourceEvent>,
    /// Rows of other tables are passed over.
    filter: TableFilter,
    xa: XaRows,
    waiting: Waiting,
    /// Transactions before this place were given before: of them only the rows of prepared ones are wanted.
    given_before: Option<BinlogPlace>,
    /// The prepared transaction whose rows were forgotten and that takes effect now.
    to_read_again: Option<ReadAgain>,
}

/// An event with the place of its (outer) beginning, and its name for errors.
struct Placed<'a> {
    event: &'a RawEvent,
    place: BinlogPlace,
}

impl Placed<'_> {
    fn wrong(&self, what: &'static str) -> BinlogError {
        BinlogError::Event { place: self.place.clone(), event: kind_name(self.event.kind), what }
    }

    fn refused(&self, refusal: Refusal) -> BinlogError {
        BinlogError::Refused { place: self.place.clone(), event: kind_name(self.event.kind), refusal }
    }

    fn cut_short(&self) -> BinlogError {
        self.wrong("it is cut short")
    }
}

impl Transactions {
    pub(crate) fn new(start: BinlogPlace, gaps: Gaps) -> Self {
        Self {
            whereabouts: Whereabouts::new(start.clone()),
            boundary: start,
            gaps,
            state: State::Outside,
            payload: None,
            known: HashMap::new(),
            current: HashMap::new(),
            source: None,
            ready: VecDeque::new(),
            filter: TableFilter::all(),
            xa: XaRows::new(),
            waiting: Waiting::Kept,
            given_before: None,
            to_read_again: None,
        }
    }

    /// With the rows of these tables only.
    pub(crate) fn set_filter(&mut self, filter: TableFilter) {
        self.filter = filter;
    }

    /// Where reading stands.
    pub(crate) fn place(&self) -> BinlogPlace {
        self.whereabouts.place()
    }

    /// The next event for the caller, if one is ready.
    pub(crate) fn take(&mut self) -> Option<SourceEvent> {
        self.ready.pop_front()
    }

    /// Takes the next framed event. After an error nothing more may be asked.
    pub(crate) fn accept(&mut self, event: &RawEvent) -> Result<(), BinlogError> {
        let place = self.locate(event)?;
        let placed = Placed { event, place };
        match event.kind {
            kind::GTID | kind::ANONYMOUS_GTID | kind::GTID_TAGGED => self.announce(&placed),
            kind::MARIA_DB_GTID => self.announce_maria_db(&placed),
            kind::QUERY => self.query(&placed),
            kind::TABLE_MAP => self.table_map(&placed),
            kind::WRITE_ROWS | kind::WRITE_ROWS_V1 => self.rows(&placed, RowsKind::Insert),
            kind::UPDATE_ROWS | kind::UPDATE_ROWS_V1 => self.rows(&placed, RowsKind::Update),
            kind::PARTIAL_UPDATE_ROWS => self.rows(&placed, RowsKind::UpdateInPart),
            kind::DELETE_ROWS | kind::DELETE_ROWS_V1 => self.rows(&placed, RowsKind::Delete),
            kind::XID => self.commit(&placed),
            kind::TRANSACTION_PAYLOAD => self.payload(&placed),
            kind::ROTATE => self.rotate(&placed),
            kind::FORMAT_DESCRIPTION => self.describe(&placed),
            kind::HEARTBEAT => self.heartbeat(&placed),
            kind::MARIA_DB_ANNOTATE_ROWS | kind::MARIA_DB_CHECKPOINT | kind::MARIA_DB_GTID_LIST => Ok(()),
            kind::STOP
            | kind::PREVIOUS_GTIDS
            | kind::ROWS_QUERY
            | kind::IGNORABLE
            | kind::VIEW_CHANGE
            | kind::TRANSACTION_CONTEXT => Ok(()),
            kind::XA_PREPARE => self.xa_prepare(&placed),
            kind::INCIDENT => Err(placed.refused(Refusal::Incident)),
            kind::INTVAR | kind::RAND | kind::USER_VAR if matches!(self.state, State::Open(..)) => Ok(()),
            kind::INTVAR | kind::RAND | kind::USER_VAR | 0x06 | 0x08..=0x0c | 0x11 | 0x12 => {
                Err(placed.refused(Refusal::StatementFormat))
            }
            _ if event.flags & IGNORABLE != 0 => Ok(()),
            _ => Err(placed.refused(Refusal::Unknown)),
        }
    }

    /// Where an event begins; counts its bytes.
    fn locate(&mut self, event: &RawEvent) -> Result<BinlogPlace, BinlogError> {
        let here = self.whereabouts.place();
        let wrong = |what| BinlogError::Event { place: here.clone(), event: kind_name(event.kind), what };
        match (event.level, self.payload.take()) {
            (Level::Outer, Some(_)) => Err(wrong("the compressed transaction before it did not come whole")),
            (Level::Inner, None) => Err(wrong("it is not part of a compressed transaction")),
            (Level::Inner, Some(payload)) => {
                let left = payload.left.checked_sub(u64::from(event.size));
                let left = left.ok_or_else(|| wrong("the compressed transaction holds more than it promised"))?;
                let place = payload.place.clone();
                self.payload = (left > 0).then_some(Payload { left, ..payload });
                Ok(place)
            }
            (Level::Outer, None) => {
                let made_up = event.flags & ARTIFICIAL != 0 || event.log_pos == 0;
                let has_no_place = match event.kind {
                    kind::HEARTBEAT => true,
                    kind::ROTATE | kind::FORMAT_DESCRIPTION => made_up,
                    _ => false,
                };
                if has_no_place {
                    return Ok(here);
                }
                let gaps = match (self.gaps, &self.state) {
                    (Gaps::Anywhere, _) => Gaps::Anywhere,
                    (gaps, State::Outside) => gaps,
                    _ => Gaps::Forbidden,
                };
                let place = self.whereabouts.advance(event.size, event.log_pos, gaps);
                place.ok_or_else(|| wrong("it does not begin where the event before it ended"))
            }
        }
    }

    fn announce(&mut self, placed: &Placed<'_>) -> Result<(), BinlogError> {
        let Some(fields) = &placed.event.gtid else { return Err(placed.cut_short()) };
        let gtid = (fields.number > 0).then(|| Gtid { source: self.gtid_source(fields), number: fields.number });
        let transaction = self.transaction(placed, gtid, fields.committed_at)?;
        self.state = State::Announced(transaction);
        Ok(())
    }

    /// The beginning of a transaction, from its first event.
    fn transaction(
        &mut self,
        placed: &Placed<'_>,
        gtid: Option<Gtid>,
        committed_at: u64,
    ) -> Result<Arc<Transaction>, BinlogError> {
        if self.state != State::Outside {
            return Err(placed.wrong("the transaction before it did not end"));
        }
        let committed_at = match committed_at {
            0 => u64::from(placed.event.timestamp) * 1_000_000,
            micros => micros,
        };
        let transaction = Arc::new(Transaction { place: placed.place.clone(), gtid, committed_at });
        self.current.clear();
        self.boundary = placed.place.clone();
        self.give(SourceEvent::Begin(transaction.clone()));
        Ok(transaction)
    }

    fn gtid_source(&mut self, fields: &GtidFields) -> GtidSource {
        if let Some((uuid, source)) = &self.source
            && *uuid == fields.uuid
            && *source.tag == *fields.tag
        {
            return source.clone();
        }
        let source = GtidSource { uuid: uuid_text(&fields.uuid).into(), tag: fields.tag.as_str().into() };
        self.source = Some((fields.uuid, source.clone()));
        source
    }

    fn query(&mut self, placed: &Placed<'_>) -> Result<(), BinlogError> {
        let query = Query::parse(&placed.event.data).ok_or_else(|| placed.cut_short())?;
        match (query.meaning(), &self.state) {
            (Meaning::Nothing, _) => Ok(()),
            (Meaning::Xa, _) => self.xa_statement(placed, query.text),
            (Meaning::Begin, State::Announced(transaction)) => {
                self.state = State::Open(transaction.clone(), Logged::Nothing);
                Ok(())
            }
            // Servers that do not announce transactions.
            (Meaning::Begin, State::Outside) => {
                self.state = State::Open(self.transaction(placed, None, 0)?, Logged::Nothing);
                Ok(())
            }
            (Meaning::Commit | Meaning::Rollback, State::Open(_, Logged::Nothing))
            | (Meaning::Commit, State::Open(..)) => self.commit(placed),
            (Meaning::RollbackTo, State::Open(_, Logged::Nothing)) => Ok(()),
            (Meaning::Rollback | Meaning::RollbackTo, State::Open(_, Logged::Rows) | State::Xa(_)) => {
                Err(placed.refused(Refusal::RolledBack))
            }
            (Meaning::Definition | Meaning::Other, State::Xa(_)) => Err(placed.refused(Refusal::StatementFormat)),
            (Meaning::Definition, State::Open(..)) => self.statement(placed, &query),
            (Meaning::Other, State::Open(..)) if query.is_elsewhere(|name| self.filter.selects_in(name)) => Ok(()),
            (Meaning::Other, State::Open(..)) => Err(placed.refused(Refusal::StatementFormat)),
            (Meaning::Definition | Meaning::Other, State::Announced(_)) => self.lone_statement(placed, &query),
            (Meaning::Definition | Meaning::Other, State::Outside) => {
                self.state = State::Announced(self.transaction(placed, None, 0)?);
                self.lone_statement(placed, &query)
            }
            (Meaning::Begin, State::Open(..) | State::Xa(_)) => {
                Err(placed.wrong("it begins a transaction inside of another"))
            }
            (Meaning::Commit | Meaning::Rollback | Meaning::RollbackTo, _) => {
                Err(placed.wrong("it ends a transaction that was not begun"))
            }
        }
    }

    fn statement(&mut self, placed: &Placed<'_>, query: &Query<'_>) -> Result<(), BinlogError> {
        let statement = query.statement(placed.place.clone()).ok_or_else(|| placed.refused(Refusal::Charset))?;
        self.give(SourceEvent::Statement(statement));
        Ok(())
    }

    /// A statement that stands alone commits with itself.
    fn lone_statement(&mut self, placed: &Placed<'_>, query: &Query<'_>) -> Result<(), BinlogError> {
        self.statement(placed, query)?;
        self.end_transaction();
        Ok(())
    }

    fn commit(&mut self, placed: &Placed<'_>) -> Result<(), BinlogError> {
        if !matches!(self.state, State::Open(..)) {
            return Err(placed.wrong("it ends a transaction that was not begun"));
        }
        if self.payload.is_some() {
            return Err(placed.wrong("it ends its transaction before the compressed payload does"));
        }
        self.end_transaction();
        Ok(())
    }

    fn end_transaction(&mut self) {
        let end = self.whereabouts.place();
        self.give(SourceEvent::Commit { end: end.clone() });
        self.state = State::Outside;
        self.boundary = end;
    }

    fn table_map(&mut self, placed: &Placed<'_>) -> Result<(), BinlogError> {
        if !matches!(self.state, State::Open(..) | State::Xa(_)) {
            return Err(placed.wrong("it stands outside of a transaction"));
        }
        let data = &placed.event.data;
        let id = table_map::table_id(data).ok_or_else(|| placed.cut_short())?;
        let map = match self.known.get(&id) {
            Some(map) if map.is_of(data) => map.clone(),
            _ => {
                let map = Arc::new(TableMap::parse(data.clone()).map_err(|what| placed.wrong(what))?);
                if self.known.len() >= MAX_TABLE_MAPS {
                    self.known.clear();
                }
                self.known.insert(id, map.clone());
                map
            }
        };
        self.current.insert(id, map);
        Ok(())
    }

    fn rows(&mut self, placed: &Placed<'_>, rows: RowsKind) -> Result<(), BinlogError> {
        if !matches!(self.state, State::Open(..) | State::Xa(_)) {
            return Err(placed.wrong("it stands outside of a transaction"));
        }
        let (id, columns, data) = rows_parts(placed.event).ok_or_else(|| placed.cut_short())?;
        if id == NO_TABLE {
            return Ok(());
        }
        let map = self.current.get(&id).ok_or_else(|| placed.wrong("its transaction does not describe its table"))?;
        if columns != map.columns.len() as u64 {
            return Err(placed.wrong("it has another number of columns than its table"));
        }
        if !self.filter.selects(&map.name) {
            return Ok(());
        }
        let batch = RowsBatch { map: map.clone(), kind: rows, place: placed.place.clone(), data };
        match &mut self.state {
            State::Xa(open) if self.waiting == Waiting::Kept => self.xa.keep(open, batch),
            State::Open(_, logged) => {
                *logged = Logged::Rows;
                self.give(SourceEvent::Rows(batch));
            }
            _ => self.give(SourceEvent::Rows(batch)),
        }
        Ok(())
    }

    fn payload(&mut self, placed: &Placed<'_>) -> Result<(), BinlogError> {
        if !matches!(self.state, State::Announced(_)) {
            return Err(placed.wrong("it stands outside of a transaction"));
        }
        let left = payload_size(&placed.event.data).ok_or_else(|| placed.cut_short())?;
        if left == 0 {
            return Err(placed.wrong("it holds nothing"));
        }
        self.payload = Some(Payload { place: placed.place.clone(), left });
        Ok(())
    }

    fn rotate(&mut self, placed: &Placed<'_>) -> Result<(), BinlogError> {
        if self.state != State::Outside {
            return Err(placed.wrong("the file ends inside of a transaction"));
        }
        let mut cursor = Cursor::new(&placed.event.data);
        let offset = cursor.uint(8).ok_or_else(|| placed.cut_short())?;
        let mut name = cursor.rest();
        // MariaDB's first, made before the stream's checksums are known, has one behind the name.
        if name.strip_prefix(self.whereabouts.place().file.as_bytes()).is_some_and(|rest| rest.len() == 4) {
            name = &name[..name.len() - 4];
        }
        let file = std::str::from_utf8(name).map_err(|_| placed.wrong("the file's name is not text"))?;
        // The next file is named twice: at the end of the last one, and by the server before the first event of it.
        let here = self.whereabouts.place();
        if self.whereabouts.is_at(file) && here.offset == offset {
            return Ok(());
        }
        let to = BinlogPlace::new(file, offset);
        if to.file_number() < here.file_number() {
            return Err(placed.wrong("it goes back to a file before: the source's binlog was reset"));
        }
        self.whereabouts.move_to(to.clone());
        self.boundary = to.clone();
        self.give(SourceEvent::Rotated { to });
        Ok(())
    }

    fn describe(&mut self, placed: &Placed<'_>) -> Result<(), BinlogError> {
        if self.state != State::Outside {
            return Err(placed.wrong("a file begins inside of a transaction"));
        }
        let server_version =
            description_version(&placed.event.data).ok_or_else(|| placed.wrong("the binlog has an unknown format"))?;
        self.boundary = self.whereabouts.place();
        let created = placed.event.timestamp;
        let file = self.boundary.file.clone();
        self.give(SourceEvent::FormatDescription { file, created, server_version });
        Ok(())
    }

    fn heartbeat(&mut self, placed: &Placed<'_>) -> Result<(), BinlogError> {
        if self.state == State::Outside {
            if self.gaps != Gaps::Forbidden && self.whereabouts.is_at(&String::from_utf8_lossy(&placed.event.data)) {
                self.whereabouts.skip_to(placed.event.log_pos);
            }
            self.boundary = self.whereabouts.place();
        }
        self.give(SourceEvent::Heartbeat { place: self.boundary.clone() });
        Ok(())
    }
}

mod distributed;
mod maria_db;

#[cfg(test)]
mod tests;
