//! Unique keys whose meaning differs in the destination. Pure.
//!
//! The destination compares texts byte by byte, MySQL by the column's collation: what is one key there can be two here,
//! never the other way round, so nothing is lost or merged on the way. But after the cut-over the destination takes rows
//! that MySQL would have refused, and finds a row only by the text as it is.

use millrace_model::MysqlType;
use millrace_model::schema::Uniqueness;
use millrace_mysql::SourceTable;

/// A line for each unique key over texts that MySQL compares more loosely than the destination does.
pub(crate) fn key_notes(table: &SourceTable) -> Vec<String> {
    let primary = (!table.primary_key.is_empty()).then_some(("PRIMARY", &table.primary_key));
    let unique = table.indexes.iter().filter(|index| index.uniqueness == Uniqueness::Unique);
    let keys = primary.into_iter().chain(unique.map(|index| (&*index.name, &index.columns)));
    keys.filter_map(|(name, columns)| note(table, name, columns)).collect()
}

fn note(table: &SourceTable, name: &str, columns: &[usize]) -> Option<String> {
    let mut ignored: Vec<&str> = Vec::new();
    let mut loose: Vec<&str> = Vec::new();
    for column in columns.iter().filter_map(|&place| table.columns.get(place)) {
        let is_text = matches!(column.ty, MysqlType::Char { .. } | MysqlType::Varchar { .. } | MysqlType::Text { .. });
        let of_column = if is_text { ignored_by(&column.collation) } else { Vec::new() };
        if !of_column.is_empty() {
            loose.push(&column.name);
        }
        for what in of_column {
            if !ignored.contains(&what) {
                ignored.push(what);
            }
        }
    }
    let what = match ignored.as_slice() {
        [] => return None,
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    };
    Some(format!(
        "unique key \"{name}\": in MySQL texts of {} that differ only in {what} are equal, in the destination they are not",
        loose.join(", ")
    ))
}

/// What a collation does not tell apart, by its name (MySQL manual, 12.3.1 "Collation Naming Conventions"; 12.10.1: those
/// with a version of the Unicode Collation Algorithm of 9.0.0 and later are NO PAD).
fn ignored_by(collation: &str) -> Vec<&'static str> {
    if collation.is_empty() || collation == "binary" {
        return Vec::new();
    }
    let ignores_case = collation.contains("_ci");
    let ignores_accents = ignores_case && !collation.contains("_as_");
    let pads = !collation.contains("_0900_") && !collation.contains("_nopad_");
    let all = [(ignores_case, "case"), (ignores_accents, "accents"), (pads, "spaces at the end")];
    all.into_iter().filter(|(is_ignored, _)| *is_ignored).map(|(_, what)| what).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collations_say_what_they_ignore() {
        for (collation, expected) in [
            ("utf8mb4_0900_ai_ci", &["case", "accents"][..]),
            ("utf8mb4_0900_as_ci", &["case"]),
            ("utf8mb4_0900_as_cs", &[]),
            ("utf8mb4_0900_bin", &[]),
            ("utf8mb4_general_ci", &["case", "accents", "spaces at the end"]),
            ("utf8mb4_bin", &["spaces at the end"]),
            ("latin1_general_cs", &["spaces at the end"]),
            ("uca1400_nopad_ai_ci", &["case", "accents"]),
            ("binary", &[]),
        ] {
            assert_eq!(ignored_by(collation), expected, "{collation}");
        }
    }
}
