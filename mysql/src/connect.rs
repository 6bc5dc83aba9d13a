//! Connections to the source: every session has the settings under which values mean one thing.
//!
//! `time_zone` is UTC, so TIMESTAMP is read as the instant; The character set is utf8mb4 both ways, so the server itself
//! converts every character set; `sql_mode` has none of the modes that change how text is read or CHAR is padded, and
//! allows invalid dates in parameters, because rows may hold them. Time-outs of the server are raised, because a reader
//! that waits for the log must not lose its result. The unix socket is never used behind the caller's back.

use std::path::PathBuf;
use std::time::Duration;

use millrace_model::{MysqlType, TableSchema};
use mysql_async::prelude::Queryable;
use mysql_async::{BinaryProtocol, Conn, Opts, OptsBuilder, Params, QueryResult, Row, SslOpts, Statement, Value};
use secrecy::{ExposeSecret, SecretString};

use crate::charset::Charsets;
use crate::error::MysqlError;
use crate::server::Flavour;
use crate::stranger::recognize;

/// The host's name where it is not looked at. mysql_async 0.37 tells "another name" from "another authority" by this word
/// in the message of rustls, which no longer has it but quotes the name that was asked for; the chain is checked first.
const ANY_NAME: &str = "NotValidForName";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How the connection is protected; never weaker than said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsMode {
    /// Plain TCP.
    Disabled,
    /// Encrypted, with any certificate.
    Required,
    /// Encrypted, with a certificate signed by `ca`; its name is not looked at.
    VerifyCa {
        /// PEM file; the built-in public authorities where there is none.
        ca: Option<PathBuf>,
    },
    /// Encrypted, with a certificate signed by `ca` for the host's name.
    VerifyFull {
        /// PEM file; the built-in public authorities where there is none.
        ca: Option<PathBuf>,
    },
}

/// The certificate by which the client shows who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// PEM file of the certificate chain.
    pub certificate: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
}

/// Where the source is and how to log in.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name.
    pub user: String,
    /// Password; empty for none.
    pub password: SecretString,
    /// Protection of the connection.
    pub tls: TlsMode,
    /// Client certificate, if the server asks for one.
    pub client_identity: Option<ClientIdentity>,
}

impl SourceOptions {
    /// Host and port, for messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The client library's options; also good for a binlog connection.
    pub fn opts(&self) -> Opts {
        let password = self.password.expose_secret();
        let builder = OptsBuilder::default()
            .ip_or_hostname(self.host.as_str())
            .tcp_port(self.port)
            .user(Some(self.user.as_str()))
            .pass((!password.is_empty()).then_some(password))
            .prefer_socket(false)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(KEEPALIVE))
            .max_allowed_packet(Some(1 << 30))
            .stmt_cache_size(0)
            .ssl_opts(self.ssl_opts());
        builder.into()
    }

    /// A file that cannot be read is told from a server that cannot be reached.
    fn ensure_files_can_be_read(&self) -> Result<(), MysqlError> {
        let ca = match &self.tls {
            TlsMode::VerifyCa { ca } | TlsMode::VerifyFull { ca } => ca.as_ref(),
            TlsMode::Disabled | TlsMode::Required => None,
        };
        let identity = self.client_identity.iter().flat_map(|identity| [&identity.certificate, &identity.key]);
        for file in ca.into_iter().chain(identity) {
            if let Err(error) = std::fs::File::open(file) {
                return Err(MysqlError::TlsFile { file: file.display().to_string(), reason: error.to_string() });
            }
        }
        Ok(())
    }

    fn ssl_opts(&self) -> Option<SslOpts> {
        let with_ca = |ca: &Option<PathBuf>| match ca {
            Some(ca) => SslOpts::default().with_root_certs(vec![ca.clone().into()]).with_disable_built_in_roots(true),
            None => SslOpts::default(),
        };
        let ssl = match &self.tls {
            TlsMode::Disabled => return None,
            TlsMode::Required => {
                SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true)
            }
            TlsMode::VerifyCa { ca } => {
                with_ca(ca).with_danger_skip_domain_validation(true).with_danger_tls_hostname_override(Some(ANY_NAME))
            }
            TlsMode::VerifyFull { ca } => with_ca(ca),
        };
        let identity = self.client_identity.as_ref().map(|identity| {
            mysql_async::ClientIdentity::new(identity.certificate.clone().into(), identity.key.clone().into())
        });
        Some(ssl.with_client_identity(identity))
    }
}

/// One connection with the settings above.
#[derive(Debug)]
pub struct Session {
    conn: Conn,
    /// The last prepared statement, which is closed with the next.
    statement: Option<Statement>,
    flavour: Flavour,
    version: (u16, u16, u16),
    /// The codes of the character sets that it has read text of.
    charsets: Charsets,
}

impl Session {
    /// Connects and sets the session up; gives up after 15 seconds, and as soon as it is known that no MySQL is there.
    pub async fn connect(options: &SourceOptions) -> Result<Self, MysqlError> {
        options.ensure_files_can_be_read()?;
        let address = options.address();
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, Conn::new(options.opts()));
        let connected = tokio::select! {
            biased;
            connected = connected => connected,
            stranger = recognize(options) => {
                return Err(MysqlError::Unreachable { address, reason: stranger.to_owned() });
            }
        };
        let conn = match connected {
            Ok(Ok(conn)) => conn,
            Ok(Err(error)) => return Err(MysqlError::from_connect(address, &options.user, error)),
            Err(_) => {
                let reason = format!("no answer within {} seconds", CONNECT_TIMEOUT.as_secs());
                return Err(MysqlError::Unreachable { address, reason });
            }
        };
        let version = conn.server_version();
        let mut session =
            Self { conn, statement: None, flavour: Flavour::Mysql, version, charsets: Charsets::default() };
        let text = session.query_texts("reading the version", "SELECT VERSION()").await?;
        if text.first().is_some_and(|row| row.first().is_some_and(|v| v.as_deref().is_some_and(Flavour::is_maria_db))) {
            session.flavour = Flavour::MariaDb;
        }
        session.set_up().await?;
        Ok(session)
    }

    async fn set_up(&mut self) -> Result<(), MysqlError> {
        let doing = "setting the session up";
        // Parameters are in the client's character set, which the handshake leaves at the three-byte form of UTF-8.
        self.execute(doing, "SET NAMES utf8mb4").await?;
        self.execute(
            doing,
            "SET SESSION time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES', \
             autocommit = 1, net_write_timeout = 3600, net_read_timeout = 3600, wait_timeout = 28800",
        )
        .await?;
        self.execute(doing, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        match self.flavour {
            Flavour::Mysql => self.execute(doing, "SET SESSION max_execution_time = 0").await?,
            Flavour::MariaDb => self.execute(doing, "SET SESSION max_statement_time = 0").await?,
        }
        if self.flavour == Flavour::Mysql && self.version >= (8, 0, 30) {
            self.execute(doing, "SET SESSION show_gipk_in_create_table_and_information_schema = ON").await?;
        }
        if self.flavour == Flavour::Mysql && self.version >= (8, 0, 3) {
            // Estimates of rows and bytes as they are now, not as cached for a day.
            self.execute(doing, "SET SESSION information_schema_stats_expiry = 0").await?;
        }
        Ok(())
    }

    /// The server's kind.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// How the text of these columns is read; asks the server for what is not known yet.
    pub(crate) async fn charsets(&mut self, schema: &TableSchema<MysqlType>) -> Result<Charsets, MysqlError> {
        let mut charsets = std::mem::take(&mut self.charsets);
        charsets.complete(self, schema).await?;
        self.charsets = charsets.clone();
        Ok(charsets)
    }

    /// The server's version: major, minor, patch.
    pub fn version(&self) -> (u16, u16, u16) {
        self.version
    }

    /// The connection itself, such as for a binlog stream.
    pub fn into_conn(self) -> Conn {
        self.conn
    }

    /// Ends the session in good order; errors do not matter any more.
    pub async fn close(self) {
        if let Err(error) = self.conn.disconnect().await {
            tracing::debug!(%error, "closing a mysql session");
        }
    }

    /// Runs a statement that answers with no rows; `doing` is for messages.
    pub async fn execute(&mut self, doing: &str, sql: &str) -> Result<(), MysqlError> {
        self.conn.query_drop(sql).await.map_err(|e| MysqlError::from_client(doing, e))
    }

    /// All rows of a query, in the text protocol.
    pub async fn query(&mut self, doing: &str, sql: &str) -> Result<Vec<Row>, MysqlError> {
        self.conn.query(sql).await.map_err(|e| MysqlError::from_client(doing, e))
    }

    /// All rows of a query as texts, None for NULL; for small results of the server's own tables.
    pub async fn query_texts(&mut self, doing: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, MysqlError> {
        let rows = self.query(doing, sql).await?;
        Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(text_of).collect()).collect())
    }

    /// Runs a prepared statement whose rows are then taken one by one. It is prepared each time: a statement that is
    /// used again after its table was altered keeps the types that its parameters had before.
    pub(crate) async fn stream(
        &mut self,
        doing: &str,
        sql: &str,
        parameters: Vec<Value>,
    ) -> Result<QueryResult<'_, 'static, BinaryProtocol>, MysqlError> {
        let failed = |e| MysqlError::from_client(doing, e);
        let statement = self.conn.prep(sql).await.map_err(failed)?;
        if let Some(old) = self.statement.replace(statement.clone()) {
            self.conn.close(old).await.map_err(failed)?;
        }
        let parameters = if parameters.is_empty() { Params::Empty } else { Params::Positional(parameters) };
        self.conn.exec_iter(statement, parameters).await.map_err(failed)
    }
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Int(v) => Some(v.to_string()),
        Value::UInt(v) => Some(v.to_string()),
        other => Some(other.as_sql(true)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(tls: TlsMode) -> SourceOptions {
        SourceOptions {
            host: "db.example".into(),
            port: 3307,
            user: "u".into(),
            password: "secret".into(),
            tls,
            client_identity: None,
        }
    }

    #[test]
    fn never_weakens_tls() {
        assert!(options(TlsMode::Disabled).opts().ssl_opts().is_none());
        let looks =
            |tls| options(tls).opts().ssl_opts().map(|s| (s.accept_invalid_certs(), s.skip_domain_validation()));
        assert_eq!(looks(TlsMode::Required), Some((true, true)));
        assert_eq!(looks(TlsMode::VerifyCa { ca: Some("ca.pem".into()) }), Some((false, true)));
        assert_eq!(looks(TlsMode::VerifyFull { ca: None }), Some((false, false)));
        assert!(!options(TlsMode::Required).opts().prefer_socket());
    }

    #[test]
    fn prints_no_password() {
        assert!(!format!("{:?}", options(TlsMode::Disabled)).contains("secret"));
    }
}
