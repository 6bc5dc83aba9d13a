//! Stages die and stand still while applications write; the destination equals the source in the end.
//!
//! Two transforms and two applies share the partitions all the time. Where a stage has a second process, that one takes
//! over from a suspended first, which then comes back as a zombie: it believes that it still owns what it had.

use std::time::Duration;

use anyhow::{Context, Result};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TestResult, World, Writers, in_world, poll_until_equal};
use millrace_testkit::{Random, poll_until};

/// One capture, two of the others.
const SHARED: [Role; 5] = [Role::Capture, Role::Transform, Role::Transform, Role::Apply, Role::Apply];

/// Rows that must arrive while a stage stands still; enough for some in each partition.
const MARKERS: usize = 50;

/// Connections that write.
const WRITERS: usize = 4;

#[test]
fn each_stage_is_killed_and_restarted() -> TestResult {
    Ok(in_world("killed", async |world| {
        let mut random = Random::of_test("each_stage_is_killed_and_restarted");
        let writers = Writers::start(world, &mut random, WRITERS).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &SHARED)?;
        for _ in 0..2 {
            let mut order: Vec<usize> = (0..SHARED.len()).collect();
            random.shuffle(&mut order);
            for process in order {
                millrace_testkit::pace(Duration::from_millis(300 + random.below(2200))).await;
                stages.kill_and_restart(process)?;
            }
        }
        finish(world, writers, stages).await
    })?)
}

#[test]
fn a_stage_is_killed_again_and_again_while_it_starts() -> TestResult {
    Ok(in_world("killed_often", async |world| {
        let mut random = Random::of_test("a_stage_is_killed_again_and_again_while_it_starts");
        let writers = Writers::start(world, &mut random, WRITERS).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        for _ in 0..5 {
            for process in 0..Role::ALL.len() {
                millrace_testkit::pace(Duration::from_millis(random.below(700))).await;
                stages.kill_and_restart(process)?;
            }
        }
        finish(world, writers, stages).await
    })?)
}

#[test]
fn rows_in_parts_survive_kills() -> TestResult {
    Ok(in_world("killed_large", async |world| {
        let mut random = Random::of_test("rows_in_parts_survive_kills");
        world.run_in_source("CREATE TABLE large (id INT AUTO_INCREMENT PRIMARY KEY, b LONGBLOB, n INT)").await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &SHARED)?;
        for round in 0..2 * SHARED.len() {
            // Six megabytes each: a dozen parts.
            let row = format!("(REPEAT(RANDOM_BYTES(1000), 6000), {round})");
            world.run_in_source(&format!("INSERT INTO large (b, n) VALUES {row}, {row}")).await?;
            world.run_in_source(&format!("UPDATE large SET n = -n WHERE n = {}", round / 2)).await?;
            millrace_testkit::pace(Duration::from_millis(random.below(900))).await;
            stages.kill_and_restart(round % SHARED.len())?;
        }
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        stages.stop().await
    })?)
}

#[test]
fn one_process_is_killed_again_and_again() -> TestResult {
    Ok(in_world("one_process", async |world| {
        let mut random = Random::of_test("one_process_is_killed_again_and_again");
        let writers = Writers::start(world, &mut random, WRITERS).await?;
        let mut stages = Stages::start(world, &world.task_file().without_kafka().write()?, &[Role::Run])?;
        for _ in 0..15 {
            millrace_testkit::pace(Duration::from_millis(50 + random.below(1200))).await;
            stages.kill_and_restart(0)?;
        }
        finish(world, writers, stages).await
    })?)
}

#[test]
fn a_suspended_capture_comes_back() -> TestResult {
    Ok(zombie("zombie_capture", &[Role::Capture, Role::Capture, Role::Transform, Role::Apply], 0)?)
}

#[test]
fn a_suspended_transform_comes_back() -> TestResult {
    Ok(zombie("zombie_transform", &SHARED, 1)?)
}

#[test]
fn a_suspended_apply_comes_back() -> TestResult {
    Ok(zombie("zombie_apply", &SHARED, 3)?)
}

/// Suspends a process, and the one beside it of the same stage after the first is back.
fn zombie(name: &str, roles: &[Role], first: usize) -> Result<()> {
    in_world(name, async |world| {
        let mut random = Random::of_test(name);
        world.run_in_source("CREATE TABLE marker (id INT AUTO_INCREMENT PRIMARY KEY)").await?;
        let writers = Writers::start(world, &mut random, WRITERS).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, roles)?;
        for (round, process) in [first, first + 1].into_iter().enumerate() {
            wait_for_markers(world, &mut stages, round * MARKERS).await.context("before the standstill")?;
            millrace_testkit::pace(Duration::from_millis(random.below(2000))).await;
            stages.suspend(process)?;
            let markers = vec!["()"; MARKERS].join(", ");
            world.run_in_source(&format!("INSERT INTO marker VALUES {markers}")).await?;
            wait_for_markers(world, &mut stages, (round + 1) * MARKERS).await.context("the other takes over")?;
            stages.resume(process)?;
        }
        millrace_testkit::pace(Duration::from_millis(random.below(2000))).await;
        finish(world, writers, stages).await
    })
}

async fn wait_for_markers(world: &World, stages: &mut Stages, count: usize) -> Result<()> {
    let destination = world.connect_postgres().await?;
    let sql = format!("SELECT FROM \"{}\".marker", world.name);
    poll_until(LIMIT, &format!("{count} markers in the destination"), async || {
        stages.ensure_running()?;
        Ok(destination.query(&sql, &[]).await.is_ok_and(|rows| rows.len() == count))
    })
    .await
}

async fn finish(world: &World, writers: Writers, mut stages: Stages) -> Result<()> {
    let commits = writers.stop().await?;
    eprintln!("{}: {commits} transactions were committed", world.name);
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("after the writers stopped")?;
    stages.stop().await
}
