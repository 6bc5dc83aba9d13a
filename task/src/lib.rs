//! The task file: one TOML text that drives every stage, parsed into types that cannot be invalid.
//!
//! Why a [`Task`] can be trusted: the text goes through three steps, and only the last one makes a `Task`. First the
//! TOML is read into the structs of the `file` module, which refuse unknown keys and wrong types; then every string is
//! expanded (`${VARIABLE}`, `${file:PATH}`) by the only function that can open one; then each value is checked against
//! its range and against the others. The first thing found wrong is returned as a [`TaskError`], which names file, line,
//! column and key. Public types are `#[non_exhaustive]` or have private fields, so that nobody else can make one.
//!
//! Nothing here touches the network, and files and variables only through [`Surroundings`]; [`load`] is the thin rim.
//! `docs/task-file.md` is the reference; a test compares its keys with those accepted here.

mod assemble;
mod condition;
mod connection;
mod document;
mod error;
mod expansion;
mod file;
mod fingerprint;
mod glob;
mod kafka;
mod memory;
mod name;
mod object;
mod operations;
mod overlap;
mod phases;
mod policy;
mod quotes;
mod reader;
mod selection;
mod settings;
mod similar;
mod tls;
mod url;

use std::path::{Path, PathBuf};

use millrace_model::Failure;

pub use condition::{Comparison, Condition, ConditionProblem, Expression, Negation, Operand, Truth, Value};
pub use connection::{Destination, HiddenCascades, Server, Source};
pub use error::{Place, Problem, TaskError};
pub use expansion::Surroundings;
pub use glob::{Glob, PatternProblem, TablePattern};
pub use kafka::{Kafka, Log, Transport};
pub use memory::Memory;
pub use name::{Environment, TaskName};
pub use object::{
    CheckConstraints, DistributedBy, ExistingTables, ForeignKeys, NameCase, NameQuotes, ObjectRule, OnTypeChange,
    RouteChoice,
};
pub use operations::{Operation, Operations};
pub use phases::{Phase, Phases};
pub use policy::{InsteadOfDate, InvalidText, NulCharacters, TypeProfile, ValuePolicies};
pub use quotes::NeedsQuotes;
pub use selection::Selection;
pub use settings::{FullLoad, Http, OnBadRow, Retry};
pub use tls::{ClientIdentity, Tls, Verification};

/// A valid task: what moves from where to where, and how. Made only by [`parse`] and [`load`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Task {
    /// The file it was read from; relative paths in it are relative to this file's folder.
    pub file: PathBuf,
    /// Names topics, consumer groups and progress rows.
    pub name: TaskName,
    /// What is done: schema, full load, incremental.
    pub phases: Phases,
    /// A tag shown everywhere, such as "production".
    pub environment: Option<Environment>,
    /// The MySQL server.
    pub source: Source,
    /// The AnalyticDB for PostgreSQL, Greenplum or PostgreSQL server.
    pub destination: Destination,
    /// The log between the stages.
    pub log: Log,
    /// Which databases, tables and columns move.
    pub selection: Selection,
    /// What is done with tables that are there already.
    pub existing_tables: ExistingTables,
    /// Whether the destination gets the source's foreign keys.
    pub foreign_keys: ForeignKeys,
    /// Whether the destination gets the source's CHECK constraints.
    pub check_constraints: CheckConstraints,
    /// How long failures are retried.
    pub retry: Retry,
    /// What is done with a row that the destination refuses.
    pub on_bad_row: OnBadRow,
    /// How the full load reads.
    pub full: FullLoad,
    /// What each process may take for data in flight.
    pub memory: Memory,
    /// Where each stage listens for HTTP.
    pub http: Http,
}

impl Task {
    /// XXH3-128 over what decides content and route: name, phases, objects, partitions; independent of the order of
    /// keys and rules, of comments and of spelled-out defaults. Passwords, addresses, retries, `foreign_keys`,
    /// `check_constraints`, `[full]` and `[http]` may change while a task runs and are not in it.
    pub fn fingerprint(&self) -> [u8; 16] {
        fingerprint::of(self)
    }
}

/// Parses the text of a task file. `file` is named in errors, and its folder is where relative paths begin.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn parse(text: &str, file: &Path, surroundings: &Surroundings<'_>) -> Result<Task, TaskError> {
    assemble::task(&document::Document::new(file, text), surroundings)
}

/// Reads and parses a task file with the variables of this process and the files of this machine.
///
/// # Errors
/// The file cannot be read, or the first thing in it that is wrong.
pub fn load(file: &Path) -> Result<Task, TaskError> {
    let text = std::fs::read_to_string(file).map_err(|error| TaskError::unreadable(file, &error))?;
    parse(&text, file, &Surroundings::of_process())
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        Self { class: error.class(), message: error.to_string(), hint: error.hint() }
    }
}
