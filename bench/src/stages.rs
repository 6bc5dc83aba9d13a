//! The processes under measurement.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cpu_limit::CpuLimit;
use crate::ground::{Compression, Ground, LIMIT, NAME};
use crate::usage::{cpu_seconds, peak_memory};

/// Between two looks: often enough for the figures, seldom enough to cost little.
const LOOK: Duration = Duration::from_millis(50);
/// How long a stage may take to end.
const END: Duration = Duration::from_secs(60);

/// A process that uses less than so many CPU seconds for so long is idle.
const IDLE: Duration = Duration::from_millis(1_500);
const IDLE_CPU: f64 = 0.02;

/// How the data is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// Three processes over Kafka.
    Staged,
    /// `millrace run`: one process, no Kafka.
    Run,
}

impl Way {
    /// As it is shown.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Run => "run",
        }
    }

    /// Names of its processes.
    pub(crate) fn roles(self) -> &'static [&'static str] {
        match self {
            Self::Staged => &["capture", "transform", "apply"],
            Self::Run => &["run"],
        }
    }
}

/// A process to start.
pub(crate) struct Process {
    pub(crate) role: &'static str,
    /// What it may use, where that is limited.
    pub(crate) limit: Option<CpuLimit>,
}

struct Stage {
    role: &'static str,
    address: SocketAddr,
    child: Child,
    started: Instant,
    limit: Option<CpuLimit>,
}

/// What a process used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// CPU seconds.
    pub(crate) cpu: f64,
    /// Peak resident bytes.
    pub(crate) memory: u64,
}

/// Running processes of the task; they are killed when this is dropped.
pub(crate) struct Stages {
    folder: PathBuf,
    stages: Vec<Stage>,
}

impl Stages {
    /// Writes the task file and starts these processes of the task.
    pub(crate) fn start(ground: &Ground, way: Way, roles: &[&'static str]) -> Result<Self> {
        let unlimited = roles.iter().map(|&role| Process { role, limit: None }).collect();
        Self::start_all(ground, way, unlimited)
    }

    /// The same; a role may be there several times.
    pub(crate) fn start_all(ground: &Ground, way: Way, processes: Vec<Process>) -> Result<Self> {
        let addresses = processes.iter().map(|_| free_address()).collect::<Result<Vec<_>>>()?;
        let task = ground.folder.join("task.toml");
        fs::write(&task, task_file(ground, way, &addresses)?)?;
        let mut started = Self { folder: ground.folder.clone(), stages: Vec::new() };
        for (Process { role, limit }, address) in processes.into_iter().zip(addresses) {
            let path = ground.programs.join(program(role));
            ensure!(path.is_file(), "\"{}\" is not built: run make bench", path.display());
            let log = File::options().create(true).append(true).open(started.log(role))?;
            let mut command = limit.as_ref().map_or_else(|| Command::new(&path), |limit| limit.command(&path));
            match role {
                "run" => command.arg("run").arg(&task),
                // A role may be there several times, and the task file has one address for it.
                _ => command.arg("--task").arg(&task).args(["--http", &address.to_string()]),
            };
            command.args(["--log-format", "json"]).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            let child = command.spawn().with_context(|| format!("\"{}\" cannot be started", path.display()))?;
            started.stages.push(Stage { role, address, child, started: Instant::now(), limit });
        }
        Ok(started)
    }

    fn log(&self, role: &str) -> PathBuf {
        self.folder.join(format!("{role}.log"))
    }

    /// Fails if one has ended.
    pub(crate) fn ensure_running(&mut self) -> Result<()> {
        for stage in &mut self.stages {
            if let Some(status) = stage.child.try_wait()? {
                bail!("{} has ended with {status}: see {}", stage.role, self.folder.display());
            }
        }
        Ok(())
    }

    /// What the processes of each role have used since they were started: CPU seconds together, memory of the largest.
    /// Fails if one used more than its limit.
    pub(crate) fn used(&self) -> Result<BTreeMap<&'static str, Used>> {
        let mut all = BTreeMap::<&'static str, Used>::new();
        for stage in &self.stages {
            let pid = stage.child.id();
            let (cpu, memory) = (cpu_seconds(pid)?, peak_memory(pid)?);
            if let Some(limit) = &stage.limit {
                limit.ensure_kept(cpu, stage.started.elapsed().as_secs_f64()).with_context(|| stage.role)?;
            }
            let used = all.entry(stage.role).or_default();
            used.cpu += cpu;
            used.memory = used.memory.max(memory);
        }
        Ok(all)
    }

    /// A number that the statuses of a role (or of `millrace run`, which is all of them) show under this name, of all its
    /// processes together; 0 as long as none shows it. The others are not asked: to answer costs them CPU time, with the
    /// thousands of tables of capture's answer much of it.
    pub(crate) async fn shown(&self, role: &str, name: &str) -> u64 {
        let mut sum = 0;
        for stage in self.stages.iter().filter(|stage| [role, "run"].contains(&stage.role)) {
            let status = status(stage.address).await.unwrap_or_default();
            let all = status["stages"].as_array().cloned().unwrap_or_else(|| vec![status.clone()]);
            sum += all.iter().filter_map(|one| one["details"][name].as_u64()).sum::<u64>();
        }
        sum
    }

    /// Whether each process owns so many partitions.
    pub(crate) async fn own(&self, partitions: usize) -> bool {
        for stage in &self.stages {
            let status = status(stage.address).await.unwrap_or_default();
            if status["details"]["partitions"].as_array().is_none_or(|owned| owned.len() != partitions) {
                return false;
            }
        }
        true
    }

    /// Looks again and again until a condition holds; gives the moment at which the look began that found it.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        mut holds: impl AsyncFnMut(&Self) -> Result<bool>,
    ) -> Result<Instant> {
        let start = Instant::now();
        loop {
            self.ensure_running()?;
            let look = Instant::now();
            if holds(self).await? {
                return Ok(look);
            }
            ensure!(start.elapsed() < LIMIT, "after {LIMIT:?} not there: {what}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until a condition holds and the processes do nothing more; gives the moment at which they ended to.
    pub(crate) async fn until_idle(&mut self, holds: impl AsyncFnMut(&Self) -> Result<bool>) -> Result<Instant> {
        self.until("most of the work", holds).await?;
        let (mut busy, mut cpu) = (Instant::now(), 0.0);
        while busy.elapsed() < IDLE {
            let now = self.used()?.values().map(|used| used.cpu).sum();
            if now > cpu + IDLE_CPU {
                (busy, cpu) = (Instant::now(), now);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(busy)
    }

    /// Ends all of them in order, as a service manager does.
    pub(crate) async fn stop(mut self) -> Result<()> {
        for stage in &mut self.stages {
            let killed = Command::new("kill").args(["-TERM", &stage.child.id().to_string()]).status()?;
            ensure!(killed.success(), "{} has ended by itself", stage.role);
            let start = Instant::now();
            while stage.child.try_wait()?.is_none() {
                ensure!(start.elapsed() < END, "{} does not end", stage.role);
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        for stage in &mut self.stages {
            // An error means that it has ended already.
            let _ = stage.child.kill();
            let _ = stage.child.wait();
        }
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// The program of a role.
fn program(role: &str) -> &'static str {
    match role {
        "capture" => "millrace-capture",
        "transform" => "millrace-transform",
        "apply" => "millrace-apply",
        _ => "millrace",
    }
}

fn task_file(ground: &Ground, way: Way, addresses: &[SocketAddr]) -> Result<String> {
    let http = match (way, addresses) {
        (Way::Run, [address, ..]) => format!("\n[http]\ncapture = \"{address}\"\n"),
        _ => String::new(),
    };
    let log = match way {
        Way::Staged => {
            let options = match ground.compression {
                Compression::None => "",
                Compression::Lz4 => "options = { \"compression.type\" = \"lz4\" }\n",
            };
            format!("[log]\nkafka = \"{}\"\npartitions = {}\n{options}\n", ground.servers.kafka, ground.partitions)
        }
        Way::Run => String::new(),
    };
    let memory = ground.memory.map(|mebibytes| format!("memory = {mebibytes}\n")).unwrap_or_default();
    Ok(format!(
        "name = \"{NAME}\"\n{memory}\n\
         [source]\nurl = \"{source}\"\n\n\
         [destination]\nurl = \"{destination}\"\n\n\
         {log}\
         [[objects]]\ntable = \"{NAME}.*\"\n{http}",
        source = ground.servers.mysql,
        destination = ground.destination_url()?,
    ))
}

async fn status(address: SocketAddr) -> Result<Value> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /status HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    Ok(serde_json::from_str(body)?)
}
