//! ALTER TABLE, CREATE INDEX and DROP INDEX of a selected table.

use millrace_model::{Failure, ReadPurpose, TableName};
use millrace_mysql::ddl::{Before, CreateDefaults, RowsAfter, evolve};

use crate::statements::Scene;

/// Carries a statement out on the table as the stream knows it.
pub(crate) fn alter(scene: &mut Scene<'_>, table: &TableName, defaults: &CreateDefaults) -> Result<(), Failure> {
    let Some(state) = scene.capture.table(table) else {
        if !scene.arrivals.void(table) {
            scene.arrivals.expect(table.clone());
        }
        return Ok(());
    };
    let before = Before { schema: &state.schema, source_only: &state.source_only };
    let evolution = evolve(scene.context, scene.sql, before, defaults)?;
    let (old, rows, origins) = (state.schema.clone(), evolution.rows, evolution.origins);
    let source_only = evolution.table.source_only.clone();
    let mut schema = scene.schema_of(evolution.table)?;
    schema.table_id = old.table_id;
    let capture = &mut *scene.capture;
    if rows == RowsAfter::LoadAnew {
        tracing::warn!(%table, "the rows after this change are not known: the table is emptied and loaded anew");
        capture.truncate(table)?;
    }
    // Each load has a schema version of its own: what follows it in the destination is done once a version.
    if schema != *old || rows != RowsAfter::Known {
        capture.alter(table, schema, origins)?;
    }
    capture.note(table, source_only);
    match rows {
        RowsAfter::Known => Ok(()),
        RowsAfter::ReadAgain => {
            tracing::info!(%table, "values of this change are the server's own: the rows are read again");
            Ok(capture.read_again(table, ReadPurpose::Repair)?)
        }
        RowsAfter::LoadAnew => Ok(capture.read_again(table, ReadPurpose::Load)?),
    }
}
