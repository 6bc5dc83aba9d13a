//! Apply: from `<task>.transformed` into the destination.
//!
//! Progress lives in the destination, in the transaction that writes the data, and decides what counts: apply always
//! begins where progress stands, and a write whose progress another apply was faster to advance is rolled back. So a
//! restart, a zombie or a repeated message changes nothing that is there.
//!
//! What is written together is decided by `protocol::cut`; this crate connects the log, that machine and the
//! destination.

mod barrier;
mod feed;
mod in_process;
mod loaded;
mod options;
mod others;
mod quarantine;
mod records;
mod schema_changes;
mod schema_lines;
mod session;
mod stage;
mod tally;
mod write;

pub use in_process::{InProcess, StateRecords, TransformedStep};
pub use options::destination_options;
pub use stage::run;
