//! Which tables the reader of the binlog wants.

use std::fmt;
use std::sync::Arc;

use millrace_model::TableName;

/// Says of a table whether its rows are wanted, and of a database whether it can hold such tables.
#[derive(Clone)]
pub struct TableFilter {
    selects: Arc<dyn Fn(&TableName) -> bool + Send + Sync>,
    selects_in: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl TableFilter {
    /// The tables for which `selects` is true, in any database.
    pub fn new(selects: impl Fn(&TableName) -> bool + Send + Sync + 'static) -> Self {
        Self { selects: Arc::new(selects), selects_in: Arc::new(|_| true) }
    }

    /// None of them are in databases for which `selects_in` is false: a change of rows that is logged as a statement is
    /// passed over there.
    pub fn in_databases(self, selects_in: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { selects_in: Arc::new(selects_in), ..self }
    }

    /// All tables.
    pub fn all() -> Self {
        Self::new(|_| true)
    }

    /// Whether the table's rows are wanted.
    pub fn selects(&self, table: &TableName) -> bool {
        (self.selects)(table)
    }

    /// Whether rows of some table of the database can be wanted.
    pub fn selects_in(&self, database: &str) -> bool {
        (self.selects_in)(database)
    }
}

impl fmt::Debug for TableFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TableFilter")
    }
}
