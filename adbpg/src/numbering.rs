//! Columns that number their rows, made to do so in the destination: what cut-over does of AUTO_INCREMENT.
//!
//! While a task runs such a column is a plain one, because every number comes from the source. Afterwards the destination
//! gives them: by an identity, or by a sequence and a default where there is no identity (PostgreSQL before 10, which is
//! in Greenplum 6) or the column cannot be one (it must have an integer type and be NOT NULL; manual, 5.3 "Identity
//! Columns").
//!
//! Why no number is given twice: the next number is above everything that is in the column and not below what the source
//! would give, and both are looked at in the transaction that changes the column, under a lock of the table that nobody
//! can write beside. Why it can be done again: a column whose next number is high enough already is left as it is, and
//! another is only ever moved forward.

use std::sync::Arc;

use millrace_model::TableName;
use tokio_postgres::Client;

use crate::commit::{CommitOutcome, commit};
use crate::connect::{Connection, rows};
use crate::dialect::Dialect;
use crate::error::AdbpgError;
use crate::ident::{Ident, QualifiedName, literal};
use crate::indexes::index_name;
use crate::state::{number, text};

/// A column that numbers its rows in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedColumn {
    /// Its table in the destination.
    pub table: TableName,
    /// Its name there.
    pub column: Arc<str>,
    /// The number that the source would give next.
    pub next_in_source: u64,
}

/// What is to be done for a column, or was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Numbering {
    /// Nothing: the destination gives this number next, which is high enough.
    Ready {
        /// The number.
        next: i64,
    },
    /// These statements, in one transaction.
    Needed {
        /// The number that the destination gives next after them.
        next: i64,
        /// In order.
        statements: Vec<String>,
    },
    /// Somebody must decide.
    Impossible {
        /// Why.
        why: String,
    },
}

/// A column as it is in the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    /// Its type without precision, such as `numeric`.
    ty: String,
    presence: Presence,
    filling: Filling,
    /// The greatest value in it; none where there is none.
    greatest: Option<String>,
}

/// Whether it is declared NOT NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Always,
    Optional,
}

/// What a row gets that names no value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Filling {
    /// Nothing.
    Plain,
    /// The next number of this sequence, as identity or by default.
    Sequence { name: QualifiedName, next: i64 },
    /// A default of another kind.
    Default,
}

impl Connection {
    /// What is to be done for a column; changes nothing.
    pub async fn plan_numbering(&self, column: &NumberedColumn) -> Result<Numbering, AdbpgError> {
        match look_at(&self.client, column).await? {
            Some(found) => decide(&self.dialect, column, &found),
            None => Ok(missing()),
        }
    }

    /// Has the destination number the rows of a column, in a transaction of its own. `Needed` says what was done.
    pub async fn execute_numbering(&mut self, column: &NumberedColumn) -> Result<Numbering, AdbpgError> {
        let planned = self.plan_numbering(column).await?;
        if !matches!(planned, Numbering::Needed { .. }) {
            return Ok(planned);
        }
        let action = format!("have \"{}\" number its rows", column.table);
        let failed = |error: tokio_postgres::Error| AdbpgError::of(action.as_str(), &error);
        let transaction = self.client.transaction().await.map_err(failed)?;
        let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", QualifiedName::new(&column.table)?);
        transaction.batch_execute(&lock).await.map_err(failed)?;
        let numbering = match look_at(transaction.client(), column).await? {
            Some(found) => decide(&self.dialect, column, &found)?,
            None => missing(),
        };
        if let Numbering::Needed { statements, .. } = &numbering {
            for statement in statements {
                transaction.batch_execute(statement).await.map_err(failed)?;
            }
        }
        match commit(transaction, &mut self.usability).await? {
            CommitOutcome::Committed => Ok(numbering),
            CommitOutcome::Unknown(error) => Err(error),
        }
    }
}

fn missing() -> Numbering {
    Numbering::Impossible { why: "the destination does not have it".to_owned() }
}

/// The column as it is; none where it is not there.
async fn look_at(client: &Client, column: &NumberedColumn) -> Result<Option<Found>, AdbpgError> {
    let action = format!("look at column \"{}\" of \"{}\"", column.column, column.table);
    let found = rows(client, &action, &render_look(column)?).await?;
    let Some(first) = found.first() else { return Ok(None) };
    let filling = match (first.get(2), first.get(3), first.get(4)) {
        (None, None, _) => Filling::Plain,
        // An identity has no default, and one of the kind of serial is nothing but the sequence's next number.
        (default, Some(schema), Some(sequence)) if found.len() == 1 && default.is_none_or(is_next_number) => {
            let name = QualifiedName { schema: Ident::new(schema)?, table: Ident::new(sequence)? };
            let next = next_of(client, &action, &name).await?;
            Filling::Sequence { name, next }
        }
        _ => Filling::Default,
    };
    let presence = if first.get(1) == Some("t") { Presence::Always } else { Presence::Optional };
    let ty = text(first, 0, "pg_type.typname")?;
    let greatest = match greatest_number(&ty) {
        Some(_) => greatest_of(client, &action, column).await?,
        None => None,
    };
    Ok(Some(Found { ty, presence, filling, greatest }))
}

/// Type, NOT NULL and default of a column, and the sequence that is its identity's or that its default names.
fn render_look(column: &NumberedColumn) -> Result<String, AdbpgError> {
    Ok(format!(
        "SELECT format_type(a.atttypid, NULL), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), sn.nspname, s.relname \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum \
         LEFT JOIN pg_catalog.pg_class AS s ON s.relkind = 'S' AND EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS p WHERE \
         (p.deptype = 'i' AND p.classid = 'pg_class'::regclass AND p.objid = s.oid AND p.refclassid = 'pg_class'::regclass \
         AND p.refobjid = c.oid AND p.refobjsubid = a.attnum) OR (p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid \
         AND p.refclassid = 'pg_class'::regclass AND p.refobjid = s.oid)) \
         LEFT JOIN pg_catalog.pg_namespace AS sn ON sn.oid = s.relnamespace \
         WHERE c.relkind IN ('r', 'p') AND n.nspname = {} AND c.relname = {} AND a.attname = {}",
        literal(&column.table.database)?,
        literal(&column.table.table)?,
        literal(&column.column)?
    ))
}

/// The greatest value of the column, as text.
async fn greatest_of(client: &Client, action: &str, column: &NumberedColumn) -> Result<Option<String>, AdbpgError> {
    let table = QualifiedName::new(&column.table)?;
    let sql = format!("SELECT max({})::text FROM {table}", Ident::new(&column.column)?);
    let found = rows(client, action, &sql).await?;
    Ok(found.first().and_then(|row| row.get(0)).map(str::to_owned))
}

fn is_next_number(default: &str) -> bool {
    default.starts_with("nextval('") && default.ends_with("'::regclass)")
}

/// The number that a sequence gives next. One with greater steps would give a later one, which is as good.
async fn next_of(client: &Client, action: &str, sequence: &QualifiedName) -> Result<i64, AdbpgError> {
    let found = rows(client, action, &format!("SELECT last_value, is_called FROM {sequence}")).await?;
    let first = found.first().ok_or(AdbpgError::State("sequence"))?;
    let last: i64 = number(first, 0, "sequence.last_value")?;
    Ok(if first.get(1) == Some("t") { last.saturating_add(1) } else { last })
}

/// What is to be done for a column that is so in the destination. Pure.
fn decide(dialect: &Dialect, column: &NumberedColumn, found: &Found) -> Result<Numbering, AdbpgError> {
    let impossible = |why: String| Ok(Numbering::Impossible { why });
    let Some(limit) = greatest_number(&found.ty) else {
        return impossible(format!("type {} has no next number", found.ty));
    };
    if found.filling == Filling::Default {
        return impossible("it has a default of its own in the destination".to_owned());
    }
    let greatest = found.greatest.as_deref().map(whole_part);
    if let Some(None) = greatest {
        return impossible("its greatest value is no number that can be counted on from".to_owned());
    }
    let above = greatest.flatten().map_or(1, |greatest| greatest.saturating_add(1));
    let least = above.max(i128::from(column.next_in_source)).max(1);
    let Some(least) = i64::try_from(least).ok().filter(|least| *least <= limit) else {
        return impossible(format!("the next number, {least}, is more than type {} or a sequence has", found.ty));
    };
    match &found.filling {
        Filling::Sequence { next, .. } if *next >= least => Ok(Numbering::Ready { next: *next }),
        filling => Ok(Numbering::Needed { next: least, statements: render(dialect, column, found, filling, least)? }),
    }
}

/// The greatest number that a type has and a sequence gives; none for a type that does not count.
fn greatest_number(ty: &str) -> Option<i64> {
    match ty {
        "smallint" => Some(i64::from(i16::MAX)),
        "integer" => Some(i64::from(i32::MAX)),
        "bigint" | "numeric" | "real" | "double precision" => Some(i64::MAX),
        _ => None,
    }
}

fn render(
    dialect: &Dialect,
    column: &NumberedColumn,
    found: &Found,
    filling: &Filling,
    next: i64,
) -> Result<Vec<String>, AdbpgError> {
    if let Filling::Sequence { name, .. } = filling {
        return Ok(vec![format!("ALTER SEQUENCE {name} RESTART WITH {next}")]);
    }
    let (table, name) = (QualifiedName::new(&column.table)?, Ident::new(&column.column)?);
    let is_integer = matches!(found.ty.as_str(), "smallint" | "integer" | "bigint");
    if dialect.has_identity_columns() && is_integer && found.presence == Presence::Always {
        let identity = format!("ADD GENERATED BY DEFAULT AS IDENTITY (START WITH {next})");
        return Ok(vec![format!("ALTER TABLE {table} ALTER COLUMN {name} {identity}")]);
    }
    let sequence = QualifiedName {
        schema: table.schema.clone(),
        table: index_name(&column.table.table, &format!("{}_seq", column.column))?,
    };
    let default = format!("nextval({}::regclass)", literal(&sequence.to_string())?);
    Ok(vec![
        format!("CREATE SEQUENCE {sequence} START WITH {next} OWNED BY {table}.{name}"),
        format!("ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT {default}"),
    ])
}

/// The whole part of a number as PostgreSQL prints it; none for what is no number of a finite size.
fn whole_part(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if let (Ok(whole), true) = (whole.parse::<i128>(), fraction.bytes().all(|byte| byte.is_ascii_digit())) {
        return Some(whole);
    }
    let value: f64 = text.parse().ok()?;
    value.is_finite().then(|| value.trunc() as i128)
}

#[cfg(test)]
#[path = "numbering/tests.rs"]
mod tests;
