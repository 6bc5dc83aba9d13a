//! The log of a process, on standard output: what happens goes there, why it ended goes to standard error.

use std::io::IsTerminal;

use millrace_model::Failure;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::arguments::LogFormat;

/// The environment variable with the filter
/// (<https://docs.rs/tracing-subscriber/0.3/tracing_subscriber/filter/struct.EnvFilter.html>).
const FILTER_VARIABLE: &str = "MILLRACE_LOG";

/// Sets up the log of the process; `MILLRACE_LOG` filters it, without it levels from info up are shown.
///
/// # Errors
/// A filter that cannot be read, or a log that is set up already.
pub fn install_logs(format: LogFormat) -> Result<(), Failure> {
    let filter = match std::env::var(FILTER_VARIABLE) {
        Ok(directives) if !directives.is_empty() => EnvFilter::try_new(&directives).map_err(|_| bad_filter())?,
        _ => EnvFilter::new("info"),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter);
    let on_terminal = std::io::stdout().is_terminal();
    let installed = match format {
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
        LogFormat::Auto if !on_terminal => lines.json().flatten_event(true).finish().try_init(),
        LogFormat::Text | LogFormat::Auto => lines.with_ansi(on_terminal).finish().try_init(),
    };
    installed.map_err(|error| Failure::fatal(format!("cannot set up the log: {error}"), ""))
}

fn bad_filter() -> Failure {
    let hint = format!("write {FILTER_VARIABLE}=info, or for example {FILTER_VARIABLE}=info,millrace_apply=debug");
    Failure::fatal(format!("the environment variable \"{FILTER_VARIABLE}\" is not a log filter"), hint)
}

/// Whether who reads the log sees standard error too, because both are the terminal.
pub(crate) fn shows_standard_error() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}
