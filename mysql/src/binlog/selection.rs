//! Which tables the reader of the binlog wants.

use std::fmt;
use std::sync::Arc;

use millrace_model::TableName;

/// Says of a table whether its rows are wanted.
#[derive(Clone)]
pub struct TableFilter(Arc<dyn Fn(&TableName) -> bool + Send + Sync>);

impl TableFilter {
    /// The tables for which `selects` is true.
    pub fn new(selects: impl Fn(&TableName) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(selects))
    }

    /// All tables.
    pub fn all() -> Self {
        Self::new(|_| true)
    }

    /// Whether the table's rows are wanted.
    pub fn selects(&self, table: &TableName) -> bool {
        self.0(table)
    }
}

impl fmt::Debug for TableFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TableFilter")
    }
}
