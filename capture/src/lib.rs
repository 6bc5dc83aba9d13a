//! Capture: from MySQL's binlog and tables into `<task>.captured`.
//!
//! What is published when, and what a restart goes on with, is decided by `protocol::capture`; this crate connects the
//! source, that machine and the log. Each step is one Kafka transaction with its checkpoint, so whatever is killed when,
//! the log holds each change once and in order.

mod checks;
mod examine;
mod options;
mod pool;
mod progress;
mod publish;
mod reader;
mod recover;
mod same_source;
mod seam;
mod source;
mod stage;
mod start;
mod statements;
mod stream;

pub use examine::{Standing, examine_log};
pub use options::source_options;
pub use publish::Outlet;
pub use recover::Recovered;
pub use stage::{run, run_into};
