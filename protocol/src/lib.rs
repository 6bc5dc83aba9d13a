//! The log protocol: the pure logic that makes Millrace exact. No I/O, no clock, no randomness.
//!
//! Each stage has one state machine here. The stage's own crate feeds it what the outside said and carries out what it
//! returns; the simulator (`tests/`) does the same against a model source, log and destination, with crashes, zombies,
//! duplicates and lost replies between any two steps. So what is simulated is what runs.
//!
//! | module | rule |
//! |---|---|
//! | [`route`] | which partition a row goes to |
//! | [`step`] | rows and control entries of one Kafka transaction, numbered per partition |
//! | [`sequence`] | what a consumer accepts: no gap, no step back, nothing twice |
//! | [`parts`] | messages above the broker's limit: cut, joined within one writer, covered by the last part |
//! | [`capture`], [`chunk`] | the stream of source transactions, watermarks, barriers, huge transactions, checkpoint |
//! | [`whole`] | a table without a key: one consistent snapshot, while the stream waits |
//! | [`window`] | a snapshot chunk between two readings of what the source had committed |
//! | [`transform`] | where transform goes on, from the tail of its own output |
//! | [`cut`] | what apply writes together: up to a watermark that all partitions have delivered |
//! | [`compact`] | the last write per key of a cut |
//! | [`quarantine`] | keys that the destination refused: what comes later for them is held too |
//! | [`barrier`] | schema changes: all partitions arrive, one executes, all go on |

pub mod barrier;
pub mod capture;
pub mod chunk;
pub mod compact;
pub mod cut;
mod distributed;
mod error;
mod partial;
pub mod parts;
mod progress;
pub mod quarantine;
pub mod route;
mod schema_change;
pub mod sequence;
pub mod step;
mod taken;
pub mod transform;
mod waiting;
pub mod whole;
pub mod window;

pub use error::ProtocolError;
