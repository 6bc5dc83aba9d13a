//! The thread that polls librdkafka for a [`crate::PartitionReader`].
//!
//! It applies commands, polls while the queue has room, and ends with the first error that is more than an outage. An
//! outage is only an error when no broker answers within [`ANSWER_LIMIT`]: librdkafka says "all brokers down" for a lone
//! broker that restarts, or that closed an idle connection.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::client::{ClientLog, lock};
use crate::doubt::{ensure_known, unless_missing};
use crate::error::{LogError, Place, is_outage};
use crate::reader::{Command, ReadEvent, Shared, StartAt};
use crate::scan::{assignment, learn_leaders, owned, partition_number};
use crate::settings::ANSWER_LIMIT;

/// Longest time that a command waits for the poll before it.
const POLL: Duration = Duration::from_millis(20);

/// The same after [`CALM`]: threads that look often for nothing are much of what idle stages cost. A
/// message ends the wait in any case; for the odd length see [`crate::polled`].
const CALM_POLL: Duration = Duration::from_micros(250_050);

/// How long there is no command that changes what is read before the thread looks less often for the next.
const CALM: Duration = Duration::from_secs(3);

/// Progress is shown this often: each time is a request to the broker, however many partitions it is of.
const SHOW_PAUSE: Duration = Duration::from_secs(1);

struct Assigned {
    generation: u64,
    /// The offset to be read next; unknown before the first message of a partition read from its beginning.
    next: StartAt,
}

/// The thread's own state.
pub(crate) struct ReaderThread {
    consumer: BaseConsumer<ClientLog>,
    place: Place,
    shared: Arc<Shared>,
    assigned: BTreeMap<u32, Assigned>,
    /// When it was last told to read something else.
    told_at: Instant,
    /// Progress of partitions that is not shown yet.
    to_show: BTreeMap<u32, i64>,
    shown_at: Instant,
}

impl ReaderThread {
    /// Starts it; it ends when the queue is closed, or after an error.
    pub(crate) fn start(consumer: BaseConsumer<ClientLog>, place: Place, shared: Arc<Shared>) -> Result<(), LogError> {
        let (assigned, to_show, now) = (BTreeMap::new(), BTreeMap::new(), Instant::now());
        let mut thread = Self { consumer, place, shared, assigned, told_at: now, to_show, shown_at: now };
        let run = move || {
            if let Err(error) = thread.run() {
                thread.shared.end(error);
            }
        };
        match std::thread::Builder::new().name("log-reader".into()).spawn(run) {
            Ok(_) => Ok(()),
            Err(_) => Err(LogError::Ended { what: "reader thread" }),
        }
    }

    fn run(&mut self) -> Result<(), LogError> {
        learn_leaders(&self.consumer, &self.place.object);
        loop {
            let (commands, closed, has_room) = {
                let guard = lock(&self.shared.queue);
                let waited = self.shared.wanted.wait_while(guard, |queue| !queue.wants_thread());
                let mut queue = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
                (std::mem::take(&mut queue.commands), queue.closed, queue.has_room())
            };
            for command in commands {
                self.apply(command)?;
            }
            if closed || self.shown_at.elapsed() >= SHOW_PAUSE {
                self.show();
            }
            if closed {
                return Ok(());
            }
            if has_room && self.poll()?.is_break() {
                return Ok(());
            }
        }
    }

    fn apply(&mut self, command: Command) -> Result<(), LogError> {
        match command {
            Command::Assign { partition, start, generation } => {
                self.unassign(partition)?;
                let list = assignment(&self.place.object, partition, start).map_err(|e| self.place.error(&e))?;
                self.consumer.incremental_assign(&list).map_err(|e| self.place.error(&e))?;
                self.assigned.insert(partition, Assigned { generation, next: start });
            }
            Command::Unassign { partition } => self.unassign(partition)?,
            Command::Show { partition, next_offset } => {
                self.to_show.insert(partition, next_offset);
            }
        }
        Ok(())
    }

    fn unassign(&mut self, partition: u32) -> Result<(), LogError> {
        self.told_at = Instant::now();
        if self.assigned.remove(&partition).is_none() {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.place.object, partition_number(partition));
        self.consumer.incremental_unassign(&list).map_err(|e| self.place.error(&e))
    }

    /// For display alone: a failure changes nothing.
    fn show(&mut self) {
        if self.to_show.is_empty() {
            return;
        }
        self.shown_at = Instant::now();
        let mut list = TopicPartitionList::new();
        let added = std::mem::take(&mut self.to_show).into_iter().try_for_each(|(partition, next_offset)| {
            list.add_partition_offset(&self.place.object, partition_number(partition), Offset::Offset(next_offset))
        });
        if let Err(error) = added.and_then(|()| self.consumer.commit(&list, CommitMode::Async)) {
            tracing::debug!(%error, "progress could not be shown");
        }
    }

    fn poll(&mut self) -> Result<ControlFlow<()>, LogError> {
        let wait = if self.told_at.elapsed() < CALM { POLL } else { CALM_POLL };
        let (partition, event) = match self.consumer.poll(wait) {
            None => return Ok(ControlFlow::Continue(())),
            Some(Ok(message)) => {
                let message = owned(&message);
                (message.partition, ReadEvent::Message(message))
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                let partition = u32::try_from(partition).unwrap_or_default();
                (partition, ReadEvent::EndOfPartition { partition, next_offset: self.next_offset(partition)? })
            }
            Some(Err(error)) => {
                self.judge(&error)?;
                return Ok(ControlFlow::Continue(()));
            }
        };
        let Some(assigned) = self.assigned.get_mut(&partition) else { return Ok(ControlFlow::Continue(())) };
        if let ReadEvent::Message(message) = &event {
            assigned.next = StartAt::Offset(message.offset + 1);
        }
        lock(&self.shared.queue).push(assigned.generation, event);
        self.shared.ready.notify_one();
        Ok(ControlFlow::Continue(()))
    }

    fn next_offset(&self, partition: u32) -> Result<i64, LogError> {
        match self.assigned.get(&partition).map(|a| a.next) {
            Some(StartAt::Offset(offset)) => Ok(offset),
            Some(StartAt::Beginning) | None => Ok(self.ends(partition)?.0),
        }
    }

    fn ends(&self, partition: u32) -> Result<(i64, i64), LogError> {
        unless_missing(&self.consumer, || {
            self.consumer
                .fetch_watermarks(&self.place.object, partition_number(partition), ANSWER_LIMIT)
                .map_err(|e| self.place.error(&e))
        })
    }

    /// Whether an error of the consumer ends the reader.
    fn judge(&self, error: &KafkaError) -> Result<(), LogError> {
        match error.rdkafka_error_code() {
            Some(code) if is_outage(code) => self.ensure_answer(),
            Some(RDKafkaErrorCode::AutoOffsetReset) => Err(self.lost_offset()),
            _ => match self.place.error(error) {
                LogError::TopicMissing { topic } => ensure_known(&self.consumer, &topic),
                error => Err(error),
            },
        }
    }

    fn ensure_answer(&self) -> Result<(), LogError> {
        let log = self.consumer.context();
        if let Some(refused) = log.refusal(&self.place) {
            return Err(refused);
        }
        match self.consumer.fetch_metadata(Some(&self.place.object), ANSWER_LIMIT) {
            Ok(_) => Ok(()),
            Err(_) => Err(log.unreachable(&self.place)),
        }
    }

    /// librdkafka does not say which partition's offset was refused: the one that lies outside of what is there.
    fn lost_offset(&self) -> LogError {
        for (&partition, assigned) in &self.assigned {
            let StartAt::Offset(wanted) = assigned.next else { continue };
            match self.ends(partition) {
                Ok((earliest, end)) if wanted < earliest || wanted > end => {
                    let topic = self.place.object.clone();
                    return LogError::OffsetOutOfRange { topic, partition, wanted, earliest, end };
                }
                Ok(_) => {}
                Err(error) => return error,
            }
        }
        let reason = self.consumer.context().complaint().map_or_else(String::new, |(_, reason)| reason);
        LogError::OffsetRefused { topic: self.place.object.clone(), reason }
    }
}
