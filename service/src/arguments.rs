//! The command line of a stage.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};

use crate::stage::StageName;

/// The command line of a stage.
#[derive(Debug, Clone, Parser)]
#[command(version, about = None, after_help = "MILLRACE_LOG filters the log, such as \"info\" or \"debug,rdkafka=warn\".")]
pub struct Arguments {
    /// The task file
    #[arg(long, value_name = "TASK.toml")]
    pub task: PathBuf,
    /// Form of the log on standard output; auto is text on a terminal and json otherwise
    #[arg(long, value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
    /// Listen here instead of where the task file says; port 0 picks a free one
    #[arg(long, value_name = "IP:PORT")]
    pub http: Option<SocketAddr>,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
    /// Text on a terminal, JSON otherwise.
    Auto,
}

impl Arguments {
    /// The arguments of this process; prints help, version or what is wrong and ends the process (0, or 2 for wrong
    /// usage) where there is nothing to start.
    pub fn of_process(stage: StageName) -> Self {
        let command = Self::command().name(stage.program()).bin_name(stage.program()).about(stage.about());
        Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_command_line_is_understood() {
        Arguments::command().debug_assert();
        let arguments = Arguments::try_parse_from(["x", "--task", "a.toml", "--http", "127.0.0.1:0"]).unwrap();
        assert_eq!((arguments.log_format, arguments.http.unwrap().port()), (LogFormat::Auto, 0));
        assert!(Arguments::try_parse_from(["x"]).is_err());
        assert!(Arguments::try_parse_from(["x", "--task", "a.toml", "--log-format", "xml"]).is_err());
    }
}
