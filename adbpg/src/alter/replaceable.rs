//! Whether another table can take a table's place: only where nothing is lost by it.
//!
//! What the new table gets is known (`replace.rs`): columns, checks, the task's keys and indexes, comments, rights. Everything
//! else that somebody has given the table, or that depends on it, keeps it where it is.
//!
//! The first look says how the table is locked; what others are making then is not seen by it. So once writers are locked
//! out, and with them whoever makes an index, a trigger or a key, it is looked at again ([`render_look_again`]).

use tokio_postgres::Client;

use super::{Difference, Effort};
use crate::connect::{Connection, rows};
use crate::ddl::key_constraints;
use crate::dialect::Dialect;
use crate::error::AdbpgError;
use crate::ident::literal;
use crate::indexes::{definitions, index_name};
use crate::write::WriteTransaction;

/// SQLSTATE of the error where the second look finds what the first one did not.
pub(crate) const STATE: &str = "MR002";

/// Whether a new table may take the place of one that a change writes anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacing {
    /// It may.
    Possible,
    /// There is no need, or it is never done on this server.
    Unwanted,
    /// Something would be lost by it: this, in the words of a log.
    Hindered(String),
}

impl Connection {
    /// Looks at what hangs on the table.
    pub async fn look_for_hindrances(&self, difference: &Difference<'_>) -> Result<Replacing, AdbpgError> {
        look_for_hindrances(&self.client, self.dialect(), difference).await
    }
}

impl WriteTransaction<'_> {
    /// Like [`Connection::look_for_hindrances`].
    pub async fn look_for_hindrances(&self, difference: &Difference<'_>) -> Result<Replacing, AdbpgError> {
        look_for_hindrances(self.client(), self.dialect(), difference).await
    }
}

/// The second look, under the lock against writers. It fails where something is there now, and undoes what was done: the
/// change is tried again, and its first look finds it.
pub fn render_look_again(dialect: &Dialect, difference: &Difference<'_>) -> Result<String, AdbpgError> {
    let hindrances = render_hindrances(dialect, difference)?;
    let message = format!("\"{}\" was to be replaced, but was given something meanwhile: ", difference.before.name);
    let block = format!(
        "DECLARE found text; BEGIN SELECT hindrance INTO found FROM ({hindrances}) AS looked (hindrance); \
         IF found IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = '{STATE}', MESSAGE = {} || found; END IF; END",
        literal(&message)?,
    );
    Ok(format!("DO {}", literal(&block)?))
}

async fn look_for_hindrances(
    client: &Client,
    dialect: &Dialect,
    difference: &Difference<'_>,
) -> Result<Replacing, AdbpgError> {
    // On the Greenplum family tables have storage and distributions of many kinds: they stay where they are.
    if dialect.is_distributed() || difference.effort() == Effort::Definition {
        return Ok(Replacing::Unwanted);
    }
    let found = rows(client, "look at what hangs on a table", &render_hindrances(dialect, difference)?).await?;
    let hindrance = found.first().map(|row| row.get(0).unwrap_or_default().to_owned());
    Ok(hindrance.map_or(Replacing::Possible, Replacing::Hindered))
}

/// A query for what speaks against it; no rows where nothing does.
fn render_hindrances(dialect: &Dialect, difference: &Difference<'_>) -> Result<String, AdbpgError> {
    let schema = difference.before;
    let texts = |names: Vec<&str>| {
        let texts: Result<Vec<String>, AdbpgError> = names.into_iter().map(literal).collect();
        Ok::<_, AdbpgError>(format!("ARRAY[{}]::text[]", texts?.join(", ")))
    };
    let columns = texts(schema.columns.iter().map(|column| &*column.name).collect())?;
    let mut indexes = Vec::new();
    for definition in definitions(dialect, schema, &mut Vec::new()) {
        indexes.push(index_name(&schema.name.table, &definition.index.name)?);
    }
    let indexes = texts(indexes.iter().map(|name| name.name()).collect())?;
    let keys = key_constraints(dialect, schema, &mut Vec::new()).len();
    let (database, table) = (literal(&schema.name.database)?, literal(&schema.name.table)?);
    Ok(format!(
        "WITH old AS (SELECT c.* FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE n.nspname = {database} AND c.relname = {table}) \
         SELECT 'it is no usual table' FROM old WHERE relkind <> 'r' OR relpersistence <> 'p' OR relispartition OR \
         reloptions IS NOT NULL OR reltablespace <> 0 OR relrowsecurity OR relreplident <> 'd' OR reloftype <> 0 OR \
         relowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user) OR \
         relam <> (SELECT oid FROM pg_am WHERE amname = current_setting('default_table_access_method')) OR \
         NOT has_schema_privilege(relnamespace, 'CREATE') OR EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = old.oid) \
         UNION ALL SELECT 'it may be published, and rows of another table would be published as new ones' FROM pg_publication \
         UNION ALL SELECT 'a column is of its own' FROM pg_attribute AS a JOIN old ON a.attrelid = old.oid \
         WHERE a.attnum > 0 AND NOT a.attisdropped AND (NOT a.attname = ANY ({columns}) OR a.attacl IS NOT NULL OR \
         a.attoptions::text LIKE '%n_distinct%' OR a.attidentity <> '' OR a.attgenerated <> '') \
         UNION ALL SELECT 'it has other keys' FROM old WHERE {keys} <> \
         (SELECT count(*) FROM pg_constraint AS k WHERE k.conrelid = old.oid AND k.contype IN ('p', 'u')) \
         UNION ALL SELECT 'it has other indexes' FROM pg_index AS i JOIN old ON i.indrelid = old.oid \
         JOIN pg_class AS x ON x.oid = i.indexrelid WHERE NOT x.relname = ANY ({indexes}) \
         AND NOT EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.conrelid = old.oid) \
         UNION ALL SELECT 'something depends on it: ' || pg_describe_object(d.classid, d.objid, d.objsubid) \
         FROM old JOIN pg_depend AS d ON (d.refclassid = 'pg_class'::regclass AND d.refobjid = old.oid) \
         OR (d.refclassid = 'pg_type'::regclass AND d.refobjid = old.reltype) \
         WHERE NOT (d.classid = 'pg_attrdef'::regclass OR d.classid = 'pg_type'::regclass AND d.deptype = 'i' \
         OR d.classid = 'pg_class'::regclass AND EXISTS (SELECT 1 FROM pg_class AS x WHERE x.oid = d.objid AND \
         (x.relkind = 't' OR x.relkind = 'i' AND d.deptype IN ('a', 'i'))) \
         OR d.classid = 'pg_constraint'::regclass AND EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.oid = d.objid AND \
         k.conrelid = old.oid AND k.contype IN ('p', 'u', 'c', 'n'))) \
         UNION ALL SELECT 'it has a security label' FROM pg_seclabel AS s JOIN old ON s.objoid = old.oid \
         WHERE s.classoid = 'pg_class'::regclass \
         LIMIT 1"
    ))
}
