//! What follows the full load of a table: secondary indexes and ANALYZE, once, when all partitions have passed its
//! `TableLoaded`.

use millrace_adbpg::barrier::JournalEntry;
use millrace_adbpg::ddl::render_analyze;
use millrace_adbpg::indexes::render_indexes;
use millrace_adbpg::{BarrierOutcome, Connection, Dialect};
use millrace_model::{Failure, PgType, SchemaKey, TableSchema};

use crate::feed::Feed;

/// Whether every loaded table is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finished {
    /// All are.
    All,
    /// Another apply is at some of them.
    NotAll,
}

/// Finishes every table that all partitions have loaded and that the journal does not have yet.
pub(crate) async fn finish_tables(
    connection: &mut Connection,
    feed: &mut Feed,
    task_id: &str,
    partitions: u32,
) -> Result<Finished, Failure> {
    let mut finished = Finished::All;
    for (version, hash) in connection.loaded_tables(task_id, partitions).await? {
        let schema = feed.schema(SchemaKey::new(version, hash)).await?;
        if finish_table(connection, task_id, version, &schema).await? == BarrierOutcome::Busy {
            finished = Finished::NotAll;
        }
    }
    Ok(finished)
}

/// Makes the indexes of a table and analyzes it, unless the journal says that it was done.
pub(crate) async fn finish_table(
    connection: &mut Connection,
    task_id: &str,
    version: u64,
    schema: &TableSchema<PgType>,
) -> Result<BarrierOutcome, Failure> {
    let still_there = !connection.existing_tables(std::slice::from_ref(&schema.name)).await?.is_empty();
    // The table may have been dropped since.
    let statements = match still_there {
        true => render_finish(connection.dialect(), schema)?,
        false => Vec::new(),
    };
    let outcome = connection.execute_once(task_id, JournalEntry::TableLoaded { version }, &statements).await?;
    tracing::info!(table = %schema.name, ?outcome, "table loaded, indexed and analyzed");
    Ok(outcome)
}

/// The statements that make a loaded table's indexes and analyze it.
pub(crate) fn render_finish(dialect: &Dialect, schema: &TableSchema<PgType>) -> Result<Vec<String>, Failure> {
    let rendered = render_indexes(dialect, schema)?;
    for left_out in rendered.left_out {
        tracing::warn!(table = %left_out.table, what = left_out.what, why = left_out.why, "does not move");
    }
    let mut statements = rendered.statements;
    statements.push(render_analyze(&schema.name)?);
    Ok(statements)
}
