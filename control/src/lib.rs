//! The operator's tool `millrace`: one module per command.

pub mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Moves a MySQL database into AnalyticDB for PostgreSQL and keeps it in step.
#[derive(Debug, Parser)]
#[command(name = "millrace", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a task in this process, without Kafka: what a restart needs is kept in the destination.
    Run(run::Arguments),
}

/// The program.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(arguments) => run::main(&arguments),
    }
}
