//! One test for each folder of `cases/`, in one process without Kafka: see `millrace_e2e::run_case`.

use millrace_e2e::{Way, run_case};

const WAY: Way = Way::OneProcess;

include!(concat!(env!("OUT_DIR"), "/cases.rs"));
