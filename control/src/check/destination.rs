//! The checks of the server that receives.

use std::sync::Arc;

use millrace_adbpg::{AdbpgError, Connection};
use millrace_apply::destination_options;
use millrace_capture::Standing;
use millrace_model::{Failure, PgType, TableName, TableSchema};
use millrace_mysql::SourceTable;
use millrace_task::{ExistingTables, Phase, Task, Transport};

use super::finding::{Area, Finding};
use super::source::LIMIT;
use crate::catalog::map_table;
use crate::text::count;

/// Checks the destination for the tables that the task selects; where none is known, only what does not depend on them.
pub(super) async fn check(
    task: &Task,
    tables: &[SourceTable],
    standing: Option<Standing>,
    findings: &mut Vec<Finding>,
) {
    let connection = match Connection::connect(&destination_options(&task.destination)).await {
        Ok(connection) => connection,
        Err(error) => {
            findings.push(Finding::blocks(Area::Destination, "destination_connection", error));
            return;
        }
    };
    let server = &task.destination.server;
    let found = format!("{}, database {}, as {}", server.address(), task.destination.database, server.user);
    findings.push(Finding::good(Area::Destination, "destination_connection", found));
    match tokio::time::timeout(LIMIT, look(&connection, task, tables, standing, findings)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => findings.push(Finding::blocks(Area::Destination, "destination_reading", error)),
        Err(_) => {
            let message = format!("the destination did not answer within {} s", LIMIT.as_secs());
            let failure = Failure::connection(message, "try again when it is less busy");
            findings.push(Finding::blocks(Area::Destination, "destination_reading", failure));
        }
    }
}

async fn look(
    connection: &Connection,
    task: &Task,
    tables: &[SourceTable],
    standing: Option<Standing>,
    findings: &mut Vec<Finding>,
) -> Result<(), AdbpgError> {
    // What cannot be mapped is a finding of the source.
    let mapped = tables.iter().zip(1..).filter_map(|(table, number)| map_table(task, table, number).ok());
    let targets: Vec<Arc<TableSchema<PgType>>> = mapped.map(|table| table.target).collect();
    let schemas: Vec<TableSchema<PgType>> = targets.iter().map(|target| TableSchema::clone(target)).collect();
    findings.extend(connection.check_server().await?.into_iter().map(Finding::from));
    if !tables.is_empty() {
        findings.extend(connection.check_schemas(&schemas).await?.into_iter().map(Finding::from));
    }
    let tasks = connection.summarize_tasks(task.name.as_str()).await?;
    let own = match &standing {
        Some(Standing::Started(checkpoint)) => Some(checkpoint.task_id.as_str()),
        _ => None,
    };
    let ids: Vec<&str> = tasks.iter().map(|summary| summary.task_id.as_str()).collect();
    let is_running = match task.log.transport {
        Transport::InProcess => !ids.is_empty(),
        Transport::Kafka(_) => own.is_some_and(|own| ids.contains(&own)),
    };
    let kept = match (&task.log.transport, ids.last()) {
        (Transport::InProcess, Some(id)) if !connection.read_state(id).await?.is_empty() => Kept::Here,
        _ => Kept::InKafka,
    };
    findings.push(check_task(task, &ids, own, kept));
    if tables.is_empty() {
        return Ok(());
    }
    let names: Vec<TableName> = schemas.iter().map(|schema| schema.name.clone()).collect();
    if is_running {
        let found = format!("the task has written here already; {} in it", count(names.len(), "table"));
        findings.push(Finding::good(Area::Destination, "destination_existing_tables", found));
    } else if task.phases.contains(Phase::Schema) && task.existing_tables == ExistingTables::Report {
        findings.push(connection.check_tables_are_new(&names).await?.into());
    } else if task.phases.contains(Phase::Schema) {
        // Those that are there are used: they must fit; the others are created.
        let there = connection.existing_tables(&names).await?;
        let used: Vec<_> = schemas.into_iter().filter(|schema| there.contains(&schema.name)).collect();
        findings.push(connection.check_tables_fit(&used).await?.into());
    } else {
        findings.push(connection.check_tables_fit(&schemas).await?.into());
    }
    Ok(())
}

/// How a task that has written here stands to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Its state is in the destination: it ran in one process.
    Here,
    /// Its state is in Kafka.
    InKafka,
}

/// No other task of this name has written here. A task that runs in one process finds itself here, and nowhere else.
fn check_task(task: &Task, ids: &[&str], own: Option<&str>, kept: Kept) -> Finding {
    let name = "destination_task";
    let is_embedded = matches!(task.log.transport, Transport::InProcess);
    let Some(other) = ids.iter().find(|id| own != Some(**id)) else {
        return Finding::good(Area::Destination, name, format!("no other task \"{}\" has written here", task.name));
    };
    if is_embedded && kept == Kept::Here {
        return Finding::good(Area::Destination, name, "the task was started; it goes on where it was");
    }
    let mut failure = Failure::fatal(
        format!("another task named \"{}\" has written to this destination (task id \"{other}\")", task.name),
        format!(
            "give this task another name; or, if the other is over, remove its state: DELETE FROM millrace.task \
             WHERE task_id = '{other}'"
        ),
    );
    if is_embedded {
        failure = Failure::fatal(
            format!("a task named \"{}\" has written to this destination over Kafka (task id \"{other}\")", task.name),
            "give this task another name, or go on with the stages over Kafka",
        );
    }
    Finding::blocks(Area::Destination, name, failure)
}
