//! Tables change at random while they are written and stages are killed: `make ddl-chaos MINUTES=n [SEED=s]`, and a short
//! run of it as a test.

use std::time::Duration;

use millrace_e2e::{Metadata, TestResult, Way, run_schema_chaos};

/// How long: MILLRACE_DDL_CHAOS_MINUTES, otherwise this many seconds.
fn time(seconds: u64) -> Duration {
    let minutes = std::env::var("MILLRACE_DDL_CHAOS_MINUTES").ok().and_then(|text| text.parse::<f64>().ok());
    minutes.map_or(Duration::from_secs(seconds), |minutes| Duration::from_secs_f64(minutes * 60.0))
}

#[test]
fn tables_change_over_kafka() -> TestResult {
    Ok(run_schema_chaos("ddl", Way::Staged, Metadata::Minimal, time(8))?)
}

#[test]
fn tables_change_over_kafka_with_full_metadata() -> TestResult {
    Ok(run_schema_chaos("ddl_full", Way::Staged, Metadata::Full, time(6))?)
}

#[test]
fn tables_change_in_one_process() -> TestResult {
    Ok(run_schema_chaos("ddl_run", Way::OneProcess, Metadata::Minimal, time(6))?)
}

#[test]
fn tables_change_in_one_process_with_full_metadata() -> TestResult {
    Ok(run_schema_chaos("ddl_run_full", Way::OneProcess, Metadata::Full, time(6))?)
}
