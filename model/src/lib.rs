//! The data that flows through Millrace, and nothing else: no I/O, no async, no dependency on another crate of ours.
//!
//! Data flows one way: MySQL -> `capture` -> log -> `transform` -> log -> `apply` -> destination. What travels is a
//! [`Batch<T>`](batch::Batch): rows and control entries of one partition of the log. `T` is [`MysqlType`] before
//! transform and [`PgType`] after it, so that a stage cannot be handed the other side's batches by mistake.
//!
//! A [`Row`] is kept in its wire form from the binlog decoder to the destination's encoder: cells are walked, never
//! built into objects, because one allocation a cell costs more than everything else a stage does to a row.

pub mod batch;
pub mod checkpoint;
pub mod failure;
pub mod gtid;
pub mod hold;
pub mod mysql_type;
pub mod part;
pub mod pg_type;
pub mod plain_name;
pub mod position;
pub mod retention;
pub mod row;
pub mod schema;
pub mod tls_fault;

pub use batch::{
    Alteration, Barrier, Batch, Control, Entry, ReadPurpose, RowChange, RowEntry, SchemaChange, Watermark,
};
pub use checkpoint::{
    Checkpoint, Ended, KeyRange, Load, PartialTransaction, PreparedTransaction, RangeState, SourceMark, TableState,
};
pub use failure::{ErrorClass, Failure};
pub use gtid::{Gtid, GtidSet};
pub use hold::{Hold, HoldOrigin};
pub use mysql_type::MysqlType;
pub use pg_type::PgType;
pub use position::{BinlogPlace, Reading, Transaction};
pub use retention::Used;
pub use row::{Cell, Row, RowWriter};
pub use schema::{Column, Index, SchemaKey, TableName, TableSchema};
pub use tls_fault::TlsFault;
