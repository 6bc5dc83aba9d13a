//! The checks of the MySQL server and of the selected tables in it.

use std::time::Duration;

use millrace_capture::source_options;
use millrace_model::{Failure, TableName};
use millrace_mysql::cascades::ensure_no_hidden_cascades;
use millrace_mysql::check::{
    check_binlog, ensure_binlog_retention, ensure_no_open_xa, ensure_select_privilege, ensure_supported_version,
};
use millrace_mysql::grants::Grants;
use millrace_mysql::lock_check::ensure_snapshot_locks;
use millrace_mysql::logged_check::check_logged;
use millrace_mysql::table_check::{ensure_keys, ensure_known_charsets};
use millrace_mysql::{MysqlError, ServerFacts, Session, SourceTable};
use millrace_task::{Phase, Task};

use super::finding::{Area, Finding};
use super::is_incremental;
use super::selection::{check_excluded_columns, check_key_meaning, check_mapping, check_selected};
use crate::catalog::{databases, selected_tables};

/// Longest time for one server's checks.
pub(super) const LIMIT: Duration = Duration::from_secs(120);

/// Checks the source; gives the selected tables, none where they could not be read.
pub(super) async fn check(task: &Task, findings: &mut Vec<Finding>) -> Vec<SourceTable> {
    let mut session = match Session::connect(&source_options(&task.source)).await {
        Ok(session) => session,
        Err(error) => {
            findings.push(Finding::blocks(Area::Source, "source_connection", error));
            return Vec::new();
        }
    };
    let account = format!("{} as {}", task.source.server.address(), task.source.server.user);
    findings.push(Finding::good(Area::Source, "source_connection", account));
    let mut tables = Vec::new();
    match tokio::time::timeout(LIMIT, look(&mut session, task, findings, &mut tables)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => findings.push(Finding::blocks(Area::Source, "source_reading", error)),
        Err(_) => {
            let message = format!("the source did not answer within {} s", LIMIT.as_secs());
            let failure = Failure::connection(message, "try again when it is less busy");
            findings.push(Finding::blocks(Area::Source, "source_reading", failure));
        }
    }
    session.close().await;
    tables
}

async fn look(
    session: &mut Session,
    task: &Task,
    findings: &mut Vec<Finding>,
    tables: &mut Vec<SourceTable>,
) -> Result<(), MysqlError> {
    let facts = ServerFacts::read(session).await?;
    let grants = Grants::read(session).await?;
    findings.push(ensure_supported_version(&facts).into());
    if is_incremental(task) {
        findings.extend(check_binlog(&facts, &grants).into_iter().map(Finding::from));
        let selects = |table: &TableName| task.selection.selects(table).is_some();
        let logged = check_logged(session, &facts, &grants, &selects).await?;
        findings.extend(logged.into_iter().map(Finding::from));
        findings.push(ensure_binlog_retention(&facts).into());
        findings.push(ensure_no_open_xa(session).await?.into());
    }
    *tables = selected_tables(session, task).await?;
    findings.push(check_selected(task, tables));
    if tables.is_empty() {
        return Ok(());
    }
    findings.push(ensure_select_privilege(&grants, &databases(tables)).into());
    findings.extend(check_excluded_columns(task, tables));
    findings.push(check_mapping(task, tables));
    findings.push(ensure_known_charsets(tables).into());
    findings.push(ensure_keys(tables).into());
    findings.push(check_key_meaning(tables));
    if is_incremental(task) {
        let selects = |table: &TableName| task.selection.selects(table).is_some();
        let cascades = ensure_no_hidden_cascades(session, &facts, &selects).await?;
        findings.push(Finding::from(cascades).unless_accepted(task.source.hidden_cascades));
        if task.phases.contains(Phase::Full) {
            findings.push(ensure_snapshot_locks(&facts, &grants, tables).into());
        }
    }
    Ok(())
}
