//! `millrace plan`: what a task would do, without doing any of it.
//!
//! The statements are those that apply executes, from the same functions, for the destination that was found; so what is
//! shown here is what happens.

mod build;
mod ddl;
mod estimate;
mod notes;
mod objects;
mod render;
mod way;

use std::path::PathBuf;

use clap::Args;
use millrace_adbpg::Connection;
use millrace_apply::destination_options;
use millrace_capture::source_options;
use millrace_model::Failure;
use millrace_mysql::constraints::read_checks;
use millrace_mysql::objects::read_objects;
use millrace_mysql::{Session, SourceTable};
use millrace_task::Task;

use crate::Ending;
use crate::catalog::{databases, map_tables, selected_tables};
use crate::output::{Colours, print, print_json};
use crate::scan;

/// Show what would be created, what may be lost on the way, what does not move, and how long it takes
#[derive(Debug, Args)]
#[command(after_help = "\
Reads both servers and changes nothing. Row counts and sizes are the source's own estimates.

Examples:
  millrace plan shop.toml                  every table with its columns, then what does not move
  millrace plan shop.toml --summary        a line a table
  millrace plan shop.toml --sql > ddl.sql  the statements for the destination, and nothing else
  millrace plan shop.toml --ddl 'ALTER TABLE orders ADD COLUMN paid DATE'
  millrace plan shop.toml --scan           reads every row: what could not move, with keys (exit code 1 if something)
  millrace plan shop.toml --json | jq '.tables[].columns[] | select(.notes != [])'")]
pub(crate) struct Arguments {
    /// The task file
    #[arg(value_name = "TASK.toml")]
    task: PathBuf,
    /// Print only the statements for the destination
    #[arg(long, conflicts_with_all = ["json", "summary"])]
    sql: bool,
    /// Print a line a table instead of its columns
    #[arg(long, conflicts_with = "json")]
    summary: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Show what this statement on a table of the source would do in the destination
    #[arg(long, value_name = "STATEMENT", conflicts_with_all = ["json", "summary", "sql"])]
    ddl: Option<String>,
    /// Read the rows, and show what of them could not move
    #[arg(long, conflicts_with_all = ["summary", "sql", "ddl"])]
    scan: bool,
    /// The most rows that --scan reads in a second
    #[arg(long, value_name = "ROWS", requires = "scan", default_value_t = 100_000)]
    rows_per_second: u32,
}

/// Makes the plan and prints it.
pub(crate) async fn run(arguments: Arguments) -> Result<Ending, Failure> {
    let task = millrace_task::load(&arguments.task)?;
    let mut session = Session::connect(&source_options(&task.source)).await?;
    let tables = selected_tables(&mut session, &task).await?;
    if tables.is_empty() {
        return Err(task.selection.nothing_selected());
    }
    if let Some(statement) = &arguments.ddl {
        let surroundings = ddl::Surroundings::read(&mut session, &tables).await?;
        session.close().await;
        let destination = Connection::connect(&destination_options(&task.destination)).await?;
        let colours = Colours::of_standard_output();
        print(&ddl::preview(&task, destination.dialect(), &tables, &surroundings, statement, colours)?)?;
        return Ok(Ending::Good);
    }
    if arguments.scan {
        return look_through(&mut session, &task, &tables, &arguments).await;
    }
    let objects = read_objects(&mut session, &databases(&tables)).await?;
    let checks = read_checks(&mut session, &databases(&tables)).await?;
    session.close().await;
    let destination = Connection::connect(&destination_options(&task.destination)).await?;
    let mapped = map_tables(&task, &tables)?;
    let plan = build::plan(&task, destination.dialect(), &tables, &mapped, build::Beside { objects, checks })?;
    if arguments.json {
        print_json(&render::to_json(&plan))?;
    } else if arguments.sql {
        print(&render::to_sql(&plan))?;
    } else {
        let detail = if arguments.summary { render::Detail::Tables } else { render::Detail::Columns };
        print(&render::to_text(&plan, &arguments.task, detail, Colours::of_standard_output()))?;
    }
    Ok(Ending::Good)
}

/// Reads the rows and prints what was found.
async fn look_through(
    session: &mut Session,
    task: &Task,
    tables: &[SourceTable],
    arguments: &Arguments,
) -> Result<Ending, Failure> {
    let destination = Connection::connect(&destination_options(&task.destination)).await?;
    let dialect = destination.dialect().clone();
    drop(destination);
    let scan = scan::scan(session, task, &dialect, tables, arguments.rows_per_second).await?;
    match arguments.json {
        true => print_json(&scan::to_json(&scan))?,
        false => print(&scan::to_text(&scan, Colours::of_standard_output()))?,
    }
    Ok(if scan.stops() { Ending::Finding } else { Ending::Good })
}
