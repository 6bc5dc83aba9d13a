//! CREATE TABLE as MySQL understands it, down to the keys that it adds and the names that it gives.
//!
//! The result is what `information_schema` would say of the table right after the statement: a test runs the same
//! statements on a server and compares. Expressions (of defaults, generated columns and checks) are passed over by their
//! parentheses. `LIKE` and `SELECT` are refused by name: their columns stand elsewhere.

use std::sync::Arc;

use millrace_model::schema::{DefaultValue, Nullability, Uniqueness};
use millrace_model::{Column, MysqlType, TableName};

use super::columns::{ColumnDefinition, InlineKey, Place, Reference, read_column, read_reference};
use super::index_parts::{free_name, resolve_part};
use super::{CreateForm, DdlError, StatementContext};
use crate::column_type::{Collations, charset_name, charset_of_collation, collation_name};
use crate::keys::{IndexDefinition, IndexKind, arrange};
use crate::schema::{ForeignKey, SourceTable, place_of};
use crate::sql_text::{Cursor, Token};

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
    let options = read_options(options);
    let charset = options.charset.clone().unwrap_or_else(|| defaults.charset.clone());
    let collations = options.collations(&charset, &defaults.collations);
    let place = Place { table: &name, charset: &charset, collations: &collations, context };
    let elements = read_elements(place, &mut Cursor::new(&body[1..body.len() - 1]))?;
    assemble(context, &name, elements, defaults, options.comment)
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

struct Options {
    charset: Option<Arc<str>>,
    collation: Option<Arc<str>>,
    comment: String,
}

impl Options {
    /// The collations of the table's columns, `charset` being its character set.
    fn collations(&self, charset: &str, database: &Collations) -> Collations {
        let of_charset = || database.of_charset.get(charset).cloned().unwrap_or_else(|| "".into());
        let default = match (&self.collation, &self.charset) {
            (Some(collation), _) => collation.clone(),
            (None, Some(_)) => of_charset(),
            (None, None) => database.default.clone(),
        };
        Collations { default, of_charset: database.of_charset.clone() }
    }
}

fn read_options(mut cursor: Cursor<'_>) -> Options {
    let mut options = Options { charset: None, collation: None, comment: String::new() };
    let mut of_collation = None;
    while !cursor.is_done() && !cursor.at_word("PARTITION") {
        if cursor.take_word("CHARSET")
            || cursor.take_words(&["CHARACTER", "SET"])
            || cursor.take_words(&["CHAR", "SET"])
        {
            cursor.take_symbol('=');
            options.charset = cursor.take_name().map(|name| charset_name(&name));
        } else if cursor.take_word("COLLATE") {
            cursor.take_symbol('=');
            let name = cursor.take_name();
            of_collation = name.as_deref().and_then(charset_of_collation);
            options.collation = name.as_deref().map(collation_name);
        } else if cursor.take_word("COMMENT") {
            cursor.take_symbol('=');
            options.comment = cursor.take_name().unwrap_or_default();
        } else if !cursor.skip_parentheses() {
            cursor.advance();
        }
    }
    options.charset = options.charset.filter(|name| &**name != "default").or(of_collation);
    options
}

/// An index before its columns are looked up.
struct WrittenIndex {
    /// Empty: MySQL gives it one.
    name: String,
    uniqueness: Uniqueness,
    kind: IndexKind,
    /// Columns with the length of their prefix; no name for an expression.
    parts: Parts,
    /// Made by the server for a foreign key; goes where another index does the work.
    for_foreign_key: bool,
}

#[derive(Default)]
struct Elements {
    columns: Vec<ColumnDefinition>,
    indexes: Vec<WrittenIndex>,
    references: Vec<(String, Vec<String>, Reference)>,
}

fn read_elements(place: Place<'_>, cursor: &mut Cursor<'_>) -> Result<Elements, DdlError> {
    let mut elements = Elements::default();
    while !cursor.is_done() {
        let mut symbol = String::new();
        if cursor.take_word("CONSTRAINT") && !matches!(&*cursor.word(), "PRIMARY" | "UNIQUE" | "FOREIGN" | "CHECK") {
            symbol = cursor.take_name().unwrap_or_default();
        }
        match &*cursor.word() {
            "PRIMARY" | "UNIQUE" | "INDEX" | "KEY" | "FULLTEXT" | "SPATIAL" => {
                elements.indexes.push(read_index(place, &symbol, cursor)?);
            }
            "VECTOR" if matches!(cursor.peek_at(1), Some(Token::Word(w)) if w.eq_ignore_ascii_case("INDEX")) => {
                elements.indexes.push(read_index(place, &symbol, cursor)?);
            }
            "FOREIGN" => read_foreign_key(place, symbol, cursor, &mut elements)?,
            // What is left of the element is skipped below.
            "CHECK" => {}
            "PERIOD" if matches!(cursor.peek_at(1), Some(Token::Word(w)) if w.eq_ignore_ascii_case("FOR")) => {
                let what = "PERIOD FOR".to_owned();
                return Err(DdlError::Unsupported { table: place.table.clone(), what });
            }
            _ => {
                let definition = read_column(place, cursor)?;
                add_inline_keys(&definition, &mut elements);
                // Before MySQL 9.0, REFERENCES of a column is read and ignored.
                if let Some(reference) = definition.reference.clone()
                    && place.context.server_version >= 90_000
                {
                    let parts = vec![(Some(definition.column.name.to_string()), None)];
                    add_foreign_key(String::new(), String::new(), parts, reference, &mut elements);
                }
                elements.columns.push(definition);
            }
        }
        // What is left of the element are options of indexes and checks.
        while !cursor.is_done() && !cursor.take_symbol(',') {
            if !cursor.skip_parentheses() {
                cursor.advance();
            }
        }
    }
    Ok(elements)
}

fn add_inline_keys(definition: &ColumnDefinition, elements: &mut Elements) {
    for key in &definition.keys {
        elements.indexes.push(WrittenIndex {
            name: if *key == InlineKey::Primary { "PRIMARY".into() } else { String::new() },
            uniqueness: Uniqueness::Unique,
            kind: IndexKind::Plain,
            parts: vec![(Some(definition.column.name.to_string()), None)],
            for_foreign_key: false,
        });
    }
}

fn read_index(place: Place<'_>, symbol: &str, cursor: &mut Cursor<'_>) -> Result<WrittenIndex, DdlError> {
    let first = cursor.word();
    cursor.advance();
    let primary = first == "PRIMARY";
    if !matches!(&*first, "INDEX" | "KEY") {
        let _ = cursor.take_word("KEY") || cursor.take_word("INDEX");
    }
    let mut name = symbol.to_owned();
    if !matches!(cursor.peek(), Some(Token::Symbol('('))) && !cursor.at_word("USING") && !cursor.at_word("TYPE") {
        name = cursor.take_name().unwrap_or_default();
    }
    if cursor.take_word("USING") || cursor.take_word("TYPE") {
        cursor.advance();
    }
    let parts = read_parts(cursor)
        .ok_or_else(|| DdlError::NotUnderstood { what: format!("the columns of an index of \"{}\"", place.table) })?;
    Ok(WrittenIndex {
        name: if primary { "PRIMARY".into() } else { name },
        uniqueness: if primary || first == "UNIQUE" { Uniqueness::Unique } else { Uniqueness::NonUnique },
        kind: match &*first {
            "FULLTEXT" => IndexKind::FullText,
            "SPATIAL" => IndexKind::Spatial,
            "VECTOR" => IndexKind::Vector,
            _ => IndexKind::Plain,
        },
        parts,
        for_foreign_key: false,
    })
}

fn read_parts(cursor: &mut Cursor<'_>) -> Option<Parts> {
    if !cursor.take_symbol('(') {
        return None;
    }
    let mut parts = Vec::new();
    loop {
        if cursor.skip_parentheses() {
            parts.push((None, None));
        } else {
            let name = cursor.take_name()?;
            let mut length = None;
            if cursor.take_symbol('(') {
                if let Some(Token::Number(digits)) = cursor.advance() {
                    length = digits.parse().ok();
                }
                cursor.take_symbol(')');
            }
            parts.push((Some(name), length));
        }
        let _ = cursor.take_word("ASC") || cursor.take_word("DESC");
        if cursor.take_symbol(')') {
            return Some(parts);
        }
        if !cursor.take_symbol(',') {
            return None;
        }
    }
}

fn read_foreign_key(
    place: Place<'_>,
    symbol: String,
    cursor: &mut Cursor<'_>,
    elements: &mut Elements,
) -> Result<(), DdlError> {
    let expected = || DdlError::NotUnderstood { what: format!("a foreign key of \"{}\"", place.table) };
    cursor.take_words(&["FOREIGN", "KEY"]);
    cursor.take_words(&["IF", "NOT", "EXISTS"]);
    let index_name = match cursor.peek() {
        Some(Token::Symbol('(')) => String::new(),
        _ => cursor.take_name().unwrap_or_default(),
    };
    let parts = read_parts(cursor).ok_or_else(expected)?;
    if !cursor.take_word("REFERENCES") {
        return Err(expected());
    }
    let reference = read_reference(cursor)?;
    add_foreign_key(symbol, index_name, parts, reference, elements);
    Ok(())
}

type Parts = Vec<(Option<String>, Option<u32>)>;

/// The constraint, and the index that the server makes for it unless another serves.
fn add_foreign_key(symbol: String, index_name: String, parts: Parts, reference: Reference, elements: &mut Elements) {
    let columns = parts.iter().filter_map(|(name, _)| name.clone()).collect();
    let name = if symbol.is_empty() { index_name } else { symbol };
    elements.indexes.push(WrittenIndex {
        name: name.clone(),
        uniqueness: Uniqueness::NonUnique,
        kind: IndexKind::Plain,
        parts,
        for_foreign_key: true,
    });
    elements.references.push((name, columns, reference));
}

fn assemble(
    context: &StatementContext,
    name: &TableName,
    elements: Elements,
    defaults: &CreateDefaults,
    comment: String,
) -> Result<SourceTable, DdlError> {
    let Elements { columns: definitions, indexes, references } = elements;
    let mut columns = finish_columns(definitions, defaults);
    for index in indexes.iter().filter(|index| index.name == "PRIMARY") {
        for part in index.parts.iter().filter_map(|(name, _)| name.as_ref()) {
            if let Some(place) = place_of(&columns, part) {
                columns[place].nullability = Nullability::NotNull;
            }
        }
    }
    let definitions = name_indexes(name, &columns, indexes)?;
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
        comment,
        has_other_unique_key: keys.has_other_unique_key,
        foreign_keys,
        estimated_rows: 0,
        estimated_bytes: 0,
    })
}

fn finish_columns(definitions: Vec<ColumnDefinition>, defaults: &CreateDefaults) -> Vec<Column<MysqlType>> {
    let mut first_timestamp = true;
    let mut columns = Vec::with_capacity(definitions.len());
    for definition in definitions {
        let mut column = definition.column;
        if let (MysqlType::Timestamp(digits), TimestampDefaults::Implicit) = (&column.ty, defaults.timestamps) {
            if !definition.nullability_written {
                column.nullability = Nullability::NotNull;
            }
            if column.nullability == Nullability::NotNull && column.default.is_none() {
                column.default = Some(match first_timestamp {
                    true => DefaultValue::CurrentTimestamp(*digits),
                    false => DefaultValue::Literal(zero_moment(*digits)),
                });
            }
            first_timestamp = false;
        }
        columns.push(column);
    }
    columns
}

fn zero_moment(digits: u8) -> String {
    let fraction = if digits == 0 { String::new() } else { format!(".{}", "0".repeat(usize::from(digits))) };
    format!("0000-00-00 00:00:00{fraction}")
}

/// Looks columns up, drops the indexes of foreign keys that another index serves, and names the nameless as MySQL does:
/// by their first column, then with `_2`, `_3` and so on.
fn name_indexes(
    table: &TableName,
    columns: &[Column<MysqlType>],
    written: Vec<WrittenIndex>,
) -> Result<Vec<IndexDefinition>, DdlError> {
    let mut resolved = Vec::with_capacity(written.len());
    for index in written {
        let parts = index.parts.iter().map(|part| resolve_part(table, columns, part)).collect::<Result<Vec<_>, _>>()?;
        resolved.push((index, parts));
    }
    let serves = |at: usize| {
        let (index, parts) = &resolved[at];
        index.for_foreign_key
            && resolved.iter().enumerate().any(|(other, (_, longer))| {
                other != at
                    && longer.starts_with(parts)
                    && (!resolved[other].0.for_foreign_key || longer.len() > parts.len() || other < at)
            })
    };
    let dropped: Vec<bool> = (0..resolved.len()).map(serves).collect();
    let mut definitions: Vec<IndexDefinition> = Vec::new();
    for ((index, parts), dropped) in resolved.into_iter().zip(dropped) {
        if dropped {
            continue;
        }
        let name = if index.name.is_empty() { free_name(columns, &parts, &definitions) } else { index.name };
        definitions.push(IndexDefinition { name: name.into(), uniqueness: index.uniqueness, kind: index.kind, parts });
    }
    Ok(definitions)
}
