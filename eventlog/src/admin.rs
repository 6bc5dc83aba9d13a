//! Topics: whether they are there, whether they are as they must be, and making them.
//!
//! An existing topic is never altered: it is right, or the error says what is not. Asking about a topic never creates it.
//! The broker's topic id, which would tell a topic from another of the same name, is not given by this version of the
//! client (only by librdkafka's describe-topics call, which it does not wrap); the cluster id is, and a topic that was
//! made anew shows in its offsets and sequences.

mod unread;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

use crate::client::{ClientLog, Detached, blocking};
use crate::doubt::unless_in_doubt;
use crate::encryption::find_encrypted;
use crate::error::{LogError, Place};
use crate::options::{LogOptions, TopicNames};
use crate::scan::partition_number;
use crate::settings::{self, ANSWER_LIMIT, MESSAGE_LIMIT};
use crate::stable_offset::PartitionEnds;

pub use unread::Unread;

/// How long the data topics keep what was written, unless the task says otherwise.
pub const DATA_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// After this long without a broker that answers, a refused connection is not tried again.
const PATIENCE: Duration = Duration::from_secs(2);

/// A topic as the cluster has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub topic: String,
    /// Its partitions; None where it does not exist.
    pub partitions: Option<u32>,
}

/// A cluster and some of its topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Names the cluster: goes into the first checkpoint, so that a start against another cluster is noticed.
    pub cluster_id: String,
    /// Brokers that are alive.
    pub brokers: u32,
    /// The topics asked for, in that order.
    pub topics: Vec<TopicDescription>,
}

/// Consumers that read nothing, one an isolation level: the end differs.
struct Observers {
    uncommitted: BaseConsumer<ClientLog>,
    committed: BaseConsumer<ClientLog>,
}

/// A connection for questions about topics and for making them.
pub struct Broker {
    options: LogOptions,
    observers: Detached<Arc<Observers>>,
    admin: Detached<AdminClient<ClientLog>>,
}

impl Broker {
    /// Connects; an error after ten seconds at most, in one line that has what the client last heard.
    pub async fn connect(options: &LogOptions) -> Result<Self, LogError> {
        let options = options.clone();
        blocking(move || {
            let place = Place::new(&options.brokers, "connect to", "kafka");
            let observer = |isolation| {
                settings::observer(&options, isolation)?
                    .create_with_context(ClientLog::default())
                    .map_err(|e| place.error(&e))
            };
            let observers =
                Observers { uncommitted: observer("read_uncommitted")?, committed: observer("read_committed")? };
            await_answer(&observers.uncommitted, &options, &place)?;
            let admin =
                settings::admin(&options)?.create_with_context(ClientLog::default()).map_err(|e| place.error(&e))?;
            Ok(Self { options, observers: Detached::new(Arc::new(observers)), admin: Detached::new(admin) })
        })
        .await
    }

    /// The cluster, and which of these topics exist.
    pub async fn describe(&self, topics: &[&str]) -> Result<Description, LogError> {
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let place = self.place("describe", "the cluster");
        let observers = Arc::clone(&self.observers);
        blocking(move || {
            let consumer = &observers.uncommitted;
            let cluster = consumer.client().fetch_cluster_id(ANSWER_LIMIT);
            let cluster_id = cluster.ok_or_else(|| place.timed_out(ANSWER_LIMIT))?;
            let mut described = Vec::with_capacity(topics.len());
            let mut brokers = 0;
            for topic in topics {
                let place = Place { object: topic.clone(), ..place.doing("describe topic") };
                let metadata = consumer.fetch_metadata(Some(&topic), ANSWER_LIMIT).map_err(|e| place.error(&e))?;
                brokers = u32::try_from(metadata.brokers().len()).unwrap_or(u32::MAX);
                let found = metadata.topics().iter().find(|found| found.name() == topic);
                let partitions = match found.map(|found| (found.error(), found.partitions().len())) {
                    None | Some((Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART), _)) => None,
                    Some((None, count)) => Some(u32::try_from(count).unwrap_or(u32::MAX)),
                    Some((Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE), count)) => {
                        Some(u32::try_from(count).unwrap_or(u32::MAX))
                    }
                    Some((Some(code), _)) => {
                        let code = RDKafkaErrorCode::from(code);
                        return Err(place.code(code, &code.to_string()));
                    }
                };
                described.push(TopicDescription { topic, partitions });
            }
            Ok(Description { cluster_id, brokers, topics: described })
        })
        .await
    }

    /// Makes the topics of a task that are missing (replicated three times, or as often as there are brokers) and
    /// ensures that those that exist are right. Gives back the names of those made.
    pub async fn ensure_topics(&self, names: &TopicNames, retention: Duration) -> Result<Vec<String>, LogError> {
        let wanted = wanted_topics(names, self.options.partitions, retention);
        let all: Vec<&str> = wanted.iter().map(|topic| topic.name).collect();
        let description = self.describe(&all).await?;
        let mut missing = Vec::new();
        for (topic, found) in wanted.iter().zip(&description.topics) {
            match found.partitions {
                None => missing.push(topic),
                Some(partitions) => self.ensure_right(topic, partitions).await?,
            }
        }
        self.create(&missing, description.brokers).await?;
        Ok(missing.iter().map(|topic| topic.name.to_owned()).collect())
    }

    /// Ensures that the topics of a task exist and are right; makes none.
    pub async fn ensure_topics_unchanged(&self, names: &TopicNames) -> Result<(), LogError> {
        unless_in_doubt(|| self.ensure_as_wanted(names)).await
    }

    async fn ensure_as_wanted(&self, names: &TopicNames) -> Result<(), LogError> {
        let wanted = wanted_topics(names, self.options.partitions, DATA_RETENTION);
        let all: Vec<&str> = wanted.iter().map(|topic| topic.name).collect();
        for (topic, found) in wanted.iter().zip(&self.describe(&all).await?.topics) {
            match found.partitions {
                None => return Err(LogError::TopicMissing { topic: topic.name.to_owned() }),
                Some(partitions) => self.ensure_right(topic, partitions).await?,
            }
        }
        Ok(())
    }

    /// The topics of a task that do not exist.
    pub async fn missing(&self, names: &TopicNames) -> Result<Vec<String>, LogError> {
        let all = [&names.captured, &names.transformed, &names.schemas, &names.state];
        let description = self.describe(&all.map(String::as_str)).await?;
        Ok(description.topics.into_iter().filter(|t| t.partitions.is_none()).map(|t| t.topic).collect())
    }

    /// Whether nothing was ever written to a topic: not even a transaction that was aborted, or messages deleted since.
    pub async fn is_empty(&self, topic: &str) -> Result<bool, LogError> {
        Ok(self.ends(topic).await?.iter().all(|ends| ends.end == 0))
    }

    /// First, last stable and end offset of each partition of a topic.
    pub async fn ends(&self, topic: &str) -> Result<Vec<PartitionEnds>, LogError> {
        unless_in_doubt(|| self.ends_now(topic)).await
    }

    async fn ends_now(&self, topic: &str) -> Result<Vec<PartitionEnds>, LogError> {
        let described = self.describe(&[topic]).await?;
        let count = described.topics.first().and_then(|found| found.partitions);
        let count = count.ok_or_else(|| LogError::TopicMissing { topic: topic.to_owned() })?;
        let place = self.place("read the offsets of topic", topic);
        let (topic, observers) = (topic.to_owned(), Arc::clone(&self.observers));
        blocking(move || {
            let watermarks = |consumer: &BaseConsumer<ClientLog>, partition| {
                consumer
                    .fetch_watermarks(&topic, partition_number(partition), ANSWER_LIMIT)
                    .map_err(|e| place.error(&e))
            };
            (0..count)
                .map(|partition| {
                    // The stable one first: read later it could pass the end.
                    let (_, last_stable) = watermarks(&observers.committed, partition)?;
                    let (earliest, end) = watermarks(&observers.uncommitted, partition)?;
                    Ok(PartitionEnds { partition, earliest, last_stable, end })
                })
                .collect()
        })
        .await
    }

    /// Copies of the topic's partition that has the fewest; None where the topic does not exist.
    pub async fn replicas(&self, topic: &str) -> Result<Option<u32>, LogError> {
        let (place, observers) = (self.place("describe topic", topic), Arc::clone(&self.observers));
        let topic = topic.to_owned();
        blocking(move || {
            let metadata =
                observers.uncommitted.fetch_metadata(Some(&topic), ANSWER_LIMIT).map_err(|e| place.error(&e))?;
            let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
            let fewest = found.and_then(|found| found.partitions().iter().map(|p| p.replicas().len()).min());
            Ok(fewest.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
        })
        .await
    }

    /// The settings of a topic by name (`max.message.bytes`, `min.insync.replicas`, `retention.ms`, ...).
    pub async fn topic_settings(&self, topic: &str) -> Result<BTreeMap<String, String>, LogError> {
        let place = self.place("read the settings of topic", topic);
        let answer = self.admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &admin_options()).await;
        let resource = answer.map_err(|e| place.error(&e))?.into_iter().next();
        match resource {
            Some(Ok(resource)) => {
                Ok(resource.entries.into_iter().filter_map(|e| e.value.map(|value| (e.name, value))).collect())
            }
            Some(Err(code)) => Err(place.code(code, &code.to_string())),
            None => Err(LogError::TopicMissing { topic: topic.to_owned() }),
        }
    }

    /// Deletes topics; those that do not exist are no error.
    pub async fn delete_topics(&self, topics: &[&str]) -> Result<(), LogError> {
        let place = self.place("delete topics of", "the task");
        let results = self.admin.delete_topics(topics, &admin_options()).await.map_err(|e| place.error(&e))?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((topic, code)) => return Err(self.place("delete topic", &topic).code(code, &code.to_string())),
            }
        }
        Ok(())
    }

    async fn ensure_right(&self, topic: &WantedTopic<'_>, found: u32) -> Result<(), LogError> {
        if found != topic.partitions {
            return Err(LogError::PartitionCount { topic: topic.name.to_owned(), found, wanted: topic.partitions });
        }
        let settings = self.topic_settings(topic.name).await?;
        let policy = settings.get("cleanup.policy").cloned().unwrap_or_default();
        if policy != topic.cleanup {
            return Err(LogError::TopicSetting {
                topic: topic.name.to_owned(),
                setting: "cleanup.policy",
                found: policy,
                wanted: topic.cleanup,
            });
        }
        Ok(())
    }

    async fn create(&self, missing: &[&WantedTopic<'_>], brokers: u32) -> Result<(), LogError> {
        if missing.is_empty() {
            return Ok(());
        }
        let replication = i32::try_from(brokers.clamp(1, 3)).unwrap_or(1);
        let topics: Vec<NewTopic<'_>> = missing.iter().map(|topic| topic.order(replication)).collect();
        let place = self.place("create the topics of", "the task");
        let results = self.admin.create_topics(&topics, &admin_options()).await.map_err(|e| place.error(&e))?;
        for result in results {
            if let Err((topic, code)) = result
                && code != RDKafkaErrorCode::TopicAlreadyExists
            {
                return Err(self.place("create topic", &topic).code(code, &code.to_string()));
            }
        }
        self.await_partitions(missing).await
    }

    /// Brokers learn of a new topic one after another; and another process may have made it differently meanwhile.
    async fn await_partitions(&self, made: &[&WantedTopic<'_>]) -> Result<(), LogError> {
        let names: Vec<&str> = made.iter().map(|topic| topic.name).collect();
        let deadline = Instant::now() + ANSWER_LIMIT;
        loop {
            let description = self.describe(&names).await?;
            let late =
                made.iter().zip(&description.topics).find(|(topic, found)| found.partitions != Some(topic.partitions));
            let Some((topic, found)) = late else { return self.await_leaders(&names, deadline).await };
            if Instant::now() >= deadline {
                let (topic, wanted) = (topic.name.to_owned(), topic.partitions);
                return Err(match found.partitions {
                    Some(found) => LogError::PartitionCount { topic, found, wanted },
                    None => LogError::TopicMissing { topic },
                });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A partition that is known may have no leader yet, or one that does not know of it.
    async fn await_leaders(&self, topics: &[&str], deadline: Instant) -> Result<(), LogError> {
        for topic in topics {
            while let Err(error) = self.ends_now(topic).await {
                if Instant::now() >= deadline {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    fn place(&self, action: &'static str, object: &str) -> Place {
        Place::new(&self.options.brokers, action, object)
    }
}

struct WantedTopic<'a> {
    name: &'a str,
    partitions: u32,
    cleanup: &'static str,
    settings: Vec<(&'static str, String)>,
}

impl WantedTopic<'_> {
    fn order(&self, replication: i32) -> NewTopic<'_> {
        let order = NewTopic::new(self.name, partition_number(self.partitions), TopicReplication::Fixed(replication));
        let order = self.settings.iter().fold(order, |order, (name, value)| order.set(name, value));
        let order = order.set("cleanup.policy", self.cleanup).set("unclean.leader.election.enable", "false");
        // With fewer replicas two in sync could not be had after the loss of one.
        if replication >= 3 { order.set("min.insync.replicas", "2") } else { order }
    }
}

fn wanted_topics(names: &TopicNames, partitions: u32, retention: Duration) -> [WantedTopic<'_>; 4] {
    let limit = || ("max.message.bytes", MESSAGE_LIMIT.to_string());
    let data = |name| {
        let settings = vec![limit(), ("retention.ms", retention.as_millis().to_string())];
        WantedTopic { name, partitions, cleanup: "delete", settings }
    };
    // Compaction never touches the segment that is written to: small ones, rolled early, keep the topic short.
    let compacted = |name| {
        let settings = vec![
            limit(),
            ("segment.bytes", (8 << 20).to_string()),
            ("segment.ms", "600000".to_owned()),
            ("min.cleanable.dirty.ratio", "0.1".to_owned()),
        ];
        WantedTopic { name, partitions: 1, cleanup: "compact", settings }
    };
    [data(&names.captured), data(&names.transformed), compacted(&names.schemas), compacted(&names.state)]
}

fn admin_options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_LIMIT)).operation_timeout(Some(ANSWER_LIMIT))
}

/// Waits for the first answer. A refusal ends it at once, a connection that nobody takes after [`PATIENCE`]. Whether the
/// brokers speak TLS is looked at once, where the first question has no answer.
fn await_answer(consumer: &BaseConsumer<ClientLog>, options: &LogOptions, place: &Place) -> Result<(), LogError> {
    let start = Instant::now();
    let mut is_first = true;
    loop {
        if consumer.fetch_metadata(None, Duration::from_millis(500)).is_ok() {
            return Ok(());
        }
        for _ in 0..16 {
            let _ = consumer.poll(Duration::ZERO);
        }
        let log = consumer.context();
        if let Some(refused) = log.refusal(place) {
            return Err(refused);
        }
        if std::mem::take(&mut is_first)
            && let Some(broker) = find_encrypted(options)
        {
            return Err(LogError::Encrypted { broker });
        }
        let waited = start.elapsed();
        if waited >= ANSWER_LIMIT - Duration::from_millis(500) || (waited >= PATIENCE && log.complaint().is_some()) {
            return Err(log.unreachable(place));
        }
    }
}
