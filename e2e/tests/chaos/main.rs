//! Tests with servers of their own behind proxies, which is why they are together: they run side by side.
//!
//! Everything fails at random while applications write: `make chaos MINUTES=n [SEED=s]`, and a minute of it as a test.

mod edges;
mod schema_edges;

use std::time::Duration;

use millrace_e2e::{TestResult, Way, run_chaos};

/// How long faults happen: MILLRACE_CHAOS_MINUTES, otherwise this many seconds.
fn time(seconds: u64) -> Duration {
    let minutes = std::env::var("MILLRACE_CHAOS_MINUTES").ok().and_then(|text| text.parse::<f64>().ok());
    minutes.map_or(Duration::from_secs(seconds), |minutes| Duration::from_secs_f64(minutes * 60.0))
}

#[test]
fn chaos_over_kafka() -> TestResult {
    Ok(run_chaos("chaos", Way::Staged, time(60))?)
}

#[test]
fn chaos_in_one_process() -> TestResult {
    Ok(run_chaos("chaos_run", Way::OneProcess, time(40))?)
}
