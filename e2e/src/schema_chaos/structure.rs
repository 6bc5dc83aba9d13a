//! The structure of the destination equals the source's: columns, whether they may be NULL, defaults, comments, primary
//! keys and indexes. Both sides are lines of text that must be the same.

mod indexes;

use std::collections::BTreeSet;

use anyhow::Result;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio_postgres::Client;

use crate::world::World;

/// Dates and times outside of the key may be NULL in the destination, for zero dates. Binary constants are no defaults there,
/// and of expressions only some are (case `expression_defaults`): they are not compared.
const SOURCE: &str = "
    SELECT CONCAT(table_name, '.', column_name, IF(is_nullable = 'YES' OR (column_key <> 'PRI' AND
        data_type IN ('date', 'datetime', 'timestamp')), ' NULL', ' NOT NULL'))
      FROM information_schema.columns WHERE table_schema = ? AND LEFT(table_name, 1) <> '_'
    UNION ALL
    SELECT CONCAT(table_name, '.', column_name, ' COMMENT ', column_comment)
      FROM information_schema.columns WHERE table_schema = ? AND LEFT(table_name, 1) <> '_' AND column_comment <> ''
    UNION ALL
    SELECT CONCAT(table_name, ' COMMENT ', table_comment)
      FROM information_schema.tables WHERE table_schema = ? AND LEFT(table_name, 1) <> '_' AND table_comment <> ''
    UNION ALL
    SELECT CONCAT(table_name, '.', column_name, ' DEFAULT ',
        CASE WHEN column_default LIKE 'CURRENT_TIMESTAMP%' THEN 'CURRENT_TIMESTAMP'
             WHEN data_type IN ('datetime', 'timestamp')
                 THEN REGEXP_REPLACE(column_default, '([.][0-9]*[1-9])0+$|[.]0+$', '$1')
             ELSE column_default END,
        IF(data_type = 'timestamp' AND column_default NOT LIKE 'CURRENT_TIMESTAMP%', '+00', ''))
      FROM information_schema.columns WHERE table_schema = ? AND LEFT(table_name, 1) <> '_' AND column_default IS NOT NULL
        AND (extra NOT LIKE '%DEFAULT_GENERATED%' OR column_default LIKE 'CURRENT_TIMESTAMP%')
        AND data_type NOT IN ('binary', 'varbinary', 'bit')
    UNION ALL
    SELECT CONCAT(table_name, ' PRIMARY KEY (', GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ', '), ')')
      FROM information_schema.statistics WHERE table_schema = ? AND LEFT(table_name, 1) <> '_' AND index_name = 'PRIMARY'
      GROUP BY table_name";

const DESTINATION: &str = "
    SELECT c.relname || '.' || a.attname || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE ' NULL' END
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1::text AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT c.relname || coalesce('.' || a.attname, '') || ' COMMENT ' || d.description
      FROM pg_description d JOIN pg_class c ON c.oid = d.objoid JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND a.attnum > 0
      WHERE n.nspname = $1::text AND c.relkind IN ('r', 'p') AND d.classoid = 'pg_class'::regclass
    UNION ALL
    SELECT c.relname || ' PRIMARY KEY (' || string_agg(a.attname, ', ' ORDER BY k.number) || ')'
      FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, number)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
      WHERE n.nspname = $1::text AND i.indisprimary GROUP BY c.relname";

/// Columns whose default is an expression.
const EXPRESSIONS: &str = "
    SELECT CONCAT(table_name, '.', column_name) FROM information_schema.columns WHERE table_schema = ?
      AND extra LIKE '%DEFAULT_GENERATED%' AND column_default NOT LIKE 'CURRENT_TIMESTAMP%'";

/// A column with a default, and the default's expression.
const DEFAULTS: &str = "
    SELECT c.relname || '.' || a.attname, pg_get_expr(d.adbin, d.adrelid)
      FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
      JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1::text";

/// What one side has and the other has not; none where they are equal.
pub(super) async fn difference(world: &World, source: &mut Conn, destination: &Client) -> Result<Option<String>> {
    let name = &world.name;
    let expected: Vec<String> = source.exec(SOURCE, (name, name, name, name, name)).await?;
    let rows = destination.query(DESTINATION, &[name]).await?;
    let mut expected: BTreeSet<String> = expected.into_iter().collect();
    let mut found: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let expressions: Vec<String> = source.exec(EXPRESSIONS, (name,)).await?;
    found.extend(defaults(name, &expressions, destination).await?);
    let (expected_indexes, found_indexes) = indexes::lines(name, source, destination).await?;
    expected.extend(expected_indexes);
    found.extend(found_indexes);
    if expected == found {
        return Ok(None);
    }
    let (missing, extra): (Vec<_>, Vec<_>) =
        (expected.difference(&found).collect(), found.difference(&expected).collect());
    Ok(Some(format!("missing in the destination: {missing:?}; there only: {extra:?}")))
}

/// The defaults of the destination, each as the value that it gives, but for these columns.
async fn defaults(schema: &str, but: &[String], destination: &Client) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for row in destination.query(DEFAULTS, &[&schema]).await? {
        let (column, expression): (String, String) = (row.get(0), row.get(1));
        if but.contains(&column) {
            continue;
        }
        let value = match expression.starts_with("CURRENT_TIMESTAMP") {
            true => "CURRENT_TIMESTAMP".to_owned(),
            false => destination.query_one(&format!("SELECT ({expression})::text"), &[]).await?.get(0),
        };
        lines.push(format!("{column} DEFAULT {value}"));
    }
    Ok(lines)
}
