//! Messages of the log come from outside: changed ones are decoded or refused, without a panic and without much memory.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use bytes::Bytes;
use millrace_model::batch::{Batch, Control, Entry, ReadPurpose, RowChange, RowEntry, Watermark};
use millrace_model::{BinlogPlace, Cell, MysqlType, PgType, Row, RowWriter, SchemaKey, Transaction, part::WriterId};
use millrace_proto::{
    BatchDecoder, Envelope, Received, decode_checkpoint, decode_schema, decode_table, encode_messages, table_record_key,
};
use millrace_testkit::{Mutations, peak_address_space};

const ROUNDS: usize = 200_000;

/// Far above what these messages need, far below what a length of four bytes of ones would ask for.
const MOST_MEMORY: u64 = 512 << 20;

fn row(cells: &[Cell<'_>]) -> Row {
    let mut writer = RowWriter::new();
    cells.iter().for_each(|cell| writer.put(*cell));
    writer.finish()
}

fn batch() -> Batch<MysqlType> {
    let place = BinlogPlace::new("binlog.000009", 1 << 40);
    let transaction = Arc::new(Transaction { place: place.clone(), gtid: None, committed_at: 7 });
    let before = row(&[Cell::Int(-1), Cell::Text("tëxt"), Cell::Null]);
    let after = row(&[Cell::Int(-1), Cell::Bytes(&[0, 1, 255]), Cell::Double(0.5)]);
    let changes = [
        RowChange::Read { row: before.clone(), purpose: ReadPurpose::Load },
        RowChange::Insert(after.clone()),
        RowChange::Update { before: before.clone(), after },
        RowChange::Delete(before),
    ];
    let rows = changes.into_iter().zip(1..).map(|(change, sequence)| {
        let transaction = (sequence > 1).then(|| transaction.clone());
        Entry::Row(RowEntry { sequence, schema: SchemaKey::new(3, 9), transaction, ordinal: sequence, change })
    });
    let watermark = Watermark { ordinal: 5, place: Some(place), gtid: String::new(), committed_at: 8 };
    let control = Entry::Control { sequence: 5, control: Control::Watermark(watermark) };
    Batch { first: 1, last: 5, input_offset: Some(4), entries: rows.chain([control]).collect() }
}

#[test]
fn changed_messages_are_decoded_or_refused() {
    let mut mutations = Mutations::of_test("changed_messages_are_decoded_or_refused");
    let envelope = Envelope { task_id: "task".into(), fingerprint: [7; 16] };
    let message = encode_messages(&envelope, WriterId([3; 16]), &batch()).next().unwrap();
    let whole = BatchDecoder::new([7; 16], None).decode::<MysqlType>(message.clone(), |_| Some(3));
    assert_eq!(whole.unwrap(), Received::Batch(batch()));
    let before = peak_address_space().unwrap();
    let (mut decoded, mut refused) = (0, 0);
    for _ in 0..ROUNDS {
        let changed = Bytes::from(mutations.mutate(&message));
        match BatchDecoder::new([7; 16], None).decode::<MysqlType>(changed, |_| Some(3)) {
            Ok(received) => {
                decoded += 1;
                // Cells that were let in can be read.
                assert!(!format!("{received:?}").is_empty());
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(decoded > 0 && refused > 0, "{decoded} decoded, {refused} refused");
    assert!(peak_address_space().unwrap() < before + MOST_MEMORY);
}

#[test]
fn any_bytes_are_refused_or_decoded_as_state_and_schema() {
    let mut mutations = Mutations::of_test("any_bytes_are_refused_or_decoded_as_state_and_schema");
    let before = peak_address_space().unwrap();
    // Fields of all numbers and wire types, so that some of each message fit.
    let fields: Vec<u8> = (1..16u8).flat_map(|n| [n << 3 | 2, 2, 8, 1, n << 3, 5]).collect();
    for _ in 0..ROUNDS {
        let bytes = Bytes::from(mutations.mutate(&fields));
        let _ = decode_checkpoint(bytes.clone());
        let _ = decode_schema::<MysqlType>(bytes.clone());
        let _ = decode_schema::<PgType>(bytes.clone());
        let _ = decode_table(&table_record_key(4), bytes);
    }
    assert!(peak_address_space().unwrap() < before + MOST_MEMORY);
}
