//! What is looked at before a task starts. Each check says what it found, and how to mend it; none changes anything.

use std::collections::{BTreeMap, BTreeSet};

use millrace_model::{PgType, TableName, TableSchema};
use tokio_postgres::Client;

use crate::connect::{Connection, rows};
use crate::error::AdbpgError;
use crate::ident::{Ident, literal};
use crate::state::text;
use crate::write::WriteTransaction;

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the check, as `--accept` takes it.
    pub name: &'static str,
    /// What was found, in one line.
    pub found: String,
    /// What it means.
    pub verdict: Verdict,
    /// How to mend it; empty where there is nothing to mend.
    pub mend: String,
}

/// What a finding means for the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing to do.
    Good,
    /// The task can start; somebody should know.
    Warning,
    /// The task cannot start.
    Blocks,
}

impl Finding {
    pub(crate) fn new(name: &'static str, verdict: Verdict, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, found: found.into(), verdict, mend: mend.into() }
    }
}

impl Connection {
    /// All checks of the destination for the tables of a task.
    pub async fn check(&self, schemas: &[TableSchema<PgType>]) -> Result<Vec<Finding>, AdbpgError> {
        let mut findings = self.check_server().await?;
        findings.extend(self.check_schemas(schemas).await?);
        Ok(findings)
    }

    /// The checks of the server and the database, whatever the tables are.
    pub async fn check_server(&self) -> Result<Vec<Finding>, AdbpgError> {
        Ok(vec![self.check_version(), self.check_writers(), self.check_encoding().await?])
    }

    /// The checks of what is to be made for the tables of a task.
    pub async fn check_schemas(&self, schemas: &[TableSchema<PgType>]) -> Result<Vec<Finding>, AdbpgError> {
        let mut names: Vec<&str> = schemas.iter().map(|schema| &*schema.name.database).collect();
        names.push("millrace");
        Ok(vec![self.check_privileges(&names).await?, check_names(schemas)])
    }

    /// Whether the server's family and version are supported.
    pub fn check_version(&self) -> Finding {
        let (name, found) = ("destination_version", self.dialect.to_string());
        match self.dialect.unsupported() {
            Some(needed) => Finding::new(name, Verdict::Blocks, found, needed),
            None => Finding::new(name, Verdict::Good, found, ""),
        }
    }

    /// Whether several applies could write at once.
    fn check_writers(&self) -> Finding {
        let name = "destination_deadlock_detector";
        if self.dialect.has_parallel_writers() {
            return Finding::new(name, Verdict::Good, "several writers can change one table at once", "");
        }
        let found = "the global deadlock detector is off: one writer at a time for each table";
        let mend = "run one apply, or route = \"table\", or set gp_enable_global_deadlock_detector = on and restart";
        Finding::new(name, Verdict::Warning, found, mend)
    }

    async fn check_encoding(&self) -> Result<Finding, AdbpgError> {
        let name = "destination_encoding";
        let found = rows(&self.client, "read the database's encoding", "SHOW server_encoding").await?;
        let encoding = found.first().and_then(|row| row.get(0)).unwrap_or_default().to_owned();
        Ok(match encoding.as_str() {
            "UTF8" => Finding::new(name, Verdict::Good, encoding, ""),
            _ => {
                let mend = "create the destination database with ENCODING 'UTF8'";
                Finding::new(name, Verdict::Blocks, format!("{encoding}: it cannot hold every character"), mend)
            }
        })
    }

    /// Whether the user may make the schemas that are missing, and tables in those that are there.
    async fn check_privileges(&self, schemas: &[&str]) -> Result<Finding, AdbpgError> {
        let name = "destination_privileges";
        let mut wanted: Vec<&str> = schemas.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let mut missing = Vec::new();
        let mut account = String::new();
        for schema in wanted {
            let quoted = literal(schema)?;
            let sql = format!(
                "SELECT CASE WHEN n.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE') \
                 ELSE has_schema_privilege(n.oid, 'CREATE') AND has_schema_privilege(n.oid, 'USAGE') END, \
                 n.oid IS NULL, current_user, current_database() \
                 FROM (SELECT 1) AS one LEFT JOIN pg_namespace AS n ON n.nspname = {quoted}"
            );
            for row in rows(&self.client, "read privileges", &sql).await? {
                if text(&row, 0, "privilege")? == "t" {
                    continue;
                }
                let absent = text(&row, 1, "pg_namespace.oid")? == "t";
                account = text(&row, 2, "current_user")?;
                let user = Ident::new(&account)?;
                let place = if absent { text(&row, 3, "current_database")? } else { schema.to_owned() };
                let (kind, rights) = if absent { ("DATABASE", "CREATE") } else { ("SCHEMA", "CREATE, USAGE") };
                missing.push(format!("GRANT {rights} ON {kind} {} TO {user}", Ident::new(&place)?));
            }
        }
        missing.dedup();
        Ok(if missing.is_empty() {
            Finding::new(name, Verdict::Good, "schemas and tables can be created", "")
        } else {
            let found = format!("user \"{account}\" may not create all schemas and tables");
            Finding::new(name, Verdict::Blocks, found, missing.join("; "))
        })
    }

    /// Which of these tables (or views) are already there, in the order of `names`.
    pub async fn existing_tables(&self, names: &[TableName]) -> Result<Vec<TableName>, AdbpgError> {
        existing_tables(&self.client, names).await
    }
}

impl WriteTransaction<'_> {
    /// Like [`Connection::existing_tables`], with what the transaction itself has created and dropped.
    pub async fn existing_tables(&self, names: &[TableName]) -> Result<Vec<TableName>, AdbpgError> {
        existing_tables(self.client(), names).await
    }
}

async fn existing_tables(client: &Client, names: &[TableName]) -> Result<Vec<TableName>, AdbpgError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let literals = |part: fn(&TableName) -> &str| {
        let literals: Result<Vec<String>, AdbpgError> = names.iter().map(|name| literal(part(name))).collect();
        literals.map(|literals| literals.join(", "))
    };
    // A join, whose time is that of the names and not that of all tables there are. Conditions of pairs would be nested as
    // deep as there are names, for which the server's stack has no room at some thousands.
    let sql = format!(
        "SELECT n.nspname, c.relname FROM unnest(ARRAY[{}]::name[], ARRAY[{}]::name[]) AS wanted (schema_name, table_name) \
         JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema_name \
         JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.table_name \
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')",
        literals(|name| &name.database)?,
        literals(|name| &name.table)?
    );
    let mut there = BTreeSet::new();
    for row in rows(client, "look for existing tables", &sql).await? {
        there.insert(TableName::new(text(&row, 0, "pg_namespace.nspname")?, text(&row, 1, "pg_class.relname")?));
    }
    Ok(names.iter().filter(|name| there.contains(name)).cloned().collect())
}

/// Whether every name fits and no two tables or columns would be one.
pub fn check_names(schemas: &[TableSchema<PgType>]) -> Finding {
    let name = "destination_names";
    let mut problems = Vec::new();
    let mut tables: BTreeMap<&TableName, u64> = BTreeMap::new();
    for schema in schemas {
        let columns = schema.columns.iter().map(|column| &column.name);
        for name in [&schema.name.database, &schema.name.table].into_iter().chain(columns) {
            if let Err(error) = Ident::new(name) {
                problems.push(format!("{error} (table \"{}\")", schema.name));
            }
        }
        let mut seen: Vec<&str> = schema.columns.iter().map(|column| &*column.name).collect();
        seen.sort_unstable();
        for pair in seen.windows(2).filter(|pair| pair[0] == pair[1]) {
            problems.push(format!("two columns of \"{}\" are called \"{}\"", schema.name, pair[0]));
        }
        if tables.insert(&schema.name, schema.table_id).is_some_and(|other| other != schema.table_id) {
            problems.push(format!("two of the tables would be called \"{}\"", schema.name));
        }
    }
    if problems.is_empty() {
        return Finding::new(name, Verdict::Good, count_of_tables(schemas.len()), "");
    }
    problems.dedup();
    Finding::new(name, Verdict::Blocks, problems.join("; "), "give them other names with rename in the task file")
}

fn count_of_tables(number: usize) -> String {
    if number == 1 { "1 table".to_owned() } else { format!("{number} tables") }
}

#[cfg(test)]
mod tests {
    use millrace_model::schema::{Column, Nullability, Route};

    use super::*;

    fn table(table_id: u64, name: &str, columns: &[&str]) -> TableSchema<PgType> {
        let column = |name: &&str| Column {
            name: (*name).into(),
            ty: PgType::Text,
            nullability: Nullability::Nullable,
            default: None,
            comment: String::new(),
            collation: "".into(),
        };
        TableSchema {
            table_id,
            name: TableName::new("shop", name),
            columns: columns.iter().map(column).collect(),
            primary_key: vec![],
            key: vec![],
            indexes: vec![],
            comment: String::new(),
            route: Route::Table,
            placement: Default::default(),
        }
    }

    #[test]
    fn finds_names_that_do_not_fit_or_collide() {
        assert_eq!(check_names(&[table(1, "a", &["x", "X"]), table(2, "A", &["x"])]).verdict, Verdict::Good);
        for schemas in [
            vec![table(1, &"a".repeat(64), &["x"])],
            vec![table(1, "a", &["x", "x"])],
            vec![table(1, "a", &["x"]), table(2, "a", &["x"])],
        ] {
            assert_eq!(check_names(&schemas).verdict, Verdict::Blocks);
        }
    }
}
