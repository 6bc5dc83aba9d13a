//! Rows that a change of type cannot keep: named by their keys, and never by another value.
//!
//! The change is tried as it is. Only where the server refuses a value is every row tried by itself, to find the first ones;
//! the error that follows has a SQLSTATE of ours and undoes everything.

use millrace_model::{Column, PgType};

use super::Difference;
use crate::cast::type_change;
use crate::error::AdbpgError;
use crate::ident::{Ident, QualifiedName, literal};

/// SQLSTATE of the error.
pub(crate) const STATE: &str = "MR001";

/// Rows that are named.
const NAMED: u32 = 5;

/// The statement; where it finds a value that cannot be cast, it fails with the keys of the first such rows.
pub(super) fn render_or_name_keys(
    difference: &Difference<'_>,
    table: &QualifiedName,
    (old, new): (&Column<PgType>, &Column<PgType>),
    statement: &str,
) -> Result<String, AdbpgError> {
    let names: Result<Vec<String>, AdbpgError> =
        difference.before.key.iter().map(|&place| Ok(Ident::new(difference.name_now(place))?.to_string())).collect();
    let names = names?.join(", ");
    let column = Ident::new(&new.name)?;
    let what =
        format!("column \"{}\" of \"{}\" cannot go from {} to {}", new.name, difference.before.name, old.ty, new.ty);
    let cast = type_change(&old.ty, &new.ty).map(|change| change.expression("cell")).unwrap_or_default();
    let body = format!(
        "DECLARE kept {}; BEGIN kept := {cast}; RETURN true; EXCEPTION WHEN data_exception THEN RETURN false; END",
        new.ty
    );
    let function = format!(
        "CREATE FUNCTION pg_temp.millrace_fits(cell {}) RETURNS boolean LANGUAGE plpgsql AS {}",
        old.ty,
        literal(&body)?
    );
    let found = match names.is_empty() {
        true => "SELECT 'it has none'".to_owned(),
        false => format!(
            "SELECT string_agg(key, ', ') FROM (SELECT ROW({names})::text AS key FROM {table} \
             WHERE NOT pg_temp.millrace_fits({column}) ORDER BY {names} LIMIT {NAMED}) AS rows"
        ),
    };
    let block = format!(
        "DECLARE found text; BEGIN {statement}; EXCEPTION WHEN data_exception THEN EXECUTE {}; EXECUTE {} INTO found; \
         RAISE EXCEPTION USING ERRCODE = '{STATE}', MESSAGE = {} || coalesce(found, '?'); END",
        literal(&function)?,
        literal(&found)?,
        literal(&format!("{what}: its value does not fit in the rows with the key ({}) ", names.replace('"', "")))?,
    );
    Ok(format!("DO {}", literal(&block)?))
}
