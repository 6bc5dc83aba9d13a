//! The elements of a table: what stands between the parentheses of CREATE TABLE, and after ADD in ALTER TABLE.

use millrace_model::schema::Uniqueness;

use super::DdlError;
use super::columns::{ColumnDefinition, InlineKey, Place, Reference, read_column, read_reference};
use super::indexes::{Parts, WrittenIndex, read_index, read_parts};
use crate::keys::IndexKind;
use crate::sql_text::{Cursor, Token};

/// Columns, indexes and foreign keys, each in the order in which they stand.
#[derive(Debug, Default)]
pub(super) struct Elements {
    pub(super) columns: Vec<ColumnDefinition>,
    pub(super) indexes: Vec<WrittenIndex>,
    pub(super) references: Vec<(String, Vec<String>, Reference)>,
}

/// Reads all elements up to the end.
pub(super) fn read_elements(place: Place<'_>, cursor: &mut Cursor<'_>) -> Result<Elements, DdlError> {
    let mut elements = Elements::default();
    while !cursor.is_done() {
        let mut symbol = String::new();
        if cursor.take_word("CONSTRAINT") {
            cursor.take_words(&["IF", "NOT", "EXISTS"]);
            if !matches!(&*cursor.word(), "PRIMARY" | "UNIQUE" | "FOREIGN" | "CHECK") {
                symbol = cursor.take_name().unwrap_or_default();
            }
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
                add_inline_keys(place, &definition, &mut elements);
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

/// The keys that a column's definition declares on the way.
pub(super) fn add_inline_keys(place: Place<'_>, definition: &ColumnDefinition, elements: &mut Elements) {
    for key in &definition.keys {
        elements.indexes.push(WrittenIndex {
            name: if *key == InlineKey::Primary { "PRIMARY".into() } else { String::new() },
            uniqueness: Uniqueness::Unique,
            kind: IndexKind::Plain,
            parts: vec![(Some(definition.column.name.to_string()), None)],
            for_foreign_key: false,
        });
    }
    // Before MySQL 9.0, REFERENCES of a column is read and ignored.
    if let Some(reference) = definition.reference.clone()
        && place.context.server_version >= 90_000
    {
        let parts = vec![(Some(definition.column.name.to_string()), None)];
        add_foreign_key(String::new(), String::new(), parts, reference, elements);
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
