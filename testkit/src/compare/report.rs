//! What a comparison found.

use std::fmt;

/// Differences that are kept; all are counted.
const KEPT: usize = 20;

/// One difference between a source table and its destination table. Keys and values are in canonical text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A column that only the source has.
    MissingColumn {
        /// Its name in the destination.
        column: String,
    },
    /// A column that only the destination has.
    ExtraColumn {
        /// Its name in the destination.
        column: String,
    },
    /// A row that only the source has.
    MissingRow {
        /// Its key, or the whole row where there is no key.
        key: Vec<String>,
    },
    /// A row that only the destination has.
    ExtraRow {
        /// Its key, or the whole row where there is no key.
        key: Vec<String>,
    },
    /// A second row of the same key in the destination.
    DuplicateKey {
        /// The key.
        key: Vec<String>,
    },
    /// Another value.
    Value {
        /// The row's key.
        key: Vec<String>,
        /// The column's name in the destination.
        column: String,
        /// The source's value; `None` is NULL.
        source: Option<String>,
        /// The destination's value; `None` is NULL.
        destination: Option<String>,
    },
}

/// The result of a comparison; `Display` gives the counts and the first differences.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// Rows read from the source.
    pub source_rows: usize,
    /// Rows read from the destination.
    pub destination_rows: usize,
    /// Differences in all.
    pub count: usize,
    /// The first differences: columns first, then by key as far as both sides have it.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Whether there is no difference.
    pub fn is_equal(&self) -> bool {
        self.count == 0
    }

    pub(super) fn add(&mut self, difference: Difference) {
        self.count += 1;
        if self.differences.len() < KEPT {
            self.differences.push(difference);
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source_rows, destination_rows, count, differences } = self;
        write!(f, "{source_rows} rows in the source, {destination_rows} in the destination, {count} differences")?;
        for difference in differences {
            write!(f, "\n  {difference}")?;
        }
        if *count > differences.len() {
            write!(f, "\n  ... and {} more", count - differences.len())?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingColumn { column } => write!(f, "column \"{column}\" is missing"),
            Self::ExtraColumn { column } => write!(f, "column \"{column}\" is only in the destination"),
            Self::MissingRow { key } => write!(f, "row ({}) is missing", key.join(", ")),
            Self::ExtraRow { key } => write!(f, "row ({}) is only in the destination", key.join(", ")),
            Self::DuplicateKey { key } => write!(f, "row ({}) is there more than once", key.join(", ")),
            Self::Value { key, column, source, destination } => {
                write!(
                    f,
                    "row ({}) column \"{column}\": source {source:?}, destination {destination:?}",
                    key.join(", ")
                )
            }
        }
    }
}
