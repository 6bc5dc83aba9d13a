//! Plans for destinations that tests have no server of: what is shown is what apply would execute there.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use millrace_adbpg::dialect::{Beam, Cluster, DeadlockDetector};
use millrace_model::schema::SourceOnly;
use millrace_model::{Column, MysqlType};
use millrace_task::{Surroundings, parse};

use super::*;
use crate::catalog::map_tables;

fn column(name: &str) -> Column<MysqlType> {
    Column {
        name: name.into(),
        ty: MysqlType::Varchar { length: 10, charset: "utf8mb4".into() },
        collation: "utf8mb4_bin".into(),
        nullability: Nullability::NotNull,
        default: None,
        comment: String::new(),
    }
}

/// A table with the key (`a`, `b`).
fn table() -> SourceTable {
    SourceTable {
        name: TableName::new("shop", "t"),
        columns: vec![column("a"), column("b")],
        primary_key: vec![0, 1],
        key: vec![0, 1],
        indexes: vec![],
        left_out: vec![],
        source_only: SourceOnly::default(),
        comment: String::new(),
        has_other_unique_key: false,
        foreign_keys: vec![],
        estimated_rows: 1,
        estimated_bytes: 1,
    }
}

/// What `plan` shows of a task with these keys of its rule: the statement that creates the table.
fn shown(keys: &str, dialect: &Dialect) -> Result<String, AdbpgError> {
    let text = format!(
        "name = 'shop'\nsource.url = 'mysql://u@127.0.0.1'\ndestination.url = 'postgres://u@127.0.0.1/d'\n\
         objects = [{{ table = 'shop.*', {keys} }}]"
    );
    let task = parse(&text, Path::new("shop.toml"), &Surroundings::none()).unwrap();
    let tables = [table()];
    let mapped = map_tables(&task, &tables).unwrap();
    let plan = plan(&task, dialect, &tables, &mapped, Beside { objects: vec![], checks: vec![] })?;
    Ok(plan.tables[0].statements[0].clone())
}

fn cluster() -> Cluster {
    Cluster { version: "7.0.0".to_owned(), base: 120_012, deadlock_detector: DeadlockDetector::On, beam: Beam::Absent }
}

#[test]
fn distribution_and_storage_of_the_task_file_are_shown() {
    let analytic = Dialect::AnalyticDb { cluster: cluster() };
    let greenplum = Dialect::Greenplum { cluster: cluster() };
    let postgres = Dialect::Postgres { version: 150_000 };
    let (by_b, replicated) = ("distributed_by = ['b'], storage = 'beam'", "distributed_by = 'replicated'");
    for (keys, dialect, end) in [
        ("", &analytic, "(\"a\", \"b\")) DISTRIBUTED BY (\"a\", \"b\")"),
        (by_b, &analytic, "(\"a\", \"b\")) USING beam DISTRIBUTED BY (\"b\")"),
        ("storage = 'heap'", &greenplum, "(\"a\", \"b\")) USING heap DISTRIBUTED BY (\"a\", \"b\")"),
        (replicated, &greenplum, "(\"a\", \"b\")) DISTRIBUTED REPLICATED"),
        // Without segments there is nothing to spread over.
        ("distributed_by = ['b'], storage = 'heap'", &postgres, "(\"a\", \"b\"))"),
    ] {
        let statement = shown(keys, dialect).unwrap();
        assert!(statement.ends_with(&format!("PRIMARY KEY {end}")), "{keys} on {dialect}: {statement}");
    }
    for dialect in [&greenplum, &postgres] {
        let refused = shown(by_b, dialect).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("storage = \"beam\" needs AnalyticDB for PostgreSQL 7, and this is {dialect}")),
            "{refused}"
        );
    }
}
