//! Keys as arrays, one for each column of the key, and the statements that take them.
//!
//! One parameter for each key column, however many keys: no limit of 65,535 parameters, one plan, and on Greenplum an
//! index scan (a join with a staging table would scan the whole destination there). The arrays are typed parameters, so
//! the planner sees how many keys there are.

use bytes::{BufMut, BytesMut};
use millrace_model::{Cell, Column, PgType, Row, TableSchema};
use tokio_postgres::types::{ToSql, Type};

use crate::encode::{CellProblem, Place, cell_error, put_cell};
use crate::error::AdbpgError;
use crate::ident::{Ident, QualifiedName};
use crate::parameter::{TextParameter, array_type};

/// Keys handed to the server at a time.
pub(crate) const KEYS_A_STATEMENT: usize = 10_000;

/// The arrays of some keys, ready to be parameters.
#[derive(Debug)]
pub(crate) struct KeyArrays {
    parameters: Vec<(TextParameter, Type)>,
}

impl KeyArrays {
    /// What the driver takes.
    pub(crate) fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.parameters.iter().map(|(text, ty)| (text as &(dyn ToSql + Sync), ty.clone())).collect()
    }
}

/// The columns of the replication key, in key order.
pub(crate) fn key_columns(schema: &TableSchema<PgType>) -> Result<Vec<&Column<PgType>>, AdbpgError> {
    let missing = || AdbpgError::Definition {
        table: schema.name.to_string(),
        problem: "its key names a column that it does not have".to_owned(),
    };
    schema.key.iter().map(|&place| schema.columns.get(place).ok_or_else(missing)).collect()
}

/// The arrays of `keys` (rows of the key's cells in key order), some thousands at a time.
pub(crate) fn key_arrays(schema: &TableSchema<PgType>, keys: &[Row]) -> Result<Vec<KeyArrays>, AdbpgError> {
    let columns = key_columns(schema)?;
    keys.chunks(KEYS_A_STATEMENT).map(|keys| arrays_of(schema, &columns, keys)).collect()
}

fn arrays_of(schema: &TableSchema<PgType>, columns: &[&Column<PgType>], keys: &[Row]) -> Result<KeyArrays, AdbpgError> {
    let mut arrays: Vec<BytesMut> = columns.iter().map(|_| BytesMut::from(&b"{"[..])).collect();
    for (index, key) in keys.iter().enumerate() {
        let mut cells = key.cells();
        for (column, array) in columns.iter().zip(&mut arrays) {
            if index > 0 {
                array.put_u8(b',');
            }
            put_key_cell(array, column, cells.next()).map_err(|problem| cell_error(&schema.name, column, problem))?;
        }
    }
    let parameter = |(column, mut array): (&&Column<PgType>, BytesMut)| {
        array.put_u8(b'}');
        let ty = array_type(&column.ty)
            .ok_or_else(|| cell_error(&schema.name, column, CellProblem("its type cannot be part of a key")))?;
        Ok((TextParameter(Some(array.freeze())), ty))
    };
    Ok(KeyArrays { parameters: columns.iter().zip(arrays).map(parameter).collect::<Result<_, AdbpgError>>()? })
}

fn put_key_cell(array: &mut BytesMut, column: &Column<PgType>, cell: Option<Cell<'_>>) -> Result<(), CellProblem> {
    match cell {
        None => Err(CellProblem("the key ends before it")),
        Some(Cell::Null) => Err(CellProblem("a key holds NULL")),
        Some(cell) => put_cell(array, &column.ty, cell, Place::Array),
    }
}

/// Deletes the rows with the keys of the parameters.
pub(crate) fn render_delete(schema: &TableSchema<PgType>) -> Result<String, AdbpgError> {
    let table = QualifiedName::new(&schema.name)?;
    let names = key_names(schema)?;
    if let [only] = &names[..] {
        return Ok(format!("DELETE FROM {table} AS t WHERE t.{only} = ANY($1)"));
    }
    let (unnest, matches) = render_unnest(&names);
    Ok(format!("DELETE FROM {table} AS t USING {unnest} WHERE {matches}"))
}

/// Asks which of the keys of the parameters are there: their places in the arrays, from 1.
pub(crate) fn render_present(schema: &TableSchema<PgType>) -> Result<String, AdbpgError> {
    let table = QualifiedName::new(&schema.name)?;
    let names = key_names(schema)?;
    let arrays: Vec<String> = (1..=names.len()).map(|place| format!("${place}")).collect();
    let aliases: Vec<String> = (1..=names.len()).map(|place| format!("k{place}")).collect();
    let matches: Vec<String> =
        names.iter().zip(&aliases).map(|(name, alias)| format!("t.{name} = k.{alias}")).collect();
    Ok(format!(
        "SELECT k.place FROM unnest({}) WITH ORDINALITY AS k({}, place) JOIN {table} AS t ON {}",
        arrays.join(", "),
        aliases.join(", "),
        matches.join(" AND ")
    ))
}

fn key_names(schema: &TableSchema<PgType>) -> Result<Vec<Ident>, AdbpgError> {
    key_columns(schema)?.iter().map(|column| Ident::new(&column.name)).collect()
}

fn render_unnest(names: &[Ident]) -> (String, String) {
    let arrays: Vec<String> = (1..=names.len()).map(|place| format!("${place}")).collect();
    let aliases: Vec<String> = (1..=names.len()).map(|place| format!("k{place}")).collect();
    let matches: Vec<String> =
        names.iter().zip(&aliases).map(|(name, alias)| format!("t.{name} = k.{alias}")).collect();
    (format!("unnest({}) AS k({})", arrays.join(", "), aliases.join(", ")), matches.join(" AND "))
}
