//! The writer of transform: idempotent, gapless, without transactions.
//!
//! What is acknowledged of a partition is a prefix of what was sent to it, without a hole: the producer is idempotent
//! (order kept over retries), messages do not time out, and a message refused for good makes librdkafka fail the whole
//! producer (`enable.gapless.guarantee`). So transform can resume from the tail of its own output. After a failure the
//! writer only repeats it; the stage starts again with a new one. For each setting's reason see `settings`.

use std::time::Duration;

use millrace_model::part::WriterId;
use rdkafka::producer::Producer;
use uuid::Uuid;

use crate::client::Detached;
use crate::delivery::{Acknowledged, Deliveries, Outgoing, end, ensure_sound, hand_over};
use crate::error::{LogError, Place};
use crate::options::LogOptions;
use crate::polled::PolledProducer;
use crate::settings;

/// Writes messages to the partitions of one topic; one a process.
pub struct PartitionWriter {
    producer: Detached<PolledProducer>,
    topic: String,
    id: WriterId,
}

impl PartitionWriter {
    /// A writer to a topic that exists (ensure that before: a broker with automatic creation would make it anew).
    /// Connects in the background; fails on an option that librdkafka does not take.
    pub fn open(options: &LogOptions, topic: &str) -> Result<Self, LogError> {
        let place = Place::new(&options.brokers, "write to topic", topic);
        let config = settings::partition_writer(options)?;
        let producer = PolledProducer::create(&config, Deliveries::new(place.clone())).map_err(|e| place.error(&e))?;
        Ok(Self {
            producer: Detached::new(producer),
            topic: topic.to_owned(),
            id: WriterId(Uuid::new_v4().into_bytes()),
        })
    }

    /// The writer's random name, which parts of messages carry.
    pub fn id(&self) -> WriterId {
        self.id
    }

    /// Queues a message (its bytes are copied) and returns; waits while the queue is full. The order of calls for one
    /// partition is the order in the log.
    pub async fn send(&self, partition: u32, payload: &[u8]) -> Result<(), LogError> {
        self.ensure_working()?;
        let outgoing = Outgoing { topic: &self.topic, partition, key: None, payload: Some(payload) };
        hand_over(&self.producer, outgoing).await
    }

    /// Queues a record with a key, for a compacted topic; otherwise as [`Self::send`].
    pub async fn send_record(&self, partition: u32, key: &[u8], payload: &[u8]) -> Result<(), LogError> {
        self.ensure_working()?;
        let outgoing = Outgoing { topic: &self.topic, partition, key: Some(key), payload: Some(payload) };
        hand_over(&self.producer, outgoing).await
    }

    /// What the broker has acknowledged of a partition.
    pub fn acknowledged(&self, partition: u32) -> Acknowledged {
        self.deliveries().acknowledged(partition)
    }

    /// Waits for the writer to fail, and says why: one arm of the stage's `select`.
    pub async fn failed(&self) -> LogError {
        match self.deliveries().until(|_, _| false).await {
            Err(failure) => end(&self.producer, failure),
            Ok(()) => LogError::Ended { what: "partition writer" },
        }
    }

    /// Waits until all that was sent is acknowledged.
    pub async fn flush(&self, limit: Duration) -> Result<(), LogError> {
        let place = Place::new("", "have acknowledged all that was written to topic", &self.topic);
        match tokio::time::timeout(limit, self.deliveries().until(|sent, acknowledged| acknowledged >= sent)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(end(&self.producer, failure)),
            Err(_) => Err(self.deliveries().log().refusal(&place).unwrap_or_else(|| place.timed_out(limit))),
        }
    }

    /// The failure of the writer, if it has failed.
    pub fn ensure_working(&self) -> Result<(), LogError> {
        ensure_sound(&self.producer).map_err(|failure| end(&self.producer, failure))
    }

    fn deliveries(&self) -> &Deliveries {
        self.producer.client().context()
    }
}
