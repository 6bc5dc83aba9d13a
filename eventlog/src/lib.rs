//! The log between the stages, over Kafka: opaque bytes go in and come out; what they mean is not known here.
//!
//! `capture` writes with a [`StepWriter`] (a Kafka transaction a step), `transform` with a [`PartitionWriter`]
//! (idempotent, gapless, without transactions), both read by a [`PartitionReader`] from offsets that the reader's owner
//! keeps elsewhere. Consumer groups say who owns what ([`Standby`], [`Membership`]) and nothing else: correctness rests
//! on fencing (capture), on determinism (transform) and on progress in the destination (apply), never on a group.
//!
//! Three rules hold everywhere here:
//! - **A writer is never used again after any error or time-out.** [`StepWriter`] makes that a matter of types: a step
//!   consumes the writer and gives it back only when its commit was acknowledged.
//! - **No consumer has an offset of its own.** Each position is given explicitly, `auto.offset.reset` is `error`: an
//!   offset that the log has no more stops the stage instead of skipping rows.
//! - **librdkafka never blocks the runtime.** Its blocking calls run on threads of their own; a dropped client is torn
//!   down on a thread of its own too.

mod admin;
mod client;
mod delivery;
mod doubt;
mod encryption;
mod error;
mod first_step;
mod membership;
mod options;
mod partition_writer;
mod polled;
mod reader;
mod reader_thread;
mod scan;
mod schema_reader;
mod settings;
mod stable_offset;
mod standby;
mod step_writer;

pub use admin::{Broker, DATA_RETENTION, Description, TopicDescription, Unread};
pub use delivery::Acknowledged;
pub use error::LogError;
pub use first_step::read_first_tables;
pub use membership::{Membership, MembershipEvent};
pub use options::{LogOptions, TopicNames};
pub use partition_writer::PartitionWriter;
pub use reader::{Message, PartitionReader, ReadEvent, StartAt};
pub use scan::{read_tail, read_tail_of};
pub use schema_reader::SchemaReader;
pub use settings::{MESSAGE_LIMIT, TRANSACTION_TIMEOUT};
pub use stable_offset::{PartitionEnds, StableOffsetWatch};
pub use standby::{Ownership, Standby};
pub use step_writer::{ClaimId, OpenStep, Opened, StepWriter};
