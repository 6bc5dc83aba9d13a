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

struct Stage {
    role: &'static str,
    address: SocketAddr,
    child: Child,
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
        let addresses = [free_address()?, free_address()?, free_address()?];
        let task = ground.folder.join("task.toml");
        fs::write(&task, task_file(ground, way, addresses)?)?;
        let mut started = Self { folder: ground.folder.clone(), stages: Vec::new() };
        for &role in roles {
            let (program, at) = match role {
                "transform" => ("millrace-transform", 1),
                "apply" => ("millrace-apply", 2),
                "capture" => ("millrace-capture", 0),
                _ => ("millrace", 0),
            };
            let path = ground.programs.join(program);
            ensure!(path.is_file(), "\"{}\" is not built: run make bench", path.display());
            let log = File::options().create(true).append(true).open(started.log(role))?;
            let mut command = Command::new(&path);
            match role {
                "run" => command.arg("run").arg(&task),
                _ => command.arg("--task").arg(&task),
            };
            command.args(["--log-format", "json"]).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            let child = command.spawn().with_context(|| format!("\"{}\" cannot be started", path.display()))?;
            started.stages.push(Stage { role, address: addresses[at], child });
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

    /// What each process has used since it was started.
    pub(crate) fn used(&self) -> Result<BTreeMap<&'static str, Used>> {
        let of = |stage: &Stage| {
            let pid = stage.child.id();
            Ok((stage.role, Used { cpu: cpu_seconds(pid)?, memory: peak_memory(pid)? }))
        };
        self.stages.iter().map(of).collect()
    }

    /// A number that a stage's status shows under this name; 0 as long as it shows none.
    pub(crate) async fn shown(&self, name: &str) -> u64 {
        for stage in &self.stages {
            let status = status(stage.address).await.unwrap_or_default();
            let all = status["stages"].as_array().cloned().unwrap_or_else(|| vec![status.clone()]);
            if let Some(number) = all.iter().find_map(|one| one["details"][name].as_u64()) {
                return number;
            }
        }
        0
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

fn task_file(ground: &Ground, way: Way, [capture, transform, apply]: [SocketAddr; 3]) -> Result<String> {
    let log = match way {
        Way::Staged => {
            let options = match ground.compression {
                Compression::Lz4 => "",
                Compression::None => "options = { \"compression.type\" = \"none\" }\n",
            };
            format!("[log]\nkafka = \"{}\"\npartitions = 4\n{options}\n", ground.servers.kafka)
        }
        Way::Run => String::new(),
    };
    Ok(format!(
        "name = \"{NAME}\"\n\n\
         [source]\nurl = \"{source}\"\n\n\
         [destination]\nurl = \"{destination}\"\n\n\
         {log}\
         [[objects]]\ntable = \"{NAME}.*\"\n\n\
         [http]\ncapture = \"{capture}\"\ntransform = \"{transform}\"\napply = \"{apply}\"\n",
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
