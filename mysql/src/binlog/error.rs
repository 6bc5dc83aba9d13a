//! What can go wrong while reading the binlog, and what can be done about it.

use std::fmt;
use std::time::Duration;

use millrace_model::schema::TableName;
use millrace_model::{BinlogPlace, ErrorClass, Failure};
use thiserror::Error;

use super::schema_check::SchemaMismatch;

/// A failure of reading the binlog. Holds no row values.
#[derive(Debug, Error)]
pub enum BinlogError {
    /// The connection could not be made, or broke.
    #[error("reading the binlog: {0}")]
    Connection(String),
    /// Nothing came for too long, not even a heartbeat.
    #[error("nothing came from the source's binlog for {} seconds, not even a heartbeat (at {place})", .waited.as_secs())]
    Silent {
        /// How long was waited.
        waited: Duration,
        /// Where reading stood.
        place: BinlogPlace,
    },
    /// The server ended the stream.
    #[error("the source ended the binlog stream at {0}")]
    Ended(BinlogPlace),
    /// The stream is used after it failed.
    #[error("the binlog stream failed before and cannot go on")]
    Failed,
    /// The server answered with an error.
    #[error("the source answered with error {code}: {message}")]
    Server {
        /// MySQL's error number.
        code: u16,
        /// Its message.
        message: String,
    },
    /// The stream was asked to begin at a GTID set that the driver cannot send.
    #[error("the gtid set to begin at cannot be sent: {0}")]
    Start(String),
    /// An event is broken, or stands where it cannot.
    #[error("binlog event {event} at {place}: {what}")]
    Event {
        /// Where it begins.
        place: BinlogPlace,
        /// Its type.
        event: String,
        /// What is wrong.
        what: &'static str,
    },
    /// An event whose checksum is not that of its bytes.
    #[error(
        "binlog event {event} at {place}: its checksum does not fit: it was damaged on its way, or in the source's file"
    )]
    Damaged {
        /// Where it begins.
        place: BinlogPlace,
        /// Its type.
        event: String,
    },
    /// An event that cannot be carried over.
    #[error("binlog event {event} at {place}: {refusal}")]
    Refused {
        /// Where it begins.
        place: BinlogPlace,
        /// Its type.
        event: String,
        /// Why it is refused.
        refusal: Refusal,
    },
    /// A row that is not what its table map and schema promise.
    #[error("row of \"{table}\" in the binlog event at {place}: {what}")]
    Row {
        /// Where its event begins.
        place: BinlogPlace,
        /// Its table.
        table: TableName,
        /// What is wrong.
        what: &'static str,
    },
    /// A cell that is not a value of its column.
    #[error("column \"{column}\" of \"{table}\" in the binlog event at {place}: {what}")]
    Cell {
        /// Where its event begins.
        place: BinlogPlace,
        /// Its table.
        table: TableName,
        /// Its column.
        column: String,
        /// What is wrong.
        what: &'static str,
    },
    /// A rows event without all columns.
    #[error("the binlog event at {place} does not hold all columns of \"{table}\"")]
    PartialImage {
        /// Where the event begins.
        place: BinlogPlace,
        /// Its table.
        table: TableName,
    },
    /// The table in the binlog is not the table that the schema describes.
    #[error(transparent)]
    Schema(#[from] SchemaMismatch),
}

/// Why an event is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The source lost changes on their way to its binlog.
    Incident,
    /// Rows changed by a statement that was logged as text.
    StatementFormat,
    /// A statement about a distributed (XA) transaction of an unknown form.
    Xa,
    /// The commit of a distributed transaction that was prepared before what was read.
    XaUnknown,
    /// Changes that were rolled back after they were logged.
    RolledBack,
    /// The statement's text is in a character set that cannot be read.
    Charset,
    /// An event of a type that is not known.
    Unknown,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incident => "the source reports that changes are missing in its binlog",
            Self::StatementFormat => "rows were changed by a statement that is logged as text, not as rows",
            Self::Xa => "the statement about a distributed (xa) transaction is not known",
            Self::XaUnknown => {
                "a distributed (xa) transaction commits whose XA PREPARE was not read, so its rows are not known"
            }
            Self::RolledBack => "changes were logged and then rolled back",
            Self::Charset => "the statement is in a character set that cannot be read",
            Self::Unknown => "the type is not known",
        })
    }
}

impl Refusal {
    fn hint(&self) -> &'static str {
        match self {
            Self::Incident => "load the tables anew: what is missing in the binlog cannot be read from it",
            Self::StatementFormat => {
                "set binlog_format = ROW on the source for all sessions, then load the changed tables anew"
            }
            Self::Xa => "the source may be newer than this version of millrace knows",
            Self::XaUnknown => {
                "it was prepared before the task began: start a new task under another name while XA RECOVER is empty"
            }
            Self::RolledBack => "do not mix transactional and other tables in one transaction; load the tables anew",
            Self::Charset => "run schema changes in sessions with character_set_client utf8mb4",
            Self::Unknown => "the source may be newer than this version of millrace knows",
        }
    }
}

/// ER_MASTER_FATAL_ERROR_READING_BINLOG.
const FATAL_READING_BINLOG: u16 = 1236;

impl BinlogError {
    /// What can be done about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Connection(_) | Self::Silent { .. } | Self::Ended(_) => ErrorClass::Connection,
            Self::Server { code, .. } => server_class(*code),
            // What was damaged on its way is right when it is read again; what is damaged in the file stays so.
            Self::Damaged { .. } => ErrorClass::Statement,
            Self::Failed
            | Self::Start(_)
            | Self::Event { .. }
            | Self::Refused { .. }
            | Self::Row { .. }
            | Self::Cell { .. }
            | Self::PartialImage { .. }
            | Self::Schema(_) => ErrorClass::Fatal,
        }
    }

    /// How to mend it; empty when there is nothing better to say than the message.
    pub fn hint(&self) -> String {
        match self {
            Self::Silent { .. } => "check the network between this stage and the source".into(),
            Self::Server { code, message } => server_hint(*code, message).into(),
            Self::Refused { refusal, .. } => refusal.hint().into(),
            Self::Damaged { .. } => {
                "if it comes again and again: check the network; if the source's mysqlbinlog --verify-binlog-checksum finds \
                 it too, its file is damaged: load the tables anew"
                    .into()
            }
            Self::PartialImage { .. } => {
                "set binlog_row_image = FULL on the source for all sessions, then load the table anew".into()
            }
            Self::Event { .. } => {
                "begin at a transaction's boundary; if it does, the source's binlog is damaged: load the tables anew"
                    .into()
            }
            Self::Row { .. } | Self::Cell { .. } => {
                "the table's definition may have changed unseen, or the binlog is damaged: load the table anew".into()
            }
            Self::Schema(mismatch) => mismatch.hint(),
            Self::Connection(_) | Self::Ended(_) | Self::Failed | Self::Start(_) => String::new(),
        }
    }
}

fn server_class(code: u16) -> ErrorClass {
    match code {
        // Access denied, or a privilege is missing.
        1044 | 1045 | 1142 | 1227 | 3118 | FATAL_READING_BINLOG => ErrorClass::Fatal,
        // Too many connections, shutting down, killed, starting.
        1040 | 1053 | 1077 | 1129 | 1152 | 1158..=1161 | 1203 | 1226 | 1317 | 3168 | 3169 => ErrorClass::Connection,
        _ => ErrorClass::Statement,
    }
}

fn server_hint(code: u16, message: &str) -> &'static str {
    let says = |words: &str| message.contains(words);
    match code {
        FATAL_READING_BINLOG if says("purged") || says("Could not find first log") || says("missing transactions") => {
            "the source no longer has the binlog from where reading stopped (binlog_expire_logs_seconds): load the \
             tables anew"
        }
        FATAL_READING_BINLOG if says("server_uuid") || says("server_id") => {
            "another reader uses the same server id: give each task an id of its own"
        }
        FATAL_READING_BINLOG => {
            "the source cannot read its binlog from where reading stopped: see its error log, then load the tables anew"
        }
        1044 | 1045 | 1142 | 1227 => "grant REPLICATION SLAVE and REPLICATION CLIENT to the source's user",
        _ => "",
    }
}

impl From<BinlogError> for Failure {
    fn from(error: BinlogError) -> Self {
        Failure { class: error.class(), message: error.to_string(), hint: error.hint() }
    }
}

impl From<mysql_async::Error> for BinlogError {
    fn from(error: mysql_async::Error) -> Self {
        use mysql_async::{DriverError, Error, IoError};
        match error {
            Error::Server(server) => Self::Server { code: server.code, message: server.message },
            Error::Io(IoError::Io(error)) => Self::Connection(error.to_string()),
            Error::Io(IoError::Tls(error)) => Self::Connection(format!("tls: {error}")),
            // Its text would hold the packet.
            Error::Driver(DriverError::UnexpectedPacket { .. }) => Self::Connection("an unexpected packet".into()),
            Error::Driver(error) => Self::Connection(error.to_string()),
            Error::Url(_) => Self::Connection("the source's address is not valid".into()),
            Error::Other(error) => Self::Connection(error.to_string()),
        }
    }
}
