//! ALTER TABLE and ALTER DATABASE: which of the three kinds a list of actions is (definition, rows, neither), and
//! renames among them. The actions themselves are not carried out here.

use millrace_model::TableName;

use super::options::read_options;
use super::{DdlEffect, DdlError, StatementContext, database, database_charset, other_object, skip_lock_wait, unknown};
use crate::sql_text::{Cursor, Token};

/// ALTER after its first word.
pub(super) fn classify_alter(
    context: &StatementContext,
    mut cursor: Cursor<'_>,
    tokens: &[Token],
) -> Result<Vec<DdlEffect>, DdlError> {
    let _ = cursor.take_word("ONLINE") || cursor.take_word("OFFLINE");
    cursor.take_word("IGNORE");
    match &*cursor.word() {
        "TABLE" => {
            cursor.advance();
            cursor.take_words(&["IF", "EXISTS"]);
            let table = context.table(&mut cursor)?;
            skip_lock_wait(&mut cursor);
            alter_table(context, &table, cursor)
        }
        "DATABASE" | "SCHEMA" => {
            cursor.advance();
            let database = match &*cursor.word() {
                // Without a name it is the default database.
                "DEFAULT" | "CHARACTER" | "CHARSET" | "COLLATE" | "ENCRYPTION" | "READ" => {
                    context.default_database.clone()
                }
                _ => database(context, &mut cursor)?,
            };
            Ok(vec![DdlEffect::AlterDatabase { database, charset: database_charset(cursor) }])
        }
        "ALGORITHM" | "DEFINER" | "SQL" => {
            super::skip_modifiers(&mut cursor);
            other_object(&cursor, "alter", tokens)
        }
        "" => Err(unknown(tokens)),
        _ => other_object(&cursor, "alter", tokens),
    }
}

/// What one action of ALTER TABLE is about.
enum Action {
    Definition,
    Rows(String),
    Rename(TableName),
    Nothing,
    /// Work on partitions that keeps all rows; nothing but names of partitions follows.
    Partitions,
}

fn alter_table(
    context: &StatementContext,
    table: &TableName,
    mut cursor: Cursor<'_>,
) -> Result<Vec<DdlEffect>, DdlError> {
    let (mut effects, mut definition, mut renamed) = (Vec::new(), false, None);
    while !cursor.is_done() {
        match action(context, &mut cursor)? {
            Action::Definition => definition = true,
            Action::Rows(verb) => {
                let other = other_table(context, cursor)?;
                effects.push(DdlEffect::AlterRows { table: table.clone(), verb, other });
                break;
            }
            Action::Partitions => break,
            Action::Rename(to) => renamed = Some(to),
            Action::Nothing => {}
        }
        skip_action(&mut cursor);
    }
    if definition {
        effects.push(DdlEffect::AlterTable { table: table.clone() });
    }
    if let Some(to) = renamed {
        effects.push(DdlEffect::RenameTable { pairs: vec![(table.clone(), to)] });
    }
    if effects.is_empty() {
        effects.push(DdlEffect::Irrelevant { kind: "alter table without change of rows or definition".into() });
    }
    Ok(effects)
}

fn action(context: &StatementContext, cursor: &mut Cursor<'_>) -> Result<Action, DdlError> {
    let first = cursor.word();
    let second = match cursor.peek_at(1) {
        Some(Token::Word(word)) => word.to_ascii_uppercase(),
        _ => String::new(),
    };
    Ok(match (&*first, &*second) {
        ("RENAME", "COLUMN" | "INDEX" | "KEY") => Action::Definition,
        ("RENAME", _) => {
            cursor.advance();
            let _ = cursor.take_word("TO") || cursor.take_word("AS") || cursor.take_symbol('=');
            Action::Rename(context.table(cursor)?)
        }
        // What is discarded cannot be read until it is imported again.
        ("DISCARD", "PARTITION" | "TABLESPACE") => Action::Partitions,
        ("DROP" | "TRUNCATE" | "EXCHANGE" | "IMPORT" | "CONVERT", "PARTITION")
        | ("IMPORT", "TABLESPACE")
        | ("CONVERT", "TABLE") => Action::Rows(format!("{first} {second}")),
        ("ADD" | "REORGANIZE" | "COALESCE" | "ANALYZE" | "CHECK" | "OPTIMIZE" | "REBUILD" | "REPAIR", "PARTITION")
        | ("REMOVE", "PARTITIONING")
        | ("PARTITION", "BY") => Action::Partitions,
        ("DROP" | "ALTER", "CHECK" | "FOREIGN") | ("ADD", "CHECK") => Action::Nothing,
        (
            "ALGORITHM" | "LOCK" | "FORCE" | "ENGINE" | "AUTO_INCREMENT" | "ROW_FORMAT" | "KEY_BLOCK_SIZE"
            | "STATS_PERSISTENT" | "STATS_AUTO_RECALC" | "STATS_SAMPLE_PAGES" | "COMPRESSION" | "ENCRYPTION"
            | "TABLESPACE" | "MAX_ROWS" | "MIN_ROWS" | "AVG_ROW_LENGTH" | "CHECKSUM" | "PACK_KEYS" | "ENABLE"
            | "DISABLE" | "WITH" | "WITHOUT" | "SECONDARY_LOAD" | "SECONDARY_UNLOAD",
            _,
        ) => options(*cursor),
        ("ORDER", "BY") => Action::Nothing,
        ("", _) => Action::Nothing,
        _ => Action::Definition,
    })
}

/// Options stand side by side without commas: whether those up to the next comma say something of the definition.
fn options(mut cursor: Cursor<'_>) -> Action {
    let start = cursor;
    skip_to_comma(&mut cursor);
    if read_options(Cursor::new(start.until(&cursor))).is_empty() { Action::Nothing } else { Action::Definition }
}

/// The table that stands after the word TABLE: `EXCHANGE PARTITION p WITH TABLE u`, `CONVERT PARTITION p TO TABLE u`.
fn other_table(context: &StatementContext, mut cursor: Cursor<'_>) -> Result<Option<TableName>, DdlError> {
    while !cursor.is_done() {
        if cursor.take_word("TABLE") {
            return context.table(&mut cursor).map(Some);
        }
        cursor.advance();
    }
    Ok(None)
}

/// To the place after the next comma that is not in parentheses.
fn skip_action(cursor: &mut Cursor<'_>) {
    skip_to_comma(cursor);
    cursor.take_symbol(',');
}

fn skip_to_comma(cursor: &mut Cursor<'_>) {
    while !cursor.is_done() && cursor.peek() != Some(&Token::Symbol(',')) {
        if !cursor.skip_parentheses() {
            cursor.advance();
        }
    }
}
