//! What transform can refuse: a table that cannot be mapped, or a row that no cell form of the destination can hold.

use millrace_model::{ErrorClass, Failure, TableName};
use millrace_task::{ConditionProblem, NeedsQuotes};
use thiserror::Error;

use crate::filter::Reason;

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
    /// The task file names a column that the table does not have.
    #[error("\"objects.{key}\" of table \"{table}\" names column \"{column}\", which the table does not have")]
    NoSuchColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// The key of the task file that names it.
        key: &'static str,
    },
    /// Two columns with one name in the destination.
    #[error("columns \"{one}\" and \"{other}\" of table \"{table}\" would both be called \"{name}\"")]
    SameName {
        /// The table.
        table: TableName,
        /// A column.
        one: String,
        /// Another.
        other: String,
        /// The name.
        name: String,
    },
    /// A name that has to be quoted where names are not.
    #[error(transparent)]
    NeedsQuotes(#[from] NeedsQuotes),
    /// A type that the column's values cannot all be turned into.
    #[error("column \"{column}\" of table \"{table}\" has type {from}, which cannot become {to}")]
    Type {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// Its type in the source.
        from: String,
        /// The type that the task file says.
        to: String,
        /// What it can become.
        allowed: &'static str,
    },
    /// A type that the task's profile does not move.
    #[error(
        "column \"{column}\" of table \"{table}\" has type {ty}, which \"schema.types\" = \"{profile}\" does not move"
    )]
    NotInProfile {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// Its type in the source.
        ty: String,
        /// The profile.
        profile: &'static str,
    },
    /// A condition that does not fit the table.
    #[error("\"objects.where\" does not fit table \"{table}\": {problem}")]
    Condition {
        /// The table.
        table: TableName,
        /// What does not fit, and where.
        problem: ConditionProblem,
    },
    /// A row of which the condition cannot tell whether it moves.
    #[error("a row of table \"{table}\" cannot be judged by \"objects.where\": column \"{column}\" {reason}")]
    NoVerdict {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// Why.
        reason: Reason,
    },
    /// A key of the task file that cannot be the table's in the destination.
    #[error("the key of table \"{table}\" in the destination cannot be: {problem}")]
    Key {
        /// The table.
        table: TableName,
        /// Why.
        problem: KeyProblem,
    },
    /// A table without a key, whose rows could not be told from those that are in the destination.
    #[error(
        "table \"{0}\" has no key, and \"schema.existing_tables\" is \"ignore\": its rows would be counted with others"
    )]
    KeylessAmongOthers(TableName),
    /// A change of the table after which a rule of the task file would mean something else.
    #[error("a change of table \"{table}\" takes column \"{column}\" from \"objects.{key}\"")]
    RuleLost {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// The key of the task file that names it.
        key: &'static str,
    },
    /// The type of a column changes, and the task is to stop then.
    #[error(
        "the type of column \"{column}\" of table \"{table}\" changes from {from} to {to}, and \"schema.on_type_change\" is \"stop\""
    )]
    TypeChange {
        /// The table.
        table: TableName,
        /// The column, by its name now.
        column: String,
        /// Its type before.
        from: String,
        /// Its type after.
        to: String,
    },
    /// A change that the task does not replicate, and after which rows cannot be written to the table as it is.
    #[error("a change of table \"{table}\" that \"operations\" leaves out cannot be left out: {problem}")]
    Held {
        /// The table.
        table: TableName,
        /// Why.
        problem: HeldProblem,
    },
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

/// What is wrong with a key.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum KeyProblem {
    /// A column that is not there.
    #[error("\"objects.primary_key\" names column \"{0}\", which the table does not have")]
    NoSuchColumn(String),
    /// A column that can be NULL.
    #[error("column \"{0}\" can be NULL")]
    Nullable(String),
    /// Several rows of the source can have one key.
    #[error("\"objects.primary_key\" does not tell the source's rows apart")]
    Ambiguous,
    /// A column of `distributed_by` outside of the key.
    #[error("\"objects.distributed_by\" names column \"{0}\", which is not part of it")]
    NotInKey(String),
    /// `distributed_by` is `"randomly"` for a table that has a key.
    #[error(
        "\"objects.distributed_by\" is \"randomly\", but the table has a key, which no segment could keep unique alone"
    )]
    Random,
}

/// Why a change cannot be left out.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum HeldProblem {
    /// The destination's key no longer tells the source's rows apart.
    #[error("the key by which the destination tells rows apart has changed")]
    Key,
    /// A column that the source has lost has no value in the destination.
    #[error("column \"{0}\" is gone, and the destination has it NOT NULL without a default")]
    NotNull(String),
    /// A column's new type cannot become the one in the destination.
    #[error("the values of column \"{column}\" cannot become {held} any more")]
    Type {
        /// The column.
        column: String,
        /// The destination's type.
        held: String,
    },
}

/// What is wrong with a value.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ValueProblem {
    /// A zero date, where the policy is to stop.
    #[error("holds a zero date")]
    ZeroDate,
    /// A zero date in a key.
    #[error("holds a zero date and is part of the key, which cannot become NULL")]
    ZeroDateInKey,
    /// Month or day zero, year zero, or a day that the month does not have.
    #[error("holds a date that the destination's calendar does not have")]
    InvalidDate,
    /// U+0000.
    #[error("holds the character U+0000, which PostgreSQL text cannot hold")]
    NulCharacter,
    /// Bytes that are no character.
    #[error("holds bytes that are no text of its character set")]
    InvalidText,
    /// U+0000 in the name of a JSON document's member.
    #[error("holds a JSON document with the character U+0000 in the name of a member")]
    NulInName,
    /// Neither 0 nor 1.
    #[error("holds a number other than 0 and 1, and columns.type makes it boolean")]
    NoBoolean,
    /// Too large, too small, or too many digits before the point.
    #[error("holds a number that the type of columns.type cannot hold")]
    OutOfRange,
    /// Digits after the point, or of a second, that would be lost.
    #[error("holds more digits after the point than the type of columns.type")]
    Fraction,
    /// A text that is too long.
    #[error("holds a text that is longer than the type of columns.type allows")]
    TooLong,
    /// char(n) loses spaces.
    #[error("holds a text with a space at its end, which char(n) of columns.type would lose")]
    TrailingSpace,
    /// A time of day.
    #[error("holds a time other than midnight, and columns.type makes it a date")]
    TimeInDate,
    /// Below 0 or a day and more.
    #[error("holds a time that is no time of a day, and columns.type makes it time")]
    NoTimeOfDay,
    /// The cell is not of the kind that its column's type has.
    #[error("holds a value that is not of its type")]
    OtherKind,
}

impl KeyProblem {
    fn hint(&self) -> &'static str {
        match self {
            Self::NoSuchColumn(_) => "name columns of the source",
            Self::Nullable(_) => "make it NOT NULL in the source, or leave it out of primary_key",
            Self::Ambiguous => {
                "name all columns of the source's primary key, or of a unique key over NOT NULL columns, and others \
                 besides if you like"
            }
            Self::NotInKey(_) => "distribute by columns of the primary key",
            Self::Random => "name columns of the key, or give tables without a key a rule of their own",
        }
    }
}

impl ValueProblem {
    fn hint(self) -> &'static str {
        match self {
            Self::ZeroDateInKey => "correct the value in the source, or exclude the column or the table",
            Self::ZeroDate | Self::InvalidDate => {
                "correct the value in the source, or exclude the column or the table; or start the task under another name \
                     with a policy: schema.zero_dates, schema.invalid_dates (not for keys)"
            }
            Self::NulCharacter => {
                "remove the character in the source, or exclude the column or the table; or start the task under another name \
                     with a policy: schema.nul_characters (not for keys)"
            }
            Self::InvalidText => {
                "correct the value in the source, or exclude the column or the table; or start the task under another name \
                     with a policy: schema.invalid_text (not for keys)"
            }
            Self::NulInName => "remove the character in the source, or give the column the type text in columns.type",
            Self::NoBoolean
            | Self::OutOfRange
            | Self::Fraction
            | Self::TooLong
            | Self::TrailingSpace
            | Self::TimeInDate
            | Self::NoTimeOfDay => {
                "choose a type in columns.type that holds every value, and start the task under another name"
            }
            Self::OtherKind => "this is a defect of Millrace: please report the table's definition",
        }
    }
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
            Self::NoSuchColumn { .. } => "name a column of the source, or leave it out".into(),
            Self::SameName { .. } => "give one of them another name with columns.rename".into(),
            Self::NeedsQuotes(refused) => refused.hint(),
            Self::Type { allowed, .. } => format!("it can become {allowed}"),
            Self::NotInProfile { .. } => {
                "give the column a type of its own in columns.type (bytea), or exclude it".into()
            }
            Self::Condition { problem, .. } => problem.hint.clone(),
            Self::NoVerdict { reason: Reason::Characters, .. } => {
                "filter by another column, or give this one a _bin collation in the source; then start the task under \
                 another name"
                    .into()
            }
            Self::NoVerdict { reason: Reason::InvalidText, .. } => {
                "correct the value in the source, or filter by another column".into()
            }
            Self::NoVerdict { reason: Reason::OtherKind, .. } => {
                "this is a defect of Millrace: please report the table's definition".into()
            }
            Self::Key { problem, .. } => problem.hint().into(),
            Self::KeylessAmongOthers(_) => {
                "give the table a primary key in the source, exclude it, or take existing_tables out of the task file".into()
            }
            Self::RuleLost { .. } => {
                "nothing was changed in the destination; start the task under another name, with a task file that fits the \
                 table as it is now"
                    .into()
            }
            Self::TypeChange { table, .. } => format!(
                "nothing was changed in the destination; make a table with the new type there, copy the rows of \"{table}\" into \
                 it, exchange the two by their names, and start the task under another name without the phase \"schema\"; or let \
                 Millrace do it: on_type_change = \"migrate\""
            ),
            Self::Held { .. } => {
                "nothing was changed in the destination; start the task under another name, or with \"alter\" in operations"
                    .into()
            }
            Self::NotSelected(_) => "run all stages with the same task file".into(),
            Self::Value { problem, .. } => problem.hint().into(),
        }
    }
}

impl From<TransformError> for Failure {
    fn from(error: TransformError) -> Self {
        Failure::fatal(error.to_string(), error.hint())
    }
}
