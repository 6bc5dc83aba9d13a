//! What follows the full load of a table: secondary indexes and ANALYZE, once, when all partitions have passed its
//! `TableLoaded`.

use millrace_adbpg::Connection;
use millrace_adbpg::barrier::JournalEntry;
use millrace_adbpg::ddl::render_analyze;
use millrace_adbpg::indexes::render_indexes;
use millrace_model::{Failure, PgType, SchemaKey, TableSchema};

use crate::feed::Feed;

/// Finishes every table that all partitions have loaded and that the journal does not have yet.
pub(crate) async fn finish_tables(
    connection: &mut Connection,
    feed: &mut Feed,
    task_id: &str,
    partitions: u32,
) -> Result<(), Failure> {
    for (version, hash) in connection.loaded_tables(task_id, partitions).await? {
        let schema = feed.schema(SchemaKey::new(version, hash)).await?;
        finish_table(connection, task_id, version, &schema).await?;
    }
    Ok(())
}

/// Makes the indexes of a table and analyzes it, unless the journal says that it was done.
pub(crate) async fn finish_table(
    connection: &mut Connection,
    task_id: &str,
    version: u64,
    schema: &TableSchema<PgType>,
) -> Result<(), Failure> {
    let still_there = !connection.existing_tables(std::slice::from_ref(&schema.name)).await?.is_empty();
    let mut statements = Vec::new();
    // The table may have been dropped since.
    if still_there {
        let rendered = render_indexes(connection.dialect(), schema)?;
        for left_out in rendered.left_out {
            tracing::warn!(table = %left_out.table, what = left_out.what, why = left_out.why, "does not move");
        }
        statements = rendered.statements;
        statements.push(render_analyze(&schema.name)?);
    }
    let outcome = connection.execute_once(task_id, JournalEntry::TableLoaded { version }, &statements).await?;
    tracing::info!(table = %schema.name, ?outcome, "table loaded, indexed and analyzed");
    Ok(())
}
