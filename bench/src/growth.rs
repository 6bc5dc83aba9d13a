//! What a rate must not fall with: the length of the backlog, the tables of the task, and the size of the destination's
//! tables. Each beside W3 as it is.

use anyhow::Result;

use crate::backlog::{Size, measure_size};
use crate::data::BACKLOG_TABLES;
use crate::ground::Ground;
use crate::report::Report;
use crate::stages::Way;

/// Rows of all tables that change, where they are large.
const MANY_ROWS: u64 = 2_000_000;
/// Tables in which nothing changes, where there are many.
const MANY_TABLES: u64 = 1_000;

/// W3, three times as long, among many tables, and into large tables.
pub(crate) async fn measure(ground: &Ground, way: Way, report: &mut Report) -> Result<()> {
    let usual = Size::usual(ground);
    let first_rows = ground.scaled(MANY_ROWS, BACKLOG_TABLES) / BACKLOG_TABLES;
    let still_tables = ground.scaled(MANY_TABLES, 1);
    let mut first = None;
    for (name, size) in [
        ("W3, to compare with".to_owned(), usual),
        ("W3, three times as long".to_owned(), Size { changes: usual.changes * 3, ..usual }),
        (format!("W3 among {still_tables} other tables"), Size { still_tables, ..usual }),
        (format!("W3 into {} rows", first_rows * BACKLOG_TABLES), Size { first_rows, ..usual }),
    ] {
        let mut run = measure_size(ground, &name, size, way).await?;
        run.compare(&mut first);
        report.add(run)?;
    }
    Ok(())
}
