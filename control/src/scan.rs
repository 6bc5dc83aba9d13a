//! `millrace plan --scan`: reads the rows of the selected tables, and finds what could not move as it is.
//!
//! Every row goes through the rules by which transform will judge it (`millrace_transform::inspect`), so what is found is
//! what would happen, neither more nor less. Each table is read once, in chunks by key, on one connection and no faster
//! than it is allowed to: a source in production feels one reader. The account needs no more than SELECT; nothing is
//! locked. Of a row that is found only the key is shown.

mod names;
mod pace;
mod render;
mod table;
mod tally;

use millrace_adbpg::Dialect;
use millrace_model::Failure;
use millrace_mysql::{Session, SourceTable};
use millrace_task::Task;

use self::pace::Pace;
pub(crate) use self::render::{to_json, to_text};
use self::tally::{Entry, Outcome};
use crate::catalog::mapping;

/// What was found in all tables.
pub(crate) struct Scan {
    pub(crate) task: String,
    pub(crate) tables: Vec<ScannedTable>,
}

/// What was found in one table.
pub(crate) struct ScannedTable {
    pub(crate) name: String,
    /// Rows that were read.
    pub(crate) rows: u64,
    pub(crate) found: Vec<Entry>,
}

impl Scan {
    /// Whether the task would stop.
    pub(crate) fn stops(&self) -> bool {
        self.tables.iter().flat_map(|table| &table.found).any(|entry| entry.outcome == Outcome::Stops)
    }
}

/// Reads all tables, at most so many rows a second.
///
/// # Errors
/// The source cannot be read; what is wrong with one table is among what was found.
pub(crate) async fn scan(
    session: &mut Session,
    task: &Task,
    dialect: &Dialect,
    tables: &[SourceTable],
    rows_per_second: u32,
) -> Result<Scan, Failure> {
    let mut scanned = Vec::with_capacity(tables.len());
    let mut pace = Pace::new(rows_per_second);
    for (source, number) in tables.iter().zip(1..) {
        let name = source.name.to_string();
        pace.begin_table(&name, source.estimated_rows);
        let (rows, mut found) = match mapping(task, source, number) {
            Ok(mapping) => {
                let mut found = names::of_table(&mapping);
                let tally = table::read(session, dialect, &mapping, &mut pace).await?;
                let rows = tally.rows();
                found.extend(tally.into_entries());
                found.extend(table::variants(session, source).await?);
                (rows, found)
            }
            Err(error) => (0, vec![Entry::of_table(&Failure::from(error))]),
        };
        found.extend(names::of_other_tables(task, tables, source));
        found.sort_by_key(|entry| entry.outcome);
        scanned.push(ScannedTable { name, rows, found });
    }
    Ok(Scan { task: task.name.to_string(), tables: scanned })
}
