//! CHECK constraints, made at cut-over: while a task writes, the source is the one who checks (ADR 0025).
//!
//! Each is made in two steps. The first, `NOT VALID`, needs the table for itself, but looks at no row; the second looks at
//! every row while others write (PostgreSQL manual, "ALTER TABLE"; CHECK constraints have it since 9.2, and so has all of
//! the Greenplum family that is supported). Whoever ends between the two has left a constraint that says of itself that it
//! was not looked at, and the next attempt takes the second step. One that a row breaks is taken away again.

use millrace_model::TableName;

use crate::commit::{CommitOutcome, commit};
use crate::connect::{Connection, rows};
use crate::constrained::{Constrained, refusal};
use crate::error::AdbpgError;
use crate::ident::{Ident, QualifiedName, literal};
use crate::indexes::index_name;
use crate::state::number;

/// A CHECK constraint as the destination is to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its table.
    pub table: TableName,
    /// Its name in the source, in the form of the destination's names.
    pub name: String,
    /// The condition, in the destination's SQL.
    pub condition: String,
}

/// What the destination has of a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckFound {
    /// None of that name.
    Absent,
    /// It is there; no rows but those written since were looked at.
    NotValid,
    /// It is there, and every row holds to it.
    Valid,
    /// One of that name has another condition.
    Different,
}

impl Check {
    /// The name of the constraint: as in the source where it fits, which has to be unique in the table alone.
    fn constraint(&self) -> Result<Ident, AdbpgError> {
        Ident::new(&self.name).or_else(|_| index_name(&self.table.table, &self.name))
    }

    /// The statements that make it, each in a transaction of its own.
    pub fn render(&self) -> Result<Vec<String>, AdbpgError> {
        Ok(vec![format!("{} NOT VALID", self.render_add()?), self.render_validate()?])
    }

    fn render_add(&self) -> Result<String, AdbpgError> {
        let (table, name) = (QualifiedName::new(&self.table)?, self.constraint()?);
        Ok(format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({})", self.condition))
    }

    fn render_validate(&self) -> Result<String, AdbpgError> {
        Ok(format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", QualifiedName::new(&self.table)?, self.constraint()?))
    }

    fn render_drop(&self) -> Result<String, AdbpgError> {
        Ok(format!("ALTER TABLE {} DROP CONSTRAINT {}", QualifiedName::new(&self.table)?, self.constraint()?))
    }

    /// Counts the rows that break it.
    fn render_count(&self) -> Result<String, AdbpgError> {
        Ok(format!("SELECT count(*) FROM {} WHERE NOT ({})", QualifiedName::new(&self.table)?, self.condition))
    }
}

impl Connection {
    /// What the destination has of the constraint. Changes nothing that lasts.
    pub async fn find_check(&mut self, check: &Check) -> Result<CheckFound, AdbpgError> {
        let sql = format!(
            "SELECT k.convalidated::text, pg_catalog.pg_get_expr(k.conbin, k.conrelid) FROM pg_catalog.pg_constraint AS k \
             JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid \
             JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             WHERE k.contype = 'c' AND n.nspname = {} AND c.relname = {} AND k.conname = {}",
            literal(&check.table.database)?,
            literal(&check.table.table)?,
            literal(check.constraint()?.name())?
        );
        let found = rows(&self.client, "look for a CHECK constraint", &sql).await?;
        let Some(found) = found.first() else { return Ok(CheckFound::Absent) };
        let (is_valid, condition) = (found.get(0) == Some("true"), found.get(1).map(str::to_owned));
        Ok(match (condition == self.as_the_server_says(check).await?, is_valid) {
            (false, _) => CheckFound::Different,
            (true, true) => CheckFound::Valid,
            (true, false) => CheckFound::NotValid,
        })
    }

    /// The condition in the server's own words: it says them of a table that is gone with the transaction.
    async fn as_the_server_says(&mut self, check: &Check) -> Result<Option<String>, AdbpgError> {
        const TEMPORARY: &str = "millrace_check_condition";
        let action = format!("compare CHECK constraint \"{}\" of \"{}\"", check.name, check.table);
        let failed = |error: tokio_postgres::Error| AdbpgError::of(action.as_str(), &error);
        let make = format!(
            "CREATE TEMPORARY TABLE {TEMPORARY} (LIKE {}); ALTER TABLE {TEMPORARY} ADD CHECK ({})",
            QualifiedName::new(&check.table)?,
            check.condition
        );
        let transaction = self.client.transaction().await.map_err(failed)?;
        transaction.batch_execute(&make).await.map_err(failed)?;
        let sql = format!(
            "SELECT pg_catalog.pg_get_expr(conbin, conrelid) FROM pg_catalog.pg_constraint \
             WHERE contype = 'c' AND conrelid = '{TEMPORARY}'::regclass"
        );
        let messages = transaction.simple_query(&sql).await.map_err(failed)?;
        transaction.rollback().await.map_err(failed)?;
        let text = messages.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        Ok(text)
    }

    /// Makes a constraint that is [`CheckFound::Absent`] or [`CheckFound::NotValid`]: the server looks at every row.
    pub async fn add_check(&mut self, check: &Check, found: CheckFound) -> Result<Constrained, AdbpgError> {
        let action = format!("make CHECK constraint \"{}\" of \"{}\"", check.name, check.table);
        if found == CheckFound::Absent {
            let add = format!("{} NOT VALID", check.render_add()?);
            if let Err(error) = self.alter(&action, &add).await {
                return refusal(error);
            }
        }
        match self.alter(&action, &check.render_validate()?).await {
            Ok(()) => Ok(Constrained::Made),
            Err(AdbpgError::Server { state, .. }) if state == "23514" => {
                self.alter(&action, &check.render_drop()?).await?;
                let found =
                    rows(&self.client, "count the rows that break a constraint", &check.render_count()?).await?;
                let first = found.first().ok_or(AdbpgError::State("count"))?;
                Ok(Constrained::Violated { rows: number(first, 0, "count")? })
            }
            Err(error) => refusal(error),
        }
    }

    /// Executes one statement that changes a table, in a transaction of its own.
    pub(crate) async fn alter(&mut self, action: &str, statement: &str) -> Result<(), AdbpgError> {
        let failed = |error: tokio_postgres::Error| AdbpgError::of(action, &error);
        let transaction = self.client.transaction().await.map_err(failed)?;
        if let Err(error) = transaction.batch_execute(statement).await.map_err(failed) {
            transaction.rollback().await.map_err(failed)?;
            return Err(error);
        }
        match commit(transaction, &mut self.usability).await? {
            CommitOutcome::Committed => Ok(()),
            CommitOutcome::Unknown(error) => Err(error),
        }
    }
}
