//! Transforms and applies at a backlog, one against several, each process limited to a part of a processor so that it is what
//! limits; and a slow consumer of the topics beside stages that are not limited.
//!
//! The backlog stands in the topic before the processes start: transforms read it all, then applies read all that
//! transforms wrote, so each role is measured alone. Time begins when each process has its share of the partitions, and
//! two fifths are done, so that it is not that of the start or of the load, and ends with the last result.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use millrace_testkit::{create_topic, delete_topics, pace, read_at_pace};
use tokio_postgres::Client;

use crate::backlog::{Backlog, Size, many_tables, measure_size};
use crate::cpu_limit::{CpuLimit, Hierarchy};
use crate::ground::{Ground, NAME};
use crate::report::Report;
use crate::run::{Clock, Run};
use crate::stages::{Process, Stages, Way};
use crate::usage::topic_bytes;

/// What a limited process may use, in hundredths of a processor.
const PERCENT: u32 = 5;
/// Divided by 1, 2 and 3, so that each process has as much to do as the others.
const PARTITIONS: u32 = 6;
/// Messages a second that a slow consumer reads of each topic: far fewer than the stages do, as a message has about a
/// thousand rows at a backlog.
const SLOW: u32 = 10;
/// The part of the work that is over before it is measured, however many share it: the load with its indexes, and what was
/// done before each had its share.
const BEGIN: f64 = 0.4;
/// The part of the work that must be left then.
const REST: f64 = 0.4;
/// Times the changes of W3.
const LENGTH: u64 = 3;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// A topic that has not grown for so long is complete: limited processes stand still for milliseconds.
const QUIET: Duration = Duration::from_secs(5);

/// All of it.
pub(crate) async fn measure(ground: &mut Ground, report: &mut Report) -> Result<()> {
    let hierarchy = Hierarchy::find()?;
    let usual = std::mem::replace(&mut ground.partitions, PARTITIONS);
    let limited = limited(ground, &hierarchy, report).await;
    ground.partitions = usual;
    limited?;
    beside_a_slow_consumer(ground, report).await
}

async fn limited(ground: &Ground, hierarchy: &Hierarchy, report: &mut Report) -> Result<()> {
    let backlog = capture(ground).await?;
    let mut first = None;
    for count in 1..=2 {
        let mut run = transforms(ground, hierarchy, &backlog, count).await?;
        run.compare(&mut first);
        report.add(run)?;
    }
    let mut first = None;
    for count in 1..=3 {
        let mut run = applies(ground, hierarchy, &backlog, count).await?;
        run.compare(&mut first);
        report.add(run)?;
    }
    Ok(())
}

/// Has capture write the tables and their changes.
async fn capture(ground: &Ground) -> Result<Backlog> {
    ground.reset_source().await?;
    let usual = Size::usual(ground);
    let backlog = many_tables(ground, Size { changes: usual.changes * LENGTH, ..usual }).await?;
    ground.reset_destination().await?;
    let mut stages = Stages::start(ground, Way::Staged, &["capture"])?;
    let (loaded, all) = (backlog.rows + 1, backlog.rows + backlog.changes + 2);
    stages.until("the full load", async |stages| Ok(stages.shown("capture", "rows").await >= loaded)).await?;
    backlog.write(ground).await?;
    stages.until("the changes", async |stages| Ok(stages.shown("capture", "rows").await >= all)).await?;
    stages.stop().await?;
    Ok(backlog)
}

fn name(role: &str, count: usize) -> String {
    let plural = if count == 1 {
        role.to_owned()
    } else if role == "apply" {
        "applies".to_owned()
    } else {
        format!("{role}s")
    };
    format!("{count} {plural}, {PERCENT} % of a core each")
}

async fn transforms(ground: &Ground, hierarchy: &Hierarchy, backlog: &Backlog, count: usize) -> Result<Run> {
    let topic = format!("{NAME}.transformed");
    // A transform's output is its only state.
    delete_topics(&ground.servers.kafka, &topic).await?;
    create_topic(&ground.servers.kafka, &topic, i32::try_from(PARTITIONS)?).await?;
    let written = || topic_bytes(&ground.topics(), &topic);
    let mut stages = start(ground, hierarchy, "transform", count).await?;
    // What it writes is as long as what it reads.
    let begin = (topic_bytes(&ground.topics(), &format!("{NAME}.captured"))? as f64 * BEGIN) as u64;
    stages.until("the part that is measured", async |_| Ok(written()? >= begin)).await?;
    let mut clock = Clock::start(ground)?;
    let (before, from) = (stages.used()?, written()?);
    let (mut bytes, mut last) = (from, Instant::now());
    while last.elapsed() < QUIET {
        stages.ensure_running()?;
        pace(LOOK).await;
        let now = written()?;
        if now > bytes {
            (bytes, last) = (now, Instant::now());
        }
    }
    clock.stop(last);
    let rows = rest(backlog, from, bytes)?;
    let mut run = clock.run(ground, &name("transform", count), Way::Staged, rows, &stages)?;
    run.subtract(&before);
    run.topics = None;
    stages.stop().await?;
    // One apply, not limited, says whether it was all, and right.
    ground.reset_database().await?;
    let mut stages = Stages::start(ground, Way::Staged, &["apply"])?;
    let destination = ground.connect_destination().await?;
    stages.until("the last change", async |_| Ok(backlog.is_complete(&destination).await)).await?;
    stages.stop().await?;
    backlog.ensure_equal(ground).await?;
    Ok(run)
}

/// The destination has everything when this begins, so it says how far its progress will go again.
async fn applies(ground: &Ground, hierarchy: &Hierarchy, backlog: &Backlog, count: usize) -> Result<Run> {
    let all = progress(&ground.connect_destination().await?).await?;
    ground.reset_database().await?;
    let destination = ground.connect_destination().await?;
    let mut stages = start(ground, hierarchy, "apply", count).await?;
    let begin = (all.iter().sum::<u64>() as f64 * BEGIN) as u64;
    let begun = async |_: &Stages| Ok(progress(&destination).await?.iter().sum::<u64>() >= begin);
    stages.until("the part that is measured", begun).await?;
    let mut clock = Clock::start(ground)?;
    let (before, from) = (stages.used()?, progress(&destination).await?);
    let is_there = |found: &[u64]| found.len() == all.len() && found.iter().zip(&all).all(|(found, all)| found >= all);
    let end = stages.until("all changes", async |_| Ok(is_there(&progress(&destination).await?))).await?;
    clock.stop(end);
    let rows = rest(backlog, from.iter().sum(), all.iter().sum())?;
    let mut run = clock.run(ground, &name("apply", count), Way::Staged, rows, &stages)?;
    run.subtract(&before);
    run.topics = None;
    stages.stop().await?;
    backlog.ensure_equal(ground).await?;
    Ok(run)
}

/// Starts processes of a role, each limited, and waits until they share the partitions: Kafka tells the first that there
/// is a second only after seconds.
async fn start(ground: &Ground, hierarchy: &Hierarchy, role: &'static str, count: usize) -> Result<Stages> {
    let limited = || Ok(Process { role, limit: Some(CpuLimit::new(hierarchy, PERCENT)?) });
    let processes = (0..count).map(|_| limited()).collect::<Result<_>>()?;
    let mut stages = Stages::start_all(ground, Way::Staged, processes)?;
    let share = usize::try_from(PARTITIONS)? / count;
    stages.until("a share of the partitions for each", async |stages| Ok(stages.own(share).await)).await?;
    Ok(stages)
}

/// The rows that were not done at the beginning, by how far the work had come then and comes in the end.
fn rest(backlog: &Backlog, from: u64, to: u64) -> Result<u64> {
    // Some transactions of each, which are large where there is much, may be beyond the beginning.
    let least = to as f64 * REST;
    ensure!((to - from) as f64 >= least, "too much was done before all processes shared it: take a larger scale");
    Ok(((backlog.rows + backlog.changes) as f64 * (to - from) as f64 / to as f64) as u64)
}

/// How far each partition is; none where nothing was applied.
async fn progress(destination: &Client) -> Result<Vec<u64>> {
    // The table is not there before the first apply has made it.
    let there = "SELECT to_regclass('millrace.progress') IS NOT NULL";
    if !destination.query_one(there, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(Vec::new());
    }
    let sql = "SELECT max(log_sequence)::bigint FROM millrace.progress GROUP BY log_partition ORDER BY log_partition";
    let rows = destination.query(sql, &[]).await?;
    rows.iter().map(|row| Ok(u64::try_from(row.try_get::<_, i64>(0)?)?)).collect()
}

/// W3 alone, and while somebody reads the topics slowly.
async fn beside_a_slow_consumer(ground: &Ground, report: &mut Report) -> Result<()> {
    let (mut first, name) = (None, "W3, nobody else reads");
    let mut alone = measure_size(ground, name, Size::usual(ground), Way::Staged).await?;
    alone.compare(&mut first);
    report.add(alone)?;
    ground.reset_destination().await?;
    let read = Arc::<AtomicU64>::default();
    let readers = ["captured", "transformed"].map(|topic| {
        let (brokers, topic, read) = (ground.servers.kafka.clone(), format!("{NAME}.{topic}"), read.clone());
        tokio::spawn(async move {
            // The topic is not there before the run begins.
            while read_at_pace(&brokers, &topic, SLOW, &read).await.is_err() {
                pace(LOOK).await;
            }
        })
    });
    let name = format!("W3 beside readers of {SLOW} messages/s");
    let beside = measure_size(ground, &name, Size::usual(ground), Way::Staged).await;
    readers.iter().for_each(|reader| reader.abort());
    ensure!(read.load(Ordering::Relaxed) > 0, "the slow consumer has read nothing");
    let mut beside = beside?;
    beside.compare(&mut first);
    report.add(beside)
}
