//! The crate against a real server, which is the oracle: what it writes is read back by the server's own functions.
#![expect(clippy::unwrap_used, reason = "tests")]

mod alter;
mod barriers;
mod check_constraints;
mod definitions;
mod failures;
mod foreign_keys;
mod keyless;
mod keys;
mod names;
mod numbering;
mod progress;
mod refused;
mod replace;
mod server;
mod types;
