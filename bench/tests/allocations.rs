//! The hot paths allocate for a message, never for a row, and a row takes the bytes on the wire that it always took: these
//! counts are the same on a machine that does other work, unlike times.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use millrace_adbpg::encode::put_copy_line;
use millrace_model::batch::{Batch, Control, Entry, ReadPurpose, RowChange, RowEntry, Watermark};
use millrace_model::mysql_type::Sign;
use millrace_model::part::WriterId;
use millrace_model::schema::{Column, Nullability, Route};
use millrace_model::{
    BinlogPlace, Cell, MysqlType, PgType, Row, RowWriter, SchemaKey, TableName, TableSchema, Transaction,
};
use millrace_proto::{BatchDecoder, Envelope, Received, encode_messages};
use millrace_protocol::cut::{Cuts, Progress, Work};
use millrace_task::Surroundings;
use millrace_transform::batch::{Scratch, transform_batch};
use millrace_transform::mappings::Mappings;

const ROWS: u64 = 1_000;

/// What a message of [`ROWS`] rows may allocate at each place: growing vectors and tables, nothing that grows with the rows.
const ALLOCATIONS: u64 = 60;

fn schema() -> TableSchema<MysqlType> {
    let column = |name: &str, ty| Column {
        name: name.into(),
        ty,
        nullability: Nullability::NotNull,
        default: None,
        comment: String::new(),
        collation: "utf8mb4_bin".into(),
    };
    TableSchema {
        table_id: 1,
        name: TableName::new("shop", "narrow"),
        columns: vec![
            column("id", MysqlType::Int(Sign::Signed)),
            column("k", MysqlType::Int(Sign::Unsigned)),
            column("c", MysqlType::Char { length: 120, charset: "utf8mb4".into() }),
            column("pad", MysqlType::Char { length: 60, charset: "utf8mb4".into() }),
        ],
        primary_key: vec![0],
        key: vec![0],
        indexes: Vec::new(),
        comment: String::new(),
        route: Route::Key,
        placement: Default::default(),
    }
}

fn row(writer: &mut RowWriter, id: u64) -> Row {
    writer.put(Cell::Int(id as i64));
    writer.put(Cell::UInt(id * 7));
    writer.put(Cell::Text(&"c".repeat(119)));
    writer.put(Cell::Text(&"p".repeat(59)));
    writer.finish()
}

/// A message of rows of the kind that `change` makes, with the watermark behind them.
fn captured(change: impl Fn(Row, Row) -> RowChange) -> Batch<MysqlType> {
    let mut writer = RowWriter::new();
    let place = BinlogPlace::new("binlog.000001", 4);
    let transaction = Arc::new(Transaction { place: place.clone(), gtid: None, committed_at: 7 });
    let entry = |sequence: u64| {
        let images = (row(&mut writer, sequence), row(&mut writer, sequence));
        let (schema, transaction) = (SchemaKey::new(1, 9), Some(transaction.clone()));
        Entry::Row(RowEntry { sequence, schema, transaction, ordinal: sequence, change: change(images.0, images.1) })
    };
    let mut entries: Vec<Entry<MysqlType>> = (1..=ROWS).map(entry).collect();
    let watermark = Watermark { ordinal: 1, place: Some(place), gtid: String::new(), committed_at: 8 };
    entries.push(Entry::Control { sequence: ROWS + 1, control: Control::Watermark(watermark) });
    Batch { first: 1, last: ROWS + 1, input_offset: None, entries }
}

fn envelope() -> Envelope {
    Envelope { task_id: "shop-1".into(), fingerprint: [7; 16] }
}

fn message<T>(batch: &Batch<T>) -> Bytes {
    encode_messages(&envelope(), WriterId([1; 16]), batch).next().unwrap()
}

fn decoded<T>(message: Bytes) -> Batch<T> {
    let mut decoder = BatchDecoder::new([7; 16], Some("shop-1".into()));
    match decoder.decode::<T>(message, |_| Some(4)).unwrap() {
        Received::Batch(batch) => batch,
        Received::Part(_) => panic!("a message in parts"),
    }
}

/// Counts what a step allocates.
fn counted<R>(what: &str, step: impl FnOnce() -> R) -> R {
    let mut result = None;
    let found = measure(|| result = Some(step())).count_total;
    assert!(found <= ALLOCATIONS, "{what}: {found} allocations for {ROWS} rows, allowed are {ALLOCATIONS}");
    result.unwrap()
}

fn mappings() -> Mappings {
    let text = "name = 'shop'\nsource = { url = 'mysql://u@127.0.0.1' }\n\
                destination = { url = 'postgres://u@127.0.0.1/d' }\nobjects = [{ table = 'shop.*' }]";
    let task = millrace_task::parse(text, "shop.toml".as_ref(), &Surroundings::none()).unwrap();
    let mut mappings = Mappings::default();
    mappings.add(SchemaKey::new(1, 9), schema(), &task.selection).unwrap();
    mappings
}

/// From a captured message to the lines of COPY.
fn pass(captured: &Batch<MysqlType>) {
    let mappings = mappings();
    let named = mappings.get(SchemaKey::new(1, 9)).unwrap();
    let (key, target) = (named.target, named.mapping.target().clone());
    let input = counted("capture encodes", || message(captured));
    let batch: Batch<MysqlType> = counted("transform decodes", || decoded(input));
    assert!(counted("transform looks for schemas", || mappings.missing(&batch)).is_empty());
    let mut scratch = Scratch::default();
    let output = counted("transform", || transform_batch(&mappings, &mut scratch, 5, &batch).unwrap());
    let message = counted("transform encodes", || message(&output));
    let batch: Batch<PgType> = counted("apply decodes", || decoded(message));

    let mut cuts = Cuts::new(1, &[Progress::start(0)], 0, usize::MAX);
    cuts.add_schema(key, target.clone());
    counted("apply collects", || cuts.offer(0, 0, batch).unwrap());
    let Work::Write(write) = counted("apply compacts", || cuts.next_work()) else { panic!("nothing to write") };
    assert_eq!(write.changes, ROWS);
    let mut out = BytesMut::with_capacity(1 << 20);
    counted("apply writes COPY", || {
        for row in &write.tables[0].inserts {
            put_copy_line(&mut out, &target.name, &target.columns, row).unwrap();
        }
    });
}

#[test]
fn no_row_of_a_full_load_allocates() {
    pass(&captured(|row, _| RowChange::Read { row, purpose: ReadPurpose::Load }));
}

#[test]
fn no_change_allocates() {
    pass(&captured(|row, _| RowChange::Insert(row)));
    pass(&captured(|before, after| RowChange::Update { before, after }));
    pass(&captured(|row, _| RowChange::Delete(row)));
}

#[test]
fn a_row_takes_few_bytes_beside_its_image() {
    let captured = captured(|row, _| RowChange::Insert(row));
    let Entry::Row(RowEntry { change, .. }) = &captured.entries[0] else { panic!("no row") };
    let (whole, images) = (message(&captured).len() as u64, change.len() as u64 * ROWS);
    let beside = (whole - images) / ROWS;
    assert!(beside <= 18, "{beside} bytes a row beside its image");
}
