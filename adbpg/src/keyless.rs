//! Tables without a key: rows are told apart by all their cells, and equal rows are counted.
//!
//! To delete n of m equal rows, any n of them are picked by what names a row physically; which ones makes no difference.
//! Cells are compared exactly: floats by their bits (0.0 and -0.0 are different rows of the source), json by its text,
//! because json has no equality.

use bytes::BytesMut;
use millrace_model::{Cell, PgType, Row, TableSchema};
use tokio_postgres::types::{ToSql, Type};

use crate::dialect::RowIdentity;
use crate::encode::{Place, cell_error, put_cell};
use crate::error::AdbpgError;
use crate::ident::{Ident, QualifiedName};
use crate::parameter::{TextParameter, scalar_type};

/// Deletes as many rows as the last parameter says of those equal to the parameters before it.
pub(crate) fn render_delete_equal(schema: &TableSchema<PgType>, identity: RowIdentity) -> Result<String, AdbpgError> {
    let table = QualifiedName::new(&schema.name)?;
    let equal: Result<Vec<String>, AdbpgError> = schema
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| Ok(render_equal(&format!("t.{}", Ident::new(&column.name)?), place + 1, &column.ty)))
        .collect();
    let (equal, limit) = (equal?.join(" AND "), schema.columns.len() + 1);
    Ok(match identity {
        RowIdentity::Ctid => format!(
            "DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT t.ctid FROM {table} AS t WHERE {equal} LIMIT ${limit}))"
        ),
        RowIdentity::SegmentAndCtid => format!(
            "DELETE FROM {table} AS d USING (SELECT t.gp_segment_id AS segment, t.ctid AS place FROM {table} AS t \
             WHERE {equal} LIMIT ${limit}) AS chosen WHERE d.gp_segment_id = chosen.segment AND d.ctid = chosen.place"
        ),
    })
}

fn render_equal(column: &str, parameter: usize, ty: &PgType) -> String {
    match ty {
        PgType::Real => {
            format!("pg_catalog.float4send({column}) IS NOT DISTINCT FROM pg_catalog.float4send(${parameter})")
        }
        PgType::Double => {
            format!("pg_catalog.float8send({column}) IS NOT DISTINCT FROM pg_catalog.float8send(${parameter})")
        }
        PgType::RealArray => {
            format!("pg_catalog.array_send({column}) IS NOT DISTINCT FROM pg_catalog.array_send(${parameter})")
        }
        PgType::Json | PgType::Jsonb => format!("{column}::text IS NOT DISTINCT FROM ${parameter}::text"),
        _ => format!("{column} IS NOT DISTINCT FROM ${parameter}"),
    }
}

/// The parameters of [`render_delete_equal`] for `count` rows equal to `row`.
pub(crate) fn parameters(
    schema: &TableSchema<PgType>,
    row: &Row,
    count: u64,
) -> Result<Vec<(TextParameter, Type)>, AdbpgError> {
    let mut parameters = Vec::with_capacity(schema.columns.len() + 1);
    let mut buffer = BytesMut::new();
    for (column, cell) in schema.columns.iter().zip(row.cells()) {
        let text = match cell {
            Cell::Null => None,
            cell => {
                put_cell(&mut buffer, &column.ty, cell, Place::Alone)
                    .map_err(|problem| cell_error(&schema.name, column, problem))?;
                Some(buffer.split().freeze())
            }
        };
        parameters.push((TextParameter(text), scalar_type(&column.ty)));
    }
    parameters.push((TextParameter(Some(count.to_string().into())), Type::INT8));
    Ok(parameters)
}

/// What the driver takes.
pub(crate) fn borrowed(parameters: &[(TextParameter, Type)]) -> Vec<(&(dyn ToSql + Sync), Type)> {
    parameters.iter().map(|(text, ty)| (text as &(dyn ToSql + Sync), ty.clone())).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use millrace_model::TableName;
    use millrace_model::schema::{Column, Nullability, Route};

    use super::*;

    #[test]
    fn picks_rows_by_segment_and_place_on_a_cluster() {
        let column = |name: &str, ty| Column {
            name: name.into(),
            ty,
            nullability: Nullability::Nullable,
            default: None,
            comment: String::new(),
            collation: "".into(),
        };
        let schema = TableSchema {
            table_id: 1,
            name: TableName::new("s", "t"),
            columns: vec![column("a", PgType::Integer), column("j", PgType::Json)],
            primary_key: vec![],
            key: vec![],
            indexes: vec![],
            comment: String::new(),
            route: Route::Table,
            placement: Default::default(),
        };
        assert_eq!(
            render_delete_equal(&schema, RowIdentity::SegmentAndCtid).unwrap(),
            "DELETE FROM \"s\".\"t\" AS d USING (SELECT t.gp_segment_id AS segment, t.ctid AS place FROM \"s\".\"t\" AS t \
             WHERE t.\"a\" IS NOT DISTINCT FROM $1 AND t.\"j\"::text IS NOT DISTINCT FROM $2::text LIMIT $3) AS chosen \
             WHERE d.gp_segment_id = chosen.segment AND d.ctid = chosen.place"
        );
    }
}
