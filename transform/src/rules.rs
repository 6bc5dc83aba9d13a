//! Whether what the task file says of a table's columns still means the same after a change of the table.

use millrace_model::{MysqlType, TableSchema};
use millrace_task::{ObjectRule, OnTypeChange};

use crate::error::TransformError;
use crate::table::{ensure_columns_are_there, filter_of};

/// Stops where a rule would lose its column, or where the rows that are in the destination would no longer be those that the
/// rules let through.
pub(crate) fn ensure_rules_hold(
    before: &TableSchema<MysqlType>,
    old_rule: &ObjectRule,
    after: &TableSchema<MysqlType>,
    rule: &ObjectRule,
    origins: &[Option<usize>],
) -> Result<(), TransformError> {
    let lost = |column: &str, key| {
        let (table, column) = (before.name.clone(), column.to_owned());
        TransformError::RuleLost { table, column, key }
    };
    ensure_filter_holds(before, old_rule, after, rule, origins)?;
    if let Err(TransformError::NoSuchColumn { column, key, .. }) = ensure_columns_are_there(after, rule) {
        return Err(lost(&column, key));
    }
    let renamed =
        origins.iter().zip(&after.columns).filter_map(|(origin, new)| Some((&before.columns[(*origin)?], new)));
    for (old, new) in renamed {
        if old_rule.excludes_column(&old.name) && !rule.excludes_column(&new.name) {
            return Err(lost(&old.name, "columns.exclude"));
        }
        if old_rule.column_type(&old.name).is_some() && rule.column_type(&new.name).is_none() {
            return Err(lost(&old.name, "columns.type"));
        }
    }
    Ok(())
}

/// Stops at a change of a column's type, where the task says so.
pub(crate) fn ensure_types_may_change(
    before: &TableSchema<MysqlType>,
    after: &TableSchema<MysqlType>,
    rule: &ObjectRule,
    origins: &[Option<usize>],
) -> Result<(), TransformError> {
    if rule.on_type_change() == OnTypeChange::Migrate {
        return Ok(());
    }
    let continued =
        origins.iter().zip(&after.columns).filter_map(|(origin, new)| Some((&before.columns[(*origin)?], new)));
    let mut moving = continued.filter(|(_, new)| !rule.excludes_column(&new.name));
    match moving.find(|(old, new)| old.ty != new.ty) {
        None => Ok(()),
        Some((old, new)) => Err(TransformError::TypeChange {
            table: after.name.clone(),
            column: new.name.to_string(),
            from: old.ty.name(),
            to: new.ty.name(),
        }),
    }
}

/// The condition is judged by the same values before and after: by the same columns, whose values the change keeps.
fn ensure_filter_holds(
    before: &TableSchema<MysqlType>,
    old_rule: &ObjectRule,
    after: &TableSchema<MysqlType>,
    rule: &ObjectRule,
    origins: &[Option<usize>],
) -> Result<(), TransformError> {
    let lost = |column: &str| {
        let (table, column) = (before.name.clone(), column.to_owned());
        TransformError::RuleLost { table, column, key: "where" }
    };
    let Some(old) = filter_of(before, old_rule)? else { return Ok(()) };
    for &place in old.columns() {
        let column = &before.columns[place];
        let goes_on = origins.iter().position(|origin| *origin == Some(place)).map(|new| &after.columns[new]);
        let same_name =
            |new: &&millrace_model::Column<MysqlType>| new.name.to_lowercase() == column.name.to_lowercase();
        let Some(new) = goes_on.filter(same_name) else { return Err(lost(&column.name)) };
        if column.collation != new.collation || !keeps_values(&column.ty, &new.ty) {
            return Err(lost(&column.name));
        }
    }
    filter_of(after, rule)?;
    Ok(())
}

fn keeps_values(from: &MysqlType, to: &MysqlType) -> bool {
    let is_integer = |ty: &MysqlType| {
        matches!(
            ty,
            MysqlType::TinyInt(_)
                | MysqlType::SmallInt(_)
                | MysqlType::MediumInt(_)
                | MysqlType::Int(_)
                | MysqlType::BigInt(_)
        )
    };
    let is_text =
        |ty: &MysqlType| matches!(ty, MysqlType::Char { .. } | MysqlType::Varchar { .. } | MysqlType::Text { .. });
    match (from, to) {
        (MysqlType::Decimal { scale: old, .. }, MysqlType::Decimal { scale, .. }) => scale >= old,
        (MysqlType::DateTime(old), MysqlType::DateTime(new))
        | (MysqlType::Timestamp(old), MysqlType::Timestamp(new)) => new >= old,
        (MysqlType::Enum(_), MysqlType::Enum(_)) | (MysqlType::Set(_), MysqlType::Set(_)) => true,
        (from, to) => from == to || is_integer(from) && is_integer(to) || is_text(from) && is_text(to),
    }
}
