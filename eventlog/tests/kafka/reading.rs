//! Reading from given offsets, pausing, and what happens when an offset is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use millrace_eventlog::{LogError, LogOptions, PartitionReader, PartitionWriter, ReadEvent, SchemaReader, StartAt};
use millrace_model::ErrorClass;
use millrace_task::Memory;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::lab::{Lab, PATIENCE, event, messages, noise, text, with_topics};

async fn write(lab: &Lab, partition: u32, from: u32, to: u32) {
    let writer = PartitionWriter::open(&lab.options, &lab.names.transformed).unwrap();
    for number in from..to {
        writer.send(partition, number.to_string().as_bytes()).await.unwrap();
    }
    writer.flush(PATIENCE).await.unwrap();
}

fn reader(lab: &Lab) -> PartitionReader {
    PartitionReader::open(&lab.options, &lab.names.transformed, &lab.names.apply_progress_group()).unwrap()
}

#[test]
fn a_partition_is_read_from_the_middle_to_its_end_and_on() {
    with_topics("middle", 2, |lab| async move {
        write(&lab, 1, 0, 100).await;
        let reader = reader(&lab);
        reader.assign(1, StartAt::Offset(57));
        for number in 57..100 {
            let ReadEvent::Message(message) = event(&reader).await.unwrap() else { panic!("an early end") };
            assert_eq!((message.offset, text(&message)), (number, number.to_string()));
        }
        assert_eq!(event(&reader).await, Ok(ReadEvent::EndOfPartition { partition: 1, next_offset: 100 }));
        reader.show_progress(1, 100);
        write(&lab, 1, 100, 101).await;
        assert_eq!(text(&messages(&reader, 1).await[0]), "100");
        assert_eq!(event(&reader).await, Ok(ReadEvent::EndOfPartition { partition: 1, next_offset: 101 }));
        // An assignment anew begins where it says, and what was queued before is gone.
        reader.assign(1, StartAt::Offset(98));
        assert_eq!(messages(&reader, 3).await.iter().map(text).collect::<Vec<_>>(), ["98", "99", "100"]);
    });
}

#[test]
fn a_partition_that_is_not_wanted_waits_beyond_every_queue_and_goes_on_without_a_gap() {
    with_topics("unwanted", 2, |lab| async move {
        let writer = PartitionWriter::open(&lab.options, &lab.names.transformed).unwrap();
        let payload = noise(1 << 20);
        // Of each more than all queues hold.
        for _ in 0..40 {
            for partition in 0..2 {
                writer.send(partition, &payload).await.unwrap();
            }
        }
        writer.flush(PATIENCE).await.unwrap();
        let reader = reader(&lab);
        reader.assign(0, StartAt::Offset(0));
        reader.assign(1, StartAt::Offset(0));
        let first = messages(&reader, 10).await;
        let only = |wanted: u32| move |partition| (partition == wanted).then_some(0);
        for wanted in [1, 0] {
            let taken = first.iter().filter(|message| message.partition == wanted).count();
            for expected in i64::try_from(taken).unwrap()..40 {
                let next = tokio::time::timeout(PATIENCE, reader.next_of_least(only(wanted)));
                let event = next.await.expect("it comes").unwrap();
                let ReadEvent::Message(message) = event else { panic!("{event:?} before the last message") };
                assert_eq!((message.partition, message.offset), (wanted, expected));
            }
        }
    });
}

#[test]
fn beginning_anew_at_every_message_loses_and_repeats_nothing() {
    with_topics("anew", 1, |lab| async move {
        write(&lab, 0, 0, 15).await;
        let reader = reader(&lab);
        reader.assign(0, StartAt::Offset(0));
        for number in 0..15 {
            assert_eq!(messages(&reader, 1).await[0].offset, number);
            reader.assign(0, StartAt::Offset(number + 1));
        }
    });
}

#[test]
fn more_than_the_queue_holds_comes_through_in_order() {
    with_topics("bounded", 1, |lab| async move {
        let writer = PartitionWriter::open(&lab.options, &lab.names.transformed).unwrap();
        let payload = noise(1 << 20);
        let reader = reader(&lab);
        reader.assign(0, StartAt::Offset(0));
        for _ in 0..40 {
            writer.send(0, &payload).await.unwrap();
        }
        writer.flush(PATIENCE).await.unwrap();
        for (number, message) in messages(&reader, 40).await.iter().enumerate() {
            assert_eq!((message.offset, message.payload.len()), (i64::try_from(number).unwrap(), 1 << 20));
        }
    });
}

#[test]
fn an_offset_that_retention_removed_is_an_error_that_names_it() {
    with_topics("retention", 2, |lab| async move {
        write(&lab, 0, 0, 10).await;
        write(&lab, 1, 0, 10).await;
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &lab.options.brokers).create().unwrap();
        let mut until = TopicPartitionList::new();
        until.add_partition_offset(&lab.names.transformed, 1, Offset::Offset(6)).unwrap();
        admin.delete_records(&until, &AdminOptions::new()).await.unwrap();
        for (wanted, hint) in [(2, "retention"), (17, "made again")] {
            let reader = reader(&lab);
            reader.assign(0, StartAt::Offset(0));
            reader.assign(1, StartAt::Offset(wanted));
            let error = loop {
                match event(&reader).await {
                    Ok(ReadEvent::Message(message)) => assert_eq!(message.partition, 0),
                    Ok(ReadEvent::EndOfPartition { .. }) => {}
                    Err(error) => break error,
                }
            };
            let topic = lab.names.transformed.clone();
            assert_eq!(error, LogError::OffsetOutOfRange { topic, partition: 1, wanted, earliest: 6, end: 10 });
            assert!(error.hint().contains(hint));
            assert_eq!(event(&reader).await, Err(error));
        }
    });
}

#[test]
fn a_schema_is_waited_for() {
    with_topics("schemas", 1, |lab| async move {
        let mut step = lab.open().await.writer.begin().unwrap();
        step.send_schema(b"1", b"one").await.unwrap();
        let writer = step.commit().await.unwrap();
        let schemas = std::sync::Arc::new(SchemaReader::open(&lab.options, &lab.names).unwrap());
        assert_eq!(schemas.get(b"1", PATIENCE).await.unwrap(), "one");
        let waiting = tokio::spawn({
            let schemas = std::sync::Arc::clone(&schemas);
            async move { schemas.get(b"2", PATIENCE).await }
        });
        let mut step = writer.begin().unwrap();
        step.send_schema(b"2", b"two").await.unwrap();
        step.commit().await.unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), "two");
        assert_eq!(schemas.known(b"2").unwrap(), "two");
        let missing = schemas.get(b"3", Duration::from_millis(200)).await;
        assert_eq!(
            missing,
            Err(LogError::SchemaMissing { topic: lab.names.schemas.clone(), key: "3".into(), seconds: 0 })
        );
    });
}

#[tokio::test]
async fn a_reader_without_a_broker_says_so() {
    let options = LogOptions {
        brokers: "127.0.0.1:1".into(),
        options: BTreeMap::new(),
        partitions: 1,
        memory: Memory::default(),
    };
    let reader = PartitionReader::open(&options, "t.captured", "t.read").unwrap();
    reader.assign(0, StartAt::Offset(0));
    let error = event(&reader).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Connection);
    assert!(error.to_string().contains("Connection refused"), "{error}");
}
