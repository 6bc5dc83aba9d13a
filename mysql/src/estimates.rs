//! How many rows tables have, as the server guesses: for progress, never for a decision.

use std::collections::HashMap;

use millrace_model::TableName;

use crate::connect::Session;
use crate::error::MysqlError;

/// The estimated rows of all tables and views that the account may see; a view has none.
pub async fn read_estimates(session: &mut Session) -> Result<HashMap<TableName, u64>, MysqlError> {
    let sql = "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ROWS FROM information_schema.TABLES \
               WHERE TABLE_ROWS IS NOT NULL AND TABLE_SCHEMA NOT IN \
               ('mysql', 'information_schema', 'performance_schema', 'sys')";
    let rows = session.query_texts("reading how many rows the tables have", sql).await?;
    let estimate = |row: Vec<Option<String>>| match row.as_slice() {
        [Some(database), Some(table), Some(rows)] => {
            Some((TableName::new(database.as_str(), table.as_str()), rows.parse().ok()?))
        }
        _ => None,
    };
    Ok(rows.into_iter().filter_map(estimate).collect())
}
