//! What `millrace status` says of what is deleted before it is read, while there is time.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_testkit::{OwnServer, Server, Stage, StageCommand, keep_messages_for};
use serde_json::Value;

use crate::status::{LIMIT, start, wait_for};
use crate::world::{World, millrace};

/// How much is used of the retention in a place.
fn used<'a>(status: &'a Value, place: &str) -> Option<&'a str> {
    let found = status["retention"].as_array()?.iter().find(|retention| retention["place"] == place)?;
    found["used"].as_str()
}

fn problem<'a>(status: &'a Value, place: &str) -> Option<&'a str> {
    let place = format!("retention of {place}");
    let found = status["problems"].as_array()?.iter().find(|problem| problem["place"] == place.as_str())?;
    found["message"].as_str()
}

/// The world's task in one process.
fn run(world: &World, task: &str) -> Result<Stage> {
    StageCommand::new(env!("CARGO_BIN_EXE_millrace"))
        .argument("run")
        .argument(task)
        .spawn(&world.folder.join("run.log"))
}

/// A server that deletes binlogs after seconds does so when it begins a new one, which does not happen here.
#[tokio::test]
async fn binlogs_that_are_deleted_soon_are_told_of() -> Result<()> {
    let own = OwnServer::start(Server::Mysql, "--binlog-expire-logs-seconds=8")?;
    let world = World::on(own.among_servers()?, "binlogs").await?;
    let task = world.embedded_task("")?;
    let mut process = run(&world, &task)?;
    let is_fresh = |status: &Value| {
        status["state"] == "running" && used(status, "source") == Some("little") && status["behind_bytes"] == 0
    };
    let running = wait_for(&task, "a task that has read everything", is_fresh).await?;
    ensure!(problem(&running, "source").is_none(), "{running:#}");
    ensure!(running["retention"][0]["kept_seconds"] == 8, "{running:#}");
    process.terminate()?;
    process.wait_for_success(LIMIT).await?;

    let most = |status: &Value| used(status, "source") == Some("most");
    let told = wait_for(&task, "a task that stands still for most of the retention", most).await?;
    let message = problem(&told, "source").context("no problem")?;
    ensure!(message.contains("keeps its binlogs for 8 s, of which capture has used 80 % or more"), "{message}");
    ensure!(millrace(&["status", &task])?.out.contains("retention of source: "), "not in the text");

    let mut process = run(&world, &task)?;
    wait_for(&task, "a task that has read everything again", is_fresh).await?;
    let log = process.log()?;
    ensure!(log.contains("most of the time is gone for which the source keeps"), "{log}");
    process.terminate()?;
    process.wait_for_success(LIMIT).await?;
    world.remove().await
}

#[tokio::test]
async fn messages_that_are_deleted_soon_are_told_of() -> Result<()> {
    let world = World::new("messages").await?;
    let task = world.whole_task()?;
    let mut stages = start(&world, &task)?;
    let topic = format!("{}.transformed", world.name);
    let is_running = |status: &Value| status["state"] == "running" && used(status, &topic) == Some("little");
    wait_for(&task, "a running task", is_running).await?;
    keep_messages_for(&world.servers.kafka, &topic, Duration::from_secs(10)).await?;
    let is_fresh = |status: &Value| is_running(status) && kept_seconds(status, &topic) == Some(10);
    wait_for(&task, "another retention", is_fresh).await?;

    stages[2].kill()?;
    let half = |status: &Value| matches!(used(status, &topic), Some("half" | "most"));
    let told = wait_for(&task, "messages that are not read for half of the retention", half).await?;
    let message = problem(&told, &topic).context("no problem")?;
    ensure!(message.contains("keeps messages for 10 s, of which apply has used "), "{message}");
    let captured = format!("{}.captured", world.name);
    ensure!(used(&told, &captured) == Some("little") && problem(&told, &captured).is_none(), "{told:#}");
    drop(stages);
    world.remove().await
}

fn kept_seconds(status: &Value, place: &str) -> Option<u64> {
    let found = status["retention"].as_array()?.iter().find(|retention| retention["place"] == place)?;
    found["kept_seconds"].as_u64()
}
