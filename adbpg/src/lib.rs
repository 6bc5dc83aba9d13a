//! Everything that knows AnalyticDB for PostgreSQL, Greenplum and PostgreSQL; nothing here knows the log or MySQL.
//!
//! Rendering is pure ([`ident`], [`ddl`], [`alter`], [`cast`], [`indexes`], [`encode`], [`key_array`]); the connection, the write
//! transaction and the state tables are the rim. The destination is the one place that decides what was applied:
//! [`write::WriteTransaction`] puts rows and progress into one transaction, so that either both are there or neither.

pub mod advance;
pub mod alter;
pub mod barrier;
pub mod cast;
pub mod check;
pub mod check_constraints;
pub mod commit;
pub mod connect;
pub mod constrained;
pub mod ddl;
pub mod dialect;
pub mod encode;
pub mod error;
pub mod foreign_keys;
#[cfg(test)]
#[path = "greenplum_rules/tests.rs"]
mod greenplum_rules;
pub mod ident;
pub mod indexes;
pub mod key_array;
mod keyless;
mod large_line;
pub mod numbering;
mod parameter;
pub mod quarantine;
pub mod refused;
pub mod state;
pub mod summary;
mod table_check;
mod target;
mod tls;
pub mod write;

pub use advance::{Advance, PartitionProgress};
pub use barrier::{BarrierOutcome, JournalEntry};
pub use check::{Finding, Verdict};
pub use check_constraints::{Check, CheckFound};
pub use commit::CommitOutcome;
pub use connect::{Connection, DestinationOptions};
pub use constrained::Constrained;
pub use ddl::{ExistingTable, LeftOut};
pub use dialect::Dialect;
pub use error::AdbpgError;
pub use foreign_keys::{ForeignKey, ReferenceAction};
pub use ident::Ident;
pub use numbering::{NumberedColumn, Numbering};
pub use quarantine::{HeldRow, Replaced};
pub use refused::Refused;
pub use state::TaskIdentity;
pub use summary::TaskSummary;
pub use tls::{ClientIdentity, TlsMode};
pub use write::{InsertStrategy, TableWrite, WriteTransaction};
