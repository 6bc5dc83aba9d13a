//! A connection to the destination, set up so that nothing that depends on a role's or a server's defaults can change
//! what is written: time zone, date style, string constants, time limits.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use millrace_model::TlsFault;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, SimpleQueryRow};

use crate::dialect::{ACCESS_METHOD_BEAM, Dialect, PROBED_SETTINGS};
use crate::error::{AdbpgError, reason_of};
use crate::ident::literal;
use crate::target::Uniqueness;
use crate::tls::{ClientIdentity, TlsMode, connector};

/// How to reach the destination.
#[derive(Debug, Clone)]
pub struct DestinationOptions {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User.
    pub user: String,
    /// Password; empty for none.
    pub password: SecretString,
    /// Database.
    pub database: String,
    /// Encryption.
    pub tls: TlsMode,
    /// Client certificate, if the server asks for one.
    pub client_identity: Option<ClientIdentity>,
}

/// A session's process: a process id is used again, with its start time it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Process id on the (coordinator's) host.
    pub pid: i32,
    /// `pg_stat_activity.backend_start` as text, in UTC.
    pub started: String,
}

/// One session. Not shared: who writes has it alone.
#[derive(Debug)]
pub struct Connection {
    pub(crate) client: Client,
    pub(crate) dialect: Dialect,
    pub(crate) usability: Usability,
    /// Tables that this session has looked at, by the hash of their names and columns.
    pub(crate) looked_at: HashMap<u64, Uniqueness>,
    backend: Backend,
}

/// Whether a session can go on being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usability {
    Usable,
    /// It broke, or a COMMIT may still be running on it.
    Doubtful,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// What every session gets: (setting, value); those that the server does not have are left out.
const SESSION_SETTINGS: [(&str, &str); 10] = [
    ("standard_conforming_strings", "on"),
    ("timezone", "UTC"),
    ("datestyle", "ISO, YMD"),
    ("intervalstyle", "postgres"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "3"),
    ("statement_timeout", "0"),
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "40s"),
    ("default_transaction_isolation", "read committed"),
];

impl DestinationOptions {
    /// host:port, as messages name it.
    pub fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .dbname(&self.database)
            .application_name("millrace")
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(4)
            .ssl_mode(if self.tls == TlsMode::Disabled { SslMode::Disable } else { SslMode::Require });
        if !self.password.expose_secret().is_empty() {
            config.password(self.password.expose_secret());
        }
        config
    }

    fn connect_error(&self, error: &tokio_postgres::Error) -> AdbpgError {
        let server = self.server();
        let reason = reason_of(error);
        match AdbpgError::of(format!("log in to \"{server}\" as \"{}\"", self.user), error) {
            _ if error.to_string().contains("TLS handshake") && !is_broken(error) => AdbpgError::Tls { server, reason },
            // With TLS 1.3 a client certificate is refused after the handshake.
            AdbpgError::Lost { .. } if TlsFault::of(&reason) == TlsFault::ClientCertificate => {
                AdbpgError::Tls { server, reason }
            }
            AdbpgError::Lost { .. } => AdbpgError::Unreachable { server, reason },
            other => other,
        }
    }

    async fn open(&self) -> Result<Client, AdbpgError> {
        let failed = |error: tokio_postgres::Error| self.connect_error(&error);
        match connector(&self.tls, self.client_identity.as_ref())? {
            None => {
                let (client, driver) = self.config().connect(NoTls).await.map_err(failed)?;
                tokio::spawn(drive(driver));
                Ok(client)
            }
            Some(tls) => {
                let (client, driver) = self.config().connect(tls).await.map_err(failed)?;
                tokio::spawn(drive(driver));
                Ok(client)
            }
        }
    }
}

/// Whether the other side went away, rather than refused.
fn is_broken(error: &tokio_postgres::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    matches!(cause, Some(BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof))
}

/// Moves the session's bytes; ends by itself when the client is dropped. What breaks it reaches the client as an error.
async fn drive(driver: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = driver.await {
        let class = AdbpgError::of("keep the connection", &error).class();
        tracing::debug!(?class, "the connection to the destination ended");
    }
}

impl Connection {
    /// Connects, finds out what the server is, and sets the session up.
    pub async fn connect(options: &DestinationOptions) -> Result<Self, AdbpgError> {
        let client = options.open().await?;
        let (dialect, settings) = probe(&client).await?;
        set_up(&client, &dialect, &settings).await?;
        let backend = backend(&client).await?;
        Ok(Self { client, dialect, backend, usability: Usability::Usable, looked_at: HashMap::new() })
    }

    /// What the server is.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// This session's process.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Whether the session can go on being used: it is connected and no COMMIT on it is unanswered. Otherwise drop it,
    /// as after every error of class `Connection`, which can come before the session is known to be closed.
    pub fn is_usable(&self) -> bool {
        self.usability == Usability::Usable && !self.client.is_closed()
    }

    /// Runs statements outside a transaction (in one of their own), one after the other. `action` completes "cannot ..."
    /// in the error. For SQL rendered by this crate only.
    pub async fn execute(&self, action: &str, statements: &[String]) -> Result<(), AdbpgError> {
        for statement in statements {
            self.client.batch_execute(statement).await.map_err(|error| AdbpgError::of(action, &error))?;
        }
        Ok(())
    }
}

async fn probe(client: &Client) -> Result<(Dialect, BTreeMap<String, String>), AdbpgError> {
    let action = "read the destination's version";
    let version = rows(client, action, "SELECT version()").await?;
    let version = version.first().and_then(|row| row.get(0)).unwrap_or_default().to_owned();
    let names = PROBED_SETTINGS.iter().chain(SESSION_SETTINGS.iter().map(|(name, _)| name));
    let names: Result<Vec<String>, AdbpgError> = names.map(|name| literal(name)).collect();
    let sql = format!("SELECT lower(name), setting FROM pg_settings WHERE lower(name) IN ({})", names?.join(", "));
    let mut settings: BTreeMap<String, String> = rows(client, action, &sql)
        .await?
        .iter()
        .filter_map(|row| Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())))
        .collect();
    if !rows(client, action, "SELECT 1 FROM pg_catalog.pg_am WHERE amname = 'beam'").await?.is_empty() {
        settings.insert(ACCESS_METHOD_BEAM.to_owned(), "on".to_owned());
    }
    Ok((Dialect::detect(&version, &settings), settings))
}

async fn set_up(client: &Client, dialect: &Dialect, has: &BTreeMap<String, String>) -> Result<(), AdbpgError> {
    let sql = render_session(dialect, has);
    client.batch_execute(&sql).await.map_err(|error| AdbpgError::of("set up the session", &error))
}

/// The statements that set a session up, of a server that has these settings.
pub(crate) fn render_session(dialect: &Dialect, has: &BTreeMap<String, String>) -> String {
    let mut sql = String::new();
    for (name, value) in SESSION_SETTINGS.into_iter().filter(|(name, _)| has.contains_key(*name)) {
        sql.push_str(&format!("SET {name} TO '{value}';"));
    }
    if dialect.is_distributed() {
        // Off by default there: a DELETE joined with keys would scan the whole table.
        sql.push_str("SET enable_nestloop TO on;");
        // The other planner decides about joins by rules of its own.
        let is_on = |name: &str| has.get(name).is_some_and(|value| value == "on");
        if is_on("optimizer") && is_on("optimizer_control") {
            sql.push_str("SET optimizer TO off;");
        }
    }
    sql
}

async fn backend(client: &Client) -> Result<Backend, AdbpgError> {
    let sql = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let found = rows(client, "read the session's process id", sql).await?;
    let pid = found.first().and_then(|row| row.get(0)).and_then(|pid| pid.parse().ok());
    let started = found.first().and_then(|row| row.get(1)).unwrap_or_default().to_owned();
    Ok(Backend { pid: pid.ok_or(AdbpgError::State("pg_stat_activity.pid"))?, started })
}

/// The rows of a query, by the simple protocol: on Greenplum a read by key is sixty times quicker with it.
pub(crate) async fn rows(client: &Client, action: &str, sql: &str) -> Result<Vec<SimpleQueryRow>, AdbpgError> {
    let messages = client.simple_query(sql).await.map_err(|error| AdbpgError::of(action, &error))?;
    Ok(messages
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .collect())
}
