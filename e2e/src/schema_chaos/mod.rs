//! Tables change at random while applications write and stages are killed; then the destination has the same tables, with
//! the same structure, keys and rows.
//!
//! Everything follows from one seed but the time at which things happen. Writers and changes look at the tables before
//! they choose; what does not fit any more is refused by the source, which is the model. Each round ends with the writers
//! at rest and a comparison, so that a difference shows near its cause; `changes.sql` in the world's folder has the
//! statements.

mod change;
mod changes;
mod shape;
mod structure;
mod writer;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use millrace_testkit::{Random, pace};
use mysql_async::prelude::Queryable;

use self::changes::{SchemaChanges, make_table, outside};
use self::writer::SchemaWriters;
use crate::case::Way;
use crate::chaos::{STAGED, supervise};
use crate::equality::Scope;
use crate::globals::GlobalVariable;
use crate::stages::{Role, Stages};
use crate::world::{World, in_world, in_world_alone};

/// How long the stages may take to catch up after a round, for machines that are busy.
const CATCH_UP: Duration = Duration::from_secs(240);

/// Writers and changes of a round.
const ROUND: Duration = Duration::from_secs(9);

/// Between two kills, at most, in milliseconds.
const PAUSE: u64 = 4_000;

/// Where MILLRACE_TEST_SEED names no other.
const SEED: u64 = 1;

/// Connections that write.
const WRITERS: usize = 3;

/// `binlog_row_metadata` of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// The server's default.
    Minimal,
    /// With the names of columns.
    Full,
}

/// Lets tables change for `time`, and compares after each round. The seed is printed.
pub fn run_schema_chaos(name: &str, way: Way, metadata: Metadata, time: Duration) -> Result<()> {
    let run = async |world: &World| survive(world, &mut Random::of_test_or(name, SEED), way, time).await;
    match metadata {
        Metadata::Minimal => in_world(name, run),
        Metadata::Full => {
            let full = GlobalVariable { name: "binlog_row_metadata", value: "'FULL'" };
            full.with(|| in_world_alone(name, run))
        }
    }
}

async fn survive(world: &World, random: &mut Random, way: Way, time: Duration) -> Result<()> {
    let (task, roles): (_, &[Role]) = match way {
        Way::Staged => (world.task_file(), &STAGED),
        Way::OneProcess => (world.task_file().without_kafka(), &[Role::Run]),
    };
    world.run_in_source(&format!("CREATE DATABASE `{}`", outside(world))).await?;
    for number in 0..4 {
        let script = make_table(&format!("t{number}"), random).join(";\n");
        world.run_in_source(&script).await.with_context(|| script.clone())?;
    }
    let mut stages = Stages::start(world, &task.write()?, roles)?;
    let start = Instant::now();
    while start.elapsed() < time {
        let changes = SchemaChanges::start(world, random);
        let writers = SchemaWriters::start(world, random, WRITERS);
        let killed = kill_stages(&mut stages, random, ROUND.min(time)).await;
        let (changes, commits) = (changes.stop().await?, writers.stop().await?);
        let kills = killed?;
        eprintln!("{:6.1} s: {changes} changes, {commits} transactions, {kills} kills", start.elapsed().as_secs_f32());
        catch_up(world, &mut stages).await?;
    }
    stages.stop().await
}

/// Kills stages and starts them again; gives how many were killed.
async fn kill_stages(stages: &mut Stages, random: &mut Random, time: Duration) -> Result<u64> {
    let (start, mut kills) = (Instant::now(), 0);
    while start.elapsed() < time {
        pace(Duration::from_millis(random.below(PAUSE))).await;
        supervise(stages, &mut BTreeMap::new()).await?;
        stages.kill(random.below(stages.roles().len() as u64) as usize)?;
        kills += 1;
        supervise(stages, &mut BTreeMap::new()).await?;
    }
    Ok(kills)
}

/// Compares until the destination is equal.
async fn catch_up(world: &World, stages: &mut Stages) -> Result<()> {
    let mut source = world.connect_mysql().await?;
    let destination = world.connect_postgres().await?;
    // What is outside, and what an exchange that was refused has left.
    let sql = "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables \
               WHERE table_schema = ? OR (table_schema = ? AND LEFT(table_name, 1) = '_')";
    let scope = Scope { absent: source.exec(sql, (outside(world), &world.name)).await?, ..Scope::default() };
    let (start, mut told) = (Instant::now(), Duration::from_secs(10));
    loop {
        supervise(stages, &mut BTreeMap::new()).await?;
        let difference = match scope.difference(world, &mut source, &destination).await {
            Ok(None) => structure::difference(world, &mut source, &destination).await,
            different => different,
        };
        let text = match difference {
            Ok(None) => return source.disconnect().await.map_err(Into::into),
            Ok(Some(text)) => text,
            Err(error) => format!("{error:#}"),
        };
        if start.elapsed() > told {
            eprintln!("        not equal yet: {text}");
            told *= 2;
        }
        ensure!(start.elapsed() < CATCH_UP, "not equal {CATCH_UP:?} after the last change: {text}");
        pace(Duration::from_millis(200)).await;
    }
}
