//! What a row costs in instructions on its way from the binlog to COPY's text, counted by `valgrind --tool=callgrind`: the
//! same on a machine that does other work, unlike times. No count may be above the recorded one by more than a tolerance.
//!
//! This program runs itself under callgrind. Only what happens inside of [`counted`] counts, so neither the start nor what
//! the steps need beforehand is in it; at each call of [`end_of_step`] callgrind writes down the sum since the last one.
//! All steps are gone through twice, and the second time stands: what is done once in a process is over by then.
#![expect(clippy::unwrap_used, reason = "tests")]

mod hot_path;
mod recorded;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

use millrace_model::batch::{ReadPurpose, RowChange};

use crate::hot_path::{Meter, ROWS, Table, move_rows, read_binlog};
use crate::recorded::Counts;

const TEST: &str = "a_row_costs_no_more_instructions_than_recorded";
/// Set in the process that callgrind watches.
const WATCHED: &str = "MILLRACE_WATCHED_BY_CALLGRIND";

#[test]
fn a_row_costs_no_more_instructions_than_recorded() {
    if std::env::var_os(WATCHED).is_some() {
        Steps::all();
        Steps::all();
        return;
    }
    if let Some(reason) = reason_to_skip() {
        return recorded::say(&format!("SKIPPED {TEST}: {reason}"));
    }
    let names = Steps::all();
    let sums = watch();
    assert_eq!(sums.len(), names.len() * 2, "callgrind did not write down each step: were its functions inlined?");
    let counts: Counts = names.iter().cloned().zip(sums[names.len()..].iter().map(|sum| sum / ROWS)).collect();
    recorded::compare_or_record(&counts);
}

fn reason_to_skip() -> Option<String> {
    if std::env::consts::ARCH != recorded::ARCHITECTURE {
        return Some(format!("the recorded counts are those of {}", recorded::ARCHITECTURE));
    }
    let found = Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success());
    (!found).then(|| "valgrind is not installed (run deploy/local/setup as root)".to_owned())
}

/// Goes through the steps, and keeps their names.
struct Steps {
    of: &'static str,
    names: Vec<String>,
}

impl Steps {
    fn all() -> Vec<String> {
        let mut steps = Self { of: "", names: Vec::new() };
        for (table, [binlog, load, update]) in [
            (Table::narrow(), ["narrow insert", "narrow load", "narrow update"]),
            (Table::typed(), ["typed insert", "typed load", "typed update"]),
        ] {
            steps.of = binlog;
            read_binlog(&table, &mut steps);
            steps.of = load;
            move_rows(&table, |row, _| RowChange::Read { row, purpose: ReadPurpose::Load }, &mut steps);
            steps.of = update;
            move_rows(&table, |before, after| RowChange::Update { before, after }, &mut steps);
        }
        steps.names
    }
}

impl Meter for Steps {
    fn measure<R>(&mut self, what: &'static str, step: impl FnOnce() -> R) -> R {
        self.names.push(format!("{}: {what}", self.of));
        let (mut step, mut result) = (Some(step), None);
        counted(&mut || result = step.take().map(|step| step()));
        end_of_step();
        result.unwrap()
    }
}

/// Callgrind counts in here.
#[inline(never)]
fn counted(step: &mut dyn FnMut()) {
    step();
    black_box(());
}

/// Callgrind writes down here what it has counted.
#[inline(never)]
fn end_of_step() {
    black_box(());
}

/// Runs this test under callgrind; gives what it counted for each step.
fn watch() -> Vec<u64> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("instructions");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted*"])
        .args(["--dump-after=*end_of_step*", "--callgrind-out-file=steps"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--test-threads=1"])
        .env(WATCHED, "1")
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "callgrind ended with {}: {said}", output.status);
    let written = |step: usize| -> Option<PathBuf> {
        let path = folder.join(format!("steps.{step}"));
        path.is_file().then_some(path)
    };
    (1..).map_while(written).map(|path| total(&fs::read_to_string(path).unwrap())).collect()
}

/// The sum of a file of callgrind (valgrind's manual, "Callgrind Format Specification").
fn total(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
    line.trim().parse().unwrap()
}
