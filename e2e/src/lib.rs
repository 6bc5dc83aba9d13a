//! End-to-end tests: the three stages as processes, over Kafka, between a real MySQL and a real PostgreSQL.
//!
//! A test has a task, a database on either server and topics of its own ([`World`]); the stages know them from the task
//! file alone, as a user's do. What is expected is never written down where the source can say it: the destination must
//! equal the source, value by value ([`Scope`]). `cases/` holds the behaviours that need nothing but SQL ([`run_case`]);
//! `tests/` those that kill, stop or misuse the stages.

mod case;
mod chaos;
mod equality;
mod globals;
mod hidden_cascades;
mod report;
mod schema_chaos;
mod stages;
mod task_file;
mod world;
mod writer;

pub use case::{Way, run_case, run_case_at};
pub use chaos::{Ground, on_own_ground, run_broker_chaos, run_chaos};
pub use equality::{Scope, poll_until_equal};
pub use globals::GlobalVariable;
pub use hidden_cascades::run_hidden_cascades;
pub use report::{TestError, TestResult};
pub use schema_chaos::{Metadata, run_schema_chaos};
pub use stages::{Printed, Role, Stages, printed_failure};
pub use task_file::TaskFile;
pub use world::{World, in_world, in_world_alone, in_world_at};
pub use writer::Writers;

use std::time::Duration;

/// How long anything that is awaited may take. It is far above what it takes, for machines that are busy.
pub const LIMIT: Duration = Duration::from_secs(90);
