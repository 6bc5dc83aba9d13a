//! What transform can refuse: a table that cannot be mapped, or a row that no cell form of the destination can hold.

use millrace_model::{ErrorClass, Failure, TableName};
use thiserror::Error;

/// A table or row that cannot be transformed.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum TransformError {
    /// A key column does not move.
    #[error("column \"{column}\" of table \"{table}\" is excluded, but it is part of the table's key")]
    KeyColumnExcluded {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
    },
    /// Every column is excluded.
    #[error("all columns of table \"{0}\" are excluded")]
    NoColumns(TableName),
    /// A value that the destination's type cannot hold.
    #[error("a row of table \"{table}\" cannot be moved: column \"{column}\" {problem}")]
    Value {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// What is wrong with the value; never the value.
        problem: ValueProblem,
    },
    /// A table that is not selected by the task file arrives.
    #[error("table \"{0}\" arrives, but the task file does not select it")]
    NotSelected(TableName),
}

/// What is wrong with a value.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum ValueProblem {
    /// A zero date in a key.
    #[error("holds a zero date and is part of the key, which cannot become NULL")]
    ZeroDateInKey,
    /// Month or day zero, year zero, or a day that the month does not have.
    #[error("holds a date that the destination's calendar does not have")]
    InvalidDate,
    /// U+0000.
    #[error("holds the character U+0000, which PostgreSQL text cannot hold")]
    NulCharacter,
    /// The cell is not of the kind that its column's type has.
    #[error("holds a value that is not of its type")]
    OtherKind,
}

impl TransformError {
    /// Always [`ErrorClass::Fatal`].
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Fatal
    }

    /// How to mend it.
    pub fn hint(&self) -> String {
        match self {
            Self::KeyColumnExcluded { .. } | Self::NoColumns(_) => {
                "take the column out of columns.exclude, or exclude the whole table".into()
            }
            Self::NotSelected(_) => "run all stages with the same task file".into(),
            Self::Value { problem, .. } => match problem {
                ValueProblem::ZeroDateInKey | ValueProblem::InvalidDate => {
                    "correct the value in the source, or exclude the column or the table".into()
                }
                ValueProblem::NulCharacter => {
                    "remove the character in the source, or exclude the column or the table".into()
                }
                ValueProblem::OtherKind => "this is a defect of Millrace: please report the table's definition".into(),
            },
        }
    }
}

impl From<TransformError> for Failure {
    fn from(error: TransformError) -> Self {
        Failure::fatal(error.to_string(), error.hint())
    }
}
