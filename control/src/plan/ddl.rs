//! `millrace plan --ddl`: what a statement on a table of the source would do in the destination.
//!
//! The statement goes the way that it would take: read as capture reads it, followed through the task's rules as transform
//! follows it, and made into statements as apply makes them. What would stop the task is said in the same words.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_adbpg::Dialect;
use millrace_adbpg::alter::{Difference, Effort, Lock, Means, render_alter, render_lock};
use millrace_model::batch::Alteration;
use millrace_model::{Failure, SchemaKey, TableName, TableSchema};
use millrace_mysql::column_type::{Collations, charset_name};
use millrace_mysql::ddl::{Before, CreateDefaults, RowsAfter, TimestampDefaults, classify, evolve};
use millrace_mysql::sql_text::SqlMode;
use millrace_mysql::{DdlEffect, ServerFacts, Session, SourceTable, StatementContext};
use millrace_task::Task;
use millrace_transform::follow::transform_alteration;
use millrace_transform::mappings::Mappings;

use crate::catalog::databases;
use crate::output::{Colour, Colours};

/// What the source says that a statement may rest on.
pub(super) struct Surroundings {
    context: StatementContext,
    defaults: CreateDefaults,
}

impl Surroundings {
    /// Reads them; a name without a database is one of the only selected database.
    pub(super) async fn read(session: &mut Session, tables: &[SourceTable]) -> Result<Self, Failure> {
        let facts = ServerFacts::read(session).await?;
        let sql = "SELECT @@GLOBAL.sql_mode, @@GLOBAL.collation_server";
        let rows = session.query_texts("reading the server's modes", sql).await?;
        let texts = rows.into_iter().next().unwrap_or_default();
        let text = |place: usize| texts.get(place).cloned().flatten().unwrap_or_default();
        let (modes, collation) = (text(0), text(1));
        let bit = |name: &str, bit: u64| if modes.split(',').any(|mode| mode == name) { bit } else { 0 };
        let sql_mode = bit("ANSI_QUOTES", SqlMode::ANSI_QUOTES)
            | bit("NO_BACKSLASH_ESCAPES", SqlMode::NO_BACKSLASH_ESCAPES)
            | bit("STRICT_TRANS_TABLES", SqlMode::STRICT_TRANS_TABLES);
        let sql = "SELECT CHARACTER_SET_NAME, DEFAULT_COLLATE_NAME FROM information_schema.CHARACTER_SETS";
        let mut of_charset: HashMap<Arc<str>, Arc<str>> = HashMap::new();
        for row in session.query_texts("reading character sets", sql).await? {
            if let [Some(charset), Some(collation)] = &row[..] {
                of_charset.insert(charset_name(charset), collation.as_str().into());
            }
        }
        let (major, minor, patch) = facts.version;
        let context = StatementContext {
            default_database: match databases(tables)[..] {
                [only] => only.into(),
                _ => "".into(),
            },
            sql_mode: SqlMode(sql_mode),
            server_version: u32::from(major) * 10_000 + u32::from(minor) * 100 + u32::from(patch),
            name_case: facts.name_case,
        };
        let collations = Collations { default: collation.into(), of_charset: of_charset.into() };
        let charset = facts.charset.as_str().into();
        Ok(Self { context, defaults: CreateDefaults { charset, collations, timestamps: TimestampDefaults::Explicit } })
    }
}

/// What a statement says of one table.
#[derive(Default)]
struct Effects {
    table: Option<TableName>,
    renamed: Option<TableName>,
    shape: Shape,
}

#[derive(Default, PartialEq, Eq)]
enum Shape {
    #[default]
    Kept,
    Changed,
}

/// The preview as text.
///
/// # Errors
/// The statement is not understood, is not one that changes a selected table's definition, or would stop the task.
pub(super) fn preview(
    task: &Task,
    dialect: &Dialect,
    tables: &[SourceTable],
    surroundings: &Surroundings,
    sql: &str,
    colours: Colours,
) -> Result<String, Failure> {
    let effects = effects(classify(&surroundings.context, sql)?)?;
    let name = effects.table.ok_or_else(no_change)?;
    let before = tables.iter().find(|table| table.name == name).cloned().ok_or_else(|| not_selected(&name))?;
    let source_only = before.source_only.clone();
    let schema = before.into_schema(1);
    let (mut after, mut rows) = (schema.clone(), RowsAfter::Known);
    let mut origins: Vec<Option<usize>> = (0..schema.columns.len()).map(Some).collect();
    if effects.shape == Shape::Changed {
        let before = Before { schema: &schema, source_only: &source_only };
        let evolution = evolve(&surroundings.context, sql, before, &surroundings.defaults)?;
        (after, origins, rows) = (evolution.table.into_schema(1), evolution.origins, evolution.rows);
    }
    let mut lines =
        vec![colours.paint(Colour::Strong, &format!("A change of \"{name}\", for {dialect}")), String::new()];
    if let Some(renamed) = effects.renamed {
        if task.selection.selects(&renamed).is_none() {
            lines.push("  The table leaves the selection: it is dropped in the destination.".to_owned());
            return Ok(lines.join("\n") + "\n");
        }
        after = TableSchema { name: renamed, ..after };
    }
    lines.extend(destination_lines(task, dialect, (schema, after), origins, rows)?);
    Ok(lines.join("\n") + "\n")
}

fn destination_lines(
    task: &Task,
    dialect: &Dialect,
    (schema, after): (TableSchema<millrace_model::MysqlType>, TableSchema<millrace_model::MysqlType>),
    origins: Vec<Option<usize>>,
    rows: RowsAfter,
) -> Result<Vec<String>, Failure> {
    let mut mappings = Mappings::default();
    let alteration = Alteration { before: SchemaKey::new(1, 0), schema: SchemaKey::new(2, 0), origins };
    let before = mappings.add(alteration.before, schema, &task.selection)?;
    let after = mappings.follow(after, &alteration, &task.selection)?;
    let Some(change) = transform_alteration(&before, &after, &alteration.origins) else {
        return Ok(vec!["  Nothing changes in the destination.".to_owned()]);
    };
    let (old, new) = (before.mapping.target(), after.mapping.target());
    let difference = Difference::new(old, new, &change.origins)?;
    let means = match (dialect.is_distributed(), difference.effort()) {
        (false, Effort::Rewrite) => Means::Replacement,
        _ => Means::InPlace,
    };
    let altered = render_alter(dialect, &difference, means)?;
    let anew = match means {
        Means::InPlace => "are written anew under the lock",
        Means::Replacement => "are written anew, into a table that takes the place of this one",
    };
    let rows = match (rows, difference.effort()) {
        (RowsAfter::LoadAnew, _) => "the table is emptied and loaded anew from the source".to_owned(),
        (RowsAfter::ReadAgain, Effort::Definition) => {
            "stay, and are read again from the source and replaced".to_owned()
        }
        (RowsAfter::ReadAgain, Effort::Rewrite) => format!("{anew}; then read again from the source and replaced"),
        (RowsAfter::Known, Effort::Definition) => "stay as they are: the definition alone changes".to_owned(),
        (RowsAfter::Known, Effort::Rewrite) => anew.to_owned(),
    };
    let (locked, lock) = match means {
        Means::InPlace => ("no reader and no writer until the transaction's end", Lock::All),
        Means::Replacement => (
            "no writer until the transaction's end, no reader at its end; no reader all the time where views, triggers or \
             the like hang on it",
            Lock::Writers,
        ),
    };
    let mut lines = vec![format!("  Lock       \"{}\": {locked}", old.name), format!("  Rows       {rows}")];
    lines.extend(altered.left_out.iter().map(|left| format!("  Left out   {}: {}", left.what, left.why)));
    lines.extend([String::new(), "  In one transaction:".to_owned()]);
    let statements = render_lock(&[&old.name], lock)?.into_iter().chain(altered.statements);
    lines.extend(statements.map(|statement| format!("  {statement};")));
    Ok(lines)
}

fn effects(found: Vec<DdlEffect>) -> Result<Effects, Failure> {
    let mut effects = Effects::default();
    for effect in found {
        match effect {
            DdlEffect::AlterTable { table } => {
                effects.table = Some(table);
                effects.shape = Shape::Changed;
            }
            DdlEffect::RenameTable { pairs } => match &pairs[..] {
                [(from, to)] => {
                    effects.table.get_or_insert_with(|| from.clone());
                    effects.renamed = Some(to.clone());
                }
                _ => return Err(no_change()),
            },
            _ => return Err(no_change()),
        }
    }
    Ok(effects)
}

fn no_change() -> Failure {
    Failure::fatal(
        "the statement is not a change of one table's definition",
        "write one ALTER TABLE, CREATE INDEX, DROP INDEX or RENAME TABLE of one table",
    )
}

fn not_selected(table: &TableName) -> Failure {
    Failure::fatal(
        format!("the task does not select table \"{table}\", or the source does not have it"),
        "a change of it does nothing in the destination; name a selected table, with its database where several are selected",
    )
}
