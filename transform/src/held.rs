//! Which tables are held, for people: what the task leaves out of schema changes, and where that has happened.

use std::collections::BTreeMap;

use millrace_model::TableName;
use millrace_proto::{HeldTable, Standing};
use serde_json::{Value, json};

/// The held tables, by their names in the source; later versions of a table replace earlier ones.
#[derive(Debug, Default)]
pub struct HeldTables {
    /// By the table's id: the version, its name in the source, and how the destination has it.
    tables: BTreeMap<u64, (u64, TableName, HeldTable)>,
}

impl HeldTables {
    /// Takes what is known of a table since this version of its schema.
    pub fn note(&mut self, version: u64, source: TableName, held: HeldTable) {
        let id = held.schema.table_id;
        if self.tables.get(&id).is_none_or(|(newest, ..)| *newest <= version) {
            self.tables.insert(id, (version, source, held));
        }
    }

    /// A list for the status: `table` in the source, `destination`, and whether its `columns` and its `name` are held.
    pub fn to_json(&self) -> Value {
        let is_held = |standing| standing == Standing::Held;
        let held = self.tables.values().filter(|(.., held)| is_held(held.shape) || is_held(held.name));
        let shown = held.map(|(_, source, held)| {
            json!({
                "table": source.to_string(),
                "destination": held.schema.name.to_string(),
                "columns": is_held(held.shape),
                "name": is_held(held.name),
            })
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use millrace_model::TableSchema;
    use millrace_model::schema::{Placement, Route};

    use super::*;

    fn held(table_id: u64, shape: Standing, name: Standing) -> HeldTable {
        let schema = TableSchema {
            table_id,
            name: TableName::new("kept", "t"),
            columns: Vec::new(),
            primary_key: Vec::new(),
            key: Vec::new(),
            indexes: Vec::new(),
            comment: String::new(),
            route: Route::Key,
            placement: Placement::default(),
        };
        HeldTable { schema, sources: Vec::new(), shape, name }
    }

    #[test]
    fn the_newest_version_of_a_table_counts() {
        let mut tables = HeldTables::default();
        let source = |name: &str| TableName::new("d", name);
        tables.note(7, source("u"), held(1, Standing::Held, Standing::Held));
        tables.note(5, source("t"), held(1, Standing::Held, Standing::Follows));
        tables.note(6, source("other"), held(2, Standing::Follows, Standing::Follows));
        let expected = json!([{ "table": "d.u", "destination": "kept.t", "columns": true, "name": true }]);
        assert_eq!(tables.to_json(), expected);
    }
}
