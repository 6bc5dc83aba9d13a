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

/// A table with values that are to be cast, and what its columns are called by now.
pub(super) struct Casts<'c, 's> {
    pub(super) difference: &'c Difference<'s>,
    pub(super) table: &'c QualifiedName,
    /// The columns of the key.
    pub(super) key: Vec<&'s str>,
    /// The name of each column that is cast, and the column before and after.
    pub(super) columns: Vec<(&'s str, &'s Column<PgType>, &'s Column<PgType>)>,
}

impl Casts<'_, '_> {
    /// The statement; where it finds a value that cannot be cast, it fails with the keys of the first such rows.
    pub(super) fn render_or_name_keys(&self, statement: &str) -> Result<String, AdbpgError> {
        let mut attempts = String::new();
        for (number, column) in self.columns.iter().enumerate() {
            attempts.push_str(&self.attempt(number, *column)?);
        }
        let block =
            format!("DECLARE found text; BEGIN {statement}; EXCEPTION WHEN data_exception THEN {attempts}RAISE; END");
        Ok(format!("DO {}", literal(&block)?))
    }

    /// Tries every value of a column; fails where there are some that cannot be cast.
    fn attempt(
        &self,
        number: usize,
        (name, old, new): (&str, &Column<PgType>, &Column<PgType>),
    ) -> Result<String, AdbpgError> {
        let (table, before) = (self.table, self.difference.before);
        let cast = type_change(&old.ty, &new.ty).map(|change| change.expression("cell")).unwrap_or_default();
        let body = format!(
            "DECLARE kept {}; BEGIN kept := {cast}; RETURN true; EXCEPTION WHEN data_exception THEN RETURN false; END",
            new.ty
        );
        let fits = format!("pg_temp.millrace_fits_{number}");
        let function =
            format!("CREATE FUNCTION {fits}(cell {}) RETURNS boolean LANGUAGE plpgsql AS {}", old.ty, literal(&body)?);
        let (column, mut key) = (Ident::new(name)?, Vec::new());
        for name in &self.key {
            key.push(Ident::new(name)?.to_string());
        }
        let key = key.join(", ");
        let found = match key.is_empty() {
            true => format!("SELECT 'it has none' FROM {table} WHERE NOT {fits}({column}) LIMIT 1"),
            false => format!(
                "SELECT string_agg(key, ', ') FROM (SELECT ROW({key})::text AS key FROM {table} \
                 WHERE NOT {fits}({column}) ORDER BY {key} LIMIT {NAMED}) AS rows"
            ),
        };
        let what = format!("column \"{}\" of \"{}\" cannot go from {} to {}", new.name, before.name, old.ty, new.ty);
        let message = format!("{what}: its value does not fit in the rows with the key ({}) ", key.replace('"', ""));
        Ok(format!(
            "EXECUTE {}; EXECUTE {} INTO found; IF found IS NOT NULL THEN \
             RAISE EXCEPTION USING ERRCODE = '{STATE}', MESSAGE = {} || found; END IF; ",
            literal(&function)?,
            literal(&found)?,
            literal(&message)?,
        ))
    }
}
