//! The way of the rows from source to destination: over Kafka, or in the memory of one process. Pure.

use millrace_eventlog::TopicNames;
use millrace_model::schema::Route;
use millrace_model::{MysqlType, TableSchema};
use millrace_task::{Task, Transport};
use serde_json::{Value, json};

/// What lies between the stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// Topics.
    Kafka {
        /// `host:port`, several with commas.
        brokers: String,
        /// Partitions of each of the two topics that have rows.
        partitions: u32,
        names: TopicNames,
    },
    /// Memory: `millrace run` is all three stages.
    OneProcess,
}

impl Way {
    /// The way of a task.
    pub(super) fn of(task: &Task) -> Self {
        match &task.log.transport {
            Transport::Kafka(kafka) => Self::Kafka {
                brokers: kafka.brokers.clone(),
                partitions: task.log.partitions,
                names: TopicNames::of(task.name.as_str()),
            },
            Transport::InProcess => Self::OneProcess,
        }
    }

    /// How the rows of a table are spread over the partitions, and why; nothing is spread in one process, but there may
    /// still be something to know of the table.
    pub(super) fn route(&self, source: &TableSchema<MysqlType>) -> (Option<&'static str>, &'static str) {
        match (self, source.route, source.key.is_empty()) {
            (Self::OneProcess, _, true) => (None, "no key tells its rows apart: it is read whole, in one snapshot"),
            (Self::OneProcess, _, false) => (None, ""),
            (_, Route::Key, _) => (Some("key"), "rows are spread by their key over all partitions"),
            (_, Route::Table, true) => {
                (Some("table"), "no key tells its rows apart: all go through one partition, in order")
            }
            (_, Route::Table, false) => {
                (Some("table"), "another unique key needs order: all rows go through one partition")
            }
        }
    }

    /// A line for people.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Kafka { brokers, partitions, names } => format!(
                "Over Kafka at {brokers}: topics {} and {} with {partitions} partitions each, {} and {}.",
                names.captured, names.transformed, names.schemas, names.state
            ),
            Self::OneProcess => "In one process, by `millrace run`: there is no topic and no partition.".to_owned(),
        }
    }

    /// What of the rows is kept on the way, for people.
    pub(super) fn kept(&self) -> Option<&'static str> {
        match self {
            Self::Kafka { .. } => Some(
                "kafka keeps about as much, and the changes, in each of its two topics for 7 days, in each copy; \
                 \"compression.type\" of log.options makes it less",
            ),
            Self::OneProcess => None,
        }
    }

    /// The same for programs.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Kafka { brokers, partitions, names } => json!({
                "kind": "kafka",
                "brokers": brokers,
                "partitions": partitions,
                "topics": [names.captured, names.transformed, names.schemas, names.state],
            }),
            Self::OneProcess => json!({ "kind": "one_process" }),
        }
    }
}
