//! Reading one partition once, from a place up to a place, at read_committed: capture's state, the newest claim, the tail
//! of transform's output. Blocking; callers run it off the runtime.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::client::{ClientLog, blocking};
use crate::doubt::{ensure_known, unless_missing};
use crate::error::{LogError, Place, is_outage};
use crate::options::LogOptions;
use crate::reader::{Message, StartAt};
use crate::settings::{self, ANSWER_LIMIT};

/// Longest time that a scan may take: a state topic is small, a tail a few messages.
const SCAN_LIMIT: Duration = Duration::from_secs(60);

/// How long it is asked who leads the partitions of a topic.
const LEADERS_LIMIT: Duration = Duration::from_secs(1);

/// What a scan meets.
pub(crate) enum Met {
    /// A committed message.
    Message(Message),
    /// The end, for now: the last stable offset was reached.
    End,
}

/// One partition to be scanned.
pub(crate) struct Scan {
    consumer: BaseConsumer<ClientLog>,
    place: Place,
    topic: String,
    partition: u32,
}

impl Scan {
    pub(crate) fn open(options: &LogOptions, topic: &str, partition: u32) -> Result<Self, LogError> {
        let place = Place::new(&options.brokers, "read topic", topic);
        let config = settings::reader(options, &format!("{topic}.read"))?;
        let consumer = config.create_with_context(ClientLog::default()).map_err(|e| place.error(&e))?;
        learn_leaders(&consumer, topic);
        Ok(Self { consumer, place, topic: topic.to_owned(), partition })
    }

    /// First offset and last stable offset.
    pub(crate) fn ends(&self) -> Result<(i64, i64), LogError> {
        unless_missing(&self.consumer, || {
            self.consumer
                .fetch_watermarks(&self.topic, partition_number(self.partition), ANSWER_LIMIT)
                .map_err(|e| self.place.error(&e))
        })
    }

    /// Gives `visit` what is there from `start` on until it breaks, or `limit` has passed.
    pub(crate) fn visit(
        &self,
        start: StartAt,
        limit: Duration,
        mut visit: impl FnMut(Met) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let deadline = Instant::now() + limit;
        let list = assignment(&self.topic, self.partition, start).map_err(|e| self.place.error(&e))?;
        self.consumer.assign(&list).map_err(|e| self.place.error(&e))?;
        while Instant::now() < deadline {
            let met = match self.consumer.poll(Duration::from_millis(100)) {
                None => continue,
                Some(Ok(message)) => Met::Message(owned(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => Met::End,
                Some(Err(error)) => match error.rdkafka_error_code() {
                    Some(code) if is_outage(code) => continue,
                    Some(RDKafkaErrorCode::AutoOffsetReset) => return Err(self.refused_offset(start)),
                    _ => match self.place.error(&error) {
                        LogError::TopicMissing { .. } => {
                            ensure_known(&self.consumer, &self.topic)?;
                            continue;
                        }
                        error => return Err(error),
                    },
                },
            };
            if visit(met).is_break() {
                return Ok(());
            }
        }
        Err(self.consumer.context().refusal(&self.place).unwrap_or_else(|| self.place.timed_out(limit)))
    }

    fn refused_offset(&self, start: StartAt) -> LogError {
        match (self.ends(), start) {
            (Err(error), _) => error,
            (Ok((earliest, end)), StartAt::Offset(wanted)) => LogError::OffsetOutOfRange {
                topic: self.topic.clone(),
                partition: self.partition,
                wanted,
                earliest,
                end,
            },
            (Ok(_), StartAt::Beginning) => {
                LogError::OffsetRefused { topic: self.topic.clone(), reason: "its beginning was refused".into() }
            }
        }
    }
}

/// The last `count` committed messages of a partition, oldest first; fewer where it has fewer.
pub async fn read_tail(
    options: &LogOptions,
    topic: &str,
    partition: u32,
    count: usize,
) -> Result<Vec<Message>, LogError> {
    read_tail_of(options, topic, partition, count, |message| Ok(Some(message))).await
}

/// What `keep` makes of the last messages of a partition, oldest first: `count` of those of which it makes something,
/// fewer where there are fewer.
pub async fn read_tail_of<T: Send + 'static, E: From<LogError> + Send + 'static>(
    options: &LogOptions,
    topic: &str,
    partition: u32,
    count: usize,
    keep: impl FnMut(Message) -> Result<Option<T>, E> + Send + 'static,
) -> Result<Vec<T>, E> {
    let (options, topic) = (options.clone(), topic.to_owned());
    blocking(move || Ok(tail(&options, &topic, partition, count, keep))).await?
}

fn tail<T, E: From<LogError>>(
    options: &LogOptions,
    topic: &str,
    partition: u32,
    count: usize,
    mut keep: impl FnMut(Message) -> Result<Option<T>, E>,
) -> Result<Vec<T>, E> {
    let mut back = i64::try_from(count).unwrap_or(i64::MAX).max(1);
    loop {
        let scan = Scan::open(options, topic, partition)?;
        let (earliest, end) = scan.ends()?;
        if earliest >= end || count == 0 {
            return Ok(Vec::new());
        }
        let start = earliest.max(end.saturating_sub(back));
        let (mut kept, mut refused) = (VecDeque::new(), None);
        scan.visit(StartAt::Offset(start), SCAN_LIMIT, |met| match met {
            Met::End => ControlFlow::Break(()),
            Met::Message(message) => {
                // While others write all the time, the reader may never meet the end.
                let is_last = message.offset + 1 >= end;
                match keep(message) {
                    Ok(None) => {}
                    Ok(Some(made)) => {
                        if kept.len() == count {
                            kept.pop_front();
                        }
                        kept.push_back(made);
                    }
                    Err(error) => {
                        refused = Some(error);
                        return ControlFlow::Break(());
                    }
                }
                if is_last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
        })?;
        if let Some(error) = refused {
            return Err(error);
        }
        // Offsets have holes (control records, aborted messages): go further back until there are enough.
        if kept.len() == count || start == earliest {
            return Ok(kept.into());
        }
        back = back.saturating_mul(4);
    }
}

/// Asks who leads the topic's partitions. A consumer that is assigned a partition of a topic it has not asked about notices
/// at its next look at all topics, of which there is one a second. So without an answer in that time nothing is lost.
pub(crate) fn learn_leaders(consumer: &BaseConsumer<ClientLog>, topic: &str) {
    if let Err(error) = consumer.fetch_metadata(Some(topic), LEADERS_LIMIT) {
        tracing::debug!(%error, topic, "the leaders of the topic's partitions are not known yet");
    }
}

/// A copy of a message that outlives the consumer.
pub(crate) fn owned(message: &BorrowedMessage<'_>) -> Message {
    Message {
        partition: u32::try_from(message.partition()).unwrap_or_default(),
        offset: message.offset(),
        key: message.key().map(Bytes::copy_from_slice).unwrap_or_default(),
        payload: message.payload().map(Bytes::copy_from_slice).unwrap_or_default(),
    }
}

/// A partition's number as librdkafka has it.
pub(crate) fn partition_number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

/// A list of one partition and where to start.
pub(crate) fn assignment(topic: &str, partition: u32, start: StartAt) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    let offset = match start {
        StartAt::Beginning => Offset::Beginning,
        StartAt::Offset(offset) => Offset::Offset(offset),
    };
    list.add_partition_offset(topic, partition_number(partition), offset)?;
    Ok(list)
}
