//! Using a broker once, as any that is in service has been.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::kafka::{create_topic, delete_topics};

const LIMIT: Duration = Duration::from_secs(60);

/// Joins a group and commits a transaction, on a topic that is made for it and deleted: the broker makes its own topics of
/// both with their first use, which takes a new one some seconds.
pub async fn use_broker(brokers: &str, topic: &str) -> Result<()> {
    create_topic(brokers, topic, 1).await?;
    let (servers, of) = (brokers.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || {
        commit_transaction(&servers, &of)?;
        join_group(&servers, &of)
    })
    .await??;
    delete_topics(brokers, topic).await
}

fn commit_transaction(brokers: &str, topic: &str) -> Result<()> {
    let mut config = ClientConfig::new();
    let producer: BaseProducer = config.set("bootstrap.servers", brokers).set("transactional.id", topic).create()?;
    producer.init_transactions(LIMIT)?;
    producer.begin_transaction()?;
    let record = BaseRecord::<[u8], [u8]>::to(topic).partition(0).payload(b"used");
    producer.send(record).map_err(|(error, _)| error)?;
    producer.flush(LIMIT)?;
    Ok(producer.commit_transaction(LIMIT)?)
}

fn join_group(brokers: &str, topic: &str) -> Result<()> {
    let mut config = ClientConfig::new();
    let config = config.set("bootstrap.servers", brokers).set("group.id", topic).set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = config.create()?;
    consumer.subscribe(&[topic])?;
    let start = Instant::now();
    // A message comes to a member alone.
    while consumer.poll(Duration::from_millis(100)).is_none_or(|polled| polled.is_err()) {
        ensure!(start.elapsed() < LIMIT, "group \"{topic}\" could not be joined within {LIMIT:?}");
    }
    Ok(())
}
