//! What is sent to the Greenplum family, held word by word: no such server runs in the tests. Each test cites the sections
//! of the measurements on Greenplum 7 (greenplum.md) that its rules come from.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use millrace_model::schema::{Column, Distribution, Index, Nullability, Placement, Route, Storage, Uniqueness};
use millrace_model::{ErrorClass, PgType, TableName, TableSchema};

use crate::alter::{Difference, Means, render_alter};
use crate::check_constraints::Check;
use crate::connect::render_session;
use crate::ddl::{ExistingTable, render_create_table};
use crate::dialect::{Dialect, RowIdentity};
use crate::error::class_of;
use crate::indexes::render_indexes;
use crate::key_array::{render_delete, render_present};
use crate::keyless::render_delete_equal;
use crate::state::render_state_tables;

const SEVEN: &str = "PostgreSQL 12.12 (Greenplum Database 7.0.0 build commit:0a7a35668) on x86_64";

/// A server that says this of itself, beside what every Greenplum 7 does.
fn server(version: &str, more: &[(&str, &str)]) -> Dialect {
    let usual = [("server_version_num", "120012"), ("gp_server_version", "7.0.0 build commit:0a7a35668")];
    let settings = usual.iter().chain(more).map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Dialect::detect(version, &settings)
}

fn greenplum() -> Dialect {
    server(SEVEN, &[])
}

fn table(key: &[usize], distribution: Distribution) -> TableSchema<PgType> {
    let column = |name: &str, ty, nullability| Column {
        name: name.into(),
        ty,
        nullability,
        default: None,
        comment: String::new(),
        collation: "".into(),
    };
    let index =
        |name: &str, columns: &[usize], uniqueness| Index { name: name.into(), columns: columns.into(), uniqueness };
    TableSchema {
        table_id: 1,
        name: TableName::new("s", "t"),
        columns: vec![
            column("a", PgType::Integer, Nullability::NotNull),
            column("b", PgType::Text, Nullability::NotNull),
            column("j", PgType::Json, Nullability::Nullable),
        ],
        primary_key: key.to_vec(),
        key: key.to_vec(),
        indexes: vec![
            index("unique_b", &[1], Uniqueness::Unique),
            index("unique_ba", &[1, 0], Uniqueness::Unique),
            index("plain_j", &[2], Uniqueness::NonUnique),
        ],
        comment: String::new(),
        route: Route::Table,
        placement: Placement { distribution, storage: Storage::Usual },
    }
}

fn create(dialect: &Dialect, table: &TableSchema<PgType>) -> String {
    render_create_table(dialect, table, ExistingTable::Refuse).unwrap().statements.remove(0)
}

fn indexes(dialect: &Dialect, table: &TableSchema<PgType>) -> Vec<String> {
    let statements = render_indexes(dialect, table).unwrap().statements;
    statements.iter().map(|sql| sql.split(" ON ").next().unwrap().replace("IF NOT EXISTS ", "")).collect()
}

/// Section 1: the family is known by its settings, AnalyticDB by what it calls itself.
#[test]
fn the_family_is_detected_by_facts() {
    assert_eq!(greenplum().to_string(), "Greenplum 7.0.0");
    let analytic = server("PostgreSQL 12.12 (AnalyticDB PostgreSQL 7.0.6.6) on x86_64", &[]);
    assert_eq!(analytic.to_string(), "AnalyticDB for PostgreSQL 7.0.6.6");
    assert_eq!(server(SEVEN, &[("adbpg_version", "7.0.6.2")]).to_string(), "AnalyticDB for PostgreSQL 7.0.6.2");
    // A name without a number says no more than Greenplum's.
    assert_eq!(server("PostgreSQL 12.12 (AnalyticDB)", &[]).to_string(), "AnalyticDB for PostgreSQL 7.0.0");
    let plain: BTreeMap<String, String> = [("server_version_num".to_owned(), "150004".to_owned())].into();
    assert!(!Dialect::detect("PostgreSQL 15.4", &plain).is_distributed());
}

/// Section 2: every table names its distribution, which is within every unique key; a table without a key is spread at
/// random and can have no unique index; what is unique by other columns needs REPLICATED.
#[test]
fn every_unique_key_contains_the_distribution() {
    let dialect = greenplum();
    let keyed = table(&[0], Distribution::Key);
    let columns = "\"a\" integer NOT NULL, \"b\" text NOT NULL, \"j\" json";
    let sql = format!("CREATE TABLE \"s\".\"t\" ({columns}, PRIMARY KEY (\"a\")) DISTRIBUTED BY (\"a\")");
    assert_eq!(create(&dialect, &keyed), sql);
    let unique_b = "CREATE INDEX \"t_unique_b_bd7d1c1f\"";
    let [plain, unique] = &indexes(&dialect, &keyed)[..] else { panic!("two indexes: json has no order") };
    assert_eq!(plain.split("_b_").next(), unique_b.split("_b_").next());
    assert!(unique.starts_with("CREATE UNIQUE INDEX \"t_unique_ba_"), "{unique}");

    let by_part = table(&[1, 0], Distribution::Columns(vec![0]));
    let sql = format!("CREATE TABLE \"s\".\"t\" ({columns}, PRIMARY KEY (\"b\", \"a\")) DISTRIBUTED BY (\"a\")");
    assert_eq!(create(&dialect, &by_part), sql);

    let keyless = table(&[], Distribution::Key);
    assert_eq!(create(&dialect, &keyless), format!("CREATE TABLE \"s\".\"t\" ({columns}) DISTRIBUTED RANDOMLY"));
    assert!(indexes(&dialect, &keyless).iter().all(|sql| sql.starts_with("CREATE INDEX")));

    let everywhere = table(&[0], Distribution::Replicated);
    assert!(create(&dialect, &everywhere).ends_with(", PRIMARY KEY (\"a\")) DISTRIBUTED REPLICATED"));
    assert!(indexes(&dialect, &everywhere).iter().all(|sql| sql.starts_with("CREATE UNIQUE INDEX")));
}

/// Section 2: a primary key that lacks the distribution key is left out, and said to be.
#[test]
fn a_primary_key_without_the_distribution_is_left_out() {
    let mut other = table(&[0, 1], Distribution::Key);
    other.primary_key = vec![0];
    let rendered = render_create_table(&greenplum(), &other, ExistingTable::Refuse).unwrap();
    assert!(rendered.statements[0].ends_with(", UNIQUE (\"a\", \"b\")) DISTRIBUTED BY (\"a\", \"b\")"));
    assert_eq!(rendered.left_out[0].what, "the primary key");
}

/// Section 2 asks nothing of CHECK constraints: they need not contain the distribution key. NOT VALID is of PostgreSQL 9.2,
/// and Greenplum 6 is 9.4.
#[test]
fn a_check_is_as_everywhere() {
    let (table, condition) = (TableName::new("s", "t"), "(\"b\" > 0)".to_owned());
    let check = Check { table, name: "positive".to_owned(), condition };
    let add = "ALTER TABLE \"s\".\"t\" ADD CONSTRAINT \"positive\" CHECK ((\"b\" > 0)) NOT VALID";
    let validate = "ALTER TABLE \"s\".\"t\" VALIDATE CONSTRAINT \"positive\"";
    assert_eq!(check.render().unwrap(), [add, validate]);
}

/// Section 4: on a replicated table no system column names a row, so rows that only their number tells apart cannot be there.
#[test]
fn a_replicated_table_has_a_key() {
    let error =
        render_create_table(&greenplum(), &table(&[], Distribution::Replicated), ExistingTable::Refuse).unwrap_err();
    assert!(error.to_string().contains("a table without a key cannot be replicated"), "{error}");
}

/// Section 3 and the manual of AnalyticDB: Beam from 7.0.6.6 on where the server has it; nothing is chosen where that is not
/// known. Before PostgreSQL 12 there is no USING.
#[test]
fn storage_follows_what_the_server_has() {
    let beam = [("access_method_beam", "on")];
    let named = |version: &str| format!("PostgreSQL 12.12 (AnalyticDB PostgreSQL {version}) on x86_64");
    let six = [("server_version_num", "90426"), ("gp_server_version", "6.3.0")];
    for (dialect, storage, end) in [
        (server(&named("7.0.6.6"), &beam), Storage::Usual, " USING beam DISTRIBUTED BY (\"a\")"),
        (server(&named("7.1.0.0"), &beam), Storage::Usual, " USING beam DISTRIBUTED BY (\"a\")"),
        (server(&named("7.0.6.6"), &beam), Storage::Heap, " USING heap DISTRIBUTED BY (\"a\")"),
        (server(&named("7.0.6.6"), &[]), Storage::Usual, ") DISTRIBUTED BY (\"a\")"),
        (server(&named("7.0.6.5"), &beam), Storage::Usual, ") DISTRIBUTED BY (\"a\")"),
        (server(&named("7.0.6.5"), &beam), Storage::Beam, " USING beam DISTRIBUTED BY (\"a\")"),
        (greenplum(), Storage::Heap, " USING heap DISTRIBUTED BY (\"a\")"),
        (server("PostgreSQL 9.4.26 (AnalyticDB PostgreSQL 6.6.2.4)", &six), Storage::Heap, ") DISTRIBUTED BY (\"a\")"),
    ] {
        let mut table = table(&[0], Distribution::Key);
        table.placement.storage = storage;
        let sql = create(&dialect, &table);
        assert!(sql.ends_with(end), "{dialect}, {storage:?}: {sql}");
    }
}

/// Sections 4 and 5: rows are deleted by key and copied. Nothing is updated, so no distribution column is ever in a SET list and
/// no UPDATE locks a table; nothing is upserted, which append-optimized tables refuse (section 3). A single column is
/// compared with an array, several with unnest, which needs no motion and reads by the index (section 8).
#[test]
fn rows_are_deleted_by_key_and_never_updated() {
    let one = table(&[0], Distribution::Key);
    assert_eq!(render_delete(&one).unwrap(), "DELETE FROM \"s\".\"t\" AS t WHERE t.\"a\" = ANY($1)");
    let two = table(&[0, 1], Distribution::Key);
    let sql = "DELETE FROM \"s\".\"t\" AS t USING unnest($1, $2) AS k(k1, k2) WHERE t.\"a\" = k.k1 AND t.\"b\" = k.k2";
    assert_eq!(render_delete(&two).unwrap(), sql);
    let keyless = render_delete_equal(&table(&[], Distribution::Key), greenplum().row_identity()).unwrap();
    assert_eq!(greenplum().row_identity(), RowIdentity::SegmentAndCtid);
    assert!(keyless.contains("WHERE d.gp_segment_id = chosen.segment AND d.ctid = chosen.place"), "{keyless}");
    let mut all = render_state_tables(&greenplum());
    all.extend([
        sql.to_owned(),
        keyless,
        render_present(&two).unwrap(),
        render_session(&greenplum(), &BTreeMap::new()),
    ]);
    for sql in all {
        for word in ["ON CONFLICT", "UPDATE ", "FOR SHARE", "TEMP ", "CONCURRENTLY", "PREPARE TRANSACTION", "MERGE"] {
            assert!(!sql.contains(word), "{sql}");
        }
    }
}

/// Section 5 and 6: what the destination remembers is heap, of one segment for each task, in the first column of each key.
#[test]
fn the_state_of_a_task_is_on_one_segment() {
    for sql in render_state_tables(&greenplum()) {
        assert!(sql.ends_with(" WITH (appendonly=false) DISTRIBUTED BY (task_id)"), "{sql}");
        assert!(sql.contains("PRIMARY KEY (task_id"), "{sql}");
    }
}

/// Section 7: the type of a key column changes by way of a table without key and distribution.
#[test]
fn the_type_of_a_key_column_changes_by_the_recipe() {
    let before = table(&[0], Distribution::Key);
    let mut after = before.clone();
    after.columns[0].ty = PgType::BigInt;
    (after.indexes, after.columns[1].ty) = (before.indexes.clone(), PgType::Text);
    let origins = [Some(0), Some(1), Some(2)];
    let statements = render_alter(&greenplum(), &Difference::new(&before, &after, &origins).unwrap(), Means::InPlace)
        .unwrap()
        .statements;
    let steps = [
        "DROP CONSTRAINT",
        "SET DISTRIBUTED RANDOMLY",
        "ALTER COLUMN \"a\" TYPE bigint",
        "SET DISTRIBUTED BY (\"a\")",
        "ADD PRIMARY KEY (\"a\")",
    ];
    let places: Vec<usize> = steps
        .iter()
        .map(|step| {
            statements.iter().position(|sql| sql.contains(step)).unwrap_or_else(|| panic!("{step} in {statements:#?}"))
        })
        .collect();
    assert!(places.is_sorted(), "{statements:#?}");
}

/// Section 8: reads by key need nested loops, which are off by default, and the planner whose plans were measured; both
/// only where the server has them and lets them be set. Section 5: no lock is waited for without end.
#[test]
fn the_session_is_set_up_for_reads_by_key() {
    let has = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let usual = [("lock_timeout", "0"), ("default_transaction_isolation", "read committed")];
    let sql = render_session(&greenplum(), &has(&usual));
    assert_eq!(
        sql,
        "SET lock_timeout TO '10s';SET default_transaction_isolation TO 'read committed';SET enable_nestloop TO on;"
    );
    let orca = [("optimizer", "on"), ("optimizer_control", "on")];
    assert!(render_session(&greenplum(), &has(&orca)).ends_with("SET optimizer TO off;"));
    let fixed = [("optimizer", "on"), ("optimizer_control", "off")];
    assert!(!render_session(&greenplum(), &has(&fixed)).contains("optimizer"));
    let postgres = Dialect::Postgres { version: 150_004 };
    assert!(!render_session(&postgres, &has(&orca)).contains("optimizer"));
}

/// Section 9: a segment that is lost (58M01, 57P01) leaves the connection usable and takes the session's temporary state with
/// it: such a session is given up, as a lost connection is. A COMMIT that answers ROLLBACK is ruled out by `commit`.
#[test]
fn a_lost_segment_is_a_lost_connection() {
    for state in ["58M01", "57P01"] {
        assert_eq!(class_of(state), ErrorClass::Connection, "{state}");
    }
    for state in ["40P01", "55P03", "57014"] {
        assert_eq!(class_of(state), ErrorClass::Statement, "{state}");
    }
}
