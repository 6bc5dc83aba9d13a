//! One rule of `[[objects]]`: a pattern, and what holds for the tables that it decides. Columns are named as in the source
//! everywhere in a rule; MySQL's column names have no case, so theirs does not matter here.

use std::collections::BTreeMap;

use millrace_model::plain_name::{plain_part, without_quotes};
use millrace_model::schema::{Route, Storage};
use millrace_model::{PgType, TableName};

use crate::condition::Condition;
use crate::glob::{Glob, TablePattern};
use crate::operations::Operations;
use crate::policy::{TypeProfile, ValuePolicies};

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
    /// Columns of the primary key in the destination, in lower case; the source's without.
    pub(crate) primary_key: Option<Vec<String>>,
    /// How the destination spreads rows.
    pub(crate) distributed_by: DistributedBy,
    /// How the destination stores rows.
    pub(crate) storage: Storage,
    /// Whether rows are routed by key where they can be.
    pub(crate) route: RouteChoice,
    /// What holds for all rules alike.
    pub(crate) schema: SchemaSettings,
}

/// `[schema]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SchemaSettings {
    pub(crate) existing_tables: ExistingTables,
    pub(crate) names: NameCase,
    pub(crate) quote: NameQuotes,
    pub(crate) indexes: Extra,
    pub(crate) comments: Extra,
    pub(crate) on_type_change: OnTypeChange,
    pub(crate) values: ValuePolicies,
    pub(crate) types: TypeProfile,
}

/// `on_type_change`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnTypeChange {
    /// The destination's column changes too.
    #[default]
    Migrate,
    /// The task stops.
    Stop,
}

/// `existing_tables`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExistingTables {
    /// They stop the task before anything is created.
    #[default]
    Report,
    /// They are used: the full load keeps their rows, later changes overwrite them.
    Ignore,
}

/// `names`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameCase {
    /// Names keep their case.
    #[default]
    Keep,
    /// Names that the task file does not give are in lower case.
    Lower,
}

/// `quote`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameQuotes {
    /// Names are quoted, so they stay as they are.
    #[default]
    Always,
    /// A name is quoted only where it could not be written otherwise; where it is not, capital letters become small ones.
    Needed,
    /// Names are not quoted; one that would have to be is refused.
    Never,
}

/// Whether something besides tables and keys is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Extra {
    #[default]
    Made,
    LeftOut,
}

/// `foreign_keys`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForeignKeys {
    /// The destination has none.
    #[default]
    LeftOut,
    /// Cut-over makes them.
    AtCutOver,
}

/// `check_constraints`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckConstraints {
    /// Cut-over makes those that translate.
    #[default]
    AtCutOver,
    /// The destination has none.
    LeftOut,
}

/// `distributed_by`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DistributedBy {
    /// By the primary key.
    #[default]
    Key,
    /// By these columns of it, in lower case.
    Columns(Vec<String>),
    /// Every segment has all rows.
    Replicated,
    /// By no column: for tables without a key alone.
    Randomly,
}

/// `route`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RouteChoice {
    /// By key where order per key is enough.
    #[default]
    Auto,
    /// Every table as a whole.
    Table,
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

    /// The rule with what holds for all alike.
    pub(crate) fn with_schema(mut self, schema: SchemaSettings) -> Self {
        self.settings.schema = schema;
        self
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
            Rename::Keep => TableName::new(self.cased(&source.database), self.cased(&source.table)),
            Rename::Database(database) => TableName::new(database.as_str(), self.cased(&source.table)),
            Rename::Table(table) => table.clone(),
        }
    }

    /// What a column is called in the destination.
    pub fn destination_column(&self, column: &str) -> String {
        let renamed = self.settings.column_names.get(&column.to_lowercase());
        renamed.cloned().unwrap_or_else(|| self.cased(column))
    }

    /// What an index is called in the destination, where it becomes part of a name.
    pub fn destination_index(&self, index: &str) -> String {
        match self.settings.schema.quote {
            NameQuotes::Always | NameQuotes::Needed => self.cased(index),
            NameQuotes::Never => plain_part(index),
        }
    }

    fn cased(&self, name: &str) -> String {
        let name = match self.settings.schema.names {
            NameCase::Keep => name.to_owned(),
            NameCase::Lower => name.to_lowercase(),
        };
        match self.settings.schema.quote {
            NameQuotes::Always => name,
            NameQuotes::Needed | NameQuotes::Never => without_quotes(&name),
        }
    }

    /// Which names are quoted in the destination.
    pub fn quote(&self) -> NameQuotes {
        self.settings.schema.quote
    }

    /// What becomes of a column whose type changes in the source.
    pub fn on_type_change(&self) -> OnTypeChange {
        self.settings.schema.on_type_change
    }

    /// What becomes of values that the destination's types do not have, outside of keys.
    pub fn value_policies(&self) -> ValuePolicies {
        self.settings.schema.values
    }

    /// Which types are chosen where the task file says none.
    pub fn types(&self) -> TypeProfile {
        self.settings.schema.types
    }

    /// Whether secondary indexes move.
    pub fn has_indexes(&self) -> bool {
        self.settings.schema.indexes == Extra::Made
    }

    /// Whether comments move.
    pub fn has_comments(&self) -> bool {
        self.settings.schema.comments == Extra::Made
    }

    /// What is done with a table that is there already.
    pub fn existing_tables(&self) -> ExistingTables {
        self.settings.schema.existing_tables
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

    /// Columns of the primary key in the destination, in lower case and key order; none where it is the source's.
    pub fn primary_key(&self) -> Option<&[String]> {
        self.settings.primary_key.as_deref()
    }

    /// How the destination spreads rows over its segments.
    pub fn distributed_by(&self) -> &DistributedBy {
        &self.settings.distributed_by
    }

    /// How the destination stores rows.
    pub fn storage(&self) -> Storage {
        self.settings.storage
    }

    /// How the rows of a table are spread over the partitions, `usual` being what its keys ask for.
    pub fn route(&self, usual: Route) -> Route {
        match self.settings.route {
            RouteChoice::Auto => usual,
            RouteChoice::Table => Route::Table,
        }
    }

    /// The columns that the rule names, in lower case, each with the key of the task file that does.
    pub fn named_columns(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let renamed = self.settings.column_names.keys().map(|column| (column.as_str(), "columns.rename"));
        let typed = self.settings.column_types.keys().map(|column| (column.as_str(), "columns.type"));
        let key = self.settings.primary_key.iter().flatten().map(|column| (column.as_str(), "primary_key"));
        renamed.chain(typed).chain(key)
    }
}
