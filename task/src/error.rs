//! What can be wrong with a task file. An error never holds any part of a URL, of an option of librdkafka, or of a value
//! of the wrong type: only names (of keys, variables, files and tables) and numbers come out in a message.

use std::fmt;
use std::path::{Path, PathBuf};

use millrace_model::ErrorClass;

use crate::similar::most_similar;

/// Where in the task file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Line from 1; 0 for the file as a whole.
    pub line: usize,
    /// Column from 1, in characters; 0 for the file as a whole.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line == 0 {
            return Ok(());
        }
        write!(f, ":{}:{}", self.line, self.column)
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    #[error("cannot read the task file: {reason}")]
    Unreadable {
        /// The system's words.
        reason: String,
    },
    /// The text is not TOML (<https://toml.io/en/v1.0.0>).
    #[error("not valid toml: {message}")]
    Syntax {
        /// What the parser expected.
        message: String,
    },
    /// A key that does not exist at its place.
    #[error("unknown key")]
    UnknownKey {
        /// The key as written, without its table.
        key: String,
        /// The keys that exist there.
        accepted: Vec<String>,
    },
    /// A value of another TOML type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// The type it should have.
        expected: String,
        /// The type it has.
        found: String,
    },
    /// A required key or table is not there.
    #[error("missing: {what}")]
    Missing {
        /// What it is for.
        what: &'static str,
        /// How to write it.
        example: &'static str,
    },
    /// A number outside its range.
    #[error("{value} is out of range, expected {least} to {most} {unit}")]
    OutOfRange {
        /// The number.
        value: i64,
        /// The least allowed.
        least: u32,
        /// The most allowed.
        most: u32,
        /// Of what.
        unit: &'static str,
    },
    /// A value that is not one of those expected.
    #[error("{message}")]
    Value {
        /// What it is and what was expected.
        message: String,
        /// How to mend it.
        hint: String,
    },
    /// Two values that do not go together.
    #[error("{message}")]
    Contradiction {
        /// Both of them.
        message: String,
        /// How to mend it.
        hint: String,
    },
    /// `${...}` that cannot be put in.
    #[error("{message}")]
    Expansion {
        /// What is wrong with it.
        message: String,
        /// How to mend it.
        hint: String,
    },
}

/// Something wrong in a task file: where, in which key, and what. Displayed as `FILE:LINE:COLUMN: "KEY": PROBLEM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskError {
    /// Where.
    pub place: Place,
    /// Path of the key, such as `source.url`; empty where the text is no TOML.
    pub key: String,
    /// What is wrong.
    pub problem: Problem,
}

impl TaskError {
    pub(crate) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        let place = Place { file: file.to_owned(), line: 0, column: 0 };
        Self { place, key: String::new(), problem: Problem::Unreadable { reason: error.to_string() } }
    }

    /// Always [`ErrorClass::Fatal`]: the file does not mend itself.
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Fatal
    }

    /// How to mend it.
    pub fn hint(&self) -> String {
        match &self.problem {
            Problem::Unreadable { .. } => "give the path of a task file that this user may read".to_owned(),
            Problem::Syntax { .. } => "see docs/task-file.md for the form of a task file".to_owned(),
            Problem::UnknownKey { key, accepted } => unknown_key_hint(key, accepted),
            Problem::WrongType { .. } => "see docs/task-file.md for the type of every key".to_owned(),
            Problem::Missing { example, .. } => format!("add {example}"),
            Problem::OutOfRange { least, most, .. } => format!("write a whole number from {least} to {most}"),
            Problem::Value { hint, .. } | Problem::Contradiction { hint, .. } | Problem::Expansion { hint, .. } => {
                hint.clone()
            }
        }
    }
}

fn unknown_key_hint(key: &str, accepted: &[String]) -> String {
    let list = accepted.join(", ");
    match most_similar(key, accepted.iter().map(String::as_str)) {
        Some(near) => format!("did you mean \"{near}\"? keys here: {list}"),
        None => format!("keys here: {list}"),
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "\"{}\": ", self.key)?;
        }
        write!(f, "{}", self.problem)
    }
}

impl std::error::Error for TaskError {}
