//! Rules of a chunk in the core alone: what its window may hold, and what is left of it after a crash.

use millrace_model::Row;
use millrace_model::batch::RowChange;
use millrace_model::checkpoint::Load;
use millrace_protocol::capture::Capture;
use millrace_protocol::chunk::{ChunkRequest, Completion, Extent, LowVerdict, StreamPlace};

use crate::core_rules::{
    begin, close, insert, open, reading, reads, request, restart, single, states, table, transaction,
};
use crate::tables::altered_schema;

/// Changes of so many keys that no window holds them.
fn too_many() -> Vec<RowChange> {
    (1..=9).map(|id| insert(id, 1)).collect()
}

fn key(id: i64) -> Option<Row> {
    Some(single(id, 0).key(&[0]))
}

#[test]
fn a_window_that_holds_too_much_voids_its_chunk() {
    let mut capture = begin(&[table()]);
    let first = request(&mut capture, 5);
    assert_eq!(first.halvings, 0);
    transaction(&mut capture, 6, too_many());
    capture.chunk_read(first.ticket, vec![single(1, 1)], None, Completion::LastChunk, Some(reading(6)));
    assert!(reads(&capture.take_step()).is_empty(), "without the keys nobody knows which rows are old");
    assert_eq!(capture.low(first.ticket, &reading(6)), LowVerdict::Void);
}

#[test]
fn a_chunk_of_which_a_window_held_too_much_is_read_later_and_smaller() {
    let mut capture = begin(&[table()]);
    request(&mut capture, 5);
    transaction(&mut capture, 6, too_many());
    let second = capture.next_request().unwrap();
    assert_eq!(second.halvings, 1);
    assert_eq!(capture.low(second.ticket, &reading(8)), LowVerdict::TooEarly, "the stream is not where the source is");
    transaction(&mut capture, 7, too_many());
    assert_eq!(
        capture.low(second.ticket, &reading(9)),
        LowVerdict::TooEarly,
        "nothing was collected, and 8 is not there"
    );
    transaction(&mut capture, 8, vec![insert(9, 3)]);
    assert_eq!(capture.low(second.ticket, &reading(9)), LowVerdict::Good);
    capture.chunk_read(second.ticket, vec![single(1, 1)], key(1), Completion::More, Some(reading(8)));
    assert_eq!(reads(&capture.take_step()), [single(1, 1)]);
    assert_eq!(capture.next_request().unwrap().halvings, 0, "it went well: as large as before");
}

#[test]
fn a_chunk_is_halved_each_time() {
    let mut capture = begin(&[table()]);
    for number in 6..9 {
        let again = request(&mut capture, number - 1);
        assert_eq!(u64::from(again.halvings), number - 6);
        transaction(&mut capture, number, too_many());
    }
}

#[test]
fn a_chunk_that_is_read_waits_whatever_is_streamed() {
    let mut capture = begin(&[table()]);
    let only = request(&mut capture, 5);
    let read: Vec<Row> = (20..30).map(|id| single(id, 1)).collect();
    capture.chunk_read(only.ticket, read, None, Completion::LastChunk, Some(reading(7)));
    let others = too_many().into_iter().chain((20..29).map(|id| insert(id, 2)));
    transaction(&mut capture, 6, others.collect());
    transaction(&mut capture, 7, Vec::new());
    assert_eq!(reads(&capture.take_step()), [single(29, 1)]);
}

#[test]
fn alter_voids_the_chunk() {
    let mut capture = begin(&[table()]);
    let chunk = request(&mut capture, 5);
    capture.chunk_read(chunk.ticket, vec![single(1, 1)], None, Completion::LastChunk, Some(reading(6)));
    open(&mut capture, 6).unwrap();
    capture.alter(&table(), altered_schema(&table(), 1), vec![Some(0), Some(1), None]).unwrap();
    close(&mut capture, 6).unwrap();
    assert!(reads(&capture.take_step()).is_empty(), "a row of the old shape came after the change");
    assert_eq!(capture.stands(chunk.ticket, &reading(6)), StreamPlace::Void);
    let again = capture.next_request().unwrap();
    assert_eq!(again.schema.columns.len(), 3);
}

#[test]
fn no_step_ends_between_a_change_of_a_table_and_its_commit() {
    let mut capture = begin(&[table()]);
    transaction(&mut capture, 6, too_many());
    assert!(capture.has_step());
    open(&mut capture, 7).unwrap();
    capture.alter(&table(), altered_schema(&table(), 1), vec![Some(0), Some(1), None]).unwrap();
    assert!(!capture.has_step() && !capture.is_full(), "a restart would make the change a second time");
    close(&mut capture, 7).unwrap();
    assert!(capture.has_step());
}

/// The machine dies in a state of the first chunk, after the last step that it committed; another reads the table, of
/// which the rows are 1 and 2, from `after`.
fn dies(mut capture: Capture, after: Option<Row>, expected: &[Row]) {
    let tables = states(&capture);
    let mut again = restart(&capture.take_step(), &tables);
    let chunk = request(&mut again, 7);
    assert_eq!(chunk.extent, Extent::Range { after, through: None });
    again.chunk_read(chunk.ticket, expected.to_vec(), key(2), Completion::LastChunk, Some(reading(7)));
    while again.source().unwrap().delivered != reading(7) {
        let next = if again.source().unwrap().delivered == reading(5) { 6 } else { 7 };
        transaction(&mut again, next, Vec::new());
    }
    let published = reads(&again.take_step());
    let each = expected.iter().all(|row| published.contains(row));
    assert!(each && published.len() == expected.len(), "each row once, whatever the first reader had: {published:?}");
    assert!(matches!(again.table(&table()).unwrap().load, Load::Loaded { rows: 2 }));
}

fn read_first(capture: &mut Capture, chunk: &ChunkRequest) {
    capture.chunk_read(chunk.ticket, vec![single(1, 1)], key(1), Completion::More, Some(reading(6)));
}

#[test]
fn crash_while_a_chunk_is_requested() {
    let mut capture = begin(&[table()]);
    capture.next_request().unwrap();
    dies(capture, None, &[single(1, 1), single(2, 1)]);
}

#[test]
fn crash_while_a_chunk_has_its_low() {
    let mut capture = begin(&[table()]);
    request(&mut capture, 5);
    dies(capture, None, &[single(1, 1), single(2, 1)]);
}

#[test]
fn crash_while_a_chunk_is_read() {
    let mut capture = begin(&[table()]);
    let chunk = request(&mut capture, 5);
    read_first(&mut capture, &chunk);
    dies(capture, None, &[single(1, 1), single(2, 1)]);
}

#[test]
fn crash_while_a_chunk_is_passed_and_its_step_is_not_committed() {
    let mut capture = begin(&[table()]);
    let chunk = request(&mut capture, 5);
    read_first(&mut capture, &chunk);
    let (before, tables) = (capture.take_step(), states(&capture));
    transaction(&mut capture, 6, Vec::new());
    assert_eq!(reads(&capture.take_step()), [single(1, 1)], "it was about to be published");
    dies(restart(&before, &tables), None, &[single(1, 1), single(2, 1)]);
}

#[test]
fn crash_after_a_chunk_was_published() {
    let mut capture = begin(&[table()]);
    let chunk = request(&mut capture, 5);
    read_first(&mut capture, &chunk);
    transaction(&mut capture, 6, Vec::new());
    dies(capture, key(1), &[single(2, 1)]);
}
