//! Reading partitions of one topic from offsets that the caller keeps.
//!
//! librdkafka is polled on a thread of its own (`reader_thread`), which fills a queue bounded in bytes; the stage empties
//! it with [`PartitionReader::next`]. Commands (assign, pause, ...) take effect on the queue at once: what a partition
//! had in it is dropped, so no message of an earlier assignment comes after the call. To pause is to unassign and to
//! remember the offset after the last message handed out; so a paused partition takes no room from the others, and a
//! stage that waits for one partition never waits behind the full queue of another.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::client::{ClientLog, lock};
use crate::error::{LogError, Place};
use crate::options::LogOptions;
use crate::reader_thread::ReaderThread;
use crate::settings;

/// Where to begin reading a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// At the first message that is still there: for compacted topics, whose beginning means "everything".
    Beginning,
    /// At this offset, which must be retained (or be the end).
    Offset(i64),
}

/// A committed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its partition.
    pub partition: u32,
    /// Its offset; offsets have holes.
    pub offset: i64,
    /// Its key; empty where it has none.
    pub key: Bytes,
    /// Its payload; empty for a tombstone.
    pub payload: Bytes,
}

/// What a reader meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadEvent {
    /// The next message of its partition.
    Message(Message),
    /// All that is committed has been handed out, for now.
    EndOfPartition {
        /// The partition.
        partition: u32,
        /// Where reading goes on: the offset after the last message.
        next_offset: i64,
    },
}

impl ReadEvent {
    fn partition(&self) -> u32 {
        match self {
            Self::Message(message) => message.partition,
            Self::EndOfPartition { partition, .. } => *partition,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Message(message) => message.payload.len() + message.key.len() + 128,
            Self::EndOfPartition { .. } => 0,
        }
    }
}

/// What the thread is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Command {
    Assign { partition: u32, start: StartAt, generation: u64 },
    Unassign { partition: u32 },
    Show { partition: u32, next_offset: i64 },
}

#[derive(Debug)]
struct Reading {
    /// Tells the messages of this assignment from those of an earlier one.
    generation: u64,
    /// After the last message handed out.
    position: StartAt,
    state: ReadingState,
}

#[derive(Debug, PartialEq, Eq)]
enum ReadingState {
    Running,
    Paused,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Bytes of messages that may wait to be taken; one message more may.
    limit: usize,
    events: VecDeque<ReadEvent>,
    bytes: usize,
    readings: BTreeMap<u32, Reading>,
    generations: u64,
    pub(crate) commands: Vec<Command>,
    pub(crate) closed: bool,
    ended: Option<LogError>,
}

impl Queue {
    /// Whether the thread has something to do: room for messages, or a command.
    pub(crate) fn wants_thread(&self) -> bool {
        self.has_room() || !self.commands.is_empty() || self.closed
    }

    /// Whether messages may be added.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes < self.limit
    }

    /// Adds what the thread read, unless its assignment is over.
    pub(crate) fn push(&mut self, generation: u64, event: ReadEvent) {
        let current = self.readings.get(&event.partition());
        if current.is_some_and(|r| r.generation == generation && r.state == ReadingState::Running) {
            self.bytes += event.bytes();
            self.events.push_back(event);
        }
    }

    fn pop(&mut self) -> Option<ReadEvent> {
        let event = self.events.pop_front()?;
        self.bytes -= event.bytes();
        if let (ReadEvent::Message(message), Some(reading)) = (&event, self.readings.get_mut(&event.partition())) {
            reading.position = StartAt::Offset(message.offset + 1);
        }
        Some(event)
    }

    fn discard(&mut self, partition: u32) {
        self.events.retain(|event| event.partition() != partition);
        self.bytes = self.events.iter().map(ReadEvent::bytes).sum();
    }

    fn start(&mut self, partition: u32, start: StartAt) {
        self.discard(partition);
        self.generations += 1;
        let generation = self.generations;
        self.readings.insert(partition, Reading { generation, position: start, state: ReadingState::Running });
        self.commands.push(Command::Assign { partition, start, generation });
    }

    fn stop(&mut self, partition: u32) {
        self.discard(partition);
        if self.readings.remove(&partition).is_some() {
            self.commands.push(Command::Unassign { partition });
        }
    }

    fn pause(&mut self, partition: u32) {
        self.discard(partition);
        if let Some(reading) = self.readings.get_mut(&partition).filter(|r| r.state == ReadingState::Running) {
            reading.state = ReadingState::Paused;
            self.commands.push(Command::Unassign { partition });
        }
    }

    fn resume(&mut self, partition: u32) {
        let paused = self.readings.get(&partition).filter(|r| r.state == ReadingState::Paused);
        if let Some(position) = paused.map(|r| r.position) {
            self.start(partition, position);
        }
    }
}

/// The queue between the thread and the stage.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) queue: Mutex<Queue>,
    /// Wakes the thread.
    pub(crate) wanted: Condvar,
    /// Wakes the stage.
    pub(crate) ready: Notify,
}

impl Shared {
    /// The thread's last word.
    pub(crate) fn end(&self, error: LogError) {
        lock(&self.queue).ended.get_or_insert(error);
        self.ready.notify_one();
    }
}

/// Reads partitions of one topic at read_committed. One task takes its events; commands may come from any.
pub struct PartitionReader {
    shared: Arc<Shared>,
}

impl PartitionReader {
    /// A reader of a topic, with nothing assigned. `group` is only the name under which [`Self::show_progress`] shows
    /// (see [`crate::TopicNames::apply_progress_group`]): nobody joins it, and no offset is read from it.
    pub fn open(options: &LogOptions, topic: &str, group: &str) -> Result<Self, LogError> {
        let place = Place::new(&options.brokers, "read topic", topic);
        let consumer =
            settings::reader(options, group)?.create_with_context(ClientLog::default()).map_err(|e| place.error(&e))?;
        let queue = Queue { limit: options.memory.read_ahead(), ..Queue::default() };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), ..Shared::default() });
        ReaderThread::start(consumer, place, Arc::clone(&shared))?;
        Ok(Self { shared })
    }

    /// Reads a partition from here on; what was queued of it is dropped.
    pub fn assign(&self, partition: u32, start: StartAt) {
        self.command(|queue| queue.start(partition, start));
    }

    /// Reads a partition no longer; what was queued of it is dropped.
    pub fn unassign(&self, partition: u32) {
        self.command(|queue| queue.stop(partition));
    }

    /// Stops reading a partition for a while.
    pub fn pause(&self, partition: u32) {
        self.command(|queue| queue.pause(partition));
    }

    /// Goes on after the last message of the partition that was handed out.
    pub fn resume(&self, partition: u32) {
        self.command(|queue| queue.resume(partition));
    }

    /// Shows to lag tools, once a second, that a partition was worked off up to here. Never read again by us; failures are
    /// ignored.
    pub fn show_progress(&self, partition: u32, next_offset: i64) {
        self.command(|queue| queue.commands.push(Command::Show { partition, next_offset }));
    }

    /// The next event; waits for one. Events of one partition come in order. Can be dropped without losing anything.
    /// After an error it gives the same error again: the reader has ended.
    pub async fn next(&self) -> Result<ReadEvent, LogError> {
        loop {
            {
                let mut queue = lock(&self.shared.queue);
                let was_full = !queue.has_room();
                if let Some(event) = queue.pop() {
                    if was_full {
                        self.shared.wanted.notify_one();
                    }
                    return Ok(event);
                }
                if let Some(error) = &queue.ended {
                    return Err(error.clone());
                }
            }
            self.shared.ready.notified().await;
        }
    }

    fn command(&self, give: impl FnOnce(&mut Queue)) {
        give(&mut lock(&self.shared.queue));
        self.shared.wanted.notify_one();
    }
}

impl Drop for PartitionReader {
    fn drop(&mut self) {
        self.command(|queue| queue.closed = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(partition: u32, offset: i64) -> ReadEvent {
        let payload = Bytes::from_static(b"x");
        ReadEvent::Message(Message { partition, offset, key: Bytes::new(), payload })
    }

    #[test]
    fn a_paused_partition_goes_on_after_what_was_handed_out() {
        let mut queue = Queue::default();
        queue.start(0, StartAt::Offset(7));
        queue.start(1, StartAt::Offset(0));
        queue.push(1, message(0, 7));
        queue.push(2, message(1, 0));
        queue.push(1, message(0, 8));
        assert_eq!(queue.pop(), Some(message(0, 7)));
        queue.pause(0);
        queue.push(1, message(0, 9));
        assert_eq!(queue.pop(), Some(message(1, 0)));
        assert_eq!((queue.pop(), queue.bytes), (None, 0));
        queue.resume(0);
        let last = queue.commands.last().copied();
        assert!(matches!(last, Some(Command::Assign { partition: 0, start: StartAt::Offset(8), generation: 3 })));
        queue.push(1, message(0, 9));
        queue.push(3, message(0, 8));
        assert_eq!(queue.pop(), Some(message(0, 8)));
    }

    #[test]
    fn an_unassigned_partition_gives_nothing_and_is_not_resumed() {
        let mut queue = Queue::default();
        queue.start(0, StartAt::Beginning);
        queue.push(1, message(0, 0));
        queue.stop(0);
        queue.push(1, message(0, 1));
        queue.resume(0);
        assert_eq!(queue.pop(), None);
        assert_eq!(queue.commands.len(), 2);
    }
}
