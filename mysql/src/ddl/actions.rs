//! The actions of ALTER TABLE, CREATE INDEX and DROP INDEX (MySQL Reference Manual, "ALTER TABLE Statement"; MariaDB
//! Knowledge Base, "ALTER TABLE"), as a closed list: an action that is not on it is an error.
//!
//! What says nothing about columns, keys, indexes, comment and default character set is passed over: engines,
//! statistics, locks, the way in which the server carries the statement out.

use super::columns::{ColumnDefinition, Place, read_column};
use super::elements::{add_inline_keys, read_elements};
use super::indexes::WrittenIndex;
use super::options::{OPTIONS, TableOptions, read_options};
use super::{DdlError, skip_lock_wait};
use crate::sql_text::{Cursor, Token, render};

/// Where a column goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Position {
    /// Where it is; a new one to the end.
    AsIs,
    /// FIRST.
    First,
    /// AFTER a column, by its name after the statement.
    After(String),
}

/// What happens when the thing is not there, or is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// The statement would have failed: the definition before it is not the server's.
    Wrong,
    /// `IF EXISTS`, `IF NOT EXISTS`: nothing.
    Nothing,
}

/// One action. Columns are named as before the statement.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// ADD COLUMN.
    AddColumn(Box<ColumnDefinition>, Position, Otherwise),
    /// CHANGE or MODIFY COLUMN.
    ChangeColumn(String, Box<ColumnDefinition>, Position, Otherwise),
    /// DROP COLUMN.
    DropColumn(String, Otherwise),
    /// RENAME COLUMN.
    RenameColumn(String, String, Otherwise),
    /// ALTER COLUMN ... SET DEFAULT, with what follows; none for DROP DEFAULT.
    ColumnDefault(String, Option<Vec<Token>>, Otherwise),
    /// ADD PRIMARY KEY, UNIQUE, INDEX; the index of ADD FOREIGN KEY.
    AddIndex(WrittenIndex, Otherwise),
    /// DROP INDEX; `PRIMARY` for the primary key.
    DropIndex(String, Otherwise),
    /// DROP CONSTRAINT: a key, or a check or foreign key, which does not count.
    DropConstraint(String),
    /// RENAME INDEX.
    RenameIndex(String, String, Otherwise),
    /// Options of the table: comment, default character set.
    Options(TableOptions),
    /// CONVERT TO CHARACTER SET.
    Convert(TableOptions),
    /// The server may leave out rows that violate a new key.
    Ignore,
}

/// Reads the actions of a statement; the cursor stands after its first word.
pub(super) fn read_actions(place: Place<'_>, verb: &str, cursor: &mut Cursor<'_>) -> Result<Vec<Action>, DdlError> {
    match verb {
        "CREATE" => create_index(place, cursor),
        "DROP" => drop_index(place, cursor),
        _ => alter_table(place, cursor),
    }
}

fn expected(what: impl Into<String>) -> DdlError {
    DdlError::NotUnderstood { what: what.into() }
}

fn name(cursor: &mut Cursor<'_>, of: &str) -> Result<String, DdlError> {
    cursor.take_name().ok_or_else(|| expected(format!("the name of {of}")))
}

fn if_exists(cursor: &mut Cursor<'_>) -> Otherwise {
    if cursor.take_words(&["IF", "EXISTS"]) { Otherwise::Nothing } else { Otherwise::Wrong }
}

fn create_index(place: Place<'_>, cursor: &mut Cursor<'_>) -> Result<Vec<Action>, DdlError> {
    cursor.take_words(&["OR", "REPLACE"]);
    let _ = cursor.take_word("ONLINE") || cursor.take_word("OFFLINE");
    // The same words as in ALTER TABLE, but for `ON table` in the middle.
    let mut words = Vec::new();
    let mut otherwise = Otherwise::Wrong;
    while !cursor.is_done() && !cursor.at_word("ON") {
        if cursor.take_words(&["IF", "NOT", "EXISTS"]) {
            otherwise = Otherwise::Nothing;
        } else if let Some(token) = cursor.advance() {
            words.push(token.clone());
        }
    }
    cursor.take_word("ON");
    place.context.table(cursor)?;
    skip_lock_wait(cursor);
    while let Some(token) = cursor.advance() {
        words.push(token.clone());
    }
    let elements = read_elements(place, &mut Cursor::new(&words))?;
    Ok(elements.indexes.into_iter().map(|index| Action::AddIndex(index, otherwise)).collect())
}

fn drop_index(place: Place<'_>, cursor: &mut Cursor<'_>) -> Result<Vec<Action>, DdlError> {
    let _ = cursor.take_word("ONLINE") || cursor.take_word("OFFLINE");
    if !cursor.take_word("INDEX") {
        return Err(expected("DROP INDEX"));
    }
    let otherwise = if_exists(cursor);
    let index = name(cursor, "an index")?;
    if !cursor.take_word("ON") {
        return Err(expected("ON in DROP INDEX"));
    }
    place.context.table(cursor)?;
    Ok(vec![Action::DropIndex(index, otherwise)])
}

fn alter_table(place: Place<'_>, cursor: &mut Cursor<'_>) -> Result<Vec<Action>, DdlError> {
    let _ = cursor.take_word("ONLINE") || cursor.take_word("OFFLINE");
    let mut actions = Vec::new();
    if cursor.take_word("IGNORE") {
        actions.push(Action::Ignore);
    }
    cursor.take_word("TABLE");
    cursor.take_words(&["IF", "EXISTS"]);
    place.context.table(cursor)?;
    skip_lock_wait(cursor);
    while !cursor.is_done() {
        let before = *cursor;
        if is_about_partitions(cursor) {
            break;
        }
        action(place, cursor, &mut actions)?;
        if !cursor.take_symbol(',') && !cursor.is_done() && !is_about_partitions(cursor) {
            return Err(not_understood(place, before));
        }
    }
    Ok(actions)
}

/// Partitions end the statement; those that change rows are not read here.
fn is_about_partitions(cursor: &Cursor<'_>) -> bool {
    let second = match cursor.peek_at(1) {
        Some(Token::Word(word)) => word.to_ascii_uppercase(),
        _ => String::new(),
    };
    matches!(
        (&*cursor.word(), &*second),
        ("PARTITION", "BY")
            | ("REMOVE", "PARTITIONING")
            | (
                "ADD"
                    | "DROP"
                    | "TRUNCATE"
                    | "EXCHANGE"
                    | "IMPORT"
                    | "DISCARD"
                    | "CONVERT"
                    | "REORGANIZE"
                    | "COALESCE"
                    | "ANALYZE"
                    | "CHECK"
                    | "OPTIMIZE"
                    | "REBUILD"
                    | "REPAIR",
                "PARTITION",
            )
            | ("IMPORT" | "DISCARD", "TABLESPACE")
            | ("CONVERT", "TABLE")
    )
}

fn not_understood(place: Place<'_>, mut cursor: Cursor<'_>) -> DdlError {
    let mut words = Vec::new();
    while let Some(token @ (Token::Word(_) | Token::Name(_))) = cursor.advance()
        && words.len() < 4
    {
        words.push(token.clone());
    }
    expected(format!("an action of ALTER TABLE \"{}\" that is known, not \"{}\"", place.table, render(&words)))
}

fn action(place: Place<'_>, cursor: &mut Cursor<'_>, actions: &mut Vec<Action>) -> Result<(), DdlError> {
    let before = *cursor;
    let verb = cursor.word();
    cursor.advance();
    match &*verb {
        "ADD" => return add(place, cursor, actions),
        "DROP" => actions.extend(drop(cursor)?),
        "CHANGE" | "MODIFY" => {
            cursor.take_word("COLUMN");
            let otherwise = if_exists(cursor);
            let mut old = *cursor;
            let column = name(&mut old, "a column")?;
            if verb == "CHANGE" {
                *cursor = old;
            }
            let definition = read_column(place, cursor)?;
            let position = position(cursor)?;
            let keys = inline_keys(place, &definition);
            actions.push(Action::ChangeColumn(column, Box::new(definition), position, otherwise));
            actions.extend(keys);
        }
        "ALTER" => actions.extend(alter(cursor)?),
        "RENAME" => actions.extend(rename(place, cursor)?),
        "CONVERT" => actions.push(Action::Convert(charset_options(cursor)?)),
        "ORDER" => order_by(cursor),
        "FORCE" | "SECONDARY_LOAD" | "SECONDARY_UNLOAD" => {}
        "ENABLE" | "DISABLE" | "WITH" | "WITHOUT" => {
            cursor.advance();
        }
        _ => {
            *cursor = before;
            table_options(place, cursor, actions)?;
        }
    }
    Ok(())
}

/// The tokens up to the next comma outside of parentheses.
fn element<'a>(cursor: &mut Cursor<'a>) -> &'a [Token] {
    let start = *cursor;
    while !cursor.is_done() && cursor.peek() != Some(&Token::Symbol(',')) && !is_about_partitions(cursor) {
        if !cursor.skip_parentheses() {
            cursor.advance();
        }
    }
    start.until(cursor)
}

fn add(place: Place<'_>, cursor: &mut Cursor<'_>, actions: &mut Vec<Action>) -> Result<(), DdlError> {
    let is_column = cursor.take_word("COLUMN");
    if matches!(&*cursor.word(), "SYSTEM" | "PERIOD") && !is_column {
        let what = "ADD SYSTEM VERSIONING or PERIOD".to_owned();
        return Err(DdlError::Unsupported { table: place.table.clone(), what });
    }
    let is_index = matches!(
        &*cursor.word(),
        "CONSTRAINT" | "PRIMARY" | "UNIQUE" | "INDEX" | "KEY" | "FULLTEXT" | "SPATIAL" | "FOREIGN" | "CHECK"
    ) || (cursor.at_word("VECTOR")
        && matches!(cursor.peek_at(1), Some(Token::Word(w)) if w.eq_ignore_ascii_case("INDEX")));
    if is_index && !is_column {
        let tokens = element(cursor);
        let is_word = |token: &Token, word: &str| matches!(token, Token::Word(w) if w.eq_ignore_ascii_case(word));
        let head = tokens.split(|token| *token == Token::Symbol('(')).next().unwrap_or_default();
        let tolerant =
            head.windows(3).any(|w| is_word(&w[0], "IF") && is_word(&w[1], "NOT") && is_word(&w[2], "EXISTS"));
        let otherwise = if tolerant { Otherwise::Nothing } else { Otherwise::Wrong };
        let elements = read_elements(place, &mut Cursor::new(tokens))?;
        actions.extend(elements.indexes.into_iter().map(|index| Action::AddIndex(index, otherwise)));
        return Ok(());
    }
    let otherwise = if cursor.take_words(&["IF", "NOT", "EXISTS"]) { Otherwise::Nothing } else { Otherwise::Wrong };
    if cursor.peek() == Some(&Token::Symbol('(')) {
        let start = *cursor;
        cursor.skip_parentheses();
        let inside = start.until(cursor);
        let inside = inside.get(1..inside.len().saturating_sub(1)).unwrap_or_default();
        let elements = read_elements(place, &mut Cursor::new(inside))?;
        for definition in elements.columns {
            actions.push(Action::AddColumn(Box::new(definition), Position::AsIs, otherwise));
        }
        actions.extend(elements.indexes.into_iter().map(|index| Action::AddIndex(index, Otherwise::Wrong)));
        return Ok(());
    }
    let definition = read_column(place, cursor)?;
    let position = position(cursor)?;
    let keys = inline_keys(place, &definition);
    actions.push(Action::AddColumn(Box::new(definition), position, otherwise));
    actions.extend(keys);
    Ok(())
}

fn inline_keys(place: Place<'_>, definition: &ColumnDefinition) -> Vec<Action> {
    let mut elements = super::elements::Elements::default();
    add_inline_keys(place, definition, &mut elements);
    elements.indexes.into_iter().map(|index| Action::AddIndex(index, Otherwise::Wrong)).collect()
}

fn position(cursor: &mut Cursor<'_>) -> Result<Position, DdlError> {
    if cursor.take_word("FIRST") {
        return Ok(Position::First);
    }
    if cursor.take_word("AFTER") {
        return Ok(Position::After(name(cursor, "the column after AFTER")?));
    }
    Ok(Position::AsIs)
}

fn drop(cursor: &mut Cursor<'_>) -> Result<Option<Action>, DdlError> {
    match &*cursor.word() {
        "PRIMARY" => {
            cursor.advance();
            cursor.take_word("KEY");
            Ok(Some(Action::DropIndex("PRIMARY".into(), Otherwise::Wrong)))
        }
        "INDEX" | "KEY" => {
            cursor.advance();
            let otherwise = if_exists(cursor);
            Ok(Some(Action::DropIndex(name(cursor, "an index")?, otherwise)))
        }
        "FOREIGN" => {
            cursor.take_words(&["FOREIGN", "KEY"]);
            if_exists(cursor);
            name(cursor, "a foreign key").map(|_| None)
        }
        "CHECK" => {
            cursor.advance();
            name(cursor, "a check").map(|_| None)
        }
        "CONSTRAINT" => {
            cursor.advance();
            if_exists(cursor);
            Ok(Some(Action::DropConstraint(name(cursor, "a constraint")?)))
        }
        _ => {
            cursor.take_word("COLUMN");
            let otherwise = if_exists(cursor);
            let column = name(cursor, "a column")?;
            let _ = cursor.take_word("RESTRICT") || cursor.take_word("CASCADE");
            Ok(Some(Action::DropColumn(column, otherwise)))
        }
    }
}

fn alter(cursor: &mut Cursor<'_>) -> Result<Option<Action>, DdlError> {
    if matches!(&*cursor.word(), "INDEX" | "KEY" | "CHECK" | "CONSTRAINT") {
        element(cursor);
        return Ok(None);
    }
    cursor.take_word("COLUMN");
    let otherwise = if_exists(cursor);
    let column = name(cursor, "a column")?;
    if cursor.take_words(&["DROP", "DEFAULT"]) {
        return Ok(Some(Action::ColumnDefault(column, None, otherwise)));
    }
    if cursor.take_words(&["SET", "DEFAULT"]) {
        return Ok(Some(Action::ColumnDefault(column, Some(element(cursor).to_vec()), otherwise)));
    }
    if cursor.take_words(&["SET", "VISIBLE"]) || cursor.take_words(&["SET", "INVISIBLE"]) {
        return Ok(None);
    }
    Err(expected("SET DEFAULT or DROP DEFAULT after ALTER COLUMN"))
}

fn rename(place: Place<'_>, cursor: &mut Cursor<'_>) -> Result<Option<Action>, DdlError> {
    let what = cursor.word();
    if !matches!(&*what, "COLUMN" | "INDEX" | "KEY") {
        let _ = cursor.take_word("TO") || cursor.take_word("AS") || cursor.take_symbol('=');
        return place.context.table(cursor).map(|_| None);
    }
    cursor.advance();
    let otherwise = if_exists(cursor);
    let from = name(cursor, "what is renamed")?;
    if !cursor.take_word("TO") {
        return Err(expected("TO after RENAME"));
    }
    let to = name(cursor, "the new name")?;
    Ok(Some(match &*what {
        "COLUMN" => Action::RenameColumn(from, to, otherwise),
        _ => Action::RenameIndex(from, to, otherwise),
    }))
}

/// What follows CONVERT.
fn charset_options(cursor: &mut Cursor<'_>) -> Result<TableOptions, DdlError> {
    if !cursor.take_word("TO") {
        return Err(expected("TO CHARACTER SET after CONVERT"));
    }
    let start = *cursor;
    let _ =
        cursor.take_word("CHARSET") || cursor.take_words(&["CHARACTER", "SET"]) || cursor.take_words(&["CHAR", "SET"]);
    cursor.take_symbol('=');
    name(cursor, "a character set")?;
    if cursor.take_word("COLLATE") {
        cursor.take_symbol('=');
        name(cursor, "a collation")?;
    }
    Ok(read_options(Cursor::new(start.until(cursor))))
}

/// Columns of ORDER BY; a comma may also begin the next action.
fn order_by(cursor: &mut Cursor<'_>) {
    cursor.take_word("BY");
    loop {
        cursor.take_name();
        while cursor.take_symbol('.') {
            cursor.take_name();
        }
        let _ = cursor.take_word("ASC") || cursor.take_word("DESC");
        let mut ahead = *cursor;
        let goes_on = ahead.take_symbol(',')
            && !matches!(
                &*ahead.word(),
                "ADD" | "DROP" | "CHANGE" | "MODIFY" | "ALTER" | "RENAME" | "CONVERT" | "ENGINE"
            );
        if !goes_on {
            return;
        }
        *cursor = ahead;
    }
}

/// Options, separated by blanks, up to the next comma.
fn table_options(place: Place<'_>, cursor: &mut Cursor<'_>, actions: &mut Vec<Action>) -> Result<(), DdlError> {
    let before = *cursor;
    let has_value = cursor.peek_at(1) == Some(&Token::Symbol('='));
    if !OPTIONS.contains(&&*cursor.word()) && !has_value {
        return Err(not_understood(place, before));
    }
    actions.push(Action::Options(read_options(Cursor::new(element(cursor)))));
    Ok(())
}
