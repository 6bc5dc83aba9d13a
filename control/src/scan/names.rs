//! Names that the destination cannot have, each with the mapping that would solve it. Pure.

use millrace_adbpg::Ident;
use millrace_adbpg::ident::MAX_NAME_BYTES;
use millrace_model::TableName;
use millrace_mysql::SourceTable;
use millrace_task::Task;
use millrace_transform::table::TableMapping;

use super::tally::{Entry, Outcome};

/// Names of a table's schema, of itself and of its columns that the destination would cut.
pub(super) fn of_table(mapping: &TableMapping) -> Vec<Entry> {
    let (source, target) = (mapping.source(), mapping.target());
    let mut found = Vec::new();
    let TableName { database, table } = &target.name;
    if let Err(error) = Ident::new(database) {
        let mend = format!(
            "in [[objects]] with table = \"{}.*\": rename = {:?}",
            source.name.database,
            short(database) + ".*"
        );
        found.push(entry("the schema's name".to_owned(), error.to_string(), mend));
    }
    if let Err(error) = Ident::new(table) {
        let renamed = format!("{}.{}", short(database), short(table));
        found.push(entry(
            "the table's name".to_owned(),
            error.to_string(),
            format!("in [[objects]] with table = \"{}\": rename = {renamed:?}", source.name),
        ));
    }
    for (column, &place) in target.columns.iter().zip(&mapping.moving_columns()) {
        let Err(error) = Ident::new(&column.name) else { continue };
        let name = source.columns.get(place).map_or(&column.name, |column| &column.name);
        let mend = format!(
            "in [[objects]] with table = \"{}\": columns = {{ rename = {{ {name:?} = {:?} }} }}",
            source.name,
            short(&column.name)
        );
        found.push(entry(name.to_string(), error.to_string(), mend));
    }
    found
}

/// Another table that would have the same name in the destination.
pub(super) fn of_other_tables(task: &Task, tables: &[SourceTable], source: &SourceTable) -> Option<Entry> {
    let called = |table: &SourceTable| Some(task.selection.selects(&table.name)?.destination_table(&table.name));
    let name = called(source)?;
    let other = tables.iter().find(|other| other.name != source.name && called(other).as_ref() == Some(&name))?;
    let TableName { database, table } = &name;
    Some(entry(
        "the table's name".to_owned(),
        format!("would be \"{name}\", and so would that of \"{}\"", other.name),
        format!(
            "in [[objects]] with table = \"{}\": rename = \"{database}.{}\"",
            source.name,
            short(&format!("{table}_2"))
        ),
    ))
}

fn entry(place: String, what: String, mend: String) -> Entry {
    Entry { outcome: Outcome::Stops, place, what, rows: None, keys: Vec::new(), mend }
}

/// As much of a name as the destination takes.
fn short(name: &str) -> String {
    let mut end = name.len().min(MAX_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}
