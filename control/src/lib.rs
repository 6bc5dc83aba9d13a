//! `millrace`, the operator's tool: one module a subcommand, and what they share.
//!
//! Every command ends with 0 if all is good, 1 if there is a finding or a failure that stays, 2 if it was called wrongly, 3
//! if a server could not be reached, 4 if one answered with an error that may pass. What a command found goes to standard
//! output, for people or (`--json`) for programs; why it failed goes to standard error, as `error: ...` and `hint: ...`.
//! Nothing but `run` writes to the log; `run`, `quarantine release` and `drop`, and `cut-over --execute` write to the
//! destination; nothing writes to the source.

mod catalog;
mod check;
mod check_constraints;
mod completions;
mod cut_over;
mod foreign_keys;
mod loose_keys;
mod output;
mod plan;
mod quarantine;
mod run;
mod scan;
mod schema;
mod status;
mod text;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use millrace_model::{ErrorClass, Failure};
use millrace_service::{code_of_class, exit_code_of_failure, install_crypto_provider};

/// Moves MySQL to AnalyticDB for PostgreSQL, Greenplum or PostgreSQL, and keeps it there, live
#[derive(Debug, Parser)]
#[command(name = "millrace", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "\
A first migration:
  millrace check shop.toml     is everything ready? what to mend, and how
  millrace plan shop.toml      what would be created, what may be lost, how long it takes
  millrace run shop.toml       move it, in this one process; without Kafka
  millrace status shop.toml    how far it is
Over Kafka the stages are programs of their own: millrace-capture, millrace-transform, millrace-apply --task shop.toml

Exit codes: 0 good, 1 a finding or a failure that stays, 2 wrong usage, 3 a server cannot be reached,
4 a server answers with an error that may pass: after 3 and 4 starting again may help.
Every key of a task file: docs/task-file.md. The commands with examples: docs/commands.md.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Plan(plan::Arguments),
    Run(run::Arguments),
    Status(status::Arguments),
    Quarantine(quarantine::Arguments),
    CutOver(cut_over::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
}

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Nothing to complain of.
    Good,
    /// There is a finding.
    Finding,
    /// What it found is only that a server did not answer, or not now.
    Unanswered(ErrorClass),
    /// An argument makes no sense; what is wrong with it was said.
    Usage,
}

/// The process: parses the arguments, runs the command, gives the exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    install_crypto_provider();
    let ended = match arguments.command {
        Command::Run(arguments) => return run::main(&arguments),
        Command::Check(arguments) => in_runtime(check::run(arguments)),
        Command::Plan(arguments) => in_runtime(plan::run(arguments)),
        Command::Status(arguments) => in_runtime(status::run(arguments)),
        Command::Quarantine(arguments) => in_runtime(quarantine::run(arguments)),
        Command::CutOver(arguments) => in_runtime(cut_over::run(arguments)),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    };
    match ended {
        Ok(Ending::Good) => ExitCode::SUCCESS,
        Ok(Ending::Finding) => ExitCode::FAILURE,
        Ok(Ending::Unanswered(class)) => ExitCode::from(code_of_class(class)),
        Ok(Ending::Usage) => ExitCode::from(2),
        Err(failure) => exit_code_of_failure(&failure),
    }
}

fn in_runtime(command: impl Future<Output = Result<Ending, Failure>>) -> Result<Ending, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::fatal(format!("cannot start: {error}"), ""))?;
    let ended = runtime.block_on(Box::pin(command));
    // Clients of Kafka that are torn down in the background are not waited for.
    runtime.shutdown_background();
    ended
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_understood() {
        Arguments::command().debug_assert();
        for good in [
            &["millrace", "check", "a.toml", "--accept", "gtid_mode", "--accept", "x", "--json"][..],
            &["millrace", "plan", "a.toml", "--sql"],
            &["millrace", "plan", "a.toml", "--scan", "--rows-per-second", "500", "--json"],
            &["millrace", "run", "a.toml", "--log-format", "json"],
            &["millrace", "status", "a.toml", "--watch", "--json"],
            &["millrace", "quarantine", "list", "a.toml", "--json"],
            &["millrace", "quarantine", "release", "a.toml"],
            &["millrace", "quarantine", "release", "a.toml", "s.t", "1", "2"],
            &["millrace", "quarantine", "drop", "a.toml", "s.t"],
            &["millrace", "cut-over", "a.toml", "--at", "a:1", "--wait", "0", "--json"],
            &["millrace", "cut-over", "a.toml", "--execute", "--unchecked"],
            &["millrace", "schema"],
            &["millrace", "completions", "zsh"],
        ] {
            assert!(Arguments::try_parse_from(good).is_ok(), "{good:?}");
        }
        for bad in [
            &["millrace", "check"][..],
            &["millrace", "plan", "a.toml", "--sql", "--json"],
            &["millrace", "plan", "a.toml", "--scan", "--sql"],
            &["millrace", "plan", "a.toml", "--rows-per-second", "5"],
            &["millrace", "completions", "tcsh"],
            &["millrace", "status", "a.toml", "--at", "nowhere"],
            &["millrace", "quarantine", "drop", "a.toml"],
            &["millrace", "cut-over", "a.toml", "--unchecked", "--wait", "5"],
            &["millrace", "chekc", "a.toml"],
        ] {
            assert!(Arguments::try_parse_from(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_command_says_what_it_is_and_shows_an_example() {
        for command in Arguments::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains(&format!("millrace {}", command.get_name())), "{}", command.get_name());
        }
        assert_eq!(Arguments::try_parse_from(["millrace", "chekc"]).unwrap_err().exit_code(), 2);
    }
}
