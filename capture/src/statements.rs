//! Statements of the binlog: those that touch a selected table become schema changes, or stop the task.
//!
//! What a table is at a place of the stream follows from what it was before and the statement alone; the source as it is
//! now is never asked, because it may be far ahead. Where a statement does not show the table that it makes
//! (`arrivals`), its definition and rows are read from the source as a snapshot is.

use millrace_model::{Failure, MysqlType, ReadPurpose, TableName, TableSchema};
use millrace_mysql::binlog::Statement;
use millrace_mysql::ddl::{Before, CreateForm, DdlEffect, WhenExists, classify, parse_create_table, restate};
use millrace_mysql::sql_text::SqlMode;
use millrace_mysql::{MysqlError, ServerFacts, Session, SourceTable, StatementContext};
use millrace_protocol::capture::Capture;
use millrace_task::Task;

use crate::alterations::alter;
use crate::arrivals::Arrivals;
use crate::checks::{ensure_its_cascades_are_logged, ensure_new_cascades_are_logged};
use crate::databases::Databases;
use crate::renames::rename;
use crate::start::{ensure_charsets_are_known, routed, same_destination};
use crate::stream::delivered;

/// What is needed to read a statement besides its event.
pub(crate) struct Statements {
    facts: ServerFacts,
    databases: Databases,
}

/// A statement of the open transaction, and what it changes.
pub(crate) struct Scene<'a> {
    pub(crate) capture: &'a mut Capture,
    pub(crate) arrivals: &'a mut Arrivals,
    pub(crate) task: &'a Task,
    pub(crate) context: &'a StatementContext,
    pub(crate) sql: &'a str,
}

impl Scene<'_> {
    /// Whether a table moves.
    pub(crate) fn selects(&self, table: &TableName) -> bool {
        self.task.selection.selects(table).is_some()
    }

    /// A table as it travels; under the name that it has here.
    pub(crate) fn schema_of(&self, table: SourceTable) -> Result<TableSchema<MysqlType>, Failure> {
        let schema = table.into_schema(0);
        ensure_charsets_are_known(&schema.name, &schema)?;
        Ok(routed(schema, self.task))
    }

    /// A table comes to be under a name; it may not become the destination table of another one.
    pub(crate) fn create(&mut self, table: SourceTable) -> Result<(), Failure> {
        let (name, source_only) = (table.name.clone(), table.source_only.clone());
        self.arrivals.forget(&name);
        ensure_name_is_free(self.capture, self.task, &name)?;
        let schema = self.schema_of(table)?;
        self.capture.create(schema)?;
        self.capture.note(&name, source_only);
        Ok(())
    }

    /// The table as the stream knows it, under another name.
    pub(crate) fn known(&self, table: &TableName, name: &TableName) -> Option<SourceTable> {
        let state = self.capture.table(table)?;
        let before = Before { schema: &state.schema, source_only: &state.source_only };
        Some(restate(before, name.clone()))
    }

    /// Whether a table is not known, and what the statement says of it is in its definition when that is read, or is of
    /// no account any more.
    pub(crate) fn awaits(&mut self, table: &TableName) -> bool {
        let is_known = self.capture.table(table).is_some();
        !is_known && (self.arrivals.void(table) || self.arrivals.is_gone(table, delivered(self.capture)))
    }

    /// The rows of a table changed without row images, and some may be gone: it is emptied and loaded.
    fn load_anew(&mut self, table: &TableName, what: &str) -> Result<(), Failure> {
        if !self.selects(table) || self.awaits(table) {
            return Ok(());
        }
        if self.capture.table(table).is_none() {
            self.arrivals.expect(table.clone());
            return Ok(());
        }
        tracing::warn!(%table, "{what} changes rows that are not in the binlog: the table is emptied and loaded anew");
        let Some(state) = self.capture.table(table) else { return Ok(()) };
        // Each load has a schema version of its own: what follows it in the destination is done once a version.
        let (schema, origins) = (state.schema.as_ref().clone(), (0..state.schema.columns.len()).map(Some).collect());
        self.capture.truncate(table)?;
        self.capture.alter(table, schema, origins)?;
        Ok(self.capture.read_again(table, ReadPurpose::Load)?)
    }

    fn drop_all(&mut self, tables: Vec<TableName>) -> Result<(), Failure> {
        for table in tables {
            self.arrivals.forget(&table);
            // IF EXISTS, or a table that is not selected.
            if self.capture.table(&table).is_some() {
                self.capture.drop_table(&table)?;
            }
        }
        Ok(())
    }

    fn truncate(&mut self, table: &TableName) -> Result<(), Failure> {
        if self.awaits(table) {
            return Ok(());
        }
        Ok(self.capture.truncate(table)?)
    }
}

impl Statements {
    /// Reads what databases give their tables.
    pub(crate) async fn read(session: &mut Session, facts: &ServerFacts) -> Result<Self, MysqlError> {
        let databases = Databases::read(session, &facts.charset).await?;
        Ok(Self { facts: facts.clone(), databases })
    }

    /// Gives a statement of the open transaction to the machine.
    pub(crate) fn take(
        &mut self,
        capture: &mut Capture,
        arrivals: &mut Arrivals,
        task: &Task,
        statement: &Statement,
    ) -> Result<(), Failure> {
        let context = self.context(statement);
        let at = |failure: Failure| {
            let words = first_words(&statement.sql);
            Failure { message: format!("{} (\"{words}\", binlog {})", failure.message, statement.place), ..failure }
        };
        let effects = classify(&context, &statement.sql).map_err(|error| at(error.into()))?;
        let mut scene = Scene { capture, arrivals, task, context: &context, sql: &statement.sql };
        effects.into_iter().try_for_each(|effect| self.effect(&mut scene, effect)).map_err(at)
    }

    /// Whether the statement may change the definition of a table that moves. One that cannot be read does not: it stops the
    /// task when it is taken.
    pub(crate) fn alters(&self, capture: &Capture, statement: &Statement) -> bool {
        let effects = classify(&self.context(statement), &statement.sql).unwrap_or_default();
        effects.iter().any(|effect| match effect {
            DdlEffect::AlterTable { table } | DdlEffect::AlterRows { table, .. } => capture.table(table).is_some(),
            DdlEffect::RenameTable { pairs } => pairs.iter().any(|(table, _)| capture.table(table).is_some()),
            _ => false,
        })
    }

    /// Ensures that the binlog has what the table's foreign keys change by themselves.
    pub(crate) fn ensure_its_cascades_are_logged(&self, table: &SourceTable, task: &Task) -> Result<(), Failure> {
        ensure_its_cascades_are_logged(&self.facts, table, task)
    }

    fn context(&self, statement: &Statement) -> StatementContext {
        let (major, minor, patch) = self.facts.version;
        StatementContext {
            default_database: statement.database.as_str().into(),
            sql_mode: SqlMode(statement.sql_mode.unwrap_or(0)),
            server_version: u32::from(major) * 10_000 + u32::from(minor) * 100 + u32::from(patch),
            name_case: self.facts.name_case,
        }
    }

    fn effect(&mut self, scene: &mut Scene<'_>, effect: DdlEffect) -> Result<(), Failure> {
        match effect {
            DdlEffect::CreateTable { table, when_exists, form } if scene.selects(&table) => {
                self.create(scene, table, when_exists, form)
            }
            DdlEffect::DropTable { tables } => scene.drop_all(tables),
            DdlEffect::DropDatabase { database } => {
                self.databases.remove(&database);
                scene.arrivals.forget_database(&database);
                let of_database = |name: &&TableName| name.database == database;
                let tables = scene.capture.tables().map(|(name, _)| name).filter(of_database).cloned().collect();
                scene.drop_all(tables)
            }
            DdlEffect::Truncate { table } if scene.selects(&table) => scene.truncate(&table),
            DdlEffect::AlterTable { table } if scene.selects(&table) => {
                ensure_new_cascades_are_logged(&self.facts, scene.context, (&table, scene.sql), scene.task)?;
                alter(scene, &table, &self.databases.defaults(&table.database))
            }
            DdlEffect::AlterRows { table, verb, other } => {
                scene.load_anew(&table, &verb)?;
                other.map_or(Ok(()), |other| scene.load_anew(&other, &verb))
            }
            DdlEffect::RenameTable { pairs } => rename(scene, pairs),
            DdlEffect::CreateDatabase { database, charset } | DdlEffect::AlterDatabase { database, charset } => {
                self.databases.set(database, charset);
                Ok(())
            }
            DdlEffect::Dml { verb } => Err(rows_unknown(&verb)),
            DdlEffect::TransactionControl { .. } | DdlEffect::Irrelevant { .. } => Ok(()),
            // Of tables that are not selected.
            DdlEffect::CreateTable { .. } | DdlEffect::Truncate { .. } | DdlEffect::AlterTable { .. } => Ok(()),
        }
    }

    /// A selected table comes to be, unless it is there already and stays.
    fn create(
        &self,
        scene: &mut Scene<'_>,
        table: TableName,
        when_exists: WhenExists,
        form: CreateForm,
    ) -> Result<(), Failure> {
        match (scene.capture.table(&table).is_some(), when_exists) {
            (true, WhenExists::Keep) => return Ok(()),
            (true, WhenExists::Replace) => scene.capture.drop_table(&table)?,
            // Whether the statement makes it, or it was there with other columns, cannot be seen here.
            (false, WhenExists::Keep) if scene.awaits(&table) => {
                scene.arrivals.expect(table);
                return Ok(());
            }
            _ => {}
        }
        match form {
            CreateForm::Columns => {
                let defaults = self.databases.defaults(&table.database);
                let made = parse_create_table(scene.context, scene.sql, &defaults)?;
                self.ensure_its_cascades_are_logged(&made, scene.task)?;
                scene.create(made)
            }
            CreateForm::Like(model) => match scene.known(&model, &table) {
                Some(made) => scene.create(made),
                None => {
                    scene.arrivals.expect(table);
                    Ok(())
                }
            },
            CreateForm::Select => {
                scene.arrivals.expect(table);
                Ok(())
            }
        }
    }
}

/// A new table may not become the destination table of another one.
pub(crate) fn ensure_name_is_free(capture: &Capture, task: &Task, table: &TableName) -> Result<(), Failure> {
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

/// The beginning of a statement, up to the first constant: enough to find it, without values.
fn first_words(sql: &str) -> String {
    let end = sql.find(['\'', '"', '(']).unwrap_or(sql.len());
    let words: Vec<&str> = sql[..end].split_whitespace().take(6).collect();
    words.join(" ").chars().take(120).collect()
}
