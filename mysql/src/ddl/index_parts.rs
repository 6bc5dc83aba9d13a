//! Parts and names of the indexes that a CREATE TABLE writes, as the server completes them.

use millrace_model::{Column, MysqlType, TableName};

use super::DdlError;
use crate::keys::{IndexDefinition, IndexPart};
use crate::schema::place_of;

/// The part that a written one is; an error where its column is not there.
pub(super) fn resolve_part(
    table: &TableName,
    columns: &[Column<MysqlType>],
    (name, length): &(Option<String>, Option<u32>),
) -> Result<IndexPart, DdlError> {
    let Some(name) = name else { return Ok(IndexPart::Expression) };
    let place = place_of(columns, name)
        .ok_or_else(|| DdlError::NotUnderstood { what: format!("column \"{name}\" of an index of \"{table}\"") })?;
    let whole = match (&columns[place].ty, length) {
        (_, None) => true,
        (MysqlType::Char { length: all, .. } | MysqlType::Varchar { length: all, .. }, Some(part)) => part >= all,
        (MysqlType::Binary(all) | MysqlType::Varbinary(all), Some(part)) => part >= all,
        _ => false,
    };
    Ok(if whole { IndexPart::Column(place) } else { IndexPart::Prefix(place) })
}

/// The name that the server gives an index without one.
pub(super) fn free_name(columns: &[Column<MysqlType>], parts: &[IndexPart], taken: &[IndexDefinition]) -> String {
    let base = match parts.first() {
        Some(IndexPart::Column(place) | IndexPart::Prefix(place)) => columns[*place].name.to_string(),
        _ => "functional_index".to_owned(),
    };
    let free = |name: &str| {
        !name.eq_ignore_ascii_case("PRIMARY") && taken.iter().all(|index| !index.name.eq_ignore_ascii_case(name))
    };
    if free(&base) {
        return base;
    }
    (2u32..).map(|n| format!("{base}_{n}")).find(|name| free(name)).unwrap_or(base)
}
