//! What follows the full load of a table: secondary indexes and ANALYZE, once, when all partitions have passed its
//! `TableLoaded`.

use millrace_adbpg::Connection;
use millrace_adbpg::barrier::JournalEntry;
use millrace_adbpg::ddl::render_analyze;
use millrace_adbpg::indexes::render_indexes;
use millrace_model::{Failure, SchemaKey};

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
        let entry = JournalEntry::TableLoaded { version };
        let still_there = !connection.existing_tables(std::slice::from_ref(&schema.name)).await?.is_empty();
        let mut statements = Vec::new();
        // The table may have been dropped since.
        if still_there {
            let rendered = render_indexes(connection.dialect(), &schema)?;
            for left_out in rendered.left_out {
                tracing::warn!(table = %left_out.table, what = left_out.what, why = left_out.why, "does not move");
            }
            statements = rendered.statements;
            statements.push(render_analyze(&schema.name)?);
        }
        let outcome = connection.execute_once(task_id, entry, &statements).await?;
        tracing::info!(table = %schema.name, ?outcome, "table loaded, indexed and analyzed");
    }
    Ok(())
}
