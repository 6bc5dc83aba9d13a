//! What becomes of the foreign keys of the moved tables: which the destination can have. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_adbpg::{ForeignKey, ReferenceAction};
use millrace_model::schema::Uniqueness;
use millrace_model::{PgType, TableName, TableSchema};
use millrace_mysql::SourceTable;
use millrace_mysql::schema::{ForeignKey as SourceKey, ReferenceAction as SourceAction};
use millrace_task::Task;

use crate::catalog::MappedTable;

/// A foreign key of the source.
pub(crate) struct MappedKey {
    /// `database.table.name` in the source.
    pub(crate) source: String,
    /// What it is in the destination, or why it cannot be there.
    pub(crate) target: Result<ForeignKey, &'static str>,
}

/// The foreign keys of the moved tables, by table and name.
pub(crate) fn map_foreign_keys(task: &Task, tables: &[SourceTable], mapped: &[MappedTable]) -> Vec<MappedKey> {
    let by_name: HashMap<&TableName, &MappedTable> = tables.iter().map(|table| &table.name).zip(mapped).collect();
    let of_table = |(table, mapped): (&SourceTable, &MappedTable)| {
        let rule = task.selection.selects(&table.name);
        let map = |key: &SourceKey| MappedKey {
            source: format!("{}.{}", table.name, key.name),
            target: map_key(key, mapped, by_name.get(&key.referenced).copied()).map(|target| ForeignKey {
                name: rule.map_or_else(|| key.name.clone(), |rule| rule.destination_index(&key.name)),
                ..target
            }),
        };
        table.foreign_keys.iter().map(map).collect::<Vec<MappedKey>>()
    };
    tables.iter().zip(mapped).flat_map(of_table).collect()
}

fn map_key(key: &SourceKey, table: &MappedTable, referenced: Option<&MappedTable>) -> Result<ForeignKey, &'static str> {
    let referenced = referenced.ok_or("the table that it refers to does not move")?;
    let moved = |table: &MappedTable, place: usize| table.moving.iter().position(|&moving| moving == place);
    let own: Option<Vec<usize>> = key.columns.iter().map(|&place| moved(table, place)).collect();
    let own = own.ok_or("a column of it does not move")?;
    let place_there = |name: &Arc<str>| {
        let place = referenced.source.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))?;
        moved(referenced, place)
    };
    let there: Option<Vec<usize>> = key.referenced_columns.iter().map(place_there).collect();
    let there = there.ok_or("a column that it refers to does not move")?;
    if !is_unique(&referenced.target, &there) {
        return Err("the columns that it refers to are not a unique key in the destination");
    }
    let names = |table: &MappedTable, places: &[usize]| -> Vec<Arc<str>> {
        places.iter().map(|&place| table.target.columns[place].name.clone()).collect()
    };
    Ok(ForeignKey {
        name: key.name.clone(),
        table: table.target.name.clone(),
        columns: names(table, &own),
        referenced: referenced.target.name.clone(),
        referenced_columns: names(referenced, &there),
        on_delete: action(key.on_delete),
        on_update: action(key.on_update),
    })
}

/// Whether these columns, in any order, are a key or a unique index.
fn is_unique(schema: &TableSchema<PgType>, columns: &[usize]) -> bool {
    let sorted = |places: &[usize]| {
        let mut places = places.to_vec();
        places.sort_unstable();
        places
    };
    let unique = schema.indexes.iter().filter(|index| index.uniqueness == Uniqueness::Unique);
    let mut keys = unique.map(|index| &index.columns[..]).chain([&schema.primary_key[..], &schema.key[..]]);
    keys.any(|key| sorted(key) == sorted(columns))
}

fn action(action: SourceAction) -> ReferenceAction {
    match action {
        SourceAction::Refuse => ReferenceAction::Restrict,
        SourceAction::Cascade => ReferenceAction::Cascade,
        SourceAction::SetNull => ReferenceAction::SetNull,
        SourceAction::SetDefault => ReferenceAction::SetDefault,
    }
}
