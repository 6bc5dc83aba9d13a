//! What becomes of values that the destination's types do not have, and which types are chosen by themselves: `zero_dates`,
//! `invalid_dates`, `nul_characters`, `invalid_text` and `types` of `[schema]`.

/// Policies for values; the default changes nothing but the all-zero date, which becomes NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValuePolicies {
    /// For the all-zero date, with or without a time of zeros.
    pub zero_dates: InsteadOfDate,
    /// For other dates that no calendar has: month or day zero, year zero, a day that the month does not have.
    pub invalid_dates: InsteadOfDate,
    /// For U+0000 in text and JSON.
    pub nul_characters: NulCharacters,
    /// For bytes of a text that are no character of its character set.
    pub invalid_text: InvalidText,
}

impl Default for ValuePolicies {
    fn default() -> Self {
        Self { zero_dates: InsteadOfDate::Null, ..Self::STRICT }
    }
}

impl ValuePolicies {
    /// Nothing is changed: what holds for columns of a key, where a changed value could be another row's.
    pub const STRICT: Self = Self {
        zero_dates: InsteadOfDate::Stop,
        invalid_dates: InsteadOfDate::Stop,
        nul_characters: NulCharacters::Stop,
        invalid_text: InvalidText::Stop,
    };

    /// Whether a date can become NULL.
    pub fn may_give_null(&self) -> bool {
        [self.zero_dates, self.invalid_dates].contains(&InsteadOfDate::Null)
    }
}

/// What stands in the place of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsteadOfDate {
    /// NULL.
    Null,
    /// 0001-01-01, at midnight where there is a time.
    FirstDay,
    /// Nothing: the task stops.
    Stop,
}

impl InsteadOfDate {
    /// The words of the task file.
    pub(crate) const WORDS: [(&'static str, Self); 3] =
        [("null", Self::Null), ("0001-01-01", Self::FirstDay), ("stop", Self::Stop)];

    /// Its word in the task file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::FirstDay => "0001-01-01",
            Self::Stop => "stop",
        }
    }
}

/// `nul_characters`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NulCharacters {
    /// The task stops.
    Stop,
    /// They are left out.
    Remove,
    /// U+FFFD stands for each.
    Replace,
}

impl NulCharacters {
    /// The words of the task file.
    pub(crate) const WORDS: [(&'static str, Self); 3] =
        [("stop", Self::Stop), ("remove", Self::Remove), ("replace", Self::Replace)];

    /// Its word in the task file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Remove => "remove",
            Self::Replace => "replace",
        }
    }
}

/// `invalid_text`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidText {
    /// The task stops.
    Stop,
    /// U+FFFD stands for each of them.
    Replace,
}

impl InvalidText {
    /// The words of the task file.
    pub(crate) const WORDS: [(&'static str, Self); 2] = [("stop", Self::Stop), ("replace", Self::Replace)];

    /// Its word in the task file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Replace => "replace",
        }
    }
}

/// `types`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TypeProfile {
    /// Every value that MySQL can hold has its place.
    #[default]
    Lossless,
    /// As Alibaba DTS maps types, where it differs.
    Dts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        assert!(InsteadOfDate::WORDS.iter().all(|(word, value)| value.as_str() == *word));
        assert!(InvalidText::WORDS.iter().all(|(word, value)| value.as_str() == *word));
        assert!(NulCharacters::WORDS.iter().all(|(word, value)| value.as_str() == *word));
    }
}
