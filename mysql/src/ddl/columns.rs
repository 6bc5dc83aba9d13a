//! One column definition of CREATE TABLE.

use millrace_model::schema::{DefaultValue, Nullability};
use millrace_model::{Column, MysqlType, TableName};

use super::written_default::is_stored_as_written;
use super::{DdlError, StatementContext};
use crate::column_default::{read_current_timestamp, read_default};
use crate::column_type::{Collations, WrittenType, read_type};
use crate::schema::ReferenceAction;
use crate::sql_text::{Cursor, Token};

/// A key that a column's definition declares on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InlineKey {
    Primary,
    Unique,
}

/// `REFERENCES table (columns) ...`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) database: Option<String>,
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    pub(super) on_delete: ReferenceAction,
    pub(super) on_update: ReferenceAction,
}

/// What a column holds in a row that says nothing of it, besides its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filling {
    /// Nothing else.
    Default,
    /// What the server makes of a default that is written in another form than it is stored in.
    Converted,
    /// AUTO_INCREMENT.
    AutoIncrement,
    /// The value of an expression over the row.
    Generated,
    /// Rounded to some digits: `FLOAT(10,3)`, whose type does not say so.
    Rounded,
}

/// A column as defined.
#[derive(Debug, Clone)]
pub(super) struct ColumnDefinition {
    pub(super) column: Column<MysqlType>,
    pub(super) keys: Vec<InlineKey>,
    pub(super) reference: Option<Reference>,
    /// NULL or NOT NULL was written.
    pub(super) nullability_written: bool,
    pub(super) filling: Filling,
}

/// Where a column definition stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) table: &'a TableName,
    pub(super) charset: &'a str,
    pub(super) collations: &'a Collations,
    pub(super) context: &'a StatementContext,
}

impl Place<'_> {
    fn not_understood(&self, column: &str, cursor: &Cursor<'_>) -> DdlError {
        let next =
            cursor.peek().map_or("nothing".to_owned(), |token| crate::sql_text::render(std::slice::from_ref(token)));
        DdlError::NotUnderstood { what: format!("an attribute of column \"{}.{column}\" before {next}", self.table) }
    }
}

struct Attributes {
    nullability: Option<Nullability>,
    default: Option<DefaultValue>,
    comment: String,
    keys: Vec<InlineKey>,
    reference: Option<Reference>,
    filling: Filling,
}

/// Reads a definition up to what follows it.
pub(super) fn read_column(place: Place<'_>, cursor: &mut Cursor<'_>) -> Result<ColumnDefinition, DdlError> {
    let name = cursor
        .take_name()
        .ok_or_else(|| DdlError::NotUnderstood { what: format!("a column's name in \"{}\"", place.table) })?;
    let unknown = |ty: String| DdlError::UnknownType { table: place.table.clone(), column: name.clone(), ty };
    let mut written = read_type(cursor, place.context.sql_mode).map_err(unknown)?;
    let mut attributes = Attributes {
        nullability: None,
        default: None,
        comment: String::new(),
        keys: Vec::new(),
        reference: None,
        filling: Filling::Default,
    };
    if written.serial {
        (attributes.filling, attributes.keys) = (Filling::AutoIncrement, vec![InlineKey::Unique]);
    }
    while !is_after_definition(cursor) {
        read_attribute(place, &name, cursor, &mut written, &mut attributes)?;
    }
    let ty = written.resolve(place.charset).ok_or_else(|| unknown("?".into()))?;
    let nullability = match attributes.nullability {
        _ if attributes.filling == Filling::AutoIncrement || attributes.keys.contains(&InlineKey::Primary) => {
            Nullability::NotNull
        }
        Some(written) => written,
        None => Nullability::Nullable,
    };
    if matches!(attributes.filling, Filling::Default | Filling::Converted) && written.is_rounded() {
        attributes.filling = Filling::Rounded;
    }
    let Attributes { default, comment, keys, reference, filling, .. } = attributes;
    let nullability_written = attributes.nullability.is_some();
    let collation = written.collation(&ty, place.charset, place.collations);
    let column = Column { name: name.into(), ty, nullability, default, comment, collation };
    Ok(ColumnDefinition { column, keys, reference, nullability_written, filling })
}

/// Whether a column's definition ends here: before the next element, its position, or the partitions of ALTER TABLE.
fn is_after_definition(cursor: &Cursor<'_>) -> bool {
    cursor.is_done()
        || cursor.peek() == Some(&Token::Symbol(','))
        || matches!(&*cursor.word(), "FIRST" | "AFTER" | "PARTITION" | "REMOVE")
}

fn read_attribute(
    place: Place<'_>,
    name: &str,
    cursor: &mut Cursor<'_>,
    written: &mut WrittenType,
    attributes: &mut Attributes,
) -> Result<(), DdlError> {
    let word = cursor.word();
    let before = *cursor;
    cursor.advance();
    match &*word {
        "NOT" if cursor.take_word("NULL") => attributes.nullability = Some(Nullability::NotNull),
        "NOT" if cursor.take_word("SECONDARY") || cursor.take_word("ENFORCED") => {}
        "NULL" => attributes.nullability = Some(Nullability::Nullable),
        "DEFAULT" => {
            let ty = written.resolve(place.charset).ok_or_else(|| place.not_understood(name, &before))?;
            read_column_default(place, cursor, &ty, attributes).map_err(|_| place.not_understood(name, cursor))?;
        }
        "ON" if cursor.take_word("UPDATE") => {
            read_current_timestamp(cursor);
        }
        "AUTO_INCREMENT" => attributes.filling = Filling::AutoIncrement,
        "SERIAL" if cursor.take_words(&["DEFAULT", "VALUE"]) => {
            (attributes.filling, attributes.nullability) = (Filling::AutoIncrement, Some(Nullability::NotNull));
            attributes.keys.push(InlineKey::Unique);
        }
        "UNIQUE" => {
            cursor.take_word("KEY");
            attributes.keys.push(InlineKey::Unique);
        }
        "PRIMARY" if cursor.take_word("KEY") => attributes.keys.push(InlineKey::Primary),
        "KEY" => attributes.keys.push(InlineKey::Primary),
        "COMMENT" => attributes.comment = cursor.take_name().unwrap_or_default(),
        "COLLATE" => {
            cursor.take_symbol('=');
            written.collate(&cursor.take_name().unwrap_or_default());
        }
        "COLUMN_FORMAT" | "STORAGE" | "SRID" | "REF_SYSTEM_ID" | "ENGINE_ATTRIBUTE" | "SECONDARY_ENGINE_ATTRIBUTE" => {
            cursor.take_symbol('=');
            cursor.advance();
        }
        "VISIBLE" | "INVISIBLE" | "VIRTUAL" | "STORED" | "PERSISTENT" | "ENFORCED" => {}
        // MariaDB; the binlog has the cells compressed.
        "COMPRESSED" => {
            let (table, column) = (place.table.clone(), name.to_owned());
            return Err(DdlError::UnknownType { table, column, ty: "compressed".into() });
        }
        "GENERATED" if cursor.take_word("ALWAYS") => {}
        "AS" if cursor.skip_parentheses() => attributes.filling = Filling::Generated,
        "CHECK" if cursor.skip_parentheses() => {}
        "CONSTRAINT" => {
            if !cursor.at_word("CHECK") && !cursor.at_word("REFERENCES") {
                cursor.take_name();
            }
        }
        "REFERENCES" => attributes.reference = Some(read_reference(cursor)?),
        _ => return Err(place.not_understood(name, &before)),
    }
    Ok(())
}

/// What follows DEFAULT. The error is what was found instead.
fn read_column_default(
    place: Place<'_>,
    cursor: &mut Cursor<'_>,
    ty: &MysqlType,
    attributes: &mut Attributes,
) -> Result<(), String> {
    let start = *cursor;
    attributes.default = read_default(cursor, ty)?;
    let is_constant = matches!(attributes.default, Some(DefaultValue::Literal(_)));
    let is_certain = is_stored_as_written(start.until(cursor), ty, place.context.sql_mode);
    if is_constant && !is_certain && attributes.filling == Filling::Default {
        attributes.filling = Filling::Converted;
    }
    Ok(())
}

/// What follows REFERENCES.
pub(super) fn read_reference(cursor: &mut Cursor<'_>) -> Result<Reference, DdlError> {
    let missing = || DdlError::NotUnderstood { what: "a table and columns after REFERENCES".into() };
    let first = cursor.take_name().ok_or_else(missing)?;
    let (database, table) = match cursor.take_symbol('.') {
        true => (Some(first), cursor.take_name().ok_or_else(missing)?),
        false => (None, first),
    };
    let mut columns = Vec::new();
    if cursor.take_symbol('(') {
        while let Some(column) = cursor.take_name() {
            columns.push(column);
            cursor.take_symbol(',');
        }
        if !cursor.take_symbol(')') {
            return Err(missing());
        }
    }
    let (mut on_delete, mut on_update) = (ReferenceAction::Refuse, ReferenceAction::Refuse);
    loop {
        if cursor.take_word("MATCH") {
            cursor.advance();
        } else if cursor.take_words(&["ON", "DELETE"]) {
            on_delete = read_action(cursor);
        } else if cursor.take_words(&["ON", "UPDATE"]) {
            on_update = read_action(cursor);
        } else {
            return Ok(Reference { database, table, columns, on_delete, on_update });
        }
    }
}

fn read_action(cursor: &mut Cursor<'_>) -> ReferenceAction {
    let first = cursor.word();
    cursor.advance();
    if matches!(&*first, "SET" | "NO") {
        let second = cursor.word();
        cursor.advance();
        return ReferenceAction::parse(&format!("{first} {second}"));
    }
    ReferenceAction::parse(&first)
}
