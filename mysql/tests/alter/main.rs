//! ALTER TABLE, CREATE INDEX and DROP INDEX as we follow them: a corpus of statements with what each makes of its table,
//! and the server's word for it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod corpus;
#[path = "../source/mod.rs"]
mod source;

use std::collections::HashMap;
use std::sync::Arc;

use millrace_model::schema::{DefaultValue, SourceOnly};
use millrace_model::{MysqlType, TableSchema};
use millrace_mysql::column_type::Collations;
use millrace_mysql::ddl::{
    Before, CreateDefaults, DdlEffect, DdlError, Evolution, RowsAfter, TimestampDefaults, classify, evolve,
    parse_create_table, restate,
};
use millrace_mysql::schema::read_tables;
use millrace_mysql::server::NameCase;
use millrace_mysql::sql_text::SqlMode;
use millrace_mysql::{SourceTable, StatementContext};

use crate::corpus::{Case, THEMES, cases, shown};

/// A session in this mode wrote the statements.
fn context(database: &str) -> StatementContext {
    StatementContext {
        default_database: database.into(),
        sql_mode: SqlMode(SqlMode::STRICT_TRANS_TABLES),
        server_version: 80_036,
        name_case: NameCase::AsWritten,
    }
}

fn defaults() -> CreateDefaults {
    let of_charset = [
        ("utf8mb4", "utf8mb4_0900_ai_ci"),
        ("utf8mb3", "utf8mb3_general_ci"),
        ("latin1", "latin1_swedish_ci"),
        ("ascii", "ascii_general_ci"),
        ("gbk", "gbk_chinese_ci"),
        ("binary", "binary"),
    ];
    let of_charset: HashMap<Arc<str>, Arc<str>> = of_charset.map(|(a, b)| (a.into(), b.into())).into();
    let collations = Collations { default: "utf8mb4_0900_ai_ci".into(), of_charset: of_charset.into() };
    CreateDefaults { charset: "utf8mb4".into(), collations, timestamps: TimestampDefaults::Explicit }
}

type Definition = (TableSchema<MysqlType>, SourceOnly);

fn definition(table: SourceTable) -> Definition {
    let source_only = table.source_only.clone();
    (table.into_schema(1), source_only)
}

fn create(database: &str, sql: &str) -> Definition {
    definition(parse_create_table(&context(database), sql, &defaults()).unwrap())
}

/// What capture does: a statement that is not said to change the definition leaves it as it is.
fn follow(database: &str, before: &Definition, sql: &str) -> Result<Evolution, DdlError> {
    let before = Before { schema: &before.0, source_only: &before.1 };
    let effects = classify(&context(database), sql)?;
    if effects.iter().any(|effect| matches!(effect, DdlEffect::AlterTable { .. })) {
        return evolve(&context(database), sql, before, &defaults());
    }
    let origins = (0..before.schema.columns.len()).map(Some).collect();
    Ok(Evolution { table: restate(before, before.schema.name.clone()), origins, rows: RowsAfter::Known })
}

#[test]
fn a_statement_changes_a_table_as_the_corpus_says() {
    let (mut count, mut differing) = (0, String::new());
    for theme in THEMES {
        for Case { create: base, sql, expected } in cases(theme) {
            count += 1;
            let before = create("d", base);
            let seen = match follow("d", &before, &sql) {
                Ok(after) => shown(&before, &after),
                Err(error) => format!("error: {error}"),
            };
            if seen != expected {
                differing.push_str(&format!("{sql}\n    expected {expected}\n    seen     {seen}\n"));
            }
        }
    }
    assert!(differing.is_empty(), "{differing}");
    assert!(count >= 300, "{count} statements");
}

/// Texts of expressions cannot agree.
fn comparable((mut schema, mut source_only): Definition) -> Definition {
    for column in &mut schema.columns {
        if let Some(DefaultValue::Expression(text)) = &mut column.default {
            text.clear();
        }
    }
    schema.table_id = 0;
    source_only.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    (schema, source_only)
}

#[tokio::test]
async fn a_statement_changes_a_table_as_the_server_does() {
    source::with_database("alter", async |session, database| {
        source::run(session, &["SET SESSION sql_mode = 'STRICT_TRANS_TABLES'"]).await;
        let mut differing = Vec::new();
        for Case { create: base, sql, .. } in THEMES.iter().flat_map(|theme| cases(theme)) {
            source::run(session, &[base]).await;
            if let Err(error) = session.execute("altering", &sql).await {
                differing.push(format!("{base}\n  {sql}\n  the server refuses it: {error}"));
            } else {
                let catalog = read_tables(session, &|name| &*name.database == database).await.unwrap().remove(0);
                match follow(database, &create(database, base), &sql) {
                    Ok(after) => {
                        let (ours, theirs) = (comparable(definition(after.table)), comparable(definition(catalog)));
                        if ours != theirs {
                            differing.push(format!("{base}\n  {sql}\n  ours   {ours:?}\n  server {theirs:?}"));
                        }
                    }
                    Err(error) => differing.push(format!("{sql}\n  {error}")),
                }
            }
            source::run(session, &["DROP TABLE t"]).await;
        }
        assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
    })
    .await;
}

/// MariaDB's conditions, which MySQL's grammar lacks; there is no server to ask here.
#[test]
fn conditions_hold_or_not() {
    let before = create("d", "CREATE TABLE t (a INT PRIMARY KEY, b INT, KEY k (b))");
    for (sql, expected) in [
        ("ALTER TABLE IF EXISTS t ADD COLUMN IF NOT EXISTS b INT", "a, b"),
        ("ALTER TABLE t ADD COLUMN IF NOT EXISTS c INT AFTER a", "a, +c(int), b"),
        ("ALTER TABLE t ADD IF NOT EXISTS (b INT, c INT)", "a, b, +c(int)"),
        ("ALTER TABLE t DROP COLUMN IF EXISTS x, DROP IF EXISTS b", "a | indexes none"),
        ("ALTER TABLE t MODIFY COLUMN IF EXISTS x INT, CHANGE IF EXISTS b c INT", "a, b>c | indexes k(c)"),
        ("ALTER TABLE t RENAME COLUMN IF EXISTS x TO y", "a, b"),
        ("ALTER TABLE t ALTER COLUMN IF EXISTS x SET DEFAULT 5", "a, b"),
        ("ALTER TABLE t ADD INDEX IF NOT EXISTS k (a), ADD KEY IF NOT EXISTS l (a)", "a, b | indexes k(b) l(a)"),
        ("ALTER TABLE t DROP INDEX IF EXISTS x, DROP KEY IF EXISTS k", "a, b | indexes none"),
        ("ALTER TABLE t DROP CONSTRAINT IF EXISTS x, DROP FOREIGN KEY IF EXISTS y", "a, b"),
        ("ALTER TABLE t WAIT 10 ADD c INT", "a, b, +c(int)"),
        ("ALTER ONLINE TABLE t NOWAIT ADD c INT", "a, b, +c(int)"),
        ("ALTER IGNORE TABLE t ADD UNIQUE (b)", "a, b | route Table | indexes !b(b) k(b) | rows anew"),
        ("CREATE INDEX IF NOT EXISTS k ON t (a)", "a, b"),
        ("CREATE INDEX l ON t WAIT 5 (a)", "a, b | indexes k(b) l(a)"),
        ("CREATE OR REPLACE INDEX l ON t (a)", "a, b | indexes k(b) l(a)"),
        ("DROP INDEX IF EXISTS x ON t", "a, b"),
    ] {
        let seen = follow("d", &before, sql).map_or_else(|_| "error".to_owned(), |after| shown(&before, &after));
        assert_eq!(seen, expected, "{sql}");
    }
}

#[test]
fn what_does_not_fit_or_is_not_known_stops() {
    let before = create("d", "CREATE TABLE t (a INT PRIMARY KEY, b INT, KEY k (b))");
    for (sql, expected) in [
        ("ALTER TABLE t ADD b INT", "definition: it would have column \"b\" twice"),
        ("ALTER TABLE t RENAME COLUMN b TO A", "definition: it would have column \"A\" twice"),
        ("ALTER TABLE t DROP x", "definition: it has no column \"x\""),
        ("ALTER TABLE t MODIFY x INT", "definition: it has no column \"x\""),
        ("ALTER TABLE t ADD c INT AFTER x", "definition: it has no column \"x\" after which one could stand"),
        ("ALTER TABLE t DROP a, DROP b", "definition: no column would be left"),
        ("ALTER TABLE t DROP KEY x", "definition: it has no index \"x\""),
        ("ALTER TABLE t RENAME INDEX x TO y", "definition: it has no index \"x\""),
        ("ALTER TABLE t ADD KEY (x)", "expected column \"x\" of an index of \"d.t\""),
        ("ALTER TABLE t ADD c XMLTYPE", "type \"xmltype\" is not supported"),
        ("ALTER TABLE t FROB b", "an action of ALTER TABLE \"d.t\" that is known, not \"FROB b\""),
        ("ALTER TABLE t ADD SYSTEM VERSIONING", "ADD SYSTEM VERSIONING or PERIOD is not supported"),
        ("ALTER TABLE t CONVERT TO CHARACTER SET DEFAULT", "CHARACTER SET DEFAULT in ALTER TABLE is not supported"),
        ("ALTER TABLE t ADD c INT FROB", "expected an attribute of column \"d.t.c\" before FROB"),
        ("ALTER TABLE t ALTER b FROB", "expected SET DEFAULT or DROP DEFAULT after ALTER COLUMN"),
    ] {
        let error = follow("d", &before, sql).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{sql}: {error}");
    }
}

#[test]
fn a_mode_that_is_not_strict_may_change_values() {
    let before = create("d", "CREATE TABLE t (a INT PRIMARY KEY, b INT)");
    let sql = "ALTER TABLE t MODIFY b INT NOT NULL";
    assert_eq!(follow("d", &before, sql).unwrap().rows, RowsAfter::Known);
    let before = Before { schema: &before.0, source_only: &before.1 };
    let context = StatementContext { sql_mode: SqlMode(0), ..context("d") };
    assert_eq!(evolve(&context, sql, before, &defaults()).unwrap().rows, RowsAfter::ReadAgain);
}
