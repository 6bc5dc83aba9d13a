//! Rows that the destination refuses for what they hold, found among many.
//!
//! What is wanted is every row of a write but those that are refused whatever else is in it. So all keys that the write
//! touches are deleted first and the rows are then copied in halves of halves, each under a savepoint: rows that only
//! would have met each other's *former* state (a swap of another unique key) are in. A row that is refused keeps its
//! former state in the destination, which others may now meet: so the write is done again without the refused, until
//! nothing more is refused. Each time the refused become more, so this ends.
//!
//! A write of which nothing is refused costs one savepoint.

use std::collections::HashSet;

use millrace_model::{PgType, Row, TableSchema};
use tokio_postgres::Client;

use crate::error::AdbpgError;
use crate::write::{InsertStrategy, TableWrite, WriteTransaction, absent_rows, copy, definition, delete_keys};

/// A row that the destination refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The row.
    pub row: Row,
    /// Why, without any value.
    pub reason: String,
}

impl WriteTransaction<'_> {
    /// Writes to a table with a key, all but the rows that the destination refuses for what they hold; their keys are left
    /// as they are. Looks no further once there are more than `room`: then the transaction can only be rolled back.
    pub async fn write_table_but_refused(
        &mut self,
        schema: &TableSchema<PgType>,
        change: &TableWrite,
        room: usize,
    ) -> Result<Vec<Refused>, AdbpgError> {
        if !schema.is_keyed() {
            return Err(definition(schema, "it has no key by which refused rows could be told from others"));
        }
        savepoint(self.transaction.client(), "SAVEPOINT millrace_table").await?;
        match self.write_table(schema, change).await {
            Ok(()) => {
                savepoint(self.transaction.client(), "RELEASE SAVEPOINT millrace_table").await?;
                return Ok(Vec::new());
            }
            Err(error) if !is_of_a_row(&error) => return Err(error),
            Err(_) => {}
        }
        let mut rest = change.clone();
        let mut refused: Vec<Refused> = Vec::new();
        loop {
            let client = self.transaction.client();
            savepoint(client, "ROLLBACK TO SAVEPOINT millrace_table").await?;
            let rows = clear_way(client, schema, &rest).await?;
            let found = copy_but_refused(client, schema, &rows, room.saturating_sub(refused.len())).await?;
            if found.is_empty() {
                savepoint(client, "RELEASE SAVEPOINT millrace_table").await?;
                return Ok(refused);
            }
            let keys: HashSet<Row> = found.iter().map(|refused| refused.row.key(&schema.key)).collect();
            rest.deletes.retain(|key| !keys.contains(key));
            rest.inserts.retain(|row| !keys.contains(&row.key(&schema.key)));
            refused.extend(found);
            if refused.len() > room {
                return Ok(refused);
            }
        }
    }
}

/// Deletes what is in the way of the rows of a write, and gives those that are to be copied.
async fn clear_way(client: &Client, schema: &TableSchema<PgType>, write: &TableWrite) -> Result<Vec<Row>, AdbpgError> {
    delete_keys(client, schema, &write.deletes).await?;
    match write.strategy {
        InsertStrategy::WhereAbsent => return absent_rows(client, schema, &write.inserts).await,
        InsertStrategy::LikelyAbsent => {
            let keys: Vec<Row> = write.inserts.iter().map(|row| row.key(&schema.key)).collect();
            delete_keys(client, schema, &keys).await?;
        }
        InsertStrategy::AfterDeletes => {}
    }
    Ok(write.inserts.clone())
}

/// Copies rows, all but the refused; stops once there are more than `room`.
async fn copy_but_refused(
    client: &Client,
    schema: &TableSchema<PgType>,
    rows: &[Row],
    room: usize,
) -> Result<Vec<Refused>, AdbpgError> {
    let mut refused = Vec::new();
    let mut parts = vec![rows];
    while let Some(part) = parts.pop() {
        savepoint(client, "SAVEPOINT millrace_part").await?;
        let error = match copy(client, schema, part).await {
            Ok(()) => {
                savepoint(client, "RELEASE SAVEPOINT millrace_part").await?;
                continue;
            }
            Err(error) if is_of_a_row(&error) => error,
            Err(error) => return Err(error),
        };
        savepoint(client, "ROLLBACK TO SAVEPOINT millrace_part").await?;
        savepoint(client, "RELEASE SAVEPOINT millrace_part").await?;
        match part {
            [only] => refused.push(Refused { row: only.clone(), reason: error.to_string() }),
            many => {
                let (first, second) = many.split_at(many.len() / 2);
                parts.extend([second, first]);
            }
        }
        if refused.len() > room {
            break;
        }
    }
    Ok(refused)
}

async fn savepoint(client: &Client, sql: &str) -> Result<(), AdbpgError> {
    client.batch_execute(sql).await.map_err(|error| AdbpgError::of("look for refused rows", &error))
}

/// Whether an error says that a row cannot be in the table for what it holds: a value that its column cannot hold (class
/// 22), NULL, another unique key, a CHECK or partition bounds, an exclusion. A foreign key says something of another
/// table, whose row may come in the same transaction: such an error is none.
fn is_of_a_row(error: &AdbpgError) -> bool {
    match error {
        AdbpgError::RowRefused { state, .. } => {
            state.starts_with("22") || ["23502", "23505", "23514", "23P01"].contains(&state.as_str())
        }
        AdbpgError::Cell { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_row_holds_is_its_fault() {
        let refused = |state: &str| AdbpgError::RowRefused {
            table: "s.t".to_owned(),
            column: None,
            row: None,
            state: state.to_owned(),
            text: String::new(),
        };
        for state in ["22001", "22003", "22P02", "23502", "23505", "23514", "23P01"] {
            assert!(is_of_a_row(&refused(state)), "{state}");
        }
        for state in ["23503", "23001", "40P01", "40001", "55P03", "53100", "57014", "42501", "54000", "P0001"] {
            assert!(!is_of_a_row(&refused(state)), "{state}");
        }
        let statement = |state: &str| AdbpgError::Server { action: "x".into(), state: state.into(), text: "y".into() };
        assert!(!is_of_a_row(&statement("23505")) && !is_of_a_row(&AdbpgError::Aborted(String::new())));
    }
}
