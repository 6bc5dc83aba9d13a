//! The records of keys that are held, in `millrace.quarantine`: what is to become of the row of each.
//!
//! A record is written in the transaction that holds the change back. One that the owner of its key replaces must be
//! there, or somebody released it meanwhile: then the owner's transaction is rolled back. Who releases or gives up
//! removes the record and learns what it says by the same statement, so that it acts on what was committed last. So a
//! record is acted upon once, and no newer one is overwritten, whoever does it and however late.

use std::fmt::Write as _;

use bytes::Bytes;
use millrace_model::{Hold, HoldOrigin, Row, TableName};
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};
use xxhash_rust::xxh3::xxh3_128;

use crate::connect::{Connection, rows};
use crate::error::AdbpgError;
use crate::ident::literal;
use crate::state::{from_hex, number, text, to_hex};
use crate::write::WriteTransaction;

/// A record: a held key and what its row is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRow {
    /// The key.
    pub hold: Hold,
    /// The row; none where it is to be deleted.
    pub row: Option<Row>,
    /// The definition of the table that the row belongs to, encoded.
    pub definition: Bytes,
}

/// What became of an attempt to replace records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Replaced {
    /// All of them.
    All,
    /// Somebody removed some before: roll back and read again what is held.
    Lost,
}

const OF_HOLD: &str = "table_id, schema_name, table_name, encode(key, 'hex'), if_absent, changes, since, reason";

impl Connection {
    /// The keys that are held for a task, of all partitions.
    pub async fn read_holds(&self, task_id: &str) -> Result<Vec<Hold>, AdbpgError> {
        let sql = format!(
            "SELECT {OF_HOLD} FROM millrace.quarantine WHERE task_id = {} ORDER BY schema_name, table_name, since, key_hash",
            literal(task_id)?
        );
        rows(&self.client, "read the quarantine", &sql).await?.iter().map(parse_hold).collect()
    }
}

impl WriteTransaction<'_> {
    /// Writes records of keys that have none; the key of one that has is an error.
    pub async fn insert_held(&mut self, task_id: &str, held: &[HeldRow]) -> Result<(), AdbpgError> {
        for row in held {
            self.execute("write to the quarantine", &[render_insert(task_id, row)?]).await?;
        }
        Ok(())
    }

    /// Replaces the records of keys that have one.
    pub async fn replace_held(&mut self, task_id: &str, held: &[HeldRow]) -> Result<Replaced, AdbpgError> {
        let holds: Vec<&Hold> = held.iter().map(|row| &row.hold).collect();
        if self.remove(task_id, &holds).await?.len() < held.len() {
            return Ok(Replaced::Lost);
        }
        self.insert_held(task_id, held).await?;
        Ok(Replaced::All)
    }

    /// Removes the records of these keys and gives what they say now, of those that were still there.
    pub async fn take_held(&mut self, task_id: &str, holds: &[Hold]) -> Result<Vec<HeldRow>, AdbpgError> {
        let holds: Vec<&Hold> = holds.iter().collect();
        self.remove(task_id, &holds).await?.iter().map(parse_held).collect()
    }

    /// Removes all records of a table, with all its rows.
    pub async fn forget_held(&mut self, task_id: &str, table_id: u64) -> Result<(), AdbpgError> {
        self.execute("empty the quarantine of a table", &[render_forget_held(task_id, table_id)?]).await
    }

    async fn remove(&mut self, task_id: &str, holds: &[&Hold]) -> Result<Vec<SimpleQueryRow>, AdbpgError> {
        let mut removed = Vec::with_capacity(holds.len());
        for some in holds.chunks(KEYS_A_STATEMENT) {
            removed.extend(returned(self.transaction.client(), &render_remove(task_id, some)?).await?);
        }
        Ok(removed)
    }
}

/// Keys named in one statement.
const KEYS_A_STATEMENT: usize = 500;

async fn returned(client: &Client, sql: &str) -> Result<Vec<SimpleQueryRow>, AdbpgError> {
    let failed = |error: tokio_postgres::Error| AdbpgError::of("take from the quarantine", &error);
    let messages = client.simple_query(sql).await.map_err(failed)?;
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    };
    Ok(messages.into_iter().filter_map(row).collect())
}

/// Removes all records of a table.
pub fn render_forget_held(task_id: &str, table_id: u64) -> Result<String, AdbpgError> {
    let (id, table_id) = (literal(task_id)?, table_id.cast_signed());
    Ok(format!("DELETE FROM millrace.quarantine WHERE task_id = {id} AND table_id = {table_id}"))
}

fn render_remove(task_id: &str, holds: &[&Hold]) -> Result<String, AdbpgError> {
    let mut sql =
        format!("DELETE FROM millrace.quarantine WHERE task_id = {} AND (table_id, key_hash) IN (", literal(task_id)?);
    for (place, hold) in holds.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}({}, '{}')", hold.table_id.cast_signed(), key_hash(hold));
    }
    let _ = write!(sql, ") RETURNING {OF_HOLD}, encode(image, 'hex'), encode(definition, 'hex')");
    Ok(sql)
}

fn render_insert(task_id: &str, held: &HeldRow) -> Result<String, AdbpgError> {
    let HeldRow { hold, row, definition } = held;
    let bytes = |bytes: &[u8]| format!("decode('{}', 'hex')", to_hex(bytes));
    Ok(format!(
        "INSERT INTO millrace.quarantine (task_id, table_id, key_hash, schema_name, table_name, key, image, definition, \
         if_absent, changes, since, reason) VALUES ({}, {}, '{}', {}, {}, {}, {}, {}, {}, {}, {}, {})",
        literal(task_id)?,
        hold.table_id.cast_signed(),
        key_hash(hold),
        literal(&hold.table.database)?,
        literal(&hold.table.table)?,
        bytes(hold.key.as_bytes()),
        row.as_ref().map_or("NULL".to_owned(), |row| bytes(row.as_bytes())),
        bytes(definition),
        hold.origin == HoldOrigin::LoadIfAbsent,
        hold.changes,
        hold.since,
        literal(&hold.reason)?
    ))
}

/// Names a key within its table: a key can be longer than what an index takes.
fn key_hash(hold: &Hold) -> String {
    format!("{:032x}", xxh3_128(hold.key.as_bytes()))
}

fn parse_hold(row: &SimpleQueryRow) -> Result<Hold, AdbpgError> {
    let table_id: i64 = number(row, 0, "quarantine.table_id")?;
    let origin = match text(row, 4, "quarantine.if_absent")?.as_str() {
        "t" => HoldOrigin::LoadIfAbsent,
        _ => HoldOrigin::Change,
    };
    Ok(Hold {
        table_id: table_id.cast_unsigned(),
        table: TableName::new(text(row, 1, "quarantine.schema_name")?, text(row, 2, "quarantine.table_name")?),
        key: parse_row(row.get(3), "quarantine.key")?.ok_or(AdbpgError::State("quarantine.key"))?,
        origin,
        changes: number(row, 5, "quarantine.changes")?,
        since: number(row, 6, "quarantine.since")?,
        reason: text(row, 7, "quarantine.reason")?,
    })
}

fn parse_held(row: &SimpleQueryRow) -> Result<HeldRow, AdbpgError> {
    let name = "quarantine.definition";
    let definition = from_hex(&text(row, 9, name)?).ok_or(AdbpgError::State(name))?;
    Ok(HeldRow {
        hold: parse_hold(row)?,
        row: parse_row(row.get(8), "quarantine.image")?,
        definition: definition.into(),
    })
}

fn parse_row(hex: Option<&str>, name: &'static str) -> Result<Option<Row>, AdbpgError> {
    let Some(hex) = hex else { return Ok(None) };
    let bytes = from_hex(hex).ok_or(AdbpgError::State(name))?;
    Row::parse_any(bytes.into()).map(Some).map_err(|_| AdbpgError::State(name))
}
