//! `millrace-demo`: a shop with a million rows is moved while it is written to and while processes are killed; then every
//! row of both sides is compared. `make demo` and `make demo-run` start the servers and call it.

mod heartbeat;
mod migration;
mod random;
mod screen;
mod shop;
mod stages;
mod writer;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// How the data is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    /// Three processes over Kafka.
    Staged,
    /// `millrace run`: one process, no Kafka.
    Run,
}

/// Moves a generated shop and compares every row; the servers are those of MILLRACE_TEST_...
#[derive(Debug, Parser)]
struct Arguments {
    /// How the data is moved.
    way: Way,
    /// Folder of the task file, logs and pid files.
    folder: PathBuf,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match migration::run(arguments.way, &arguments.folder).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}
