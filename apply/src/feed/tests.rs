#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
use std::collections::BTreeMap;

use millrace_eventlog::{Broker, DATA_RETENTION, PartitionWriter};
use millrace_model::batch::{Control, Entry, ReadPurpose, RowChange, RowEntry, Watermark};
use millrace_model::part::WriterId;
use millrace_model::schema::{Nullability, Placement, Route};
use millrace_model::{Cell, Column, Row, SchemaKey, TableName};
use millrace_proto::{Envelope, encode_messages, encode_schema};
use millrace_protocol::cut::Then;
use millrace_task::Memory;

use super::*;

const LIMIT: Duration = Duration::from_secs(60);
const FINGERPRINT: [u8; 16] = [1; 16];

fn schema() -> TableSchema<PgType> {
    let id = Column {
        name: "id".into(),
        ty: PgType::Integer,
        nullability: Nullability::NotNull,
        default: None,
        comment: String::new(),
        collation: "".into(),
    };
    TableSchema {
        table_id: 1,
        name: TableName::new("shop", "orders"),
        columns: vec![id],
        primary_key: vec![0],
        key: vec![0],
        indexes: Vec::new(),
        comment: String::new(),
        route: Route::Table,
        placement: Placement::default(),
    }
}

fn message(first: u64, entries: Vec<Entry<PgType>>) -> Vec<u8> {
    let envelope = Envelope { task_id: "t".into(), fingerprint: FINGERPRINT };
    let last = first + entries.len() as u64 - 1;
    let batch = Batch { first, last, input_offset: Some(0), entries };
    encode_messages(&envelope, WriterId([2; 16]), &batch).next().unwrap().to_vec()
}

fn watermark(sequence: u64) -> Entry<PgType> {
    let watermark = Watermark { ordinal: sequence, place: None, gtid: String::new(), committed_at: 0 };
    Entry::Control { sequence, control: Control::Watermark(watermark) }
}

/// Does short things until the feed shows that enough was taken beside them.
async fn poll_until(feed: &mut Feed, what: &str, done: impl Fn(&Feed) -> bool) {
    let (began, mut poll) = (Instant::now(), tokio::time::interval(Duration::from_millis(2)));
    while !done(feed) {
        assert!(began.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        feed.meanwhile(poll.tick()).await;
    }
}

async fn take_beside_something(options: &LogOptions, names: &TopicNames) {
    let writer = PartitionWriter::open(options, &names.transformed).unwrap();
    let schemas = PartitionWriter::open(options, &names.schemas).unwrap();
    let mut feed = Feed::open(options, names, FINGERPRINT, "t").unwrap();
    feed.restart(&[0], &[]);

    let key = SchemaKey::new(1, 7);
    let row: Row = [Cell::Int(1)].into_iter().collect();
    let change = RowChange::Read { row, purpose: ReadPurpose::Load };
    let row = Entry::Row(RowEntry { sequence: 1, schema: key, transaction: None, ordinal: 0, change });
    writer.send(0, &message(1, vec![row, watermark(2)])).await.unwrap();
    writer.send(0, &message(3, vec![watermark(3)])).await.unwrap();
    poll_until(&mut feed, "a message whose schema is not there yet", |feed| feed.arrived.is_some()).await;
    assert!(matches!(feed.next_work(), Work::Idle));

    // Taking it was given up with each tick; it is there all the same, and what comes after it comes after it.
    schemas.send_record(0, schema_record_key(key).as_bytes(), &encode_schema(&schema())).await.unwrap();
    poll_until(&mut feed, "all messages", |feed| feed.cuts.bytes() > 3 * 64).await;
    let Work::Write(write) = feed.next_work() else { panic!("nothing to write") };
    let Then::Commit(progress) = &write.then else { panic!("no cut") };
    assert_eq!((write.changes, progress[0].sequence, progress[0].watermark), (1, 3, 3));

    // What fails meanwhile waits for the end of what is done, and is not lost.
    writer.send(0, b"not a message").await.unwrap();
    poll_until(&mut feed, "the failure", |feed| feed.failed.is_some()).await;
    assert_eq!(feed.meanwhile(async { 5 }).await, 5);
    assert!(feed.collect().await.is_err());
}

#[test]
fn messages_are_taken_beside_what_is_written() {
    let brokers = std::env::var("MILLRACE_TEST_KAFKA").expect("MILLRACE_TEST_KAFKA is not set: run `make test`");
    let options = LogOptions { brokers, options: BTreeMap::new(), partitions: 1, memory: Memory::default() };
    let names = TopicNames::of(&format!("feed-test-{}", std::process::id()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let outcome = runtime.block_on(async {
        let broker = Broker::connect(&options).await.unwrap();
        broker.ensure_topics(&names, DATA_RETENTION).await.unwrap();
        let test = (options.clone(), names.clone());
        let outcome = tokio::spawn(async move { take_beside_something(&test.0, &test.1).await }).await;
        let topics = [&names.captured, &names.transformed, &names.schemas, &names.state].map(String::as_str);
        broker.delete_topics(&topics).await.unwrap();
        outcome
    });
    runtime.shutdown_background();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic.into_panic());
    }
}
