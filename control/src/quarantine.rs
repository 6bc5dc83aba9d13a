//! `millrace quarantine`: what the destination refused and what is held behind it; to be released or given up.
//!
//! Why it can be used while the task runs, or does not: a record is removed and acted upon in one transaction, with what
//! it says at that moment. The apply that owns its key finds it gone before it commits anything for that key.

mod release;
mod selection;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use millrace_adbpg::Connection;
use millrace_apply::destination_options;
use millrace_model::{Failure, Hold};
use serde_json::json;

use crate::Ending;
use crate::output::{print, print_json};
use crate::text::{Side, count, duration, number, table};
use release::{Attempt, drop_held, release};
use selection::{key_text, select};

/// Show, release or give up rows that the destination refused
#[derive(Debug, Args)]
#[command(after_help = "\
With on_bad_row = \"quarantine\" in the task file's [errors], a row that the destination refuses for what it holds is held there,
with every later change of its key, and everything else goes on. Mend what refuses it, then release it.

Keys are written as `show` prints them: the columns of the key, with commas between; a comma or a backslash of a text has a
backslash before it.
Exit code of list and show: 1 if anything is held; of release and drop: 1 if anything named is still held, or was not.

Examples:
  millrace quarantine list shop.toml
  millrace quarantine show shop.toml shop.orders
  millrace quarantine release shop.toml
  millrace quarantine release shop.toml shop.orders 17 18
  millrace quarantine drop shop.toml shop.orders 17")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Count what is held, by table, with the first reason
    List(Overview),
    /// Show the keys that are held: the values of their columns too
    Show(Overview),
    /// Try again: write the newest state of each key, and hold only what is refused still
    Release(Selected),
    /// Give up: the destination keeps what it has of these keys, and their next changes are written again
    Drop(Dropped),
}

#[derive(Debug, Args)]
struct Overview {
    /// The task file
    #[arg(value_name = "TASK.toml")]
    task: PathBuf,
    /// Only this table, by its name in the destination
    #[arg(value_name = "SCHEMA.TABLE")]
    table: Option<String>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Selected {
    /// The task file
    #[arg(value_name = "TASK.toml")]
    task: PathBuf,
    /// Only this table, by its name in the destination
    #[arg(value_name = "SCHEMA.TABLE")]
    table: Option<String>,
    /// Only these keys of it
    #[arg(value_name = "KEY")]
    keys: Vec<String>,
}

#[derive(Debug, Args)]
struct Dropped {
    /// The task file
    #[arg(value_name = "TASK.toml")]
    task: PathBuf,
    /// The table, by its name in the destination
    #[arg(value_name = "SCHEMA.TABLE")]
    table: String,
    /// Only these keys of it
    #[arg(value_name = "KEY")]
    keys: Vec<String>,
}

/// Runs what was asked for.
pub(crate) async fn run(arguments: Arguments) -> Result<Ending, Failure> {
    match arguments.action {
        Action::List(asked) => {
            let held = Held::read(&asked.task, asked.table.as_deref(), &[]).await?;
            if asked.json {
                print_json(&held.tables_to_json())?
            } else {
                print(&held.tables_to_text())?
            }
            Ok(held.ending())
        }
        Action::Show(asked) => {
            let held = Held::read(&asked.task, asked.table.as_deref(), &[]).await?;
            if asked.json {
                print_json(&held.keys_to_json())?
            } else {
                print(&held.keys_to_text())?
            }
            Ok(held.ending())
        }
        Action::Release(asked) => {
            let mut held = Held::read(&asked.task, asked.table.as_deref(), &asked.keys).await?;
            held.ensure_found(&asked.keys)?;
            let attempt = release(&mut held.connection, &held.task_id, &held.holds).await?;
            said(&attempt)
        }
        Action::Drop(asked) => {
            let mut held = Held::read(&asked.task, Some(&asked.table), &asked.keys).await?;
            held.ensure_found(&asked.keys)?;
            let dropped = drop_held(&mut held.connection, &held.task_id, &held.holds).await?;
            print(&format!("{} given up\n", count(dropped, "row")))?;
            Ok(if dropped == held.holds.len() { Ending::Good } else { Ending::Finding })
        }
    }
}

fn said(attempt: &Attempt) -> Result<Ending, Failure> {
    print(&format!("{} released\n", count(attempt.released, "row")))?;
    if attempt.refused.is_empty() {
        return Ok(Ending::Good);
    }
    let mut text = format!("{} refused again:\n", count(attempt.refused.len(), "row"));
    for hold in &attempt.refused {
        text.push_str(&format!("  {} {}: {}\n", hold.table, key_text(&hold.key), hold.reason));
    }
    print(&text)?;
    Ok(Ending::Finding)
}

/// What is held and was asked for.
struct Held {
    connection: Connection,
    task_id: String,
    holds: Vec<Hold>,
}

impl Held {
    async fn read(task: &std::path::Path, table: Option<&str>, keys: &[String]) -> Result<Self, Failure> {
        let task = millrace_task::load(task)?;
        let connection = Connection::connect(&destination_options(&task.destination)).await?;
        // The newest: an older one of the same name stops a start, which `check` says.
        let Some(summary) = connection.summarize_tasks(task.name.as_str()).await?.into_iter().next_back() else {
            return Err(Failure::fatal(
                format!("task \"{}\" has written nothing to its destination", task.name),
                "check the task file: nothing is held of a task that never ran",
            ));
        };
        let all = connection.read_holds(&summary.task_id).await?;
        Ok(Self { connection, task_id: summary.task_id, holds: select(all, table, keys) })
    }

    fn ending(&self) -> Ending {
        if self.holds.is_empty() { Ending::Good } else { Ending::Finding }
    }

    fn ensure_found(&self, keys: &[String]) -> Result<(), Failure> {
        let found = |key: &&String| self.holds.iter().any(|hold| key_text(&hold.key) == **key);
        match keys.iter().find(|key| !found(key)) {
            Some(_) => Err(Failure::fatal(
                "a key that was named is not held; nothing was done",
                "see millrace quarantine show: a key is written as it is printed there",
            )),
            None => Ok(()),
        }
    }

    /// The holds of each table, the table with its first hold first.
    fn by_table(&self) -> Vec<(String, Vec<&Hold>)> {
        let mut tables: Vec<(String, Vec<&Hold>)> = Vec::new();
        for hold in &self.holds {
            let name = hold.table.to_string();
            match tables.iter_mut().find(|(table, _)| *table == name) {
                Some((_, holds)) => holds.push(hold),
                None => tables.push((name, vec![hold])),
            }
        }
        tables
    }

    fn tables_to_text(&self) -> String {
        if self.holds.is_empty() {
            return "nothing is held\n".to_owned();
        }
        let heading =
            [("table", Side::Left), ("rows", Side::Right), ("held for", Side::Left), ("first reason", Side::Left)];
        let row = |(name, holds): (String, Vec<&Hold>)| {
            let rows = number(holds.len() as u64);
            let first = holds.iter().min_by_key(|hold| hold.since);
            let reason = first.map(|hold| hold.reason.clone()).unwrap_or_default();
            vec![name, rows, first.map(|hold| age(hold)).unwrap_or_default(), reason]
        };
        table(&heading, &self.by_table().into_iter().map(row).collect::<Vec<_>>()).join("\n") + "\n"
    }

    fn tables_to_json(&self) -> serde_json::Value {
        let of_table = |(name, holds): (String, Vec<&Hold>)| {
            let first = holds.iter().min_by_key(|hold| hold.since);
            json!({
                "table": name,
                "rows": holds.len(),
                "since": first.map(|hold| hold.since),
                "reason": first.map(|hold| hold.reason.as_str()),
            })
        };
        self.by_table().into_iter().map(of_table).collect()
    }

    fn keys_to_text(&self) -> String {
        if self.holds.is_empty() {
            return "nothing is held\n".to_owned();
        }
        let heading = [
            ("table", Side::Left),
            ("key", Side::Left),
            ("changes", Side::Right),
            ("held for", Side::Left),
            ("reason", Side::Left),
        ];
        let row = |hold: &Hold| {
            vec![hold.table.to_string(), key_text(&hold.key), number(hold.changes), age(hold), hold.reason.clone()]
        };
        table(&heading, &self.holds.iter().map(row).collect::<Vec<_>>()).join("\n") + "\n"
    }

    fn keys_to_json(&self) -> serde_json::Value {
        let of_key = |hold: &Hold| {
            json!({
                "table": hold.table.to_string(),
                "key": key_text(&hold.key),
                "changes": hold.changes,
                "since": hold.since,
                "reason": hold.reason,
            })
        };
        self.holds.iter().map(of_key).collect()
    }
}

fn age(hold: &Hold) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    duration(now.saturating_sub(Duration::from_micros(hold.since)))
}
