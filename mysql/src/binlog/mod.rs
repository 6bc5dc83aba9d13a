//! The binlog: its stream of transactions, and the decoder of its rows.
//!
//! Three layers, each of which can be tested without the one around it:
//! - [`stream`] holds the connection. It only turns what the driver frames into plain events and adds time-outs.
//! - `transactions` is the state machine over those events: pure, synchronous, and a closed world. An event that it does
//!   not know, or does not expect where it stands, is an error: an event that is skipped is data that is lost.
//! - [`decode`] turns the raw rows of a [`RowsBatch`](event::RowsBatch) into [`Row`](millrace_model::Row)s with the schema
//!   of their place, by a plan made once per table map.
//!
//! The driver's own row decoder is not used: it gives wrong values for negative MEDIUMINT and TIME, for YEAR 0 and for
//! JSON decimals, and it allocates for every cell.

mod cell;
mod cursor;
mod decimal;
pub mod decode;
mod double;
pub mod error;
pub mod event;
mod event_parts;
mod json;
mod json_diff;
mod json_path;
mod json_scalar;
mod metadata;
mod place;
mod query;
pub mod schema_check;
pub mod selection;
pub mod stream;
pub mod table_map;
mod temporal;
mod text;
mod transactions;
mod xa;

pub(crate) use cell::NO_TEXT;
pub use decode::{RowDecoder, RowImage, RowImages};
pub use error::{BinlogError, Refusal};
pub use event::{RowsBatch, RowsKind, SourceEvent, Statement};
pub use schema_check::{Mismatch, SchemaMismatch};
pub use selection::TableFilter;
pub use stream::{BinlogStart, BinlogStream, read_file_created};
pub use table_map::{MappedColumn, TableMap, WireType};
