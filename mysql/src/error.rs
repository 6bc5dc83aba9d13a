//! What can go wrong with the source, and in one function what can be done about it.
//!
//! Messages never hold a row's value: server errors whose text quotes one are shown by their number alone. They never
//! hold the password, because nothing here ever sees it outside its `SecretString`.

use millrace_model::{ErrorClass, Failure, TableName, TlsFault};
use mysql_async::{DriverError, Error as ClientError, IoError};
use thiserror::Error;

use crate::column_type::is_compressed;
use crate::ident::{Ident, table_ident};

/// A failure of the source.
#[derive(Debug, Error)]
pub enum MysqlError {
    /// No connection could be made.
    #[error("cannot reach the mysql server at \"{address}\": {reason}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// The TLS handshake failed, or the server has no TLS.
    #[error("no TLS connection to the mysql server at \"{address}\": {}", TlsFault::of(reason).explain(reason))]
    Tls {
        /// Host and port.
        address: String,
        /// What was wrong.
        reason: String,
    },
    /// A file that `source.tls` names cannot be used.
    #[error("cannot use \"{file}\" of source.tls: {reason}")]
    TlsFile {
        /// Its path.
        file: String,
        /// What the system said.
        reason: String,
    },
    /// The server refused the user name, the password or the host it comes from.
    #[error("the mysql server at \"{address}\" refused user \"{user}\": wrong user name or password")]
    LoginRefused {
        /// Host and port.
        address: String,
        /// The user.
        user: String,
    },
    /// The server asked for a way of logging in that is not known here; it also does so for users that do not exist.
    #[error("the mysql server at \"{address}\" asks user \"{user}\" to log in by \"{plugin}\", which is not supported")]
    LoginPlugin {
        /// Host and port.
        address: String,
        /// The user.
        user: String,
        /// The authentication plugin.
        plugin: String,
    },
    /// An open connection broke.
    #[error("the connection to mysql was lost while {doing}: {reason}")]
    ConnectionLost {
        /// What was being done, such as `reading table "a.b"`.
        doing: String,
        /// What the system said.
        reason: String,
    },
    /// The server answered with an error.
    #[error("mysql refused while {doing}: {message} (error {code})")]
    Server {
        /// What was being done.
        doing: String,
        /// MySQL's error number.
        code: u16,
        /// Its text, without row values.
        message: String,
    },
    /// The server's answer does not have the form that the manual says.
    #[error("unexpected answer of mysql while {doing}: {what}")]
    Answer {
        /// What was being done.
        doing: String,
        /// What was unexpected.
        what: String,
    },
    /// A column of a type that is not known here.
    #[error("table \"{table}\", column \"{column}\": type \"{ty}\" is not supported")]
    UnknownType {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// The type as the server prints it.
        ty: String,
    },
    /// The table is no longer what its schema says.
    #[error("table \"{table}\" changed while it was read: {what}")]
    TableChanged {
        /// The table.
        table: TableName,
        /// What differs.
        what: String,
    },
    /// A value that its column's type cannot hold.
    #[error("table \"{table}\", column \"{column}\": {what}")]
    Value {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// What is wrong with it, without the value.
        what: &'static str,
    },
    /// A table without a replication key was asked for in chunks.
    #[error("table \"{table}\" has no key to read it in chunks by")]
    NoKey {
        /// The table.
        table: TableName,
    },
}

/// What can be done about a MySQL error number (MySQL 9.x Error Message Reference); the only place that decides it.
pub fn class_of_code(code: u16) -> ErrorClass {
    match code {
        // Too many connections, shutdown, network errors, killed connection, gone away, lost, client interaction timeout.
        1040
        | 1053
        | 1079
        | 1152..=1161
        | 1184
        | 1203
        | 1226
        | 1927
        | 2002
        | 2003
        | 2006
        | 2013
        | 2055
        | 3032
        | 3169
        | 4031 => ErrorClass::Connection,
        // Disk full, out of memory, out of resources, lock waits, deadlock, interrupted, execution time, table changed.
        1021 | 1023 | 1037 | 1038 | 1041 | 1114 | 1135 | 1205 | 1206 | 1213 | 1317 | 1412 | 1613 | 1615 | 1637
        | 3024 | 3058 | 3572 => ErrorClass::Statement,
        _ => ErrorClass::Fatal,
    }
}

impl MysqlError {
    /// What can be done about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unreachable { .. } | Self::ConnectionLost { .. } => ErrorClass::Connection,
            Self::Server { code, .. } => class_of_code(*code),
            Self::Tls { .. }
            | Self::TlsFile { .. }
            | Self::LoginRefused { .. }
            | Self::LoginPlugin { .. }
            | Self::Answer { .. }
            | Self::UnknownType { .. }
            | Self::TableChanged { .. }
            | Self::Value { .. }
            | Self::NoKey { .. } => ErrorClass::Fatal,
        }
    }

    /// How to mend it; empty when the message says it all.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreachable { .. } => {
                "check host and port in source.url and the firewall, and that a MySQL server runs there".into()
            }
            Self::Tls { reason, .. } => TlsFault::of(reason).hint("source"),
            Self::TlsFile { .. } => TlsFault::File.hint("source"),
            Self::LoginRefused { user, .. } => {
                format!(
                    "check user name and password, that user \"{user}\" may connect from this host, and, if it has to use \
                     TLS or a client certificate, source.tls"
                )
            }
            Self::LoginPlugin { user, .. } => format!(
                "check that the user exists (mysql hides that it does not), or ALTER USER '{user}' IDENTIFIED WITH \
                 caching_sha2_password BY '...'"
            ),
            Self::ConnectionLost { .. } | Self::Answer { .. } => String::new(),
            Self::Server { code, .. } => hint_of_code(*code).into(),
            Self::UnknownType { table, column, ty } if is_compressed(ty) => format!(
                "leave the table out in the task file, or store the column as it is: ALTER TABLE {} MODIFY {} with its type, \
                 without COMPRESSED",
                table_ident(table),
                Ident(column)
            ),
            Self::UnknownType { .. } => "exclude the table in the task file".into(),
            Self::TableChanged { .. } => {
                "the table is read again from its new definition; start again if this stays".into()
            }
            Self::Value { .. } => "correct the value at the source, or exclude the column in the task file".into(),
            Self::NoKey { .. } => "read it whole, or give it a primary key".into(),
        }
    }

    /// An error of the client library that came up on an open connection.
    pub fn from_client(doing: &str, error: ClientError) -> Self {
        let doing = doing.to_owned();
        match error {
            ClientError::Server(e) if e.code == 1927 || class_of_code(e.code) == ErrorClass::Connection => {
                Self::ConnectionLost { doing, reason: format!("{} (error {})", e.message, e.code) }
            }
            ClientError::Server(e) => {
                let message =
                    if quotes_a_value(e.code) { "its text quotes a value".into() } else { one_line(&e.message) };
                Self::Server { doing, code: e.code, message }
            }
            ClientError::Io(e) => Self::ConnectionLost { doing, reason: io_reason(&e) },
            ClientError::Driver(DriverError::ConnectionClosed) => {
                Self::ConnectionLost { doing, reason: "it was closed".into() }
            }
            ClientError::Driver(e @ (DriverError::PacketOutOfOrder | DriverError::BadCompressedPacketHeader)) => {
                Self::ConnectionLost { doing, reason: e.to_string() }
            }
            ClientError::Driver(DriverError::PacketTooLarge) => {
                Self::Answer { doing, what: "a packet above the client's limit".into() }
            }
            ClientError::Driver(DriverError::StmtParamsMismatch { .. }) => {
                Self::Answer { doing, what: "the number of parameters differs".into() }
            }
            // Other texts of the driver may quote values.
            ClientError::Driver(_) | ClientError::Url(_) | ClientError::Other(_) => {
                Self::Answer { doing, what: "the client library could not read it".into() }
            }
        }
    }

    /// An error of the client library that came up while a connection was made.
    pub fn from_connect(address: String, user: &str, error: ClientError) -> Self {
        match error {
            ClientError::Server(e) if matches!(e.code, 1044 | 1045 | 1698 | 3118) => {
                Self::LoginRefused { address, user: user.to_owned() }
            }
            ClientError::Io(IoError::Tls(e)) => Self::Tls { address, reason: one_line(&e.to_string()) },
            ClientError::Driver(e @ (DriverError::NoClientSslFlagFromServer | DriverError::NoKeyFound)) => {
                Self::Tls { address, reason: e.to_string() }
            }
            // What rustls finds, and a refusal of this side's certificate after the handshake, come as errors of the socket.
            ClientError::Io(IoError::Io(e))
                if e.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
                    || TlsFault::of(&e.to_string()) != TlsFault::Other =>
            {
                Self::Tls { address, reason: one_line(&e.to_string()) }
            }
            ClientError::Io(IoError::Io(e)) => Self::Unreachable { address, reason: one_line(&e.to_string()) },
            ClientError::Server(e) if class_of_code(e.code) == ErrorClass::Connection => {
                Self::Unreachable { address, reason: one_line(&e.message) }
            }
            ClientError::Driver(DriverError::UnknownAuthPlugin { name }) => {
                Self::LoginPlugin { address, user: user.to_owned(), plugin: name }
            }
            other => Self::from_client(&format!("connecting to \"{address}\""), other),
        }
    }
}

fn hint_of_code(code: u16) -> &'static str {
    match code {
        1142 | 1143 => "grant the right to read: GRANT SELECT ON `database`.* TO `user`@`host`",
        1227 => "grant what the message names: GRANT ... ON *.* TO `user`@`host`",
        1044 | 1045 => "check the user's rights: SHOW GRANTS",
        1049 => "the database does not exist: check the names in the task file",
        1146 => "the table does not exist: check the names in the task file",
        1236 => "the binlog that is needed is gone from the server: start the task anew, and keep binlogs longer",
        1193 => "the server does not know a variable: its version is not supported",
        _ => "",
    }
}

/// Error numbers whose text quotes a row's value.
fn quotes_a_value(code: u16) -> bool {
    matches!(code, 1062 | 1264 | 1265 | 1292 | 1300 | 1366 | 1406 | 1411 | 1525 | 1690 | 3140..=3158 | 3854 | 3988)
}

fn io_reason(error: &IoError) -> String {
    match error {
        IoError::Io(e) => one_line(&e.to_string()),
        IoError::Tls(e) => one_line(&e.to_string()),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl From<MysqlError> for Failure {
    fn from(error: MysqlError) -> Self {
        Self { class: error.class(), message: error.to_string(), hint: error.hint() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: u16) -> ClientError {
        ClientError::Server(mysql_async::ServerError { code, message: "text\n'v'".into(), state: "HY000".into() })
    }

    #[test]
    fn decides_the_class_by_the_number() {
        for (code, class) in [
            (1040, ErrorClass::Connection),
            (2013, ErrorClass::Connection),
            (1205, ErrorClass::Statement),
            (1213, ErrorClass::Statement),
            (1142, ErrorClass::Fatal),
            (1227, ErrorClass::Fatal),
            (1049, ErrorClass::Fatal),
            (65000, ErrorClass::Fatal),
        ] {
            assert_eq!(MysqlError::from_client("testing", server(code)).class(), class, "{code}");
        }
    }

    #[test]
    fn shows_no_value_and_one_line() {
        let error = MysqlError::from_client("reading", server(1292)).to_string();
        assert!(!error.contains("'v'"), "{error}");
        assert!(!MysqlError::from_client("reading", server(1142)).to_string().contains('\n'));
        assert!(matches!(MysqlError::from_connect("h:1".into(), "u", server(1045)), MysqlError::LoginRefused { .. }));
    }
}
