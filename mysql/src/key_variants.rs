//! Unique keys whose collation tells case, accents or trailing spaces apart, and values of them that differ in nothing else.
//!
//! The server compares: it groups the values by a collation that looks at neither (MySQL 8.0 Reference Manual, 12.10.1
//! "Unicode Character Sets"). It sorts the whole key for that, so the caller decides for which tables it asks.

use millrace_model::MysqlType;
use millrace_model::schema::Uniqueness;

use crate::connect::Session;
use crate::error::MysqlError;
use crate::ident::{Ident, table_ident};
use crate::schema::SourceTable;

/// Most groups that are counted.
const MOST_GROUPS: usize = 1_000;

/// Values of each example that is given.
const EXAMPLES: usize = 3;

/// Values of a unique key that differ only in case, accents or trailing spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyVariants {
    /// The index; `PRIMARY` for the primary key.
    pub index: String,
    /// Its column of text.
    pub column: String,
    /// Groups of such values, at most a thousand.
    pub groups: u64,
    /// One value each of the first groups.
    pub examples: Vec<String>,
}

/// Whether a table has a unique key over a text whose collation tells case, accents or spaces apart.
pub fn has_distinct_case(table: &SourceTable) -> bool {
    !exact_keys(table).is_empty()
}

/// Looks for such values in each of those keys.
pub async fn find_variants(session: &mut Session, table: &SourceTable) -> Result<Vec<KeyVariants>, MysqlError> {
    let mut found = Vec::new();
    let doing = format!("comparing keys of table \"{}\"", table.name);
    for (index, columns, text) in exact_keys(table) {
        let rows = session.query_texts(&doing, &groups_of(table, &columns)).await?;
        if rows.is_empty() {
            continue;
        }
        let example = |row: &Vec<Option<String>>| row.first().cloned().flatten();
        let examples = rows.iter().filter_map(example).take(EXAMPLES).collect();
        let column = table.columns[text].name.to_string();
        found.push(KeyVariants { index, column, groups: rows.len() as u64, examples });
    }
    Ok(found)
}

/// Unique keys with an exact text: their name, columns, and the first such text.
fn exact_keys(table: &SourceTable) -> Vec<(String, Vec<usize>, usize)> {
    let primary = (!table.primary_key.is_empty()).then(|| ("PRIMARY".to_owned(), table.primary_key.clone()));
    let unique = table.indexes.iter().filter(|index| index.uniqueness == Uniqueness::Unique);
    let keys = primary.into_iter().chain(unique.map(|index| (index.name.to_string(), index.columns.clone())));
    let with_text = |(name, columns): (String, Vec<usize>)| {
        let text = columns.iter().copied().find(|&place| is_exact_text(table, place))?;
        Some((name, columns, text))
    };
    keys.filter_map(with_text).collect()
}

fn is_exact_text(table: &SourceTable, place: usize) -> bool {
    let Some(column) = table.columns.get(place) else { return false };
    let is_text = matches!(column.ty, MysqlType::Char { .. } | MysqlType::Varchar { .. } | MysqlType::Text { .. });
    is_text && is_exact(&column.collation)
}

/// Whether a collation tells case or accents apart, by its name (manual, 12.3.1 "Collation Naming Conventions").
fn is_exact(collation: &str) -> bool {
    collation.ends_with("_bin") || collation.ends_with("_cs") || collation.contains("_as_")
}

fn groups_of(table: &SourceTable, columns: &[usize]) -> String {
    let name = |place: usize| Ident(&table.columns[place].name).to_string();
    let folded = |&place: &usize| match is_exact_text(table, place) {
        true => format!("RTRIM(CONVERT({} USING utf8mb4)) COLLATE utf8mb4_unicode_520_ci", name(place)),
        false => name(place),
    };
    let text = columns.iter().copied().find(|&place| is_exact_text(table, place)).unwrap_or_default();
    let groups: Vec<String> = columns.iter().map(folded).collect();
    let not_null: Vec<String> = columns.iter().map(|&place| format!("{} IS NOT NULL", name(place))).collect();
    format!(
        "SELECT MIN({}) FROM {} WHERE {} GROUP BY {} HAVING COUNT(*) > 1 LIMIT {MOST_GROUPS}",
        name(text),
        table_ident(&table.name),
        not_null.join(" AND "),
        groups.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collations_are_known_by_their_names() {
        for exact in
            ["utf8mb4_bin", "utf8mb4_0900_as_cs", "latin1_general_cs", "utf8mb4_0900_as_ci", "utf8mb4_0900_bin"]
        {
            assert!(is_exact(exact), "{exact}");
        }
        for loose in ["utf8mb4_0900_ai_ci", "utf8mb4_general_ci", "latin1_swedish_ci", "binary", ""] {
            assert!(!is_exact(loose), "{loose}");
        }
    }
}
