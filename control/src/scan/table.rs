//! Reads one table, chunk by chunk in the order of its key; one without a key from one snapshot.

use millrace_adbpg::Dialect;
use millrace_model::{ErrorClass, Failure};
use millrace_mysql::key_variants::{KeyVariants, find_variants, has_distinct_case};
use millrace_mysql::snapshot::{ChunkLimits, ChunkReader, Completion, WholeReader, close_snapshot, open_snapshot};
use millrace_mysql::{MysqlError, Session, SourceTable};
use millrace_transform::table::TableMapping;

use super::pace::Pace;
use super::tally::{Entry, Outcome, Tally, quoted};
use crate::text::number;

/// Small chunks: none keeps the source busy for long.
const LIMITS: ChunkLimits = ChunkLimits { rows: 2_000, bytes: 4 << 20 };

/// Rows up to which a table's keys are compared with each other: the source sorts them for it.
const COMPARED_ROWS: u64 = 5_000_000;

/// Looks at every row.
///
/// # Errors
/// The source cannot be read at all; a table that cannot be read to its end is what was found.
pub(super) async fn read<'m>(
    session: &mut Session,
    dialect: &Dialect,
    mapping: &'m TableMapping,
    pace: &mut Pace,
) -> Result<Tally<'m>, Failure> {
    let mut tally = Tally::new(dialect, mapping);
    let read = match mapping.source().is_keyed() {
        true => read_by_key(session, mapping, pace, &mut tally).await,
        false => read_whole(session, mapping, pace, &mut tally).await,
    };
    match read.map_err(Failure::from) {
        Ok(()) => {}
        Err(failure) if failure.class == ErrorClass::Connection => return Err(failure),
        Err(failure) => tally.end(failure),
    }
    Ok(tally)
}

async fn read_by_key(
    session: &mut Session,
    mapping: &TableMapping,
    pace: &mut Pace,
    tally: &mut Tally<'_>,
) -> Result<(), MysqlError> {
    let mut reader = ChunkReader::new(mapping.source().clone(), LIMITS)?;
    let mut after = None;
    loop {
        let chunk = reader.read(session, after.as_ref(), None).await?;
        chunk.rows.iter().for_each(|row| tally.look_at(row));
        pace.read(chunk.rows.len()).await;
        if chunk.complete == Completion::LastChunk {
            return Ok(());
        }
        after = chunk.last_key.or(after);
    }
}

async fn read_whole(
    session: &mut Session,
    mapping: &TableMapping,
    pace: &mut Pace,
    tally: &mut Tally<'_>,
) -> Result<(), MysqlError> {
    open_snapshot(session).await?;
    let mut reader = WholeReader::start(session, mapping.source(), LIMITS).await?;
    while let Some(rows) = reader.next_piece().await? {
        rows.iter().for_each(|row| tally.look_at(row));
        pace.read(rows.len()).await;
    }
    drop(reader);
    close_snapshot(session).await
}

/// Keys that differ only in case, accents or trailing spaces.
pub(super) async fn variants(session: &mut Session, table: &SourceTable) -> Result<Vec<Entry>, Failure> {
    if !has_distinct_case(table) {
        return Ok(Vec::new());
    }
    let entry = |what: String, keys| Entry {
        outcome: Outcome::Moves,
        place: String::new(),
        what,
        rows: None,
        keys,
        mend: String::new(),
    };
    if table.estimated_rows > COMPARED_ROWS {
        let what =
            format!("has about {} rows: its keys were not compared with each other", number(table.estimated_rows));
        return Ok(vec![entry(what, Vec::new())]);
    }
    let found = find_variants(session, table).await?;
    let words = |KeyVariants { index, column, groups, examples }: KeyVariants| Entry {
        place: column,
        rows: Some(groups),
        ..entry(
            format!(
                "unique by \"{index}\": values that differ only in case, accents or spaces at the end stay distinct"
            ),
            examples.iter().map(|text| quoted(text)).collect(),
        )
    };
    Ok(found.into_iter().map(words).collect())
}
