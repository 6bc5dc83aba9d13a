//! The thread that takes messages from librdkafka for a [`crate::PartitionReader`].
//!
//! Each partition has a queue of its own in librdkafka, which reads no more of it while that is full; so only the
//! partitions that have room here are emptied, and the others hold up nobody. librdkafka says when a queue is no longer
//! empty. The queue is split off before the partition is assigned, so all of its messages come through it, in order (whoever
//! counts the entries would see a gap, if one came through the client's main queue behind its time).
//!
//! It ends with the first error that is more than an outage. An outage is only an error when no broker answers within
//! [`ANSWER_LIMIT`]: librdkafka says "all brokers down" for a lone broker that restarts, or that closed an idle connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::client::{ClientLog, lock};
use crate::doubt::{ensure_known, unless_missing};
use crate::error::{LogError, Place, is_outage};
use crate::reader::{Command, Message, ReadEvent, Room, Shared, StartAt};
use crate::scan::{assignment, learn_leaders, owned, partition_number};
use crate::settings::ANSWER_LIMIT;

/// How often the client's main queue, which has what is not of a partition (outages, answers to what is shown), is looked
/// at. Threads that look often for nothing are much of what idle stages cost.
const LOOK: Duration = Duration::from_millis(250);

/// Progress is shown this often: each time is a request to the broker, however many partitions it is of.
const SHOW_PAUSE: Duration = Duration::from_secs(1);

/// Messages that are taken of a partition before the others and the commands have their turn.
const TURN: usize = 64;

struct Assigned {
    queue: PartitionQueue<ClientLog>,
    generation: u64,
    /// The offset to be read next; unknown before the first message of a partition read from its beginning.
    next: StartAt,
}

/// The thread's own state.
pub(crate) struct ReaderThread {
    consumer: Arc<BaseConsumer<ClientLog>>,
    place: Place,
    shared: Arc<Shared>,
    assigned: BTreeMap<u32, Assigned>,
    /// Progress of partitions that is not shown yet.
    to_show: BTreeMap<u32, i64>,
    shown_at: Instant,
}

impl ReaderThread {
    /// Starts it; it ends when the queue is closed, or after an error.
    pub(crate) fn start(consumer: BaseConsumer<ClientLog>, place: Place, shared: Arc<Shared>) -> Result<(), LogError> {
        let (consumer, assigned, to_show) = (Arc::new(consumer), BTreeMap::new(), BTreeMap::new());
        let mut thread = Self { consumer, place, shared, assigned, to_show, shown_at: Instant::now() };
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
            let (commands, closed, hungry) = {
                let guard = lock(&self.shared.queue);
                let waited = self.shared.wanted.wait_timeout_while(guard, LOOK, |queue| !queue.wants_thread());
                let (mut queue, _) = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
                (std::mem::take(&mut queue.commands), queue.closed, queue.take_hungry())
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
            while let Some(result) = self.consumer.poll(Duration::ZERO) {
                let event = self.event(result.map(|message| owned(&message)))?;
                self.push(event);
            }
            hungry.into_iter().try_for_each(|partition| self.fill(partition))?;
        }
    }

    fn apply(&mut self, command: Command) -> Result<(), LogError> {
        match command {
            Command::Assign { partition, start, generation } => {
                self.unassign(partition)?;
                let queue = self.split(partition)?;
                let list = assignment(&self.place.object, partition, start).map_err(|e| self.place.error(&e))?;
                self.consumer.incremental_assign(&list).map_err(|e| self.place.error(&e))?;
                self.assigned.insert(partition, Assigned { queue, generation, next: start });
            }
            Command::Unassign { partition } => self.unassign(partition)?,
            Command::Show { partition, next_offset } => {
                self.to_show.insert(partition, next_offset);
            }
        }
        Ok(())
    }

    fn unassign(&mut self, partition: u32) -> Result<(), LogError> {
        let Some(assigned) = self.assigned.remove(&partition) else { return Ok(()) };
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.place.object, partition_number(partition));
        let unassigned = self.consumer.incremental_unassign(&list).map_err(|e| self.place.error(&e));
        drop(assigned);
        unassigned
    }

    /// The queue of a partition, which wakes this thread when it is no longer empty.
    fn split(&self, partition: u32) -> Result<PartitionQueue<ClientLog>, LogError> {
        let split = self.consumer.split_partition_queue(&self.place.object, partition_number(partition));
        let mut queue = split.ok_or(LogError::Ended { what: "queue of a partition" })?;
        let shared = Arc::clone(&self.shared);
        queue.set_nonempty_callback(move || {
            lock(&shared.queue).set_more(partition, true);
            shared.wanted.notify_one();
        });
        Ok(queue)
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

    /// Takes what librdkafka has of a partition, while there is room for it and it has its turn.
    fn fill(&mut self, partition: u32) -> Result<(), LogError> {
        for _ in 0..TURN {
            let Some(assigned) = self.assigned.get(&partition) else { return Ok(()) };
            let Some(result) = assigned.queue.poll(Duration::ZERO) else { return Ok(()) };
            let result = result.map(|message| owned(&message));
            let event = self.event(result)?;
            if self.push(event) == Room::None {
                break;
            }
        }
        lock(&self.shared.queue).set_more(partition, true);
        Ok(())
    }

    /// What librdkafka gave means for the stage; nothing for an outage that may pass.
    fn event(&self, result: Result<Message, KafkaError>) -> Result<Option<ReadEvent>, LogError> {
        match result {
            Ok(message) => Ok(Some(ReadEvent::Message(message))),
            Err(KafkaError::PartitionEOF(partition)) => {
                let partition = u32::try_from(partition).unwrap_or_default();
                Ok(Some(ReadEvent::EndOfPartition { partition, next_offset: self.next_offset(partition)? }))
            }
            Err(error) => self.judge(&error).map(|()| None),
        }
    }

    fn push(&mut self, event: Option<ReadEvent>) -> Room {
        let Some(event) = event else { return Room::Some };
        let Some(assigned) = self.assigned.get_mut(&event.partition()) else { return Room::Some };
        if let ReadEvent::Message(message) = &event {
            assigned.next = StartAt::Offset(message.offset + 1);
        }
        let room = lock(&self.shared.queue).push(assigned.generation, event);
        self.shared.ready.notify_one();
        room
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
