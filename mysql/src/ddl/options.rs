//! Options of a table, after the list of columns in CREATE TABLE and among the actions of ALTER TABLE.

use std::sync::Arc;

use crate::column_type::{Collations, charset_name, charset_of_collation, collation_name};
use crate::sql_text::Cursor;

/// What of a table's options counts.
#[derive(Debug, Clone, Default)]
pub(super) struct TableOptions {
    /// The default character set; `default` for the database's.
    pub(super) charset: Option<Arc<str>>,
    /// The default collation.
    pub(super) collation: Option<Arc<str>>,
    /// The comment.
    pub(super) comment: Option<String>,
}

impl TableOptions {
    /// Whether nothing that counts is said.
    pub(super) fn is_empty(&self) -> bool {
        let Self { charset, collation, comment } = self;
        charset.is_none() && collation.is_none() && comment.is_none()
    }

    /// Whether the database's character set is asked for by the word DEFAULT.
    pub(super) fn names_database_charset(&self) -> bool {
        self.charset.as_deref() == Some("default")
    }

    /// The collations of the table's columns, `charset` being its character set.
    pub(super) fn collations(&self, charset: &str, database: &Collations) -> Collations {
        let of_charset = || database.of_charset.get(charset).cloned().unwrap_or_else(|| "".into());
        let default = match (&self.collation, &self.charset) {
            (Some(collation), _) => collation.clone(),
            (None, Some(_)) => of_charset(),
            (None, None) => database.default.clone(),
        };
        Collations { default, of_charset: database.of_charset.clone() }
    }
}

/// The options of a table, from the cursor on.
pub(super) fn read_options(mut cursor: Cursor<'_>) -> TableOptions {
    let mut options = TableOptions::default();
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
            options.comment = cursor.take_name();
        } else if !cursor.skip_parentheses() {
            cursor.advance();
        }
    }
    options.charset = options.charset.or(of_collation);
    options
}

/// The first words of the options that are written without `=`, too.
pub(super) const OPTIONS: [&str; 35] = [
    "ALGORITHM",
    "AUTOEXTEND_SIZE",
    "AUTO_INCREMENT",
    "AVG_ROW_LENGTH",
    "CHARACTER",
    "CHARSET",
    "CHAR",
    "CHECKSUM",
    "COLLATE",
    "COMMENT",
    "COMPRESSION",
    "CONNECTION",
    "DATA",
    "DEFAULT",
    "DELAY_KEY_WRITE",
    "ENCRYPTION",
    "ENGINE",
    "ENGINE_ATTRIBUTE",
    "INDEX",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "LOCK",
    "MAX_ROWS",
    "MIN_ROWS",
    "PACK_KEYS",
    "PASSWORD",
    "ROW_FORMAT",
    "SECONDARY_ENGINE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "STORAGE",
    "TABLESPACE",
    "UNION",
];
