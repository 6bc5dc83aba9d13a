//! One test for each folder of `cases/`: see `millrace_e2e::run_case`.

use millrace_e2e::run_case;

include!(concat!(env!("OUT_DIR"), "/cases.rs"));
