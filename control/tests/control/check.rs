//! `millrace check`.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;

use crate::world::{Ended, World, millrace};

/// The checks of a run by name: result, found, mend.
fn checks(ended: &Ended) -> BTreeMap<String, (String, String, String)> {
    let json = ended.json();
    let text = |check: &Value, field: &str| check[field].as_str().unwrap().to_owned();
    let checks = json["checks"].as_array().unwrap();
    checks.iter().map(|c| (text(c, "name"), (text(c, "result"), text(c, "found"), text(c, "mend")))).collect()
}

#[tokio::test]
async fn a_good_database_is_good_once_the_warnings_are_accepted() -> Result<()> {
    let world = World::new("good").await?;
    let task = world.whole_task()?;
    let ended = millrace(&["check", &task, "--json"])?;
    assert_eq!(ended.code, 0, "warnings do not keep a task from starting: {ended:?}");
    let json = ended.json();
    assert_eq!((&json["task"], &json["environment"]), (&world.name.as_str().into(), &"test".into()));
    assert_eq!((&json["good"], &json["blocks"]), (&false.into(), &0.into()), "{json:#}");
    let found = checks(&ended);
    for name in ["source_connection", "gtid_mode", "selected_tables", "excluded_columns", "log_topics"] {
        assert_eq!(found[name].0, "ok", "{name}");
    }
    for name in ["destination_connection", "destination_existing_tables", "destination_task", "destination_names"] {
        assert_eq!(found[name].0, "ok", "{name}");
    }
    let (result, text, mend) = &found["tables_without_key"];
    assert_eq!(result, "warning");
    assert!(text.contains("lines_without_key") && mend.starts_with("ALTER TABLE"), "{text} {mend}");

    let warned: Vec<&String> =
        found.iter().filter(|(_, (result, ..))| result == "warning").map(|(name, _)| name).collect();
    let mut arguments = vec!["check", &task];
    warned.iter().for_each(|name| arguments.extend(["--accept", name.as_str()]));
    let accepted = millrace(&arguments)?;
    assert_eq!(accepted.code, 0, "{accepted:?}");
    assert!(accepted.out.contains(&format!("task \"{}\" can start.", world.name)), "{}", accepted.out);
    assert!(!accepted.out.contains('\x1b'), "colours in a pipe");
    world.remove().await
}

#[tokio::test]
async fn what_blocks_says_how_to_mend_it_and_cannot_be_accepted() -> Result<()> {
    let world = World::new("blocks").await?;
    let name = &world.name;
    world.postgres(&format!("CREATE SCHEMA {name}; CREATE TABLE {name}.orders (id int)")).await?;
    let objects = format!(
        "objects = [{{ table = \"{name}.orders\" }}, {{ table = \"{name}.ordres\" }}, \
         {{ table = \"{name}.customers\", columns = {{ exclude = [\"cart_number\"] }} }}]"
    );
    let task = world.task(&world.servers.mysql, &objects)?;
    let ended = millrace(&["check", &task, "--json", "--accept", "selected_tables"])?;
    assert_eq!(ended.code, 1);
    let found = checks(&ended);
    let (result, text, _) = &found["selected_tables"];
    assert!(result == "blocks" && text.contains(&format!("\"{name}.ordres\"")), "{text}");
    let (result, text, mend) = &found["destination_existing_tables"];
    assert!(result == "blocks" && text.contains(&format!("\"{name}.orders\"")), "{text}");
    assert!(mend.contains(&format!("DROP TABLE \"{name}\".\"orders\"")), "{mend}");
    let (result, text, _) = &found["excluded_columns"];
    assert!(result == "warning" && text.contains("\"cart_number\""), "{text}");

    // A slip in a column's name: the table has no such column to rename.
    let objects = format!(
        "objects = [{{ table = \"{name}.customers\", columns = {{ rename = {{ born_at = \"birthday\" }} }} }}]"
    );
    let task = world.task(&world.servers.mysql, &objects)?;
    let ended = millrace(&["check", &task, "--json"])?;
    let (result, text, _) = &checks(&ended)["table_mapping"];
    assert!(ended.code == 1 && result == "blocks" && text.contains("names column \"born_at\""), "{text}");
    let planned = millrace(&["plan", &task])?;
    assert!(planned.code == 1 && planned.err.contains("names column \"born_at\""), "{planned:?}");

    // Names that need quotes where there are none.
    let objects = format!("objects = [{{ table = \"{name}.*\" }}]\nschema = {{ quote = \"never\" }}");
    world.mysql(&format!("CREATE TABLE {name}.odd (id INT PRIMARY KEY, `Order Date` DATE)")).await?;
    let task = world.task(&world.servers.mysql, &objects)?;
    let (result, text, mend) = &checks(&millrace(&["check", &task, "--json"])?)["table_mapping"];
    assert!(result == "blocks" && text.contains("\"Order Date\", which has to be quoted"), "{text}");
    assert!(mend.contains("\"order_date\""), "{mend}");

    // Without the phase schema the same table must fit.
    let objects = format!("phases = [\"full\", \"incremental\"]\nobjects = [{{ table = \"{name}.orders\" }}]");
    let task = world.task(&world.servers.mysql, &objects)?;
    let (result, text, _) = &checks(&millrace(&["check", &task, "--json"])?)["destination_tables"];
    assert!(result == "blocks" && text.contains("column \"customer_id\""), "{text}");
    world.remove().await
}

/// A server of another kind at the source's address is named, long before a server that is slow would be given up.
#[tokio::test]
async fn another_kind_of_server_is_named() -> Result<()> {
    let world = World::new("stranger").await?;
    let objects = format!("objects = [{{ table = \"{}.*\" }}]", world.name);
    let postgres = world.servers.postgres.rsplit('@').next().unwrap().split('/').next().unwrap();
    for (address, kind) in [(postgres, "PostgreSQL server"), (world.servers.kafka.as_str(), "Kafka broker")] {
        let ended = millrace(&["check", &world.task(&format!("mysql://u@{address}"), &objects)?, "--json"])?;
        let (result, found, mend) = &checks(&ended)["source_connection"];
        let expected = format!("cannot reach the mysql server at \"{address}\": a {kind}");
        assert!(
            result == "blocks" && found.starts_with(&expected) && found.ends_with(" answers there, not MySQL"),
            "{found}"
        );
        assert!(ended.code == 3 && mend.contains("source.url"), "{ended:?}");
    }
    world.remove().await
}

/// What depends on the tables is left out, not guessed, where they cannot be read.
#[tokio::test]
async fn without_the_source_nothing_is_said_of_its_tables() -> Result<()> {
    let world = World::new("no_source").await?;
    let objects = format!("objects = [{{ table = \"{}.*\" }}]", world.name);
    let ended = millrace(&["check", &world.task("mysql://u@127.0.0.1:1", &objects)?, "--json"])?;
    let found = checks(&ended);
    assert_eq!((ended.code, found["source_connection"].0.as_str()), (3, "blocks"), "{found:?}");
    for made in ["log_connection", "destination_encoding", "destination_task"] {
        assert_eq!(found[made].0, "ok", "{made}: {found:?}");
    }
    for of_tables in
        ["destination_privileges", "destination_names", "destination_existing_tables", "destination_tables"]
    {
        assert!(!found.contains_key(of_tables), "{of_tables}: {found:?}");
    }
    world.remove().await
}

/// A key over texts that MySQL takes for equal and the destination does not is named, and keeps no task from starting.
#[tokio::test]
async fn keys_that_mean_something_else_are_named() -> Result<()> {
    let world = World::new("loose_keys").await?;
    let name = &world.name;
    let task = world.task(&world.servers.mysql, &format!("objects = [{{ table = \"{name}.*\" }}]"))?;
    let found = checks(&millrace(&["check", &task, "--json"])?);
    assert_eq!(found["key_meaning"].0, "ok", "{found:?}");

    let tables = "CREATE TABLE codes (code CHAR(8) COLLATE utf8mb4_bin PRIMARY KEY); \
                  CREATE TABLE users (id INT PRIMARY KEY, mail VARCHAR(80) COLLATE utf8mb4_0900_ai_ci, UNIQUE KEY by_mail (mail))";
    world.mysql(&format!("USE {name}; {tables}")).await?;
    let ended = millrace(&["check", &task, "--json"])?;
    let (result, text, mend) = &checks(&ended)["key_meaning"];
    assert_eq!((ended.code, result.as_str()), (0, "warning"), "{text}");
    let expected = [
        format!(
            "\"{name}.codes\", unique key \"PRIMARY\": in MySQL texts of code that differ only in spaces at the end are equal"
        ),
        format!(
            "\"{name}.users\", unique key \"by_mail\": in MySQL texts of mail that differ only in case or accents are equal"
        ),
    ];
    assert!(expected.iter().all(|line| text.contains(line)), "{text}");
    assert!(mend.contains("nothing is lost or merged"), "{mend}");
    world.remove().await
}

#[tokio::test]
async fn a_weak_account_is_told_what_to_grant() -> Result<()> {
    let world = World::new("weak").await?;
    let name = &world.name;
    let user = format!("u{}", &name[name.len().saturating_sub(20)..]);
    world
        .mysql(&format!("CREATE USER {user} IDENTIFIED BY 'hunter2'; GRANT SELECT ON {name}.orders TO {user}"))
        .await?;
    let address = world.servers.mysql.rsplit('@').next().unwrap();
    let task =
        world.task(&format!("mysql://{user}:hunter2@{address}"), &format!("objects = [{{ table = \"{name}.*\" }}]"))?;
    let ended = millrace(&["check", &task, "--json"])?;
    let found = checks(&ended);
    let (result, _, mend) = &found["replication_privileges"];
    assert_eq!(result, "blocks");
    assert_eq!(mend, &format!("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `{user}`@`%`"));
    assert_eq!(found["select_privilege"].0, "warning");
    assert!(!ended.out.contains("hunter2") && !ended.err.contains("hunter2"));

    let task =
        world.task(&format!("mysql://{user}:wrong@{address}"), &format!("objects = [{{ table = \"{name}.*\" }}]"))?;
    let ended = millrace(&["check", &task])?;
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("BLOCKS    source_connection"), "{}", ended.out);
    assert!(!ended.out.contains("wrong@"));
    world.mysql(&format!("DROP USER {user}")).await?;
    world.remove().await
}
