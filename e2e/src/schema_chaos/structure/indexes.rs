//! Secondary indexes, and the unique key that stands for a primary key where there is none.

use std::collections::BTreeMap;

use anyhow::Result;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio_postgres::Client;

const SOURCE: &str = "
    SELECT table_name, index_name, MIN(non_unique) = 0, MAX(nullable = 'YES') > 0,
        GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ', ')
      FROM information_schema.statistics WHERE table_schema = ? AND LEFT(table_name, 1) <> '_'
      GROUP BY table_name, index_name HAVING MAX(sub_part IS NOT NULL) = 0";

const DESTINATION: &str = "
    SELECT c.relname::text, x.relname::text, i.indisunique, k.oid IS NOT NULL, (SELECT string_agg(a.attname, ', ' ORDER BY p.number)
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS p(attnum, number)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.attnum)
      FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype = 'u'
      WHERE n.nspname = $1::text AND NOT i.indisprimary";

/// An underscore and eight digits end the names of indexes in the destination.
const HASH: usize = 9;

#[derive(Default)]
struct Table {
    primary_key: String,
    indexes: Vec<Index>,
}

struct Index {
    name: String,
    is_unique: bool,
    /// In the source, whether a column of it may be NULL.
    has_null: bool,
    columns: String,
}

impl Index {
    fn line(&self, table: &str) -> String {
        let unique = if self.is_unique { "UNIQUE " } else { "" };
        format!("{table} {unique}INDEX {} ({})", self.name, self.columns)
    }
}

/// What is expected, and what the destination has.
pub(super) async fn lines(
    database: &str,
    source: &mut Conn,
    destination: &Client,
) -> Result<(Vec<String>, Vec<String>)> {
    let (mut found, mut keys) = (Vec::new(), BTreeMap::new());
    for row in destination.query(DESTINATION, &[&database]).await? {
        let (table, name, columns): (String, String, String) = (row.get(0), row.get(1), row.get(4));
        if row.get(3) {
            keys.insert(table, columns);
            continue;
        }
        let name = name.strip_prefix(&format!("{table}_")).unwrap_or(&name);
        let name = name[..name.len().saturating_sub(HASH)].to_owned();
        found.push(Index { name, is_unique: row.get(2), has_null: false, columns }.line(&table));
    }
    let mut expected = Vec::new();
    for (name, table) in source_tables(database, source).await? {
        let may_be_key = |index: &&Index| table.primary_key.is_empty() && index.is_unique && !index.has_null;
        let possible: Vec<&str> = table.indexes.iter().filter(may_be_key).map(|index| index.columns.as_str()).collect();
        // Which of them is chosen has tests of its own.
        let key = match keys.remove(&name) {
            Some(key) if !possible.contains(&key.as_str()) => {
                found.push(format!("{name} UNIQUE ({key})"));
                key
            }
            None if !possible.is_empty() => {
                expected.push(format!("{name} UNIQUE over one of {possible:?}"));
                continue;
            }
            Some(key) => key,
            None => table.primary_key.clone(),
        };
        expected.extend(table.indexes.iter().filter(|index| index.columns != key).map(|index| index.line(&name)));
    }
    Ok((expected, found))
}

async fn source_tables(database: &str, source: &mut Conn) -> Result<BTreeMap<String, Table>> {
    let rows: Vec<(String, String, bool, bool, String)> = source.exec(SOURCE, (database,)).await?;
    let mut tables = BTreeMap::<String, Table>::new();
    for (table, name, is_unique, has_null, columns) in rows {
        let table = tables.entry(table).or_default();
        match name.as_str() {
            "PRIMARY" => table.primary_key = columns,
            _ => table.indexes.push(Index { name, is_unique, has_null, columns }),
        }
    }
    Ok(tables)
}
