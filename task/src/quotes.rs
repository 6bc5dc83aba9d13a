//! `schema.quote = "never"`: a name that would need quotes is refused before anything is made of it.
//!
//! Names that the task file itself gives are refused when it is read; those of the source by capture before it makes
//! anything, and by transform for every table and change that comes by, with the function that stands here.

use millrace_model::plain_name::{is_plain_name, plain_name_like};
use millrace_model::{ErrorClass, Failure, TableName};

use crate::object::{NameQuotes, ObjectRule};

/// A name that has to be quoted where names are not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "table \"{table}\": {what} would be called \"{name}\", which has to be quoted, and \"schema.quote\" is \"never\""
)]
pub struct NeedsQuotes {
    table: TableName,
    /// What of the table.
    what: String,
    /// The name in the destination.
    name: String,
    /// What to write in the task file.
    mend: String,
}

impl NeedsQuotes {
    /// Always [`ErrorClass::Fatal`].
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Fatal
    }

    /// How to mend it.
    pub fn hint(&self) -> String {
        format!("give it another name in [[objects]], such as {}", self.mend)
    }
}

impl From<NeedsQuotes> for Failure {
    fn from(error: NeedsQuotes) -> Self {
        Self { class: error.class(), message: error.to_string(), hint: error.hint() }
    }
}

impl ObjectRule {
    /// Where names are not quoted, those that the rule gives a table of the source and its columns can be written so.
    ///
    /// # Errors
    /// The first name that cannot.
    pub fn ensure_table_needs_no_quotes<'c>(
        &self,
        source: &TableName,
        columns: impl IntoIterator<Item = &'c str>,
    ) -> Result<(), NeedsQuotes> {
        let moving = columns.into_iter().filter(|column| !self.excludes_column(column));
        let named = moving.map(|column| (column, self.destination_column(column)));
        self.ensure_names_need_no_quotes(source, &self.destination_table(source), named)
    }

    /// Where names are not quoted, these can be written so: a table's in the source and in the destination, and both
    /// names of each column that moves.
    ///
    /// # Errors
    /// The first name that cannot.
    pub fn ensure_names_need_no_quotes<'c>(
        &self,
        source: &TableName,
        target: &TableName,
        columns: impl IntoIterator<Item = (&'c str, String)>,
    ) -> Result<(), NeedsQuotes> {
        if self.quote() != NameQuotes::Never {
            return Ok(());
        }
        let refused = |what: &str, name: &str, mend: String| {
            Err(NeedsQuotes { table: source.clone(), what: what.to_owned(), name: name.to_owned(), mend })
        };
        if !is_plain_name(&target.database) {
            let mend = format!("rename = \"{}.*\"", plain_name_like(&target.database));
            return refused("its schema", &target.database, mend);
        }
        if !is_plain_name(&target.table) {
            let mend = format!(
                "table = \"`{}`.`{}`\", rename = \"{}.{}\"",
                source.database,
                source.table,
                target.database,
                plain_name_like(&target.table)
            );
            return refused("the table", &target.table, mend);
        }
        for (from, name) in columns {
            if !is_plain_name(&name) {
                let mend = format!("columns = {{ rename = {{ \"{from}\" = \"{}\" }} }}", plain_name_like(&name));
                return refused(&format!("column \"{from}\""), &name, mend);
            }
        }
        Ok(())
    }
}
