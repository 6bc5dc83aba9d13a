//! What the task file says about Kafka, and the names that follow from the task's name.

use std::collections::BTreeMap;
use std::fmt;

use millrace_model::Failure;
use millrace_task::{Memory, Task, Transport};
use secrecy::ExposeSecret;

use crate::error::LogError;

/// Settings that the guarantees rest on, or that are this crate's own: refused in [`LogOptions::options`].
const REFUSED: [&str; 32] = [
    "acks",
    "allow.auto.create.topics",
    "auto.commit.enable",
    "auto.offset.reset",
    "bootstrap.servers",
    "check.crcs",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "enable.sparse.connections",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "heartbeat.interval.ms",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "max.poll.interval.ms",
    "message.send.max.retries",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "plugin.library.paths",
    "queuing.strategy",
    "request.required.acks",
    "retries",
    "test.mock.num.brokers",
    "transaction.timeout.ms",
    "transactional.id",
];

/// How to reach Kafka.
#[derive(Clone, Default)]
pub struct LogOptions {
    /// `host:port`, several with commas.
    pub brokers: String,
    /// Options for librdkafka, as its CONFIGURATION.md names them (security, buffers, compression). May hold secrets:
    /// only the names are ever shown.
    pub options: BTreeMap<String, String>,
    /// Partitions of the data topics, 1 or more; a task never changes it.
    pub partitions: u32,
    /// What messages in flight may take.
    pub memory: Memory,
}

impl LogOptions {
    /// The options of a task file; an error if the task has no Kafka.
    pub fn of_task(task: &Task) -> Result<Self, Failure> {
        let Transport::Kafka(kafka) = &task.log.transport else {
            return Err(Failure::fatal("the task file names no log.kafka", "add kafka = \"host:port\" to [log]"));
        };
        let options = Self {
            brokers: kafka.brokers.clone(),
            options: kafka.options.iter().map(|(name, value)| (name.clone(), value.expose_secret().into())).collect(),
            partitions: task.log.partitions,
            memory: task.memory,
        };
        options.ensure_allowed()?;
        Ok(options)
    }

    /// Ensures that no option is one that the guarantees rest on; the error names the first that is.
    pub fn ensure_allowed(&self) -> Result<(), LogError> {
        for name in self.options.keys() {
            let plain = name.strip_prefix("topic.").unwrap_or(name).trim().to_ascii_lowercase();
            if REFUSED.contains(&plain.as_str()) {
                return Err(LogError::Option { name: name.clone(), reason: "the log's guarantees rest on it".into() });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogOptions")
            .field("brokers", &self.brokers)
            .field("options", &self.options.keys())
            .field("partitions", &self.partitions)
            .finish()
    }
}

/// The topics and groups of one task. All begin with the task's name, so that one prefixed ACL covers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicNames {
    /// The task's name.
    pub task: String,
    /// `<task>.captured`: what capture writes.
    pub captured: String,
    /// `<task>.transformed`: what transform writes.
    pub transformed: String,
    /// `<task>.schemas`: compacted, one partition.
    pub schemas: String,
    /// `<task>.state`: capture's checkpoint; compacted, one partition.
    pub state: String,
}

impl TopicNames {
    /// The names of a task (1 to 200 characters of `[a-zA-Z0-9._-]`, which the task file sees to).
    pub fn of(task: &str) -> Self {
        Self {
            task: task.to_owned(),
            captured: format!("{task}.captured"),
            transformed: format!("{task}.transformed"),
            schemas: format!("{task}.schemas"),
            state: format!("{task}.state"),
        }
    }

    /// Transactional id of capture and the group in which captures stand by.
    pub fn capture(&self) -> String {
        format!("{}.capture", self.task)
    }

    /// The group in which transforms share the partitions of `captured`.
    pub fn transform_group(&self) -> String {
        format!("{}.transform", self.task)
    }

    /// The group in which applies share the partitions of `transformed`.
    pub fn apply_group(&self) -> String {
        format!("{}.apply", self.task)
    }

    /// The group under which lag tools see how far transform has read; nobody is its member.
    pub fn transform_progress_group(&self) -> String {
        format!("{}.transform.progress", self.task)
    }

    /// The group under which lag tools see how far apply has written; nobody is its member.
    pub fn apply_progress_group(&self) -> String {
        format!("{}.apply.progress", self.task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options_with(name: &str) -> LogOptions {
        LogOptions {
            brokers: "b:1".into(),
            options: BTreeMap::from([(name.to_owned(), "hunter2".to_owned())]),
            partitions: 1,
            memory: Memory::default(),
        }
    }

    #[test]
    fn options_that_guarantees_rest_on_are_refused_by_name() {
        for name in REFUSED {
            let error = options_with(name).ensure_allowed().err();
            assert!(error.is_some_and(|e| e.to_string().contains(name)), "{name}");
        }
        assert!(options_with("topic.acks").ensure_allowed().is_err());
        assert!(options_with("sasl.password").ensure_allowed().is_ok());
    }

    #[test]
    fn values_of_options_are_not_shown() {
        assert!(!format!("{:?}", options_with("sasl.password")).contains("hunter2"));
    }

    #[test]
    fn refused_options_are_sorted_and_unique() {
        assert!(REFUSED.is_sorted_by(|a, b| a < b));
    }
}
