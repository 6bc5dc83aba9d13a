//! The checks before a task starts: each says what it found, whether that blocks, and how to mend it.
//!
//! A check that cannot see (a missing right) warns instead of claiming that all is well. A full-only task needs
//! [`ensure_select_privilege`] alone.

use crate::connect::Session;
use crate::error::MysqlError;
use crate::grants::{Coverage, Grants};
use crate::server::{Flavour, ServerFacts, Switch};

/// What a finding means for the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// The task can run; the operator should know.
    Warning,
    /// The task cannot run.
    Blocks,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the check, such as `row_binlog_format`; stable, used to accept it.
    pub name: &'static str,
    /// What is there.
    pub found: String,
    /// What it means.
    pub verdict: Verdict,
    /// How to mend it; empty when good.
    pub mend: String,
}

impl Finding {
    pub(crate) fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, found: found.into(), verdict: Verdict::Good, mend: String::new() }
    }

    pub(crate) fn bad(name: &'static str, verdict: Verdict, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, found: found.into(), verdict, mend: mend.into() }
    }
}

/// What a source must be so that its binlog can be followed: settings and rights, the worst of them first.
pub fn check_binlog(facts: &ServerFacts, grants: &Grants) -> Vec<Finding> {
    vec![
        ensure_binlog_enabled(facts),
        ensure_row_binlog_format(facts),
        ensure_full_row_image(facts),
        ensure_gtid_mode(facts),
        ensure_replication_privileges(grants),
        ensure_full_row_metadata(facts),
    ]
}

/// The server is of a version that Millrace reads: MySQL 5.7 or later, MariaDB 10.6 or later.
pub fn ensure_supported_version(facts: &ServerFacts) -> Finding {
    let name = "source_version";
    let (major, minor, patch) = facts.version;
    let (product, least) = match facts.flavour {
        Flavour::Mysql => ("MySQL", (5, 7)),
        Flavour::MariaDb => ("MariaDB", (10, 6)),
    };
    let found = format!("{product} {major}.{minor}.{patch}");
    if (major, minor) >= least {
        return Finding::good(name, found);
    }
    let mend = format!("read from a replica of {product} {}.{} or later", least.0, least.1);
    Finding::bad(name, Verdict::Blocks, found, mend)
}

/// The server keeps its binlogs for a day at least, so that a task that was stopped can go on.
pub fn ensure_binlog_retention(facts: &ServerFacts) -> Finding {
    let name = "binlog_retention";
    let seconds = facts.binlog_expire_seconds;
    match seconds {
        0 => Finding::good(name, "binlogs are kept until they are purged by hand"),
        1..86_400 => Finding::bad(
            name,
            Verdict::Warning,
            format!("binlogs are kept for {seconds} s: a task that stands still for longer cannot go on"),
            "SET GLOBAL binlog_expire_logs_seconds = 259200, and keep it in the configuration",
        ),
        _ => Finding::good(name, format!("binlogs are kept for {:.1} days", seconds as f64 / 86_400.0)),
    }
}

/// The server writes a binlog.
pub fn ensure_binlog_enabled(facts: &ServerFacts) -> Finding {
    let name = "binlog_enabled";
    match facts.log_bin {
        Switch::On => Finding::good(name, "log_bin = ON"),
        Switch::Off => Finding::bad(
            name,
            Verdict::Blocks,
            "log_bin = OFF",
            "set log_bin and server_id in the server's configuration and restart it",
        ),
    }
}

/// The binlog holds rows, not statements.
pub fn ensure_row_binlog_format(facts: &ServerFacts) -> Finding {
    let name = "row_binlog_format";
    let found = format!("binlog_format = {}", facts.binlog_format);
    match &*facts.binlog_format {
        "ROW" => Finding::good(name, found),
        _ => Finding::bad(
            name,
            Verdict::Blocks,
            found,
            "SET GLOBAL binlog_format = 'ROW', keep it in the configuration, and let applications reconnect",
        ),
    }
}

/// Row images hold all columns.
pub fn ensure_full_row_image(facts: &ServerFacts) -> Finding {
    let name = "full_row_image";
    let found = format!("binlog_row_image = {}", facts.binlog_row_image);
    match &*facts.binlog_row_image {
        "FULL" => Finding::good(name, found),
        _ => Finding::bad(
            name,
            Verdict::Blocks,
            found,
            "SET GLOBAL binlog_row_image = 'FULL', keep it in the configuration, and let applications reconnect",
        ),
    }
}

/// Table maps carry names, character sets and keys; recommended, not needed.
pub fn ensure_full_row_metadata(facts: &ServerFacts) -> Finding {
    let name = "full_row_metadata";
    let found = format!("binlog_row_metadata = {}", facts.binlog_row_metadata);
    match &*facts.binlog_row_metadata {
        "FULL" => Finding::good(name, found),
        _ => Finding::bad(
            name,
            Verdict::Warning,
            found,
            "SET GLOBAL binlog_row_metadata = 'FULL': columns are then known from the binlog itself",
        ),
    }
}

/// Every transaction has a GTID; without, the task stays on this server and its snapshot locks rows.
pub fn ensure_gtid_mode(facts: &ServerFacts) -> Finding {
    let name = "gtid_mode";
    if facts.has_gtids() {
        return Finding::good(name, "gtid_mode = ON");
    }
    let (found, mend) = match (facts.flavour, &*facts.gtid_mode) {
        (Flavour::MariaDb, _) => ("MariaDB".to_owned(), "nothing can be set: MariaDB's GTIDs are of another kind"),
        (Flavour::Mysql, mode) => (
            format!("gtid_mode = {mode}"),
            "set enforce_gtid_consistency = ON, then gtid_mode step by step OFF_PERMISSIVE, ON_PERMISSIVE, ON (no \
             restart needed)",
        ),
    };
    let found =
        format!("{found}: positions are files and offsets of this server, so the task cannot go on from another one");
    Finding::bad(name, Verdict::Warning, found, mend)
}

/// The user may read the binlog: REPLICATION SLAVE and REPLICATION CLIENT.
pub fn ensure_replication_privileges(grants: &Grants) -> Finding {
    let name = "replication_privileges";
    let missing: Vec<&str> =
        ["REPLICATION SLAVE", "REPLICATION CLIENT"].into_iter().filter(|right| !grants.holds_globally(right)).collect();
    if missing.is_empty() {
        return Finding::good(name, "REPLICATION SLAVE, REPLICATION CLIENT");
    }
    let rights = missing.join(", ");
    let mend = format!("GRANT {rights} ON *.* TO {}", user_of(grants));
    Finding::bad(name, Verdict::Blocks, format!("{rights} missing"), mend)
}

/// The user may read the tables of the databases: SELECT.
pub fn ensure_select_privilege(grants: &Grants, databases: &[&str]) -> Finding {
    let name = "select_privilege";
    let (mut nothing, mut partly) = (Vec::new(), Vec::new());
    for &database in databases {
        match grants.coverage("SELECT", database) {
            Coverage::Whole => {}
            Coverage::Tables(tables) => partly.push((database, tables)),
            Coverage::Nothing => nothing.push(database),
        }
    }
    let grant = |names: &[&str]| -> String {
        let statements: Vec<String> = names
            .iter()
            .map(|d| format!("GRANT SELECT ON {}.* TO {}", crate::Ident(&d.replace('_', "\\_")), user_of(grants)))
            .collect();
        statements.join("; ")
    };
    if !nothing.is_empty() {
        let found = format!("no SELECT on {}", quoted(&nothing));
        return Finding::bad(name, Verdict::Blocks, found, grant(&nothing));
    }
    if !partly.is_empty() {
        let found: Vec<String> =
            partly.iter().map(|(d, tables)| format!("in \"{d}\" only {}", quoted(tables))).collect();
        let names: Vec<&str> = partly.iter().map(|(d, _)| *d).collect();
        return Finding::bad(name, Verdict::Warning, format!("SELECT {}", found.join(", ")), grant(&names));
    }
    Finding::good(name, format!("SELECT on {}", quoted(databases)))
}

/// No prepared XA transaction waits: it could commit later with a place in the binlog before the start.
pub async fn ensure_no_open_xa(session: &mut Session) -> Result<Finding, MysqlError> {
    let name = "no_open_xa";
    match session.query("looking for prepared XA transactions", "XA RECOVER").await {
        Ok(rows) if rows.is_empty() => Ok(Finding::good(name, "no prepared XA transaction")),
        Ok(rows) => Ok(Finding::bad(
            name,
            Verdict::Blocks,
            format!("{} prepared XA transactions", rows.len()),
            "commit or roll them back before the start: XA RECOVER lists them",
        )),
        Err(MysqlError::Server { code: 1142 | 1227 | 1401, .. }) => Ok(Finding::bad(
            name,
            Verdict::Warning,
            "not looked at: the right XA_RECOVER_ADMIN is missing",
            "GRANT XA_RECOVER_ADMIN ON *.* to the user, or see that no XA transaction is prepared",
        )),
        Err(other) => Err(other),
    }
}

pub(crate) fn user_of(grants: &Grants) -> &str {
    if grants.user.is_empty() { "CURRENT_USER()" } else { &grants.user }
}

fn quoted<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|n| format!("\"{}\"", n.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_missing_with_the_statement_that_mends_it() {
        let grants = Grants::parse(&["GRANT REPLICATION CLIENT ON *.* TO `u`@`%`".to_owned()]);
        let finding = ensure_replication_privileges(&grants);
        assert_eq!(finding.verdict, Verdict::Blocks);
        assert_eq!(finding.mend, "GRANT REPLICATION SLAVE ON *.* TO `u`@`%`");
        let finding = ensure_select_privilege(&grants, &["a_b"]);
        assert_eq!(finding.mend, "GRANT SELECT ON `a\\_b`.* TO `u`@`%`");
    }
}
