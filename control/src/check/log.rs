//! The checks of what lies between the stages.

use std::collections::BTreeMap;

use millrace_capture::{Standing, examine_log};
use millrace_eventlog::{Broker, LogError, LogOptions, MESSAGE_LIMIT, TopicNames};
use millrace_model::Failure;
use millrace_task::{Task, Transport};

use super::finding::{Area, Finding};
use crate::text::{bytes, count};

/// Copies that a topic should have, so that a broker can be lost.
const REPLICAS: u32 = 3;

/// Data topics should keep what was written for a day at least.
const RETENTION_MS: i64 = 86_400_000;

/// Checks the log; says where the task stands in it, if that can be known.
pub(super) async fn check(task: &Task, findings: &mut Vec<Finding>) -> Option<Standing> {
    if let Transport::InProcess = task.log.transport {
        let found = "in the memory of one process: only `millrace run` can run this task";
        findings.push(Finding::good(Area::Log, "log_transport", found));
        return None;
    }
    match look(task, findings).await {
        Ok(standing) => Some(standing),
        Err((name, failure)) => {
            findings.push(Finding::blocks(Area::Log, name, failure));
            None
        }
    }
}

async fn look(task: &Task, findings: &mut Vec<Finding>) -> Result<Standing, (&'static str, Failure)> {
    let in_connection = |error: LogError| ("log_connection", Failure::from(error));
    let options = LogOptions::of_task(task).map_err(|failure| ("log_connection", failure))?;
    let names = TopicNames::of(task.name.as_str());
    let broker = Broker::connect(&options).await.map_err(in_connection)?;
    let topics = [&names.captured, &names.transformed, &names.schemas, &names.state];
    let description = broker.describe(&topics.map(String::as_str)).await.map_err(in_connection)?;
    let found = format!("{}, {}", options.brokers, count(description.brokers as usize, "broker"));
    findings.push(Finding::good(Area::Log, "log_connection", found));
    findings.push(check_brokers(description.brokers));
    let standing = examine_log(&broker, &options, &names, task).await.map_err(|failure| ("log_topics", failure))?;
    let there: Vec<&str> =
        description.topics.iter().filter(|topic| topic.partitions.is_some()).map(|topic| &*topic.topic).collect();
    let found = match (&standing, there.len()) {
        (Standing::New, 0) => {
            format!("capture will create {} with {} partitions each", names.captured, options.partitions)
        }
        (Standing::New, _) => format!("{} there and empty", count(there.len(), "topic")),
        (Standing::Started(_), _) => "the task was started with this task file; it goes on where it was".to_owned(),
    };
    findings.push(Finding::good(Area::Log, "log_topics", found));
    let mut of_topics: Vec<Finding> = Vec::new();
    for topic in there {
        let settings = broker.topic_settings(topic).await.map_err(in_connection)?;
        // With few brokers that was said already.
        let replicas = match description.brokers {
            REPLICAS.. => broker.replicas(topic).await.map_err(in_connection)?,
            _ => None,
        };
        let is_data = topic == names.captured || topic == names.transformed;
        let kind = if is_data { Kind::Data } else { Kind::Compacted };
        check_topic(topic, &settings, replicas, kind).into_iter().for_each(|found| merge(&mut of_topics, found));
    }
    findings.extend(of_topics);
    Ok(standing)
}

/// Enough brokers for three copies of each topic.
fn check_brokers(brokers: u32) -> Finding {
    let name = "log_replication";
    if brokers >= REPLICAS {
        return Finding::good(Area::Log, name, format!("new topics have {REPLICAS} copies"));
    }
    let found = format!("{} only: what it holds is lost with a disk", count(brokers as usize, "broker"));
    let mend = "use a cluster of three brokers or more in production; on a test system accept it";
    Finding::warning(Area::Log, name, found, mend)
}

/// Findings of one name become one.
fn merge(findings: &mut Vec<Finding>, finding: Finding) {
    match findings.iter_mut().find(|known| known.name == finding.name) {
        Some(known) => {
            known.found = format!("{}; {}", known.found, finding.found);
            known.mend = format!("{}; {}", known.mend, finding.mend);
        }
        None => findings.push(finding),
    }
}

/// What a topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Rows.
    Data,
    /// Schemas and state.
    Compacted,
}

/// What an existing topic has that it should not have; the copies are not looked at where their number is not given.
fn check_topic(topic: &str, settings: &BTreeMap<String, String>, replicas: Option<u32>, kind: Kind) -> Vec<Finding> {
    let mut findings = Vec::new();
    let setting = |name: &str| settings.get(name).and_then(|value| value.parse::<i64>().ok());
    let alter = |setting: &str, value: &str| {
        format!("kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {setting}={value}")
    };
    let mut warn = |name, found: String, mend| findings.push(Finding::warning(Area::Log, name, found, mend));
    let in_sync = setting("min.insync.replicas").filter(|in_sync| *in_sync < 2);
    if let Some(few) = replicas.filter(|replicas| *replicas < REPLICAS) {
        let found = format!("topic \"{topic}\" has {few} of {REPLICAS} copies");
        warn("log_replication", found, "kafka-reassign-partitions.sh gives a topic more copies".to_owned());
    } else if let (Some(in_sync), Some(_)) = (in_sync, replicas) {
        let found = format!("topic \"{topic}\" acknowledges what is on {in_sync} broker only");
        warn("log_min_insync", found, alter("min.insync.replicas", "2"));
    }
    let limit = i64::from(MESSAGE_LIMIT);
    if let Some(found) = setting("max.message.bytes").filter(|found| *found < limit) {
        let size = bytes(u64::try_from(found).unwrap_or(0));
        let found = format!("topic \"{topic}\" refuses messages above {size}: a large row would stop the task");
        warn("log_message_limit", found, alter("max.message.bytes", &limit.to_string()));
    }
    let retention = setting("retention.ms").filter(|found| (0..RETENTION_MS).contains(found));
    if let (Kind::Data, Some(retention)) = (kind, retention) {
        let hours = retention as f64 / 3_600_000.0;
        let found = format!(
            "topic \"{topic}\" keeps rows for {hours:.1} hours: a stage that stands still for longer loses them"
        );
        warn("log_retention", found, alter("retention.ms", "604800000"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(settings: &[(&str, &str)], replicas: impl Into<Option<u32>>, kind: Kind) -> Vec<&'static str> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        check_topic("shop.captured", &settings, replicas.into(), kind).iter().map(|finding| finding.name).collect()
    }

    #[test]
    fn settings_with_which_rows_can_be_lost_are_named() {
        let limit = MESSAGE_LIMIT.to_string();
        let good = [("min.insync.replicas", "2"), ("max.message.bytes", &*limit), ("retention.ms", "604800000")];
        assert!(names(&good, 3, Kind::Data).is_empty());
        assert!(names(&[("retention.ms", "-1")], 3, Kind::Data).is_empty());
        assert_eq!(names(&[("min.insync.replicas", "1")], 3, Kind::Data), ["log_min_insync"]);
        assert_eq!(names(&[("min.insync.replicas", "1")], 1, Kind::Data), ["log_replication"]);
        assert!(names(&[("min.insync.replicas", "1")], None, Kind::Data).is_empty());
        assert_eq!(names(&[("max.message.bytes", "1000")], 3, Kind::Compacted), ["log_message_limit"]);
        assert_eq!(names(&[("retention.ms", "60000")], 3, Kind::Data), ["log_retention"]);
        assert!(names(&[("retention.ms", "60000")], 3, Kind::Compacted).is_empty());
    }

    #[test]
    fn few_brokers_are_a_warning() {
        assert_eq!(check_brokers(3).meaning, super::super::finding::Meaning::Good);
        assert_eq!(check_brokers(1).meaning, super::super::finding::Meaning::Warning);
    }
}
