//! The wire: the published `.proto` files (`proto/millrace/v1/`) and their codec.
//!
//! The generated types never leave this crate: the stages see `millrace_model` types only. Messages from the log are
//! untrusted input: every decoder checks what it reads, and an unknown value is an error that names it, never skipped.

mod batch;
mod batch_reader;
mod batch_writer;
mod held;
mod schema;
mod state;
mod wire;

pub use batch::{BatchDecoder, Envelope, Received, encode_messages};
pub use held::{HELD_PREFIX, HeldTable, Standing, decode_held, encode_held, held_record_key, schema_of_held_record};
pub use schema::{
    ColumnTypeWire, TypeParts, decode_schema, encode_schema, schema_hash, schema_record_key, schema_record_prefix,
};
pub use state::{CHECKPOINT_KEY, decode_checkpoint, decode_table, encode_checkpoint, encode_table, table_record_key};

use millrace_model::{ErrorClass, Failure};
use thiserror::Error;

/// The version of the wire format that this crate writes and reads.
pub const FORMAT: u32 = 1;

/// Bytes from which on a batch travels in parts: below the million that brokers take unless they are told otherwise.
pub const MESSAGE_BYTES: usize = 512 << 10;

/// A message that cannot be understood.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Not a protobuf message of the expected type.
    #[error("not a message of this format: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// Written by another version.
    #[error("the message has format {0}, this version reads format {FORMAT}")]
    Format(u32),
    /// Written by another task, or another run of it.
    #[error("the message belongs to task id \"{found}\", not to \"{expected}\"")]
    OtherTask {
        /// The task id in the message.
        found: String,
        /// The reader's.
        expected: String,
    },
    /// Written for another task file.
    #[error("the message was written for another version of the task file")]
    OtherFingerprint,
    /// A field is missing or has a value that is not known.
    #[error("the message has no valid {0}")]
    Field(&'static str),
    /// A row that does not fit.
    #[error("the message holds a row that cannot be read: {0}")]
    Row(#[from] millrace_model::row::RowParseError),
}

impl DecodeError {
    /// Always [`ErrorClass::Fatal`].
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Fatal
    }

    /// How to mend it.
    pub fn hint(&self) -> String {
        match self {
            Self::Format(_) => "run all stages in the same version".into(),
            Self::OtherTask { .. } => {
                "another task of this name writes to the same topics: give one of them another name, or delete the \
                 topics of the one that is over"
                    .into()
            }
            Self::OtherFingerprint => {
                "all stages of a task need the same task file; phases, operations, [[objects]], [schema] and partitions cannot \
                 change while it runs"
                    .into()
            }
            Self::Protobuf(_) | Self::Field(_) | Self::Row(_) => {
                "something other than this task wrote to the topic".into()
            }
        }
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Failure::fatal(error.to_string(), error.hint())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use bytes::Bytes;
    use millrace_model::batch::*;
    use millrace_model::checkpoint::*;
    use millrace_model::gtid::GtidSource;
    use millrace_model::mysql_type::Sign;
    use millrace_model::schema::*;
    use millrace_model::*;
    use prost::Message;

    use super::*;
    use crate::batch_writer::encode_batch;
    use crate::wire::value::Kind;

    fn key(version: u64) -> SchemaKey<MysqlType> {
        SchemaKey::new(version, version * 7)
    }

    fn row(n: i64) -> Row {
        [Cell::Int(n), Cell::Text("x"), Cell::Null].into_iter().collect()
    }

    pub(crate) fn batch() -> Batch<MysqlType> {
        let gtid = Gtid {
            source: GtidSource { uuid: "3e11fa47-71ca-11e1-9e33-c80aa9429562".into(), tag: "".into() },
            number: 9,
        };
        let transaction =
            Arc::new(Transaction { place: BinlogPlace::new("b.000001", 4 << 32), gtid: Some(gtid), committed_at: 5 });
        let watermark =
            Watermark { ordinal: 3, place: Some(BinlogPlace::new("b.000001", 9)), gtid: "".into(), committed_at: 8 };
        let changes = [
            RowChange::Read { row: row(1), purpose: ReadPurpose::Load },
            RowChange::Read { row: row(1), purpose: ReadPurpose::Repair },
            RowChange::Insert(row(2)),
            RowChange::Update { before: row(2), after: row(3) },
            RowChange::Delete(row(3)),
        ];
        let controls = [
            Control::Watermark(watermark.clone()),
            Control::Barrier(Barrier {
                watermark: watermark.clone(),
                changes: vec![
                    SchemaChange::Create { schema: key(1) },
                    SchemaChange::Drop { schema: key(2), table: TableName::new("d", "t") },
                    SchemaChange::Truncate { schema: key(3), table: TableName::new("d", "t") },
                    SchemaChange::Alter(Alteration {
                        before: key(3),
                        schema: key(4),
                        origins: vec![Some(1), None, Some(0)],
                    }),
                ],
            }),
            Control::Reset { schema: key(1) },
            Control::ChunkDone { schema: key(1), chunk: 4, rows: 5 },
            Control::TableLoaded { schema: key(1) },
            Control::End(watermark),
        ];
        let mut entries = Vec::new();
        for (i, change) in changes.into_iter().enumerate() {
            let transaction = (i > 1).then(|| transaction.clone());
            let schema = key(1 + i as u64 / 3);
            entries.push(Entry::Row(RowEntry {
                sequence: 10 + i as u64,
                schema,
                transaction,
                ordinal: i as u64,
                change,
            }));
        }
        for (i, control) in controls.into_iter().enumerate() {
            entries.push(Entry::Control { sequence: 15 + i as u64, control });
        }
        Batch { first: 10, last: 20, input_offset: Some(77), entries }
    }

    pub(crate) fn envelope() -> Envelope {
        Envelope { task_id: "shop-1".into(), fingerprint: [3; 16] }
    }

    pub(crate) fn whole(batch: &Batch<MysqlType>) -> Bytes {
        let mut pieces = encode_batch(&envelope(), batch);
        pieces.take(pieces.len())
    }

    #[test]
    fn a_batch_comes_back_whole() {
        let batch = batch();
        let bytes = whole(&batch);
        let mut decoder = BatchDecoder::new([3; 16], None);
        assert_eq!(decoder.decode(bytes.clone(), |_| Some(3)).unwrap(), Received::Batch(batch));
        assert!(matches!(decoder.decode::<MysqlType>(bytes, |_| Some(4)), Err(DecodeError::Row(_))));
    }

    #[test]
    fn large_batches_travel_in_parts() {
        let writer = part::WriterId([7; 16]);
        let small: Vec<_> = encode_messages(&envelope(), writer, &batch()).collect();
        assert_eq!(small, [whole(&batch())]);
        let text = "x".repeat(5 * MESSAGE_BYTES / 2);
        let change = RowChange::Insert([Cell::Text(&text)].into_iter().collect());
        let row = RowEntry { sequence: 9, schema: key(1), transaction: None, ordinal: 0, change };
        let batch = Batch { first: 9, last: 9, input_offset: Some(4), entries: vec![Entry::Row(row)] };
        let mut decoder = BatchDecoder::new([3; 16], None);
        let mut whole = Vec::new();
        for (number, message) in encode_messages(&envelope(), writer, &batch).enumerate() {
            assert!(message.len() < MESSAGE_BYTES + 200, "{}", message.len());
            let Received::Part(part) = decoder.decode::<MysqlType>(message, |_| None).unwrap() else {
                panic!("no part")
            };
            assert_eq!((part.writer, part.number, part.count), (writer, number as u32, 3));
            assert_eq!((part.first, part.last, part.is_last()), (9, 9, number == 2));
            whole.extend(part.content);
        }
        assert_eq!(decoder.decode_joined(whole.into(), |_| Some(1)).unwrap(), batch);
    }

    #[test]
    fn large_images_are_not_copied_and_change_nothing_of_the_form() {
        let image =
            |bytes: usize| -> Row { [Cell::Int(1), Cell::Bytes(&vec![bytes as u8; bytes])].into_iter().collect() };
        let sizes = [1, MESSAGE_BYTES, 3, 3 * MESSAGE_BYTES + 7, MESSAGE_BYTES - 1, 2 * MESSAGE_BYTES];
        let mut batch = batch();
        for (place, bytes) in sizes.into_iter().enumerate() {
            let change = match place % 2 {
                0 => RowChange::Insert(image(bytes)),
                _ => RowChange::Update { before: image(bytes + 1), after: image(bytes) },
            };
            let (sequence, schema) = (21 + place as u64, key(1 + place as u64 / 2));
            batch.entries.push(Entry::Row(RowEntry { sequence, schema, transaction: None, ordinal: 0, change }));
            batch.last = sequence;
        }
        let message = whole(&batch);
        assert_eq!(message, wire::EventBatch::decode(message.clone()).unwrap().encode_to_vec());
        assert_eq!(BatchDecoder::new([3; 16], None).decode_joined(message.clone(), |_| None).unwrap(), batch);
        for length in [1000, 4096, MESSAGE_BYTES, 2 * MESSAGE_BYTES + 1, message.len() - 1, message.len() + 1] {
            let mut pieces = encode_batch(&envelope(), &batch);
            assert_eq!(pieces.len(), message.len());
            let chunks = message.chunks(length).map(|chunk| assert_eq!(pieces.take(length), chunk)).count();
            assert_eq!((chunks, pieces.take(length).len()), (message.len().div_ceil(length), 0));
        }
        let large = image(MESSAGE_BYTES);
        batch.entries = vec![Entry::Row(RowEntry {
            sequence: 10,
            schema: key(1),
            transaction: None,
            ordinal: 0,
            change: RowChange::Insert(large.clone()),
        })];
        let mut pieces = encode_batch(&envelope(), &batch);
        pieces.take(pieces.len() - large.len());
        assert_eq!(pieces.take(large.len()).as_ptr(), large.as_bytes().as_ptr());
    }

    #[test]
    fn parts_that_contradict_themselves_are_refused() {
        let part =
            wire::Part { writer: vec![1; 16].into(), number: 0, count: 2, last_sequence: 5, content: Bytes::new() };
        let header = wire::EventBatch::decode(whole(&batch())).unwrap();
        let message = wire::EventBatch { first_sequence: 5, last_sequence: 4, part: Some(part.clone()), ..header };
        let decode = |message: &wire::EventBatch| {
            BatchDecoder::new([3; 16], None).decode::<MysqlType>(message.encode_to_vec().into(), |_| None)
        };
        assert!(matches!(decode(&message), Ok(Received::Part(_))));
        assert!(
            BatchDecoder::new([3; 16], None)
                .decode_joined::<MysqlType>(message.encode_to_vec().into(), |_| None)
                .is_err()
        );
        let wrong = [
            wire::EventBatch { last_sequence: 5, ..message.clone() },
            wire::EventBatch { first_sequence: 0, ..message.clone() },
            wire::EventBatch { part: Some(wire::Part { number: 1, ..part.clone() }), ..message.clone() },
            wire::EventBatch { part: Some(wire::Part { number: 2, ..part.clone() }), ..message.clone() },
            wire::EventBatch { part: Some(wire::Part { last_sequence: 4, ..part.clone() }), ..message.clone() },
            wire::EventBatch { part: Some(wire::Part { writer: Bytes::new(), ..part }), ..message.clone() },
        ];
        for message in wrong {
            assert!(matches!(decode(&message), Err(DecodeError::Field(_))), "{message:?}");
        }
    }

    #[test]
    fn other_tasks_fingerprints_and_formats_are_refused() {
        let bytes = whole(&batch());
        let decode = |mut decoder: BatchDecoder| decoder.decode::<MysqlType>(bytes.clone(), |_| None);
        assert!(matches!(decode(BatchDecoder::new([4; 16], None)), Err(DecodeError::OtherFingerprint)));
        let other = BatchDecoder::new([3; 16], Some("shop-2".into()));
        assert!(matches!(decode(other), Err(DecodeError::OtherTask { .. })));
        let mut message = wire::EventBatch::decode(bytes.clone()).unwrap();
        message.format = 2;
        let mut decoder = BatchDecoder::new([3; 16], None);
        let changed = decoder.decode::<MysqlType>(message.encode_to_vec().into(), |_| None);
        assert!(matches!(changed, Err(DecodeError::Format(2))));
    }

    #[test]
    fn truncated_and_changed_messages_never_panic() {
        let bytes = whole(&batch());
        for end in 0..bytes.len() {
            let _ = BatchDecoder::new([3; 16], None).decode::<MysqlType>(bytes.slice(..end), |_| Some(3));
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.to_vec();
                changed[at] ^= 1 << bit;
                let _ = BatchDecoder::new([3; 16], None).decode::<MysqlType>(changed.into(), |_| Some(3));
            }
        }
    }

    #[test]
    fn a_row_is_the_published_message() {
        let cells = [
            Cell::Null,
            Cell::Int(-5),
            Cell::UInt(u64::MAX),
            Cell::Float(1.5),
            Cell::Double(-2.5),
            Cell::Text("é"),
            Cell::Bytes(b"\0"),
        ];
        let row: Row = cells.into_iter().collect();
        let message = wire::Row::decode(row.as_bytes().clone()).unwrap();
        let kinds: Vec<Option<Kind>> = message.values.iter().map(|value| value.kind.clone()).collect();
        let expected = [
            None,
            Some(Kind::Int(-5)),
            Some(Kind::Uint(u64::MAX)),
            Some(Kind::Float(1.5)),
            Some(Kind::Double(-2.5)),
            Some(Kind::Text("é".into())),
            Some(Kind::Bytes(Bytes::from_static(b"\0"))),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(message.encode_to_vec(), row.as_bytes()[..]);
    }

    fn schema() -> TableSchema<MysqlType> {
        let charset = || Arc::<str>::from("utf8mb4");
        let types = [
            MysqlType::BigInt(Sign::Unsigned),
            MysqlType::Decimal { precision: 65, scale: 30 },
            MysqlType::Bit(64),
            MysqlType::Timestamp(6),
            MysqlType::Varchar { length: 10, charset: charset() },
            MysqlType::Text { length_bytes: 4, charset: charset() },
            MysqlType::Enum(vec!["a".into(), "b,c".into()].into()),
            MysqlType::Geometry("point".into()),
            MysqlType::Blob(3),
        ];
        let columns = types.into_iter().enumerate().map(|(i, ty)| Column {
            name: format!("c{i}").into(),
            ty,
            nullability: if i == 0 { Nullability::NotNull } else { Nullability::Nullable },
            default: [
                None,
                Some(DefaultValue::Literal("x".into())),
                Some(DefaultValue::CurrentTimestamp(6)),
                Some(DefaultValue::Expression("(1)".into())),
            ][i % 4]
                .clone(),
            comment: "c".into(),
            collation: "utf8mb4_bin".into(),
        });
        TableSchema {
            table_id: 4,
            name: TableName::new("d", "t"),
            columns: columns.collect(),
            primary_key: vec![0],
            key: vec![0],
            indexes: vec![Index { name: "i".into(), columns: vec![1, 0], uniqueness: Uniqueness::Unique }],
            comment: "t".into(),
            route: Route::Table,
            placement: Placement { distribution: Distribution::Columns(vec![0]), storage: Storage::Heap },
        }
    }

    #[test]
    fn schemas_and_state_come_back_whole() {
        let schema = schema();
        assert_eq!(decode_schema::<MysqlType>(encode_schema(&schema)).unwrap(), schema);
        let state = TableState {
            key: key(1),
            schema: Arc::new(schema),
            load: Load::Pending {
                ranges: vec![KeyRange { after: Some(row(4)), through: None, state: RangeState::Done }],
                next_chunk: 3,
                rows: 9,
                purpose: ReadPurpose::Repair,
            },
            source_only: SourceOnly {
                charset: "latin1".into(),
                collation: "latin1_bin".into(),
                auto_increment: Some(0),
                indexes: vec![OtherIndex {
                    name: "i".into(),
                    columns: vec![Some(0), None],
                    uniqueness: Uniqueness::Unique,
                }],
            },
        };
        assert_eq!(decode_table(&table_record_key(4), encode_table(&state)).unwrap(), Some(state));
        let checkpoint = Checkpoint {
            task_id: "t".into(),
            fingerprint: [1; 16],
            cluster_id: "c".into(),
            source: Some(SourceMark {
                server: "s".into(),
                place: BinlogPlace::new("b.000009", 1 << 40),
                file_created: 5,
                delivered: Reading::Gtids("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5".parse().unwrap()),
                last_gtid: "x".into(),
                committed_at: 4,
                prepared: vec![PreparedTransaction {
                    xid: "X'61',X'',1".into(),
                    place: BinlogPlace::new("b.000008", 5 << 32),
                    gtid: "3e11fa47-71ca-11e1-9e33-c80aa9429562:5".parse().unwrap(),
                }],
            }),
            next_sequences: vec![1, 2],
            next_watermark: 3,
            next_schema_version: 4,
            partial: Some(PartialTransaction { name: "p".into(), images: 5, hash: 6 }),
            ended: Ended::Yes,
        };
        assert_eq!(decode_checkpoint(encode_checkpoint(&checkpoint)).unwrap(), checkpoint);
    }
}
