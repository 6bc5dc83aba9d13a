//! RENAME TABLE: pairs one after the other, as the server carries them out.
//!
//! Between two names that are selected a table keeps its rows. Out of the selection it is dropped, into it it comes with
//! all its rows: under the definition that it had where it left in the same statement (swaps), or else under the one that
//! is read from the source (`arrivals`). The swap at the end of gh-ost and pt-online-schema-change is the latter.

use std::collections::BTreeMap;

use millrace_model::{Failure, ReadPurpose, TableName};
use millrace_mysql::SourceTable;

use crate::statements::{Scene, ensure_name_is_free};

/// Carries the pairs out.
pub(crate) fn rename(scene: &mut Scene<'_>, pairs: Vec<(TableName, TableName)>) -> Result<(), Failure> {
    // Tables that left the selection, by the names that they have now.
    let mut outside: BTreeMap<TableName, SourceTable> = BTreeMap::new();
    for (from, to) in pairs {
        let to_selected = scene.selects(&to);
        if scene.capture.table(&from).is_some() {
            match to_selected {
                true => keep(scene, &from, &to)?,
                false => {
                    outside.extend(scene.known(&from, &to).map(|table| (to, table)));
                    scene.capture.drop_table(&from)?;
                }
            }
            continue;
        }
        scene.arrivals.forget(&from);
        match (outside.remove(&from), to_selected) {
            (Some(table), true) => enter(scene, SourceTable { name: to, ..table })?,
            (Some(table), false) => drop(outside.insert(to.clone(), SourceTable { name: to, ..table })),
            (None, true) => scene.arrivals.expect(to),
            (None, false) => {}
        }
    }
    Ok(())
}

/// From one selected name to another.
fn keep(scene: &mut Scene<'_>, from: &TableName, to: &TableName) -> Result<(), Failure> {
    let Some(table) = scene.known(from, to) else { return Ok(()) };
    scene.arrivals.forget(to);
    let (origins, source_only) = ((0..table.columns.len()).map(Some).collect(), table.source_only.clone());
    let schema = scene.schema_of(table)?;
    scene.capture.alter(from, schema, origins)?;
    scene.capture.note(to, source_only);
    ensure_name_is_free(scene.capture, scene.task, to)
}

/// Into the selection, with a known definition.
fn enter(scene: &mut Scene<'_>, table: SourceTable) -> Result<(), Failure> {
    let name = table.name.clone();
    scene.create(table)?;
    Ok(scene.capture.read_again(&name, ReadPurpose::Load)?)
}
