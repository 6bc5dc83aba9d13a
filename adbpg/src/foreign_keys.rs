//! Foreign keys, made at cut-over: while a task writes there are none, because rows arrive in an order of their own
//! (ADR 0024).
//!
//! Why the key means what it means in the source: both check a row at once where no column of it is NULL (MATCH SIMPLE),
//! and RESTRICT is what InnoDB does also for NO ACTION (MySQL Reference Manual, "FOREIGN KEY Constraints"). The server
//! itself looks at every row before the key is there.

use std::fmt;
use std::sync::Arc;

use millrace_model::TableName;

use crate::connect::{Connection, rows};
use crate::constrained::{Constrained, refusal};
use crate::error::AdbpgError;
use crate::ident::{Ident, QualifiedName, literal};
use crate::indexes::index_name;
use crate::state::number;

/// A foreign key as the destination is to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Its name in the source, in the form of the destination's names.
    pub name: String,
    /// Its table.
    pub table: TableName,
    /// Its columns.
    pub columns: Vec<Arc<str>>,
    /// The table that it refers to.
    pub referenced: TableName,
    /// The columns there, in the order of its own.
    pub referenced_columns: Vec<Arc<str>>,
    /// What happens to a row whose row there is deleted.
    pub on_delete: ReferenceAction,
    /// What happens to a row whose row there gets another key.
    pub on_update: ReferenceAction,
}

/// What happens to rows when the row that they refer to goes or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceAction {
    /// It is refused.
    Restrict,
    /// They go or change with it.
    Cascade,
    /// Their columns become NULL.
    SetNull,
    /// Their columns become what they are by default.
    SetDefault,
}

impl fmt::Display for ReferenceAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Restrict => "RESTRICT",
            Self::Cascade => "CASCADE",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        })
    }
}

impl ForeignKey {
    /// The name of the constraint: the same each time, at most 63 bytes.
    fn constraint(&self) -> Result<Ident, AdbpgError> {
        index_name(&self.table.table, &self.name)
    }

    /// The statement that makes it.
    pub fn render(&self) -> Result<String, AdbpgError> {
        Ok(format!(
            "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {} ON UPDATE {}",
            QualifiedName::new(&self.table)?,
            self.constraint()?,
            names(&self.columns, "")?,
            QualifiedName::new(&self.referenced)?,
            names(&self.referenced_columns, "")?,
            self.on_delete,
            self.on_update
        ))
    }

    /// Counts the rows that refer to nothing.
    fn render_count(&self) -> Result<String, AdbpgError> {
        let pairs: Result<Vec<String>, AdbpgError> = self
            .columns
            .iter()
            .zip(&self.referenced_columns)
            .map(|(own, there)| Ok(format!("r.{} = t.{}", Ident::new(there)?, Ident::new(own)?)))
            .collect();
        Ok(format!(
            "SELECT count(*) FROM {} AS t LEFT JOIN {} AS r ON {} WHERE r.{} IS NULL AND ({}) IS NOT NULL",
            QualifiedName::new(&self.table)?,
            QualifiedName::new(&self.referenced)?,
            pairs?.join(" AND "),
            self.referenced_columns.first().map_or_else(|| Ident::new(""), |first| Ident::new(first))?,
            names(&self.columns, "t.")?
        ))
    }
}

fn names(columns: &[Arc<str>], before: &str) -> Result<String, AdbpgError> {
    let names: Result<Vec<String>, AdbpgError> =
        columns.iter().map(|name| Ok(format!("{before}{}", Ident::new(name)?))).collect();
    Ok(names?.join(", "))
}

impl Connection {
    /// Whether the table has a foreign key of that name.
    pub async fn has_foreign_key(&self, key: &ForeignKey) -> Result<bool, AdbpgError> {
        let sql = format!(
            "SELECT 1 FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid \
             JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             WHERE k.contype = 'f' AND n.nspname = {} AND c.relname = {} AND k.conname = {}",
            literal(&key.table.database)?,
            literal(&key.table.table)?,
            literal(key.constraint()?.name())?
        );
        Ok(!rows(&self.client, "look for a foreign key", &sql).await?.is_empty())
    }

    /// Makes a foreign key, after the server has looked at every row.
    pub async fn add_foreign_key(&mut self, key: &ForeignKey) -> Result<Constrained, AdbpgError> {
        let action = format!("make foreign key \"{}\" of \"{}\"", key.name, key.table);
        match self.alter(&action, &key.render()?).await {
            Ok(()) => Ok(Constrained::Made),
            Err(AdbpgError::Server { state, .. }) if state == "23503" => {
                let found = rows(&self.client, "count the rows that refer to nothing", &key.render_count()?).await?;
                let first = found.first().ok_or(AdbpgError::State("count"))?;
                Ok(Constrained::Violated { rows: number(first, 0, "count")? })
            }
            Err(error) => refusal(error),
        }
    }

    /// Whether a session that applies the task lives, and keeps a task that runs in one process from being started while
    /// this session lives.
    pub async fn is_written_by(&self, task_name: &str, task_id: &str) -> Result<bool, AdbpgError> {
        let sql = format!(
            "SELECT 1 FROM millrace.owner o JOIN pg_stat_activity a ON a.pid::text = o.pid::text \
             AND a.backend_start::text = o.backend_start WHERE o.task_id = {} LIMIT 1",
            literal(task_id)?
        );
        let has_owner = !rows(&self.client, "look for sessions that write", &sql).await?.is_empty();
        Ok(has_owner || !self.try_lock_task(task_name).await?)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn names_and_actions_are_those_of_the_source() {
        let key = ForeignKey {
            name: "to \"part".to_owned(),
            table: TableName::new("shop", "uses"),
            columns: vec!["a".into(), "B".into()],
            referenced: TableName::new("shop", "parts"),
            referenced_columns: vec!["x".into(), "y\"".into()],
            on_delete: ReferenceAction::SetNull,
            on_update: ReferenceAction::Restrict,
        };
        let sql = key.render().unwrap();
        assert!(sql.starts_with("ALTER TABLE \"shop\".\"uses\" ADD CONSTRAINT \"uses_to \"\"part_"), "{sql}");
        let rest = "FOREIGN KEY (\"a\", \"B\") REFERENCES \"shop\".\"parts\" (\"x\", \"y\"\"\") ON DELETE SET NULL ON UPDATE RESTRICT";
        assert!(sql.ends_with(rest), "{sql}");
        let actions = [ReferenceAction::Cascade, ReferenceAction::SetDefault].map(|action| action.to_string());
        assert_eq!(actions, ["CASCADE", "SET DEFAULT"]);
    }
}
