//! The program itself against real servers: what it prints, and its exit codes.
#![expect(clippy::unwrap_used, reason = "tests")]

mod check;
mod constraints;
mod cut_over;
mod cut_over_checks;
mod exit_codes;
mod plan;
mod retention;
mod retry;
mod scan;
mod status;
mod tls;
mod usage;
mod world;
