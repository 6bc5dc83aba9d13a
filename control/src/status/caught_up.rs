//! Whether everything that the source had at a moment is in the destination.
//!
//! Why it can be believed, however many stages there are and whichever of them answer: the end of the source's binlog is
//! read first. Then capture must be past it, with every table loaded. A watermark that it writes from then on stands
//! behind all of that, in every partition. Once the destination's progress, which is written with the rows, has such a
//! watermark in every partition, all of it is there. What the source gets after that moment is not meant.

use std::path::Path;
use std::time::Duration;

use millrace_model::BinlogPlace;
use millrace_service::StageName;
use millrace_task::Task;
use tokio::time::Instant;

use super::gather::{gather, partitions};
use super::report::{Report, StageReport};
use super::state::State;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// Whether everything has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CaughtUp {
    /// It has.
    Yes,
    /// It has not, or that cannot be known.
    No {
        /// What is missing.
        why: String,
        /// How to mend it.
        hint: String,
    },
}

/// Looks until everything that the source has now is in the destination, or for so long; `more` are further addresses of
/// stages.
pub(crate) async fn wait_until_caught_up(task: &Task, file: &Path, more: &[String], limit: Duration) -> CaughtUp {
    let (start, mut wait) = (Instant::now(), Wait::of(partitions(task)));
    loop {
        let (why, hint) = match wait.look(&gather(task, file, more).await) {
            Look::Done => return CaughtUp::Yes,
            Look::Never { why, hint } => return CaughtUp::No { why, hint },
            Look::NotYet(why) => {
                (why, "stop what writes to the source, then wait longer (--wait), or see millrace status")
            }
        };
        if start.elapsed() >= limit {
            return CaughtUp::No { why: why.to_owned(), hint: hint.to_owned() };
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What a look says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Look {
    Done,
    NotYet(&'static str),
    Never { why: String, hint: String },
}

/// What is waited for. Pure.
struct Wait {
    partitions: u32,
    /// The end of the source's binlog at the first look.
    end: Option<BinlogPlace>,
    /// A watermark above this one stands behind that end.
    beyond: Option<u64>,
}

impl Wait {
    fn of(partitions: u32) -> Self {
        Self { partitions, end: None, beyond: None }
    }

    fn look(&mut self, report: &Report) -> Look {
        let never = |why: &str| Look::Never {
            why: why.to_owned(),
            hint: format!(
                "start the task ({}) and let it catch up; a stage elsewhere is named with --at; a task that was stopped \
                 after it had caught up needs --unchecked",
                report.start
            ),
        };
        match report.state {
            State::Completed => return Look::Done,
            State::Failed => return never("a stage of the task has failed"),
            State::NotStarted => return never("the task has not started"),
            State::NotRunning | State::Unknown => return never("no stage of the task answers"),
            State::Running | State::Retrying | State::Incomplete => {}
        }
        if self.end.is_none() {
            self.end.clone_from(&report.source_end);
        }
        let Some(end) = &self.end else { return Look::NotYet("the task is not completed") };
        let Some(beyond) = self.beyond else {
            if !captures(report).any(|capture| capture.answer.is_ok()) {
                return never("capture does not answer");
            }
            let Some(captured) = Captured::of(report) else {
                return Look::NotYet("capture has written nothing since its start");
            };
            if !captured.has_loaded {
                return Look::NotYet("the full load is under way");
            }
            if captured.place.as_ref().is_none_or(|place| place < end) {
                return Look::NotYet("capture has not read all that the source has written");
            }
            self.beyond = Some(captured.watermark);
            return Look::NotYet("apply has not written all that capture has read");
        };
        let applied = report.destination.as_ref().map(|found| found.partitions.as_slice()).unwrap_or_default();
        let behind_it = applied.iter().filter(|progress| progress.watermark > beyond).count();
        match behind_it >= self.partitions as usize {
            true => Look::Done,
            false => Look::NotYet("apply has not written all that capture has read"),
        }
    }
}

/// What the capture says that is furthest: another may stand by.
struct Captured {
    place: Option<BinlogPlace>,
    watermark: u64,
    has_loaded: bool,
}

impl Captured {
    fn of(report: &Report) -> Option<Self> {
        let of_stage = |stage: &StageReport| {
            let count = |name: &str| stage.detail(name).as_u64();
            let watermark = count("watermark").filter(|watermark| *watermark > 0)?;
            Some(Self { place: stage.place(), watermark, has_loaded: count("tables")? == count("tables_loaded")? })
        };
        captures(report).filter_map(of_stage).max_by_key(|captured| captured.watermark)
    }
}

fn captures(report: &Report) -> impl Iterator<Item = &StageReport> {
    report.stages.iter().filter(|stage| stage.stage == StageName::Capture)
}

#[cfg(test)]
mod tests {
    use millrace_adbpg::PartitionProgress;
    use millrace_mysql::server::BinlogFile;
    use serde_json::{Value, json};

    use super::super::binlogs::Binlogs;
    use super::super::report::{DestinationReport, Parts};
    use super::*;

    /// A look at a task of two partitions.
    struct Scene {
        states: [Option<&'static str>; 3],
        captured: Value,
        applied: [u64; 2],
        source_end: u64,
    }

    impl Scene {
        fn report(&self) -> Report {
            let stage = |(stage, state): (StageName, Option<&str>)| {
                let details = if stage == StageName::Capture { self.captured.clone() } else { json!({}) };
                let answer = state.map(|state| json!({ "state": state, "details": details }));
                StageReport { stage, address: "a:1".into(), answer: answer.ok_or_else(|| "gone".to_owned()) }
            };
            let progress = |(partition, &watermark): (usize, &u64)| PartitionProgress {
                partition: partition as u32,
                number: 1,
                next_offset: 1,
                sequence: 1,
                watermark,
                ended: false,
            };
            let stages = [StageName::Capture, StageName::Transform, StageName::Apply];
            Report::of(Parts {
                task: "shop".into(),
                environment: None,
                start: "millrace run shop.toml".to_owned(),
                partitions: 2,
                stages: stages.into_iter().zip(self.states).map(stage).collect(),
                destination: Ok(DestinationReport {
                    partitions: self.applied.iter().enumerate().map(progress).collect(),
                    ..DestinationReport::default()
                }),
                binlogs: Some(Ok(Binlogs {
                    files: vec![BinlogFile { name: "b.000002".into(), size: self.source_end }],
                    kept: None,
                })),
                now: 0,
            })
        }
    }

    fn scene() -> Scene {
        Scene {
            states: [Some("running"); 3],
            captured: captured("b.000002:500", 9, 3),
            applied: [7, 8],
            source_end: 500,
        }
    }

    fn captured(place: &str, watermark: u64, loaded: u64) -> Value {
        json!({ "place": place, "watermark": watermark, "tables": 3, "tables_loaded": loaded })
    }

    #[test]
    fn a_watermark_behind_the_end_must_be_in_every_partition() {
        let mut wait = Wait::of(2);
        let not_written = Look::NotYet("apply has not written all that capture has read");
        assert_eq!(wait.look(&scene().report()), not_written);
        // What the source gets afterwards is not waited for.
        for (applied, expected) in [([9, 9], not_written.clone()), ([10, 9], not_written), ([10, 10], Look::Done)] {
            let report = Scene { applied, source_end: 900, ..scene() }.report();
            assert_eq!(wait.look(&report), expected, "{applied:?}");
        }
    }

    #[test]
    fn capture_must_have_read_and_loaded_everything() {
        let mut wait = Wait::of(2);
        for (captured, expected) in [
            (captured("b.000002:499", 9, 3), "capture has not read"),
            (captured("b.000001:900", 9, 3), "capture has not read"),
            (captured("b.000002:500", 9, 2), "the full load"),
        ] {
            let look = wait.look(&Scene { captured, applied: [99, 99], ..scene() }.report());
            assert!(matches!(look, Look::NotYet(why) if why.contains(expected)), "{look:?}");
        }
    }

    #[test]
    fn a_task_that_does_not_run_never_catches_up() {
        let running = Some("running");
        for (states, expected) in [
            ([None; 3], "no stage"),
            ([running, running, Some("failed")], "failed"),
            ([None, running, running], "capture does not answer"),
        ] {
            let look = Wait::of(2).look(&Scene { states, ..scene() }.report());
            assert!(matches!(&look, Look::Never { why, .. } if why.contains(expected)), "{look:?}");
        }
        // A capture that has written nothing since its start does not know how far it is.
        let look = Wait::of(2).look(&Scene { captured: captured("b.000002:500", 0, 3), ..scene() }.report());
        assert!(matches!(look, Look::NotYet(why) if why.contains("since its start")), "{look:?}");
    }
}
