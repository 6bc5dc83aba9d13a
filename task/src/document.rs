//! The text of a task file and places in it: byte spans become lines and columns, and a span becomes the path of the key
//! it lies in.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::error::{Place, Problem, TaskError};
use crate::file::TaskFile;

/// A task file's name and text.
pub(crate) struct Document<'a> {
    file: &'a Path,
    text: &'a str,
}

impl<'a> Document<'a> {
    pub(crate) fn new(file: &'a Path, text: &'a str) -> Self {
        Self { file, text }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.file.to_owned()
    }

    /// The folder where relative paths begin.
    pub(crate) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// Reads the TOML into its structs.
    pub(crate) fn read(&self) -> Result<TaskFile, TaskError> {
        toml::from_str(self.text).map_err(|error| self.refusal(&error))
    }

    /// An error at the beginning of a span of bytes.
    pub(crate) fn error(&self, span: &Range<usize>, key: impl Into<String>, problem: Problem) -> TaskError {
        TaskError { place: self.place(span.start), key: key.into(), problem }
    }

    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        Place { file: self.file(), line, column: before[line_start..].chars().count() + 1 }
    }

    fn refusal(&self, error: &toml::de::Error) -> TaskError {
        let span = error.span().unwrap_or(0..0);
        match DeTable::parse(self.text) {
            Err(_) => self.error(&span, "", Problem::Syntax { message: one_line(error.message()) }),
            Ok(table) => {
                let key = key_at(table.get_ref(), "", span.start).unwrap_or_default();
                self.error(&span, key, problem_of(error.message()))
            }
        }
    }
}

/// The path of the deepest key whose name or value begins or contains the byte at `offset`.
fn key_at(table: &DeTable<'_>, prefix: &str, offset: usize) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let path = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        let within = key_within(value.get_ref(), &path, offset);
        let here = key.span().contains(&offset) || value.span().contains(&offset);
        within.or(here.then_some(path))
    })
}

fn key_within(value: &DeValue<'_>, path: &str, offset: usize) -> Option<String> {
    match value {
        DeValue::Table(table) => key_at(table, path, offset),
        DeValue::Array(array) => array.iter().find_map(|item| key_within(item.get_ref(), path, offset)),
        _ => None,
    }
}

/// Translates serde's words, dropping any value that they quote (it could be a secret).
fn problem_of(message: &str) -> Problem {
    let (what, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    if let Some(rest) = what.strip_prefix("unknown field `") {
        let accepted = expected.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        return Problem::UnknownKey { key: rest.trim_end_matches('`').to_owned(), accepted };
    }
    if let Some(found) = what.strip_prefix("invalid type: ").or(what.strip_prefix("invalid value: ")) {
        return Problem::WrongType { expected: in_toml_words(expected), found: found_type(found).to_owned() };
    }
    Problem::Value { message: one_line(message), hint: "see docs/task-file.md".to_owned() }
}

fn found_type(found: &str) -> &'static str {
    match found.split(' ').next().unwrap_or_default() {
        "string" => "a string",
        "integer" => "an integer",
        "floating" => "a float",
        "boolean" => "a boolean",
        "sequence" => "an array",
        "map" => "a table",
        _ => "another type",
    }
}

fn in_toml_words(expected: &str) -> String {
    match expected {
        "i64" => "a whole number".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "a table".to_owned(),
        other => other.to_owned(),
    }
}

fn one_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join(" ")
}
