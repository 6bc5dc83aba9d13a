//! Takes single values out of the file: expands strings, checks ranges, and makes errors with place and key.

use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;

use toml::Spanned;

use crate::document::Document;
use crate::error::{Problem, TaskError};
use crate::expansion::{Surroundings, Text};
use crate::similar::most_similar;

/// The file and its surroundings.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) document: &'a Document<'a>,
    pub(crate) surroundings: &'a Surroundings<'a>,
}

/// Bounds, default and unit of a number.
pub(crate) struct Number {
    pub(crate) range: RangeInclusive<u32>,
    pub(crate) default: u32,
    pub(crate) unit: &'static str,
}

impl Reader<'_> {
    /// A string, expanded.
    pub(crate) fn text(&self, key: &str, text: &Text) -> Result<String, TaskError> {
        let expanded = text.expand(self.surroundings, self.document.folder());
        expanded.map_err(|problem| self.document.error(&text.span(), key, problem))
    }

    /// A URL, expanded.
    pub(crate) fn url(&self, key: &str, text: &Text) -> Result<String, TaskError> {
        let expanded = text.expand_url(self.surroundings, self.document.folder());
        expanded.map_err(|problem| self.document.error(&text.span(), key, problem))
    }

    /// A path; a relative one begins at the task file's folder.
    pub(crate) fn path(&self, key: &str, text: Option<&Text>) -> Result<Option<PathBuf>, TaskError> {
        let Some(text) = text else { return Ok(None) };
        let path = self.text(key, text)?;
        if path.is_empty() {
            return Err(self.value(text, key, "the path is empty", "name a file, or leave the key out"));
        }
        Ok(Some(self.document.folder().join(path)))
    }

    /// One of a closed set of words.
    pub(crate) fn word<T: Copy>(&self, key: &str, text: &Text, known: &[(&'static str, T)]) -> Result<T, TaskError> {
        let word = self.text(key, text)?;
        if let Some((_, value)) = known.iter().find(|(name, _)| *name == word) {
            return Ok(*value);
        }
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let hint = match most_similar(&word, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("write one of {}", names.join(", ")),
        };
        Err(self.value(text, key, format!("unknown word, expected one of {}", names.join(", ")), hint))
    }

    /// A number in its range.
    pub(crate) fn number(&self, key: &str, value: Option<&Spanned<i64>>, number: Number) -> Result<u32, TaskError> {
        let Some(value) = value else { return Ok(number.default) };
        match u32::try_from(*value.get_ref()) {
            Ok(inside) if number.range.contains(&inside) => Ok(inside),
            _ => {
                let (least, most) = (*number.range.start(), *number.range.end());
                let problem = Problem::OutOfRange { value: *value.get_ref(), least, most, unit: number.unit };
                Err(self.document.error(&value.span(), key, problem))
            }
        }
    }

    /// A wrong value.
    pub(crate) fn value(
        &self,
        text: &Text,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> TaskError {
        let problem = Problem::Value { message: message.into(), hint: hint.into() };
        self.document.error(&text.span(), key, problem)
    }

    /// Two values that do not go together.
    pub(crate) fn contradiction(
        &self,
        span: &Range<usize>,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> TaskError {
        let problem = Problem::Contradiction { message: message.into(), hint: hint.into() };
        self.document.error(span, key, problem)
    }

    /// A required key that is not there.
    pub(crate) fn missing(
        &self,
        span: &Range<usize>,
        key: &str,
        what: &'static str,
        example: &'static str,
    ) -> TaskError {
        self.document.error(span, key, Problem::Missing { what, example })
    }
}
