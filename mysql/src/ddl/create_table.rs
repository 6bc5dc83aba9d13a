//! CREATE TABLE as MySQL understands it, down to the keys that it adds and the names that it gives.
//!
//! The result is what `information_schema` would say of the table right after the statement: a test runs the same
//! statements on a server and compares. Expressions (of defaults, generated columns and checks) are passed over by their
//! parentheses. `LIKE` and `SELECT` are refused by name: their columns stand elsewhere.

use std::sync::Arc;

use millrace_model::schema::{DefaultValue, Nullability, SourceOnly};
use millrace_model::{Column, MysqlType, TableName};

use super::columns::{ColumnDefinition, Filling, Place};
use super::elements::{Elements, read_elements};
use super::indexes::complete;
use super::options::read_options;
use super::{CreateForm, DdlError, StatementContext};
use crate::column_type::Collations;
use crate::keys::arrange;
use crate::schema::{ForeignKey, SourceTable, place_of};
use crate::sql_text::Cursor;

/// How TIMESTAMP columns without NULL and DEFAULT are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampDefaults {
    /// `explicit_defaults_for_timestamp = ON`: like other columns.
    Explicit,
    /// OFF: NOT NULL; the first has CURRENT_TIMESTAMP as its default, the others zero.
    Implicit,
}

/// What holds where the statement says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateDefaults {
    /// Default character set of the table's database.
    pub charset: Arc<str>,
    /// Default collations of the table's database and of character sets.
    pub collations: Collations,
    /// TIMESTAMP columns.
    pub timestamps: TimestampDefaults,
}

/// Reads a CREATE TABLE with a list of columns. Estimates are 0.
pub fn parse_create_table(
    context: &StatementContext,
    sql: &str,
    defaults: &CreateDefaults,
) -> Result<SourceTable, DdlError> {
    let tokens = context.tokenize(sql)?;
    let mut cursor = Cursor::new(&tokens);
    let expected = |what: &str| DdlError::NotUnderstood { what: what.to_owned() };
    if !cursor.take_word("CREATE") {
        return Err(expected("CREATE TABLE"));
    }
    cursor.take_words(&["OR", "REPLACE"]);
    if !cursor.take_word("TABLE") {
        return Err(expected("CREATE TABLE"));
    }
    cursor.take_words(&["IF", "NOT", "EXISTS"]);
    let name = context.table(&mut cursor)?;
    let mut ahead = cursor;
    let unsupported = |what: &str| DdlError::Unsupported { table: name.clone(), what: what.to_owned() };
    match form(context, &mut ahead)? {
        CreateForm::Columns => {}
        CreateForm::Like(_) => return Err(unsupported("CREATE TABLE ... LIKE")),
        CreateForm::Select => return Err(unsupported("CREATE TABLE ... SELECT")),
    }
    let mut options = cursor;
    options.skip_parentheses();
    let body = cursor.until(&options);
    let mut options = read_options(options);
    if options.names_database_charset() {
        options.charset = None;
    }
    let charset = options.charset.clone().unwrap_or_else(|| defaults.charset.clone());
    let collations = options.collations(&charset, &defaults.collations);
    let place = Place { table: &name, charset: &charset, collations: &collations, context };
    let elements = read_elements(place, &mut Cursor::new(&body[1..body.len() - 1]))?;
    let mut table = assemble(context, &name, elements, defaults, options.comment.unwrap_or_default())?;
    (table.source_only.charset, table.source_only.collation) = (charset.clone(), collations.default.clone());
    Ok(table)
}

/// What a table is made of; the cursor stands after its name.
pub(super) fn form(context: &StatementContext, cursor: &mut Cursor<'_>) -> Result<CreateForm, DdlError> {
    let mut ahead = *cursor;
    ahead.take_symbol('(');
    if ahead.take_word("LIKE") {
        return Ok(CreateForm::Like(context.table(&mut ahead)?));
    }
    if matches!(&*ahead.word(), "SELECT" | "WITH" | "VALUES") || !cursor.skip_parentheses() {
        return Ok(CreateForm::Select);
    }
    while !cursor.is_done() {
        if matches!(&*cursor.word(), "SELECT" | "AS") {
            return Ok(CreateForm::Select);
        }
        let mut inside = *cursor;
        if inside.take_symbol('(') && inside.at_word("SELECT") {
            return Ok(CreateForm::Select);
        }
        if !cursor.skip_parentheses() {
            cursor.advance();
        }
    }
    Ok(CreateForm::Columns)
}

fn assemble(
    context: &StatementContext,
    name: &TableName,
    elements: Elements,
    defaults: &CreateDefaults,
    comment: String,
) -> Result<SourceTable, DdlError> {
    let Elements { columns: definitions, indexes, references } = elements;
    let auto_increment = definitions.iter().position(|definition| definition.filling == Filling::AutoIncrement);
    let mut columns = finish_columns(definitions, defaults);
    for index in indexes.iter().filter(|index| index.name == "PRIMARY") {
        for part in index.parts.iter().filter_map(|(name, _)| name.as_ref()) {
            if let Some(place) = place_of(&columns, part) {
                columns[place].nullability = Nullability::NotNull;
            }
        }
    }
    let definitions = complete(name, &columns, Vec::new(), indexes)?;
    let foreign_keys = references
        .into_iter()
        .map(|(constraint, of, reference)| ForeignKey {
            name: constraint,
            columns: of.iter().filter_map(|column| place_of(&columns, column)).collect(),
            referenced: TableName::new(
                reference.database.map_or_else(|| name.database.clone(), |d| context.fold(d)),
                context.fold(reference.table),
            ),
            referenced_columns: reference.columns.into_iter().map(Into::into).collect(),
            on_delete: reference.on_delete,
            on_update: reference.on_update,
        })
        .collect();
    let keys = arrange(&columns, definitions);
    Ok(SourceTable {
        name: name.clone(),
        columns,
        primary_key: keys.primary_key,
        key: keys.key,
        indexes: keys.indexes,
        left_out: keys.left_out,
        source_only: SourceOnly { auto_increment, indexes: keys.others, ..SourceOnly::default() },
        comment,
        has_other_unique_key: keys.has_other_unique_key,
        foreign_keys,
        estimated_rows: 0,
        estimated_bytes: 0,
    })
}

fn finish_columns(definitions: Vec<ColumnDefinition>, defaults: &CreateDefaults) -> Vec<Column<MysqlType>> {
    let mut timestamps = 0;
    definitions.into_iter().map(|definition| finish_column(definition, defaults.timestamps, &mut timestamps)).collect()
}

/// The column that a definition makes; `timestamps` counts those of the statement.
pub(super) fn finish_column(
    definition: ColumnDefinition,
    defaults: TimestampDefaults,
    timestamps: &mut usize,
) -> Column<MysqlType> {
    let mut column = definition.column;
    if let (MysqlType::Timestamp(digits), TimestampDefaults::Implicit) = (&column.ty, defaults) {
        if !definition.nullability_written {
            column.nullability = Nullability::NotNull;
        }
        if column.nullability == Nullability::NotNull && column.default.is_none() {
            column.default = Some(match timestamps {
                0 => DefaultValue::CurrentTimestamp(*digits),
                _ => DefaultValue::Literal(zero_moment(*digits)),
            });
        }
        *timestamps += 1;
    }
    column
}

fn zero_moment(digits: u8) -> String {
    let fraction = if digits == 0 { String::new() } else { format!(".{}", "0".repeat(usize::from(digits))) };
    format!("0000-00-00 00:00:00{fraction}")
}
