//! Short shared locks, for the snapshot of a server without GTIDs.
//!
//! On such a server the end of the binlog is the only word for what was committed, and it covers transactions that are in
//! the binlog while reads do not see them yet (between the binlog's write and the engine's commit; for seconds under
//! semi-sync AFTER_SYNC). They still hold their locks. So a read with a shared lock waits for them: every row that it
//! gives or leaves out is as after all transactions that were in the binlog when it began. A table without a key is read
//! from a consistent snapshot that is opened while nobody can write to the table, for the same reason.
//!
//! Nobody knows how long somebody else keeps a table locked (`LOCK TABLES ... WRITE`, a change of it). So whoever reads
//! waits a second at a time, and does nothing meanwhile that others wait for.

use millrace_model::TableName;

use crate::connect::Session;
use crate::error::MysqlError;
use crate::ident::table_ident;

/// What makes a SELECT lock the rows that it reads.
pub(crate) fn shared_lock(session: &Session) -> &'static str {
    if session.version() >= (8, 0, 1) { " FOR SHARE" } else { " LOCK IN SHARE MODE" }
}

/// Makes the session one for chunks that lock their rows: it locks nothing between them (READ COMMITTED), and waits for
/// others a second at most; [`is_lock_conflict`] tells that it did so in vain.
pub async fn prepare_locked_reads(session: &mut Session) -> Result<(), MysqlError> {
    let doing = "preparing to read with shared locks";
    session.execute(doing, "SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 1").await?;
    session.execute(doing, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await
}

/// Makes the session one for consistent snapshots again.
pub async fn end_locked_reads(session: &mut Session) -> Result<(), MysqlError> {
    session.execute("preparing a snapshot", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await
}

/// Whether somebody else's lock is in the way, which passes.
pub fn is_lock_conflict(error: &MysqlError) -> bool {
    matches!(error, MysqlError::Server { code: 1205 | 1213, .. })
}

/// Makes the session one that waits a second at most for a table that somebody else has locked; [`is_lock_conflict`] tells
/// that it did so in vain.
pub async fn limit_lock_waits(session: &mut Session) -> Result<(), MysqlError> {
    session.execute("preparing to wait for locked tables", "SET SESSION lock_wait_timeout = 1").await
}

/// Waits until nobody has locked the table against reading.
pub async fn wait_for_table(session: &mut Session, table: &TableName) -> Result<(), MysqlError> {
    let doing = format!("waiting for table \"{table}\"");
    session.execute(&doing, &format!("SELECT 1 FROM {} LIMIT 0", table_ident(table))).await
}

/// The same within an open transaction, which then does not keep the table: `ROLLBACK TO SAVEPOINT` gives back the metadata
/// locks that were taken since, and leaves a snapshot as it is (as mysqldump does between two tables).
pub async fn wait_for_table_in_snapshot(session: &mut Session, table: &TableName) -> Result<(), MysqlError> {
    session.execute("marking the place in a snapshot", "SAVEPOINT millrace").await?;
    wait_for_table(session, table).await?;
    session.execute("giving a table back", "ROLLBACK TO SAVEPOINT millrace").await
}

/// Keeps everybody from writing to a table until [`unlock_tables`]; waits a second at most for those that do.
pub async fn lock_table(session: &mut Session, table: &TableName) -> Result<(), MysqlError> {
    let doing = format!("locking table \"{table}\" for a moment");
    limit_lock_waits(session).await?;
    session.execute(&doing, &format!("LOCK TABLES {} READ", table_ident(table))).await
}

/// Lets everybody write again.
pub async fn unlock_tables(session: &mut Session) -> Result<(), MysqlError> {
    session.execute("unlocking a table", "UNLOCK TABLES").await
}
