//! CHECK constraints: the statements that `millrace plan` gives refuse the same rows as the source.

use anyhow::Result;
use mysql_async::prelude::Queryable;
use serde_json::Value;

use crate::world::{World, millrace};

/// Of a table of its own each.
const CONDITIONS: [&str; 20] = [
    "a > 0",
    "a BETWEEN 1 AND b",
    "a NOT BETWEEN -1 AND 1.5",
    "a IN (1, -1, NULL)",
    "a NOT IN (1, 2)",
    "b IS NULL OR b <> a",
    "a = 1 XOR b = 1",
    "NOT (a = 1) AND NOT b = 0",
    "a <=> b",
    "a OR b",
    "NOT a",
    "(a > 0) IS NOT TRUE",
    "(a > 0) IS UNKNOWN OR c IS NOT NULL",
    "c >= 0.5",
    "c < a",
    "c BETWEEN a AND b",
    "f < 1.5",
    "f IN (1, 0.1)",
    "f IS NOT NULL AND f <> -1",
    "b > -1 AND c <= 99.99",
];

/// Rows: every choice of one value of each column.
const VALUES: [&[&str]; 4] = [
    &["NULL", "-1", "0", "1", "2147483647"],
    &["NULL", "0", "1", "18446744073709551615"],
    &["NULL", "-0.01", "0.5", "1", "99.99"],
    &["NULL", "-1", "0.1", "1.5"],
];

/// Inserts every row that no constraint refuses.
fn insert_what_fits(table: &str) -> String {
    let rows: Vec<String> = rows().iter().map(|row| format!("'{row}'")).collect();
    format!(
        "DO $$ DECLARE one text; BEGIN FOREACH one IN ARRAY ARRAY[{}] LOOP \
         BEGIN EXECUTE 'INSERT INTO {table} VALUES ' || one; EXCEPTION WHEN check_violation THEN NULL; END; \
         END LOOP; END $$",
        rows.join(", ")
    )
}

fn rows() -> Vec<String> {
    let mut rows = vec![String::new()];
    for values in VALUES {
        rows = rows.iter().flat_map(|row| values.iter().map(move |value| format!("{row}, {value}"))).collect();
    }
    rows.iter().enumerate().map(|(id, row)| format!("({id}{row})")).collect()
}

fn table<'v>(plan: &'v Value, name: &str) -> &'v Value {
    plan["tables"].as_array().unwrap().iter().find(|table| table["source"] == name).unwrap()
}

#[tokio::test]
async fn constraints_made_at_cut_over_refuse_what_the_source_refuses() -> Result<()> {
    let world = World::new("checks").await?;
    let name = &world.name;
    let rows = rows().join(", ");
    let columns = "id INT PRIMARY KEY, a INT, b BIGINT UNSIGNED, c DECIMAL(6, 2), f DOUBLE";
    let mut script = format!("USE {name};");
    for (number, condition) in CONDITIONS.iter().enumerate() {
        script += &format!("CREATE TABLE t{number} ({columns}, CONSTRAINT holds{number} CHECK ({condition}));");
        // What a constraint does not hold for is left out.
        script += &format!("INSERT IGNORE INTO t{number} VALUES {rows};");
    }
    script += "CREATE TABLE others (id INT PRIMARY KEY, s VARCHAR(9), d DATE, CONSTRAINT texts CHECK (s <> ''), \
               CONSTRAINT computes CHECK (id + 1 > 0), CONSTRAINT is_loose CHECK (id > 0) NOT ENFORCED);";
    world.mysql(&script).await?;

    let task = world.whole_task()?;
    let ended = millrace(&["plan", &task, "--json"])?;
    assert_eq!(ended.code, 0, "{ended:?}");
    let plan = ended.json();
    let sql = millrace(&["plan", &task, "--sql"])?.out;
    world.postgres(&sql).await?;
    let client = world.servers.connect_postgres().await?;
    let mut source = world.servers.connect_mysql().await?;
    for (number, condition) in CONDITIONS.iter().enumerate() {
        let statements = &table(&plan, &format!("{name}.t{number}"))["statements_at_cut_over"];
        let statement = statements[0].as_str().unwrap_or_else(|| panic!("{condition}: {plan:#}"));
        assert!(sql.contains(&format!("-- {statement};")), "{sql}");
        client.batch_execute(statement).await?;
        client.batch_execute(&insert_what_fits(&format!("{name}.t{number}"))).await?;
        let accepted: Vec<i32> = source.query(format!("SELECT id FROM {name}.t{number} ORDER BY id")).await?;
        let query = format!("SELECT id FROM {name}.t{number} ORDER BY id");
        let found: Vec<i32> = client.query(&query, &[]).await?.iter().map(|row| row.get(0)).collect();
        assert!(!accepted.is_empty() && accepted == found, "{condition}: {accepted:?}, and here {found:?}");
    }

    let others = table(&plan, &format!("{name}.others"));
    assert_eq!(others["statements_at_cut_over"], serde_json::json!([]));
    let left_out = others["left_out"].as_array().unwrap();
    let whats: Vec<&str> = left_out.iter().map(|left| left["what"].as_str().unwrap()).collect();
    assert_eq!(whats, ["check \"computes\"", "check \"is_loose\"", "check \"texts\""]);
    let text = millrace(&["plan", &task])?.out;
    assert!(
        text.contains("at cut-over: ALTER TABLE")
            && text.contains("check \"is_loose\": the source does not enforce it"),
        "{text}"
    );
    world.remove().await
}
