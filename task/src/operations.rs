//! Which operations of the source are replicated.

use std::fmt;

use millrace_model::batch::RowOperation;

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// CREATE TABLE.
    Create,
    /// ALTER TABLE.
    Alter,
    /// RENAME TABLE.
    Rename,
    /// TRUNCATE TABLE.
    Truncate,
    /// DROP TABLE.
    Drop,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 8] =
        [Self::Insert, Self::Update, Self::Delete, Self::Create, Self::Alter, Self::Rename, Self::Truncate, Self::Drop];

    /// Its word in the task file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Create => "create",
            Self::Alter => "alter",
            Self::Rename => "rename",
            Self::Truncate => "truncate",
            Self::Drop => "drop",
        }
    }
}

impl From<RowOperation> for Operation {
    fn from(operation: RowOperation) -> Self {
        match operation {
            RowOperation::Insert => Self::Insert,
            RowOperation::Update => Self::Update,
            RowOperation::Delete => Self::Delete,
        }
    }
}

/// A set of operations, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operations(u8);

impl Operations {
    /// All of them.
    pub const ALL: Self = Self(u8::MAX);

    /// The set of a list; none for an empty or repeating one.
    pub fn of(list: &[Operation]) -> Option<Self> {
        let bits = list.iter().fold(0_u8, |bits, operation| bits | 1 << *operation as u8);
        (bits != 0 && bits.count_ones() as usize == list.len()).then_some(Self(bits))
    }

    /// Whether an operation is one of them.
    pub fn contains(self, operation: impl Into<Operation>) -> bool {
        self.0 & 1 << operation.into() as u8 != 0
    }
}

impl Default for Operations {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> =
            Operation::ALL.into_iter().filter(|one| self.contains(*one)).map(Operation::as_str).collect();
        f.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_named() {
        let some = Operations::of(&[Operation::Drop, Operation::Insert]);
        assert_eq!(some.map(|some| some.to_string()), Some("insert,drop".to_owned()));
        assert!(some.is_some_and(|some| some.contains(RowOperation::Insert) && !some.contains(RowOperation::Delete)));
        assert_eq!(Operations::of(&Operation::ALL), Some(Operations::ALL));
        assert_eq!(Operations::of(&[]), None);
        assert_eq!(Operations::of(&[Operation::Drop, Operation::Drop]), None);
    }
}
