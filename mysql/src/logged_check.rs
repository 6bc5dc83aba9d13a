//! The checks of what a server leaves out of its binlog: what it replicates from another one, and databases.
//!
//! Such changes take effect in the server's tables and never come by in its binlog, so nothing later could notice that they
//! are missing: not a position, not a GTID, not a heartbeat. Tables count that are selected, not databases. A server that may
//! begin to replicate (its replica status has an entry, running or not) counts as one that does; one that was promoted has
//! none, and what it replicated before is among its purged GTIDs.

use std::collections::BTreeSet;

use millrace_model::TableName;

use crate::check::{Finding, Verdict, user_of};
use crate::connect::Session;
use crate::error::MysqlError;
use crate::grants::Grants;
use crate::server::{Flavour, ServerFacts, Switch, binlog_status_sql};

/// ER_SPECIFIC_ACCESS_DENIED_ERROR: the account lacks a right.
const RIGHT_MISSING: u16 = 1227;

/// What must be logged is: the changes that the server replicates, and those of the selected tables. Nothing where there is
/// no binlog.
pub async fn check_logged(
    session: &mut Session,
    facts: &ServerFacts,
    grants: &Grants,
    selects: &(dyn Fn(&TableName) -> bool + Sync),
) -> Result<Vec<Finding>, MysqlError> {
    if facts.log_bin == Switch::Off {
        return Ok(Vec::new());
    }
    Ok(vec![
        ensure_replicated_changes_logged(session, facts, grants).await?,
        ensure_selected_tables_logged(session, grants, selects).await?,
    ])
}

/// The server replicates from no other one, or writes what it replicates to its binlog.
async fn ensure_replicated_changes_logged(
    session: &mut Session,
    facts: &ServerFacts,
    grants: &Grants,
) -> Result<Finding, MysqlError> {
    let name = "replicated_changes_logged";
    let variable = if facts.version >= (8, 0, 26) && facts.flavour == Flavour::Mysql {
        "log_replica_updates"
    } else {
        "log_slave_updates"
    };
    if facts.log_replica_updates == Switch::On {
        return Ok(Finding::good(name, format!("{variable} = ON")));
    }
    let log_them = format!("set {variable} = ON in the server's configuration and restart it");
    Ok(match read_replication(session, facts).await? {
        Replication::None => Finding::good(name, format!("{variable} = OFF, but the server replicates from no other")),
        Replication::Some => Finding::bad(
            name,
            Verdict::Blocks,
            format!("{variable} = OFF: what the server replicates from another one is not in its binlog"),
            format!("{log_them}, or read from the server that it replicates from"),
        ),
        Replication::NotLookedAt { right } => Finding::bad(
            name,
            Verdict::Warning,
            format!(
                "{variable} = OFF, and whether the server replicates from another one was not looked at: the right \
                 {right} is missing"
            ),
            format!("GRANT {right} ON *.* TO {}, or {log_them}", user_of(grants)),
        ),
    })
}

/// Whether a server may replicate from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replication {
    /// It does not, and does not begin to by itself.
    None,
    /// It does, or would if it were told to start.
    Some,
    /// The account lacks this right to know.
    NotLookedAt { right: &'static str },
}

pub(crate) async fn read_replication(session: &mut Session, facts: &ServerFacts) -> Result<Replication, MysqlError> {
    let (sql, right) = match facts.flavour {
        Flavour::MariaDb => ("SHOW ALL SLAVES STATUS", "SLAVE MONITOR"),
        // The old name is gone from 8.4 on; the new one came with 8.0.22.
        Flavour::Mysql if facts.version >= (8, 0, 22) => ("SHOW REPLICA STATUS", "REPLICATION CLIENT"),
        Flavour::Mysql => ("SHOW SLAVE STATUS", "REPLICATION CLIENT"),
    };
    match session.query("reading whether the server replicates", sql).await {
        Ok(rows) if rows.is_empty() => Ok(Replication::None),
        Ok(_) => Ok(Replication::Some),
        Err(MysqlError::Server { code: RIGHT_MISSING, .. }) => Ok(Replication::NotLookedAt { right }),
        Err(other) => Err(other),
    }
}

/// No filter of the server's leaves a selected table out of the binlog.
async fn ensure_selected_tables_logged(
    session: &mut Session,
    grants: &Grants,
    selects: &(dyn Fn(&TableName) -> bool + Sync),
) -> Result<Finding, MysqlError> {
    let name = "binlog_filters";
    let status = match session.query_texts("reading the filters of the binlog", binlog_status_sql(session)).await {
        Ok(rows) => rows,
        Err(MysqlError::Server { code: RIGHT_MISSING, .. }) => {
            return Ok(Finding::bad(
                name,
                Verdict::Warning,
                "not looked at: the right REPLICATION CLIENT is missing",
                format!("GRANT REPLICATION CLIENT ON *.* TO {}", user_of(grants)),
            ));
        }
        Err(other) => return Err(other),
    };
    let Some(filters) = Filters::of_status(status.first().map_or(&[], |row| row.as_slice())) else {
        return Ok(Finding::good(name, "no binlog_do_db, no binlog_ignore_db"));
    };
    let sql = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type <> 'VIEW'";
    let tables = session.query_texts("listing the tables", sql).await?.into_iter().filter_map(|row| {
        let mut cells = row.into_iter();
        Some(TableName::new(cells.next()??, cells.next()??))
    });
    Ok(filters.judge(name, tables.filter(selects)))
}

/// The databases that the server was told to log, or not to.
#[derive(Debug, PartialEq, Eq)]
struct Filters {
    /// `binlog_do_db`; where it names any, nothing else is logged and the other list has no meaning.
    only: Vec<String>,
    /// `binlog_ignore_db`.
    ignored: Vec<String>,
}

impl Filters {
    /// From file, offset, `Binlog_Do_DB`, `Binlog_Ignore_DB` (names with commas between them); none where both are empty.
    fn of_status(row: &[Option<String>]) -> Option<Self> {
        let names = |place: usize| -> Vec<String> {
            let text = row.get(place).and_then(Option::as_deref).unwrap_or("");
            text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        let filters = Self { only: names(2), ignored: names(3) };
        (!filters.only.is_empty() || !filters.ignored.is_empty()).then_some(filters)
    }

    /// Names are compared byte for byte, as the server does.
    fn leaves_out(&self, database: &str) -> bool {
        match self.only.is_empty() {
            true => self.ignored.iter().any(|name| name == database),
            false => !self.only.iter().any(|name| name == database),
        }
    }

    fn judge(&self, name: &'static str, selected: impl Iterator<Item = TableName>) -> Finding {
        let lost: BTreeSet<_> =
            selected.map(|table| table.database).filter(|database| self.leaves_out(database)).collect();
        let (variable, list) = match self.only.is_empty() {
            true => ("binlog_ignore_db", &self.ignored),
            false => ("binlog_do_db", &self.only),
        };
        let setting = format!("{variable} = {}", list.join(","));
        let mend = format!("take {variable} out of the server's configuration and restart it");
        if lost.is_empty() {
            let found = format!(
                "{setting}: a CREATE, ALTER or DROP of a selected table is not logged where the session's default \
                 database is one that is left out"
            );
            return Finding::bad(name, Verdict::Warning, found, mend);
        }
        let lost: Vec<String> = lost.iter().map(|database| format!("\"{database}\"")).collect();
        let found = format!("{setting}: changes of selected tables in {} are not in the binlog", lost.join(", "));
        Finding::bad(name, Verdict::Blocks, found, format!("{mend}, or exclude the tables in [[objects]]"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn filters(only: &str, ignored: &str) -> Option<Filters> {
        Filters::of_status(&["binlog.1", "4", only, ignored, ""].map(|cell| Some(cell.to_owned())))
    }

    fn judged(filters: &Filters) -> Finding {
        let selected = [TableName::new("shop", "orders"), TableName::new("shop", "lines"), TableName::new("crm", "t")];
        filters.judge("binlog_filters", selected.into_iter())
    }

    #[test]
    fn databases_that_are_left_out_are_named() {
        assert_eq!(filters("", ""), None);
        assert_eq!(Filters::of_status(&[]), None);
        let ignored = judged(&filters("", "tmp,shop").unwrap());
        assert_eq!(ignored.verdict, Verdict::Blocks);
        assert!(ignored.found.starts_with("binlog_ignore_db = tmp,shop: ") && ignored.found.contains(" in \"shop\" "));
        let only = judged(&filters("shop", "").unwrap());
        assert!(only.verdict == Verdict::Blocks && only.found.contains(" in \"crm\" "), "{only:?}");
    }

    #[test]
    fn databases_that_nobody_asked_for_may_be_left_out() {
        for (only, ignored) in [("", "tmp"), ("shop,crm", ""), ("shop,crm", "shop"), ("", "Shop,shop2")] {
            let finding = judged(&filters(only, ignored).unwrap());
            assert_eq!(finding.verdict, Verdict::Warning, "{finding:?}");
        }
    }
}
