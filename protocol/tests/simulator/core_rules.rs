//! Rules that the core keeps by itself: each is shown directly, by what would go wrong.

use millrace_model::batch::{Control, Entry, ReadPurpose, RowChange, RowOperation};
use millrace_model::checkpoint::{Checkpoint, Ended, Load, SourceMark, TableState};
use millrace_model::position::Reading;
use millrace_model::{GtidSet, Row, TableName};
use millrace_protocol::ProtocolError;
use millrace_protocol::capture::{Capture, CaptureSettings, Step};
use millrace_protocol::chunk::{ChunkRequest, Completion, LowVerdict};
use millrace_protocol::whole::WholeState;

use crate::source::{Naming, Source, gtid};
use crate::tables::{Kind, Value, mysql_schema, name, row};

fn value(version: u64) -> Value {
    Value { unique: 0, version, count: 1 }
}

pub(crate) fn single(id: i64, version: u64) -> Row {
    row(Kind::Single, [id, 0], value(version))
}

pub(crate) fn insert(id: i64, version: u64) -> RowChange {
    RowChange::Insert(single(id, version))
}

fn update(id: i64, version: u64) -> RowChange {
    RowChange::Update { before: single(id, version - 1), after: single(id, version) }
}

pub(crate) fn table() -> TableName {
    name(Kind::Single, 0)
}

fn settings() -> CaptureSettings {
    CaptureSettings {
        message_bytes: 1000,
        step_bytes: 200,
        watermark_bytes: None,
        window_bytes: 500,
        readers: 2,
        schema: true,
        full: true,
        incremental: true,
    }
}

fn delivered(last: u64) -> GtidSet {
    let mut set = GtidSet::new();
    set.add_range(gtid(1).source, 1, last);
    set
}

pub(crate) fn reading(last: u64) -> Reading {
    Reading::Gtids(delivered(last))
}

/// A task that begins after five transactions, in two partitions, with its tables created.
pub(crate) fn begin(tables: &[TableName]) -> Capture {
    begin_with(settings(), tables)
}

/// The same with a watermark within a step after so many bytes.
pub(crate) fn begin_with_watermarks(bytes: usize, tables: &[TableName]) -> Capture {
    begin_with(CaptureSettings { watermark_bytes: Some(bytes), ..settings() }, tables)
}

fn begin_with(settings: CaptureSettings, tables: &[TableName]) -> Capture {
    let mut source = Source::new(Naming::Gtids, false);
    (0..40).for_each(|_| source.commit(Vec::new()));
    let checkpoint = Checkpoint {
        task_id: "5".into(),
        fingerprint: [0; 16],
        cluster_id: String::new(),
        source: Some(SourceMark {
            server: "server".into(),
            place: source.binlog[5].transaction.place.clone(),
            file_created: 1,
            delivered: reading(5),
            last_gtid: String::new(),
            committed_at: 0,
            prepared: Vec::new(),
        }),
        next_sequences: vec![1, 1],
        next_watermark: 1,
        next_schema_version: 1,
        partial: None,
        ended: Ended::No,
    };
    let schemas = tables.iter().map(mysql_schema).collect();
    let mut capture = Capture::first(settings, checkpoint, schemas, |schema| schema.table_id);
    capture.take_step();
    capture
}

pub(crate) fn restart(step: &Step, tables: &[TableState]) -> Capture {
    Capture::resume(settings(), step.checkpoint.clone(), tables.to_vec(), |schema| schema.table_id)
}

pub(crate) fn states(capture: &Capture) -> Vec<TableState> {
    capture.tables().map(|(_, state)| state.clone()).collect()
}

pub(crate) fn open(capture: &mut Capture, number: u64) -> Result<(), ProtocolError> {
    let mut source = Source::new(Naming::Gtids, false);
    (0..number).for_each(|_| source.commit(Vec::new()));
    capture.begin(source.binlog[number as usize - 1].transaction.clone())
}

pub(crate) fn close(capture: &mut Capture, number: u64) -> Result<(), ProtocolError> {
    let mut source = Source::new(Naming::Gtids, false);
    (0..number).for_each(|_| source.commit(Vec::new()));
    capture.commit(source.end())
}

pub(crate) fn transaction(capture: &mut Capture, number: u64, changes: Vec<RowChange>) {
    open(capture, number).unwrap();
    capture.rows(&table(), changes).unwrap();
    close(capture, number).unwrap();
}

fn rows(step: &Step) -> Vec<RowChange> {
    let entries = step.batches.iter().flat_map(|(_, batch)| &batch.entries);
    let row = |entry: &Entry<_>| match entry {
        Entry::Row(row) => Some(row.change.clone()),
        Entry::Control { .. } => None,
    };
    entries.filter_map(row).collect()
}

pub(crate) fn reads(step: &Step) -> Vec<Row> {
    let read = |change| match change {
        RowChange::Read { row, .. } => Some(row),
        _ => None,
    };
    rows(step).into_iter().filter_map(read).collect()
}

pub(crate) fn watermarks(step: &Step) -> Vec<u64> {
    let entries = step.batches.iter().flat_map(|(_, batch)| &batch.entries);
    let watermark = |entry: &Entry<_>| match entry {
        Entry::Control { control, .. } => control.watermark().map(|watermark| watermark.ordinal),
        Entry::Row(_) => None,
    };
    entries.filter_map(watermark).collect()
}

pub(crate) fn request(capture: &mut Capture, low: u64) -> ChunkRequest {
    let request = capture.next_request().unwrap();
    assert_eq!(capture.low(request.ticket, &reading(low)), LowVerdict::Good);
    request
}

#[test]
fn collected_keys_are_not_published() {
    let mut capture = begin(&[table()]);
    let request = request(&mut capture, 5);
    transaction(&mut capture, 6, vec![update(1, 11)]);
    // The rows were read before transaction 6 was visible.
    let read = vec![single(1, 10), single(2, 9), single(3, 8)];
    capture.chunk_read(request.ticket, read, None, Completion::LastChunk, Some(reading(7)));
    assert!(reads(&capture.take_step()).is_empty(), "high is not delivered yet");
    // Collected after the rows are there.
    transaction(&mut capture, 7, vec![update(3, 9)]);
    assert_eq!(reads(&capture.take_step()), [single(2, 9)]);
}

#[test]
fn a_key_that_only_operations_touched_that_are_not_replicated_is_published() {
    let mut capture = begin(&[table()]);
    let request = request(&mut capture, 5);
    open(&mut capture, 6).unwrap();
    let inserts_only = |operation| operation == RowOperation::Insert;
    capture.rows_of(&table(), vec![update(1, 11), insert(2, 9)], inserts_only).unwrap();
    close(&mut capture, 6).unwrap();
    let read = vec![single(1, 10), single(2, 9), single(3, 8)];
    capture.chunk_read(request.ticket, read, None, Completion::LastChunk, Some(reading(6)));
    let step = capture.take_step();
    let published = reads(&step);
    assert!(published.contains(&single(1, 10)) && published.contains(&single(3, 8)) && published.len() == 2);
    assert_eq!(rows(&step).len(), 4, "what is not replicated is in the log all the same");
}

#[test]
fn truncate_voids_the_chunk() {
    let mut capture = begin(&[table()]);
    let request = request(&mut capture, 5);
    capture.chunk_read(request.ticket, vec![single(1, 1)], None, Completion::LastChunk, Some(reading(6)));
    open(&mut capture, 6).unwrap();
    capture.truncate(&table()).unwrap();
    close(&mut capture, 6).unwrap();
    let step = capture.take_step();
    assert!(reads(&step).is_empty(), "rows from before the TRUNCATE came after it");
    assert!(matches!(capture.table(&table()).unwrap().load, Load::Pending { .. }));
    assert_eq!(capture.low(request.ticket, &reading(6)), LowVerdict::Void);
    assert!(capture.next_request().is_some(), "it is read again");
}

#[test]
fn chunk_of_a_dropped_table_is_void() {
    let mut capture = begin(&[table()]);
    let request = request(&mut capture, 5);
    open(&mut capture, 6).unwrap();
    capture.drop_table(&table()).unwrap();
    close(&mut capture, 6).unwrap();
    open(&mut capture, 7).unwrap();
    capture.create(mysql_schema(&table())).unwrap();
    close(&mut capture, 7).unwrap();
    capture.chunk_read(request.ticket, vec![single(1, 1)], None, Completion::LastChunk, Some(reading(7)));
    assert!(reads(&capture.take_step()).is_empty());
    assert_eq!(capture.table(&table()).unwrap().load, Load::NotNeeded);
}

/// A machine that stands in the middle of transaction 6, three of four images out, and the step that says so.
pub(crate) fn in_the_middle() -> (Capture, Step) {
    let mut capture = begin(&[table()]);
    open(&mut capture, 6).unwrap();
    capture.rows(&table(), [insert(1, 1), insert(2, 2), insert(3, 3)]).unwrap();
    let step = capture.take_step();
    (capture, step)
}

#[test]
fn no_watermark_inside_a_huge_transaction() {
    let (mut capture, step) = in_the_middle();
    assert_eq!(watermarks(&step), []);
    assert!(capture.next_request().is_none(), "no window opens inside a transaction");
    capture.rows(&table(), [insert(4, 4)]).unwrap();
    close(&mut capture, 6).unwrap();
    assert_eq!(watermarks(&capture.take_step()), [2, 2]);
}

#[test]
fn no_watermark_after_a_restart_inside_a_huge_transaction() {
    let (capture, step) = in_the_middle();
    let mut capture = restart(&step, &states(&capture));
    assert!(!capture.is_between_transactions());
    assert!(capture.next_request().is_none(), "no window opens before the rest is there");
    capture.idle(step.checkpoint.source.clone().unwrap().place, 1);
    let idle = capture.take_step();
    assert_eq!(watermarks(&idle), []);
    assert_eq!(idle.checkpoint.partial, step.checkpoint.partial, "how much is out is not forgotten");
}

#[test]
fn end_of_a_huge_transaction_is_published_though_nothing_is_left_of_it() {
    let (mut capture, _) = in_the_middle();
    close(&mut capture, 6).unwrap();
    assert!(capture.has_step());
    assert_eq!(watermarks(&capture.take_step()), [2, 2]);
    assert!(!capture.has_step());
}

#[test]
fn partial_transaction_resumes_by_count_and_hash() {
    let (capture, step) = in_the_middle();
    let tables = states(&capture);
    let mut again = restart(&step, &tables);
    open(&mut again, 6).unwrap();
    again.rows(&table(), [insert(1, 1), insert(2, 2)]).unwrap();
    assert_eq!(again.take_step().checkpoint.partial, step.checkpoint.partial, "a step before the rest changes nothing");
    again.rows(&table(), [insert(3, 3), insert(4, 4)]).unwrap();
    assert_eq!(rows(&again.take_step()), [insert(4, 4)], "only what is not out yet");

    let mut other = restart(&step, &tables);
    open(&mut other, 6).unwrap();
    let differs = other.rows(&table(), [insert(1, 1), insert(2, 2), insert(3, 99)]);
    assert!(matches!(differs, Err(ProtocolError::PartialDiffers { images: 3, .. })), "{differs:?}");

    let mut shorter = restart(&step, &tables);
    open(&mut shorter, 6).unwrap();
    shorter.rows(&table(), [insert(1, 1)]).unwrap();
    assert!(matches!(close(&mut shorter, 6), Err(ProtocolError::PartialDiffers { images: 1, .. })));

    let mut missing = restart(&step, &tables);
    assert!(matches!(open(&mut missing, 7), Err(ProtocolError::PartialMissing { .. })));
}

#[test]
fn schema_change_inside_a_transaction_stands_before_its_rows() {
    let mut capture = begin(&[]);
    open(&mut capture, 6).unwrap();
    capture.create(mysql_schema(&table())).unwrap();
    capture.rows(&table(), [insert(1, 1), insert(2, 2)]).unwrap();
    let step = capture.take_step();
    for (_, batch) in &step.batches {
        let Entry::Control { control: Control::Barrier(barrier), .. } = &batch.entries[0] else {
            panic!("a row stands before the table: {batch:?}");
        };
        assert_eq!(barrier.watermark.gtid, "", "the barrier does not count its transaction");
    }
    // A restart in its middle reads the CREATE again.
    let mut again = restart(&step, &states(&capture));
    open(&mut again, 6).unwrap();
    again.create(mysql_schema(&table())).unwrap();
    again.rows(&table(), [insert(1, 1), insert(2, 2), insert(3, 3)]).unwrap();
    close(&mut again, 6).unwrap();
    let rest = again.take_step();
    assert_eq!(rows(&rest), [insert(3, 3)]);
    assert!(rest.schemas.is_empty(), "the table is not created twice");
    assert_eq!(watermarks(&rest).len(), 2);
}

#[test]
fn key_change_is_delete_and_insert() {
    let mut capture = begin(&[table()]);
    let change = RowChange::Update { before: single(1, 1), after: single(2, 2) };
    transaction(&mut capture, 6, vec![change, update(5, 6)]);
    let step = capture.take_step();
    let mut found: Vec<(u64, RowChange)> = step
        .batches
        .iter()
        .flat_map(|(_, batch)| &batch.entries)
        .filter_map(|entry| match entry {
            Entry::Row(row) => Some((row.ordinal, row.change.clone())),
            Entry::Control { .. } => None,
        })
        .collect();
    found.sort_by_key(|(ordinal, change)| (*ordinal, matches!(change, RowChange::Insert(_))));
    assert_eq!(found, [(0, RowChange::Delete(single(1, 1))), (0, insert(2, 2)), (1, update(5, 6))]);
}

#[test]
fn whole_table_is_reread_after_interruption() {
    let keyless = name(Kind::Keyless, 0);
    let image = |a| row(Kind::Keyless, [a, 0], value(0));
    let mut capture = begin(std::slice::from_ref(&keyless));
    let whole = request(&mut capture, 5);
    capture.whole_opened(whole.ticket, Some(reading(5)));
    assert_eq!(capture.whole_state(whole.ticket), WholeState::Publish);
    assert!(capture.stream_waits());
    capture.whole_rows(whole.ticket, vec![image(1)]);
    let step = capture.take_step();
    let mut again = restart(&step, &states(&capture));
    assert!(!again.stream_waits());
    let whole = request(&mut again, 5);
    again.whole_opened(whole.ticket, Some(reading(5)));
    assert_eq!(again.whole_state(whole.ticket), WholeState::Publish);
    again.whole_rows(whole.ticket, vec![image(1), image(2)]);
    again.whole_done(whole.ticket);
    let step = again.take_step();
    let first = &step.batches[0].1.entries[0];
    assert!(matches!(first, Entry::Control { control: Control::Reset { .. }, .. }), "{first:?}");
    assert_eq!(reads(&step).len(), 2, "from the beginning, not only the rest");
}

#[test]
fn whole_table_is_reopened_when_it_was_touched() {
    let keyless = name(Kind::Keyless, 0);
    let mut capture = begin(std::slice::from_ref(&keyless));
    let whole = request(&mut capture, 5);
    capture.whole_opened(whole.ticket, Some(reading(6)));
    assert_eq!(capture.whole_state(whole.ticket), WholeState::Wait);
    open(&mut capture, 6).unwrap();
    capture.rows(&keyless, [RowChange::Insert(row(Kind::Keyless, [1, 1], value(0)))]).unwrap();
    close(&mut capture, 6).unwrap();
    assert_eq!(capture.whole_state(whole.ticket), WholeState::Void);
    assert!(capture.next_request().is_some());
}

#[test]
fn reads_are_for_loading_and_have_no_transaction() {
    let mut capture = begin(&[table()]);
    let request = request(&mut capture, 5);
    capture.chunk_read(request.ticket, vec![single(1, 1)], None, Completion::LastChunk, Some(reading(5)));
    let step = capture.take_step();
    let expected = RowChange::Read { row: single(1, 1), purpose: ReadPurpose::Load };
    assert_eq!(rows(&step), [expected]);
    assert_eq!(capture.table(&table()).unwrap().load, Load::Loaded { rows: 1 });
}

/// Transaction `number` is prepared with this XID.
fn prepare(capture: &mut Capture, number: u64, xid: &str) {
    open(capture, number).unwrap();
    let mut source = Source::new(Naming::Gtids, false);
    (0..number).for_each(|_| source.commit(Vec::new()));
    capture.prepared(xid, source.end());
}

#[test]
fn checkpoint_never_passes_a_prepared_transaction() {
    let mut capture = begin(&[table()]);
    prepare(&mut capture, 6, "a");
    prepare(&mut capture, 7, "b");
    transaction(&mut capture, 8, vec![insert(1, 1)]);
    let step = capture.take_step();
    let mark = step.checkpoint.source.clone().unwrap();
    assert_eq!(mark.delivered, reading(8), "as the server's executed set: chunks wait for nothing");
    let mut rest = delivered(8);
    rest = rest.minus(&delivered(7));
    rest.add_range(gtid(1).source, 1, 5);
    assert_eq!(mark.resume(), Reading::Gtids(rest), "a restart reads the rows of both again");

    let mut capture = restart(&step, &states(&capture));
    prepare(&mut capture, 6, "a");
    prepare(&mut capture, 7, "b");
    assert_eq!(capture.source(), Some(&mark), "what comes again changes nothing");
    open(&mut capture, 9).unwrap();
    capture.rows(&table(), vec![insert(2, 1)]).unwrap();
    capture.ends_prepared("b");
    close(&mut capture, 9).unwrap();
    open(&mut capture, 10).unwrap();
    capture.ends_prepared("a");
    close(&mut capture, 10).unwrap();
    let step = capture.take_step();
    let mark = step.checkpoint.source.clone().unwrap();
    assert_eq!((mark.resume(), rows(&step)), (reading(10), vec![insert(2, 1)]));
}

#[test]
fn prepared_transaction_comes_again_before_its_commit_that_is_partly_out() {
    let mut capture = begin(&[table()]);
    prepare(&mut capture, 6, "a");
    capture.take_step();
    open(&mut capture, 7).unwrap();
    let all: Vec<RowChange> = (0..6).map(|id| insert(id, 1)).collect();
    capture.rows(&table(), all[..4].to_vec()).unwrap();
    let step = capture.take_step();
    assert!(step.checkpoint.partial.is_some());
    let states = states(&capture);

    let mut capture = restart(&step, &states);
    prepare(&mut capture, 6, "a");
    assert!(!capture.is_between_transactions(), "the rest is still to come");
    open(&mut capture, 7).unwrap();
    capture.rows(&table(), all.clone()).unwrap();
    capture.ends_prepared("a");
    close(&mut capture, 7).unwrap();
    let step = capture.take_step();
    assert_eq!(rows(&step), all[4..]);
    assert_eq!(step.checkpoint.source.unwrap().prepared, []);
}
