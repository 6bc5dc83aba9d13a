//! The hot paths allocate for a message, never for a row, and a row takes the bytes on the wire that it always took: these
//! counts are the same on a machine that does other work, unlike times.
#![expect(clippy::unwrap_used, reason = "tests")]

mod hot_path;

use allocation_counter::measure;
use millrace_model::batch::{Entry, ReadPurpose, RowChange, RowEntry};

use crate::hot_path::{Meter, ROWS, Table, message, move_rows, read_binlog};

/// What a message of [`ROWS`] rows may allocate at each place: growing vectors and tables, nothing that grows with the rows.
const ALLOCATIONS: u64 = 60;

/// Counts what a step allocates.
struct Allocations;

impl Meter for Allocations {
    fn measure<R>(&mut self, what: &'static str, step: impl FnOnce() -> R) -> R {
        let mut result = None;
        let found = measure(|| result = Some(step())).count_total;
        assert!(found <= ALLOCATIONS, "{what}: {found} allocations for {ROWS} rows, allowed are {ALLOCATIONS}");
        result.unwrap()
    }
}

#[test]
fn no_row_of_the_binlog_allocates() {
    for table in [Table::narrow(), Table::typed()] {
        read_binlog(&table, &mut Allocations);
    }
}

#[test]
fn no_row_of_a_full_load_allocates() {
    for table in [Table::narrow(), Table::typed()] {
        move_rows(&table, |row, _| RowChange::Read { row, purpose: ReadPurpose::Load }, &mut Allocations);
    }
}

#[test]
fn no_change_allocates() {
    for table in [Table::narrow(), Table::typed()] {
        move_rows(&table, |row, _| RowChange::Insert(row), &mut Allocations);
        move_rows(&table, |before, after| RowChange::Update { before, after }, &mut Allocations);
        move_rows(&table, |row, _| RowChange::Delete(row), &mut Allocations);
    }
}

#[test]
fn a_row_takes_few_bytes_beside_its_image() {
    let captured = Table::narrow().captured(|row, _| RowChange::Insert(row));
    let Entry::Row(RowEntry { change, .. }) = &captured.entries[0] else { panic!("no row") };
    let (whole, images) = (message(&captured).len() as u64, change.len() as u64 * ROWS);
    let beside = (whole - images) / ROWS;
    assert!(beside <= 18, "{beside} bytes a row beside its image");
}
