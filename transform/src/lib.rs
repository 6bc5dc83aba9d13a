//! Transform: from `<task>.captured` to `<task>.transformed`, partition by partition.
//!
//! A deterministic function of the captured partition and the task file. It has no state but the tail of its own output,
//! so any number of transforms share the partitions, and a restart or a zombie can only repeat what is there.

pub mod batch;
pub mod cells;
pub mod convert;
mod defaults;
mod error;
pub mod filter;
pub mod follow;
pub mod held;
pub mod inspect;
mod key;
mod lane;
pub mod mappings;
mod nul;
mod progress;
mod rules;
mod stage;
pub mod table;
pub mod treatment;
pub mod types;

pub use error::{HeldProblem, KeyProblem, TransformError, ValueProblem};
pub use stage::run;
