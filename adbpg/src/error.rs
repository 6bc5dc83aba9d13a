//! What can go wrong at the destination, and what can be done about it.
//!
//! Decided by SQLSTATE alone (Greenplum puts segment addresses into its texts). A message names tables, columns and
//! constraints, never a row's value: DETAIL and CONTEXT are not shown, and for the states whose primary message quotes a
//! value (class 22, and what triggers raise) the message is ours.

use std::error::Error as _;

use millrace_model::{ErrorClass, Failure, TlsFault};
use thiserror::Error;
use tokio_postgres::error::DbError;

/// A failure of the destination or of something that cannot be rendered for it.
#[derive(Debug, Error)]
pub enum AdbpgError {
    /// No connection could be made.
    #[error("cannot connect to the destination \"{server}\": {reason}")]
    Unreachable {
        /// host:port.
        server: String,
        /// Why.
        reason: String,
    },
    /// An encrypted connection could not be made.
    #[error("cannot make an encrypted connection to the destination \"{server}\": {}", TlsFault::of(reason).explain(reason))]
    Tls {
        /// host:port.
        server: String,
        /// The TLS library's words.
        reason: String,
    },
    /// A file that `destination.tls` names cannot be used.
    #[error("cannot use \"{file}\" of destination.tls: {reason}")]
    TlsFile {
        /// Its path.
        file: String,
        /// Why.
        reason: String,
    },
    /// The connection broke while something was asked.
    #[error("cannot {action}: the connection to the destination broke ({reason})")]
    Lost {
        /// What was tried.
        action: String,
        /// What the driver says.
        reason: String,
    },
    /// The server answered with an error.
    #[error("cannot {action}: {text} (SQLSTATE {state})")]
    Server {
        /// What was tried.
        action: String,
        /// SQLSTATE.
        state: String,
        /// The message, without values.
        text: String,
    },
    /// The driver refused before it asked the server.
    #[error("cannot {action}: {reason}")]
    Driver {
        /// What was tried.
        action: String,
        /// Why.
        reason: String,
    },
    /// A row that the destination does not take.
    #[error("the destination refuses a row of \"{table}\"{}: {text} (SQLSTATE {state})", column_part(column))]
    RowRefused {
        /// The table, schema.table.
        table: String,
        /// The column, where the server named one.
        column: Option<String>,
        /// Which of the rows handed over, from 0, where the server named it.
        row: Option<usize>,
        /// SQLSTATE.
        state: String,
        /// The message, without values.
        text: String,
    },
    /// A name that cannot stand in SQL.
    #[error("\"{name}\" cannot be used in the destination: {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A cell that cannot be written.
    #[error("column \"{column}\" of \"{table}\" cannot be written: {problem}")]
    Cell {
        /// The table, schema.table.
        table: String,
        /// The column.
        column: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A table that is not there.
    #[error("table \"{table}\" is not in the destination")]
    TableMissing {
        /// The table, schema.table.
        table: String,
    },
    /// Columns that a table lacks.
    #[error("table \"{table}\" of the destination lacks column \"{columns}\"")]
    ColumnsMissing {
        /// The table, schema.table.
        table: String,
        /// Their names, with quotes between them.
        columns: String,
    },
    /// The destination did something else to a table than what was asked.
    #[error("\"{table}\": {action} {expected} rows, but the destination counts {found}")]
    Count {
        /// The table, schema.table.
        table: String,
        /// What was done, such as "deleted".
        action: &'static str,
        /// How many were meant.
        expected: u64,
        /// How many the server says.
        found: u64,
    },
    /// The transaction was aborted before its COMMIT.
    #[error("the destination transaction was aborted before its commit ({0})")]
    Aborted(String),
    /// COMMIT got no answer in time.
    #[error("the destination did not answer COMMIT within {0} s")]
    CommitTimeout(u64),
    /// A state table holds what cannot be.
    #[error("the state tables of the destination hold an unreadable value in \"{0}\"")]
    State(&'static str),
    /// A table definition that cannot be made in the destination.
    #[error("\"{table}\" cannot be made in the destination: {problem}")]
    Definition {
        /// The table, schema.table.
        table: String,
        /// Why.
        problem: String,
    },
}

/// The driver's words where the server asks for a password and there is none.
const PASSWORD_MISSING: &str = "password missing";

fn column_part(column: &Option<String>) -> String {
    column.as_ref().map(|column| format!(", column \"{column}\"")).unwrap_or_default()
}

/// The class of a SQLSTATE (manual, Appendix A "PostgreSQL Error Codes"; 58M01 is Greenplum's lost segment).
pub fn class_of(state: &str) -> ErrorClass {
    match state {
        "57P04" => ErrorClass::Fatal,
        crate::alter::GIVEN_MEANWHILE => ErrorClass::Statement,
        "58M01" | "25P03" => ErrorClass::Connection,
        _ if state.starts_with("57P") => ErrorClass::Connection,
        _ => match state.get(..2).unwrap_or_default() {
            "08" => ErrorClass::Connection,
            "0A" | "0L" | "0P" | "21" | "22" | "23" | "28" | "2B" | "2F" | "34" | "38" | "39" | "3B" | "3D" | "3F"
            | "42" | "44" | "54" | "F0" | "MR" | "P0" => ErrorClass::Fatal,
            _ => ErrorClass::Statement,
        },
    }
}

impl AdbpgError {
    /// Takes an error of the driver. `action` completes "cannot ...": `write rows of "shop.orders"`.
    pub(crate) fn of(action: impl Into<String>, error: &tokio_postgres::Error) -> Self {
        let action = action.into();
        if let Some(db) = error.as_db_error() {
            return Self::Server { action, state: db.code().code().to_owned(), text: text_without_values(db) };
        }
        let reason = reason_of(error);
        match kind_of(error) {
            DriverKind::Refused => Self::Driver { action, reason },
            DriverKind::Broken => Self::Lost { action, reason },
        }
    }

    /// Whether retrying can help.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } | Self::CommitTimeout(_) => ErrorClass::Connection,
            Self::Server { state, .. } | Self::RowRefused { state, .. } => class_of(state),
            Self::Aborted(_) => ErrorClass::Statement,
            Self::Tls { .. }
            | Self::TlsFile { .. }
            | Self::Driver { .. }
            | Self::Name { .. }
            | Self::Cell { .. }
            | Self::Count { .. }
            | Self::TableMissing { .. }
            | Self::ColumnsMissing { .. }
            | Self::State(_)
            | Self::Definition { .. } => ErrorClass::Fatal,
        }
    }

    /// SQLSTATE, where the server gave one.
    pub fn state(&self) -> Option<&str> {
        match self {
            Self::Server { state, .. } | Self::RowRefused { state, .. } => Some(state),
            _ => None,
        }
    }

    /// How to mend it.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Unreachable { .. } => {
                "check host and port in destination.url and the firewall, and that a server of PostgreSQL's family runs there"
            }
            Self::Tls { reason, .. } => return TlsFault::of(reason).hint("destination"),
            Self::TlsFile { .. } => return TlsFault::File.hint("destination"),
            Self::Server { state, .. } | Self::RowRefused { state, .. } => hint_of(state),
            Self::Name { .. } => "give it another name with rename in the task file",
            Self::Cell { .. } => "exclude the column, or give it another type, with columns in the task file",
            Self::Count { .. } => {
                "somebody else writes to this table, or a trigger or rule on it drops rows: remove it"
            }
            Self::TableMissing { .. } => {
                "create it, or let the task do so: phase \"schema\" and operation \"create\" in the task file"
            }
            Self::ColumnsMissing { .. } => "add the columns, or leave them out with columns.exclude in the task file",
            Self::State(_) => "the tables of schema millrace were changed by hand: restore them or start a new task",
            Self::Definition { .. } => {
                "give the column another type (columns.type) or the table another key (primary_key) in the task file"
            }
            Self::Driver { reason, .. } if reason == PASSWORD_MISSING => {
                "write it into destination.url: postgres://USER:${DESTINATION_PASSWORD}@HOST:PORT/DATABASE"
            }
            Self::Driver { .. } => "check destination.url in the task file",
            Self::Lost { .. } | Self::Aborted(_) | Self::CommitTimeout(_) => {
                "if it comes again and again, look at the destination's log"
            }
        };
        hint.to_owned()
    }
}

impl From<AdbpgError> for Failure {
    fn from(error: AdbpgError) -> Self {
        Self { class: error.class(), message: error.to_string(), hint: error.hint() }
    }
}

fn hint_of(state: &str) -> &'static str {
    match state {
        crate::alter::UNCASTABLE => {
            "nothing was changed; correct these rows in the destination so that the new type holds them, or start the task under \
             another name"
        }
        crate::alter::GIVEN_MEANWHILE => {
            "nothing was changed; the change is tried again and leaves the table where it is"
        }
        "28P01" | "28000" => "check user and password in destination.url, and pg_hba.conf of the destination",
        "3D000" => "create the database, or correct its name in destination.url",
        "42501" => "grant the destination user CREATE on the database and on the schemas it writes to",
        "42P07" | "42P06" => "drop or rename what is there, or set existing_tables = \"ignore\"",
        "42P01" | "42703" | "3F000" => "a table or column of the task was changed in the destination: restore it",
        "0A000" | "2BP01" => {
            "nothing was changed; drop the views and whatever else is named, start the task again, then create them anew"
        }
        "23505" => "another unique key of the destination refuses the row: drop it, or repair the rows that hold it",
        "23502" => "drop NOT NULL of the column in the destination",
        "23503" | "23514" => "drop the constraint in the destination: the source already checks its rows",
        "22001" => "widen the column in the destination",
        "25006" => "the destination is read only: connect to its primary",
        "53100" => "free disk space in the destination",
        "53300" => {
            "close other connections, or raise what limits them in the destination: max_connections, or the CONNECTION LIMIT of \
             the role or the database"
        }
        "55P03" => "another session holds a lock on the table: end it",
        "54000" => "a value is too large for an index: drop the index in the destination",
        "40P01" | "40001" | "57014" => "if it comes again and again, look for who else writes to these tables",
        "57P03" => "the destination is starting, stopping or in recovery: start again when it takes connections",
        _ if state.starts_with("22") => {
            "give the column a type in the destination that takes every value (columns.type in the task file)"
        }
        _ => "see the destination's log for details",
    }
}

/// The server's message in one line; where it quotes values, words of our own instead.
pub(crate) fn text_without_values(error: &DbError) -> String {
    let state = error.code().code();
    let own = match state {
        "22P02" => "a value is not in the form that its column's type reads",
        "22001" => "a value is too long for its column",
        "22003" => "a number is out of its column's range",
        "22007" | "22008" => "a date or time is not one that its column's type can hold",
        "22021" | "22P05" => "a text holds a character that the destination cannot hold",
        _ if state.starts_with("22") => "a value is not one that its column can hold",
        _ if state.starts_with("P0") || state.starts_with("38") => "a trigger or function of the destination failed",
        _ => error.message(),
    };
    let mut text = own.replace(['\n', '\r'], " ");
    let objects = [("table", error.table()), ("column", error.column()), ("constraint", error.constraint())];
    for (what, name) in objects {
        if let Some(name) = name.filter(|name| !text.contains(&format!("\"{name}\""))) {
            text.push_str(&format!(", {what} \"{name}\""));
        }
    }
    // What depends on a table or column is named in the details: names of objects, never values.
    if let ("0A000" | "2BP01", Some(detail)) = (state, error.detail()) {
        text.push_str(&format!(": {}", detail.replace(['\n', '\r'], "; ")));
    }
    text
}

enum DriverKind {
    Refused,
    Broken,
}

/// The driver keeps the kind of an error to itself but prints it; unknown kinds count as a broken connection, which is
/// retried for a bounded time.
fn kind_of(error: &tokio_postgres::Error) -> DriverKind {
    let text = error.to_string();
    let refused = ["invalid con", "authentication error", "error serializing", "error encoding", "expected "];
    if refused.iter().any(|start| text.starts_with(start)) { DriverKind::Refused } else { DriverKind::Broken }
}

/// The driver's words with its innermost cause, in one line.
pub(crate) fn reason_of(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    match text.as_str() {
        // What the driver makes of bytes that no such server sends.
        "failed to fill whole buffer" | "unexpected message from server" | "invalid message length" => {
            "what answers there does not speak PostgreSQL's protocol".to_owned()
        }
        _ => text.replace(['\n', '\r'], " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decides_the_class_by_state() {
        use ErrorClass::{Connection, Fatal, Statement};
        for (state, class) in [
            ("08006", Connection),
            ("57P01", Connection),
            ("57P03", Connection),
            ("57P04", Fatal),
            ("58M01", Connection),
            ("58030", Statement),
            ("25P03", Connection),
            ("40001", Statement),
            ("40P01", Statement),
            ("55P03", Statement),
            ("57014", Statement),
            ("53100", Statement),
            ("XX000", Statement),
            ("28P01", Fatal),
            ("28000", Fatal),
            ("3D000", Fatal),
            ("42501", Fatal),
            ("42P01", Fatal),
            ("22003", Fatal),
            ("MR001", Fatal),
            ("MR002", Statement),
            ("23505", Fatal),
            ("", Statement),
        ] {
            assert_eq!(class_of(state), class, "{state}");
        }
    }

    #[test]
    fn hints_name_what_there_is() {
        let driver = |reason: &str| AdbpgError::Driver { action: "log in".into(), reason: reason.into() };
        assert!(driver(PASSWORD_MISSING).hint().starts_with("write it into destination.url"));
        assert_eq!(driver("other").hint(), "check destination.url in the task file");
        let server =
            |state: &str| AdbpgError::Server { action: String::new(), state: state.into(), text: String::new() };
        for (state, part) in [
            ("53300", "CONNECTION LIMIT"),
            ("23502", "drop NOT NULL"),
            ("22001", "widen the column"),
            ("22003", "columns.type"),
            ("54000", "drop the index"),
        ] {
            assert!(server(state).hint().contains(part), "{state}: {}", server(state).hint());
        }
    }
}
