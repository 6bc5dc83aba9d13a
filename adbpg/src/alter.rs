//! What a table has to go through from one schema to the next. Pure: a function of the two schemas, of the origins of the
//! columns and of the dialect.
//!
//! A column is followed by its origin, not by its name, so that a rename is never a drop and an add. The steps are ordered
//! so that no name is taken twice: indexes and keys that go, columns that go, renames (a swap goes by way of a name of its
//! own), columns that come, types, NOT NULL and defaults, keys and indexes that come, comments, and at last the table's own
//! name. Where rows are written anew and nothing else hangs on the table, a new one takes its place (`replace.rs`). The order of columns does not matter in the destination: whoever writes names them.

mod columns;
mod indexes;
mod keys;
mod rename;
mod replace;
mod replaceable;
mod uncastable;

use millrace_model::{Column, PgType, TableName, TableSchema};

use self::columns::Rows;
use crate::cast::{TypeChange, type_change};
use crate::ddl::{LeftOut, Rendered, render_comment};
use crate::dialect::Dialect;
use crate::error::AdbpgError;
use crate::ident::{Ident, QualifiedName};

pub use rename::{name_aside, render_rename};
pub(crate) use replaceable::STATE as GIVEN_MEANWHILE;
pub use replaceable::{Replacing, render_look_again};
pub(crate) use uncastable::STATE as UNCASTABLE;

/// How a table changes.
#[derive(Debug, Clone, Copy)]
pub struct Difference<'s> {
    before: &'s TableSchema<PgType>,
    after: &'s TableSchema<PgType>,
    origins: &'s [Option<usize>],
}

/// What the change does to the table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// The definition alone changes.
    Definition,
    /// Every row is written anew.
    Rewrite,
}

/// How a table whose rows are written anew gets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// By ALTER TABLE: nobody reads the table meanwhile.
    InPlace,
    /// In a new table that takes its place: readers see the old one until then.
    Replacement,
}

/// Who is kept away from a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// All others.
    All,
    /// Those who write.
    Writers,
}

impl<'s> Difference<'s> {
    /// The difference of two schemas; `origins` has the place of the column before that each column after continues.
    pub fn new(
        before: &'s TableSchema<PgType>,
        after: &'s TableSchema<PgType>,
        origins: &'s [Option<usize>],
    ) -> Result<Self, AdbpgError> {
        let fits = origins.len() == after.columns.len()
            && origins.iter().flatten().all(|&origin| origin < before.columns.len());
        match fits {
            true => Ok(Self { before, after, origins }),
            false => Err(AdbpgError::Definition {
                table: after.name.to_string(),
                problem: "the origins of its columns do not fit its schemas".to_owned(),
            }),
        }
    }

    /// Whether rows are written anew.
    pub fn effort(&self) -> Effort {
        let rewrites = |(old, new): (&Column<PgType>, &Column<PgType>)| {
            matches!(type_change(&old.ty, &new.ty), Some(TypeChange::Cast(_)))
        };
        match self.continued().any(rewrites) {
            true => Effort::Rewrite,
            false => Effort::Definition,
        }
    }

    /// Columns that go on, before and after.
    fn continued(&self) -> impl Iterator<Item = (&'s Column<PgType>, &'s Column<PgType>)> {
        let (before, after) = (self.before, self.after);
        let pairs = self.origins.iter().enumerate();
        pairs.filter_map(move |(place, origin)| Some((&before.columns[(*origin)?], &after.columns[place])))
    }

    /// What a column of the schema before is called once the columns have their new names.
    fn name_now(&self, before: usize) -> &'s str {
        let continued = self.origins.iter().position(|origin| *origin == Some(before));
        continued.map_or(&self.before.columns[before].name, |place| &self.after.columns[place].name)
    }

    /// Columns that go.
    fn dropped(&self) -> impl Iterator<Item = &'s Column<PgType>> {
        let columns = self.before.columns.iter().enumerate();
        let origins = self.origins;
        columns.filter(move |(place, _)| !origins.contains(&Some(*place))).map(|(_, column)| column)
    }

    /// Columns that come.
    fn added(&self) -> impl Iterator<Item = &'s Column<PgType>> {
        self.after.columns.iter().zip(self.origins).filter(|(_, origin)| origin.is_none()).map(|(column, _)| column)
    }

    /// Places in the schema before of columns after; none where one is new.
    fn places_before(&self, after: &[usize]) -> Option<Vec<usize>> {
        after.iter().map(|&place| self.origins[place]).collect()
    }

    /// Whether one of these columns of the schema after has another type than before.
    fn is_retyped(&self, after: &[usize]) -> bool {
        after.iter().any(|&place| {
            self.origins[place].is_some_and(|origin| self.before.columns[origin].ty != self.after.columns[place].ty)
        })
    }
}

/// LOCK TABLE for the tables in this order; none where there are none.
pub fn render_lock(tables: &[&TableName], lock: Lock) -> Result<Option<String>, AdbpgError> {
    let names: Result<Vec<String>, AdbpgError> =
        tables.iter().map(|table| Ok(QualifiedName::new(table)?.to_string())).collect();
    let names = names?.join(", ");
    let mode = match lock {
        Lock::All => "ACCESS EXCLUSIVE",
        Lock::Writers => "SHARE ROW EXCLUSIVE",
    };
    Ok((!names.is_empty()).then(|| format!("LOCK TABLE {names} IN {mode} MODE")))
}

/// The statements that change the table, and what of the change does not move. Rows that stay as they are need no other
/// table, whatever the means.
pub fn render_alter(dialect: &Dialect, difference: &Difference<'_>, means: Means) -> Result<Rendered, AdbpgError> {
    let mut left_out = Vec::new();
    let mut statements = match (means, difference.effort()) {
        (Means::Replacement, Effort::Rewrite) => replace::render(dialect, difference, &mut left_out)?,
        _ => render_in_place(dialect, difference, &mut left_out)?,
    };
    if difference.before.name != difference.after.name {
        statements.extend(render_rename(difference.after, &difference.before.name, &difference.after.name)?);
    }
    Ok(Rendered { statements, left_out })
}

fn render_in_place(
    dialect: &Dialect,
    difference: &Difference<'_>,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<String>, AdbpgError> {
    let table = QualifiedName::new(&difference.before.name)?;
    let indexes = indexes::Changes::of(dialect, difference, left_out)?;
    let keys = keys::Changes::of(dialect, difference, left_out)?;
    let mut statements = indexes.render_drops()?;
    statements.extend(keys.render_drops(&table)?);
    statements.extend(columns::render(difference, &table, Rows::There, left_out)?);
    statements.extend(keys.render_adds(&table)?);
    statements.extend(indexes.render_renames()?);
    statements.extend(indexes.render_adds(&table)?);
    statements.extend(render_comments(difference, &table)?);
    Ok(statements)
}

fn render_comments(difference: &Difference<'_>, table: &QualifiedName) -> Result<Vec<String>, AdbpgError> {
    let mut comments = Vec::new();
    if difference.before.comment != difference.after.comment {
        let text = comment_or_null(&difference.after.comment)?;
        comments.push(format!("COMMENT ON TABLE {table} IS {text}"));
    }
    let continued = difference.continued().filter(|(old, new)| old.comment != new.comment).map(|(_, new)| new);
    let added = difference.added().filter(|column| !column.comment.is_empty());
    for column in continued.chain(added) {
        let text = comment_or_null(&column.comment)?;
        comments.push(format!("COMMENT ON COLUMN {table}.{} IS {text}", Ident::new(&column.name)?));
    }
    Ok(comments)
}

fn comment_or_null(text: &str) -> Result<String, AdbpgError> {
    if text.is_empty() { Ok("NULL".to_owned()) } else { render_comment(text) }
}

fn no_cast(difference: &Difference<'_>, old: &Column<PgType>, new: &Column<PgType>) -> AdbpgError {
    AdbpgError::Definition {
        table: difference.after.name.to_string(),
        problem: format!("column \"{}\" cannot go from {} to {}", new.name, old.ty, new.ty),
    }
}
