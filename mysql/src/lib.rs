//! Everything that knows MySQL: connections, the server's facts and rights, schemas, chunked reading, statements of the
//! binlog and the binlog itself. Knows nothing of the log between the stages or of the destination.
//!
//! Reading goes one way: [`connect`] opens a [`Session`](connect::Session), [`server`] and [`check`] judge the source,
//! [`schema`] reads the tables, [`snapshot`] their rows; [`ddl`] and [`binlog`] follow what happens afterwards.

pub mod addresses;
pub mod auto_increment;
pub mod binlog;
pub mod cascades;
pub mod cell_form;
pub mod charset;
pub mod check;
pub mod column_default;
pub mod column_type;
pub mod connect;
pub mod constraints;
pub mod ddl;
pub mod error;
pub mod estimates;
pub mod grants;
pub mod ident;
pub mod key_variants;
pub mod keys;
pub mod lock_check;
pub mod locks;
pub mod logged_check;
pub mod objects;
pub mod predicate;
pub mod schema;
pub mod server;
pub mod snapshot;
pub mod sql_text;
mod stranger;
pub mod table_check;

pub use check::{Finding, Verdict};
pub use connect::{ClientIdentity, Session, SourceOptions, TlsMode};
pub use ddl::{DdlEffect, DdlError, StatementContext};
pub use error::MysqlError;
pub use ident::Ident;
pub use schema::SourceTable;
pub use server::ServerFacts;
