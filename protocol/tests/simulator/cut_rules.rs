//! Rules of apply's core: what is skipped, written together, paused and passed, and what compaction leaves.

use std::sync::Arc;

use millrace_model::batch::{Barrier, Batch, Control, Entry, ReadPurpose, RowChange, RowEntry, SchemaChange};
use millrace_model::{PgType, SchemaKey, TableSchema, Watermark};
use millrace_protocol::ProtocolError;
use millrace_protocol::compact::{Compactor, TableWrite};
use millrace_protocol::cut::{Cuts, Progress, Then, Work, Write};

use crate::destination::Destination;
use crate::random::Random;
use crate::tables::{Kind, Value, mysql_schema, name, pg_schema, row};

fn schema(kind: Kind) -> Arc<TableSchema<PgType>> {
    Arc::new(pg_schema(&mysql_schema(&name(kind, 0))))
}

fn key() -> SchemaKey<PgType> {
    SchemaKey::new(1, 1)
}

fn change(id: i64) -> RowChange {
    RowChange::Insert(row(Kind::Single, [id, 0], Value { unique: 0, version: 1, count: 1 }))
}

fn insert(sequence: u64, id: i64) -> Entry<PgType> {
    Entry::Row(RowEntry { sequence, schema: key(), transaction: None, ordinal: 0, change: change(id) })
}

fn mark(ordinal: u64) -> Watermark {
    Watermark { ordinal, place: None, gtid: String::new(), committed_at: 0 }
}

fn watermark(sequence: u64, ordinal: u64) -> Entry<PgType> {
    Entry::Control { sequence, control: Control::Watermark(mark(ordinal)) }
}

fn barrier(sequence: u64, ordinal: u64) -> Entry<PgType> {
    let changes = vec![SchemaChange::Truncate { schema: key(), table: name(Kind::Single, 0) }];
    Entry::Control { sequence, control: Control::Barrier(Barrier { watermark: mark(ordinal), changes }) }
}

fn batch(entries: Vec<Entry<PgType>>) -> Batch<PgType> {
    let (first, last) = (entries[0].sequence(), entries[entries.len() - 1].sequence());
    Batch { first, last, input_offset: Some(0), entries }
}

fn at(partition: u32, sequence: u64, watermark: u64) -> Progress {
    Progress { sequence, watermark, number: sequence, next_offset: 0, ..Progress::start(partition) }
}

fn cuts(owned: &[Progress], byte_limit: usize) -> Cuts {
    let floor = owned.iter().map(|progress| progress.watermark).max().unwrap_or(0);
    let mut cuts = Cuts::new(2, owned, floor, byte_limit);
    cuts.add_schema(key(), schema(Kind::Single));
    cuts
}

fn write(cuts: &mut Cuts) -> Write {
    match cuts.next_work() {
        Work::Write(write) => write,
        other => panic!("nothing is written: {other:?}"),
    }
}

fn sequences(write: &Write) -> Vec<(u32, u64)> {
    match &write.then {
        Then::Commit(progress) => progress.iter().map(|progress| (progress.partition, progress.sequence)).collect(),
        Then::KeepOpen => Vec::new(),
    }
}

#[test]
fn zombie_transform_is_harmless() {
    let mut cuts = cuts(&[at(0, 0, 0)], 1 << 20);
    cuts.offer(0, 0, batch(vec![insert(1, 1), insert(2, 2)])).unwrap();
    // A former writer repeats ranges, cut in other places, and is ahead in one.
    cuts.offer(0, 1, batch(vec![insert(1, 1)])).unwrap();
    cuts.offer(0, 2, batch(vec![insert(2, 2), insert(3, 3)])).unwrap();
    cuts.offer(0, 3, batch(vec![insert(3, 3), watermark(4, 1)])).unwrap();
    let write = write(&mut cuts);
    assert_eq!(write.changes, 3);
    assert_eq!(sequences(&write), [(0, 4)]);
    let gap = cuts.offer(0, 4, batch(vec![insert(6, 6)]));
    assert_eq!(gap, Err(ProtocolError::Gap { partition: 0, expected: 5, found: 6 }));
}

#[test]
fn ranges_without_rows_advance_the_progress() {
    let mut cuts = cuts(&[at(0, 0, 0)], 1 << 20);
    cuts.offer(0, 0, Batch { first: 1, last: 7, input_offset: Some(0), entries: vec![] }).unwrap();
    cuts.offer(0, 1, Batch { first: 8, last: 12, input_offset: Some(0), entries: vec![insert(9, 9)] }).unwrap();
    let write = write(&mut cuts);
    let Then::Commit(progress) = &write.then else { panic!("{write:?}") };
    assert_eq!((progress[0].sequence, progress[0].next_offset), (12, 2));
}

#[test]
fn cut_is_the_highest_watermark_of_all() {
    let mut cuts = cuts(&[at(0, 0, 0), at(1, 0, 0)], 1 << 20);
    cuts.offer(0, 0, batch(vec![insert(1, 1), watermark(2, 1), insert(3, 3), watermark(4, 2)])).unwrap();
    assert!(matches!(cuts.next_work(), Work::Idle));
    cuts.offer(1, 0, batch(vec![watermark(1, 1), insert(2, 7)])).unwrap();
    assert_eq!(sequences(&write(&mut cuts)), [(0, 2), (1, 1)]);
    assert!(matches!(cuts.next_work(), Work::Idle));
    cuts.offer(1, 1, batch(vec![watermark(3, 2)])).unwrap();
    assert_eq!(sequences(&write(&mut cuts)), [(0, 4), (1, 3)]);
}

#[test]
fn first_cut_after_partitions_came_back_is_above_all_progress() {
    // Partition 0 was written beyond watermark 4, into the next transaction, by one that owned it alone.
    let mut cuts = cuts(&[at(0, 9, 4), at(1, 5, 3)], 1 << 20);
    cuts.offer(1, 0, batch(vec![insert(6, 6), watermark(7, 4)])).unwrap();
    assert!(matches!(cuts.next_work(), Work::Idle), "half of the transaction would show");
    cuts.offer(1, 1, batch(vec![insert(8, 8), watermark(9, 5)])).unwrap();
    cuts.offer(0, 0, batch(vec![watermark(10, 5)])).unwrap();
    assert_eq!(sequences(&write(&mut cuts)), [(0, 10), (1, 9)]);
}

#[test]
fn write_ahead_waits_for_its_watermark() {
    let mut cuts = cuts(&[at(0, 0, 0), at(1, 0, 0)], 100);
    cuts.offer(0, 0, batch(vec![insert(1, 1), insert(2, 2)])).unwrap();
    assert_eq!(write(&mut cuts).then, Then::KeepOpen);
    assert!(cuts.is_ahead());
    assert!(matches!(cuts.next_work(), Work::Idle), "nothing is committed before the cut");
    cuts.offer(0, 1, batch(vec![insert(3, 3), watermark(4, 1)])).unwrap();
    cuts.offer(1, 0, batch(vec![watermark(1, 1)])).unwrap();
    assert_eq!(sequences(&write(&mut cuts)), [(0, 4), (1, 1)]);
    assert!(!cuts.is_ahead());
}

#[test]
fn lane_that_the_cut_waits_for_is_read_on() {
    let mut cuts = cuts(&[at(0, 9, 7), at(1, 5, 3)], 100);
    // Below the highest watermark in progress: it must go on, though it holds watermarks.
    cuts.offer(1, 0, batch(vec![watermark(6, 4), insert(7, 7), insert(8, 8), insert(9, 9), watermark(10, 5)])).unwrap();
    cuts.offer(0, 0, batch(vec![insert(10, 10), watermark(11, 8)])).unwrap();
    assert_eq!([0, 1].map(|partition| cuts.rank(partition)), [None, Some(5)]);
    // And its rows are written ahead, over watermarks at which nothing will be committed.
    let ahead = write(&mut cuts);
    assert_eq!((ahead.then, ahead.changes), (Then::KeepOpen, 3));
}

#[test]
fn nothing_passes_a_barrier() {
    let mut cuts = cuts(&[at(0, 0, 0), at(1, 0, 0)], 1 << 20);
    cuts.offer(0, 0, batch(vec![insert(1, 1), barrier(2, 1), insert(3, 3), watermark(4, 2)])).unwrap();
    cuts.offer(1, 0, batch(vec![barrier(1, 1), watermark(2, 2)])).unwrap();
    assert_eq!(sequences(&write(&mut cuts)), [(0, 1)], "everything before it is committed first");
    let Work::Barrier(standing) = cuts.next_work() else { panic!("it passes the barrier") };
    assert_eq!(standing.partitions, [(0, 1), (1, 0)]);
    assert!(matches!(cuts.next_work(), Work::Barrier(_)), "as long as the journal does not have it");
    cuts.pass(1);
    assert_eq!(sequences(&write(&mut cuts)), [(0, 4), (1, 2)]);
}

#[test]
fn barrier_that_another_partition_has_passed_is_passed() {
    let mut cuts = cuts(&[at(0, 9, 5), at(1, 5, 3)], 1 << 20);
    cuts.offer(1, 0, batch(vec![barrier(6, 4), watermark(7, 5), watermark(8, 6)])).unwrap();
    cuts.offer(0, 0, batch(vec![watermark(10, 6)])).unwrap();
    assert_eq!(sequences(&write(&mut cuts)), [(0, 10), (1, 8)]);
}

#[test]
fn no_arrival_while_a_transaction_is_written_ahead() {
    let mut cuts = cuts(&[at(0, 0, 0), at(1, 0, 0)], 100);
    cuts.offer(0, 0, batch(vec![insert(1, 1), insert(2, 2), barrier(3, 1)])).unwrap();
    assert_eq!(write(&mut cuts).then, Then::KeepOpen);
    assert!(matches!(cuts.next_work(), Work::Idle), "its progress is not committed");
    cuts.offer(1, 0, batch(vec![barrier(1, 1)])).unwrap();
    assert_eq!(sequences(&write(&mut cuts)), [(0, 2)]);
    assert!(matches!(cuts.next_work(), Work::Barrier(_)));
}

fn compacted(kind: Kind, changes: Vec<RowChange>) -> Vec<TableWrite> {
    let schema = schema(kind);
    let mut compactor = Compactor::new();
    changes.into_iter().for_each(|change| compactor.push(key(), &schema, change));
    compactor.finish()
}

fn single(id: i64, version: u64) -> millrace_model::Row {
    row(Kind::Single, [id, 0], Value { unique: 0, version, count: 1 })
}

#[test]
fn read_never_replaces_an_earlier_write() {
    let read = RowChange::Read { row: single(1, 3), purpose: ReadPurpose::Load };
    let update = RowChange::Update { before: single(1, 3), after: single(1, 4) };
    let writes = compacted(Kind::Single, vec![update, read.clone()]);
    assert_eq!(writes[0].inserts, [single(1, 4)]);
    let writes = compacted(Kind::Single, vec![RowChange::Delete(single(1, 3)), read]);
    assert!(writes[0].inserts.is_empty());
}

#[test]
fn row_read_and_deleted_in_one_cut_is_deleted() {
    // Its insert was streamed, and applied, before its chunk was read.
    let read = RowChange::Read { row: single(1, 3), purpose: ReadPurpose::Load };
    let writes = compacted(Kind::Single, vec![read, RowChange::Delete(single(1, 3))]);
    assert_eq!(writes[0].deletes, [single(1, 3).key(&[0])]);
}

fn with_table(kind: Kind) -> Destination {
    let mut destination = Destination::default();
    destination.tables.insert(name(kind, 0), Default::default());
    destination.shapes.insert(name(kind, 0), 0);
    destination
}

#[test]
fn compaction_is_the_same_as_one_by_one() {
    for seed in 0..500 {
        let mut random = Random::new(seed);
        let kind = [Kind::Single, Kind::Keyless][random.below(2)];
        let mut rows: Vec<(i64, u64)> = Vec::new();
        let mut changes = Vec::new();
        let image = |(id, version): (i64, u64)| match kind {
            Kind::Keyless => row(kind, [id, version as i64 % 2], Value { unique: 0, version: 0, count: 1 }),
            _ => single(id, version),
        };
        for version in 1..random.between(2, 40) as u64 {
            let id = random.below(4) as i64;
            let there = rows.iter().position(|(known, _)| *known == id);
            changes.push(match there {
                None => {
                    rows.push((id, version));
                    RowChange::Insert(image((id, version)))
                }
                Some(i) if random.chance(400) => RowChange::Delete(image(rows.swap_remove(i))),
                Some(i) => {
                    let before = std::mem::replace(&mut rows[i], (id, version));
                    RowChange::Update { before: image(before), after: image((id, version)) }
                }
            });
        }
        let mut states = Vec::new();
        for largest in [1, changes.len()] {
            let mut destination = with_table(kind);
            let mut rest = changes.clone();
            while !rest.is_empty() {
                let now = rest.drain(..random.between(1, largest).min(rest.len())).collect();
                let number = destination.begin(false);
                destination.write(number, Arc::new(compacted(kind, now)), 0);
                destination.commit(number);
            }
            assert!(destination.violations.is_empty(), "seed {seed}: {:?}", destination.violations);
            states.push(destination.tables);
        }
        assert_eq!(states[0], states[1], "seed {seed}");
    }
}
