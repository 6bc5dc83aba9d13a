//! What every stage process is: arguments, logs, metrics, health, shutdown, and the one retry loop.
//!
//! A stage is a library with one function, `run(context: StageContext) -> Result<Outcome, Failure>`: an attempt that goes
//! on from the checkpoint until the task is completed, the context's [`Shutdown`] is requested, or something fails. It
//! never retries by itself. [`main`] makes a process of it:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use millrace_service::{Outcome, StageContext, StageName};
//!
//! async fn run(context: StageContext) -> Result<Outcome, millrace_model::Failure> {
//!     context.mark.progress();
//!     context.shutdown.requested().await;
//!     Ok(Outcome::Stopped)
//! }
//!
//! fn main() -> ExitCode {
//!     millrace_service::main(StageName::Capture, run)
//! }
//! ```
//!
//! Why retrying is safe: an attempt begins at the durable checkpoint and holds nothing of the one before, so that a retry
//! is no different from a restart of the process.

mod arguments;
mod ask;
mod backoff;
mod context;
mod crypto;
mod exit;
mod exporter;
mod freed_memory;
mod http;
mod logs;
mod patience;
mod process;
mod rate;
mod report;
mod retry;
mod shutdown;
mod stage;
mod status;
mod timestamp;

pub use arguments::{Arguments, LogFormat};
pub use ask::ask;
pub use context::StageContext;
pub use crypto::install_crypto_provider;
pub use exit::{code_of_class, exit_code, exit_code_of_failure};
pub use exporter::Exporter;
pub use freed_memory::keep_freed_memory;
pub use http::HttpServer;
pub use logs::install_logs;
pub use patience::Patience;
pub use process::main;
pub use rate::Rate;
pub use report::{print_failure, write_failure};
pub use retry::{Outcome, run_stage};
pub use shutdown::Shutdown;
pub use stage::{StageFailure, StageName};
pub use status::{ProgressMark, StatusHandle};
