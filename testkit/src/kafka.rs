//! Kafka topics that tests made.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use crate::pace;

const LIMIT: Duration = Duration::from_secs(30);

fn connect(brokers: &str) -> Result<AdminClient<DefaultClientContext>> {
    ClientConfig::new().set("bootstrap.servers", brokers).create().context("the Kafka client could not be made")
}

/// Names of the topics that begin with `prefix`, sorted.
pub async fn topics_with_prefix(brokers: &str, prefix: &str) -> Result<Vec<String>> {
    let (admin, prefix) = (connect(brokers)?, prefix.to_owned());
    let listing = move || {
        let metadata = admin.inner().fetch_metadata(None, LIMIT).context("Kafka's topics could not be listed")?;
        let mut names: Vec<String> = metadata.topics().iter().map(|topic| topic.name().to_owned()).collect();
        names.retain(|name| name.starts_with(&prefix));
        names.sort();
        Ok(names)
    };
    tokio::task::spawn_blocking(listing).await?
}

/// Deletes every topic that begins with `prefix`.
pub async fn delete_topics(brokers: &str, prefix: &str) -> Result<()> {
    let names = topics_with_prefix(brokers, prefix).await?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if names.is_empty() {
        return Ok(());
    }
    let options = AdminOptions::new().operation_timeout(Some(LIMIT)).request_timeout(Some(LIMIT));
    for deleted in connect(brokers)?.delete_topics(&names, &options).await? {
        match deleted {
            Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
            Err((name, code)) => anyhow::bail!("topic \"{name}\" could not be deleted: {code}"),
        }
    }
    Ok(())
}

/// All committed messages of a topic, by partition and in their order, up to where it ends at that moment.
pub async fn read_topic(brokers: &str, topic: &str) -> Result<Vec<Vec<Vec<u8>>>> {
    let (brokers, topic) = (brokers.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "millrace-testkit")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", "read_committed")
            .create()?;
        let metadata = consumer.fetch_metadata(Some(&topic), LIMIT)?;
        let partitions = metadata.topics().first().map_or(0, |found| found.partitions().len());
        let mut messages = Vec::new();
        for partition in 0..partitions {
            messages.push(read_partition(&consumer, &topic, i32::try_from(partition)?)?);
        }
        Ok(messages)
    })
    .await?
}

fn read_partition(consumer: &BaseConsumer, topic: &str, partition: i32) -> Result<Vec<Vec<u8>>> {
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, partition, Offset::Beginning)?;
    consumer.assign(&assignment)?;
    let mut messages = Vec::new();
    loop {
        match consumer.poll(LIMIT).with_context(|| format!("no answer about \"{topic}\" within {LIMIT:?}"))? {
            Ok(message) => messages.push(message.payload().unwrap_or_default().to_owned()),
            Err(KafkaError::PartitionEOF(_)) => return Ok(messages),
            Err(error) => return Err(error.into()),
        }
    }
}

fn admin_options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(LIMIT)).request_timeout(Some(LIMIT))
}

/// What a topic survives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Safety {
    /// Copies of the partition that has the fewest.
    pub copies: usize,
    /// Copies that must have a message before it is acknowledged, of the topic's setting.
    pub in_sync: String,
}

/// How many copies a topic has, and how many of them acknowledge.
pub async fn topic_safety(brokers: &str, topic: &str) -> Result<Safety> {
    let admin = connect(brokers)?;
    let resources = admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &admin_options()).await?;
    let settings = resources.into_iter().next().context("no answer")?.map_err(|code| anyhow::anyhow!("{code}"))?;
    let in_sync = settings.get("min.insync.replicas").and_then(|setting| setting.value.clone()).unwrap_or_default();
    let topic = topic.to_owned();
    let copies = tokio::task::spawn_blocking(move || {
        let metadata = admin.inner().fetch_metadata(Some(&topic), LIMIT)?;
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        partitions.map(|partition| partition.replicas().len()).min().context("the topic has no partition")
    });
    Ok(Safety { copies: copies.await??, in_sync })
}

/// Makes a topic.
pub async fn create_topic(brokers: &str, topic: &str, partitions: i32) -> Result<()> {
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let made = connect(brokers)?.create_topics(&[new], &admin_options()).await?;
    made.into_iter().try_for_each(|made| made.map(drop).map_err(|(name, code)| anyhow::anyhow!("{name}: {code}")))
}

/// Gives a topic more partitions.
pub async fn set_partitions(brokers: &str, topic: &str, partitions: usize) -> Result<()> {
    let made = connect(brokers)?.create_partitions(&[NewPartitions::new(topic, partitions)], &admin_options()).await?;
    made.into_iter().try_for_each(|made| made.map(drop).map_err(|(name, code)| anyhow::anyhow!("{name}: {code}")))
}

/// Lets a topic keep messages for this long; its other settings become those that the broker gives to new topics.
pub async fn keep_messages_for(brokers: &str, topic: &str, time: Duration) -> Result<()> {
    let retention = time.as_millis().to_string();
    let altered = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("retention.ms", &retention);
    let altered = connect(brokers)?.alter_configs([&altered], &admin_options()).await?;
    altered
        .into_iter()
        .try_for_each(|altered| altered.map(drop).map_err(|(_, code)| anyhow::anyhow!("{topic}: {code}")))
}

/// Deletes all messages of a partition, as retention would.
pub async fn delete_messages(brokers: &str, topic: &str, partition: i32) -> Result<()> {
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(topic, partition, Offset::End)?;
    connect(brokers)?.delete_records(&offsets, &admin_options()).await?;
    Ok(())
}

/// Appends a message.
pub async fn append(brokers: &str, topic: &str, partition: i32, payload: &[u8]) -> Result<()> {
    let (brokers, topic, payload) = (brokers.to_owned(), topic.to_owned(), payload.to_owned());
    tokio::task::spawn_blocking(move || {
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
        let record = BaseRecord::<[u8], [u8]>::to(&topic).partition(partition).payload(&payload);
        producer.send(record).map_err(|(error, _)| error)?;
        Ok(producer.flush(LIMIT)?)
    })
    .await?
}

/// Reads a topic's messages from their beginning, so many a second and none ahead, as a slow consumer does; counts them.
/// Goes on until it is dropped, or an error, such as that there is no such topic.
pub async fn read_at_pace(brokers: &str, topic: &str, per_second: u32, read: &AtomicU64) -> Result<()> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "millrace-testkit-slow")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        // Small, so that the client does not fetch what it will read minutes later.
        .set("queued.min.messages", "1")
        .set("queued.max.messages.kbytes", "1024")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), LIMIT)?;
    let mut assignment = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|found| found.partitions()) {
        assignment.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    anyhow::ensure!(assignment.count() > 0, "topic \"{topic}\" is not there");
    consumer.assign(&assignment)?;
    loop {
        if let Some(message) = consumer.poll(Duration::ZERO) {
            message?;
            read.fetch_add(1, Ordering::Relaxed);
        }
        pace(Duration::from_secs(1) / per_second).await;
    }
}
