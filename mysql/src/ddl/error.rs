//! Why a statement of the binlog cannot be followed; always fatal, because the same statement is there after a restart.

use millrace_model::{ErrorClass, Failure, TableName};
use thiserror::Error;

use crate::sql_text::Unfinished;

/// Why a statement cannot be followed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DdlError {
    /// The text ends too early.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
    /// Something is not where the grammar has it.
    #[error("a statement of the binlog is not understood: expected {what}")]
    NotUnderstood {
        /// What was expected.
        what: String,
    },
    /// A statement that is not known.
    #[error("a statement of the binlog is not known: \"{words}\"")]
    Unknown {
        /// Its first words.
        words: String,
    },
    /// A name without a database, and no default database.
    #[error("table \"{table}\" is named without a database and there is no default one")]
    NoDatabase {
        /// The name.
        table: String,
    },
    /// A form of CREATE TABLE that cannot be carried.
    #[error("table \"{table}\": {what} is not supported")]
    Unsupported {
        /// The table.
        table: TableName,
        /// The form, such as `CREATE TABLE ... LIKE`.
        what: String,
    },
    /// The statement does not fit the table as it is known.
    #[error("a statement changes table \"{table}\" in a way that does not fit its known definition: {what}")]
    Disagrees {
        /// The table.
        table: TableName,
        /// What does not fit.
        what: String,
    },
    /// A column of an unknown type.
    #[error("table \"{table}\", column \"{column}\": type \"{ty}\" is not supported")]
    UnknownType {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// The type.
        ty: String,
    },
}

impl DdlError {
    /// Always fatal: the same statement will be there after a restart.
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Fatal
    }

    /// How to mend it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unfinished(_) | Self::NotUnderstood { .. } | Self::Unknown { .. } => {
                "report the statement; to go on, start the task anew after it".into()
            }
            Self::NoDatabase { .. } => "the binlog event is damaged or of an unknown server".into(),
            Self::Disagrees { .. } => {
                "the table was changed in a way that was not seen: start the task anew, or exclude the table".into()
            }
            Self::Unsupported { .. } | Self::UnknownType { .. } => {
                "exclude the table in the task file, or start the task anew after the statement".into()
            }
        }
    }
}

impl From<DdlError> for Failure {
    fn from(error: DdlError) -> Self {
        Self { class: error.class(), message: error.to_string(), hint: error.hint() }
    }
}
