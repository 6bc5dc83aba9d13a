//! The binlog's reader against a real server, which is the oracle: what it says in SQL is what the rows must hold.
#![expect(clippy::unwrap_used, reason = "tests")]

mod charsets;
mod distributed;
mod held_back;
mod hostile;
mod json;
mod lab;
mod matrix;
mod network;
mod refusals;
#[path = "../source/mod.rs"]
mod source;
mod starts;
mod statements;
mod types;
