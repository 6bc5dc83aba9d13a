//! Messages in parts: far larger than any queue, within a transaction, and beside those of another writer.

use std::sync::Arc;

use millrace_eventlog::{LogError, Message, PartitionWriter, StartAt, read_tail_of};
use millrace_model::batch::{Batch, Entry, RowChange, RowEntry};
use millrace_model::part::Part;
use millrace_model::position::{BinlogPlace, Transaction};
use millrace_model::{Cell, MysqlType, Row, SchemaKey};
use millrace_proto::{BatchDecoder, Envelope, MESSAGE_BYTES, Received, encode_messages};

use crate::lab::{PATIENCE, messages, noise, with_topics};

fn envelope() -> Envelope {
    Envelope { task_id: "t".into(), fingerprint: [1; 16] }
}

/// A batch with one row of this many bytes, which do not compress.
fn large(sequence: u64, bytes: usize) -> Batch<MysqlType> {
    let content = noise(bytes);
    let row: Row = [Cell::Bytes(&content)].into_iter().collect();
    let transaction = Transaction { place: BinlogPlace::new("b.000001", 4), gtid: None, committed_at: 1 };
    let (schema, transaction) = (SchemaKey::new(1, 1), Some(Arc::new(transaction)));
    let entry = RowEntry { sequence, schema, transaction, ordinal: 0, change: RowChange::Insert(row) };
    Batch { first: sequence, last: sequence, input_offset: None, entries: vec![Entry::Row(entry)] }
}

fn part_of(message: Message) -> Part {
    match BatchDecoder::new([1; 16], None).decode::<MysqlType>(message.payload, |_| None).unwrap() {
        Received::Part(part) => part,
        Received::Batch(_) => panic!("not a part"),
    }
}

#[test]
fn a_row_above_every_queue_is_one_step() {
    with_topics("large", 1, |lab| async move {
        let batch = large(1, 70 << 20);
        let mut step = lab.open().await.writer.begin().unwrap();
        let writer = step.writer_id();
        let mut sent = 0;
        for message in encode_messages(&envelope(), writer, &batch) {
            step.send(0, &message).await.unwrap();
            sent += 1;
        }
        assert!(sent > (70 << 20) / MESSAGE_BYTES);
        step.commit().await.unwrap();
        let reader = lab.captured_reader();
        reader.assign(0, StartAt::Offset(0));
        let mut whole = Vec::new();
        for (number, message) in messages(&reader, sent).await.into_iter().enumerate() {
            let part = part_of(message);
            assert_eq!((part.writer, part.number as usize, part.is_last()), (writer, number, number + 1 == sent));
            whole.extend(part.content);
        }
        let joined = BatchDecoder::new([1; 16], None).decode_joined(whole.into(), |_| Some(1)).unwrap();
        assert!(joined == batch, "the row came back changed");
    });
}

#[test]
fn the_tail_is_read_without_the_parts_of_unfinished_messages() {
    with_topics("unfinished", 1, |lab| async move {
        let topic = &lab.names.transformed;
        let writers = [(); 2].map(|()| PartitionWriter::open(&lab.options, topic).unwrap());
        assert_ne!(writers[0].id(), writers[1].id());
        let batch = large(5, 3 * MESSAGE_BYTES);
        // The first writer ends within its message; the second writes all of it.
        let cut =
            writers.each_ref().map(|writer| encode_messages(&envelope(), writer.id(), &batch).collect::<Vec<_>>());
        for (writer, count) in [(0, 2), (1, cut[1].len())] {
            for message in &cut[writer][..count] {
                writers[writer].send(0, message).await.unwrap();
            }
            writers[writer].flush(PATIENCE).await.unwrap();
        }
        writers[0].send(0, &cut[0][2]).await.unwrap();
        writers[0].flush(PATIENCE).await.unwrap();
        let last_parts = |message: Message| {
            let offset = message.offset;
            let part = part_of(message);
            Ok::<_, LogError>(part.is_last().then_some((offset, part.writer, part.last)))
        };
        let tail = read_tail_of(&lab.options, topic, 0, 64, last_parts).await.unwrap();
        let finished = 1 + cut[1].len() as i64;
        assert_eq!(tail, [(finished, writers[1].id(), 5)]);
    });
}
