//! What is done with dates that the destination's calendar does not have.
//!
//! A column of the key keeps its values or stops the task, whatever the policies say: a changed value could be the key of
//! another row. (NULL and one day for many dates would make rows equal.)

use std::borrow::Cow;

use millrace_model::row::Cell;
use millrace_task::{InsteadOfDate, InvalidText, NulCharacters, ValuePolicies};

use crate::error::ValueProblem;
use crate::nul::in_text;

/// Whether a column is part of the replication key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InKey {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// How the values of one column that the destination cannot hold are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Treatment {
    in_key: InKey,
    policies: ValuePolicies,
}

impl Treatment {
    /// The treatment of a column under the task's policies.
    pub fn new(in_key: InKey, policies: ValuePolicies) -> Self {
        match in_key {
            InKey::Yes => Self { in_key, policies: ValuePolicies::STRICT },
            InKey::No => Self { in_key, policies },
        }
    }

    /// The same column where nothing is changed.
    pub fn strict(self) -> Self {
        Self { policies: ValuePolicies::STRICT, ..self }
    }

    /// Whether a date can become NULL.
    pub fn may_give_null(self) -> bool {
        self.policies.may_give_null()
    }

    /// What becomes of U+0000.
    pub fn nul_characters(self) -> NulCharacters {
        self.policies.nul_characters
    }

    /// What becomes of a text.
    pub fn text(self) -> TextPolicy {
        TextPolicy { nul: self.policies.nul_characters, invalid: self.policies.invalid_text }
    }

    /// What stands for the date at the start of `YYYY-MM-DD...`.
    pub(crate) fn judge(self, text: &str) -> Result<Judged<'_>, ValueProblem> {
        let (instead, problem) = match kind_of_date(text)? {
            DateKind::Valid => return Ok(Judged::Itself(text)),
            DateKind::Zero if self.in_key == InKey::Yes => (self.policies.zero_dates, ValueProblem::ZeroDateInKey),
            DateKind::Zero => (self.policies.zero_dates, ValueProblem::ZeroDate),
            DateKind::Invalid => (self.policies.invalid_dates, ValueProblem::InvalidDate),
        };
        match instead {
            InsteadOfDate::Null => Ok(Judged::Null),
            InsteadOfDate::FirstDay => Ok(Judged::FirstDay),
            InsteadOfDate::Stop => Err(problem),
        }
    }
}

/// What becomes of characters that the destination cannot hold, and of bytes that are no character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextPolicy {
    /// U+0000.
    pub nul: NulCharacters,
    /// Bytes that are no character of the column's character set.
    pub invalid: InvalidText,
}

impl TextPolicy {
    /// Nothing is changed.
    pub const STRICT: Self = Self { nul: NulCharacters::Stop, invalid: InvalidText::Stop };

    /// The text of a cell of a text column.
    pub(crate) fn text(self, cell: Cell<'_>) -> Result<Cow<'_, str>, ValueProblem> {
        match (cell, self.invalid) {
            (Cell::Text(text), _) => in_text(text, self.nul),
            (Cell::Bytes(_), InvalidText::Stop) => Err(ValueProblem::InvalidText),
            (Cell::Bytes(marked), InvalidText::Replace) => {
                let text = String::from_utf8_lossy(marked);
                Ok(Cow::Owned(in_text(&text, self.nul)?.into_owned()))
            }
            _ => Err(ValueProblem::OtherKind),
        }
    }
}

/// What stands for a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged<'t> {
    /// The date.
    Itself(&'t str),
    /// NULL.
    Null,
    /// 0001-01-01, at midnight where there is a time.
    FirstDay,
}

/// What a date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateKind {
    Valid,
    /// All zero.
    Zero,
    /// Of no calendar.
    Invalid,
}

/// Judges the date at the start of `YYYY-MM-DD...`. MySQL can hold dates with month or day zero, year zero and, with
/// ALLOW_INVALID_DATES, days that the month does not have.
pub(crate) fn kind_of_date(text: &str) -> Result<DateKind, ValueProblem> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<u32> { text.get(from..to)?.parse().ok() };
    let parts = (number(0, 4), number(5, 7), number(8, 10));
    let (Some(year), Some(month), Some(day)) = parts else { return Err(ValueProblem::OtherKind) };
    if (year, month, day) == (0, 0, 0) {
        // Only the all-zero value is "no date"; a time without a date is not.
        let all_zero = bytes[10..].iter().all(|b| !b.is_ascii_digit() || *b == b'0');
        return Ok(if all_zero { DateKind::Zero } else { DateKind::Invalid });
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    match year > 0 && (1..=days).contains(&day) {
        true => Ok(DateKind::Valid),
        false => Ok(DateKind::Invalid),
    }
}
