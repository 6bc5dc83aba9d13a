//! `millrace cut-over` of tasks that run, stand still and are completed.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use millrace_testkit::{Stage, StageCommand, built_binary, poll_until};
use serde_json::Value;
use tokio_postgres::SimpleQueryMessage;

use crate::world::{Ended, World, millrace};

pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// Columns of names, types and counters that differ; `two` had a third row.
const TABLES: &str = "
CREATE TABLE two (n SMALLINT AUTO_INCREMENT PRIMARY KEY, v INT);
INSERT INTO two (v) VALUES (1), (2), (3);
DELETE FROM two WHERE n = 3;
CREATE TABLE `Odd \"table` (`it's \"n` INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = 1000;
CREATE TABLE stays (id INT PRIMARY KEY, n INT AUTO_INCREMENT, KEY by_n (n));
INSERT INTO stays (id) VALUES (1);
";

fn rules(name: &str) -> String {
    format!(
        "objects = [{{ table = \"{name}.*\" }}, {{ table = \"{name}.stays\", columns = {{ exclude = [\"n\"] }} }}, \
         {{ table = \"{name}.two\", rename = \"{name}.second\", columns = {{ rename = {{ n = \"N o\" }} }} }}]"
    )
}

/// Runs `cut-over` on a task; the exit code must be this.
pub(crate) fn cut_over(task: &str, options: &[&str], code: i32) -> Result<Ended> {
    let ended = millrace(&[&["cut-over", task], options].concat())?;
    assert_eq!(ended.code, code, "{options:?}: {ended:?}");
    Ok(ended)
}

/// (name in the source without its database, state, next number) of each item.
pub(crate) fn items(ended: &Ended, database: &str) -> Vec<(String, String, Option<i64>)> {
    let items = ended.json()["items"].as_array().unwrap().clone();
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    let name = |item: &Value| text(item, "source").strip_prefix(&format!("{database}.")).unwrap().to_owned();
    items.iter().map(|item| (name(item), text(item, "state"), item["next"].as_i64())).collect()
}

pub(crate) fn expected(list: &[(&str, &str, Option<i64>)]) -> Vec<(String, String, Option<i64>)> {
    list.iter().map(|(name, state, next)| ((*name).to_owned(), (*state).to_owned(), *next)).collect()
}

/// The one value that a statement gives.
pub(crate) async fn value(world: &World, sql: &str) -> Result<String> {
    let messages = world.servers.connect_postgres().await?.simple_query(sql).await?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    Ok(row.unwrap())
}

pub(crate) fn start(world: &World, task: &str) -> Result<Vec<Stage>> {
    let stage = |name: &str| {
        let command = StageCommand::new(built_binary(name)?).argument("--task").argument(task);
        command.spawn(&world.folder.join(format!("{name}.log")))
    };
    ["millrace-capture", "millrace-transform", "millrace-apply"].into_iter().map(stage).collect()
}

/// Takes Kafka out of a task file.
pub(crate) fn without_kafka(task: &str) -> Result<()> {
    let text = fs::read_to_string(task)?;
    let (log, http) = (text.find("[log]").unwrap(), text.find("[http]").unwrap());
    Ok(fs::write(task, format!("{}{}", &text[..log], &text[http..]))?)
}

pub(crate) fn start_one_process(world: &World, task: &str) -> Result<Vec<Stage>> {
    let program = StageCommand::new(env!("CARGO_BIN_EXE_millrace")).argument("run").argument(task);
    Ok(vec![program.spawn(&world.folder.join("run.log"))?])
}

/// Every stage answers: before, nobody can be asked.
pub(crate) async fn wait_until_it_runs(task: &str) -> Result<()> {
    poll_until(LIMIT, "a task that runs", async || {
        Ok(millrace(&["status", task, "--json"])?.json()["state"] == "running")
    })
    .await
}

#[tokio::test]
async fn the_destination_counts_on_where_the_source_ended() -> Result<()> {
    let world = World::new("cut_over").await?;
    let name = world.name.clone();
    world.mysql(&format!("USE {name}; {TABLES}")).await?;
    let task = world.task(&world.servers.mysql, &rules(&name))?;
    let refused = cut_over(&task, &["--execute"], 1)?;
    assert!(refused.err.contains("nothing was done") && refused.err.contains("has not started"), "{refused:?}");

    let stages = start(&world, &task)?;
    wait_until_it_runs(&task).await?;
    let wait = ["--wait", "90"];
    // What is written while the command waits has arrived before it does anything.
    let rows = "INSERT INTO customers (name, born) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n \
                WHERE i < 500) SELECT 'c', '2001-01-01' FROM n;";
    world.mysql(&format!("USE {name}; {rows}")).await?;
    let shown = cut_over(&task, &[&wait[..], &["--json"]].concat(), 0)?;
    let customers = "SELECT count(*) FROM {}.customers".replace("{}", &name);
    assert_eq!(value(&world, &customers).await?, "502");
    let next = shown.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["source"] == format!("{name}.customers.id"))
        .cloned();
    let next = next.unwrap()["next"].as_i64().unwrap();
    let all = |state: &str, customers: i64, odd: i64, two: i64| {
        expected(&[
            ("Odd \"table.it's \"n", state, Some(odd)),
            ("customers.id", state, Some(customers)),
            ("two.n", state, Some(two)),
        ])
    };
    assert_eq!(items(&shown, &name), all("needed", next, 1000, 4));
    // Nothing was changed by showing it.
    let executed = cut_over(&task, &[&wait[..], &["--execute", "--json"]].concat(), 0)?;
    assert_eq!(items(&executed, &name), all("done", next, 1000, 4));
    let insert_odd = format!("INSERT INTO {name}.\"Odd \"\"table\" (v) VALUES (1) RETURNING \"it's \"\"n\"");
    let insert_two = format!("INSERT INTO {name}.second (v) VALUES (1) RETURNING \"N o\"");
    let insert_customer = format!("INSERT INTO {name}.customers (name, born) VALUES ('d', '2001-01-01') RETURNING id");
    assert_eq!(value(&world, &insert_odd).await?, "1000");
    assert_eq!(value(&world, &insert_two).await?, "4");
    assert_eq!(value(&world, &insert_customer).await?, next.to_string());
    // Again: nothing to do, and nothing goes back.
    let again = cut_over(&task, &[&wait[..], &["--execute", "--json"]].concat(), 0)?;
    assert_eq!(items(&again, &name), all("ready", next + 1, 1001, 5));

    // The task goes on, and what the source gave since is stepped over.
    world.mysql(&format!("USE {name}; INSERT INTO two VALUES (40, 1)")).await?;
    let forward = cut_over(&task, &[&wait[..], &["--execute", "--json"]].concat(), 0)?;
    let states: Vec<String> = items(&forward, &name).into_iter().map(|(_, state, _)| state).collect();
    assert_eq!((states[0].as_str(), states[2].as_str()), ("ready", "done"), "{forward:?}");
    assert_eq!(value(&world, &insert_two).await?, "41");

    drop(stages);
    let stopped = cut_over(&task, &["--execute"], 1)?;
    assert!(stopped.err.contains("no stage of the task answers") && stopped.err.contains("--unchecked"), "{stopped:?}");
    let unchecked = cut_over(&task, &["--execute", "--unchecked", "--json"], 0)?;
    assert!(items(&unchecked, &name).iter().all(|(_, state, _)| state == "ready"), "{unchecked:?}");
    world.remove().await
}

/// The statements that are printed can be executed by hand; what cannot count is named.
#[tokio::test]
async fn a_completed_task_is_cut_over_by_hand() -> Result<()> {
    let world = World::new("cut_by_hand").await?;
    let name = world.name.clone();
    let objects = format!(
        "phases = [\"schema\", \"full\"]\nobjects = [{{ table = \"{name}.*\" }}, \
         {{ table = \"{name}.words\", columns = {{ type = {{ id = \"text\" }} }} }}]"
    );
    world.mysql(&format!("USE {name}; CREATE TABLE words (id INT AUTO_INCREMENT PRIMARY KEY)")).await?;
    let task = world.task(&world.servers.mysql, &objects)?;
    without_kafka(&task)?;
    for mut process in start_one_process(&world, &task)? {
        process.wait_for_success(LIMIT).await?;
    }

    let script = cut_over(&task, &[], 1)?;
    assert!(script.out.contains(".words.id, type text has no next number"), "{}", script.out);
    world.postgres(&script.out).await?;
    let after = cut_over(&task, &["--json"], 1)?;
    assert_eq!(items(&after, &name), expected(&[("customers.id", "ready", Some(3)), ("words.id", "impossible", None)]));
    let plan = millrace(&["plan", &task])?;
    assert!(plan.out.contains("AUTO_INCREMENT column") && plan.out.contains("millrace cut-over"), "{}", plan.out);
    world.remove().await
}

/// One that stays behind with its column, one to the table itself, one of two columns, and those of the world.
const KEYS: &str = "
CREATE TABLE parts (a INT, b VARCHAR(9) COLLATE utf8mb4_bin, PRIMARY KEY (a, b));
CREATE TABLE uses (id INT PRIMARY KEY, b VARCHAR(9) COLLATE utf8mb4_bin, a INT, v INT, c BIGINT UNSIGNED,
    CONSTRAINT `to \"part` FOREIGN KEY (a, b) REFERENCES parts (a, b) ON DELETE CASCADE ON UPDATE SET NULL,
    CONSTRAINT behind FOREIGN KEY (c) REFERENCES customers (id));
CREATE TABLE tree (id INT PRIMARY KEY, up INT, CONSTRAINT upwards FOREIGN KEY (up) REFERENCES tree (id) ON DELETE SET NULL);
INSERT INTO parts VALUES (1, 'x'), (2, 'y'), (3, 'z');
INSERT INTO uses (id, a, b) VALUES (1, 1, 'x'), (2, 2, 'y'), (3, NULL, 'nothing'), (4, 3, 'z');
INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2);
";

#[tokio::test]
async fn foreign_keys_are_made_once_nobody_applies_any_more() -> Result<()> {
    let world = World::new("cut_keys").await?;
    let task = world.task(&world.servers.mysql, &objects_with_keys(&world.name))?;
    make_foreign_keys(world, &task, start).await
}

#[tokio::test]
async fn foreign_keys_are_made_once_the_one_process_has_ended() -> Result<()> {
    let world = World::new("cut_keys_run").await?;
    let task = world.task(&world.servers.mysql, &objects_with_keys(&world.name))?;
    without_kafka(&task)?;
    make_foreign_keys(world, &task, start_one_process).await
}

fn objects_with_keys(name: &str) -> String {
    format!(
        "schema = {{ foreign_keys = true }}\nobjects = [{{ table = \"{name}.*\" }}, \
         {{ table = \"{name}.uses\", columns = {{ exclude = [\"c\"], rename = {{ a = \"first\" }} }} }}]"
    )
}

async fn make_foreign_keys(world: World, task: &str, start: impl Fn(&World, &str) -> Result<Vec<Stage>>) -> Result<()> {
    let name = world.name.clone();
    world.mysql(&format!("USE {name}; {KEYS}")).await?;
    let planned = millrace(&["plan", task])?;
    let behind = "a column of it does not move";
    assert!(planned.out.contains("`millrace cut-over` makes it") && planned.out.contains(behind), "{}", planned.out);
    let all = |state: &str| {
        expected(&[
            ("customers.id", "ready", Some(3)),
            ("orders.to_customer", state, None),
            ("tree.upwards", state, None),
            ("uses.behind", "left out", None),
            ("uses.to \"part", state, None),
        ])
    };
    let mut stages = start(&world, task)?;
    wait_until_it_runs(task).await?;
    let waiting = cut_over(task, &["--execute", "--wait", "90", "--json"], 1)?;
    assert_eq!(items(&waiting, &name)[1..], all("waiting")[1..]);
    let keys =
        format!("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace = '{name}'::regnamespace");
    assert_eq!(value(&world, &keys).await?, "0");
    for stage in &mut stages {
        stage.terminate()?;
        stage.wait_for_success(LIMIT).await?;
    }
    // A session ends a little after its process.
    poll_until(LIMIT, "the foreign keys", async || {
        Ok(millrace(&["cut-over", task, "--execute", "--unchecked"])?.code == 0)
    })
    .await?;
    let ready = cut_over(task, &["--unchecked", "--json"], 0)?;
    assert_eq!(items(&ready, &name), all("ready"));
    assert_eq!(value(&world, &keys).await?, "3");

    let refused = world.postgres(&format!("INSERT INTO {name}.tree VALUES (4, 9)")).await;
    assert!(refused.is_err_and(|error| format!("{error:?}").contains("violates foreign key")));
    world
        .postgres(&format!("DELETE FROM {name}.parts WHERE a = 1; UPDATE {name}.parts SET b = 'new' WHERE a = 2"))
        .await?;
    let uses = format!(
        "SELECT string_agg(id || ':' || coalesce(first::text, '-') || coalesce(b, '-'), ' ' ORDER BY id) FROM {name}.uses"
    );
    assert_eq!(value(&world, &uses).await?, "2:-- 3:-nothing 4:3z");
    let restricted = world.postgres(&format!("DELETE FROM {name}.customers")).await;
    assert!(restricted.is_err());
    world.remove().await
}
