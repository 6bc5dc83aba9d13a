//! What both producers share: handing a message over with back-pressure, and the account of what was acknowledged.
//!
//! The account is right because librdkafka reports the deliveries of one partition in the order of sending (idempotent
//! producer), from one polling thread; and because a failure, once noted, is never taken back: every later call of the
//! writer reports it. A message that librdkafka threw away is no failure by itself: it does so after that of another one,
//! whose report can come later, and has the reason.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};
use tokio::sync::Notify;

use crate::client::{ClientLog, lock};
use crate::error::{LogError, Place};

/// How long a full queue is waited on before it is tried again without a delivery report.
const QUEUE_TICK: Duration = Duration::from_millis(50);

/// How long the delivery report that tells the reason of a fatal error, or of what was thrown away, is waited for.
const REPORT_LIMIT: Duration = Duration::from_secs(1);

/// What the broker has acknowledged of one partition since the writer was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Acknowledged {
    /// Messages acknowledged, in the order of sending: the first `count` messages sent are in the log.
    pub count: u64,
    /// Offset of the last of them.
    pub last_offset: Option<i64>,
}

#[derive(Debug, Default)]
struct Account {
    sent: u64,
    acknowledged: u64,
    partitions: BTreeMap<u32, Acknowledged>,
    failure: Option<LogError>,
    /// A message was thrown away: the failure behind it is about to be reported.
    thrown_away: Option<LogError>,
}

/// Context of a producer: its log and its account.
#[derive(Debug)]
pub(crate) struct Deliveries {
    log: ClientLog,
    place: Place,
    account: Mutex<Account>,
    changed: Notify,
}

/// One message to hand over.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: u32,
    pub(crate) key: Option<&'a [u8]>,
    /// None: a tombstone.
    pub(crate) payload: Option<&'a [u8]>,
}

impl Deliveries {
    pub(crate) fn new(place: Place) -> Self {
        Self { log: ClientLog::default(), place, account: Mutex::default(), changed: Notify::new() }
    }

    /// The first failure, if there was one.
    pub(crate) fn failure(&self) -> Option<LogError> {
        lock(&self.account).failure.clone()
    }

    /// Notes a failure unless there was an earlier one; gives back the first.
    pub(crate) fn fail(&self, error: LogError) -> LogError {
        let first = lock(&self.account).failure.get_or_insert(error).clone();
        self.changed.notify_waiters();
        first
    }

    pub(crate) fn acknowledged(&self, partition: u32) -> Acknowledged {
        lock(&self.account).partitions.get(&partition).copied().unwrap_or_default()
    }

    /// Waits until `done` holds of (sent, acknowledged) or the writer failed.
    pub(crate) async fn until(&self, done: impl Fn(u64, u64) -> bool) -> Result<(), LogError> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let thrown_away = {
                let account = lock(&self.account);
                if let Some(failure) = &account.failure {
                    return Err(failure.clone());
                }
                if done(account.sent, account.acknowledged) {
                    return Ok(());
                }
                account.thrown_away.clone()
            };
            match thrown_away {
                None => changed.await,
                Some(error) if tokio::time::timeout(REPORT_LIMIT, changed).await.is_err() => {
                    return Err(self.fail(error));
                }
                Some(_) => {}
            }
        }
    }

    /// The last thing that the brokers complained about.
    pub(crate) fn log(&self) -> &ClientLog {
        &self.log
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.log.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        {
            let mut account = lock(&self.account);
            match result {
                Ok(message) => {
                    account.acknowledged += 1;
                    let partition = u32::try_from(message.partition()).unwrap_or_default();
                    let entry = account.partitions.entry(partition).or_default();
                    entry.count += 1;
                    entry.last_offset = Some(message.offset());
                }
                Err((error, message)) => {
                    let place = Place { object: message.topic().to_owned(), ..self.place.clone() };
                    let told = match place.error(error) {
                        LogError::Fenced { .. } => self.place.error(error),
                        told => told,
                    };
                    let noted = match error.rdkafka_error_code() {
                        Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) => {
                            &mut account.thrown_away
                        }
                        _ => &mut account.failure,
                    };
                    noted.get_or_insert(doubted(told, &self.place));
                }
            }
        }
        self.changed.notify_waiters();
    }
}

/// Hands a message to librdkafka, which copies it; waits while its queue is full. Any other error ends the writer: what
/// is queued is purged, so that nothing behind the failed message follows it.
pub(crate) async fn hand_over(producer: &BaseProducer<Deliveries>, outgoing: Outgoing<'_>) -> Result<(), LogError> {
    let deliveries = producer.client().context();
    loop {
        let changed = deliveries.changed.notified();
        match try_hand_over(producer, outgoing) {
            Ok(()) => return Ok(()),
            Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) => {
                // A message larger than the whole queue never fits: an empty queue refusing it says so.
                if producer.in_flight_count() == 0 {
                    return Err(end(producer, LogError::MessageTooLarge { topic: outgoing.topic.to_owned() }));
                }
                let _ = tokio::time::timeout(QUEUE_TICK, changed).await;
            }
            Err(error) => {
                let place = Place { object: outgoing.topic.to_owned(), ..deliveries.place.clone() };
                if is_gap(producer) {
                    let _ = tokio::time::timeout(REPORT_LIMIT, deliveries.until(|_, _| false)).await;
                }
                return Err(end(producer, doubted(failure_of(producer, &place, &error), &place)));
            }
        }
        ensure_sound(producer).map_err(|failure| end(producer, failure))?;
    }
}

/// A topic that the brokers do not know may be one that they do not know yet (see [`crate::doubt`]). A producer that has
/// failed cannot ask again; its stage starts anew, and whoever opens the topics then finds out.
fn doubted(failure: LogError, place: &Place) -> LogError {
    match failure {
        LogError::TopicMissing { topic } => LogError::Unreachable {
            brokers: place.brokers.clone(),
            reason: format!("the brokers do not know topic \"{topic}\" at the moment"),
        },
        failure => failure,
    }
}

fn try_hand_over(producer: &BaseProducer<Deliveries>, outgoing: Outgoing<'_>) -> Result<(), KafkaError> {
    let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(outgoing.topic);
    record.partition = Some(i32::try_from(outgoing.partition).unwrap_or(i32::MAX));
    record.key = outgoing.key;
    record.payload = outgoing.payload;
    let mut account = lock(&producer.client().context().account);
    // Under the lock, so that a delivery report cannot be counted before the message.
    producer.send(record).map_err(|(error, _)| error)?;
    account.sent += 1;
    Ok(())
}

/// The error behind an error: librdkafka reports "fatal" and keeps the reason apart.
pub(crate) fn failure_of(producer: &BaseProducer<Deliveries>, place: &Place, error: &KafkaError) -> LogError {
    fatal_failure(producer, place).unwrap_or_else(|| place.error(error))
}

/// The reason for which librdkafka has given the producer up, if it has.
pub(crate) fn fatal_failure(producer: &BaseProducer<Deliveries>, place: &Place) -> Option<LogError> {
    let (code, reason) = producer.client().fatal_error()?;
    Some(match place.code(code, &reason) {
        LogError::Fenced { .. } => producer.client().context().place.code(code, &reason),
        told => told,
    })
}

/// Whether librdkafka stopped because a message was refused: the delivery report, which comes after, says why.
fn is_gap(producer: &BaseProducer<Deliveries>) -> bool {
    producer.client().fatal_error().is_some_and(|(code, _)| code == RDKafkaErrorCode::GaplessGuarantee)
}

/// Whether the writer has failed: fencing above all, then the delivery that failed first.
pub(crate) fn ensure_sound(producer: &BaseProducer<Deliveries>) -> Result<(), LogError> {
    let deliveries = producer.client().context();
    let fatal = fatal_failure(producer, &deliveries.place);
    match (fatal, deliveries.failure()) {
        (Some(fenced @ LogError::Fenced { .. }), _) => Err(fenced),
        (_, Some(first)) => Err(first),
        (Some(_), None) if is_gap(producer) => Ok(()),
        (Some(fatal), None) => Err(fatal),
        (None, None) => Ok(()),
    }
}

/// Ends the producer: notes the failure and purges what is queued.
pub(crate) fn end(producer: &BaseProducer<Deliveries>, error: LogError) -> LogError {
    let first = producer.client().context().fail(error);
    producer.purge(PurgeConfig::default().queue().non_blocking());
    first
}
