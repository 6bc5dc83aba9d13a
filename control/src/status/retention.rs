//! What is lost if it is not read in time: the source deletes binlogs, the log deletes messages. Told while there is time.

use std::time::Duration;

use millrace_eventlog::{Broker, LogOptions, TopicNames};
use millrace_model::{Failure, Used};
use millrace_service::StageName;
use millrace_task::{Task, Transport};
use serde_json::{Value, json};

use super::gather::within;
use super::report::{Parts, Problem, StageReport};
use super::state::Applied;
use crate::text::duration;

/// What is still to be read in one place, against the time for which it is kept there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Retention {
    /// `source`, or the name of a topic.
    pub(super) place: String,
    pub(super) kept: Duration,
    pub(super) used: Used,
    /// How long the oldest that is unread has been there, where that is known.
    pub(super) behind: Option<Duration>,
    /// Who has to read it.
    pub(super) reader: StageName,
}

impl Retention {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "place": self.place,
            "reader": self.reader.as_str(),
            "kept_seconds": self.kept.as_secs(),
            "behind_seconds": self.behind.map(|behind| behind.as_secs()),
            "used": match self.used {
                Used::Little => "little",
                Used::Half => "half",
                Used::Most => "most",
            },
        })
    }

    /// What one must be told while there is time.
    pub(super) fn problem(&self) -> Option<Problem> {
        let share = match self.used {
            Used::Little => return None,
            Used::Half => Used::HALF,
            Used::Most => Used::MOST,
        };
        let (kept, reader) = (duration(self.kept), self.reader);
        let behind = self.behind.map(|behind| format!(" and is {} behind", duration(behind))).unwrap_or_default();
        let (keeps, setting) = match self.place.as_str() {
            SOURCE => ("the source keeps its binlogs", "binlog_expire_logs_seconds of the source"),
            _ => ("the topic keeps messages", "retention.ms of the topic"),
        };
        Some(Problem {
            place: format!("retention of {}", self.place),
            message: format!("{keeps} for {kept}, of which {reader} has used {share} % or more{behind}"),
            hint: format!(
                "let the task run before they are deleted, or raise {setting}: it could not go on without them"
            ),
        })
    }
}

const SOURCE: &str = "source";

/// The source's binlogs. Where capture does not say how far it is, the task stands where the destination was written last, or
/// before it. A capture that is at the end has nothing to lose, however long ago the last commit was.
pub(super) fn of_source(parts: &Parts, applied: Applied) -> Option<Retention> {
    let binlogs = parts.binlogs.as_ref()?.as_ref().ok()?;
    let kept = binlogs.kept?;
    if applied == Applied::End {
        return None;
    }
    let captures = || parts.stages.iter().filter(|stage| stage.stage == StageName::Capture);
    let shown = |capture: &StageReport| {
        let committed_at = capture.detail("committed_at").as_u64().filter(|at| *at > 0)?;
        let is_at_end = capture.place().zip(binlogs.end()).is_some_and(|(place, end)| place >= end);
        let behind = if is_at_end { 0 } else { parts.now.saturating_sub(committed_at) };
        Some(Duration::from_micros(behind))
    };
    let last_write = || parts.destination.as_ref().ok().filter(|found| !found.partitions.is_empty())?.last_write;
    let behind = captures().filter_map(shown).min().or_else(last_write)?;
    Some(Retention {
        place: SOURCE.to_owned(),
        kept,
        used: Used::of(behind, Some(kept)),
        behind: Some(behind),
        reader: StageName::Capture,
    })
}

/// The data topics; none where the log is within one process.
pub(super) async fn of_log(task: &Task) -> Result<Vec<Retention>, String> {
    match task.log.transport {
        Transport::InProcess => Ok(Vec::new()),
        Transport::Kafka(_) => within(ask_log(task)).await,
    }
}

async fn ask_log(task: &Task) -> Result<Vec<Retention>, Failure> {
    let (options, names) = (LogOptions::of_task(task)?, TopicNames::of(task.name.as_str()));
    let broker = Broker::connect(&options).await?;
    let mut found = Vec::new();
    for (topic, group, reader) in [
        (&names.captured, names.transform_progress_group(), StageName::Transform),
        (&names.transformed, names.apply_progress_group(), StageName::Apply),
    ] {
        let unread = broker.unread(topic, &group).await?;
        found.extend(unread.map(|unread| Retention {
            place: topic.clone(),
            kept: unread.kept,
            used: unread.used,
            behind: None,
            reader,
        }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use millrace_mysql::server::BinlogFile;

    use super::super::binlogs::Binlogs;
    use super::super::report::DestinationReport;
    use super::*;

    const NOW: u64 = 1_000_000_000_000_000;

    fn hours(hours: u64) -> Duration {
        Duration::from_secs(hours * 3600)
    }

    fn parts(capture: Result<Value, String>) -> Parts {
        let files = vec![BinlogFile { name: "b.000002".into(), size: 500 }];
        let destination = DestinationReport {
            last_write: Some(hours(20)),
            partitions: vec![millrace_adbpg::PartitionProgress {
                partition: 0,
                number: 1,
                next_offset: 1,
                sequence: 1,
                watermark: 1,
                ended: false,
            }],
            ..DestinationReport::default()
        };
        Parts {
            task: "shop".into(),
            environment: None,
            start: String::new(),
            partitions: 1,
            stages: vec![StageReport { stage: StageName::Capture, address: "a:1".into(), answer: capture }],
            destination: Ok(destination),
            binlogs: Some(Ok(Binlogs { files, kept: Some(hours(24)) })),
            now: NOW,
        }
    }

    fn capture(place: &str, behind: Duration) -> Parts {
        let committed_at = NOW - behind.as_micros() as u64;
        parts(Ok(json!({ "details": { "place": place, "committed_at": committed_at } })))
    }

    #[test]
    fn a_task_that_is_far_behind_is_told_before_it_is_lost() {
        for (parts, expected) in [
            (capture("b.000002:400", hours(1)), Used::Little),
            (capture("b.000002:400", hours(12)), Used::Half),
            (capture("b.000001:900", hours(30)), Used::Most),
            (capture("b.000002:500", hours(30)), Used::Little),
            // Nobody answers: the destination was written 20 hours ago.
            (parts(Err("nothing listens there".into())), Used::Most),
        ] {
            let found = of_source(&parts, Applied::Some).unwrap();
            assert_eq!(found.used, expected, "{:?}", parts.stages);
            assert_eq!(found.problem().is_some(), expected != Used::Little);
        }
        let half = of_source(&capture("b.000002:400", hours(13)), Applied::Some).unwrap();
        let problem = half.problem().unwrap();
        assert!(
            problem.message.contains("for 1 d, of which capture has used 50 % or more and is 13 h behind"),
            "{problem:?}"
        );
        assert_eq!(half.to_json()["behind_seconds"], 13 * 3600);
    }

    #[test]
    fn what_is_kept_for_ever_or_no_longer_read_is_no_matter() {
        let mut forever = capture("b.000002:400", hours(30));
        forever.binlogs.as_mut().unwrap().as_mut().unwrap().kept = None;
        assert_eq!(of_source(&forever, Applied::Some), None);
        assert_eq!(of_source(&capture("b.000002:400", hours(30)), Applied::End), None);
        let mut never_written = parts(Err("nothing listens there".into()));
        never_written.destination = Ok(DestinationReport::default());
        assert_eq!(of_source(&never_written, Applied::Nothing), None);
    }
}
