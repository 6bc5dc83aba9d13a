//! Columns that go, are renamed, come, and change.

use millrace_model::schema::Nullability;
use millrace_model::{Column, PgType};

use super::rename::in_order;
use super::uncastable::Casts;
use super::{Difference, no_cast};
use crate::cast::{TypeChange, type_change};
use crate::ddl::{LeftOut, column_default};
use crate::error::AdbpgError;
use crate::ident::{Ident, QualifiedName};

/// Whether the table has rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    There,
    /// It is a new one, which will be filled.
    None,
}

/// The statements, in an order in which no name is taken twice.
pub(super) fn render(
    difference: &Difference<'_>,
    table: &QualifiedName,
    rows: Rows,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<String>, AdbpgError> {
    let alter = |action: String| format!("ALTER TABLE {table} {action}");
    let mut statements = Vec::new();
    for column in difference.dropped() {
        statements.push(alter(format!("DROP COLUMN {}", Ident::new(&column.name)?)));
    }
    let mut renamed = Vec::new();
    for (old, new) in difference.continued().filter(|(old, new)| old.name != new.name) {
        renamed.push((Ident::new(&old.name)?, Ident::new(&new.name)?));
    }
    for (old, new) in in_order(renamed)? {
        statements.push(alter(format!("RENAME COLUMN {old} TO {new}")));
    }
    for (old, new) in difference.continued() {
        statements.extend(changed(difference, (table, rows), (old, new), left_out)?);
    }
    for column in difference.added() {
        statements.extend(added(difference, column, left_out)?.into_iter().map(alter));
    }
    Ok(statements)
}

/// The statements that make the old column the new one, under its new name.
fn changed(
    difference: &Difference<'_>,
    (table, rows): (&QualifiedName, Rows),
    (old, new): (&Column<PgType>, &Column<PgType>),
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<String>, AdbpgError> {
    let name = Ident::new(&new.name)?;
    let alter = |action: String| format!("ALTER TABLE {table} {action}");
    let mut statements = Vec::new();
    let change = type_change(&old.ty, &new.ty).ok_or_else(|| no_cast(difference, old, new))?;
    if old.nullability != new.nullability && new.nullability == Nullability::Nullable {
        statements.push(alter(format!("ALTER COLUMN {name} DROP NOT NULL")));
    }
    let is_retyped = change != TypeChange::Same;
    let new_default = column_default(difference.after, new, left_out)?;
    let is_redefined = old.default != new.default || is_retyped;
    // A default of the old type may have no cast to the new one.
    if is_redefined && old.default.is_some() && (is_retyped || new_default.is_none()) {
        statements.push(alter(format!("ALTER COLUMN {name} DROP DEFAULT")));
    }
    if is_retyped {
        let value = change.expression(&name.to_string());
        let statement = alter(format!("ALTER COLUMN {name} TYPE {} USING {value}", new.ty));
        statements.push(match (change, rows) {
            (TypeChange::Cast(_), Rows::There) => {
                let key = difference.before.key.iter().map(|&place| difference.name_now(place)).collect();
                let columns = vec![(&*new.name, old, new)];
                Casts { difference, table, key, columns }.render_or_name_keys(&statement)?
            }
            _ => statement,
        });
    }
    if let Some(default) = new_default.filter(|_| is_redefined) {
        statements.push(alter(format!("ALTER COLUMN {name} SET DEFAULT {default}")));
    }
    if old.nullability != new.nullability && new.nullability == Nullability::NotNull {
        statements.push(alter(format!("ALTER COLUMN {name} SET NOT NULL")));
    }
    Ok(statements)
}

/// The actions that make a new column. The rows that are there get its default, as in MySQL; without one, and NOT NULL,
/// the value that MySQL gives by itself (manual, 13.6 "Data Type Default Values").
fn added(
    difference: &Difference<'_>,
    column: &Column<PgType>,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<String>, AdbpgError> {
    let name = Ident::new(&column.name)?;
    let default = column_default(difference.after, column, left_out)?;
    let mut definition = format!("ADD COLUMN {name} {}", column.ty);
    if let Some(start) = start_of(column, default.as_deref()) {
        definition.push_str(&format!(" DEFAULT {start}"));
    }
    let is_not_null = column.nullability == Nullability::NotNull;
    if is_not_null {
        definition.push_str(" NOT NULL");
    }
    let mut actions = vec![definition];
    if is_not_null && default.is_none() {
        actions.push(format!("ALTER COLUMN {name} DROP DEFAULT"));
    }
    Ok(actions)
}

/// What the rows that are there have in a new column with this default; none for NULL.
pub(super) fn start_of(column: &Column<PgType>, default: Option<&str>) -> Option<String> {
    match (default, column.nullability) {
        (Some(default), _) => Some(default.to_owned()),
        (None, Nullability::NotNull) => Some(zero_of(&column.ty)),
        (None, Nullability::Nullable) => None,
    }
}

fn zero_of(ty: &PgType) -> String {
    let text = match ty {
        PgType::SmallInt
        | PgType::Integer
        | PgType::BigInt
        | PgType::Numeric { .. }
        | PgType::Real
        | PgType::Double => "0",
        PgType::Bit(n) => return format!("repeat('0', {n})::bit({n})"),
        PgType::Boolean => "f",
        PgType::Date | PgType::Timestamp(_) => "1970-01-01",
        PgType::TimestampTz(_) => "1970-01-01 00:00:00+00",
        PgType::Time(_) | PgType::Interval(_) => "00:00:00",
        PgType::Varchar(_) | PgType::Char(_) | PgType::Text | PgType::Bytea => "",
        PgType::Json | PgType::Jsonb => "null",
        PgType::RealArray => "{}",
        PgType::Uuid => "00000000-0000-0000-0000-000000000000",
        PgType::Inet => "0.0.0.0",
    };
    format!("'{text}'::{ty}")
}
