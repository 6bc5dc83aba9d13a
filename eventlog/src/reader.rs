//! Reading partitions of one topic from offsets that the caller keeps.
//!
//! A thread of its own (`reader_thread`) takes messages from librdkafka into a queue for each partition, bounded in bytes;
//! the stage empties them with [`PartitionReader::next`]. Commands (assign, unassign) take effect on the queues at once: what
//! a partition had is dropped, so no message of an earlier assignment comes after the call.
//!
//! Each partition has its share of the bound, here and in librdkafka, so a stage that waits for one never waits behind the
//! messages of another, and what it does not want yet ([`PartitionReader::next_of_least`]) stays where it is: nothing is
//! read from the broker twice.

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
    pub(crate) fn partition(&self) -> u32 {
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
    events: VecDeque<ReadEvent>,
    bytes: usize,
    /// Whether librdkafka may have more of it.
    has_more: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Bytes of messages that may wait to be taken; one message more of each partition may.
    limit: usize,
    readings: BTreeMap<u32, Reading>,
    /// Whose turn it is, and what it was given in it, in bytes.
    turn: (u32, usize),
    generations: u64,
    pub(crate) commands: Vec<Command>,
    pub(crate) closed: bool,
    ended: Option<LogError>,
}

/// Whether more of a partition may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Some,
    None,
}

impl Queue {
    /// Whether the thread has something to do.
    pub(crate) fn wants_thread(&self) -> bool {
        self.closed || !self.commands.is_empty() || self.hungry().next().is_some()
    }

    fn share(&self) -> usize {
        self.limit / self.readings.len().max(1)
    }

    /// What a partition gives before the next has its turn: one that writes what it reads sends large batches then.
    fn turn_bytes(&self) -> usize {
        self.limit / 16
    }

    /// Partitions of which there may be more and little is here: they are filled by halves, not message by message.
    fn hungry(&self) -> impl Iterator<Item = u32> {
        let little = self.share() / 2;
        let hungry = self.readings.iter().filter(move |(_, reading)| reading.has_more && reading.bytes <= little);
        hungry.map(|(&partition, _)| partition)
    }

    /// Those, to be asked until they have nothing more or no room: whatever comes after this call is told anew.
    pub(crate) fn take_hungry(&mut self) -> Vec<u32> {
        let hungry: Vec<u32> = self.hungry().collect();
        hungry.iter().for_each(|&partition| self.set_more(partition, false));
        hungry
    }

    /// Says whether librdkafka may have more of a partition.
    pub(crate) fn set_more(&mut self, partition: u32, has_more: bool) {
        if let Some(reading) = self.readings.get_mut(&partition) {
            reading.has_more = has_more;
        }
    }

    /// Adds what the thread read, unless its assignment is over.
    pub(crate) fn push(&mut self, generation: u64, event: ReadEvent) -> Room {
        let share = self.share();
        match self.readings.get_mut(&event.partition()) {
            Some(reading) if reading.generation == generation => {
                reading.bytes += event.bytes();
                reading.events.push_back(event);
                if reading.bytes < share { Room::Some } else { Room::None }
            }
            _ => Room::Some,
        }
    }

    /// The next event of the partition with the lowest rank, of those that have both; of equal ones in turn.
    fn pop(&mut self, rank: impl Fn(u32) -> Option<u64>) -> Option<ReadEvent> {
        let ((turn, given), turn_bytes) = (self.turn, self.turn_bytes());
        let waiting = self.readings.iter_mut().filter(|(_, reading)| !reading.events.is_empty());
        let ranked = waiting.filter_map(|(&partition, reading)| Some((rank(partition)?, partition, reading)));
        let (_, partition, reading) = ranked.min_by_key(|&(rank, partition, _)| (rank, partition < turn, partition))?;
        let event = reading.events.pop_front()?;
        reading.bytes -= event.bytes();
        let given = event.bytes() + if partition == turn { given } else { 0 };
        self.turn = if given < turn_bytes { (partition, given) } else { (partition + 1, 0) };
        Some(event)
    }

    fn start(&mut self, partition: u32, start: StartAt) {
        self.generations += 1;
        let generation = self.generations;
        self.readings.insert(partition, Reading { generation, events: VecDeque::new(), bytes: 0, has_more: true });
        self.commands.push(Command::Assign { partition, start, generation });
    }

    fn stop(&mut self, partition: u32) {
        if self.readings.remove(&partition).is_some() {
            self.commands.push(Command::Unassign { partition });
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

    /// Shows to lag tools, once a second, that a partition was worked off up to here. Never read again by us; failures are
    /// ignored.
    pub fn show_progress(&self, partition: u32, next_offset: i64) {
        self.command(|queue| queue.commands.push(Command::Show { partition, next_offset }));
    }

    /// The next event, of the partitions in turn; waits for one. Events of one partition come in order. Can be dropped
    /// without losing anything. After an error it gives the same error again: the reader has ended.
    pub async fn next(&self) -> Result<ReadEvent, LogError> {
        self.next_of_least(|_| Some(0)).await
    }

    /// Like [`Self::next`], of the partition with the lowest rank, of those of which something is here. What has no rank is
    /// left where it is.
    pub async fn next_of_least(&self, rank: impl Fn(u32) -> Option<u64>) -> Result<ReadEvent, LogError> {
        loop {
            {
                let mut queue = lock(&self.shared.queue);
                let wanted = queue.wants_thread();
                if let Some(event) = queue.pop(&rank) {
                    if !wanted && queue.wants_thread() {
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

    fn places(queue: &mut Queue, rank: impl Fn(u32) -> Option<u64>, count: usize) -> Vec<(u32, i64)> {
        let place = |event| match event {
            ReadEvent::Message(message) => (message.partition, message.offset),
            ReadEvent::EndOfPartition { partition, .. } => (partition, -1),
        };
        (0..count).map_while(|_| queue.pop(&rank).map(place)).collect()
    }

    #[test]
    fn an_assignment_that_is_over_gives_nothing() {
        let mut queue = Queue::default();
        queue.start(0, StartAt::Beginning);
        queue.push(1, message(0, 0));
        queue.stop(0);
        queue.push(1, message(0, 1));
        assert_eq!(queue.pop(|_| Some(0)), None);
        queue.start(0, StartAt::Offset(7));
        queue.push(1, message(0, 2));
        queue.push(2, message(0, 7));
        assert_eq!(places(&mut queue, |_| Some(0), 9), [(0, 7)]);
        assert_eq!(queue.commands.len(), 3);
    }

    #[test]
    fn partitions_come_in_turn_or_the_one_with_the_lowest_rank_first() {
        let mut queue = Queue::default();
        (0..3).for_each(|partition| queue.start(partition, StartAt::Offset(0)));
        (0..3).for_each(|offset| assert_eq!(queue.push(1, message(0, offset)), Room::None));
        (0..3).for_each(|offset| assert_eq!(queue.push(3, message(2, offset)), Room::None));
        queue.push(2, message(1, 0));
        assert_eq!(places(&mut queue, |_| Some(0), 4), [(0, 0), (1, 0), (2, 0), (0, 1)]);
        assert_eq!(
            places(&mut queue, |partition| (partition == 0).then_some(0), 9),
            [(0, 2)],
            "what has no rank stays"
        );
        assert_eq!(places(&mut queue, |partition| Some(9 - u64::from(partition)), 9), [(2, 1), (2, 2)]);
        assert!(queue.readings.values().all(|reading| reading.bytes == 0));
    }

    #[test]
    fn a_turn_ends_with_its_bytes_or_with_the_partition() {
        let mut queue = Queue { limit: 16 * 2 * message(0, 0).bytes(), ..Queue::default() };
        (0..2).for_each(|partition| queue.start(partition, StartAt::Offset(0)));
        for offset in 0..3 {
            queue.push(1, message(0, offset));
            queue.push(2, message(1, offset));
        }
        assert_eq!(places(&mut queue, |_| Some(0), 9), [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (1, 2)]);
    }

    #[test]
    fn a_partition_is_filled_again_when_half_of_its_share_is_gone_and_there_is_more() {
        let size = message(0, 0).bytes();
        let mut queue = Queue { limit: 8 * size, ..Queue::default() };
        queue.start(0, StartAt::Offset(0));
        queue.start(1, StartAt::Offset(0));
        assert_eq!(queue.take_hungry(), [0, 1]);
        let rooms: Vec<_> = (0..4).map(|offset| queue.push(1, message(0, offset))).collect();
        assert_eq!(rooms, [Room::Some, Room::Some, Room::Some, Room::None]);
        queue.set_more(0, true);
        assert_eq!(queue.hungry().next(), None, "it is full");
        queue.pop(|_| Some(0));
        assert_eq!(queue.hungry().next(), None, "more than half of it is here");
        queue.pop(|_| Some(0));
        assert_eq!(queue.take_hungry(), [0]);
        assert_eq!(queue.hungry().next(), None, "nothing was told since");
        queue.set_more(1, true);
        assert_eq!(queue.take_hungry(), [1]);
    }
}
