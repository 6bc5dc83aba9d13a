//! `millrace plan`.

use anyhow::Result;
use serde_json::Value;

use crate::world::{World, millrace};

fn named<'v>(list: &'v Value, field: &str, name: &str) -> &'v Value {
    list.as_array().unwrap().iter().find(|item| item[field] == name).unwrap_or_else(|| panic!("{name} in {list:#}"))
}

#[tokio::test]
async fn every_column_has_its_type_and_what_may_be_lost() -> Result<()> {
    let world = World::new("plan").await?;
    let name = &world.name;
    let loose = "CREATE TABLE loose (id INT PRIMARY KEY, code VARCHAR(9) COLLATE utf8mb4_general_ci UNIQUE, \
                 exact VARCHAR(9) COLLATE utf8mb4_0900_bin UNIQUE)";
    world.mysql(&format!("USE {name}; {loose};")).await?;
    let ended = millrace(&["plan", &world.whole_task()?, "--json"])?;
    assert_eq!(ended.code, 0, "{ended:?}");
    let plan = ended.json();
    assert!(plan["destination"].as_str().unwrap().starts_with("PostgreSQL "));
    assert!(plan["estimate"]["seconds"].as_u64().unwrap() >= 1);
    let customers = named(&plan["tables"], "source", &format!("{name}.customers"));
    assert_eq!((&customers["route"], &customers["key"][0]), (&"key".into(), &"id".into()));
    let id = named(&customers["columns"], "name", "id");
    assert_eq!((&id["source_type"], &id["destination_type"]), (&"bigint unsigned".into(), &"numeric(20,0)".into()));
    let born = named(&customers["columns"], "name", "born");
    assert_eq!(born["notes"][0], "0000-00-00 becomes NULL, so NULL is allowed");
    assert_eq!(named(&customers["columns"], "name", "card_number")["destination_type"], Value::Null);
    assert_eq!(
        named(&customers["left_out"], "what", "index \"by_notes\"")["why"],
        "holds only a prefix of column \"notes\""
    );
    assert_eq!(named(&plan["tables"], "source", &format!("{name}.lines_without_key"))["route"], "table");
    assert_eq!(customers["key_notes"], serde_json::json!([]));
    let loose = &named(&plan["tables"], "source", &format!("{name}.loose"))["key_notes"];
    let texts = "in MySQL texts of code that differ only in case, accents or spaces at the end are equal";
    assert!(loose[0].as_str().unwrap().contains(texts) && loose.as_array().unwrap().len() == 1, "{loose}");
    for (kind, object) in [
        ("view", format!("{name}.dear")),
        ("trigger", format!("{name}.orders.before_order")),
        ("foreign key", format!("{name}.orders.to_customer")),
        ("AUTO_INCREMENT column", format!("{name}.customers.id")),
    ] {
        assert_eq!(named(&plan["does_not_move"], "name", &object)["kind"], kind);
    }
    world.remove().await
}

/// What `--sql` prints is what the server takes.
#[tokio::test]
async fn the_statements_can_be_executed() -> Result<()> {
    let world = World::new("sql").await?;
    let task = world.whole_task()?;
    let sql = millrace(&["plan", &task, "--sql"])?;
    assert_eq!(sql.code, 0, "{sql:?}");
    world.postgres(&sql.out).await?;
    let client = world.servers.connect_postgres().await?;
    let query = format!("SELECT count(*) FROM information_schema.columns WHERE table_schema = '{}'", world.name);
    let columns: i64 = client.query_one(&query, &[]).await?.get(0);
    assert_eq!(columns, 9);
    let text = millrace(&["plan", &task])?.out;
    assert!(
        text.contains("3 tables to PostgreSQL") && text.contains("Does not move") && text.contains("1 view"),
        "{text}"
    );
    assert!(text.contains(&format!("The statements: millrace plan {task} --sql")), "{text}");
    let summary = millrace(&["plan", &task, "--summary"])?.out;
    assert!(summary.lines().count() < text.lines().count());
    world.remove().await
}

/// Over Kafka the topics and how each table is spread over them; with `millrace run` there is neither.
#[tokio::test]
async fn the_way_of_the_rows_is_shown() -> Result<()> {
    let world = World::new("way").await?;
    let (name, kafka) = (&world.name, &world.servers.kafka);
    let plan = |task: &str, form: &[&str]| millrace(&[&["plan", task], form].concat());
    let routes = |plan: &Value| -> Vec<Value> {
        plan["tables"].as_array().unwrap().iter().map(|table| table["route"].clone()).collect()
    };
    let keyless = format!("{name}.lines_without_key");

    let task = world.whole_task()?;
    let topics = ["captured", "transformed", "schemas", "state"].map(|topic| format!("{name}.{topic}"));
    let json = plan(&task, &["--json"])?.json();
    let log = serde_json::json!({ "kind": "kafka", "brokers": kafka, "partitions": 2, "topics": topics });
    assert_eq!((&json["log"], routes(&json)), (&log, vec!["key".into(), "table".into(), "key".into()]));
    let text = plan(&task, &[])?.out;
    assert!(text.contains("  key: id; rows are spread by their key over all partitions\n"), "{text}");
    let [captured, transformed, ..] = &topics;
    let line = format!("Over Kafka at {kafka}: topics {captured} and {transformed} with 2 partitions each, ");
    assert!(text.contains(&line) && text.contains("  kafka keeps about as much"), "{text}");
    let summary = plan(&task, &["--summary"])?.out;
    assert!(summary.contains(&line) && summary.contains("  route  key"), "{summary}");

    let task = world.embedded_task("")?;
    let json = plan(&task, &["--json"])?.json();
    let log = serde_json::json!({ "kind": "one_process" });
    assert_eq!((&json["log"], routes(&json)), (&log, vec![Value::Null; 3]));
    let reason = &named(&json["tables"], "source", &keyless)["route_reason"];
    assert_eq!(reason, "no key tells its rows apart: it is read whole, in one snapshot");
    let text = plan(&task, &[])?.out;
    assert!(text.contains("  key: id\n") && text.contains("no key tells its rows apart"), "{text}");
    let summary = plan(&task, &["--summary"])?.out;
    for text in [text, summary] {
        assert!(text.contains("In one process, by `millrace run`: there is no topic and no partition.\n"), "{text}");
        assert!(
            !text.to_lowercase().contains("kafka") && !text.contains("partitions") && !text.contains("route"),
            "{text}"
        );
    }
    world.remove().await
}

/// What a change of a table would do, and what would stop the task.
#[tokio::test]
async fn a_change_of_a_table_is_shown_before_it_is_made() -> Result<()> {
    let world = World::new("ddl").await?;
    let (task, name) = (world.whole_task()?, &world.name);
    let changed = |statement: &str| millrace(&["plan", &task, "--ddl", statement]);
    for (statement, expected) in [
        (
            "ALTER TABLE orders ADD COLUMN more INT NOT NULL DEFAULT 7, MODIFY total DECIMAL(14, 2) NOT NULL DEFAULT 1.50",
            ["the definition alone changes", "ADD COLUMN \"more\" integer DEFAULT '7'::integer NOT NULL;"],
        ),
        ("ALTER TABLE orders MODIFY customer_id BIGINT NOT NULL", ["written anew", "TYPE bigint"]),
        ("ALTER TABLE customers DROP COLUMN card_number", ["Nothing changes", "destination"]),
        ("RENAME TABLE orders TO sales", ["Lock", "RENAME TO \"sales\";"]),
        ("CREATE INDEX by_total ON orders (total)", ["CREATE INDEX", "(\"total\");"]),
        ("RENAME TABLE orders TO other.orders", ["leaves the selection", "dropped"]),
    ] {
        let ended = changed(statement)?;
        assert_eq!(ended.code, 0, "{statement}: {ended:?}");
        assert!(expected.iter().all(|part| ended.out.contains(part)), "{statement}: {}", ended.out);
    }
    for (statement, refused) in [
        ("DROP TABLE orders", "not a change of one table's definition"),
        ("ALTER TABLE nowhere ADD COLUMN a INT", "does not select table"),
        (
            "ALTER TABLE customers RENAME COLUMN card_number TO card",
            "takes column \"card_number\" from \"objects.columns.exclude\"",
        ),
    ] {
        let ended = changed(statement)?;
        assert!(ended.code != 0 && ended.err.contains(refused), "{statement}: {ended:?}");
    }
    let schemas = format!("SELECT 1 FROM pg_namespace WHERE nspname = '{name}'");
    let client = world.servers.connect_postgres().await?;
    assert!(client.query(&schemas, &[]).await?.is_empty(), "nothing was made");
    world.remove().await
}
