//! `millrace status` of the three staged processes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use millrace_testkit::{Stage, StageCommand, built_binary, poll_until};
use mysql_async::prelude::Queryable;
use serde_json::Value;

use crate::world::{World, millrace};

pub(crate) const LIMIT: Duration = Duration::from_secs(90);

pub(crate) fn start(world: &World, task: &str) -> Result<Vec<Stage>> {
    ["millrace-capture", "millrace-transform", "millrace-apply"]
        .into_iter()
        .map(|name| {
            let command = StageCommand::new(built_binary(name)?).argument("--task").argument(task);
            command.spawn(&world.folder.join(format!("{name}.log")))
        })
        .collect()
}

fn status(task: &str) -> Result<Value> {
    Ok(millrace(&["status", task, "--json"])?.json())
}

pub(crate) async fn wait_for(task: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
    let mut last = Value::Null;
    poll_until(LIMIT, what, async || {
        last = status(task)?;
        Ok(holds(&last))
    })
    .await
    .map_err(|error| error.context(format!("{last:#}")))?;
    Ok(last)
}

/// The first line of a log of which this holds, once it is there.
async fn first_line(log: &Path, holds: impl Fn(&Value) -> bool) -> Result<Value> {
    let mut found = None;
    poll_until(LIMIT, "a line of the log", async || {
        let text = fs::read_to_string(log)?;
        found = text.lines().filter_map(|line| serde_json::from_str(line).ok()).find(&holds);
        Ok(found.is_some())
    })
    .await?;
    Ok(found.unwrap_or_default())
}

fn all_loaded(status: &Value) -> bool {
    let tables = status["tables"].as_array().unwrap();
    tables.len() == 3 && tables.iter().all(|table| table["state"] == "loaded")
}

#[tokio::test]
async fn a_running_task_shows_its_tables_and_a_small_latency() -> Result<()> {
    let world = World::new("status").await?;
    let task = world.whole_task()?;
    let before = millrace(&["status", &task, "--json"])?;
    assert_eq!((before.code, before.json()["state"].as_str()), (1, Some("not started")));
    let text = millrace(&["status", &task])?.out;
    let first = format!("start it: millrace-capture, millrace-transform and millrace-apply --task {task}\n");
    assert!(text.contains(&first), "{text}");

    let mut stages = start(&world, &task)?;
    let running = wait_for(&task, "a running task that has loaded all tables", |status| {
        status["state"] == "running" && all_loaded(status) && status["latency_ms"].is_u64()
    })
    .await?;
    assert_eq!(running["phase"], "incremental");
    let rows: u64 = running["tables"].as_array().unwrap().iter().map(|table| table["rows"].as_u64().unwrap()).sum();
    assert_eq!(rows, 6);
    // Idle for some seconds: the latency stays that of the pipeline, and nothing is behind.
    let idle = wait_for(&task, "an idle task", |status| {
        status["behind_bytes"] == 0 && status["latency_ms"].as_u64().is_some_and(|latency| latency < 1000)
    })
    .await?;
    assert_eq!(idle["positions"]["applied"], idle["positions"]["source"], "{idle:#}");
    assert_eq!(idle["destination"]["partitions"].as_array().unwrap().len(), 2);
    let text = millrace(&["status", &task])?;
    assert_eq!(text.code, 0, "{text:?}");
    assert!(text.out.contains("running, phase incremental") && text.out.contains("100 %"), "{}", text.out);

    let check = millrace(&["check", &task, "--json"])?.json();
    assert_eq!(check["blocks"], 0, "a running task can be started again: {check:#}");

    stages[2].kill()?;
    let without = wait_for(&task, "a task without apply", |status| status["state"] == "incomplete").await?;
    assert_eq!(without["stages"][2]["does_not_answer"], "nothing listens there");
    drop(stages);
    wait_for(&task, "a task that does not run", |status| status["state"] == "not running").await?;
    world.remove().await
}

/// Two tables that others may keep locked: large enough to be divided among the readers, and without a key.
const LOCKED: &str = "
CREATE TABLE a_locked (id INT PRIMARY KEY);
CREATE TABLE a_locked_without_key (id INT);
SET SESSION cte_max_recursion_depth = 5000;
INSERT INTO a_locked WITH RECURSIVE n AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM n WHERE id < 5000) SELECT id FROM n;
INSERT INTO a_locked_without_key SELECT id FROM a_locked;
ANALYZE TABLE a_locked;
";

/// The tables that are not loaded yet, without the database.
fn to_be_loaded(status: &Value) -> Vec<&str> {
    let tables = status["tables"].as_array().map_or(&[][..], Vec::as_slice).iter();
    let rest = tables.filter(|table| table["state"] != "loaded").filter_map(|table| table["table"].as_str());
    rest.map(|name| name.rsplit_once('.').map_or(name, |(_, table)| table)).collect()
}

#[tokio::test]
async fn tables_that_somebody_keeps_locked_are_shown_and_hold_up_no_other() -> Result<()> {
    let world = World::new("locked").await?;
    let name = &world.name;
    world.mysql(&format!("USE {name}; {LOCKED}")).await?;
    let task = world.embedded_task("full = { chunk_rows = 100, readers = 3 }")?;
    let mut holder = world.servers.connect_mysql().await?;
    holder.query_drop(format!("LOCK TABLES {name}.a_locked WRITE, {name}.a_locked_without_key WRITE")).await?;
    let program = StageCommand::new(env!("CARGO_BIN_EXE_millrace")).argument("run").argument(&task);
    let mut run = program.spawn(&world.folder.join("run.log"))?;
    let two_wait = |status: &Value| {
        let known = status["tables"].as_array().map_or(0, Vec::len);
        known == 5 && to_be_loaded(status) == ["a_locked", "a_locked_without_key"]
    };
    wait_for(&task, "a task that has two tables to load", two_wait).await?;
    let mut source = world.servers.connect_mysql().await?;
    for table in ["a_locked", "a_locked_without_key"] {
        let waits = format!(
            "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_STATE = 'Waiting for table metadata lock' \
             AND PROCESSLIST_INFO LIKE '%`{name}`.`{table}`%'"
        );
        poll_until(LIMIT, table, async || Ok(source.query_first::<u64, _>(&waits).await? > Some(0))).await?;
    }
    // The others are followed meanwhile.
    world.mysql(&format!("INSERT INTO {name}.customers (id, name, born) VALUES (4, 'd', '2000-01-04')")).await?;
    let destination = world.servers.connect_postgres().await?;
    let sql = format!("SELECT id FROM {name}.customers WHERE id = 4");
    poll_until(LIMIT, "a row of another table", async || Ok(destination.query(&sql, &[]).await?.len() == 1)).await?;
    let now = status(&task)?;
    assert!(two_wait(&now) && now["phase"] == "full", "{now:#}");
    holder.query_drop("UNLOCK TABLES").await?;
    wait_for(&task, "a task that has loaded all tables", |status| to_be_loaded(status).is_empty()).await?;
    let counts =
        format!("SELECT (SELECT count(*) FROM {name}.a_locked), (SELECT count(*) FROM {name}.a_locked_without_key)");
    let loaded = async || destination.query_one(&counts, &[]).await.map(|row| (row.get(0), row.get(1)));
    poll_until(LIMIT, "the rows of both", async || Ok(loaded().await? == (5000_i64, 5000_i64))).await?;
    run.terminate()?;
    run.wait_for_success(LIMIT).await?;
    world.remove().await
}

#[tokio::test]
async fn a_task_without_incremental_is_completed() -> Result<()> {
    let world = World::new("completed").await?;
    let objects = format!("phases = [\"schema\", \"full\"]\nobjects = [{{ table = \"{}.*\" }}]", world.name);
    let task = world.task(&world.servers.mysql, &objects)?;
    let mut stages = start(&world, &task)?;
    for stage in &mut stages {
        stage.wait_for_success(LIMIT).await?;
    }
    let ended = millrace(&["status", &task, "--watch"])?;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("completed") && ended.out.contains("2 ended"), "{}", ended.out);
    world.remove().await
}

#[tokio::test]
async fn a_task_in_one_process_is_shown_by_its_one_process() -> Result<()> {
    let world = World::new("one").await?;
    let task = world.embedded_task("")?;
    let log = world.folder.join("run.log");
    let program = StageCommand::new(env!("CARGO_BIN_EXE_millrace")).argument("run").argument(&task);
    let mut run = program.spawn(&log)?;
    let running = wait_for(&task, "a running task that has loaded all tables", |status| {
        // Apply's first commits are rows of the full load, which have no latency.
        let is_idle = status["latency_ms"].as_u64().is_some_and(|latency| latency < 5000);
        status["state"] == "running" && all_loaded(status) && status["behind_bytes"] == 0 && is_idle
    })
    .await?;
    let stages: Vec<&str> =
        running["stages"].as_array().unwrap().iter().map(|s| s["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["capture", "apply"]);
    let check = millrace(&["check", &task, "--json"])?.json();
    assert_eq!(check["blocks"], 0, "a running task can be started again: {check:#}");
    // The first line of progress knows the tables.
    let first = first_line(&log, |line| line["message"] == "progress").await?;
    assert_eq!(first["tables"], 3, "{first}");

    // Who starts it twice is told that it runs, and where.
    let second = millrace(&["run", &task])?;
    let expected = format!("error: task \"{}\" runs already: process ", world.name);
    assert!(
        second.code == 1 && second.err.starts_with(&expected) && second.err.contains(" (capture and apply) listens"),
        "{second:?}"
    );

    // What was read, and of about how much, is known after a restart too; of a new table nothing was read.
    world.mysql(&format!("CREATE TABLE {}.later (id INT PRIMARY KEY)", world.name)).await?;
    wait_for(&task, "a table that is followed", |status| status["tables"].as_array().unwrap().len() == 4).await?;
    let later = format!("{}.later", world.name);
    let changed = |line: &Value| line["message"] == "schema changed" && line["statement"] == "CREATE TABLE";
    for is_it in
        [&|line: &Value| line["tables"] == 3, &|line: &Value| line["table"] == later] as [&dyn Fn(&Value) -> bool; 2]
    {
        let line = first_line(&log, |line| changed(line) && is_it(line)).await?;
        assert!(line["place"].is_string(), "{line}");
    }
    run.terminate()?;
    run.wait_for_success(LIMIT).await?;
    let mut run = program.spawn(&log)?;
    let again = wait_for(&task, "a task that goes on", |status| status["state"] == "running").await?;
    let again = match again["tables"].as_array().unwrap().len() {
        4 => again,
        _ => wait_for(&task, "all tables", |status| status["tables"].as_array().unwrap().len() == 4).await?,
    };
    for table in again["tables"].as_array().unwrap() {
        let is_new = table["table"].as_str().unwrap().ends_with(".later");
        assert_eq!(table["estimated_rows"].is_u64() && table["rows"].as_u64() > Some(0), !is_new, "{again:#}");
    }
    run.terminate()?;
    run.wait_for_success(LIMIT).await?;
    let stopped = wait_for(&task, "a task that does not run", |status| status["state"] == "not running").await?;
    assert_eq!(stopped["stages"].as_array().unwrap().len(), 1);
    world.remove().await
}

/// Where no fixed port tells of the first process, the destination does: its session has the task's lock.
#[tokio::test]
async fn a_second_start_on_a_free_port_names_the_first_process() -> Result<()> {
    let world = World::new("twice").await?;
    let task = world.embedded_task("")?;
    let text = fs::read_to_string(&task)?;
    let start = text.find("[http]").unwrap();
    fs::write(&task, format!("{}[http]\ncapture = \"127.0.0.1:0\"\n", &text[..start]))?;
    let log = world.folder.join("run.log");
    let program = StageCommand::new(env!("CARGO_BIN_EXE_millrace")).argument("run").argument(&task);
    let mut run = program.spawn(&log)?;
    first_line(&log, |line| line["message"] == "progress").await?;
    let second = millrace(&["run", &task])?;
    let expected = format!(
        "error: task \"{}\" is already running in another process (millrace run, process {}",
        world.name,
        run.id()
    );
    assert!(second.code == 1 && second.err.starts_with(&expected), "{second:?}");
    run.terminate()?;
    run.wait_for_success(LIMIT).await?;
    world.remove().await
}

/// What the destination refuses is apply's failure, in the one process too.
#[tokio::test]
async fn a_failure_in_one_process_names_its_stage() -> Result<()> {
    let world = World::new("refused").await?;
    let name = &world.name;
    world.postgres(&format!("CREATE SCHEMA {name}; CREATE TABLE {name}.orders (id int)")).await?;
    let ended = millrace(&["run", &world.embedded_task("")?])?;
    let is_failed = |line: &Value| line["message"] == "failed";
    let failed = ended.out.lines().filter_map(|line| serde_json::from_str(line).ok()).find(is_failed);
    assert_eq!(failed.map(|line| line["stage"].clone()), Some("apply".into()), "{ended:?}");
    assert!(ended.code == 1 && ended.err.contains("already exists in the destination"), "{ended:?}");
    world.remove().await
}
