//! What a table is after ALTER TABLE, CREATE INDEX or DROP INDEX: the definition before and the statement decide.
//!
//! The order of work is the server's (`mysql_prepare_alter_table` in `sql/sql_table.cc`): the old columns in their order,
//! dropped, changed or kept; then added and moved columns in the order of the statement, placed by names that hold after
//! it; then the old indexes, without dropped columns; then the new ones. A test runs the same statements on a server and
//! compares.

use millrace_model::schema::{DefaultValue, Nullability, SourceOnly, Uniqueness};
use millrace_model::{Column, MysqlType, TableName, TableSchema};

use super::actions::{Action, Otherwise, Position, read_actions};
use super::charset_change::convert;
use super::columns::{ColumnDefinition, Filling, Place};
use super::create_table::finish_column;
use super::indexes::{WrittenIndex, complete};
use super::options::TableOptions;
use super::rows_after::{Ending, RowsAfter, rows_after};
use super::{CreateDefaults, DdlError, StatementContext};
use crate::column_default::read_set_default;
use crate::column_type::Collations;
use crate::keys::{IndexDefinition, IndexKind, IndexPart, arrange};
use crate::schema::{SourceTable, place_of};
use crate::sql_text::Cursor;

/// A table after a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evolution {
    /// The table, under its name before. Foreign keys and estimates are left empty.
    pub table: SourceTable,
    /// For each column, the place of the column before that it continues; none for a new one.
    pub origins: Vec<Option<usize>>,
    /// What is known of the rows that were there before.
    pub rows: RowsAfter,
}

/// A table before a statement.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// As it travels.
    pub schema: &'a TableSchema<MysqlType>,
    /// What else counts.
    pub source_only: &'a SourceOnly,
}

/// The table after ALTER TABLE, CREATE INDEX or DROP INDEX on it. A RENAME among the actions is left to
/// [`super::classify`].
pub fn evolve(
    context: &StatementContext,
    sql: &str,
    before: Before<'_>,
    defaults: &CreateDefaults,
) -> Result<Evolution, DdlError> {
    let tokens = context.tokenize(sql)?;
    let mut cursor = Cursor::new(&tokens);
    let verb = cursor.word();
    cursor.advance();
    let name = &before.schema.name;
    let (charset, collation) = (&before.source_only.charset, before.source_only.collation.clone());
    let collations = Collations { default: collation, of_charset: defaults.collations.of_charset.clone() };
    let place = Place { table: name, charset, collations: &collations, context };
    let mut actions = read_actions(place, &verb, &mut cursor.clone())?;
    let options = charset_of(name, &actions)?;
    let charset = options.charset.clone().unwrap_or_else(|| charset.clone());
    let collations = options.collations(&charset, &collations);
    if options.charset.is_some() {
        // Columns that are defined beside it take it, wherever it stands.
        let place = Place { table: name, charset: &charset, collations: &collations, context };
        actions = read_actions(place, &verb, &mut cursor)?;
    }
    let mut draft = Draft::new(before, actions);
    draft.place_columns(defaults)?;
    if draft.actions.iter().any(|action| matches!(action, Action::Convert(_))) {
        draft.columns.iter_mut().for_each(|drafted| convert(&mut drafted.column, &charset, &collations.default));
    }
    let definitions = draft.indexes()?;
    let comment = draft.comment();
    let table = draft.table(definitions, comment, charset, collations.default);
    let endings = draft.endings(&table);
    let rows = rows_after(before.schema, &table, &endings, context.sql_mode, draft.is_lossy());
    Ok(Evolution { origins: draft.columns.iter().map(|drafted| drafted.origin).collect(), table, rows })
}

/// The table as it stands, in the form in which statements and the catalogue give it, under another name or its own.
pub fn restate(before: Before<'_>, name: TableName) -> SourceTable {
    let mut draft = Draft::new(before, Vec::new());
    let columns = before.schema.columns.iter().enumerate();
    draft.columns = columns.map(|(at, column)| Drafted::kept(at, column)).collect();
    let SourceOnly { charset, collation, .. } = before.source_only.clone();
    let table = draft.table(old_indexes(before), before.schema.comment.clone(), charset, collation);
    SourceTable { name, ..table }
}

/// The last default character set that the actions name.
fn charset_of(table: &TableName, actions: &[Action]) -> Result<TableOptions, DdlError> {
    let mut found = TableOptions::default();
    for action in actions {
        let (Action::Options(options) | Action::Convert(options)) = action else { continue };
        if options.names_database_charset() {
            let what = "CHARACTER SET DEFAULT in ALTER TABLE".to_owned();
            return Err(DdlError::Unsupported { table: table.clone(), what });
        }
        if options.charset.is_some() || options.collation.is_some() {
            found = options.clone();
        }
    }
    Ok(found)
}

/// A column on its way.
#[derive(Clone)]
struct Drafted {
    column: Column<MysqlType>,
    /// Its place before.
    origin: Option<usize>,
    /// Of the definition that the statement gives, if it gives one.
    filling: Option<Filling>,
}

struct Draft<'a> {
    before: Before<'a>,
    actions: Vec<Action>,
    columns: Vec<Drafted>,
}

impl<'a> Draft<'a> {
    fn new(before: Before<'a>, actions: Vec<Action>) -> Self {
        Self { before, actions, columns: Vec::new() }
    }

    fn disagrees(&self, what: String) -> DdlError {
        DdlError::Disagrees { table: self.before.schema.name.clone(), what }
    }

    /// The place before of a column that an action names; none where it may be missing and is.
    fn old(&self, name: &str, otherwise: Otherwise) -> Result<Option<usize>, DdlError> {
        match (place_of(&self.before.schema.columns, name), otherwise) {
            (None, Otherwise::Wrong) => Err(self.disagrees(format!("it has no column \"{name}\""))),
            (place, _) => Ok(place),
        }
    }

    fn place_columns(&mut self, defaults: &CreateDefaults) -> Result<(), DdlError> {
        let actions = std::mem::take(&mut self.actions);
        let mut kept: Vec<Option<Drafted>> =
            self.before.schema.columns.iter().enumerate().map(|(at, column)| Some(Drafted::kept(at, column))).collect();
        let mut placed = Vec::new();
        let mut timestamps = 0;
        let mut finish = |definition: &ColumnDefinition, origin: Option<usize>| {
            let column = finish_column(definition.clone(), defaults.timestamps, &mut timestamps);
            Drafted { column, origin, filling: Some(definition.filling) }
        };
        for action in &actions {
            match action {
                Action::ChangeColumn(name, definition, position, otherwise) => {
                    let Some(at) = self.old(name, *otherwise)? else { continue };
                    let drafted = finish(definition, Some(at));
                    // One that moves stays in its place, for others to stand after, until its turn.
                    if *position != Position::AsIs {
                        placed.push((drafted.clone(), position));
                    }
                    kept[at] = Some(drafted);
                }
                Action::AddColumn(definition, position, otherwise) => {
                    let exists = place_of(&self.before.schema.columns, &definition.column.name).is_some();
                    if !exists || *otherwise == Otherwise::Wrong {
                        placed.push((finish(definition, None), position));
                    }
                }
                _ => self.change_kept(&mut kept, action)?,
            }
        }
        self.columns = kept.into_iter().flatten().collect();
        for (drafted, position) in placed {
            self.columns.retain(|column| drafted.origin.is_none() || column.origin != drafted.origin);
            self.put(drafted, position)?;
        }
        self.actions = actions;
        self.ensure_names_differ()
    }

    /// Actions on columns that stay where they are.
    fn change_kept(&self, kept: &mut [Option<Drafted>], action: &Action) -> Result<(), DdlError> {
        let (Action::DropColumn(name, otherwise)
        | Action::RenameColumn(name, _, otherwise)
        | Action::ColumnDefault(name, _, otherwise)) = action
        else {
            return Ok(());
        };
        let Some(at) = self.old(name, *otherwise)? else { return Ok(()) };
        match (action, &mut kept[at]) {
            (Action::RenameColumn(_, to, _), Some(drafted)) => drafted.column.name = to.as_str().into(),
            (Action::ColumnDefault(_, tokens, _), Some(Drafted { column, .. })) => {
                let read = |tokens: &Vec<_>| read_set_default(tokens, &column.ty);
                let default = tokens.as_ref().map_or(Ok(None), read);
                let default = default.map_err(|what| self.disagrees(format!("default {what}")))?;
                column.default = default.filter(|default| self.takes(at, default));
            }
            (Action::DropColumn(..), place) => *place = None,
            _ => {}
        }
        Ok(())
    }

    /// Whether ALTER COLUMN SET DEFAULT gives a column this default: one that is numbered takes none, and one of the primary
    /// key no expression (seen on MySQL 9.7), and the server says nothing.
    fn takes(&self, at: usize, default: &DefaultValue) -> bool {
        let Before { schema, source_only } = self.before;
        let is_expression = matches!(default, DefaultValue::Expression(_));
        source_only.auto_increment != Some(at) && !(is_expression && schema.primary_key.contains(&at))
    }

    fn put(&mut self, drafted: Drafted, position: &Position) -> Result<(), DdlError> {
        let at = match position {
            Position::AsIs => self.columns.len(),
            Position::First => 0,
            Position::After(name) => match self.place(name) {
                Some(at) => at + 1,
                None => return Err(self.disagrees(format!("it has no column \"{name}\" after which one could stand"))),
            },
        };
        self.columns.insert(at, drafted);
        Ok(())
    }

    fn place(&self, name: &str) -> Option<usize> {
        let folded = name.to_lowercase();
        self.columns.iter().position(|drafted| drafted.column.name.to_lowercase() == folded)
    }

    fn ensure_names_differ(&self) -> Result<(), DdlError> {
        for (at, drafted) in self.columns.iter().enumerate() {
            if self.place(&drafted.column.name) != Some(at) {
                return Err(self.disagrees(format!("it would have column \"{}\" twice", drafted.column.name)));
            }
        }
        if self.columns.is_empty() { Err(self.disagrees("no column would be left".into())) } else { Ok(()) }
    }

    /// The indexes after the statement; the columns are placed.
    fn indexes(&mut self) -> Result<Vec<IndexDefinition>, DdlError> {
        let mut old = old_indexes(self.before);
        let mut written: Vec<WrittenIndex> = Vec::new();
        let find = |old: &[IndexDefinition], name: &str| old.iter().position(|i| i.name.eq_ignore_ascii_case(name));
        let missing = |name: &str| self.disagrees(format!("it has no index \"{name}\""));
        let mut renamed = Vec::new();
        for action in &self.actions {
            match action {
                Action::DropIndex(name, otherwise) => match (find(&old, name), otherwise) {
                    (Some(at), _) => drop(old.remove(at)),
                    (None, Otherwise::Nothing) => {}
                    (None, Otherwise::Wrong) => return Err(missing(name)),
                },
                Action::DropConstraint(name) => {
                    if let Some(at) = find(&old, name)
                        && old[at].uniqueness == Uniqueness::Unique
                    {
                        old.remove(at);
                    }
                }
                Action::RenameIndex(from, to, otherwise) => match (find(&old, from), otherwise) {
                    (Some(at), _) => renamed.push((old[at].name.clone(), to)),
                    (None, Otherwise::Nothing) => {}
                    (None, Otherwise::Wrong) => return Err(missing(from)),
                },
                Action::AddIndex(index, otherwise) => {
                    let exists = !index.name.is_empty() && find(&old, &index.name).is_some();
                    if !(exists && *otherwise == Otherwise::Nothing) {
                        written.push(index.clone());
                    }
                }
                _ => {}
            }
        }
        let new_name = |name: &str| renamed.iter().find(|(from, _)| **from == *name).map(|(_, to)| to.as_str().into());
        old.iter_mut().for_each(|index| index.name = new_name(&index.name).unwrap_or_else(|| index.name.clone()));
        let kept = old.into_iter().filter_map(|index| self.moved(index)).collect();
        let columns: Vec<_> = self.columns.iter().map(|drafted| drafted.column.clone()).collect();
        let definitions = complete(&self.before.schema.name, &columns, kept, written)?;
        for primary in definitions.iter().filter(|index| &*index.name == "PRIMARY") {
            for part in &primary.parts {
                if let IndexPart::Column(at) | IndexPart::Prefix(at) = part {
                    self.columns[*at].column.nullability = Nullability::NotNull;
                }
            }
        }
        Ok(definitions)
    }

    /// An old index over the columns as they are placed now; none where no part is left. The server finds them by their
    /// names before, so that a column which is dropped and added in one statement stays in its indexes.
    fn moved(&self, mut index: IndexDefinition) -> Option<IndexDefinition> {
        let old = &self.before.schema.columns;
        let name = |drafted: &Drafted| drafted.origin.map_or(&drafted.column.name, |at| &old[at].name).to_lowercase();
        let now = |at: usize| self.columns.iter().position(|drafted| name(drafted) == old[at].name.to_lowercase());
        let is_whole =
            |from: usize, to: usize| self.columns[to].origin.is_some() || self.columns[to].column.ty == old[from].ty;
        index.parts = index
            .parts
            .iter()
            .filter_map(|part| match part {
                IndexPart::Column(at) => now(*at).map(|to| match is_whole(*at, to) {
                    true => IndexPart::Column(to),
                    false => IndexPart::Prefix(to),
                }),
                IndexPart::Prefix(at) => now(*at).map(IndexPart::Prefix),
                IndexPart::Expression => Some(IndexPart::Expression),
            })
            .collect();
        (!index.parts.is_empty()).then_some(index)
    }

    fn comment(&self) -> String {
        let written = self.actions.iter().rev().find_map(|action| match action {
            Action::Options(options) => options.comment.clone(),
            _ => None,
        });
        written.unwrap_or_else(|| self.before.schema.comment.clone())
    }

    fn table(
        &self,
        definitions: Vec<IndexDefinition>,
        comment: String,
        charset: std::sync::Arc<str>,
        collation: std::sync::Arc<str>,
    ) -> SourceTable {
        let columns: Vec<_> = self.columns.iter().map(|drafted| drafted.column.clone()).collect();
        let was_automatic = |drafted: &Drafted| {
            drafted.filling.is_none()
                && drafted.origin.is_some()
                && drafted.origin == self.before.source_only.auto_increment
        };
        let auto_increment = self
            .columns
            .iter()
            .position(|drafted| drafted.filling == Some(Filling::AutoIncrement) || was_automatic(drafted));
        let keys = arrange(&columns, definitions);
        SourceTable {
            name: self.before.schema.name.clone(),
            columns,
            primary_key: keys.primary_key,
            key: keys.key,
            indexes: keys.indexes,
            left_out: keys.left_out,
            source_only: SourceOnly { charset, collation, auto_increment, indexes: keys.others },
            comment,
            has_other_unique_key: keys.has_other_unique_key,
            foreign_keys: Vec::new(),
            estimated_rows: 0,
            estimated_bytes: 0,
        }
    }

    /// How each column's values came to be.
    fn endings(&self, table: &SourceTable) -> Vec<Ending> {
        let was_automatic = self.before.source_only.auto_increment;
        self.columns
            .iter()
            .enumerate()
            .map(|(at, drafted)| {
                let becomes_automatic = table.source_only.auto_increment == Some(at) && was_automatic != drafted.origin;
                match (drafted.origin, drafted.filling) {
                    (_, Some(Filling::Generated))
                    | (Some(_), Some(Filling::Rounded))
                    | (None, Some(Filling::Converted)) => Ending::Computed,
                    _ if becomes_automatic => Ending::Computed,
                    (None, _) => Ending::New,
                    (Some(old), _) => Ending::Continued(old),
                }
            })
            .collect()
    }

    /// Whether the server may have left rows out.
    fn is_lossy(&self) -> super::rows_after::Loss {
        let ignores = self.actions.iter().any(|action| matches!(action, Action::Ignore));
        if ignores { super::rows_after::Loss::Possible } else { super::rows_after::Loss::None }
    }
}

impl Drafted {
    fn kept(at: usize, column: &Column<MysqlType>) -> Self {
        Self { column: column.clone(), origin: Some(at), filling: None }
    }
}

/// All indexes of a table, those that are not carried among them.
fn old_indexes(before: Before<'_>) -> Vec<IndexDefinition> {
    let plain = |name: &str, columns: &[usize], uniqueness| IndexDefinition {
        name: name.into(),
        uniqueness,
        kind: IndexKind::Plain,
        parts: columns.iter().map(|&at| IndexPart::Column(at)).collect(),
    };
    let schema = before.schema;
    let primary = (!schema.primary_key.is_empty()).then(|| plain("PRIMARY", &schema.primary_key, Uniqueness::Unique));
    let carried = schema.indexes.iter().map(|index| plain(&index.name, &index.columns, index.uniqueness));
    let others = before.source_only.indexes.iter().map(|other| IndexDefinition {
        name: other.name.clone(),
        uniqueness: other.uniqueness,
        kind: IndexKind::Plain,
        // A part that is not over a whole column stays one that is not.
        parts: other.columns.iter().map(|at| at.map_or(IndexPart::Expression, IndexPart::Prefix)).collect(),
    });
    primary.into_iter().chain(carried).chain(others).collect()
}
