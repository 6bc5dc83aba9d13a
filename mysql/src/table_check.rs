//! Checks of the selected tables: what cannot be read, and what will not arrive by itself.

use millrace_model::{Column, MysqlType, TableName};

use crate::charset::Charset;
use crate::check::{Finding, Verdict};
use crate::ident::table_ident;
use crate::schema::SourceTable;
use crate::server::{Flavour, ServerFacts, Switch};

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

/// Changes that the server makes by itself through foreign keys are in the binlog: from MySQL 9.6 on they are.
pub fn ensure_no_hidden_cascades(facts: &ServerFacts, tables: &[SourceTable]) -> Finding {
    let name = "foreign_key_cascades";
    let cascades: Vec<String> = tables
        .iter()
        .flat_map(|table| table.foreign_keys.iter().filter(|key| key.cascades()).map(move |key| (table, key)))
        .map(|(table, key)| format!("\"{}\" of table \"{}\"", key.name, table.name))
        .collect();
    if cascades.is_empty() {
        return Finding::good(name, "no selected table has a foreign key that changes rows by itself");
    }
    let logs_cascades = facts.version >= (9, 6, 0) && facts.native_foreign_keys == Switch::Off;
    if facts.flavour == Flavour::Mysql && logs_cascades {
        return Finding::good(
            name,
            format!("{} that cascade; the binlog of this version has the rows", cascades.len()),
        );
    }
    Finding::bad(
        name,
        Verdict::Blocks,
        format!(
            "foreign keys that delete or change rows by themselves, which the binlog does not have (MySQL before 9.6 or with \
             innodb_native_foreign_keys, MariaDB): {}",
            first_few(&cascades)
        ),
        "make them ON DELETE RESTRICT ON UPDATE RESTRICT and delete the rows in the application, or see that referenced \
         rows are neither deleted nor given other keys while the task runs",
    )
}

/// The first names, and how many more there are.
fn first_few(names: &[String]) -> String {
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
    use crate::schema::{ForeignKey, ReferenceAction};

    fn table(charset: &str, key: Vec<usize>, on_delete: ReferenceAction) -> SourceTable {
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
        let foreign_key = ForeignKey {
            name: "to_customer".into(),
            columns: vec![0],
            referenced: TableName::new("shop", "customers"),
            referenced_columns: vec!["id".into()],
            on_delete,
            on_update: ReferenceAction::Refuse,
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
            foreign_keys: vec![foreign_key],
            estimated_rows: 0,
            estimated_bytes: 0,
        }
    }

    fn facts(version: (u16, u16, u16)) -> ServerFacts {
        ServerFacts {
            flavour: Flavour::Mysql,
            version,
            server_uuid: String::new(),
            server_id: 1,
            log_bin: crate::server::Switch::On,
            log_replica_updates: crate::server::Switch::On,
            gtid_mode: "ON".into(),
            binlog_format: "ROW".into(),
            binlog_row_image: "FULL".into(),
            binlog_row_metadata: "FULL".into(),
            binlog_transaction_compression: crate::server::Switch::Off,
            native_foreign_keys: crate::server::Switch::Off,
            name_case: crate::server::NameCase::AsWritten,
            charset: "utf8mb4".into(),
            binlog_expire_seconds: 0,
        }
    }

    #[test]
    fn good_tables_are_good() {
        let tables = [table("utf8mb4", vec![0], ReferenceAction::Refuse)];
        assert_eq!(ensure_known_charsets(&tables).verdict, Verdict::Good);
        assert_eq!(ensure_keys(&tables).verdict, Verdict::Good);
        assert_eq!(ensure_no_hidden_cascades(&facts((8, 0, 0)), &tables).verdict, Verdict::Good);
    }

    #[test]
    fn what_is_not_is_named_with_what_mends_it() {
        let tables = [table("klingon", vec![], ReferenceAction::Cascade)];
        let charset = ensure_known_charsets(&tables);
        assert_eq!(charset.verdict, Verdict::Blocks);
        assert!(charset.found.contains("column \"a\" of table \"shop.o`rders\" (klingon)"), "{}", charset.found);
        let key = ensure_keys(&tables);
        assert_eq!(key.verdict, Verdict::Warning);
        assert!(key.mend.starts_with("ALTER TABLE `shop`.`o``rders` ADD COLUMN"), "{}", key.mend);
        let cascade = ensure_no_hidden_cascades(&facts((9, 5, 0)), &tables);
        assert_eq!(cascade.verdict, Verdict::Blocks);
        assert!(cascade.found.contains("\"to_customer\" of table"), "{}", cascade.found);
        assert_eq!(ensure_no_hidden_cascades(&facts((9, 6, 0)), &tables).verdict, Verdict::Good);
        let native = ServerFacts { native_foreign_keys: Switch::On, ..facts((9, 6, 0)) };
        assert_eq!(ensure_no_hidden_cascades(&native, &tables).verdict, Verdict::Blocks);
        let maria_db = ServerFacts { flavour: Flavour::MariaDb, ..facts((10, 11, 0)) };
        assert_eq!(ensure_no_hidden_cascades(&maria_db, &tables).verdict, Verdict::Blocks);
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        let names: Vec<String> = (0..7).map(|n| n.to_string()).collect();
        assert_eq!(first_few(&names), "0, 1, 2, 3, 4 and 2 more");
        assert_eq!(first_few(&names[..2]), "0, 1");
    }
}
