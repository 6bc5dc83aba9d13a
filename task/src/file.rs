//! The keys of the task file as TOML, before anything is expanded or checked. `docs/task-file.md` describes each; a test
//! compares the two. A field here is one key: `deny_unknown_fields` refuses all others.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::expansion::Text;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct TaskFile {
    /// Name of the task.
    pub(crate) name: Option<Text>,
    /// What is done, in order.
    pub(crate) phases: Option<Spanned<Vec<Text>>>,
    /// A tag shown everywhere.
    pub(crate) environment: Option<Text>,
    /// MiB that each process may take for data.
    pub(crate) memory: Option<Spanned<i64>>,
    /// The MySQL server.
    pub(crate) source: Option<Spanned<SourceTable>>,
    /// The server that receives.
    pub(crate) destination: Option<Spanned<ServerTable>>,
    /// The log between the stages.
    pub(crate) log: Option<LogTable>,
    /// Operations that are replicated.
    pub(crate) operations: Option<Spanned<Vec<Text>>>,
    /// What moves.
    pub(crate) objects: Option<Spanned<Vec<Spanned<ObjectTable>>>>,
    /// How tables are made in the destination.
    pub(crate) schema: Option<SchemaTable>,
    /// How long failures are retried.
    pub(crate) retry: Option<RetryTable>,
    /// What is done with rows that are refused.
    pub(crate) errors: Option<ErrorsTable>,
    /// How the full load reads.
    pub(crate) full: Option<FullTable>,
    /// Where the stages listen.
    pub(crate) http: Option<HttpTable>,
}

/// `[source]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct SourceTable {
    /// `mysql://...`.
    pub(crate) url: Option<Text>,
    /// Servers to go on from when it is lost.
    pub(crate) failover: Option<Spanned<Vec<Text>>>,
    /// What is done where foreign keys change rows unseen.
    pub(crate) hidden_cascades: Option<Text>,
    /// Encryption.
    pub(crate) tls: Option<Spanned<TlsTable>>,
}

/// `[destination]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct ServerTable {
    /// `postgres://...`.
    pub(crate) url: Option<Text>,
    /// Encryption.
    pub(crate) tls: Option<Spanned<TlsTable>>,
}

/// `tls = { ... }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct TlsTable {
    /// disabled, required, verify-ca or verify-full.
    pub(crate) mode: Option<Text>,
    /// Certificate authorities that are trusted, PEM.
    pub(crate) ca: Option<Text>,
    /// Client certificate, PEM.
    pub(crate) cert: Option<Text>,
    /// Its private key, PEM.
    pub(crate) key: Option<Text>,
}

/// `[log]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct LogTable {
    /// Brokers.
    pub(crate) kafka: Option<Text>,
    /// Partitions of the data topics.
    pub(crate) partitions: Option<Spanned<i64>>,
    /// Options of librdkafka.
    pub(crate) options: Option<BTreeMap<Spanned<String>, Spanned<OptionValue>>>,
}

/// A value of `log.options`: librdkafka takes strings, and TOML has numbers and booleans too.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a string, a whole number or a boolean")]
pub(crate) enum OptionValue {
    /// Expanded like any string.
    Text(String),
    /// Written in decimal.
    Number(i64),
    /// `true` or `false`.
    Boolean(bool),
}

/// One `[[objects]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct ObjectTable {
    /// Pattern `database.table`.
    pub(crate) table: Option<Text>,
    /// Patterns that do not move.
    pub(crate) exclude: Option<Vec<Text>>,
    /// Name in the destination.
    pub(crate) rename: Option<Text>,
    /// Columns.
    pub(crate) columns: Option<ColumnsTable>,
    /// Condition for rows.
    pub(crate) r#where: Option<Text>,
    /// Operations that are replicated.
    pub(crate) operations: Option<Spanned<Vec<Text>>>,
    /// Columns of the primary key in the destination.
    pub(crate) primary_key: Option<Spanned<Vec<Text>>>,
    /// How the destination spreads rows.
    pub(crate) distributed_by: Option<Spanned<DistributedBy>>,
    /// How the destination stores rows.
    pub(crate) storage: Option<Text>,
    /// How rows are spread over partitions.
    pub(crate) route: Option<Text>,
}

/// `distributed_by` of an object.
#[derive(Deserialize)]
#[serde(untagged, expecting = "an array of columns or a word")]
pub(crate) enum DistributedBy {
    /// Columns of the primary key.
    Columns(Vec<String>),
    /// `replicated` or `randomly`.
    Word(String),
}

/// `columns` of an object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct ColumnsTable {
    /// Patterns of columns that do not move.
    pub(crate) exclude: Option<Vec<Text>>,
    /// Names in the destination, by column.
    pub(crate) rename: Option<BTreeMap<Spanned<String>, Text>>,
    /// Types in the destination, by column.
    pub(crate) r#type: Option<BTreeMap<Spanned<String>, Text>>,
}

/// `[schema]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct SchemaTable {
    /// What is done with tables that are there already.
    pub(crate) existing_tables: Option<Text>,
    /// Case of names.
    pub(crate) names: Option<Text>,
    /// Which names are quoted.
    pub(crate) quote: Option<Text>,
    /// Whether secondary indexes are made.
    pub(crate) indexes: Option<bool>,
    /// Whether foreign keys are made at cut-over.
    pub(crate) foreign_keys: Option<bool>,
    /// Whether CHECK constraints are made at cut-over.
    pub(crate) check_constraints: Option<bool>,
    /// What becomes of a column whose type changes.
    pub(crate) on_type_change: Option<Text>,
    /// Which types are chosen.
    pub(crate) types: Option<Text>,
    /// What becomes of the all-zero date.
    pub(crate) zero_dates: Option<Text>,
    /// What becomes of dates that no calendar has.
    pub(crate) invalid_dates: Option<Text>,
    /// What becomes of U+0000.
    pub(crate) nul_characters: Option<Text>,
    /// What becomes of text that is not valid.
    pub(crate) invalid_text: Option<Text>,
    /// Whether comments are made.
    pub(crate) comments: Option<bool>,
    /// Patterns of tables that tools make beside others.
    pub(crate) helper_tables: Option<Vec<Text>>,
}

/// `[retry]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct RetryTable {
    /// Minutes that a lost connection is retried.
    pub(crate) connection_minutes: Option<Spanned<i64>>,
    /// Minutes that another passing error is retried.
    pub(crate) other_minutes: Option<Spanned<i64>>,
}

/// `[errors]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct ErrorsTable {
    /// What is done with a row that the destination refuses.
    pub(crate) on_bad_row: Option<Text>,
    /// Rows that are held at most.
    pub(crate) quarantine_limit: Option<Spanned<i64>>,
}

/// `[full]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct FullTable {
    /// Rows a chunk.
    pub(crate) chunk_rows: Option<Spanned<i64>>,
    /// Connections that read.
    pub(crate) readers: Option<Spanned<i64>>,
}

/// `[http]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(crate) struct HttpTable {
    /// Address of capture.
    pub(crate) capture: Option<Text>,
    /// Address of transform.
    pub(crate) transform: Option<Text>,
    /// Address of apply.
    pub(crate) apply: Option<Text>,
    /// What who asks has to show.
    pub(crate) token: Option<Text>,
}
