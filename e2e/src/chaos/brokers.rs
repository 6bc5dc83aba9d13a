//! Brokers of a cluster of three fail in turn while applications write and stages are killed; then the same comparison.
//!
//! The topics have three copies, of which two must have a message before it is acknowledged. So one broker that is down or
//! stands still changes leaders, and with two down the log waits; a message that was acknowledged is lost by neither. Faults
//! are one after the other, without a pause for the copies to be in sync again: brokers are also hit while they catch up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use millrace_testkit::{
    BROKERS, OwnBrokers, Random, Safety, Servers, pace, poll_until, topic_safety, topics_with_prefix,
};
use tokio::task::{block_in_place, spawn_blocking};

use super::order::OrderWatch;
use super::workload::Workload;
use super::{Report, STAGED, compare, supervise};
use crate::LIMIT;
use crate::case::Way;
use crate::stages::Stages;
use crate::world::{World, in_world_at};

/// Between two faults, at most, in milliseconds.
const PAUSE: u64 = 3_000;

/// How long a broker is down or stands still, at most, in milliseconds: also longer than others wait for it.
const AWAY: u64 = 8_000;

/// What happens to brokers, with its weight; a stage is killed as often as one is stopped.
const WEIGHTS: [(Fault, u64); 5] = [
    (Fault::BrokerKilled, 6),
    (Fault::TwoBrokersKilled, 1),
    (Fault::BrokerStoodStill, 2),
    (Fault::BrokerRestarted, 1),
    (Fault::StageKilled, 1),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// SIGKILL to one; down for a while.
    BrokerKilled,
    /// SIGKILL to two at once.
    TwoBrokersKilled,
    /// SIGSTOP, and a while later SIGCONT: a leader that does not know that another took its place.
    BrokerStoodStill,
    /// An orderly end, and a start.
    BrokerRestarted,
    /// SIGKILL to a stage; it is started again.
    StageKilled,
}

impl Fault {
    fn choose(random: &mut Random) -> Self {
        let mut left = random.below(WEIGHTS.iter().map(|(_, weight)| weight).sum());
        for (fault, weight) in WEIGHTS {
            if left < weight {
                return fault;
            }
            left -= weight;
        }
        Self::BrokerKilled
    }
}

/// Lets brokers fail for `time`, and compares. The seed and what happened are printed.
pub fn run_broker_chaos(name: &str, time: Duration) -> Result<()> {
    let mut random = Random::of_test(name);
    let brokers = Arc::new(OwnBrokers::start()?);
    let servers = Servers { kafka: brokers.addresses()?, ..Servers::from_environment()? };
    in_world_at(servers, name, async |world| {
        let report = survive(world, &brokers, &mut random, time).await?;
        eprintln!("{name}: {report}");
        Ok(())
    })
}

async fn survive(world: &World, brokers: &Arc<OwnBrokers>, random: &mut Random, time: Duration) -> Result<Report> {
    let workload = Workload::start(world, random).await?;
    let stages = Stages::start(world, &world.task_file().write()?, &STAGED)?;
    let order = OrderWatch::start(world);
    ensure_copies(world).await?;
    let (restarts, faults) = (BTreeMap::new(), BTreeMap::new());
    let mut storm = Storm { brokers: brokers.clone(), stages, random: random.fork(), next: 0, restarts, faults };
    let start = Instant::now();
    while start.elapsed() < time {
        storm.cause_one(start).await?;
    }
    let commits = workload.stop().await?;
    let report = Report { faults: storm.faults, restarts: storm.restarts, commits, ..Report::default() };
    compare(world, Way::Staged, (storm.stages, order), report).await
}

/// Waits until the task has made its topics, and ensures that they survive the loss of a broker.
async fn ensure_copies(world: &World) -> Result<()> {
    let (kafka, prefix) = (&world.servers.kafka, format!("{}.", world.name));
    poll_until(LIMIT, "the task's topics", async || Ok(topics_with_prefix(kafka, &prefix).await?.len() == 4)).await?;
    for topic in topics_with_prefix(kafka, &prefix).await? {
        let safety = topic_safety(kafka, &topic).await.with_context(|| topic.clone())?;
        ensure!(safety == Safety { copies: BROKERS, in_sync: "2".to_owned() }, "topic \"{topic}\" has {safety:?}");
    }
    Ok(())
}

/// The faults of a run, and what they befall.
struct Storm {
    brokers: Arc<OwnBrokers>,
    stages: Stages,
    random: Random,
    /// The broker whose turn it is.
    next: usize,
    restarts: BTreeMap<String, u64>,
    faults: BTreeMap<String, u64>,
}

impl Storm {
    /// One fault, until what failed is there again.
    async fn cause_one(&mut self, start: Instant) -> Result<()> {
        self.pass(PAUSE).await?;
        let fault = Fault::choose(&mut self.random);
        let broker = self.next % BROKERS;
        self.next += 1;
        eprintln!("{:7.1} s: {fault:?}, broker {}", start.elapsed().as_secs_f32(), broker + 1);
        match fault {
            Fault::BrokerKilled => self.kill(&[broker]).await,
            Fault::TwoBrokersKilled => self.kill(&[broker, (broker + 1) % BROKERS]).await,
            Fault::BrokerStoodStill => {
                self.brokers.signal(broker, "STOP")?;
                let passed = self.pass(AWAY).await;
                self.brokers.signal(broker, "CONT")?;
                passed
            }
            Fault::BrokerRestarted => {
                block_in_place(|| self.brokers.stop(broker))?;
                self.start(&[broker]).await
            }
            Fault::StageKilled => {
                let stage = self.random.below(self.stages.roles().len() as u64) as usize;
                self.stages.kill(stage)
            }
        }
        .with_context(|| format!("{fault:?}, broker {}", broker + 1))?;
        *self.faults.entry(format!("{fault:?}")).or_default() += 1;
        Ok(())
    }

    async fn kill(&mut self, brokers: &[usize]) -> Result<()> {
        for broker in brokers {
            self.brokers.signal(*broker, "KILL")?;
        }
        for broker in brokers {
            poll_until(LIMIT, "the end of a broker", async || self.brokers.is_gone(*broker)).await?;
        }
        self.pass(AWAY).await?;
        self.start(brokers).await
    }

    /// Starts brokers; stages that end meanwhile are started again.
    async fn start(&mut self, brokers: &[usize]) -> Result<()> {
        let (cluster, brokers) = (self.brokers.clone(), brokers.to_vec());
        let starting = spawn_blocking(move || cluster.start_those_down(&brokers));
        while !starting.is_finished() {
            self.pass(500).await?;
        }
        starting.await?
    }

    /// Lets up to so many milliseconds pass; stages that have ended are started again.
    async fn pass(&mut self, longest: u64) -> Result<()> {
        pace(Duration::from_millis(self.random.below(longest))).await;
        supervise(&mut self.stages, &mut self.restarts).await
    }
}
