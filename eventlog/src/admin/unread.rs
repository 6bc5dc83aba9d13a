//! How much of a topic's retention has gone by for what a reader has still to read.
//!
//! The times are those that the messages carry, asked by time from the broker, so that no message is read. What a reader has
//! read is what it shows to lag tools ([`crate::PartitionReader::show_progress`]), which is never ahead of the truth.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millrace_model::Used;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::Broker;
use crate::client::{ClientLog, blocking};
use crate::error::{LogError, Place};
use crate::scan::partition_number;
use crate::settings::{self, ANSWER_LIMIT};
use crate::stable_offset::PartitionEnds;

/// What a reader has still to read of a topic, against the topic's retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// For how long the topic keeps messages (`retention.ms`).
    pub kept: Duration,
    /// How much of that has gone by for the oldest that is unread.
    pub used: Used,
}

/// Where the reader goes on, by partition.
type Next = Vec<Option<i64>>;

impl Broker {
    /// How long the oldest message has been there that the readers which show their progress in `group` have not read; none
    /// where the topic does not exist or keeps all.
    pub async fn unread(&self, topic: &str, group: &str) -> Result<Option<Unread>, LogError> {
        if self.describe(&[topic]).await?.topics.iter().all(|found| found.partitions.is_none()) {
            return Ok(None);
        }
        let retention = self.topic_settings(topic).await?.get("retention.ms").and_then(|ms| ms.parse::<u64>().ok());
        let Some(kept) = retention.map(Duration::from_millis) else { return Ok(None) };
        let ends = self.ends(topic).await?;
        let place = self.place("read the progress in topic", topic);
        let (topic, config) = (topic.to_owned(), settings::lag_observer(&self.options, group)?);
        blocking(move || {
            let consumer: BaseConsumer<ClientLog> =
                config.create_with_context(ClientLog::default()).map_err(|e| place.error(&e))?;
            let partitions = ends.len();
            let next = shown(&consumer, &topic, partitions, &place)?;
            for (used, hundredths) in [(Used::Most, Used::MOST), (Used::Half, Used::HALF)] {
                let since = first_since(&consumer, &topic, partitions, kept * hundredths / 100, &place)?;
                if ends.iter().zip(&next).zip(&since).any(|((ends, next), since)| is_unread(ends, *next, *since)) {
                    return Ok(Some(Unread { kept, used }));
                }
            }
            Ok(Some(Unread { kept, used: Used::Little }))
        })
        .await
    }
}

/// Whether a message before `since` is unread; `since` is none where every message is older. A reader that has shown nothing
/// has read nothing. The last place of a partition may be the mark of a transaction's end, which nobody reads.
fn is_unread(ends: &PartitionEnds, next: Option<i64>, since: Option<i64>) -> bool {
    let next = next.unwrap_or(ends.earliest).max(ends.earliest);
    match since {
        Some(since) => next < since,
        None => next < ends.end - 1,
    }
}

/// What the readers show, by partition.
fn shown(consumer: &BaseConsumer<ClientLog>, topic: &str, partitions: usize, place: &Place) -> Result<Next, LogError> {
    let asked = list(topic, partitions, Offset::Invalid, place)?;
    let found = consumer.committed_offsets(asked, ANSWER_LIMIT).map_err(|e| place.error(&e))?;
    Ok(offsets(&found, topic, partitions))
}

/// The first message that is younger than `age`, by partition.
fn first_since(
    consumer: &BaseConsumer<ClientLog>,
    topic: &str,
    partitions: usize,
    age: Duration,
    place: &Place,
) -> Result<Next, LogError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = i64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(i64::MAX);
    let asked = list(topic, partitions, Offset::Offset(time), place)?;
    let found = consumer.offsets_for_times(asked, ANSWER_LIMIT).map_err(|e| place.error(&e))?;
    Ok(offsets(&found, topic, partitions))
}

fn list(topic: &str, partitions: usize, offset: Offset, place: &Place) -> Result<TopicPartitionList, LogError> {
    let mut list = TopicPartitionList::new();
    for partition in 0..u32::try_from(partitions).unwrap_or(u32::MAX) {
        list.add_partition_offset(topic, partition_number(partition), offset).map_err(|e| place.error(&e))?;
    }
    Ok(list)
}

fn offsets(found: &TopicPartitionList, topic: &str, partitions: usize) -> Next {
    let offset_of = |partition: usize| {
        let partition = partition_number(u32::try_from(partition).unwrap_or(u32::MAX));
        match found.find_partition(topic, partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    };
    (0..partitions).map(offset_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_and_unread_is_found() {
        let ends = PartitionEnds { partition: 0, earliest: 10, last_stable: 100, end: 100 };
        for (next, since, expected) in [
            (Some(50), Some(50), false),
            (Some(49), Some(50), true),
            (Some(100), None, false),
            // A mark of a transaction's end.
            (Some(99), None, false),
            (Some(98), None, true),
            (None, Some(11), true),
            (None, Some(10), false),
            // Retention was faster, and the stage says so.
            (Some(5), Some(10), false),
        ] {
            assert_eq!(is_unread(&ends, next, since), expected, "{next:?} {since:?}");
        }
        let empty = PartitionEnds { partition: 0, earliest: 0, last_stable: 0, end: 0 };
        assert!(!is_unread(&empty, None, None));
    }
}
