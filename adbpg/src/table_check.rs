//! Checks of the task's tables in the destination: that they can be created, or that hand-made ones fit.

use std::collections::{BTreeMap, BTreeSet};

use millrace_model::{PgType, TableName, TableSchema};

use crate::check::{Finding, Verdict};
use crate::connect::{Connection, rows};
use crate::error::AdbpgError;
use crate::ident::{QualifiedName, literal};
use crate::state::text;

/// Names in a message; the rest is counted.
const NAMED: usize = 5;

impl Connection {
    /// Tables that the task would create must not be there: they may hold somebody's rows.
    pub async fn check_tables_are_new(&self, names: &[TableName]) -> Result<Finding, AdbpgError> {
        let name = "destination_existing_tables";
        let existing = self.existing_tables(names).await?;
        if existing.is_empty() {
            return Ok(Finding::new(name, Verdict::Good, "none of the tables is there yet", ""));
        }
        let quoted: Vec<String> = existing.iter().map(|table| format!("\"{table}\"")).collect();
        let drops: Result<Vec<String>, AdbpgError> =
            existing.iter().take(NAMED).map(|table| Ok(format!("DROP TABLE {}", QualifiedName::new(table)?))).collect();
        let found = format!("already there: {}", first_few(&quoted));
        let mend = format!(
            "if nobody needs them: {}; otherwise rename them there, or take them out of [[objects]]",
            drops?.join("; ")
        );
        Ok(Finding::new(name, Verdict::Blocks, found, mend))
    }

    /// Tables that a task without the phase `schema` writes must be there, with every column that arrives.
    pub async fn check_tables_fit(&self, schemas: &[TableSchema<PgType>]) -> Result<Finding, AdbpgError> {
        let name = "destination_tables";
        let there = self.columns_of(schemas).await?;
        let mut missing = Vec::new();
        for schema in schemas {
            let Some(columns) = there.get(&schema.name) else {
                missing.push(format!("table \"{}\"", schema.name));
                continue;
            };
            let lacking = schema.columns.iter().filter(|column| !columns.iter().any(|found| **found == *column.name));
            missing.extend(lacking.map(|column| format!("column \"{}\" of table \"{}\"", column.name, schema.name)));
        }
        if missing.is_empty() {
            let found = format!("all {} tables are there with their columns", schemas.len());
            return Ok(Finding::new(name, Verdict::Good, found, ""));
        }
        let mend = "create them (`millrace plan --sql` prints the statements), or add the phase \"schema\"";
        Ok(Finding::new(name, Verdict::Blocks, format!("missing: {}", first_few(&missing)), mend))
    }

    async fn columns_of(
        &self,
        schemas: &[TableSchema<PgType>],
    ) -> Result<BTreeMap<TableName, Vec<String>>, AdbpgError> {
        let mut there: BTreeMap<TableName, Vec<String>> = BTreeMap::new();
        if schemas.is_empty() {
            return Ok(there);
        }
        let databases: BTreeSet<&str> = schemas.iter().map(|schema| &*schema.name.database).collect();
        let literals: Vec<String> = databases.into_iter().map(literal).collect::<Result<_, _>>()?;
        let sql = format!(
            "SELECT n.nspname, c.relname, a.attname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
             JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
             WHERE c.relkind IN ('r', 'p') AND n.nspname IN ({})",
            literals.join(", ")
        );
        for row in rows(&self.client, "read the columns of existing tables", &sql).await? {
            let name = TableName::new(text(&row, 0, "pg_namespace.nspname")?, text(&row, 1, "pg_class.relname")?);
            there.entry(name).or_default().push(text(&row, 2, "pg_attribute.attname")?);
        }
        Ok(there)
    }
}

fn first_few(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
