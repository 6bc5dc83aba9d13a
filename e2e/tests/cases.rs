//! One test for each folder of `cases/`, over the three staged processes and Kafka: see `millrace_e2e::run_case`.

use millrace_e2e::{Way, run_case};

const WAY: Way = Way::Staged;

include!(concat!(env!("OUT_DIR"), "/cases.rs"));
