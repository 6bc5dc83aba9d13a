//! The simulator: the real state machines of the protocol against a model source, log and destination, with crashes,
//! zombies, duplicates, delays, lost replies and reordering between any two steps, and an auditor that knows nothing of
//! the protocol. A run is decided by its seed.
//!
//! - `MILLRACE_SIM_SEEDS=10000 cargo test -p millrace-protocol --test simulator random_seeds` runs that many.
//! - `MILLRACE_SIM_SEED=42 cargo test -p millrace-protocol --test simulator random_seeds -- --nocapture` replays one,
//!   with everything that happens.
//! - A seed that failed is kept in `failing-seeds.txt`, and always runs first.
#![expect(clippy::unwrap_used, reason = "tests")]

mod apply_actor;
mod auditor;
mod capture_actor;
mod core_rules;
mod cut_rules;
mod destination;
mod distributed;
mod faults;
mod log;
mod parts;
mod random;
mod reader;
mod scenarios;
mod source;
mod step_rules;
mod tables;
mod transform_actor;
mod window_rules;
mod workload;
mod world;

use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use faults::{Broken, Settings};
use world::Summary;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/simulator/failing-seeds.txt");

/// Runs a seed; a panic is a failure like another.
fn attempt(seed: u64, adjust: &dyn Fn(&mut Settings), broken: Option<Broken>) -> Result<Summary, String> {
    let run = || world::run(seed, adjust, broken, false);
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("it panics".into()))
}

/// What must have happened in some of many seeds.
const RARE: [&str; 21] = [
    "barrier that another has executed",
    "barrier that waits",
    "chunk made smaller",
    "claim that is not visible yet",
    "fenced capture",
    "longer tail of transform",
    "lost race of apply",
    "low too early",
    "message joined of parts",
    "part of a covered message",
    "paused partition",
    "prepared transaction read again",
    "progress that waits for another",
    "restart inside a transaction",
    "restart within a message in parts",
    "schema that is not visible yet",
    "step without a good reply",
    "table changed before it was read",
    "void chunk",
    "whole table reopened",
    "write ahead",
];

/// Runs seeds on all processors; gives the failures, and how often what happened.
fn run_all(seeds: &[u64]) -> (Vec<(u64, String)>, BTreeMap<&'static str, u64>) {
    let next = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    let seen = Mutex::new(BTreeMap::new());
    let worker = || {
        let mut mine = Summary::default();
        while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            match attempt(seed, &|_| {}, None) {
                Ok(summary) => mine.add(summary),
                Err(message) => failures.lock().unwrap().push((seed, message)),
            }
        }
        let mut seen = seen.lock().unwrap();
        let counts = [("states at cuts", mine.cuts), ("steps", mine.ticks)];
        for (what, count) in mine.coverage.0.into_iter().chain(counts) {
            *seen.entry(what).or_default() += count;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(worker);
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    (failures, seen.into_inner().unwrap())
}

fn kept_seeds() -> Vec<u64> {
    let text = std::fs::read_to_string(KEPT).unwrap_or_default();
    text.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

fn keep(seed: u64, message: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(KEPT).unwrap();
    writeln!(file, "{seed} {}", message.lines().next().unwrap_or_default()).unwrap();
}

#[test]
fn random_seeds() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("MILLRACE_SIM_SEED") {
        let result = world::run(seed, &|_| {}, None, true);
        assert!(result.is_ok(), "seed {seed}: {result:?}");
        return;
    }
    let kept = kept_seeds();
    let seeds: Vec<u64> = kept.iter().copied().chain(1..=number("MILLRACE_SIM_SEEDS").unwrap_or(5000)).collect();
    let (failures, seen) = run_all(&seeds);
    eprintln!("{} seeds: {seen:?}", seeds.len());
    for (seed, message) in failures.iter().take(5) {
        eprintln!("seed {seed}: {message}\n  replay with MILLRACE_SIM_SEED={seed}");
    }
    if let Some((seed, message)) = failures.iter().find(|(seed, _)| !kept.contains(seed)) {
        keep(*seed, message);
    }
    assert!(failures.is_empty(), "{} of {} seeds fail", failures.len(), seeds.len());
    let never: Vec<_> = RARE.iter().filter(|what| !seen.contains_key(**what)).collect();
    assert!(seeds.len() < 1000 || never.is_empty(), "never happened: {never:?}");
    assert!(seeds.len() < 1000 || seen["states at cuts"] > 0, "no state at a cut was ever compared");
}

#[test]
fn seed_replays_exactly() {
    for seed in 1..40 {
        let [one, two] = [(); 2].map(|()| attempt(seed, &|_| {}, None).unwrap());
        assert_eq!((one.ticks, one.cuts, one.coverage.0), (two.ticks, two.cuts, two.coverage.0), "seed {seed}");
    }
}
