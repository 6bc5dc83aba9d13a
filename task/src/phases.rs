//! What a task does: any of schema, full load and incremental, in this order.

use std::fmt;

/// One phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Tables are created in the destination.
    Schema,
    /// A snapshot of the rows is read.
    Full,
    /// The binlog is followed.
    Incremental,
}

impl Phase {
    /// All phases in order.
    pub const ALL: [Self; 3] = [Self::Schema, Self::Full, Self::Incremental];

    /// Its word in the task file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Full => "full",
            Self::Incremental => "incremental",
        }
    }

    /// The phase of a word of the task file.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The phases of a task: any of the three, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phases {
    /// Only the tables.
    Schema,
    /// Only the rows, once.
    Full,
    /// Only the changes.
    Incremental,
    /// Tables and rows, once.
    SchemaFull,
    /// Tables, then changes.
    SchemaIncremental,
    /// Rows, then changes, into tables that are there.
    FullIncremental,
    /// Everything.
    SchemaFullIncremental,
}

impl Phases {
    /// The phases of a list; none for an empty, unordered or repeating one.
    pub fn of(list: &[Phase]) -> Option<Self> {
        match list {
            [Phase::Schema] => Some(Self::Schema),
            [Phase::Full] => Some(Self::Full),
            [Phase::Incremental] => Some(Self::Incremental),
            [Phase::Schema, Phase::Full] => Some(Self::SchemaFull),
            [Phase::Schema, Phase::Incremental] => Some(Self::SchemaIncremental),
            [Phase::Full, Phase::Incremental] => Some(Self::FullIncremental),
            [Phase::Schema, Phase::Full, Phase::Incremental] => Some(Self::SchemaFullIncremental),
            _ => None,
        }
    }

    /// Its phases in order.
    pub fn list(self) -> &'static [Phase] {
        match self {
            Self::Schema => &[Phase::Schema],
            Self::Full => &[Phase::Full],
            Self::Incremental => &[Phase::Incremental],
            Self::SchemaFull => &[Phase::Schema, Phase::Full],
            Self::SchemaIncremental => &[Phase::Schema, Phase::Incremental],
            Self::FullIncremental => &[Phase::Full, Phase::Incremental],
            Self::SchemaFullIncremental => &Phase::ALL,
        }
    }

    /// Whether a phase is one of them.
    pub fn contains(self, phase: Phase) -> bool {
        self.list().contains(&phase)
    }

    /// The phase that comes first.
    pub fn first(self) -> Phase {
        self.list()[0]
    }

    /// Whether the task completes by itself: it does without incremental.
    pub fn complete_by_themselves(self) -> bool {
        !self.contains(Phase::Incremental)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ordered_subset_is_one_value_and_nothing_else_is() {
        for mask in 1_usize..8 {
            let list: Vec<Phase> =
                Phase::ALL.into_iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, p)| p).collect();
            assert_eq!(Phases::of(&list).map(Phases::list), Some(list.as_slice()));
        }
        assert_eq!(Phases::of(&[]), None);
        assert_eq!(Phases::of(&[Phase::Full, Phase::Schema]), None);
        assert_eq!(Phases::of(&[Phase::Full, Phase::Full]), None);
    }
}
