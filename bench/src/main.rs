//! `millrace-bench`: workloads on real servers, each compared row by row before it counts. `make bench` starts the
//! servers, builds the stages optimised and calls it.
//!
//! Wall time says little on a machine that does other work, so beside each rate stand the CPU seconds of each process
//! and the practical limit of the same minutes: the databases' own clients moving the same rows.

mod backlog;
mod cpu_limit;
mod data;
mod ground;
mod growth;
mod idle;
mod latency;
mod limits;
mod load;
mod manifest;
mod report;
mod run;
mod scaling;
mod single;
mod sizing;
mod stages;
mod usage;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use millrace_testkit::use_broker;

use crate::cpu_limit::Hierarchy;
use crate::ground::{Compression, Ground, NAME};
use crate::report::Report;
use crate::stages::Way;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// What the machine can do without us, on W1's rows.
    Limits,
    /// Full load of one table with 1,000,000 narrow rows.
    W1,
    /// Full load of one table with 200,000 rows of 30 columns of all common types.
    W2,
    /// 500,000 changes of 10 tables, written while the task is stopped.
    W3,
    /// Latency at 500 transactions a second, of 1 and of 4 rows.
    W4,
    /// Full load of 1,000 tables with 100 rows each.
    W5,
    /// One transaction that updates 1,000,000 rows.
    W6,
    /// 1,000,000 updates of 10 rows, written while the task is stopped.
    W7,
    /// Each stage alone on W1's rows.
    Alone,
    /// Half a minute without a change.
    Idle,
    /// W3 three times as long, among 1,000 other tables, and into tables of 2,000,000 rows.
    Growth,
    /// One against several transforms and applies, each limited to a part of a core; a slow consumer of the topics.
    Scaling,
    /// W3 and W4 with few and many partitions, W3 with little and much memory.
    Sizing,
}

/// Measures how fast tables move; the servers are those of MILLRACE_TEST_... in the folder MILLRACE_LOCAL.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure; all of it if none is named.
    workloads: Vec<Workload>,
    /// Part of each workload's rows.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Staged processes over Kafka, or `millrace run`; both if none is named.
    #[arg(long)]
    way: Vec<Way>,
    /// How messages are compressed in Kafka.
    #[arg(long, value_enum, default_value_t = Compression::None)]
    compression: Compression,
    /// Folder of the stages' programs.
    #[arg(long)]
    programs: PathBuf,
    /// Folder of results, task files and logs.
    #[arg(long)]
    folder: PathBuf,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match measure(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<()> {
    let mut ground = Ground::new(&arguments.programs, &arguments.folder, arguments.scale, arguments.compression)?;
    use_broker(&ground.servers.kafka, &format!("{NAME}.first_use")).await?;
    let mut report = Report::new(manifest::gather(&ground).await?, &arguments.folder)?;
    let (all, ways) = (Workload::value_variants(), Way::value_variants());
    let workloads = if arguments.workloads.is_empty() { all } else { &arguments.workloads };
    let ways = if arguments.way.is_empty() { ways } else { &arguments.way };
    for &workload in workloads {
        if arguments.workloads.is_empty() && workload == Workload::Scaling && Hierarchy::find().is_err() {
            eprintln!("Scaling: left out: it needs root and control groups that can be written");
            continue;
        }
        run(&mut ground, workload, ways, &mut report).await.with_context(|| format!("{workload:?}"))?;
    }
    ground.clean().await?;
    report.finish()
}

/// Runs one workload in each of the ways in which it can be.
async fn run(ground: &mut Ground, workload: Workload, ways: &[Way], report: &mut Report) -> Result<()> {
    match workload {
        Workload::Limits => limits::measure(ground).await?.into_iter().try_for_each(|run| report.add(run))?,
        Workload::Alone => single::measure(ground).await?.into_iter().try_for_each(|run| report.add(run))?,
        Workload::Scaling => scaling::measure(ground, report).await?,
        Workload::Sizing => sizing::measure(ground, report).await?,
        Workload::Growth => {
            for &way in ways {
                growth::measure(ground, way, report).await?;
            }
        }
        Workload::Idle => {
            for &way in ways {
                report.add(idle::measure(ground, way).await?)?;
            }
        }
        Workload::W4 => {
            for &way in ways {
                latency::measure(ground, way).await?.into_iter().try_for_each(|run| report.add(run))?;
            }
        }
        Workload::W1 | Workload::W2 | Workload::W5 => {
            let tables = load::tables(ground, workload);
            tables.make(ground).await?;
            for &way in ways {
                report.add(load::measure(ground, &tables, way).await?)?;
            }
        }
        Workload::W3 | Workload::W6 | Workload::W7 => {
            for &way in ways {
                report.add(backlog::measure(ground, workload, way).await?)?;
            }
        }
    }
    Ok(())
}

/// Makes a folder and those above it.
fn make_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("the folder \"{}\" cannot be made", path.display()))
}
