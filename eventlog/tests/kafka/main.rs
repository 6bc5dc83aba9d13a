//! The log against a real broker, named by `MILLRACE_TEST_KAFKA` (`make test` sets it).
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod lab;
mod ownership;
mod parts;
mod reading;
mod steps;
mod topics;
mod writing;
