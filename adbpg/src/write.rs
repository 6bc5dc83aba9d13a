//! The write transaction: rows of several tables and the progress that says so, together or not at all.
//!
//! Within a table all deletes come before all inserts, so that keys can move between rows in any way (a swap, a chain, a
//! cycle). A delete names the replication key alone: another unique key that conflicts is an error, never the silent
//! replacement of another row. The caller takes tables in the same order in every transaction, so that two writers
//! cannot dead-lock on tables; `lock_timeout` ends what still waits.

use std::collections::{HashMap, HashSet};
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use millrace_model::{PgType, Row, TableName, TableSchema};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use crate::advance::{Advance, PartitionProgress, advance};
use crate::barrier::{JournalEntry, render_journal};
use crate::commit::{CommitOutcome, commit};
use crate::connect::{Connection, Usability};
use crate::dialect::Dialect;
use crate::encode::put_copy_line;
use crate::error::{AdbpgError, text_without_values};
use crate::ident::{Ident, QualifiedName, literal, stable_hash};
use crate::key_array::{key_arrays, render_delete, render_present};
use crate::keyless;
use crate::large_line::{LARGE_ROW, Line, large_line};
use crate::state::{TaskIdentity, render_register, render_write_state};
use crate::target::{Uniqueness, look_at};

/// Bytes handed to the driver at a time: it sends chunks above 4 KiB without copying them.
const CHUNK_BYTES: usize = 128 * 1024;

/// What to do with a table, compacted to one write per key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableWrite {
    /// Keys whose rows go: the cells of the schema's key, in key order.
    pub deletes: Vec<Row>,
    /// Rows that come, at most one for each key; for a table without a key as many as there are.
    pub inserts: Vec<Row>,
    /// For a table without a key: rows with how many more (positive) or fewer (negative) of them there are to be.
    pub keyless: Vec<(Row, i64)>,
    /// What is known of the inserts' keys; says nothing for a table without a key.
    pub strategy: InsertStrategy,
}

/// What is known of the inserts' keys in the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InsertStrategy {
    /// They are absent once `deletes` are gone: COPY; a duplicate key is an error.
    #[default]
    AfterDeletes,
    /// They are most likely absent: COPY, and on a duplicate key delete them and COPY again.
    LikelyAbsent,
    /// Those that are there stay as they are; the others are inserted.
    WhereAbsent,
}

/// One open transaction of a connection. Dropped without commit, it is rolled back.
pub struct WriteTransaction<'c> {
    pub(crate) transaction: Transaction<'c>,
    dialect: &'c Dialect,
    usability: &'c mut Usability,
    looked_at: &'c mut HashMap<u64, Uniqueness>,
    advance: Advance,
}

impl Connection {
    /// Opens the write transaction, READ COMMITTED.
    pub async fn begin(&mut self) -> Result<WriteTransaction<'_>, AdbpgError> {
        let builder = self.client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
        let transaction = builder.start().await.map_err(|error| AdbpgError::of("begin a transaction", &error))?;
        let (dialect, usability, looked_at) = (&self.dialect, &mut self.usability, &mut self.looked_at);
        Ok(WriteTransaction { transaction, dialect, usability, looked_at, advance: Advance::Advanced })
    }
}

impl WriteTransaction<'_> {
    /// Writes to one table. After an error the transaction can only be rolled back.
    pub async fn write_table(&mut self, schema: &TableSchema<PgType>, change: &TableWrite) -> Result<(), AdbpgError> {
        let uniqueness = self.look_at(schema).await?;
        if !schema.is_keyed() {
            return self.write_keyless(schema, change).await;
        }
        if !change.keyless.is_empty() {
            return Err(definition(schema, "it has a key, but rows are to be counted"));
        }
        delete_keys(self.transaction.client(), schema, &change.deletes).await?;
        match change.strategy {
            InsertStrategy::AfterDeletes => copy(self.transaction.client(), schema, &change.inserts).await,
            InsertStrategy::LikelyAbsent if uniqueness == Uniqueness::Open => {
                let keys: Vec<Row> = change.inserts.iter().map(|row| row.key(&schema.key)).collect();
                delete_keys(self.transaction.client(), schema, &keys).await?;
                copy(self.transaction.client(), schema, &change.inserts).await
            }
            InsertStrategy::LikelyAbsent => self.copy_or_replace(schema, &change.inserts).await,
            InsertStrategy::WhereAbsent => {
                let absent = absent_rows(self.transaction.client(), schema, &change.inserts).await?;
                copy(self.transaction.client(), schema, &absent).await
            }
        }
    }

    /// Looks at a table before the first write of this session to it.
    async fn look_at(&mut self, schema: &TableSchema<PgType>) -> Result<Uniqueness, AdbpgError> {
        let names = [&*schema.name.database, &*schema.name.table].into_iter();
        let of_key = schema.key.iter().filter_map(|&place| schema.columns.get(place)).map(|column| &*column.name);
        let columns = schema.columns.iter().map(|column| &*column.name);
        let parts: Vec<&str> = names.chain(columns).chain([""]).chain(of_key).collect();
        let hash = stable_hash(&parts);
        if let Some(known) = self.looked_at.get(&hash) {
            return Ok(*known);
        }
        let found = look_at(self.transaction.client(), schema).await?;
        self.looked_at.insert(hash, found);
        Ok(found)
    }

    /// Removes all rows of a table, for `Reset` and TRUNCATE.
    pub async fn truncate(&mut self, table: &TableName) -> Result<(), AdbpgError> {
        let sql = format!("TRUNCATE TABLE {}", QualifiedName::new(table)?);
        let failed = |error: tokio_postgres::Error| AdbpgError::of(format!("truncate \"{table}\""), &error);
        self.transaction.batch_execute(&sql).await.map_err(failed)
    }

    /// Puts progress into the transaction. After [`Advance::Lost`] the transaction can only be rolled back.
    pub async fn advance_progress(
        &mut self,
        task_id: &str,
        progress: &[PartitionProgress],
    ) -> Result<Advance, AdbpgError> {
        let advanced = advance(self.transaction.client(), task_id, progress).await?;
        if advanced == Advance::Lost {
            self.advance = Advance::Lost;
        }
        Ok(advanced)
    }

    /// Replaces records of the state of a task that runs in one process; none removes the record.
    pub async fn write_state(
        &mut self,
        task_id: &str,
        records: &[(String, Option<Vec<u8>>)],
    ) -> Result<(), AdbpgError> {
        if records.is_empty() {
            return Ok(());
        }
        self.execute("write the task's state", &[render_write_state(task_id, records)?]).await
    }

    /// Executes statements in this transaction.
    pub async fn execute(&mut self, action: &str, statements: &[String]) -> Result<(), AdbpgError> {
        for statement in statements {
            let failed = |error: tokio_postgres::Error| AdbpgError::of(action, &error);
            self.transaction.batch_execute(statement).await.map_err(failed)?;
        }
        Ok(())
    }

    /// What the server is.
    pub fn dialect(&self) -> &Dialect {
        self.dialect
    }

    pub(crate) fn client(&self) -> &Client {
        self.transaction.client()
    }

    /// What this session has seen of tables may no longer hold: a schema change was made.
    pub fn forget_tables(&mut self) {
        self.looked_at.clear();
    }

    /// Writes an entry of the journal: what it stands for is executed in this transaction.
    pub async fn record_executed(&mut self, task_id: &str, entry: JournalEntry) -> Result<(), AdbpgError> {
        self.execute("write the journal", &[render_journal(task_id, entry)?]).await
    }

    /// Writes down, in this transaction, that the task exists; again is the same as once.
    pub async fn register_task(&mut self, task: &TaskIdentity) -> Result<(), AdbpgError> {
        self.execute("register the task", &[render_register(task)?]).await
    }

    /// Notes that a partition has all rows of a table's snapshot; the schema is named by version and hash. Again is the
    /// same as once.
    pub async fn record_loaded(
        &mut self,
        task_id: &str,
        version: u64,
        hash: u64,
        partition: u32,
    ) -> Result<(), AdbpgError> {
        let (id, hash) = (literal(task_id)?, hash as i64);
        let sql = format!(
            "INSERT INTO millrace.loaded (task_id, version, hash, log_partition) SELECT {id}, {version}, {hash}, \
             {partition} WHERE NOT EXISTS (SELECT 1 FROM millrace.loaded WHERE task_id = {id} AND version = {version} \
             AND log_partition = {partition})"
        );
        let failed = |error: tokio_postgres::Error| AdbpgError::of("note a loaded table", &error);
        self.transaction.batch_execute(&sql).await.map_err(failed)
    }

    /// Commits. An error means that nothing was committed; [`CommitOutcome::Unknown`] that nobody knows.
    pub async fn commit(self) -> Result<CommitOutcome, AdbpgError> {
        if self.advance == Advance::Lost {
            return Err(AdbpgError::Aborted("another writer had advanced progress".to_owned()));
        }
        commit(self.transaction, self.usability).await
    }

    /// Rolls back.
    pub async fn rollback(self) -> Result<(), AdbpgError> {
        self.transaction.rollback().await.map_err(|error| AdbpgError::of("roll back", &error))
    }

    async fn copy_or_replace(&mut self, schema: &TableSchema<PgType>, rows: &[Row]) -> Result<(), AdbpgError> {
        if rows.is_empty() {
            return Ok(());
        }
        let savepoint = |error: tokio_postgres::Error| AdbpgError::of("set a savepoint", &error);
        let inner = self.transaction.savepoint("millrace_copy").await.map_err(savepoint)?;
        match copy(inner.client(), schema, rows).await {
            Ok(()) => return inner.commit().await.map_err(savepoint),
            Err(error) if error.state() == Some("23505") => inner.rollback().await.map_err(savepoint)?,
            Err(error) => return Err(error),
        }
        let keys: Vec<Row> = rows.iter().map(|row| row.key(&schema.key)).collect();
        delete_keys(self.transaction.client(), schema, &keys).await?;
        copy(self.transaction.client(), schema, rows).await
    }

    async fn write_keyless(&mut self, schema: &TableSchema<PgType>, change: &TableWrite) -> Result<(), AdbpgError> {
        if !change.deletes.is_empty() {
            return Err(definition(schema, "it has no key, but rows are to be deleted by key"));
        }
        let client = self.transaction.client();
        let sql = keyless::render_delete_equal(schema, self.dialect.row_identity())?;
        for (row, count) in change.keyless.iter().filter(|(_, count)| *count < 0) {
            delete_equal(client, schema, &sql, row, count.unsigned_abs()).await?;
        }
        let mut more = change.inserts.clone();
        for (row, count) in change.keyless.iter().filter(|(_, count)| *count > 0) {
            more.extend((0..*count).map(|_| row.clone()));
        }
        copy(client, schema, &more).await
    }
}

pub(crate) fn definition(schema: &TableSchema<PgType>, problem: &str) -> AdbpgError {
    AdbpgError::Definition { table: schema.name.to_string(), problem: problem.to_owned() }
}

pub(crate) async fn delete_keys(client: &Client, schema: &TableSchema<PgType>, keys: &[Row]) -> Result<(), AdbpgError> {
    if keys.is_empty() {
        return Ok(());
    }
    let sql = render_delete(schema)?;
    let failed = |error: tokio_postgres::Error| AdbpgError::of(format!("delete rows of \"{}\"", schema.name), &error);
    for arrays in key_arrays(schema, keys)? {
        client.execute_typed(&sql, &arrays.parameters()).await.map_err(failed)?;
    }
    Ok(())
}

pub(crate) async fn absent_rows(
    client: &Client,
    schema: &TableSchema<PgType>,
    rows: &[Row],
) -> Result<Vec<Row>, AdbpgError> {
    let sql = render_present(schema)?;
    let failed = |error: tokio_postgres::Error| AdbpgError::of(format!("read keys of \"{}\"", schema.name), &error);
    let keys: Vec<Row> = rows.iter().map(|row| row.key(&schema.key)).collect();
    let mut absent = Vec::with_capacity(rows.len());
    let mut rest = rows;
    for arrays in key_arrays(schema, &keys)? {
        let (part, after) = rest.split_at(rest.len().min(crate::key_array::KEYS_A_STATEMENT));
        rest = after;
        let found = client.query_typed(&sql, &arrays.parameters()).await.map_err(failed)?;
        let mut present = HashSet::new();
        for row in found {
            let place: i64 = row.try_get(0).map_err(failed)?;
            present.insert(usize::try_from(place).map_err(|_| AdbpgError::State("ordinality"))?);
        }
        let kept = part.iter().enumerate().filter(|(index, _)| !present.contains(&(index + 1)));
        absent.extend(kept.map(|(_, row)| row.clone()));
    }
    Ok(absent)
}

async fn delete_equal(
    client: &Client,
    schema: &TableSchema<PgType>,
    sql: &str,
    row: &Row,
    count: u64,
) -> Result<(), AdbpgError> {
    let parameters = keyless::parameters(schema, row, count)?;
    let failed = |error: tokio_postgres::Error| AdbpgError::of(format!("delete rows of \"{}\"", schema.name), &error);
    let found = client.execute_typed(sql, &keyless::borrowed(&parameters)).await.map_err(failed)?;
    check_count(schema, "deleted", count, found)
}

fn check_count(
    schema: &TableSchema<PgType>,
    action: &'static str,
    expected: u64,
    found: u64,
) -> Result<(), AdbpgError> {
    if expected == found {
        return Ok(());
    }
    Err(AdbpgError::Count { table: schema.name.to_string(), action, expected, found })
}

/// Streams rows into the table. The sink is finished, or dropped, which makes the server abort the COPY.
pub(crate) async fn copy(client: &Client, schema: &TableSchema<PgType>, rows: &[Row]) -> Result<(), AdbpgError> {
    if rows.is_empty() {
        return Ok(());
    }
    let failed = |error: tokio_postgres::Error| copy_error(schema, &error);
    let mut sink = pin!(client.copy_in::<_, Bytes>(&render_copy(schema)?).await.map_err(failed)?);
    let mut buffer = BytesMut::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
    let (mut count, mut sent) = (0, Ok(()));
    'rows: for row in rows {
        count += 1;
        if row.len() >= LARGE_ROW {
            let mut line = large_line(&schema.name, &schema.columns, row);
            while line.put_piece(&mut buffer)? == Line::GoesOn {
                sent = sink.send(take_chunk(&mut buffer)).await;
                if sent.is_err() {
                    break 'rows;
                }
            }
        } else {
            put_copy_line(&mut buffer, &schema.name, &schema.columns, row)?;
        }
        if buffer.len() >= CHUNK_BYTES {
            sent = sink.send(take_chunk(&mut buffer)).await;
            if sent.is_err() {
                break;
            }
        }
    }
    if sent.is_ok() && !buffer.is_empty() {
        sent = sink.send(buffer.freeze()).await;
    }
    // The server's own words about a COPY that it ended come from `finish`.
    let found = sink.finish().await.map_err(failed)?;
    sent.map_err(failed)?;
    check_count(schema, "inserted", count, found)
}

/// What is to be sent, with room for as much again.
fn take_chunk(buffer: &mut BytesMut) -> Bytes {
    let chunk = buffer.split().freeze();
    buffer.reserve(CHUNK_BYTES + CHUNK_BYTES / 8);
    chunk
}

/// COPY with every column named: the destination may have more columns, or another order.
fn render_copy(schema: &TableSchema<PgType>) -> Result<String, AdbpgError> {
    let names: Result<Vec<String>, AdbpgError> =
        schema.columns.iter().map(|column| Ok(Ident::new(&column.name)?.to_string())).collect();
    Ok(format!("COPY {} ({}) FROM STDIN", QualifiedName::new(&schema.name)?, names?.join(", ")))
}

/// What COPY says of a row: which one and which column it was, and never the value, which stands in the CONTEXT too.
fn copy_error(schema: &TableSchema<PgType>, error: &tokio_postgres::Error) -> AdbpgError {
    let of_table = || AdbpgError::of(format!("copy rows into \"{}\"", schema.name), error);
    let Some(db) = error.as_db_error() else { return of_table() };
    let state = db.code().code();
    if !["21", "22", "23", "44", "54", "P0"].iter().any(|class| state.starts_with(class)) {
        return of_table();
    }
    let context = db.where_().unwrap_or_default();
    let after_name = context.strip_prefix(&format!("COPY {}, line ", schema.name.table)).unwrap_or_default();
    let digits = after_name.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    let row = digits.parse::<usize>().ok().and_then(|line| line.checked_sub(1));
    let after_line = after_name[digits.len()..].strip_prefix(", column ").unwrap_or_default();
    // Only a column of the schema is believed, so that no piece of a value can pass for one.
    let named =
        |name: &str| db.column() == Some(name) || after_line.strip_prefix(name).is_some_and(|s| s.starts_with(':'));
    let column = schema.columns.iter().find(|column| named(&column.name)).map(|column| column.name.to_string());
    let (table, state) = (schema.name.to_string(), state.to_owned());
    AdbpgError::RowRefused { table, column, row, state, text: text_without_values(db) }
}
