//! The conditions of a statement, and the names in it.

use std::sync::Arc;

use millrace_model::TableName;

use super::DdlError;
use crate::server::NameCase;
use crate::sql_text::{Cursor, SqlMode, Token, tokenize};

/// Under what conditions a statement ran; all of it is in its query event or in the server's facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementContext {
    /// The database that names without one mean; empty for none.
    pub default_database: Arc<str>,
    /// `sql_mode` at the time.
    pub sql_mode: SqlMode,
    /// Version of the server as one number, such as 80036: decides about executable comments.
    pub server_version: u32,
    /// How the server keeps names of tables.
    pub name_case: NameCase,
}

impl StatementContext {
    pub(super) fn fold(&self, name: String) -> Arc<str> {
        match self.name_case {
            NameCase::AsWritten => name.into(),
            NameCase::Lower => name.to_lowercase().into(),
        }
    }

    pub(super) fn tokenize(&self, sql: &str) -> Result<Vec<Token>, DdlError> {
        let mut tokens = tokenize(sql, self.sql_mode, self.server_version)?;
        while tokens.last() == Some(&Token::Symbol(';')) {
            tokens.pop();
        }
        Ok(tokens)
    }

    /// A table's name at the cursor.
    pub(super) fn table(&self, cursor: &mut Cursor<'_>) -> Result<TableName, DdlError> {
        let missing = || DdlError::NotUnderstood { what: "the name of a table".to_owned() };
        let first = cursor.take_name().ok_or_else(missing)?;
        if cursor.take_symbol('.') {
            let table = cursor.take_name().ok_or_else(missing)?;
            return Ok(TableName::new(self.fold(first), self.fold(table)));
        }
        if self.default_database.is_empty() {
            return Err(DdlError::NoDatabase { table: first });
        }
        Ok(TableName::new(self.default_database.clone(), self.fold(first)))
    }

    pub(super) fn tables(&self, cursor: &mut Cursor<'_>) -> Result<Vec<TableName>, DdlError> {
        let mut tables = vec![self.table(cursor)?];
        while cursor.take_symbol(',') {
            tables.push(self.table(cursor)?);
        }
        Ok(tables)
    }
}
