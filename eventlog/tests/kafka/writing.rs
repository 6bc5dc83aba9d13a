//! The writer of transform: acknowledged in order, gapless, resumed from its tail.

use std::collections::BTreeMap;

use millrace_eventlog::{LogError, PartitionWriter, read_tail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::lab::{PATIENCE, narrow_topic, noise, text, with_topics};

#[test]
fn acknowledgements_are_counted_in_order_and_the_tail_is_read() {
    with_topics("acknowledged", 2, |lab| async move {
        let topic = &lab.names.transformed;
        let writer = PartitionWriter::open(&lab.options, topic).unwrap();
        assert_eq!(read_tail(&lab.options, topic, 0, 3).await, Ok(Vec::new()));
        for number in 0..300_u32 {
            writer.send(number % 2, number.to_string().as_bytes()).await.unwrap();
        }
        writer.flush(PATIENCE).await.unwrap();
        for partition in [0, 1] {
            let acknowledged = writer.acknowledged(partition);
            assert_eq!((acknowledged.count, acknowledged.last_offset), (150, Some(149)));
        }
        let tail = read_tail(&lab.options, topic, 1, 3).await.unwrap();
        let found: Vec<_> = tail.iter().map(|m| (m.offset, text(m))).collect();
        assert_eq!(found, [(147, "295".to_owned()), (148, "297".to_owned()), (149, "299".to_owned())]);
        assert_eq!(read_tail(&lab.options, topic, 1, 1000).await.unwrap().len(), 150);
    });
}

#[test]
fn a_tail_goes_back_over_what_was_aborted() {
    with_topics("tail", 1, |lab| async move {
        let mut step = lab.open().await.writer.begin().unwrap();
        step.send(0, b"first").await.unwrap();
        let mut step = step.commit().await.unwrap().begin().unwrap();
        for _ in 0..20 {
            step.send(0, b"aborted").await.unwrap();
        }
        lab.await_open_transaction().await;
        step.abort().await.unwrap();
        lab.open().await;
        let tail = read_tail(&lab.options, &lab.names.captured, 0, 2).await.unwrap();
        assert_eq!(tail.iter().map(text).collect::<Vec<_>>(), ["first"]);
    });
}

#[test]
fn nothing_follows_a_message_that_was_refused() {
    with_topics("gapless", 1, |lab| async move {
        let topic = narrow_topic(&lab.names);
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &lab.options.brokers).create().unwrap();
        let order = NewTopic::new(&topic, 1, TopicReplication::Fixed(1)).set("max.message.bytes", "20000");
        admin.create_topics(&[order], &AdminOptions::new()).await.unwrap();

        let mut options = lab.options.clone();
        options.options = BTreeMap::from([("linger.ms".to_owned(), "0".to_owned())]);
        let writer = PartitionWriter::open(&options, &topic).unwrap();
        writer.send(0, b"before").await.unwrap();
        writer.flush(PATIENCE).await.unwrap();
        writer.send(0, &noise(100_000)).await.unwrap();
        // What is sent until the refusal arrives is queued behind the refused message.
        while writer.send(0, b"behind").await.is_ok() {}
        let refused = LogError::MessageTooLarge { topic: topic.clone() };
        assert_eq!(tokio::time::timeout(PATIENCE, writer.failed()).await, Ok(refused.clone()));
        assert_eq!(writer.send(0, b"after").await, Err(refused.clone()));
        assert_eq!(writer.flush(PATIENCE).await, Err(refused));
        assert_eq!(writer.acknowledged(0).count, 1);
        drop(writer);

        let next = PartitionWriter::open(&options, &topic).unwrap();
        next.send(0, b"anew").await.unwrap();
        next.flush(PATIENCE).await.unwrap();
        let tail = read_tail(&options, &topic, 0, 10).await.unwrap();
        assert_eq!(tail.iter().map(text).collect::<Vec<_>>(), ["before", "anew"]);
    });
}
