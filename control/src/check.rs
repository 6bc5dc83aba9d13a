//! `millrace check`: everything that could stop a task, looked at before it starts.
//!
//! The checks are those that the stages make at their start, by the same functions, and more that only warn. Nothing is
//! changed anywhere. One that cannot be made because another failed (no connection) is left out, not guessed.

mod destination;
mod finding;
mod log;
mod report;
mod selection;
mod source;

use std::path::PathBuf;

use clap::Args;
use millrace_model::{ErrorClass, Failure};
use millrace_task::{Phase, Task};

use crate::Ending;
use crate::output::{Colours, print, print_json};
use finding::{Area, Finding, Meaning};

/// Check source, log and destination before a task starts: what was found, and how to mend it
#[derive(Debug, Args)]
#[command(after_help = "\
Each check has a name and a result:
  ok        as it should be
  warning   the task can start, but you should know; `--accept NAME` says that you do
  BLOCKS    the task cannot start; the line below says how to mend it
Exit code 0 if the task can start, 1 if something blocks it, 3 if nothing does but that a server cannot be reached.
Nothing is changed anywhere.

Examples:
  millrace check shop.toml
  millrace check shop.toml --accept tables_without_key --accept log_replication
  millrace check shop.toml --json | jq '.checks[] | select(.result == \"blocks\")'")]
pub(crate) struct Arguments {
    /// The task file
    #[arg(value_name = "TASK.toml")]
    task: PathBuf,
    /// Accept the warnings of this check; can be given several times
    #[arg(long, value_name = "NAME")]
    accept: Vec<String>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Print only what is not ok
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
}

/// Runs the checks and prints what they found.
pub(crate) async fn run(arguments: Arguments) -> Result<Ending, Failure> {
    if let Some(unknown) = arguments.accept.iter().find(|name| !finding::NAMES.contains(&name.as_str())) {
        let names = finding::NAMES.join(", ");
        let failure =
            Failure::fatal(format!("there is no check \"{unknown}\" to accept"), format!("checks are {names}"));
        millrace_service::print_failure(&failure);
        return Ok(Ending::Usage);
    }
    let task = millrace_task::load(&arguments.task)?;
    let mut findings = all(&task).await;
    for finding in findings.iter_mut().filter(|finding| arguments.accept.iter().any(|name| name == finding.name)) {
        finding.accept();
    }
    if arguments.json {
        print_json(&report::to_json(&task, &findings))?;
    } else {
        let shown = if arguments.quiet { report::Shown::NotGood } else { report::Shown::All };
        print(&report::to_text(&task, &findings, shown, Colours::of_standard_output()))?;
    }
    Ok(ending(&findings))
}

/// What blocks and stays tells more than what may pass by itself.
fn ending(findings: &[Finding]) -> Ending {
    let blocks: Vec<ErrorClass> =
        findings.iter().filter(|finding| finding.meaning == Meaning::Blocks).map(|finding| finding.class).collect();
    let of_class = |class: &ErrorClass| blocks.contains(class).then_some(Ending::Unanswered(*class));
    match blocks.is_empty() {
        true => Ending::Good,
        false if blocks.contains(&ErrorClass::Fatal) => Ending::Finding,
        false => [ErrorClass::Connection, ErrorClass::Statement].iter().find_map(of_class).unwrap_or(Ending::Finding),
    }
}

/// Every check that can be made.
async fn all(task: &Task) -> Vec<Finding> {
    let mut findings = Vec::new();
    let phases = task.phases.list().iter().map(|phase| phase.as_str()).collect::<Vec<_>>().join(", ");
    let found = format!("valid: phases {phases}; {}", crate::text::count(task.selection.rules().len(), "rule"));
    findings.push(Finding::good(Area::TaskFile, "task_file", found));
    let tables = source::check(task, &mut findings).await;
    let standing = log::check(task, &mut findings).await;
    destination::check(task, &tables, standing, &mut findings).await;
    findings
}

/// Whether the task follows the binlog.
fn is_incremental(task: &Task) -> bool {
    task.phases.contains(Phase::Incremental)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_tells_more_than_what_may_pass() {
        let blocks = |failure| Finding::blocks(Area::Source, "source_connection", failure);
        let good = || Finding::good(Area::TaskFile, "task_file", "valid");
        let (connection, statement) = (|| blocks(Failure::connection("", "")), || blocks(Failure::statement("", "")));
        let stays = || blocks(Failure::fatal("", ""));
        for (findings, expected) in [
            (vec![good(), Finding::warning(Area::Log, "log_retention", "", "")], Ending::Good),
            (vec![good(), connection(), statement()], Ending::Unanswered(ErrorClass::Connection)),
            (vec![statement()], Ending::Unanswered(ErrorClass::Statement)),
            (vec![connection(), stays()], Ending::Finding),
        ] {
            assert_eq!(ending(&findings), expected);
        }
    }
}
