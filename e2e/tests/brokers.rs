//! Three brokers, killed again and again: `make broker-chaos MINUTES=n [SEED=s]`. Three brokers beside all other servers are
//! much for a small machine, so `make test` leaves it out (`test = false` in Cargo.toml).

use std::time::Duration;

use millrace_e2e::{TestResult, run_broker_chaos};

#[test]
fn brokers_of_three_are_killed_again_and_again() -> TestResult {
    let minutes = std::env::var("MILLRACE_BROKER_CHAOS_MINUTES").ok().and_then(|text| text.parse::<f64>().ok());
    Ok(run_broker_chaos("brokers", Duration::from_secs_f64(minutes.unwrap_or(1.0) * 60.0))?)
}
