//! Indexes as CREATE TABLE and ALTER TABLE write them, and as the server completes them.

use millrace_model::schema::Uniqueness;
use millrace_model::{Column, MysqlType, TableName};

use super::DdlError;
use super::columns::Place;
use crate::keys::{IndexDefinition, IndexKind, IndexPart};
use crate::schema::place_of;
use crate::sql_text::{Cursor, Token};

/// Columns with the length of their prefix; no name for an expression.
pub(super) type Parts = Vec<(Option<String>, Option<u32>)>;

/// An index before its columns are looked up.
#[derive(Debug, Clone)]
pub(super) struct WrittenIndex {
    /// Empty: MySQL gives it one.
    pub(super) name: String,
    pub(super) uniqueness: Uniqueness,
    pub(super) kind: IndexKind,
    /// Columns with the length of their prefix; no name for an expression.
    pub(super) parts: Parts,
    /// Made by the server for a foreign key; goes where another index does the work.
    pub(super) for_foreign_key: bool,
}

/// Reads an index definition; the cursor stands at its first word.
pub(super) fn read_index(place: Place<'_>, symbol: &str, cursor: &mut Cursor<'_>) -> Result<WrittenIndex, DdlError> {
    let first = cursor.word();
    cursor.advance();
    let primary = first == "PRIMARY";
    if !matches!(&*first, "INDEX" | "KEY") {
        let _ = cursor.take_word("KEY") || cursor.take_word("INDEX");
    }
    cursor.take_words(&["IF", "NOT", "EXISTS"]);
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

/// Reads the columns of an index; none where that is not what is next.
pub(super) fn read_parts(cursor: &mut Cursor<'_>) -> Option<Parts> {
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

/// Adds written indexes to those that a table has: looks columns up, drops the indexes of foreign keys that another index serves, and names the nameless as MySQL does:
/// by their first column, then with `_2`, `_3` and so on.
pub(super) fn complete(
    table: &TableName,
    columns: &[Column<MysqlType>],
    existing: Vec<IndexDefinition>,
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
            && (existing.iter().any(|there| there.parts.starts_with(parts))
                || resolved.iter().enumerate().any(|(other, (_, longer))| {
                    other != at
                        && longer.starts_with(parts)
                        && (!resolved[other].0.for_foreign_key || longer.len() > parts.len() || other < at)
                }))
    };
    let dropped: Vec<bool> = (0..resolved.len()).map(serves).collect();
    let mut definitions = existing;
    for ((index, parts), dropped) in resolved.into_iter().zip(dropped) {
        if dropped {
            continue;
        }
        let name = if index.name.is_empty() { free_name(columns, &parts, &definitions) } else { index.name };
        definitions.push(IndexDefinition { name: name.into(), uniqueness: index.uniqueness, kind: index.kind, parts });
    }
    Ok(definitions)
}

/// The part that a written one is; an error where its column is not there.
fn resolve_part(
    table: &TableName,
    columns: &[Column<MysqlType>],
    (name, length): &(Option<String>, Option<u32>),
) -> Result<IndexPart, DdlError> {
    let Some(name) = name else { return Ok(IndexPart::Expression) };
    let place = place_of(columns, name)
        .ok_or_else(|| DdlError::NotUnderstood { what: format!("column \"{name}\" of an index of \"{table}\"") })?;
    let whole = match (&columns[place].ty, length) {
        (_, None) => true,
        (MysqlType::Char { length: all, .. } | MysqlType::Varchar { length: all, .. }, Some(part)) => part >= all,
        (MysqlType::Binary(all) | MysqlType::Varbinary(all), Some(part)) => part >= all,
        _ => false,
    };
    Ok(if whole { IndexPart::Column(place) } else { IndexPart::Prefix(place) })
}

/// The name that the server gives an index without one.
fn free_name(columns: &[Column<MysqlType>], parts: &[IndexPart], taken: &[IndexDefinition]) -> String {
    let base = match parts.first() {
        Some(IndexPart::Column(place) | IndexPart::Prefix(place)) => columns[*place].name.to_string(),
        _ => "functional_index".to_owned(),
    };
    let free = |name: &str| {
        !name.eq_ignore_ascii_case("PRIMARY") && taken.iter().all(|index| !index.name.eq_ignore_ascii_case(name))
    };
    if free(&base) {
        return base;
    }
    (2u32..).map(|n| format!("{base}_{n}")).find(|name| free(name)).unwrap_or(base)
}
