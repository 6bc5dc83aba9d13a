//! Topics are made right, left alone, and complained about in one line.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::{Duration, Instant};

use millrace_eventlog::{
    Broker, DATA_RETENTION, LogError, LogOptions, Membership, MembershipEvent, PartitionWriter, TopicNames, read_tail,
};
use millrace_model::{ErrorClass, Failure};
use millrace_task::Memory;
use tokio::time::timeout;

use crate::lab::{PATIENCE, with_topics};

#[test]
fn topics_are_made_once_with_their_settings() {
    with_topics("made", 3, |lab| async move {
        let broker = lab.broker().await;
        assert_eq!(broker.ensure_topics(&lab.names, DATA_RETENTION).await, Ok(Vec::new()));
        let names = [&lab.names.captured, &lab.names.transformed, &lab.names.schemas, &lab.names.state];
        let description = broker.describe(&names.map(String::as_str)).await.unwrap();
        assert!(!description.cluster_id.is_empty());
        let counts: Vec<_> = description.topics.iter().map(|topic| topic.partitions).collect();
        assert_eq!(counts, [Some(3), Some(3), Some(1), Some(1)]);
        let captured = broker.topic_settings(&lab.names.captured).await.unwrap();
        assert_eq!(captured["retention.ms"], "604800000");
        assert_eq!(captured["max.message.bytes"], "4194304");
        assert_eq!(broker.topic_settings(&lab.names.state).await.unwrap()["cleanup.policy"], "compact");
    });
}

#[test]
fn another_partition_count_is_refused() {
    with_topics("count", 2, |lab| async move {
        let mut options = lab.options.clone();
        options.partitions = 5;
        let broker = Broker::connect(&options).await.unwrap();
        let wrong = LogError::PartitionCount { topic: lab.names.captured.clone(), found: 2, wanted: 5 };
        assert_eq!(broker.ensure_topics(&lab.names, DATA_RETENTION).await, Err(wrong.clone()));
        assert_eq!(broker.ensure_topics_unchanged(&lab.names).await, Err(wrong));
    });
}

#[test]
fn asking_about_a_missing_topic_does_not_make_it() {
    with_topics("missing", 1, |lab| async move {
        let broker = lab.broker().await;
        let other = TopicNames::of(&format!("{}-other", lab.names.task));
        for _ in 0..2 {
            let description = broker.describe(&[&other.captured]).await.unwrap();
            assert_eq!(description.topics[0].partitions, None);
        }
        let missing = LogError::TopicMissing { topic: other.captured.clone() };
        assert_eq!(broker.ensure_topics_unchanged(&other).await, Err(missing.clone()));
        assert_eq!(broker.is_empty(&other.captured).await, Err(missing));
    });
}

#[test]
fn a_topic_that_is_unknown_for_a_moment_is_not_lost() {
    with_topics("moment", 1, |lab| async move {
        let broker = lab.broker().await;
        let late = TopicNames::of(&format!("{}-late", lab.names.task));
        let mut found = pin!(broker.ensure_topics_unchanged(&late));
        let mut ends = pin!(broker.ends(&late.captured));
        let mut tail = pin!(read_tail(&lab.options, &late.state, 0, 1));
        let mut member = Membership::join(&lab.options, &late.apply_group(), &late.transformed).unwrap();
        let short = Duration::from_millis(300);
        assert!(timeout(short, &mut found).await.is_err(), "it asks again");
        assert!(timeout(short, &mut ends).await.is_err(), "it asks again");
        assert!(timeout(short, &mut tail).await.is_err(), "it asks again");
        let made = lab.broker().await.ensure_topics(&late, DATA_RETENTION).await;
        let (found, ends, tail) = tokio::join!(found, ends, tail);
        let owned = loop {
            match timeout(PATIENCE, member.next()).await.unwrap() {
                Ok(MembershipEvent::Assigned(partitions)) if partitions.is_empty() => {}
                event => break event,
            }
        };
        member.leave().await;
        let topics = [&late.captured, &late.transformed, &late.schemas, &late.state].map(String::as_str);
        broker.delete_topics(&topics).await.unwrap();
        assert_eq!(made.unwrap().len(), 4);
        assert_eq!(found, Ok(()));
        assert_eq!(ends.unwrap().len(), 1);
        assert_eq!(tail.unwrap(), []);
        assert_eq!(owned, Ok(MembershipEvent::Assigned(vec![0])));
    });
}

#[test]
fn a_topic_is_empty_until_something_was_written() {
    with_topics("empty", 2, |lab| async move {
        let broker = lab.broker().await;
        assert_eq!(broker.is_empty(&lab.names.transformed).await, Ok(true));
        let writer = PartitionWriter::open(&lab.options, &lab.names.transformed).unwrap();
        writer.send(1, b"x").await.unwrap();
        writer.flush(PATIENCE).await.unwrap();
        assert_eq!(broker.is_empty(&lab.names.transformed).await, Ok(false));
    });
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_one_clear_line() {
    let options = LogOptions {
        brokers: "127.0.0.1:1".into(),
        options: BTreeMap::new(),
        partitions: 1,
        memory: Memory::default(),
    };
    let start = Instant::now();
    let failure = Failure::from(Broker::connect(&options).await.err().unwrap());
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(failure.class, ErrorClass::Connection);
    assert!(failure.message.starts_with("kafka at \"127.0.0.1:1\" did not answer: "), "{}", failure.message);
    assert!(failure.message.contains("Connection refused"), "{}", failure.message);
    assert_eq!(failure.message.lines().count(), 1);
}

#[tokio::test]
async fn an_option_that_librdkafka_does_not_know_is_named() {
    let options = BTreeMap::from([("no.such.option".to_owned(), "secret".to_owned())]);
    let options = LogOptions { brokers: "127.0.0.1:1".into(), options, partitions: 1, memory: Memory::default() };
    let error = Broker::connect(&options).await.err().unwrap();
    assert!(error.to_string().contains("no.such.option") && !error.to_string().contains("secret"), "{error}");
}
