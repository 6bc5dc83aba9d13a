//! Events: as the driver frames them ([`RawEvent`]), and as the stream gives them to capture ([`SourceEvent`]).

use std::sync::Arc;

use bytes::Bytes;
use millrace_model::{BinlogPlace, Transaction};

use super::table_map::TableMap;
use crate::charset::Charset;

/// What the source's binlog says, in its order.
///
/// A transaction is always `Begin`, any number of `Rows` and `Statement`, `Commit`. A statement that stands alone in the
/// binlog (DDL commits implicitly) is a transaction of its own with nothing else in it: `Begin`, `Statement`, `Commit`.
/// A statement may also come with rows: `CREATE TABLE ... SELECT` is logged as one transaction. The others come only
/// between transactions, except `Heartbeat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceEvent {
    /// A transaction begins.
    Begin(Arc<Transaction>),
    /// Changed rows of one table.
    Rows(RowsBatch),
    /// A statement logged as text: DDL, or something that the caller has to judge.
    Statement(Statement),
    /// The transaction is complete.
    Commit {
        /// Where its last event ends, which is where reading can begin again.
        end: BinlogPlace,
    },
    /// Instead of `Commit`: the transaction was prepared (XA PREPARE). Its rows come in the transaction that commits it.
    Prepared {
        /// Its XID, as the server prints it.
        xid: Arc<str>,
        /// Where its last event ends.
        end: BinlogPlace,
    },
    /// Right before `Commit`: the transaction commits one that was prepared, with the rows before this, or rolls it back.
    EndsPrepared {
        /// The XID of the prepared one.
        xid: Arc<str>,
    },
    /// The source writes another file from here on.
    Rotated {
        /// Where in it reading goes on.
        to: BinlogPlace,
    },
    /// The source has nothing new, or skips what was asked to be left out.
    Heartbeat {
        /// The transaction boundary up to which everything was given: inside of a transaction that is its beginning.
        place: BinlogPlace,
    },
    /// A file's description; it comes at the start of the stream and at the start of each file.
    FormatDescription {
        /// Name of the file.
        file: Arc<str>,
        /// When the file was made, seconds since 1970-01-01 UTC: another time under the same name is another file.
        created: u32,
        /// Version of the server that wrote it.
        server_version: String,
    },
}

/// A statement logged as text (MySQL source, `Query_event`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The session's database; empty for none.
    pub database: String,
    /// Its text.
    pub sql: String,
    /// The session's `sql_mode` as bits, where logged; see [`Statement::ANSI_QUOTES`].
    pub sql_mode: Option<u64>,
    /// The session's `character_set_client`, of which `sql` was made; none where not logged.
    pub charset: Option<Charset>,
    /// The error with which it ended at the source; 0 for none. With an error it may have taken effect in part.
    pub error_code: u16,
    /// Where its event begins.
    pub place: BinlogPlace,
}

impl Statement {
    /// The bit of `sql_mode` by which `"` quotes names instead of strings.
    pub const ANSI_QUOTES: u64 = 4;
    /// The bit of `sql_mode` by which `\` is a plain character.
    pub const NO_BACKSLASH_ESCAPES: u64 = 1 << 20;
}

/// What a rows event does with its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsKind {
    /// Each row is inserted.
    Insert,
    /// Each pair of rows is before and after.
    Update,
    /// Each pair of rows is before and after; documents of JSON after may be changes of those before.
    UpdateInPart,
    /// Each row is deleted.
    Delete,
}

/// The rows of one event, not decoded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsBatch {
    /// The table as the event's transaction describes it. Equal descriptions are one `Arc` as long as the stream lives.
    pub map: Arc<TableMap>,
    /// What is done with the rows.
    pub kind: RowsKind,
    /// Where the event begins; for a compressed transaction, where the outer event begins.
    pub place: BinlogPlace,
    /// From the bitmaps of present columns on to the end of the event (MySQL source, `Rows_event`).
    pub data: Bytes,
}

/// Whether an event stood in the file itself, or in a compressed transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Outer,
    Inner,
}

/// What a GTID event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GtidFields {
    pub(crate) uuid: [u8; 16],
    pub(crate) tag: String,
    /// 0 for an anonymous transaction.
    pub(crate) number: u64,
    /// Microseconds; 0 where the server does not say.
    pub(crate) committed_at: u64,
}

/// An event as it stood in the binlog, without its checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawEvent {
    pub(crate) kind: u8,
    pub(crate) timestamp: u32,
    /// Bytes in the file, header and checksum included.
    pub(crate) size: u32,
    /// Low 32 bits of where it ends.
    pub(crate) log_pos: u32,
    pub(crate) flags: u16,
    /// What follows the header.
    pub(crate) data: Bytes,
    pub(crate) level: Level,
    /// Parsed by the driver, for the three GTID events.
    pub(crate) gtid: Option<GtidFields>,
}

/// Numbers of event types (MySQL source, `Log_event_type`).
pub(crate) mod kind {
    pub(crate) const QUERY: u8 = 0x02;
    pub(crate) const STOP: u8 = 0x03;
    pub(crate) const ROTATE: u8 = 0x04;
    pub(crate) const INTVAR: u8 = 0x05;
    pub(crate) const RAND: u8 = 0x0d;
    pub(crate) const USER_VAR: u8 = 0x0e;
    pub(crate) const FORMAT_DESCRIPTION: u8 = 0x0f;
    pub(crate) const XID: u8 = 0x10;
    pub(crate) const TABLE_MAP: u8 = 0x13;
    pub(crate) const WRITE_ROWS_V1: u8 = 0x17;
    pub(crate) const UPDATE_ROWS_V1: u8 = 0x18;
    pub(crate) const DELETE_ROWS_V1: u8 = 0x19;
    pub(crate) const INCIDENT: u8 = 0x1a;
    pub(crate) const HEARTBEAT: u8 = 0x1b;
    pub(crate) const IGNORABLE: u8 = 0x1c;
    pub(crate) const ROWS_QUERY: u8 = 0x1d;
    pub(crate) const WRITE_ROWS: u8 = 0x1e;
    pub(crate) const UPDATE_ROWS: u8 = 0x1f;
    pub(crate) const DELETE_ROWS: u8 = 0x20;
    pub(crate) const GTID: u8 = 0x21;
    pub(crate) const ANONYMOUS_GTID: u8 = 0x22;
    pub(crate) const PREVIOUS_GTIDS: u8 = 0x23;
    pub(crate) const TRANSACTION_CONTEXT: u8 = 0x24;
    pub(crate) const VIEW_CHANGE: u8 = 0x25;
    pub(crate) const XA_PREPARE: u8 = 0x26;
    pub(crate) const PARTIAL_UPDATE_ROWS: u8 = 0x27;
    pub(crate) const TRANSACTION_PAYLOAD: u8 = 0x28;
    pub(crate) const GTID_TAGGED: u8 = 0x2a;
    pub(crate) const MARIA_DB_ANNOTATE_ROWS: u8 = 0xa0;
    pub(crate) const MARIA_DB_CHECKPOINT: u8 = 0xa1;
    pub(crate) const MARIA_DB_GTID: u8 = 0xa2;
    pub(crate) const MARIA_DB_GTID_LIST: u8 = 0xa3;
}

/// The name of an event's type as MySQL's source has it, for messages.
pub(crate) fn kind_name(number: u8) -> String {
    let name = match number {
        0x01 => "START_EVENT_V3",
        kind::QUERY => "QUERY_EVENT",
        kind::STOP => "STOP_EVENT",
        kind::ROTATE => "ROTATE_EVENT",
        kind::INTVAR => "INTVAR_EVENT",
        0x06 => "LOAD_EVENT",
        0x08 => "CREATE_FILE_EVENT",
        0x09 => "APPEND_BLOCK_EVENT",
        0x0a => "EXEC_LOAD_EVENT",
        0x0b => "DELETE_FILE_EVENT",
        0x0c => "NEW_LOAD_EVENT",
        kind::RAND => "RAND_EVENT",
        kind::USER_VAR => "USER_VAR_EVENT",
        kind::FORMAT_DESCRIPTION => "FORMAT_DESCRIPTION_EVENT",
        kind::XID => "XID_EVENT",
        0x11 => "BEGIN_LOAD_QUERY_EVENT",
        0x12 => "EXECUTE_LOAD_QUERY_EVENT",
        kind::TABLE_MAP => "TABLE_MAP_EVENT",
        kind::WRITE_ROWS_V1 => "WRITE_ROWS_EVENT_V1",
        kind::UPDATE_ROWS_V1 => "UPDATE_ROWS_EVENT_V1",
        kind::DELETE_ROWS_V1 => "DELETE_ROWS_EVENT_V1",
        kind::INCIDENT => "INCIDENT_EVENT",
        kind::HEARTBEAT => "HEARTBEAT_LOG_EVENT",
        kind::IGNORABLE => "IGNORABLE_LOG_EVENT",
        kind::ROWS_QUERY => "ROWS_QUERY_LOG_EVENT",
        kind::WRITE_ROWS => "WRITE_ROWS_EVENT",
        kind::UPDATE_ROWS => "UPDATE_ROWS_EVENT",
        kind::DELETE_ROWS => "DELETE_ROWS_EVENT",
        kind::GTID => "GTID_LOG_EVENT",
        kind::ANONYMOUS_GTID => "ANONYMOUS_GTID_LOG_EVENT",
        kind::PREVIOUS_GTIDS => "PREVIOUS_GTIDS_LOG_EVENT",
        kind::TRANSACTION_CONTEXT => "TRANSACTION_CONTEXT_EVENT",
        kind::VIEW_CHANGE => "VIEW_CHANGE_EVENT",
        kind::XA_PREPARE => "XA_PREPARE_LOG_EVENT",
        kind::PARTIAL_UPDATE_ROWS => "PARTIAL_UPDATE_ROWS_EVENT",
        kind::TRANSACTION_PAYLOAD => "TRANSACTION_PAYLOAD_EVENT",
        0x29 => "HEARTBEAT_LOG_EVENT_V2",
        kind::GTID_TAGGED => "GTID_TAGGED_LOG_EVENT",
        kind::MARIA_DB_ANNOTATE_ROWS => "ANNOTATE_ROWS_EVENT",
        kind::MARIA_DB_CHECKPOINT => "BINLOG_CHECKPOINT_EVENT",
        kind::MARIA_DB_GTID => "GTID_EVENT",
        kind::MARIA_DB_GTID_LIST => "GTID_LIST_EVENT",
        0xa4 => "START_ENCRYPTION_EVENT",
        0xa5 => "QUERY_COMPRESSED_EVENT",
        0xa6 => "WRITE_ROWS_COMPRESSED_EVENT_V1",
        0xa7 => "UPDATE_ROWS_COMPRESSED_EVENT_V1",
        0xa8 => "DELETE_ROWS_COMPRESSED_EVENT_V1",
        0xa9 => "WRITE_ROWS_COMPRESSED_EVENT",
        0xaa => "UPDATE_ROWS_COMPRESSED_EVENT",
        0xab => "DELETE_ROWS_COMPRESSED_EVENT",
        other => return format!("0x{other:02x}"),
    };
    name.to_owned()
}
