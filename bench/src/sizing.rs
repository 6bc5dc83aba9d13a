//! What the task's partitions and the memory of its processes bring: W3 and W4 with few and many partitions, W3 with little
//! and much memory (which is what the sizes of steps, batches and transactions follow). All over Kafka, each beside the
//! task file's own defaults.

use anyhow::Result;

use crate::backlog::{Size, measure_size};
use crate::ground::Ground;
use crate::latency;
use crate::report::Report;
use crate::run::Run;
use crate::stages::Way;

/// Partitions beside the usual number.
const PARTITIONS: [u32; 3] = [1, 16, 64];
/// MiB beside the usual number.
const MEMORY: [u32; 2] = [64, 1024];
/// Rows of each transaction of W4.
const ROWS: u64 = 4;

/// All of it.
pub(crate) async fn measure(ground: &mut Ground, report: &mut Report) -> Result<()> {
    let usual = (ground.partitions, ground.memory);
    let measured = measure_each(ground, report).await;
    (ground.partitions, ground.memory) = usual;
    measured
}

async fn measure_each(ground: &mut Ground, report: &mut Report) -> Result<()> {
    let (mut backlog, usual) = (None, ground.partitions);
    for partitions in [usual].into_iter().chain(PARTITIONS) {
        ground.partitions = partitions;
        let mut run = measure_backlog(ground, &format!("W3 in {partitions} partitions")).await?;
        run.compare(&mut backlog);
        report.add(run)?;
        let run = latency::measure_rows(ground, Way::Staged, ROWS).await?;
        report.add(Run { workload: format!("W4 x{ROWS} in {partitions} partitions"), ..run })?;
    }
    ground.partitions = usual;
    for memory in MEMORY {
        ground.memory = Some(memory);
        let mut run = measure_backlog(ground, &format!("W3 with memory = {memory}")).await?;
        run.compare(&mut backlog);
        report.add(run)?;
    }
    Ok(())
}

async fn measure_backlog(ground: &Ground, name: &str) -> Result<Run> {
    measure_size(ground, name, Size::usual(ground), Way::Staged).await
}
