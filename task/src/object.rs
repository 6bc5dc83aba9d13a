//! One rule of `[[objects]]`: a pattern, and what holds for the tables that it decides. Columns are named as in the source
//! everywhere in a rule; MySQL's column names have no case, so theirs does not matter here.

use std::collections::BTreeMap;

use millrace_model::{PgType, TableName};

use crate::condition::Condition;
use crate::glob::{Glob, TablePattern};
use crate::operations::Operations;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRule {
    pattern: TablePattern,
    settings: ObjectSettings,
}

/// What a rule says of its tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ObjectSettings {
    /// Patterns in lower case, in order.
    pub(crate) excluded_columns: Vec<Glob>,
    /// What tables are called in the destination.
    pub(crate) rename: Rename,
    /// Names in the destination, by the source's names in lower case.
    pub(crate) column_names: BTreeMap<String, String>,
    /// Types in the destination, by the source's names in lower case.
    pub(crate) column_types: BTreeMap<String, PgType>,
    /// Which rows move; all without one.
    pub(crate) condition: Option<Condition>,
    /// What of the source is replicated.
    pub(crate) operations: Operations,
}

/// What a rule's tables are called in the destination.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Rename {
    /// As in the source.
    #[default]
    Keep,
    /// Tables keep their names, in this schema.
    Database(String),
    /// The rule's one table has this name.
    Table(TableName),
}

impl ObjectRule {
    /// A rule for the tables of a pattern.
    pub(crate) fn new(pattern: TablePattern, mut settings: ObjectSettings) -> Self {
        settings.excluded_columns.iter_mut().for_each(|glob| *glob = glob.to_lowercase());
        settings.excluded_columns.sort();
        settings.excluded_columns.dedup();
        Self { pattern, settings }
    }

    /// The tables that it is about.
    pub fn pattern(&self) -> &TablePattern {
        &self.pattern
    }

    pub(crate) fn settings(&self) -> &ObjectSettings {
        &self.settings
    }

    /// Whether it names one table: then a column that it names and the table does not have is a slip.
    pub fn names_one_table(&self) -> bool {
        self.pattern.database.literal().is_some() && self.pattern.table.literal().is_some()
    }

    /// Whether a column stays behind.
    pub fn excludes_column(&self, column: &str) -> bool {
        let column = column.to_lowercase();
        self.settings.excluded_columns.iter().any(|glob| glob.matches(&column))
    }

    /// The patterns of the columns that stay behind, in lower case: a literal one that no table has is a slip.
    pub fn excluded_columns(&self) -> &[Glob] {
        &self.settings.excluded_columns
    }

    /// What a table of the rule is called in the destination.
    pub fn destination_table(&self, source: &TableName) -> TableName {
        match &self.settings.rename {
            Rename::Keep => source.clone(),
            Rename::Database(database) => TableName::new(database.as_str(), source.table.clone()),
            Rename::Table(table) => table.clone(),
        }
    }

    /// What a column is called in the destination, where it is renamed.
    pub fn renamed_column(&self, column: &str) -> Option<&str> {
        self.settings.column_names.get(&column.to_lowercase()).map(String::as_str)
    }

    /// The type of a column in the destination, where the task file says it.
    pub fn column_type(&self, column: &str) -> Option<&PgType> {
        self.settings.column_types.get(&column.to_lowercase())
    }

    /// Which rows move; all without one.
    pub fn condition(&self) -> Option<&Condition> {
        self.settings.condition.as_ref()
    }

    /// Which operations of the source are replicated.
    pub fn operations(&self) -> Operations {
        self.settings.operations
    }

    /// The columns that the rule names, in lower case, each with the key of the task file that does.
    pub fn named_columns(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let renamed = self.settings.column_names.keys().map(|column| (column.as_str(), "columns.rename"));
        let typed = self.settings.column_types.keys().map(|column| (column.as_str(), "columns.type"));
        renamed.chain(typed)
    }
}
