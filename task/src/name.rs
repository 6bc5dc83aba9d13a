//! The task's name and its environment tag.

use std::fmt;

/// A task's name: 1 to 64 of `a-z`, `0-9`, `_` and `-`. It names topics (Kafka allows 249 of these) and progress rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TaskName(String);

impl TaskName {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len());
        let allowed = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"_-".contains(&letter);
        (fits && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tag such as "production": 1 to 64 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Environment(String);

impl Environment {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.chars().count());
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_topics() {
        for good in ["shop", "a", "shop-2_x", &"a".repeat(64)] {
            assert!(TaskName::parse(good).is_some(), "{good}");
        }
        for bad in ["", "Shop", "a b", "a.b", "é", &"a".repeat(65)] {
            assert!(TaskName::parse(bad).is_none(), "{bad}");
        }
    }
}
