//! The structure of the destination equals the source's: columns, whether they may be NULL, and primary keys.

use std::collections::BTreeSet;

use anyhow::Result;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio_postgres::Client;

use crate::world::World;

/// Dates and times outside of the key may be NULL in the destination, for zero dates.
const SOURCE: &str = "
    SELECT CONCAT(table_name, '.', column_name, IF(is_nullable = 'YES' OR (column_key <> 'PRI' AND
        data_type IN ('date', 'datetime', 'timestamp')), ' NULL', ' NOT NULL'))
      FROM information_schema.columns WHERE table_schema = ? AND LEFT(table_name, 1) <> '_'
    UNION ALL
    SELECT CONCAT(table_name, ' PRIMARY KEY (', GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ', '), ')')
      FROM information_schema.statistics WHERE table_schema = ? AND LEFT(table_name, 1) <> '_' AND index_name = 'PRIMARY' GROUP BY table_name";

const DESTINATION: &str = "
    SELECT c.relname || '.' || a.attname || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE ' NULL' END
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1::text AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT c.relname || ' PRIMARY KEY (' || string_agg(a.attname, ', ' ORDER BY k.number) || ')'
      FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, number)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
      WHERE n.nspname = $1::text AND i.indisprimary GROUP BY c.relname";

/// What one side has and the other has not; none where they are equal.
pub(super) async fn difference(world: &World, source: &mut Conn, destination: &Client) -> Result<Option<String>> {
    let expected: Vec<String> = source.exec(SOURCE, (&world.name, &world.name)).await?;
    let rows = destination.query(DESTINATION, &[&world.name]).await?;
    let expected: BTreeSet<String> = expected.into_iter().collect();
    let found: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    if expected == found {
        return Ok(None);
    }
    let (missing, extra): (Vec<_>, Vec<_>) =
        (expected.difference(&found).collect(), found.difference(&expected).collect());
    Ok(Some(format!("missing in the destination: {missing:?}; there only: {extra:?}")))
}
