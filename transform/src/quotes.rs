//! `schema.quote = "never"`: a name that would need quotes is refused before anything is made of it.

use millrace_model::plain_name::{is_plain_name, plain_name_like};
use millrace_task::{NameQuotes, ObjectRule};

use crate::error::TransformError;
use crate::table::TableMapping;

impl TableMapping {
    /// Where names are not quoted, all of them can be written so.
    pub(crate) fn ensure_names_need_no_quotes(&self, rule: &ObjectRule) -> Result<(), TransformError> {
        if rule.quote() != NameQuotes::Never {
            return Ok(());
        }
        let (source, target) = (&self.source.name, &self.target.name);
        let refused = |what: &str, name: &str, mend: String| {
            Err(TransformError::NeedsQuotes {
                table: source.clone(),
                what: what.to_owned(),
                name: name.to_owned(),
                mend,
            })
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
        for (place, column) in self.moving_columns().into_iter().zip(&self.target.columns) {
            if !is_plain_name(&column.name) {
                let from = &self.source.columns[place].name;
                let mend = format!("columns = {{ rename = {{ \"{from}\" = \"{}\" }} }}", plain_name_like(&column.name));
                return refused(&format!("column \"{from}\""), &column.name, mend);
            }
        }
        Ok(())
    }
}
