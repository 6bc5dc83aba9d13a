//! Chaos: applications write at random while stages, servers and connections fail at random; then nothing may be lost,
//! nothing twice, nothing out of order.
//!
//! Everything follows from one seed but the time at which things happen. Faults overlap: what a fault holds (a process
//! that stands still, a server that is down) is released a while later, and others happen meanwhile. Of the stages nothing
//! is asked but to be started again when they end, as a supervisor does.
//!
//! Three things are looked at:
//! - the destination equals the source, value by value, after the writers have stopped;
//! - a row's version, which its writer only raises, never goes back in the destination ([`order`]);
//! - of what is in the log nothing is missing, nothing is twice, and all of it has been applied ([`audit`]).

mod audit;
mod brokers;
mod fault;
mod ground;
mod order;
mod storm;
mod workload;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

pub use self::brokers::run_broker_chaos;
pub use self::ground::Ground;
use self::order::OrderWatch;
use self::storm::Storm;
use self::workload::Workload;
use crate::case::Way;
use crate::equality::Scope;
use crate::stages::{Role, Stages};
use crate::world::World;
use millrace_testkit::Random;

/// How long the stages may take to catch up once nothing fails any more, for machines that are busy.
const CATCH_UP: Duration = Duration::from_secs(240);

/// One capture, two of the others.
pub(crate) const STAGED: [Role; 5] = [Role::Capture, Role::Transform, Role::Transform, Role::Apply, Role::Apply];

/// What a run survived.
#[derive(Debug, Default)]
struct Report {
    faults: BTreeMap<String, u64>,
    /// Starts of stages that had ended by themselves, by the reason that they gave.
    restarts: BTreeMap<String, u64>,
    commits: u64,
    samples: u64,
    /// Entries of the captured topic.
    entries: u64,
}

/// Lets faults happen for `time`, and compares. The seed and what happened are printed.
pub fn run_chaos(name: &str, way: Way, time: Duration) -> Result<()> {
    let mut random = Random::of_test(name);
    on_own_ground(name, way, async |world, ground| {
        let report = survive(world, ground, &mut random, way, time).await?;
        eprintln!("{name}: {report}");
        Ok(())
    })
}

/// Runs a test on servers of its own, each behind a proxy.
pub fn on_own_ground(name: &str, way: Way, test: impl AsyncFnOnce(&World, &Ground) -> Result<()>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    runtime.block_on(async {
        let ground = Ground::start(way).await?;
        let world = World::create_on(ground.addresses()?, name).await?;
        let ended = test(&world, &ground).await;
        ended.with_context(|| format!("the logs are in {}", world.folder.display()))?;
        Ok(std::fs::remove_dir_all(&world.folder)?)
    })
}

async fn survive(world: &World, ground: &Ground, random: &mut Random, way: Way, time: Duration) -> Result<Report> {
    let (task, roles): (_, &[Role]) = match way {
        Way::Staged => (ground.task_file(world)?, &STAGED),
        Way::OneProcess => (ground.task_file(world)?.without_kafka(), &[Role::Run]),
    };
    let workload = Workload::start(world, random).await?;
    let stages = Stages::start(world, &task.write()?, roles)?;
    let order = OrderWatch::start(world);
    let mut storm = Storm::new(world, ground, stages, random.fork(), way);
    storm.rage(time).await?;
    let commits = workload.stop().await?;
    let (stages, faults, restarts) = storm.end().await?;
    let faults = faults.into_iter().map(|(fault, count)| (format!("{fault:?}"), count)).collect();
    compare(world, way, (stages, order), Report { faults, restarts, commits, ..Report::default() }).await
}

/// Compares what is there once nothing fails and nobody writes any more, and completes the report.
async fn compare(
    world: &World,
    way: Way,
    (mut stages, order): (Stages, OrderWatch),
    mut report: Report,
) -> Result<Report> {
    catch_up(world, &mut stages, &mut report.restarts).await?;
    report.samples = order.stop().await?;
    stages.stop().await?;
    if way == Way::Staged {
        report.entries = audit::ensure_accounted(world).await?;
    }
    Ok(report)
}

/// Compares until the destination is equal; stages that end are started again.
async fn catch_up(world: &World, stages: &mut Stages, restarts: &mut BTreeMap<String, u64>) -> Result<()> {
    let mut source = world.connect_mysql().await?;
    let destination = world.connect_postgres().await?;
    let start = Instant::now();
    loop {
        supervise(stages, restarts).await?;
        let difference = Scope::default().difference(world, &mut source, &destination).await;
        let text = match difference {
            Ok(None) => return source.disconnect().await.map_err(Into::into),
            Ok(Some(text)) => text,
            Err(error) => format!("{error:#}"),
        };
        ensure!(start.elapsed() < CATCH_UP, "not equal {CATCH_UP:?} after the last fault: {text}");
        millrace_testkit::pace(Duration::from_millis(300)).await;
    }
}

/// Starts stages that have ended again, as a supervisor does.
pub(crate) async fn supervise(stages: &mut Stages, restarts: &mut BTreeMap<String, u64>) -> Result<()> {
    for (role, error) in stages.restart_ended().await? {
        *restarts.entry(format!("{role:?}: {}", without_numbers(&error))).or_default() += 1;
    }
    Ok(())
}

/// Ports and such differ from run to run.
fn without_numbers(text: &str) -> String {
    text.chars().filter(|character| !character.is_ascii_digit()).collect()
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let faults: u64 = self.faults.values().sum();
        writeln!(f, "{faults} faults survived; 0 lost, 0 twice, 0 out of order")?;
        writeln!(
            f,
            "  {} transactions, {} samples of the order, {} entries of the log",
            self.commits, self.samples, self.entries
        )?;
        for (fault, count) in &self.faults {
            writeln!(f, "  {count:5} x {fault}")?;
        }
        for (reason, count) in &self.restarts {
            writeln!(f, "  {count:5} x started again, {reason}")?;
        }
        Ok(())
    }
}
