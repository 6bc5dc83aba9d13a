//! What is known of a task at one moment. Pure.

use std::time::Duration;

use millrace_adbpg::PartitionProgress;
use millrace_model::BinlogPlace;
use millrace_service::StageName;
use serde_json::{Value, json};

use super::binlogs::Binlogs;
use super::retention::{self, Retention};
use super::state::{Applied, State, decide};

/// A stage commits at least each second while it works: after this time without one, the last latency is history.
const STANDS_STILL: Duration = Duration::from_secs(5);

/// A stage, and what it said, or why it said nothing.
#[derive(Debug, Clone)]
pub(super) struct StageReport {
    pub(super) stage: StageName,
    pub(super) address: String,
    pub(super) answer: Result<Value, String>,
}

impl StageReport {
    /// One of its own details; null where there is none.
    pub(super) fn detail(&self, name: &str) -> &Value {
        match &self.answer {
            Ok(status) => &status["details"][name],
            Err(_) => &Value::Null,
        }
    }

    /// Its state, if it answers.
    pub(super) fn state(&self) -> Option<&str> {
        self.answer.as_ref().ok()?["state"].as_str()
    }

    /// Where it stands in the source's binlog.
    pub(super) fn place(&self) -> Option<BinlogPlace> {
        let (file, offset) = self.detail("place").as_str()?.rsplit_once(':')?;
        Some(BinlogPlace::new(file, offset.parse().ok()?))
    }

    fn to_json(&self) -> Value {
        match &self.answer {
            Ok(status) => {
                let mut status = status.clone();
                status["address"] = self.address.as_str().into();
                // It has a place of its own.
                if let Some(details) = status["details"].as_object_mut() {
                    details.remove("table_progress");
                    details.remove("held");
                }
                // Only capture knows it.
                if let Some(status) = status.as_object_mut().filter(|_| self.stage != StageName::Capture) {
                    status.remove("phase");
                }
                status
            }
            Err(reason) => json!({
                "stage": self.stage.as_str(),
                "address": self.address,
                "state": null,
                "does_not_answer": reason,
            }),
        }
    }
}

/// What the destination remembers of a task.
#[derive(Debug, Clone, Default)]
pub(super) struct DestinationReport {
    /// Its id; none where it never wrote.
    pub(super) task_id: Option<String>,
    pub(super) partitions: Vec<PartitionProgress>,
    /// How long ago it wrote, by both clocks.
    pub(super) last_write: Option<Duration>,
}

impl DestinationReport {
    /// How much of a task with so many partitions is there.
    pub(super) fn applied(&self, partitions: u32) -> Applied {
        if self.partitions.is_empty() {
            return Applied::Nothing;
        }
        let ended = self.partitions.iter().filter(|progress| progress.ended).count();
        if ended >= partitions as usize { Applied::End } else { Applied::Some }
    }
}

/// What one must be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Stage or server.
    pub(super) place: String,
    pub(super) message: String,
    pub(super) hint: String,
}

/// Everything.
pub(super) struct Report {
    pub(super) task: String,
    pub(super) environment: Option<String>,
    pub(super) state: State,
    /// How the task is started.
    pub(super) start: String,
    pub(super) phase: Option<String>,
    pub(super) latency: Option<Duration>,
    /// Bytes of binlog between what is applied and what the source has written.
    pub(super) behind: Option<u64>,
    pub(super) stages: Vec<StageReport>,
    pub(super) destination: Result<DestinationReport, String>,
    /// Ordinal of the last watermark that capture wrote, if it answers.
    pub(super) captured_watermark: Option<u64>,
    /// The end of the source's binlog; none where it was not asked.
    pub(super) source_end: Option<BinlogPlace>,
    /// What is still to be read, against the time for which it is kept.
    pub(super) retention: Vec<Retention>,
    /// Failures; see [`Report::all_problems`].
    problems: Vec<Problem>,
}

/// The parts of a report, as they were gathered.
pub(super) struct Parts {
    pub(super) task: String,
    pub(super) environment: Option<String>,
    /// How the task is started.
    pub(super) start: String,
    pub(super) partitions: u32,
    pub(super) stages: Vec<StageReport>,
    pub(super) destination: Result<DestinationReport, String>,
    pub(super) binlogs: Option<Result<Binlogs, String>>,
    /// Microseconds since 1970-01-01 UTC.
    pub(super) now: u64,
}

impl Report {
    /// Draws the conclusions.
    pub(super) fn of(parts: Parts) -> Self {
        let applied = parts.destination.as_ref().map_or(Applied::Unknown, |found| found.applied(parts.partitions));
        let states: Vec<Option<&str>> = parts.stages.iter().map(StageReport::state).collect();
        let state = decide(&states, applied);
        let binlogs = parts.binlogs.as_ref().and_then(|asked| asked.as_ref().ok());
        let applied_place = of_stage(&parts.stages, StageName::Apply).filter_map(StageReport::place).min();
        let is_at_work = matches!(state, State::Running | State::Retrying | State::Incomplete | State::Failed);
        let phase = of_stage(&parts.stages, StageName::Capture)
            .find_map(|capture| Some(capture.answer.as_ref().ok()?["phase"].as_str()?.to_owned()));
        Self {
            phase,
            latency: if is_at_work { latency(&parts.stages, parts.now) } else { None },
            behind: binlogs.zip(applied_place).and_then(|(binlogs, place)| binlogs.bytes_behind(&place)),
            source_end: binlogs.and_then(Binlogs::end),
            retention: retention::of_source(&parts, applied).into_iter().collect(),
            captured_watermark: of_stage(&parts.stages, StageName::Capture)
                .filter_map(|capture| capture.detail("watermark").as_u64())
                .max(),
            problems: problems(&parts),
            start: parts.start,
            state,
            task: parts.task,
            environment: parts.environment,
            stages: parts.stages,
            destination: parts.destination,
        }
    }

    /// With what the log says of its own; why it does not, otherwise.
    pub(super) fn with_log(mut self, log: Result<Vec<Retention>, String>) -> Self {
        match log {
            Ok(found) => self.retention.extend(found),
            Err(reason) => {
                self.problems.push(Problem { place: "log".to_owned(), message: reason, hint: String::new() });
            }
        }
        self
    }

    /// All that one must be told.
    pub(super) fn all_problems(&self) -> Vec<Problem> {
        self.problems.iter().cloned().chain(self.retention.iter().filter_map(Retention::problem)).collect()
    }

    /// Watermarks that capture has written and the destination has not applied.
    fn behind_watermarks(&self) -> Option<u64> {
        let applied = self.destination.as_ref().ok()?.partitions.iter().map(|progress| progress.watermark).min()?;
        Some(self.captured_watermark?.saturating_sub(applied))
    }

    /// The tables as capture shows them.
    pub(super) fn tables(&self) -> Vec<&Value> {
        let lists =
            of_stage(&self.stages, StageName::Capture).filter_map(|stage| stage.detail("table_progress").as_array());
        lists.flatten().collect()
    }

    /// The tables whose changes the task leaves out and that the source still has, as transform shows them.
    pub(super) fn held(&self) -> Vec<&Value> {
        let tables = self.tables();
        let is_there = |held: &&Value| tables.is_empty() || tables.iter().any(|table| table["table"] == held["table"]);
        let mut held: Vec<&Value> = Vec::new();
        for table in self.stages.iter().filter_map(|stage| stage.detail("held").as_array()).flatten().filter(is_there) {
            if !held.contains(&table) {
                held.push(table);
            }
        }
        held
    }

    /// The sum of a detail over the stages of a name; none where none has it.
    pub(super) fn sum(&self, stage: StageName, detail: &str) -> Option<f64> {
        let values = of_stage(&self.stages, stage).filter_map(|stage| stage.detail(detail).as_f64());
        values.reduce(|one, other| one + other)
    }

    /// The report for programs.
    pub(super) fn to_json(&self) -> Value {
        let place = |stage| of_stage(&self.stages, stage).filter_map(StageReport::place).min().map(|p| p.to_string());
        let problem =
            |problem: &Problem| json!({ "place": problem.place, "message": problem.message, "hint": problem.hint });
        json!({
            "task": self.task,
            "environment": self.environment,
            "state": self.state.as_str(),
            "phase": self.phase,
            "latency_ms": self.latency.map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
            "behind_bytes": self.behind,
            "behind_watermarks": self.behind_watermarks(),
            "positions": {
                "source": self.source_end.as_ref().map(ToString::to_string),
                "captured": place(StageName::Capture),
                "applied": place(StageName::Apply),
            },
            "rates": {
                "captured_rows_per_second": self.sum(StageName::Capture, "rows_per_second"),
                "transformed_entries_per_second": self.sum(StageName::Transform, "entries_per_second"),
                "applied_changes_per_second": self.sum(StageName::Apply, "changes_per_second"),
            },
            "tables": self.tables(),
            "held": self.held(),
            "stages": self.stages.iter().map(StageReport::to_json).collect::<Vec<Value>>(),
            "destination": self.destination_json(),
            "retention": self.retention.iter().map(Retention::to_json).collect::<Vec<Value>>(),
            "problems": self.all_problems().iter().map(problem).collect::<Vec<Value>>(),
        })
    }

    fn destination_json(&self) -> Value {
        let partition = |progress: &PartitionProgress| {
            json!({
                "partition": progress.partition,
                "sequence": progress.sequence,
                "watermark": progress.watermark,
                "next_offset": progress.next_offset,
                "ended": progress.ended,
            })
        };
        match &self.destination {
            Ok(found) => json!({
                "task_id": found.task_id,
                "last_write_seconds_ago": found.last_write.map(|ago| ago.as_secs()),
                "partitions": found.partitions.iter().map(partition).collect::<Vec<Value>>(),
            }),
            Err(reason) => json!({ "does_not_answer": reason }),
        }
    }
}

fn of_stage(stages: &[StageReport], stage: StageName) -> impl Iterator<Item = &StageReport> {
    stages.iter().filter(move |report| report.stage == stage)
}

/// The latency of the slowest apply. One that committed nothing for a while stands still: then it is the age of what the
/// destination is complete up to, which grows.
fn latency(stages: &[StageReport], now: u64) -> Option<Duration> {
    let of_apply = |stage: &StageReport| {
        let shown = Duration::from_millis(stage.detail("latency_ms").as_u64()?);
        let age = Duration::from_micros(now.saturating_sub(stage.detail("committed_at").as_u64()?));
        Some(if age > shown + STANDS_STILL { age } else { shown })
    };
    of_stage(stages, StageName::Apply).filter_map(of_apply).max()
}

fn problems(parts: &Parts) -> Vec<Problem> {
    let mut problems: Vec<Problem> = parts.stages.iter().filter_map(problem_of_stage).collect();
    problems
        .extend(of_stage(&parts.stages, StageName::Apply).flat_map(|apply| problems_of_quarantine(apply, parts.now)));
    let mut say = |place: &str, reason: &String| {
        problems.push(Problem { place: place.to_owned(), message: reason.clone(), hint: String::new() });
    };
    if let Err(reason) = &parts.destination {
        say("destination", reason);
    }
    if let Some(Err(reason)) = &parts.binlogs {
        say("source", reason);
    }
    problems
}

/// The tables of which an apply holds rows.
fn problems_of_quarantine(apply: &StageReport, now: u64) -> Vec<Problem> {
    let problem = |table: &Value| {
        let since = table["since"].as_u64().unwrap_or(now);
        let age = crate::text::duration(Duration::from_micros(now.saturating_sub(since)));
        let rows = crate::text::number(table["rows"].as_u64().unwrap_or(0));
        let (name, reason) =
            (table["table"].as_str().unwrap_or_default(), table["reason"].as_str().unwrap_or_default());
        Problem {
            place: "quarantine".to_owned(),
            message: format!("{rows} of \"{name}\", the first for {age}: {reason}"),
            hint: "see millrace quarantine list".to_owned(),
        }
    };
    apply.detail("quarantine").as_array().into_iter().flatten().map(problem).collect()
}

/// The failure that a stage retries or ended with; an error that has passed is in its JSON only.
fn problem_of_stage(report: &StageReport) -> Option<Problem> {
    let status = report.answer.as_ref().ok()?;
    let state = report.state()?;
    if !matches!(state, "retrying" | "failed") {
        return None;
    }
    let error = &status["last_error"];
    let message = error["message"].as_str().unwrap_or_default();
    let retry = &status["retry"];
    let message = match (retry["failures"].as_u64(), retry["window_left_seconds"].as_u64()) {
        (Some(failures), Some(left)) => {
            let left = crate::text::duration(Duration::from_secs(left));
            let (since, until) = (without_fraction(&retry["since"]), without_fraction(&retry["until"]));
            format!("{message} (failure {failures} in a row; retried since {since} until {until}, {left} from now)")
        }
        _ => message.to_owned(),
    };
    // In one process a failure may be another stage's.
    let stage = error["stage"].as_str().unwrap_or(report.stage.as_str());
    let place = format!("{stage} {state}");
    Some(Problem { place, message, hint: error["hint"].as_str().unwrap_or_default().to_owned() })
}

/// A time without its fraction of a second.
fn without_fraction(time: &Value) -> String {
    let time = time.as_str().unwrap_or_default();
    time.split_once('.').map_or_else(|| time.to_owned(), |(time, _)| format!("{time}Z"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn apply(details: Value) -> StageReport {
        let answer = Ok(json!({ "stage": "apply", "state": "running", "details": details }));
        StageReport { stage: StageName::Apply, address: "a:1".into(), answer }
    }

    #[test]
    fn an_idle_source_has_the_latency_of_the_pipeline() {
        let now = 1_000_000_000;
        let idle = apply(json!({ "latency_ms": 12, "committed_at": now - 900_000 }));
        assert_eq!(latency(std::slice::from_ref(&idle), now), Some(Duration::from_millis(12)));
        let stuck = apply(json!({ "latency_ms": 12, "committed_at": now - 60_000_000 }));
        assert_eq!(latency(&[idle, stuck], now), Some(Duration::from_secs(60)));
        assert_eq!(latency(&[apply(json!({}))], now), None);
    }

    #[test]
    fn tables_of_which_rows_are_held_are_problems() {
        let held = json!([{ "table": "shop.orders", "rows": 3, "since": 1_000_000, "reason": "a CHECK" }]);
        let problems = problems_of_quarantine(&apply(json!({ "quarantine": held })), 61_000_000);
        assert_eq!(problems[0].message, "3 of \"shop.orders\", the first for 1 min: a CHECK");
        assert!(problems_of_quarantine(&apply(json!({ "quarantine": [] })), 0).is_empty());
    }

    #[test]
    fn the_failure_that_is_retried_is_a_problem_and_one_that_passed_is_not() {
        let with_state = |state: &str| {
            let answer = json!({
                "stage": "apply",
                "state": state,
                "retry": {
                    "failures": 3,
                    "since": "2026-11-23T02:13:05.120Z",
                    "until": "2026-11-23T02:23:05.120Z",
                    "window_left_seconds": 600,
                },
                "last_error": { "stage": "apply", "message": "the destination is gone", "hint": "start it" },
            });
            StageReport { stage: StageName::Capture, address: "a:1".into(), answer: Ok(answer) }
        };
        let problem = problem_of_stage(&with_state("retrying")).unwrap();
        assert_eq!(
            problem.message,
            "the destination is gone (failure 3 in a row; retried since 2026-11-23T02:13:05Z until 2026-11-23T02:23:05Z, \
             10 min from now)"
        );
        assert_eq!((problem.place.as_str(), problem.hint.as_str()), ("apply retrying", "start it"));
        assert!(problem_of_stage(&with_state("running")).is_none());
    }

    #[test]
    fn a_held_table_is_shown_once_and_only_while_the_source_has_it() {
        let stage = |stage, details| StageReport {
            stage,
            address: "a:1".into(),
            answer: Ok(json!({ "state": "running", "details": details })),
        };
        let held = |table: &str| json!({ "table": table, "destination": "kept.t", "columns": true, "name": false });
        let transform = || stage(StageName::Transform, json!({ "held": [held("d.t"), held("d.gone")] }));
        let capture = stage(StageName::Capture, json!({ "table_progress": [{ "table": "d.t" }, { "table": "d.u" }] }));
        let report = Report::of(Parts {
            task: "shop".into(),
            environment: None,
            start: String::new(),
            partitions: 1,
            stages: vec![capture, transform(), transform()],
            destination: Ok(DestinationReport::default()),
            binlogs: None,
            now: 0,
        });
        assert_eq!(report.to_json()["held"], json!([held("d.t")]));
        let text = super::super::render::to_text(&report, crate::output::Colours::Off);
        assert!(text.contains("\n  d.t keeps its columns in kept.t\n") && !text.contains("d.gone"), "{text}");
    }
}
