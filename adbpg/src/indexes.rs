//! Secondary indexes, made after the load.
//!
//! In MySQL an index's name belongs to its table, in PostgreSQL to the schema, beside the tables' names: each gets
//! `table_index_hash`, cut to fit 63 bytes, where the hash is of both whole names. The same table gives the same names
//! each time.

use millrace_model::schema::{Index, Uniqueness};
use millrace_model::{PgType, TableSchema};

use crate::ddl::{LeftOut, Rendered, can_be_unique, render_names};
use crate::dialect::Dialect;
use crate::error::AdbpgError;
use crate::ident::{Ident, MAX_NAME_BYTES, QualifiedName, literal, stable_hash};

/// A secondary index as the destination has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Definition<'s> {
    /// The index.
    pub(crate) index: &'s Index,
    /// Whether it is unique there.
    pub(crate) uniqueness: Uniqueness,
}

impl Definition<'_> {
    /// CREATE INDEX, unless an index of that name is there.
    pub(crate) fn render(
        &self,
        dialect: &Dialect,
        schema: &TableSchema<PgType>,
        table: &QualifiedName,
        name: &Ident,
    ) -> Result<String, AdbpgError> {
        let unique = if self.uniqueness == Uniqueness::Unique { "UNIQUE " } else { "" };
        let columns = render_names(schema, &self.index.columns)?;
        if dialect.has_create_index_if_not_exists() {
            return Ok(format!("CREATE {unique}INDEX IF NOT EXISTS {name} ON {table} ({columns})"));
        }
        let relation = literal(&format!("{}.{name}", table.schema))?;
        let block = format!(
            "BEGIN IF to_regclass({relation}) IS NULL THEN CREATE {unique}INDEX {name} ON {table} ({columns}); END IF; END"
        );
        Ok(format!("DO {}", literal(&block)?))
    }
}

/// The secondary indexes that the destination has: the replication key has its own already. A unique index that may not
/// be unique there becomes a plain one, and that is reported.
pub(crate) fn definitions<'s>(
    dialect: &Dialect,
    schema: &'s TableSchema<PgType>,
    left_out: &mut Vec<LeftOut>,
) -> Vec<Definition<'s>> {
    let mut definitions = Vec::new();
    for index in &schema.indexes {
        if index.columns.is_empty() || index.columns == schema.key || index.columns == schema.primary_key {
            continue;
        }
        if let Some(json) = column_without_order(schema, index) {
            let why = format!("column \"{json}\" has type json, which cannot be indexed");
            left_out.push(not_moved(schema, index, "index", why));
            continue;
        }
        let mut uniqueness = index.uniqueness;
        if uniqueness == Uniqueness::Unique && !can_be_unique(dialect, schema, &index.columns) {
            uniqueness = Uniqueness::NonUnique;
            let why = "a unique index must contain the distribution key; it is made without UNIQUE".to_owned();
            left_out.push(not_moved(schema, index, "uniqueness of index", why));
        }
        definitions.push(Definition { index, uniqueness });
    }
    definitions
}

/// CREATE INDEX for each secondary index that is not there yet.
pub fn render_indexes(dialect: &Dialect, schema: &TableSchema<PgType>) -> Result<Rendered, AdbpgError> {
    let mut rendered = Rendered::default();
    let table = QualifiedName::new(&schema.name)?;
    for definition in definitions(dialect, schema, &mut rendered.left_out) {
        let name = index_name(&schema.name.table, &definition.index.name)?;
        rendered.statements.push(definition.render(dialect, schema, &table, &name)?);
    }
    Ok(rendered)
}

fn not_moved(schema: &TableSchema<PgType>, index: &Index, what: &str, why: String) -> LeftOut {
    LeftOut { table: schema.name.clone(), what: format!("{what} \"{}\"", index.name), why }
}

fn column_without_order<'s>(schema: &'s TableSchema<PgType>, index: &Index) -> Option<&'s str> {
    let columns = index.columns.iter().filter_map(|&place| schema.columns.get(place));
    columns.filter(|column| column.ty == PgType::Json).map(|column| &*column.name).next()
}

/// The name of an index in the destination: unique in its schema, the same each time, at most 63 bytes.
pub fn index_name(table: &str, index: &str) -> Result<Ident, AdbpgError> {
    let hash = format!("_{:08x}", stable_hash(&[table, index]) & 0xffff_ffff);
    let mut name = format!("{table}_{index}");
    let mut end = name.len().min(MAX_NAME_BYTES - hash.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    Ident::new(&(name + &hash))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use millrace_model::TableName;
    use millrace_model::schema::{Column, Nullability, Route};

    use super::*;
    use crate::dialect::{Beam, Cluster, DeadlockDetector};

    fn table() -> TableSchema<PgType> {
        let column = |name: &str, ty| Column {
            name: name.into(),
            ty,
            nullability: Nullability::NotNull,
            default: None,
            comment: String::new(),
            collation: "".into(),
        };
        let index = |name: &str, columns: &[usize], uniqueness| Index {
            name: name.into(),
            columns: columns.to_vec(),
            uniqueness,
        };
        TableSchema {
            table_id: 1,
            name: TableName::new("shop", "orders"),
            columns: vec![column("id", PgType::BigInt), column("mail", PgType::Text), column("extra", PgType::Json)],
            primary_key: vec![0],
            key: vec![0],
            indexes: vec![
                index("same", &[0], Uniqueness::Unique),
                index("mail", &[1], Uniqueness::Unique),
                index("both", &[1, 0], Uniqueness::Unique),
                index("plain", &[1], Uniqueness::NonUnique),
                index("extra", &[2], Uniqueness::NonUnique),
            ],
            comment: String::new(),
            route: Route::Key,
            placement: Default::default(),
        }
    }

    #[test]
    fn keeps_unique_indexes_where_the_rules_allow() {
        let plain = render_indexes(&Dialect::Postgres { version: 150_004 }, &table()).unwrap();
        assert!(plain.statements[0].starts_with("CREATE UNIQUE INDEX IF NOT EXISTS \"orders_mail_"));
        assert!(plain.statements[0].ends_with("ON \"shop\".\"orders\" (\"mail\")"));
        assert_eq!((plain.statements.len(), plain.left_out.len()), (3, 1));

        let deadlock_detector = DeadlockDetector::Off;
        let cluster = Cluster { version: "6.0".to_owned(), base: 90_426, deadlock_detector, beam: Beam::Absent };
        let spread = render_indexes(&Dialect::Greenplum { cluster }, &table()).unwrap();
        assert!(spread.statements[0].contains("THEN CREATE INDEX \"orders_mail_"));
        assert!(spread.statements[1].contains("THEN CREATE UNIQUE INDEX \"orders_both_"));
        let what: Vec<&str> = spread.left_out.iter().map(|left| left.what.as_str()).collect();
        assert_eq!(what, ["uniqueness of index \"mail\"", "index \"extra\""]);
    }

    #[test]
    fn names_are_apart_and_short_enough() {
        assert_ne!(index_name("a_b", "c").unwrap(), index_name("a", "b_c").unwrap());
        let long = "é".repeat(32);
        let (one, two) = (index_name(&long, "a").unwrap(), index_name(&long, "b").unwrap());
        assert_ne!(one, two);
        assert!(one.name().len() <= MAX_NAME_BYTES);
        assert_eq!(index_name("orders", "mail").unwrap(), index_name("orders", "mail").unwrap());
    }
}
