//! Statements of the binlog: those that touch a selected table become schema changes, or stop the task.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_model::{Failure, MysqlType, TableName, TableSchema};
use millrace_mysql::binlog::Statement;
use millrace_mysql::column_type::{Collations, charset_name, collation_name};
use millrace_mysql::ddl::{
    CreateDefaults, DdlEffect, KeyEffect, TimestampDefaults, WhenExists, classify, parse_create_table,
};
use millrace_mysql::sql_text::SqlMode;
use millrace_mysql::{MysqlError, ServerFacts, Session, StatementContext};
use millrace_protocol::capture::Capture;
use millrace_task::Task;

use crate::start::{ensure_charsets_are_known, routed, same_destination};

/// What is needed to read a statement besides its event.
pub(crate) struct Statements {
    facts: ServerFacts,
    /// Default character sets of databases.
    charsets: HashMap<Arc<str>, Arc<str>>,
    /// Default collations of databases; those that came to be or changed since the start are not known.
    database_collations: HashMap<Arc<str>, Arc<str>>,
    /// Default collations of character sets.
    charset_collations: Arc<HashMap<Arc<str>, Arc<str>>>,
}

impl Statements {
    /// Reads the databases' default character sets.
    pub(crate) async fn read(session: &mut Session, facts: &ServerFacts) -> Result<Self, MysqlError> {
        let of_databases = "SELECT schema_name, default_character_set_name FROM information_schema.schemata";
        let collations = "SELECT schema_name, default_collation_name FROM information_schema.schemata";
        let defaults = "SELECT character_set_name, default_collate_name FROM information_schema.character_sets";
        Ok(Self {
            facts: facts.clone(),
            charsets: read_pairs(session, of_databases).await?.collect(),
            database_collations: read_pairs(session, collations)
                .await?
                .map(|(database, collation)| (database, collation_name(&collation)))
                .collect(),
            charset_collations: read_pairs(session, defaults)
                .await?
                .map(|(charset, collation)| (charset_name(&charset), collation_name(&collation)))
                .collect::<HashMap<_, _>>()
                .into(),
        })
    }

    fn collations(&self, database: &str) -> Collations {
        let default = self.database_collations.get(database).cloned().unwrap_or_else(|| "".into());
        Collations { default, of_charset: self.charset_collations.clone() }
    }

    /// Gives a statement of the open transaction to the machine.
    pub(crate) fn take(&mut self, capture: &mut Capture, task: &Task, statement: &Statement) -> Result<(), Failure> {
        let (major, minor, patch) = self.facts.version;
        let context = StatementContext {
            default_database: statement.database.as_str().into(),
            sql_mode: SqlMode(statement.sql_mode.unwrap_or(0)),
            server_version: u32::from(major) * 10_000 + u32::from(minor) * 100 + u32::from(patch),
            name_case: self.facts.name_case,
        };
        let at = |failure: Failure| Failure {
            message: format!("{} (binlog {})", failure.message, statement.place),
            ..failure
        };
        let effects = classify(&context, &statement.sql).map_err(|error| at(error.into()))?;
        for effect in effects {
            self.effect(capture, task, &context, statement, effect).map_err(at)?;
        }
        Ok(())
    }

    fn effect(
        &mut self,
        capture: &mut Capture,
        task: &Task,
        context: &StatementContext,
        statement: &Statement,
        effect: DdlEffect,
    ) -> Result<(), Failure> {
        let selected = |table: &TableName| task.selection.selects(table).is_some();
        match effect {
            DdlEffect::CreateTable { table, when_exists, .. } if selected(&table) => {
                ensure_name_is_free(capture, task, &table)?;
                let schema = self.create(capture, context, statement, &table, when_exists)?;
                Ok(schema.map_or(Ok(()), |schema| capture.create(routed(schema, task)))?)
            }
            DdlEffect::DropTable { tables } => drop_all(capture, tables),
            DdlEffect::DropDatabase { database } => {
                self.charsets.remove(&database);
                let of_database = |name: &&TableName| name.database == database;
                let tables = capture.tables().map(|(name, _)| name).filter(of_database).cloned().collect();
                drop_all(capture, tables)
            }
            DdlEffect::Truncate { table } if selected(&table) => Ok(capture.truncate(&table)?),
            DdlEffect::AlterTable { table } if selected(&table) => Err(unsupported("ALTER TABLE", &table)),
            DdlEffect::AlterRows { table, verb } if selected(&table) => {
                Err(unsupported(&format!("ALTER TABLE ... {verb}"), &table))
            }
            DdlEffect::RenameTable { pairs } => {
                match pairs.iter().flat_map(|(from, to)| [from, to]).find(|table| selected(table)) {
                    Some(table) => Err(unsupported("RENAME TABLE", table)),
                    None => Ok(()),
                }
            }
            DdlEffect::IndexChange { table, keys: KeyEffect::MayChange } if selected(&table) => {
                Err(unsupported("DROP INDEX or a change of a unique key", &table))
            }
            DdlEffect::IndexChange { table, keys: KeyEffect::Kept } if selected(&table) => {
                tracing::warn!(%table, "the source changed an index; indexes of a running task do not move yet");
                Ok(())
            }
            DdlEffect::CreateDatabase { database, charset } | DdlEffect::AlterDatabase { database, charset } => {
                let charset = charset.unwrap_or_else(|| self.facts.charset.as_str().into());
                self.database_collations.remove(&database);
                self.charsets.insert(database, charset);
                Ok(())
            }
            DdlEffect::Dml { verb } => Err(rows_unknown(&verb)),
            DdlEffect::TransactionControl { .. } | DdlEffect::Irrelevant { .. } => Ok(()),
            // Of tables that are not selected.
            DdlEffect::CreateTable { .. }
            | DdlEffect::Truncate { .. }
            | DdlEffect::AlterTable { .. }
            | DdlEffect::AlterRows { .. }
            | DdlEffect::IndexChange { .. } => Ok(()),
        }
    }

    /// The schema of a table that comes to be; none where it is there already and stays.
    fn create(
        &self,
        capture: &mut Capture,
        context: &StatementContext,
        statement: &Statement,
        table: &TableName,
        when_exists: WhenExists,
    ) -> Result<Option<TableSchema<MysqlType>>, Failure> {
        match (capture.table(table).is_some(), when_exists) {
            (true, WhenExists::Keep) => return Ok(None),
            (true, WhenExists::Replace) => capture.drop_table(table)?,
            _ => {}
        }
        let charset = self.charsets.get(&table.database).cloned();
        let defaults = CreateDefaults {
            charset: charset.unwrap_or_else(|| self.facts.charset.as_str().into()),
            collations: self.collations(&table.database),
            timestamps: TimestampDefaults::Explicit,
        };
        let schema = parse_create_table(context, &statement.sql, &defaults)?.into_schema(0);
        ensure_charsets_are_known(table, &schema)?;
        Ok(Some(schema))
    }
}

async fn read_pairs(
    session: &mut Session,
    sql: &str,
) -> Result<impl Iterator<Item = (Arc<str>, Arc<str>)> + use<>, MysqlError> {
    let rows = session.query_texts("reading character sets and collations", sql).await?;
    Ok(rows.into_iter().filter_map(|row| {
        let mut cells = row.into_iter();
        Some((Arc::from(cells.next()??), Arc::from(cells.next()??)))
    }))
}

/// A new table may not become the destination table of another one.
fn ensure_name_is_free(capture: &Capture, task: &Task, table: &TableName) -> Result<(), Failure> {
    let destination = |table: &TableName| task.selection.selects(table).map(|rule| rule.destination_table(table));
    let Some(name) = destination(table) else { return Ok(()) };
    let mut others = capture.tables().map(|(other, _)| other).filter(|other| *other != table);
    match others.find(|other| destination(other).as_ref() == Some(&name)) {
        Some(other) => Err(same_destination(other, table, &name)),
        None => Ok(()),
    }
}

fn rows_unknown(verb: &str) -> Failure {
    Failure::fatal(
        format!("the binlog holds a {verb} statement instead of its rows"),
        "a session writes with binlog_format = STATEMENT or MIXED: make it ROW, and start a new task under another name, \
         because the rows of this statement are not known",
    )
}

fn drop_all(capture: &mut Capture, tables: Vec<TableName>) -> Result<(), Failure> {
    for table in tables {
        // IF EXISTS, or a table that is not selected.
        if capture.table(&table).is_some() {
            capture.drop_table(&table)?;
        }
    }
    Ok(())
}

fn unsupported(what: &str, table: &TableName) -> Failure {
    Failure::fatal(
        format!("the source ran {what} on table \"{table}\", which a running task cannot follow yet"),
        "start a new task under another name, or exclude the table",
    )
}
