//! The checks of the source before anything is read: what blocks stops the stage, what warns is logged.

use millrace_model::{ErrorClass, Failure, TableName};
use millrace_mysql::StatementContext;
use millrace_mysql::cascades::{ensure_cascades_logged, ensure_new_cascades_logged, ensure_no_hidden_cascades};
use millrace_mysql::check::{Finding, Verdict, check_binlog, ensure_no_open_xa, ensure_select_privilege};
use millrace_mysql::grants::Grants;
use millrace_mysql::lock_check::ensure_snapshot_locks;
use millrace_mysql::logged_check::check_logged;
use millrace_mysql::schema::ForeignKey;
use millrace_mysql::{ServerFacts, Session, SourceTable};
use millrace_task::{HiddenCascades, Task};

/// Ensures that the server writes a binlog that can be followed and lacks nothing of the selected tables, and that the
/// account may read it.
pub(crate) async fn ensure_binlog_can_be_followed(
    session: &mut Session,
    facts: &ServerFacts,
    task: &Task,
) -> Result<(), Failure> {
    let grants = Grants::read(session).await?;
    judge(&check_binlog(facts, &grants))?;
    let selects = |table: &TableName| task.selection.selects(table).is_some();
    judge(&check_logged(session, facts, &grants, &selects).await?)?;
    let cascades = ensure_no_hidden_cascades(session, facts, &selects).await?;
    judge(&[unless_accepted(cascades, task.source.hidden_cascades)])
}

/// Ensures that the binlog has what the foreign keys of a table that comes while the task runs change by themselves.
pub(crate) fn ensure_its_cascades_are_logged(
    facts: &ServerFacts,
    table: &SourceTable,
    task: &Task,
) -> Result<(), Failure> {
    let cascades = table.foreign_keys.iter().filter(|key| key.cascades()).map(|key: &ForeignKey| key.name.clone());
    let finding = ensure_cascades_logged(facts, &table.name, cascades.collect());
    judge(&[unless_accepted(finding, task.source.hidden_cascades)])
}

/// Ensures the same of the foreign keys that a statement gives a table which is followed already.
pub(crate) fn ensure_new_cascades_are_logged(
    facts: &ServerFacts,
    context: &StatementContext,
    (table, sql): (&TableName, &str),
    task: &Task,
) -> Result<(), Failure> {
    let finding = ensure_new_cascades_logged(facts, context, table, sql)?;
    judge(&[unless_accepted(finding, task.source.hidden_cascades)])
}

/// What blocks is only logged where the task file says that it is known.
fn unless_accepted(finding: Finding, chosen: HiddenCascades) -> Finding {
    match (finding.verdict, chosen) {
        (Verdict::Blocks, HiddenCascades::Accept) => Finding { verdict: Verdict::Warning, ..finding },
        _ => finding,
    }
}

/// Ensures that no XA transaction is prepared at a first start: its rows would be before the start, its commit after it.
pub(crate) async fn ensure_no_prepared_xa(session: &mut Session) -> Result<(), Failure> {
    // It passes by itself when the transaction ends, so it is waited for.
    let waits = |failure: Failure| Failure { class: ErrorClass::Statement, ..failure };
    judge(&[ensure_no_open_xa(session).await?]).map_err(waits)
}

/// Ensures that the account may read the databases of these tables.
pub(crate) async fn ensure_tables_can_be_read(session: &mut Session, tables: &[TableName]) -> Result<(), Failure> {
    let grants = Grants::read(session).await?;
    let mut databases: Vec<&str> = tables.iter().map(|table| &*table.database).collect();
    databases.dedup();
    judge(&[ensure_select_privilege(&grants, &databases)])
}

/// Ensures that the account may lock what the snapshot of a source without GTIDs locks for a moment.
pub(crate) async fn ensure_snapshot_can_lock(
    session: &mut Session,
    facts: &ServerFacts,
    tables: &[SourceTable],
) -> Result<(), Failure> {
    let grants = Grants::read(session).await?;
    judge(&[ensure_snapshot_locks(facts, &grants, tables)])
}

fn judge(findings: &[Finding]) -> Result<(), Failure> {
    for finding in findings {
        match finding.verdict {
            Verdict::Good => {}
            Verdict::Warning => tracing::warn!(check = finding.name, mend = finding.mend, "{}", finding.found),
            Verdict::Blocks => {
                return Err(Failure::fatal(
                    format!("the source cannot be read: {} ({})", finding.found, finding.name),
                    finding.mend.clone(),
                ));
            }
        }
    }
    Ok(())
}
