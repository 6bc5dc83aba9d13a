//! The processes that move the data: started apart from the terminal so that they stay when the demo has ended, killed
//! and started again by their handle. Each leaves a pid file for `make down` (deploy/local/process.sh has its form).

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use millrace_testkit::Servers;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Way;
use crate::shop::NAME;

/// A process of the product.
struct Stage {
    name: &'static str,
    program: &'static str,
    address: SocketAddr,
    child: Child,
}

/// The processes of the task.
pub(crate) struct Stages {
    way: Way,
    folder: PathBuf,
    task: PathBuf,
    stages: Vec<Stage>,
}

impl Stages {
    /// Writes the task file into `folder` and starts what the way of running needs.
    pub(crate) fn start(way: Way, servers: &Servers, folder: &Path) -> Result<Self> {
        let names: &[(&str, &str)] = match way {
            Way::Staged => {
                &[("capture", "millrace-capture"), ("transform", "millrace-transform"), ("apply", "millrace-apply")]
            }
            Way::Run => &[("run", "millrace")],
        };
        let addresses = [address(29561)?, address(29562)?, address(29563)?];
        let task = folder.join("task.toml");
        fs::write(&task, task_file(way, servers, addresses)?)?;
        let mut started = Self { way, folder: folder.to_owned(), task, stages: Vec::new() };
        for ((name, program), address) in names.iter().zip(addresses) {
            let log = started.folder.join(format!("{name}.log"));
            let _ = fs::remove_file(&log);
            let child = started.spawn(name, program)?;
            started.stages.push(Stage { name, program, address, child });
        }
        Ok(started)
    }

    /// Path of the task file.
    pub(crate) fn task(&self) -> &Path {
        &self.task
    }

    /// Names of the programs.
    pub(crate) fn programs(&self) -> Vec<&'static str> {
        self.stages.iter().map(|stage| stage.program).collect()
    }

    /// Name of each process and the address of its status.
    pub(crate) fn addresses(&self) -> Vec<(&'static str, SocketAddr)> {
        self.stages.iter().map(|stage| (stage.name, stage.address)).collect()
    }

    /// Fails, with the end of its log, if one has ended.
    pub(crate) fn ensure_running(&mut self) -> Result<()> {
        for stage in &mut self.stages {
            if let Some(status) = stage.child.try_wait()? {
                let path = self.folder.join(format!("{}.log", stage.name));
                let log = fs::read_to_string(&path).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let end = lines[lines.len().saturating_sub(5)..].join("\n");
                anyhow::bail!("{} has ended with {status}; the end of {}:\n{end}", stage.program, path.display());
            }
        }
        Ok(())
    }

    /// Kills a process with SIGKILL and starts it again at once; gives the pids before and after. The name is a
    /// stage's; with `millrace run` all are in one process.
    pub(crate) fn kill_and_restart(&mut self, stage: &str) -> Result<(&'static str, u32, u32)> {
        self.ensure_running()?;
        let at = self.stages.iter().position(|other| other.name == stage).unwrap_or(0);
        let (name, program) = (self.stages[at].name, self.stages[at].program);
        let before = self.stages[at].child.id();
        self.stages[at].child.kill()?;
        self.stages[at].child.wait()?;
        self.stages[at].child = self.spawn(name, program)?;
        Ok((program, before, self.stages[at].child.id()))
    }

    fn spawn(&self, name: &str, program: &str) -> Result<Child> {
        let path = std::env::current_exe()?.with_file_name(program);
        ensure!(path.is_file(), "\"{}\" is not built: run make demo", path.display());
        let log = self.folder.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("the log \"{}\" cannot be written", log.display()))?;
        let mut command = Command::new("setsid");
        command.arg(&path);
        match self.way {
            Way::Staged => command.arg("--task").arg(&self.task),
            Way::Run => command.arg("run").arg(&self.task),
        };
        command.args(["--log-format", "json"]).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("\"{}\" cannot be started", path.display()))?;
        let mark = format!("{}\n{}\n", child.id(), self.task.display());
        fs::write(self.folder.join(format!("{name}.pid")), mark)?;
        Ok(child)
    }

    /// Tables whose full load capture has published, and all; none as long as it does not say.
    pub(crate) async fn tables_loaded(&self) -> Option<(u64, u64)> {
        let status = status(self.stages[0].address).await.ok()?;
        let capture = status["stages"].get(0).unwrap_or(&status);
        Some((capture["details"]["tables_loaded"].as_u64()?, capture["details"]["tables"].as_u64()?))
    }
}

/// The port on the loopback address if it is free, otherwise a free one. Not a stage's usual one: the demo stays when it
/// has ended, and a task of the user's own should find that free.
fn address(port: u16) -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", port)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)));
    Ok(listener.context("no port is free on 127.0.0.1")?.local_addr()?)
}

/// The demo's database in the destination.
pub(crate) fn destination_url(servers: &Servers) -> Result<String> {
    let (server, _) = servers.postgres.rsplit_once('/').context("the address of PostgreSQL names no database")?;
    Ok(format!("{server}/{NAME}"))
}

fn task_file(way: Way, servers: &Servers, [capture, transform, apply]: [SocketAddr; 3]) -> Result<String> {
    let log = match way {
        Way::Staged => format!("[log]\nkafka = \"{}\"\npartitions = 4\n\n", servers.kafka),
        Way::Run => String::new(),
    };
    Ok(format!(
        "# The demo's task, written by make demo.\n\
         name = \"{NAME}\"\n\n\
         [source]\nurl = \"{source}\"\n\n\
         [destination]\nurl = \"{destination}\"\n\n\
         {log}\
         [[objects]]\ntable = \"{NAME}.*\"\n\n\
         [http]\ncapture = \"{capture}\"\ntransform = \"{transform}\"\napply = \"{apply}\"\n",
        source = servers.mysql,
        destination = destination_url(servers)?,
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
