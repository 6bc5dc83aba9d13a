//! The numbers that AUTO_INCREMENT columns give next.

use std::collections::HashMap;

use millrace_model::TableName;

use crate::connect::Session;
use crate::error::MysqlError;
use crate::ident::text_constant;

/// The next number of each table of these databases that has such a column. A session of [`Session::connect`] reads it
/// as it is now, not as it was cached (MySQL Reference Manual, "The INFORMATION_SCHEMA TABLES Table").
pub async fn read_next_numbers(
    session: &mut Session,
    databases: &[&str],
) -> Result<HashMap<TableName, u64>, MysqlError> {
    if databases.is_empty() {
        return Ok(HashMap::new());
    }
    let list = databases.iter().map(|name| text_constant(name)).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES \
         WHERE AUTO_INCREMENT IS NOT NULL AND TABLE_SCHEMA IN ({list})"
    );
    let rows = session.query_texts("reading the next numbers of AUTO_INCREMENT columns", &sql).await?;
    let next = |row: Vec<Option<String>>| match row.as_slice() {
        [Some(database), Some(table), Some(next)] => {
            Some((TableName::new(database.as_str(), table.as_str()), next.parse().ok()?))
        }
        _ => None,
    };
    Ok(rows.into_iter().filter_map(next).collect())
}
