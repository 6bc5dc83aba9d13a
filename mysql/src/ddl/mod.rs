//! Statements of the binlog: what each does to tables.
//!
//! The leading words and the names of objects decide, for which a tokenizer is enough; only CREATE TABLE is read in full
//! ([`create_table`]). The list of statements is closed: one that is not on it is an error, because a statement that
//! changes tables and is skipped loses data.

mod actions;
mod alter;
mod charset_change;
mod columns;
mod context;
pub mod create_table;
mod elements;
mod error;
mod evolve;
mod indexes;
mod options;
mod rows_after;
mod written_default;

use std::sync::Arc;

use millrace_model::TableName;

use crate::column_type::{charset_name, charset_of_collation};
use crate::sql_text::{Cursor, Token};

pub use context::StatementContext;
pub use error::DdlError;
pub use evolve::{Before, Evolution, evolve, restate};
pub use rows_after::RowsAfter;

pub use create_table::{CreateDefaults, TimestampDefaults, parse_create_table};

/// What CREATE TABLE makes a table of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateForm {
    /// A list of columns: [`parse_create_table`] reads it.
    Columns,
    /// `LIKE`: the columns and indexes of another table, without rows.
    Like(TableName),
    /// `SELECT`: columns of a query (in statement format only).
    Select,
}

/// What happens when the table exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenExists {
    /// The statement fails.
    Fail,
    /// `IF NOT EXISTS`: nothing.
    Keep,
    /// `OR REPLACE` (MariaDB): the old one is dropped.
    Replace,
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DdlEffect {
    /// CREATE TABLE.
    CreateTable {
        /// The table.
        table: TableName,
        /// If it is there already.
        when_exists: WhenExists,
        /// What it is made of.
        form: CreateForm,
    },
    /// DROP TABLE; some may not exist (`IF EXISTS`).
    DropTable {
        /// The tables.
        tables: Vec<TableName>,
    },
    /// TRUNCATE TABLE.
    Truncate {
        /// The table.
        table: TableName,
    },
    /// ALTER TABLE, CREATE INDEX or DROP INDEX that changes the definition, or may: [`evolve`] reads it.
    AlterTable {
        /// The table, by its name before.
        table: TableName,
    },
    /// ALTER TABLE that removes, exchanges or brings rows without row images, such as DROP PARTITION.
    AlterRows {
        /// The table.
        table: TableName,
        /// What is done, such as `DROP PARTITION`.
        verb: String,
        /// The table whose rows it exchanges with this one's, or that becomes a part of it or is made of one.
        other: Option<TableName>,
    },
    /// RENAME TABLE, or ALTER TABLE ... RENAME: from and to, one after the other.
    RenameTable {
        /// The pairs in order.
        pairs: Vec<(TableName, TableName)>,
    },
    /// CREATE DATABASE.
    CreateDatabase {
        /// The database.
        database: Arc<str>,
        /// The default character set that it names.
        charset: Option<Arc<str>>,
    },
    /// ALTER DATABASE.
    AlterDatabase {
        /// The database.
        database: Arc<str>,
        /// The default character set that it names.
        charset: Option<Arc<str>>,
    },
    /// DROP DATABASE with all its tables.
    DropDatabase {
        /// The database.
        database: Arc<str>,
    },
    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT, XA and kin.
    TransactionControl {
        /// The first word, upper case.
        verb: String,
    },
    /// A statement that changes rows: the binlog is not in row format.
    Dml {
        /// The first word, upper case.
        verb: String,
    },
    /// Nothing that matters to tables' rows or definitions.
    Irrelevant {
        /// What it is, such as `create view`.
        kind: String,
    },
}

/// What the statement does, in order; more than one effect where ALTER TABLE renames as well.
pub fn classify(context: &StatementContext, sql: &str) -> Result<Vec<DdlEffect>, DdlError> {
    let tokens = context.tokenize(sql)?;
    let mut cursor = Cursor::new(&tokens);
    while cursor.take_symbol(';') || cursor.take_symbol('(') {}
    let verb = cursor.word();
    cursor.advance();
    let irrelevant = |kind: &str| Ok(vec![DdlEffect::Irrelevant { kind: kind.to_lowercase() }]);
    match &*verb {
        "" if tokens.is_empty() => irrelevant("empty"),
        "CREATE" => classify_create(context, cursor, &tokens),
        "DROP" => classify_drop(context, cursor, &tokens),
        "ALTER" => alter::classify_alter(context, cursor, &tokens),
        "TRUNCATE" => {
            cursor.take_word("TABLE");
            Ok(vec![DdlEffect::Truncate { table: context.table(&mut cursor)? }])
        }
        "RENAME" => classify_rename(context, cursor, &tokens),
        "BEGIN" | "START" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" | "XA" => {
            Ok(vec![DdlEffect::TransactionControl { verb }])
        }
        "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "LOAD" | "SELECT" | "CALL" | "WITH" | "DO" | "IMPORT" => {
            Ok(vec![DdlEffect::Dml { verb }])
        }
        "GRANT" | "REVOKE" | "SET" | "ANALYZE" | "OPTIMIZE" | "REPAIR" | "CHECK" | "CHECKSUM" | "FLUSH" | "LOCK"
        | "UNLOCK" | "INSTALL" | "UNINSTALL" | "USE" | "RESET" | "PURGE" | "CACHE" | "COMMENT" | "EXPLAIN"
        | "CLONE" => irrelevant(&verb),
        _ => Err(unknown(&tokens)),
    }
}

/// Objects other than tables, indexes and databases, after CREATE, ALTER and DROP.
const OTHER_OBJECTS: [&str; 22] = [
    "VIEW",
    "TRIGGER",
    "PROCEDURE",
    "FUNCTION",
    "EVENT",
    "USER",
    "ROLE",
    "SERVER",
    "TABLESPACE",
    "LOGFILE",
    "UNDO",
    "SPATIAL",
    "RESOURCE",
    "AGGREGATE",
    "LIBRARY",
    "SEQUENCE",
    "PACKAGE",
    "INSTANCE",
    "DEFAULT",
    "PREPARE",
    "CATALOG",
    "MASKING",
];

/// Words between the verb and the object that say nothing here; `OR REPLACE` is looked at before.
fn skip_modifiers(cursor: &mut Cursor<'_>) {
    loop {
        let word = cursor.word();
        cursor.advance();
        match &*word {
            "ALGORITHM" | "SQL" => {
                if word == "SQL" {
                    cursor.take_word("SECURITY");
                } else {
                    cursor.take_symbol('=');
                }
                cursor.advance();
            }
            "DEFINER" => {
                cursor.take_symbol('=');
                cursor.take_name();
                if cursor.take_symbol('@') {
                    cursor.take_name();
                }
                cursor.skip_parentheses();
            }
            _ => return,
        }
        if cursor.is_done() || is_object(&cursor.word()) {
            return;
        }
    }
}

/// `WAIT n` or `NOWAIT` after a table's name (MariaDB): how long the server waits for its lock.
fn skip_lock_wait(cursor: &mut Cursor<'_>) {
    if !cursor.take_word("NOWAIT") && cursor.take_word("WAIT") {
        cursor.advance();
    }
}

fn is_object(word: &str) -> bool {
    matches!(word, "TABLE" | "TEMPORARY" | "INDEX" | "DATABASE" | "SCHEMA") || OTHER_OBJECTS.contains(&word)
}

fn classify_create(
    context: &StatementContext,
    mut cursor: Cursor<'_>,
    tokens: &[Token],
) -> Result<Vec<DdlEffect>, DdlError> {
    let replace = cursor.take_words(&["OR", "REPLACE"]);
    if matches!(&*cursor.word(), "ALGORITHM" | "SQL" | "DEFINER") {
        skip_modifiers(&mut cursor);
    }
    if cursor.take_word("TEMPORARY") {
        return Ok(vec![DdlEffect::Irrelevant { kind: "create temporary table".into() }]);
    }
    if cursor.take_word("TABLE") {
        let keep = cursor.take_words(&["IF", "NOT", "EXISTS"]);
        let table = context.table(&mut cursor)?;
        let form = create_table::form(context, &mut cursor)?;
        let when_exists = match (replace, keep) {
            (true, _) => WhenExists::Replace,
            (_, true) => WhenExists::Keep,
            _ => WhenExists::Fail,
        };
        return Ok(vec![DdlEffect::CreateTable { table, when_exists, form }]);
    }
    if matches!(&*cursor.word(), "DATABASE" | "SCHEMA") {
        cursor.advance();
        cursor.take_words(&["IF", "NOT", "EXISTS"]);
        let database = database(context, &mut cursor)?;
        return Ok(vec![DdlEffect::CreateDatabase { database, charset: database_charset(cursor) }]);
    }
    let mut ahead = cursor;
    let _ = ahead.take_word("UNIQUE")
        || ahead.take_word("FULLTEXT")
        || ahead.take_words(&["ONLINE"])
        || ahead.take_words(&["OFFLINE"])
        || (ahead.at_word("SPATIAL") && ahead.peek_at(1).is_some_and(is_index) && ahead.take_word("SPATIAL"))
        || (ahead.at_word("VECTOR") && ahead.take_word("VECTOR"));
    if ahead.take_word("INDEX") {
        return index_change(context, ahead, tokens);
    }
    other_object(&cursor, "create", tokens)
}

fn is_index(token: &Token) -> bool {
    matches!(token, Token::Word(w) if w.eq_ignore_ascii_case("INDEX"))
}

fn classify_drop(
    context: &StatementContext,
    mut cursor: Cursor<'_>,
    tokens: &[Token],
) -> Result<Vec<DdlEffect>, DdlError> {
    if cursor.take_word("TEMPORARY") {
        return Ok(vec![DdlEffect::Irrelevant { kind: "drop temporary table".into() }]);
    }
    match &*cursor.word() {
        "TABLE" | "TABLES" => {
            cursor.advance();
            cursor.take_words(&["IF", "EXISTS"]);
            Ok(vec![DdlEffect::DropTable { tables: context.tables(&mut cursor)? }])
        }
        "DATABASE" | "SCHEMA" => {
            cursor.advance();
            cursor.take_words(&["IF", "EXISTS"]);
            Ok(vec![DdlEffect::DropDatabase { database: database(context, &mut cursor)? }])
        }
        "INDEX" => {
            cursor.advance();
            index_change(context, cursor, tokens)
        }
        _ => other_object(&cursor, "drop", tokens),
    }
}

fn classify_rename(
    context: &StatementContext,
    mut cursor: Cursor<'_>,
    tokens: &[Token],
) -> Result<Vec<DdlEffect>, DdlError> {
    if cursor.at_word("USER") {
        return Ok(vec![DdlEffect::Irrelevant { kind: "rename user".into() }]);
    }
    if !cursor.take_word("TABLE") && !cursor.take_word("TABLES") {
        return Err(unknown(tokens));
    }
    cursor.take_words(&["IF", "EXISTS"]);
    let mut pairs = Vec::new();
    loop {
        let from = context.table(&mut cursor)?;
        skip_lock_wait(&mut cursor);
        if !cursor.take_word("TO") {
            return Err(DdlError::NotUnderstood { what: "TO in RENAME TABLE".into() });
        }
        pairs.push((from, context.table(&mut cursor)?));
        if !cursor.take_symbol(',') {
            return Ok(vec![DdlEffect::RenameTable { pairs }]);
        }
    }
}

/// CREATE or DROP INDEX after the word INDEX: the table stands after ON.
fn index_change(
    context: &StatementContext,
    mut cursor: Cursor<'_>,
    tokens: &[Token],
) -> Result<Vec<DdlEffect>, DdlError> {
    cursor.take_words(&["IF", "NOT", "EXISTS"]);
    cursor.take_words(&["IF", "EXISTS"]);
    cursor.take_name();
    while !cursor.is_done() && !cursor.at_word("ON") {
        cursor.advance();
    }
    if !cursor.take_word("ON") {
        return Err(unknown(tokens));
    }
    Ok(vec![DdlEffect::AlterTable { table: context.table(&mut cursor)? }])
}

fn other_object(cursor: &Cursor<'_>, verb: &str, tokens: &[Token]) -> Result<Vec<DdlEffect>, DdlError> {
    let object = cursor.word();
    if OTHER_OBJECTS.contains(&&*object) {
        return Ok(vec![DdlEffect::Irrelevant { kind: format!("{verb} {}", object.to_lowercase()) }]);
    }
    Err(unknown(tokens))
}

fn database(context: &StatementContext, cursor: &mut Cursor<'_>) -> Result<Arc<str>, DdlError> {
    let name = cursor.take_name().ok_or_else(|| DdlError::NotUnderstood { what: "the name of a database".into() })?;
    Ok(context.fold(name))
}

/// The character set among the options of a database.
fn database_charset(mut cursor: Cursor<'_>) -> Option<Arc<str>> {
    let (mut charset, mut of_collation) = (None, None);
    while !cursor.is_done() {
        if cursor.take_word("CHARSET")
            || cursor.take_words(&["CHARACTER", "SET"])
            || cursor.take_words(&["CHAR", "SET"])
        {
            cursor.take_symbol('=');
            charset = cursor.take_name().map(|name| charset_name(&name));
        } else if cursor.take_word("COLLATE") {
            cursor.take_symbol('=');
            of_collation = cursor.take_name().and_then(|name| charset_of_collation(&name));
        } else {
            cursor.advance();
        }
    }
    charset.or(of_collation)
}

fn unknown(tokens: &[Token]) -> DdlError {
    let words: Vec<&str> = tokens
        .iter()
        .map_while(|token| match token {
            Token::Word(word) => Some(word.as_str()),
            _ => None,
        })
        .take(3)
        .collect();
    DdlError::Unknown { words: words.join(" ") }
}

#[cfg(test)]
mod tests;
