//! `millrace status`: how far a task is, from the stages themselves and from the destination's progress.
//!
//! Why it can be believed: a stage is asked over HTTP and says what it knows at that moment, with the time at which it
//! knew it; one that does not answer is said not to answer. What is applied comes from the destination, which decides.

mod address;
mod binlogs;
pub(crate) mod caught_up;
mod gather;
mod render;
mod report;
mod retention;
mod state;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use console::{Term, truncate_str};
use millrace_model::Failure;

use crate::Ending;
use crate::output::{Colours, print, print_json};
pub(crate) use address::address;
use report::Report;
use state::State;

/// Show how far a task is: phase, tables, latency, lag, positions, rates, errors
#[derive(Debug, Args)]
#[command(after_help = "\
Asks each stage at its [http] address, the destination for what is applied, the source for the end of its binlog, and
Kafka for what is unread.
A stage on another machine, or on a port that was picked, is asked with --at.

  latency   from the commit in the source to the commit in the destination
  behind    bytes of binlog that the source has written and the destination has not applied

Exit code 0 while the task runs or is completed, 1 otherwise (failed, retrying, a stage that does not answer, ...).

Examples:
  millrace status shop.toml
  millrace status shop.toml --watch
  millrace status shop.toml --at 10.0.0.7:9562 --at 10.0.0.8:9562
  millrace status shop.toml --json | jq .latency_ms")]
pub(crate) struct Arguments {
    /// The task file
    #[arg(value_name = "TASK.toml")]
    task: PathBuf,
    /// Show it again and again, until the task is completed or has failed
    #[arg(long, short)]
    watch: bool,
    /// Seconds between two looks of --watch
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
    /// Ask a stage here too; can be given several times
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    at: Vec<String>,
    /// Print JSON instead of text; with --watch an object a line
    #[arg(long)]
    json: bool,
}

/// Looks once, or until it is over.
pub(crate) async fn run(arguments: Arguments) -> Result<Ending, Failure> {
    let task = millrace_task::load(&arguments.task)?;
    loop {
        let report = gather::gather(&task, &arguments.task, &arguments.at);
        let (report, log) = futures_util::join!(report, retention::of_log(&task));
        let report = report.with_log(log);
        show(&arguments, &report)?;
        let is_over = matches!(report.state, State::Completed | State::Failed);
        if !arguments.watch || is_over {
            let is_good = matches!(report.state, State::Running | State::Completed);
            return Ok(if is_good { Ending::Good } else { Ending::Finding });
        }
        tokio::time::sleep(Duration::from_secs(arguments.every)).await;
    }
}

fn show(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    if arguments.json {
        let json = report.to_json();
        return if arguments.watch { print(&format!("{json}\n")) } else { print_json(&json) };
    }
    let text = render::to_text(report, Colours::of_standard_output());
    if arguments.watch && std::io::stdout().is_terminal() {
        let (height, width) = Term::stdout().size();
        return print(&screen(&text, usize::from(height), usize::from(width)));
    }
    print(&text)
}

/// A text over the whole screen: to the corner, each line to its end, then what is below, without the flicker of an empty
/// screen. What does not fit is cut, because lines that wrap and screens that scroll would pile up.
fn screen(text: &str, height: usize, width: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let fitting = height.saturating_sub(1).max(1);
    let mut shown: Vec<String> =
        lines.iter().take(fitting).map(|line| truncate_str(line, width, "..").into_owned()).collect();
    if lines.len() > fitting {
        shown[fitting - 1] = format!("  and {} more lines", lines.len() - fitting + 1);
    }
    format!("\x1b[H{}\x1b[K\n\x1b[J", shown.join("\x1b[K\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_holds_what_fits() {
        assert_eq!(screen("ab\ncd\n", 5, 10), "\x1b[Hab\x1b[K\ncd\x1b[K\n\x1b[J");
        assert_eq!(screen("abcdef\ncd\nef\ngh\n", 3, 4), "\x1b[Hab..\x1b[K\n  and 3 more lines\x1b[K\n\x1b[J");
        let painted = screen("\x1b[1mabcdef\x1b[0m\n", 5, 4);
        assert!(painted.contains("ab..") && painted.contains("\x1b[0m"), "{painted:?}");
    }
}
