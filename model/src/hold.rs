//! A key whose changes are held back from the destination, because it refused a row of that key.

use crate::row::Row;
use crate::schema::TableName;

/// What is known of a held key; what is to become of its row is kept where it lasts, in the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The table's id.
    pub table_id: u64,
    /// The table's name in the destination.
    pub table: TableName,
    /// The cells of the key, in key order.
    pub key: Row,
    /// Where the newest held change comes from.
    pub origin: HoldOrigin,
    /// Changes of the key that came since it is held, the refused one included; what one commit writes of a key counts
    /// as one.
    pub changes: u64,
    /// Microseconds since 1970-01-01 UTC.
    pub since: u64,
    /// Why the first row was refused: without any value of it.
    pub reason: String,
}

/// Where a held change comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldOrigin {
    /// The full load into a table whose rows stay as they are: it is written only where its key is absent.
    LoadIfAbsent,
    /// Anything else: it replaces the row of its key.
    Change,
}
