//! Where a step may end: between two transactions, also where the next has only begun.

use crate::core_rules::{
    begin, begin_with_watermarks, close, in_the_middle, insert, open, table, transaction, watermarks,
};

#[test]
fn a_step_can_end_before_a_transaction_that_has_begun() {
    let with_rows = || {
        let mut capture = begin(&[table()]);
        transaction(&mut capture, 6, vec![insert(1, 1)]);
        capture
    };
    let mut capture = with_rows();
    open(&mut capture, 7).unwrap();
    let step = capture.take_step_before_open().unwrap();
    assert_eq!(step, with_rows().take_step(), "as if the transaction had not begun");
    assert_eq!(capture.take_step_before_open(), None, "nothing is before it any more");
    capture.truncate(&table()).unwrap();
    close(&mut capture, 7).unwrap();
    assert_eq!(watermarks(&capture.take_step()), [3, 3], "its barrier seals a step of its own");

    let mut capture = with_rows();
    open(&mut capture, 7).unwrap();
    capture.truncate(&table()).unwrap();
    assert_eq!(capture.take_step_before_open(), None, "the table is another one by now");
    let mut capture = with_rows();
    open(&mut capture, 7).unwrap();
    capture.rows(&table(), [insert(2, 2)]).unwrap();
    assert_eq!(capture.take_step_before_open(), None, "a row of it is in the step");

    let (mut capture, _) = in_the_middle();
    close(&mut capture, 6).unwrap();
    open(&mut capture, 7).unwrap();
    let step = capture.take_step_before_open().unwrap();
    assert_eq!((watermarks(&step), step.checkpoint.partial), (vec![2, 2], None), "its rows are out, its end is not");
}

#[test]
fn a_step_has_watermarks_within_where_much_is_complete() {
    // Two rows are much.
    let mut capture = begin_with_watermarks(60, &[table()]);
    open(&mut capture, 6).unwrap();
    capture.rows(&table(), [insert(1, 1), insert(2, 2), insert(3, 3)]).unwrap();
    assert_eq!(watermarks(&capture.take_step()), [], "the transaction is not complete");
    close(&mut capture, 6).unwrap();
    assert_eq!(watermarks(&capture.take_step()), [2, 2]);

    transaction(&mut capture, 7, vec![insert(4, 4), insert(5, 5), insert(6, 6)]);
    transaction(&mut capture, 8, vec![insert(7, 7)]);
    let step = capture.take_step();
    let mut found = watermarks(&step);
    found.sort_unstable();
    assert_eq!(found, [3, 3, 4, 4], "behind the large one, and at the end");
    transaction(&mut capture, 9, vec![insert(8, 8), insert(9, 9), insert(10, 10)]);
    assert_eq!(watermarks(&capture.take_step()), [5, 5], "what ends with one needs no other");
}
