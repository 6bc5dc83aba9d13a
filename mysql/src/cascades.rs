//! Whether changes that foreign keys make by themselves are in the binlog, and which selected tables they change.
//!
//! ON DELETE and ON UPDATE with CASCADE or SET NULL change rows of the table that refers. InnoDB does that below the server's
//! binlog, so it has the change of the row referred to alone: no reader can tell which others changed with it. From MySQL
//! 9.6 on the server does it itself and logs each row, unless `innodb_native_foreign_keys` gives it back to InnoDB
//! (<https://dev.mysql.com/doc/refman/9.6/en/innodb-parameters.html>). MariaDB does not log them. A replica has in its binlog
//! what its source logged: where that is another kind of server, its own kind tells nothing.

use std::collections::BTreeMap;

use millrace_model::TableName;

use crate::check::{Finding, Verdict};
use crate::connect::Session;
use crate::ddl::{DdlError, StatementContext};
use crate::error::MysqlError;
use crate::ident::table_ident;
use crate::logged_check::{Replication, read_replication};
use crate::server::{Flavour, ServerFacts, Switch};
use crate::sql_text::{Cursor, SqlMode, Token, Unfinished, tokenize};
use crate::table_check::first_few;

/// ER_NO_SUCH_TABLE.
const NO_SUCH_TABLE: u16 = 1146;

/// ER_TABLEACCESS_DENIED_ERROR: the account has rights to columns of the table alone.
const RIGHT_MISSING: u16 = 1142;

/// The first version that logs them.
const LOGS_CASCADES: (u16, u16, u16) = (9, 6, 0);

/// What is known of foreign keys that change rows by themselves.
#[derive(Debug, Default)]
struct Cascades {
    /// Their names, by table.
    tables: BTreeMap<TableName, Vec<String>>,
    /// Tables whose definition the account may not see.
    unseen: Vec<TableName>,
}

impl ServerFacts {
    /// Whether the binlog has the rows that foreign keys change by themselves.
    pub fn logs_cascades(&self) -> bool {
        self.flavour == Flavour::Mysql && self.version >= LOGS_CASCADES && self.native_foreign_keys == Switch::Off
    }
}

/// What foreign keys change by themselves in the selected tables is in the binlog.
pub async fn ensure_no_hidden_cascades(
    session: &mut Session,
    facts: &ServerFacts,
    selects: &(dyn Fn(&TableName) -> bool + Sync),
) -> Result<Finding, MysqlError> {
    let cascades = read_cascades(session, selects).await?;
    if cascades.tables.is_empty() || !facts.logs_cascades() {
        return Ok(judge(facts, &cascades));
    }
    let replication = read_replication(session, facts).await?;
    Ok(unless_replicated(judge(facts, &cascades), replication))
}

/// A server that logs what it changes by foreign keys does not log what it changes by them while it carries out another's
/// changes: those rows come with the other's, or not at all. Which server that is and what it logs is not known here.
fn unless_replicated(finding: Finding, replication: Replication) -> Finding {
    let mend = "see that the server at which the rows are written is MySQL 9.6 or later without innodb_native_foreign_keys: what \
                foreign keys change by themselves elsewhere does not arrive";
    let found = match replication {
        Replication::None => return finding,
        Replication::Some => {
            format!("{}, but the server replicates from another one, which may not log them", finding.found)
        }
        Replication::NotLookedAt { right } => format!(
            "{}, but whether the server replicates from another one, which may not log them, was not looked at: the right \
             {right} is missing",
            finding.found
        ),
    };
    Finding::bad(finding.name, Verdict::Warning, found, mend)
}

/// What a table's foreign keys change by themselves is in the binlog; these are their names.
pub fn ensure_cascades_logged(facts: &ServerFacts, table: &TableName, foreign_keys: Vec<String>) -> Finding {
    let of_table = (!foreign_keys.is_empty()).then(|| (table.clone(), foreign_keys));
    judge(facts, &Cascades { tables: of_table.into_iter().collect(), unseen: Vec::new() })
}

/// The catalogue shows foreign keys to whoever may read their table from MySQL 8.0 on. Others show them only to those who may
/// write there, so each table is asked for its definition.
async fn read_cascades(
    session: &mut Session,
    selects: &(dyn Fn(&TableName) -> bool + Sync),
) -> Result<Cascades, MysqlError> {
    if session.flavour() == Flavour::Mysql && session.version() >= (8, 0, 0) {
        return read_from_catalog(session, selects).await;
    }
    let sql = "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES \
               WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY 1, 2";
    let mut found = Cascades::default();
    for row in session.query_texts("listing the tables", sql).await? {
        let [Some(database), Some(table)] = &row[..] else { continue };
        let table = TableName::new(database.as_str(), table.as_str());
        if !selects(&table) {
            continue;
        }
        match read_from_definition(session, &table).await {
            Ok(foreign_keys) if foreign_keys.is_empty() => {}
            Ok(foreign_keys) => {
                found.tables.insert(table, foreign_keys);
            }
            Err(MysqlError::Server { code: RIGHT_MISSING, .. }) => found.unseen.push(table),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

async fn read_from_catalog(
    session: &mut Session,
    selects: &(dyn Fn(&TableName) -> bool + Sync),
) -> Result<Cascades, MysqlError> {
    let sql = "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS \
               WHERE DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT') \
               OR UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT') ORDER BY 1, 2, 3";
    let mut found = Cascades::default();
    for row in session.query_texts("reading the foreign keys that change rows", sql).await? {
        let [Some(database), Some(table), Some(name)] = &row[..] else { continue };
        let table = TableName::new(database.as_str(), table.as_str());
        if selects(&table) {
            found.tables.entry(table).or_default().push(name.clone());
        }
    }
    Ok(found)
}

async fn read_from_definition(session: &mut Session, table: &TableName) -> Result<Vec<String>, MysqlError> {
    let doing = format!("reading the definition of table \"{table}\"");
    let sql = format!("SHOW CREATE TABLE {}", table_ident(table));
    let rows = match session.query_texts(&doing, &sql).await {
        // It has just been dropped.
        Err(MysqlError::Server { code: NO_SUCH_TABLE, .. }) => return Ok(Vec::new()),
        rows => rows?,
    };
    let Some([_, Some(definition), ..]) = rows.first().map(Vec::as_slice) else {
        return Err(MysqlError::Answer { doing, what: "no definition".to_owned() });
    };
    let (major, minor, patch) = session.version();
    let version = u32::from(major) * 10_000 + u32::from(minor) * 100 + u32::from(patch);
    match tokenize(definition, SqlMode(0), version) {
        Ok(tokens) => Ok(cascades_in(&tokens)),
        Err(Unfinished(what)) => Err(MysqlError::Answer { doing, what: what.to_owned() }),
    }
}

/// What the foreign keys that a statement gives a table change by themselves is in the binlog: ALTER TABLE changes the definition
/// of a table whose rows are followed already.
pub fn ensure_new_cascades_logged(
    facts: &ServerFacts,
    context: &StatementContext,
    table: &TableName,
    sql: &str,
) -> Result<Finding, DdlError> {
    let tokens = tokenize(sql, context.sql_mode, context.server_version)?;
    Ok(ensure_cascades_logged(facts, table, cascades_in(&tokens)))
}

/// The names of the foreign keys in a definition that change rows; each stands before what it does, empty where there is none.
fn cascades_in(definition: &[Token]) -> Vec<String> {
    let mut cursor = Cursor::new(definition);
    let (mut constraint, mut found) = (String::new(), Vec::<String>::new());
    while !cursor.is_done() {
        let has_name = cursor.take_word("CONSTRAINT") && !cursor.at_word("FOREIGN");
        let named = if has_name { cursor.take_name().unwrap_or_default() } else { String::new() };
        if cursor.take_word("FOREIGN") {
            constraint = named;
            continue;
        }
        let acts = cursor.take_words(&["ON", "DELETE"]) || cursor.take_words(&["ON", "UPDATE"]);
        if !acts {
            cursor.advance();
            continue;
        }
        let changes = cursor.at_word("CASCADE") || cursor.at_word("SET");
        if changes && found.last() != Some(&constraint) {
            found.push(constraint.clone());
        }
    }
    found
}

fn judge(facts: &ServerFacts, cascades: &Cascades) -> Finding {
    let name = "foreign_key_cascades";
    if let (true, Some(unseen)) = (cascades.tables.is_empty(), cascades.unseen.first()) {
        let found = format!("not looked at: the account may not see the definition of {}", unseen_tables(cascades));
        let mend = format!("GRANT SELECT ON {} to the account, and so for each of them", table_ident(unseen));
        return Finding::bad(name, Verdict::Warning, found, mend);
    }
    if cascades.tables.is_empty() {
        return Finding::good(name, "no selected table has a foreign key that changes rows by itself");
    }
    if facts.logs_cascades() {
        let number = cascades.tables.values().map(Vec::len).sum::<usize>();
        return Finding::good(name, format!("{number} that change rows by themselves; the binlog has those rows"));
    }
    let tables: Vec<String> = cascades.tables.iter().map(|(table, keys)| with_names(table, keys)).collect();
    Finding::bad(
        name,
        Verdict::Blocks,
        format!(
            "foreign keys with CASCADE or SET NULL change rows of tables, and {} does not log those changes: {}",
            server(facts),
            first_few(&tables)
        ),
        "make them ON DELETE RESTRICT ON UPDATE RESTRICT and change the rows in the application; or see that referenced rows \
         are neither deleted nor given other keys while the task runs, and say source.hidden_cascades = \"accept\"",
    )
}

/// A table, and those of its foreign keys that have a name.
fn with_names(table: &TableName, foreign_keys: &[String]) -> String {
    let names: Vec<String> = foreign_keys.iter().filter(|name| !name.is_empty()).cloned().collect();
    if names.is_empty() { format!("\"{table}\"") } else { format!("\"{table}\" (by {})", first_few(&quoted(&names))) }
}

fn unseen_tables(cascades: &Cascades) -> String {
    first_few(&quoted(&cascades.unseen.iter().map(TableName::to_string).collect::<Vec<_>>()))
}

fn server(facts: &ServerFacts) -> String {
    let (major, minor, patch) = facts.version;
    match (facts.flavour, facts.native_foreign_keys) {
        (Flavour::MariaDb, _) => "MariaDB".to_owned(),
        (Flavour::Mysql, Switch::On) => "a server with innodb_native_foreign_keys = ON".to_owned(),
        (Flavour::Mysql, Switch::Off) => format!("MySQL {major}.{minor}.{patch}"),
    }
}

fn quoted(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("\"{name}\"")).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::server::NameCase;

    fn facts(version: (u16, u16, u16)) -> ServerFacts {
        ServerFacts {
            flavour: Flavour::Mysql,
            version,
            server_uuid: String::new(),
            server_id: 1,
            log_bin: Switch::On,
            log_replica_updates: Switch::On,
            gtid_mode: "ON".into(),
            binlog_format: "ROW".into(),
            binlog_row_image: "FULL".into(),
            binlog_row_metadata: "FULL".into(),
            binlog_transaction_compression: Switch::Off,
            native_foreign_keys: Switch::Off,
            name_case: NameCase::AsWritten,
            charset: "utf8mb4".into(),
            binlog_expire_seconds: 0,
        }
    }

    #[test]
    fn definitions_tell_which_foreign_keys_change_rows() {
        let definition = "CREATE TABLE `t` (`id` int COMMENT 'ON DELETE CASCADE', `on delete cascade` int, \
            at datetime DEFAULT current_timestamp() ON UPDATE current_timestamp(), \
            CONSTRAINT `a``b` FOREIGN KEY (`id`) REFERENCES `u` (`id`) ON DELETE CASCADE ON UPDATE SET NULL, \
            CONSTRAINT `c` FOREIGN KEY (`id`) REFERENCES `u` (`id`) ON DELETE NO ACTION ON UPDATE CASCADE, \
            CONSTRAINT `d` FOREIGN KEY (`id`) REFERENCES `u` (`id`) ON DELETE NO ACTION, CONSTRAINT `e` CHECK (`id` > 5))";
        let tokens = tokenize(definition, SqlMode(0), 101_100).unwrap();
        assert_eq!(cascades_in(&tokens), ["a`b", "c"]);
    }

    #[test]
    fn changes_of_tables_tell_which_foreign_keys_change_rows() {
        for (actions, expected) in [
            ("ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (id) ON DELETE CASCADE", &["c"][..]),
            ("ADD CONSTRAINT FOREIGN KEY i (a) REFERENCES u (id) ON UPDATE SET NULL", &[""]),
            ("ADD b INT, ADD FOREIGN KEY (a) REFERENCES u (id) MATCH FULL ON UPDATE CASCADE ON DELETE CASCADE", &[""]),
            ("ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (id) ON DELETE NO ACTION ON UPDATE RESTRICT", &[]),
            ("DROP FOREIGN KEY c, ALTER b SET DEFAULT 'ON DELETE CASCADE', ADD at DATETIME ON UPDATE NOW()", &[]),
        ] {
            let tokens = tokenize(&format!("ALTER TABLE t {actions}"), SqlMode(0), 80_036).unwrap();
            assert_eq!(cascades_in(&tokens), expected, "{actions}");
        }
    }

    #[test]
    fn cascades_block_where_the_server_does_not_log_them() {
        let none = Cascades::default();
        let orders = TableName::new("shop", "orders");
        let tables = [(orders.clone(), vec!["to_customer".to_owned()])].into();
        let some = Cascades { tables, unseen: vec![orders.clone()] };
        let unknown = Cascades { unseen: vec![orders], ..Cascades::default() };
        let native = ServerFacts { native_foreign_keys: Switch::On, ..facts((9, 7, 0)) };
        let maria_db = ServerFacts { flavour: Flavour::MariaDb, ..facts((10, 11, 0)) };
        for (facts, server) in [
            (facts((8, 0, 36)), "MySQL 8.0.36"),
            (facts((9, 5, 0)), "MySQL 9.5.0"),
            (native, "innodb_native_foreign_keys"),
            (maria_db, "MariaDB"),
        ] {
            assert_eq!(judge(&facts, &none).verdict, Verdict::Good);
            let finding = judge(&facts, &unknown);
            assert_eq!(finding.verdict, Verdict::Warning);
            assert!(
                finding.found.contains("\"shop.orders\"") && finding.mend.contains("`shop`.`orders`"),
                "{finding:?}"
            );
            let finding = judge(&facts, &some);
            assert_eq!(finding.verdict, Verdict::Blocks);
            assert!(finding.found.contains(server), "{}", finding.found);
            assert!(finding.found.ends_with("\"shop.orders\" (by \"to_customer\")"), "{}", finding.found);
        }
        assert_eq!(judge(&facts((9, 6, 0)), &some).verdict, Verdict::Good);
        let nameless =
            ensure_cascades_logged(&facts((8, 0, 36)), &TableName::new("shop", "orders"), vec![String::new()]);
        assert!(nameless.found.ends_with(": \"shop.orders\""), "{}", nameless.found);
    }
}
