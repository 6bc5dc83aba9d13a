//! `millrace cut-over`: what the destination needs so that an application can write to it instead of the source.
//!
//! While a task runs the destination's tables have what the task needs, and nothing that could refuse or change a row of
//! the source. Here they get the rest. Everything is looked at anew each time, so that it can be done again after whatever
//! came in between; what is as it should be stays as it is.

mod columns;
mod constraints;
mod item;
mod render;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use millrace_adbpg::Connection;
use millrace_apply::destination_options;
use millrace_capture::source_options;
use millrace_model::Failure;
use millrace_mysql::Session;
use millrace_mysql::auto_increment::read_next_numbers;
use millrace_mysql::constraints::read_checks;
use millrace_task::{CheckConstraints, ForeignKeys, Task};

use crate::Ending;
use crate::catalog::{databases, map_tables, selected_tables};
use crate::check_constraints::{MappedCheck, map_checks};
use crate::foreign_keys::{MappedKey, map_foreign_keys};
use crate::output::{Colours, print, print_json};
use crate::status::address;
use crate::status::caught_up::{CaughtUp, wait_until_caught_up};
use crate::text::count;
use columns::numbered_columns;
use constraints::Maker;
use item::{Deed, Item};
use render::{Report, to_json, to_text};

/// Prepare the destination for the application: AUTO_INCREMENT columns, CHECK constraints, foreign keys
#[derive(Debug, Args)]
#[command(after_help = "\
Use it when the application has stopped writing to the source, while the task still runs:

  1. stop the application
  2. millrace cut-over shop.toml --execute    waits until everything has arrived, then changes the destination
  3. stop the task, start the application on the destination

Each column that is AUTO_INCREMENT in the source becomes an identity, or gets a sequence and a default, and goes on above the
numbers of both sides. It can be done again: what is prepared already stays as it is, and no number ever goes back.
Without --execute it prints the statements and changes nothing.

CHECK constraints, and foreign keys with foreign_keys = true in the task file's [schema], wait until no apply writes any more:
stop the task, and run `millrace cut-over shop.toml --execute --unchecked` before the application starts.

Exit code 1 if something waits or is left to decide, or if not everything has arrived, where --execute does nothing.

Examples:
  millrace cut-over shop.toml
  millrace cut-over shop.toml --execute
  millrace cut-over shop.toml --execute --wait 600
  millrace cut-over shop.toml --execute --unchecked    the task was stopped after everything had arrived
  millrace cut-over shop.toml --json | jq -r '.items[].statements[]'")]
pub(crate) struct Arguments {
    /// The task file
    #[arg(value_name = "TASK.toml")]
    task: PathBuf,
    /// Execute the statements instead of printing them
    #[arg(long)]
    execute: bool,
    /// Do not look whether everything that the source has has arrived
    #[arg(long, conflicts_with_all = ["wait", "at"])]
    unchecked: bool,
    /// Longest time in which everything is to arrive
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    wait: u64,
    /// Ask a stage here too; can be given several times
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    at: Vec<String>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// Prints what is needed, or does it.
pub(crate) async fn run(arguments: Arguments) -> Result<Ending, Failure> {
    let task = millrace_task::load(&arguments.task)?;
    let mut destination = Connection::connect(&destination_options(&task.destination)).await?;
    let arrival = arrival(&task, &destination, &arguments).await?;
    let deed = if arguments.execute { Deed::Done } else { Deed::Shown };
    if let (Deed::Done, Some(CaughtUp::No { why, hint })) = (deed, &arrival) {
        return Err(Failure::fatal(format!("nothing was done, because not everything has arrived: {why}"), hint));
    }
    // The source is read once it has said all that it had to say.
    let needs = Needs::read(&task, &destination).await?;
    let mut report = Report {
        task: task.name.to_string(),
        destination: destination.dialect().to_string(),
        deed,
        arrival,
        items: Vec::new(),
    };
    let ended = needs.meet(&mut destination, deed, &mut report.items).await;
    match arguments.json {
        true => print_json(&to_json(&report))?,
        false => print(&to_text(&report, Colours::of_standard_output()))?,
    }
    ended?;
    Ok(if report.is_good() { Ending::Good } else { Ending::Finding })
}

/// Whether everything has arrived; none where that is not asked for.
async fn arrival(task: &Task, destination: &Connection, arguments: &Arguments) -> Result<Option<CaughtUp>, Failure> {
    if arguments.unchecked {
        return Ok(None);
    }
    let caught_up =
        wait_until_caught_up(task, &arguments.task, &arguments.at, Duration::from_secs(arguments.wait)).await;
    if caught_up != CaughtUp::Yes {
        return Ok(Some(caught_up));
    }
    let mut held = 0;
    for summary in destination.summarize_tasks(task.name.as_str()).await? {
        held += destination.read_holds(&summary.task_id).await?.len();
    }
    Ok(Some(match held {
        0 => CaughtUp::Yes,
        held => CaughtUp::No {
            why: format!("{} in quarantine", count(held, "row")),
            hint: "release or drop them: millrace quarantine list".to_owned(),
        },
    }))
}

/// Who writes to the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// An apply of the task.
    Task,
    /// None of its sessions lives.
    Nobody,
}

/// What the destination needs, by the source.
struct Needs {
    columns: Vec<columns::Numbered>,
    checks: Vec<MappedCheck>,
    keys: Vec<MappedKey>,
    /// Who writes to the tables while constraints are made.
    writer: Writer,
}

impl Needs {
    async fn read(task: &Task, destination: &Connection) -> Result<Self, Failure> {
        let mut session = Session::connect(&source_options(&task.source)).await?;
        let tables = selected_tables(&mut session, task).await?;
        if tables.is_empty() {
            return Err(task.selection.nothing_selected());
        }
        let next_numbers = read_next_numbers(&mut session, &databases(&tables)).await?;
        // Those that the source has now: one that was dropped since the task began is not made.
        let checks = match task.check_constraints {
            CheckConstraints::AtCutOver => read_checks(&mut session, &databases(&tables)).await?,
            CheckConstraints::LeftOut => Vec::new(),
        };
        session.close().await;
        let mapped = map_tables(task, &tables)?;
        let checks = map_checks(task, &checks, &mapped);
        let columns = numbered_columns(&tables, &mapped, &next_numbers);
        let keys = match task.foreign_keys {
            ForeignKeys::AtCutOver => map_foreign_keys(task, &tables, &mapped),
            ForeignKeys::LeftOut => Vec::new(),
        };
        let mut writer = Writer::Nobody;
        for summary in destination.summarize_tasks(task.name.as_str()).await? {
            if destination.is_written_by(task.name.as_str(), &summary.task_id).await? {
                writer = Writer::Task;
            }
        }
        Ok(Self { columns, checks, keys, writer })
    }

    /// Adds an item for each need: shown, or done. An error is one of the item that would have come next.
    async fn meet(&self, destination: &mut Connection, deed: Deed, items: &mut Vec<Item>) -> Result<(), Failure> {
        for numbered in &self.columns {
            let numbering = match deed {
                Deed::Shown => destination.plan_numbering(&numbered.column).await?,
                Deed::Done => destination.execute_numbering(&numbered.column).await?,
            };
            items.push(Item::of_numbering(numbered, numbering, deed));
        }
        let mut maker = Maker { destination, deed, writer: self.writer };
        for check in &self.checks {
            items.push(Item::of_check(check, maker.check(check).await?));
        }
        for key in &self.keys {
            items.push(Item::of_foreign_key(key, maker.foreign_key(key).await?));
        }
        Ok(())
    }
}
