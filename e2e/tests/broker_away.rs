//! The broker is away for minutes: longer than its transactions, the sessions of its clients and their messages may last.
//!
//! `make broker-away SECONDS=n`. It takes as long as it says, so `make test` leaves it out (`test = false` in Cargo.toml).

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TestResult, World, Writers, in_world_at, poll_until_equal};
use millrace_testkit::{OwnServer, Random, Server, pace, poll_until};

/// One capture, two of the others.
const ROLES: [Role; 5] = [Role::Capture, Role::Transform, Role::Transform, Role::Apply, Role::Apply];

/// All rows are loaded.
async fn wait_for_load(world: &World, stages: &mut Stages) -> Result<()> {
    let destination = world.connect_postgres().await?;
    let sql = world.fill("SELECT count(*) FROM \"{database}\".line");
    poll_until(LIMIT, "the rows of a table", async || {
        stages.ensure_running()?;
        let found = destination.query_one(&sql, &[]).await;
        Ok(found.is_ok_and(|row| row.get::<_, i64>(0) > 1000))
    })
    .await
}

/// No stage ends by itself while the broker is away, and all say that they wait.
async fn outlast(world: &World, stages: &mut Stages, broker: &OwnServer, time: Duration) -> Result<()> {
    broker.stop()?;
    let start = Instant::now();
    while start.elapsed() < time {
        stages.ensure_running()?;
        pace(Duration::from_secs(1)).await;
    }
    for role in [Role::Capture, Role::Transform, Role::Apply] {
        ensure!(stages.output(role)?.contains("\"class\":\"connection\""), "{role:?} does not say that it waits");
    }
    broker.restart()?;
    // What was written meanwhile arrives without anybody's doing.
    world.run_in_source("INSERT INTO event VALUES ('again', 1)").await
}

async fn survive(world: &World, broker: &OwnServer, time: Duration) -> Result<()> {
    let writers = Writers::start(world, &mut Random::of_test("broker_away"), 2).await?;
    let mut stages = Stages::start(world, &world.task_file().write()?, &ROLES)?;
    wait_for_load(world, &mut stages).await?;
    outlast(world, &mut stages, broker, time).await?;
    let commits = writers.stop().await?;
    let started = Instant::now();
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT + time).await.context("after it came back")?;
    let (away, caught_up) = (time.as_secs(), started.elapsed().as_secs_f64());
    eprintln!(
        "the broker was away for {away} s: {commits} transactions, equal {caught_up:.1} s after the last of them"
    );
    stages.stop().await
}

#[test]
fn a_broker_that_is_away_for_minutes_is_waited_for() -> TestResult {
    let seconds = std::env::var("MILLRACE_BROKER_AWAY_SECONDS").ok().and_then(|text| text.parse().ok());
    let broker = OwnServer::start(Server::Kafka, "")?;
    let time = Duration::from_secs(seconds.unwrap_or(150));
    Ok(in_world_at(broker.among_servers()?, "broker_away", async |world| survive(world, &broker, time).await)?)
}
