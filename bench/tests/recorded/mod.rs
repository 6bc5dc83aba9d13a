//! The recorded counts: a text file, so that a change shows in a diff.
//!
//! What is inlined depends on how the compiler divides a crate, and that on the folder that it is built in: the same
//! sources in another folder cost up to a quarter more or less at a step. So the tolerance is above that. The file names the
//! compiler that it was recorded with; with another one the tolerance is wider still instead of the comparison being left
//! out: no compiler doubles a step, and what does is worth knowing everywhere. A count that fell does not fail, because whoever made a step cheaper should not be stopped by it; it is
//! named, so that the gain can be recorded and held.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Instructions a row, by step.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Of the machine on which they were recorded.
pub(crate) const ARCHITECTURE: &str = "x86_64";

/// Set to write the counts down instead of comparing them.
const RECORD: &str = "MILLRACE_RECORD_INSTRUCTIONS";
const COMMAND: &str = "MILLRACE_RECORD_INSTRUCTIONS=1 cargo test -p millrace-bench --test instructions";

/// What a count may be above the recorded one, in percent, and with a compiler of another version.
const TOLERANCE: u64 = 40;
const TOLERANCE_OF_ANOTHER_COMPILER: u64 = 80;
/// And in instructions, so that a step of a few may move.
const SLACK: u64 = 5;

/// Compares with the recorded counts, or records these where that is asked for.
pub(crate) fn compare_or_record(counts: &Counts) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/instructions.txt");
    let compiler = compiler();
    if std::env::var_os(RECORD).is_some() {
        fs::write(&path, written(&compiler, counts)).unwrap();
        return;
    }
    let (recorded_by, recorded) = parsed(&fs::read_to_string(&path).unwrap());
    let same = recorded_by == compiler;
    let tolerance = if same { TOLERANCE } else { TOLERANCE_OF_ANOTHER_COMPILER };
    if !same {
        say(&format!("instructions: recorded with {recorded_by}, this is {compiler}: the tolerance is {tolerance} %"));
    }
    let found = compare(&recorded, counts, tolerance);
    found.cheaper.iter().for_each(|line| say(&format!("instructions: cheaper than recorded: {line}")));
    assert!(
        found.dearer.is_empty(),
        "instructions a row, more than {tolerance} % above the recorded ones:\n  {}\nif that is meant: {COMMAND}",
        found.dearer.join("\n  ")
    );
}

/// On standard error itself, which is shown for tests that pass, too.
pub(crate) fn say(text: &str) {
    let mut shown = std::io::stderr();
    writeln!(shown, "{text}").unwrap();
}

fn compiler() -> String {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(program).arg("--version").output().unwrap();
    // Without the date and commit.
    String::from_utf8(output.stdout).unwrap().split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn written(compiler: &str, counts: &Counts) -> String {
    let mut text = format!("{compiler}\n");
    counts.iter().for_each(|(step, count)| writeln!(text, "{count:>7}  {step}").unwrap());
    text
}

fn parsed(text: &str) -> (String, Counts) {
    let mut lines = text.lines();
    let compiler = lines.next().unwrap().to_owned();
    let count = |line: &str| {
        let (count, step) = line.trim_start().split_once("  ").unwrap();
        (step.to_owned(), count.parse().unwrap())
    };
    (compiler, lines.map(count).collect())
}

/// What differs by more than the tolerance.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    dearer: Vec<String>,
    cheaper: Vec<String>,
}

fn compare(recorded: &Counts, counts: &Counts, tolerance: u64) -> Found {
    let mut found = Found::default();
    for (step, &count) in counts {
        let Some(&before) = recorded.get(step) else {
            found.dearer.push(format!("{step}: {count}, not recorded"));
            continue;
        };
        let allowed = before * tolerance / 100 + SLACK;
        let line = format!("{step}: {count} instead of {before}");
        if count > before + allowed {
            found.dearer.push(line);
        } else if count + allowed < before {
            found.cheaper.push(line);
        }
    }
    let gone = recorded.keys().filter(|step| !counts.contains_key(*step));
    found.dearer.extend(gone.map(|step| format!("{step}: recorded, but not measured")));
    found
}

#[test]
fn dearer_and_missing_steps_are_found() {
    let counts = |steps: &[(&str, u64)]| steps.iter().map(|(step, count)| ((*step).to_owned(), *count)).collect();
    let recorded: Counts = counts(&[("a: x", 1_000), ("a: y", 10), ("b", 500)]);
    assert_eq!(parsed(&written("rustc 1", &recorded)), ("rustc 1".to_owned(), recorded.clone()));
    assert_eq!(compare(&recorded, &counts(&[("a: x", 1_105), ("a: y", 15), ("b", 445)]), 10), Found::default());
    let found = compare(&recorded, &counts(&[("a: x", 1_106), ("a: y", 17), ("c", 1)]), 10);
    assert_eq!(
        found.dearer,
        ["a: x: 1106 instead of 1000", "a: y: 17 instead of 10", "c: 1, not recorded", "b: recorded, but not measured"]
    );
    assert_eq!(compare(&recorded, &counts(&[("a: x", 894), ("a: y", 1), ("b", 500)]), 10).cheaper.len(), 2);
}
