//! Checks of the selected tables: what cannot be read, and what will not arrive by itself.

use millrace_model::{Column, MysqlType, TableName};

use crate::charset::Charset;
use crate::check::{Finding, Verdict};
use crate::ident::table_ident;
use crate::schema::SourceTable;

/// Names in a message; the rest is counted.
const NAMED: usize = 5;

/// The columns whose character set the binlog's decoder does not know, each with that character set.
pub fn columns_of_unknown_charset(columns: &[Column<MysqlType>]) -> impl Iterator<Item = (&str, &str)> {
    columns.iter().filter_map(|column| match &column.ty {
        MysqlType::Char { charset, .. } | MysqlType::Varchar { charset, .. } | MysqlType::Text { charset, .. } => {
            Charset::of_name(charset).is_none().then_some((&*column.name, &**charset))
        }
        _ => None,
    })
}

/// The character set of every text column is known to the binlog's decoder.
pub fn ensure_known_charsets(tables: &[SourceTable]) -> Finding {
    let name = "known_charsets";
    let unknown: Vec<String> = tables
        .iter()
        .flat_map(|table| columns_of_unknown_charset(&table.columns).map(move |found| (table, found)))
        .map(|(table, (column, charset))| format!("column \"{column}\" of table \"{}\" ({charset})", table.name))
        .collect();
    if unknown.is_empty() {
        return Finding::good(name, "the character set of every column is known");
    }
    Finding::bad(
        name,
        Verdict::Blocks,
        format!("character sets that are not supported yet: {}", first_few(&unknown)),
        "convert the columns to utf8mb4, or exclude them or their tables in [[objects]]",
    )
}

/// Every table has a key that tells its rows apart.
pub fn ensure_keys(tables: &[SourceTable]) -> Finding {
    let name = "tables_without_key";
    let without: Vec<&TableName> =
        tables.iter().filter(|table| table.key.is_empty()).map(|table| &table.name).collect();
    if without.is_empty() {
        return Finding::good(name, "every table has a primary key or a unique key without NULLs");
    }
    let quoted: Vec<String> = without.iter().map(|table| format!("\"{table}\"")).collect();
    let adds: Vec<String> = without
        .iter()
        .take(NAMED)
        .map(|table| {
            let table = table_ident(table);
            format!("ALTER TABLE {table} ADD COLUMN millrace_id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY")
        })
        .collect();
    Finding::bad(
        name,
        Verdict::Warning,
        format!(
            "{} without a key: read in one piece, through one partition, and changes are found by all columns (slow on \
             large tables)",
            first_few(&quoted)
        ),
        adds.join("; "),
    )
}

/// The first names, and how many more there are.
pub(crate) fn first_few(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use millrace_model::schema::Nullability;

    use super::*;

    fn table(charset: &str, key: Vec<usize>) -> SourceTable {
        let name = TableName::new("shop", "o`rders");
        let ty = MysqlType::Varchar { length: 10, charset: charset.into() };
        let column = Column {
            name: "a".into(),
            ty,
            collation: "".into(),
            nullability: Nullability::NotNull,
            default: None,
            comment: String::new(),
        };
        SourceTable {
            name,
            columns: vec![column],
            primary_key: key.clone(),
            key,
            indexes: vec![],
            left_out: vec![],
            source_only: millrace_model::schema::SourceOnly::default(),
            comment: String::new(),
            has_other_unique_key: false,
            foreign_keys: vec![],
            estimated_rows: 0,
            estimated_bytes: 0,
        }
    }

    #[test]
    fn good_tables_are_good() {
        let tables = [table("utf8mb4", vec![0])];
        assert_eq!(ensure_known_charsets(&tables).verdict, Verdict::Good);
        assert_eq!(ensure_keys(&tables).verdict, Verdict::Good);
    }

    #[test]
    fn what_is_not_is_named_with_what_mends_it() {
        let tables = [table("klingon", vec![])];
        let charset = ensure_known_charsets(&tables);
        assert_eq!(charset.verdict, Verdict::Blocks);
        assert!(charset.found.contains("column \"a\" of table \"shop.o`rders\" (klingon)"), "{}", charset.found);
        let key = ensure_keys(&tables);
        assert_eq!(key.verdict, Verdict::Warning);
        assert!(key.mend.starts_with("ALTER TABLE `shop`.`o``rders` ADD COLUMN"), "{}", key.mend);
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        let names: Vec<String> = (0..7).map(|n| n.to_string()).collect();
        assert_eq!(first_few(&names), "0, 1, 2, 3, 4 and 2 more");
        assert_eq!(first_few(&names[..2]), "0, 1");
    }
}
