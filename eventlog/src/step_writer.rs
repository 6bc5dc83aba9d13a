//! The writer of capture: each step is a Kafka transaction.
//!
//! Why it is exact (protocol, "In the log"): rows, control messages, schemas and the checkpoint of a step become visible
//! together or not at all. `init_transactions` makes the broker refuse every older writer of the task and settles what it
//! left open; then a *claim* is committed to the state topic and the topic is read until that claim appears, so the state
//! read is the last one that any older writer committed, and none can follow it.
//!
//! **A producer is not used again after any error or time-out**: a late answer to its commit could end the next
//! transaction (KIP-890). So [`StepWriter::begin`] and [`OpenStep::commit`] consume what they are called on, and only a
//! commit that was acknowledged gives the writer back. There is no other way to have one again than [`StepWriter::open`].
//! For each setting's reason see `settings`.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use millrace_model::part::WriterId;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer};
use uuid::Uuid;

use crate::client::{Detached, blocking};
use crate::delivery::{Deliveries, Outgoing, ensure_sound, failure_of, hand_over};
use crate::error::{LogError, Place};
use crate::options::{LogOptions, TopicNames};
use crate::polled::PolledProducer;
use crate::reader::StartAt;
use crate::scan::{Met, Scan};
use crate::settings::{self, TRANSACTION_TIMEOUT};

/// State key under which writers leave their claims.
const CLAIM_KEY: &[u8] = b"claim";

/// `init_transactions` waits until the broker has settled the transaction of the writer before.
const INIT_LIMIT: Duration = Duration::from_secs(30);

/// Markers follow a commit within milliseconds; a broker that restarts takes longer.
const CLAIM_LIMIT: Duration = Duration::from_secs(45);

/// The random name of one opening of a [`StepWriter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimId(Uuid);

impl ClaimId {
    /// A new one.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

/// What opening a writer gives.
pub struct Opened {
    /// The writer, which no older one can disturb.
    pub writer: StepWriter,
    /// The latest value of each key of the state topic (without claims): the last checkpoint. Empty on the first start.
    pub state: BTreeMap<Vec<u8>, Bytes>,
}

struct Inner {
    producer: PolledProducer,
    claim: ClaimId,
    place: Place,
    names: TopicNames,
}

/// A transactional writer between two steps.
pub struct StepWriter {
    inner: Detached<Inner>,
}

/// A step that is being written. Dropped, it is not committed, and its writer is gone.
pub struct OpenStep {
    writer: StepWriter,
}

impl StepWriter {
    /// Fences every older writer of the task, leaves the claim, and reads the state up to it. The topics must exist.
    pub async fn open(options: &LogOptions, names: &TopicNames, claim: ClaimId) -> Result<Opened, LogError> {
        let place = Place::new(&options.brokers, "write steps as", &names.capture());
        let config = settings::step_writer(options, names)?;
        let (initial_place, initial_names) = (place.clone(), names.clone());
        let writer = blocking(move || {
            let deliveries = Deliveries::new(initial_place.clone());
            let producer = PolledProducer::create(&config, deliveries).map_err(|e| initial_place.error(&e))?;
            producer.init_transactions(INIT_LIMIT).map_err(|e| explain(&producer, &initial_place, &e))?;
            Ok(Self { inner: Detached::new(Inner { producer, claim, place: initial_place, names: initial_names }) })
        })
        .await?;
        let mut step = writer.begin()?;
        step.hand_over(&names.state, 0, Some(CLAIM_KEY), Some(claim.0.as_bytes())).await?;
        let writer = step.commit().await?;
        let (options, topic) = (options.clone(), names.state.clone());
        let state = blocking(move || read_state(&options, &topic, claim)).await?;
        Ok(Opened { writer, state })
    }

    /// The claim of the newest writer of the task, as far as it is committed: after [`LogError::Fenced`], a capture that
    /// finds its own may open again (its transaction had timed out); otherwise another one has taken over.
    pub async fn newest_claim(options: &LogOptions, names: &TopicNames) -> Result<Option<ClaimId>, LogError> {
        let (options, topic) = (options.clone(), names.state.clone());
        blocking(move || {
            let mut newest = None;
            Scan::open(&options, &topic, 0)?.visit(StartAt::Beginning, CLAIM_LIMIT, |met| match met {
                Met::End => ControlFlow::Break(()),
                Met::Message(message) => {
                    if message.key == CLAIM_KEY {
                        newest = Uuid::from_slice(&message.payload).ok().map(ClaimId);
                    }
                    ControlFlow::Continue(())
                }
            })?;
            Ok(newest)
        })
        .await
    }

    /// Begins a step (no I/O). The first message must follow within [`TRANSACTION_TIMEOUT`] of the last.
    pub fn begin(self) -> Result<OpenStep, LogError> {
        let inner = &self.inner;
        inner.producer.begin_transaction().map_err(|e| explain(&inner.producer, &inner.place, &e))?;
        Ok(OpenStep { writer: self })
    }
}

impl OpenStep {
    /// The writer's name, which parts of messages carry: that of its claim.
    pub fn writer_id(&self) -> WriterId {
        WriterId(self.writer.inner.claim.0.into_bytes())
    }

    /// Adds a message to a partition of the captured topic; waits while the queue is full.
    pub async fn send(&mut self, partition: u32, payload: &[u8]) -> Result<(), LogError> {
        let topic = self.writer.inner.names.captured.clone();
        self.hand_over(&topic, partition, None, Some(payload)).await
    }

    /// Adds a schema.
    pub async fn send_schema(&mut self, key: &[u8], value: &[u8]) -> Result<(), LogError> {
        let topic = self.writer.inner.names.schemas.clone();
        self.hand_over(&topic, 0, Some(key), Some(value)).await
    }

    /// Sets a key of the state. An empty value removes it.
    pub async fn send_state(&mut self, key: &[u8], value: &[u8]) -> Result<(), LogError> {
        if key == CLAIM_KEY {
            return Err(LogError::ReservedKey { key: String::from_utf8_lossy(key).into_owned() });
        }
        let topic = self.writer.inner.names.state.clone();
        self.hand_over(&topic, 0, Some(key), Some(value).filter(|value| !value.is_empty())).await
    }

    /// Commits the step. The writer comes back only if the broker has acknowledged the commit; after any error it is not
    /// known whether the step is committed, and [`StepWriter::open`] finds out. Dropping the future loses the writer.
    pub async fn commit(self) -> Result<StepWriter, LogError> {
        let writer = self.writer;
        let place = writer.inner.place.doing("commit a step as");
        // A message that could not even be queued is missing, and librdkafka would commit the rest.
        ensure_sound(&writer.inner.producer)?;
        let deliveries = writer.inner.producer.client().context();
        let delivered = deliveries.until(|sent, acknowledged| acknowledged >= sent);
        match tokio::time::timeout(TRANSACTION_TIMEOUT, delivered).await {
            Ok(delivered) => delivered.or_else(|failure| ensure_sound(&writer.inner.producer).and(Err(failure)))?,
            Err(_) => return Err(place.timed_out(TRANSACTION_TIMEOUT)),
        }
        blocking(move || {
            let producer = &writer.inner.producer;
            settle(producer);
            producer.commit_transaction(TRANSACTION_TIMEOUT).map_err(|e| explain(producer, &place, &e))?;
            Ok(writer)
        })
        .await
    }

    /// Gives the step up, so that readers need not wait for its time-out; the writer ends with it.
    pub async fn abort(self) -> Result<(), LogError> {
        let writer = self.writer;
        blocking(move || {
            let inner = &writer.inner;
            let place = inner.place.doing("abort a step as");
            inner.producer.abort_transaction(TRANSACTION_TIMEOUT).map_err(|e| explain(&inner.producer, &place, &e))
        })
        .await
    }

    async fn hand_over(
        &mut self,
        topic: &str,
        partition: u32,
        key: Option<&[u8]>,
        payload: Option<&[u8]>,
    ) -> Result<(), LogError> {
        let producer = &self.writer.inner.producer;
        ensure_sound(producer)?;
        hand_over(producer, Outgoing { topic, partition, key, payload }).await
    }
}

/// The client's commit flushes first, and where a message is not yet accounted for it polls for a whole 100 ms. All
/// messages are acknowledged here; librdkafka's own count follows within microseconds, and is waited for.
#[expect(clippy::disallowed_methods, reason = "runs on a thread for blocking calls, beside the runtime")]
fn settle(producer: &BaseProducer<Deliveries>) {
    for _ in 0..100 {
        if producer.in_flight_count() == 0 {
            return;
        }
        std::thread::sleep(Duration::from_micros(50));
    }
}

/// What is behind an error of the transactional producer: fencing above all, then the delivery that failed first.
fn explain(producer: &BaseProducer<Deliveries>, place: &Place, error: &KafkaError) -> LogError {
    if let Err(failure) = ensure_sound(producer) {
        return failure;
    }
    let deliveries = producer.client().context();
    let told = failure_of(producer, place, error);
    match told {
        LogError::Unreachable { .. } => {
            deliveries.log().refusal(place).unwrap_or_else(|| deliveries.log().unreachable(place))
        }
        LogError::Kafka { class, .. } => place.other(error.to_string(), class),
        other => other,
    }
}

/// Reads the state topic until the claim appears. A later claim in its place means that a newer writer took over and
/// compaction has already removed ours.
fn read_state(options: &LogOptions, topic: &str, claim: ClaimId) -> Result<BTreeMap<Vec<u8>, Bytes>, LogError> {
    let mut state = BTreeMap::new();
    let visited = Scan::open(options, topic, 0)?.visit(StartAt::Beginning, CLAIM_LIMIT, |met| match met {
        // Not the end yet: the marker of our commit is on its way.
        Met::End => ControlFlow::Continue(()),
        Met::Message(message) if message.key == CLAIM_KEY => match message.payload == claim.0.as_bytes().as_slice() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        },
        Met::Message(message) => {
            match message.payload.is_empty() {
                true => state.remove(message.key.as_ref()),
                false => state.insert(message.key.to_vec(), message.payload),
            };
            ControlFlow::Continue(())
        }
    });
    match visited {
        Ok(()) => Ok(state),
        Err(LogError::TimedOut { seconds, .. }) => Err(LogError::ClaimNotVisible { topic: topic.to_owned(), seconds }),
        Err(error) => Err(error),
    }
}
