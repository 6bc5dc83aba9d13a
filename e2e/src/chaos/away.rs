//! Each server in turn is away for long while applications write and the stages go on trying; then the same comparison.
//!
//! What is not written meanwhile must not be held either: the memory of each stage is looked at before the comparison.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use millrace_testkit::{Random, Server, pace, poll_until};
use tokio::task::block_in_place;

use super::order::OrderWatch;
use super::workload::Workload;
use super::{Report, STAGED, compare, on_own_ground, start, supervise};
use crate::LIMIT;
use crate::case::Way;
use crate::stages::Stages;

/// What the task file allows each stage (`memory`).
const MEMORY: u64 = 256 << 20;

/// Lets each server be away for `time`, one after the other, and compares. The seed and what happened are printed.
pub fn run_away(name: &str, time: Duration) -> Result<()> {
    let mut random = Random::of_test(name);
    on_own_ground(name, Way::Staged, async |world, ground| {
        let workload = Workload::start(world, &mut random).await?;
        let mut stages = Stages::start(world, &ground.task_file(world)?.write()?, &STAGED)?;
        let order = OrderWatch::start(world);
        let (mut faults, mut restarts) = (BTreeMap::new(), BTreeMap::new());
        for server in [Server::Kafka, Server::Postgres, Server::Mysql] {
            let signal = if server == Server::Postgres { "QUIT" } else { "KILL" };
            ground.servers.signal(server, signal)?;
            poll_until(LIMIT, "the end of a server", async || ground.servers.is_gone(server)).await?;
            let killed = Instant::now();
            while killed.elapsed() < time {
                pace(Duration::from_millis(300)).await;
                supervise(&mut stages, &mut restarts).await?;
            }
            block_in_place(|| start(&ground.servers, server)).with_context(|| format!("{server:?}"))?;
            *faults.entry(format!("{server:?} away for {time:?}")).or_default() += 1;
        }
        let commits = workload.stop().await?;
        let peaks = stages.peak_memory()?;
        let report =
            compare(world, Way::Staged, (stages, order), Report { faults, restarts, commits, ..Report::default() });
        eprintln!("{name}: {}", report.await?);
        for (role, bytes) in peaks {
            eprintln!("  {role:?}: at most {} MiB", bytes >> 20);
            ensure!(bytes < MEMORY, "{role:?} took {bytes} bytes");
        }
        Ok(())
    })
}
