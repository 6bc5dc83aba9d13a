//! The stages of a test as processes.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_testkit::{Stage, StageCommand, built_binary, process_has_port};

use crate::world::World;

/// How long a stage may take to end after it was asked to.
const END: Duration = Duration::from_secs(30);

/// The number of the signal that [`Stages::kill`] sends.
const SIGKILL: i32 = 9;

/// What ends a process that has been asked to end before it listens to that.
const SIGTERM: i32 = 15;

/// Exit code of a process that found a server gone when it started (docs/commands.md).
const UNREACHABLE: i32 = 3;

/// Which stage a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// millrace-capture.
    Capture,
    /// millrace-transform.
    Transform,
    /// millrace-apply.
    Apply,
    /// `millrace run`: all of them in one process, without Kafka.
    Run,
}

impl Role {
    /// The staged processes, one of each.
    pub const ALL: [Self; 3] = [Self::Capture, Self::Transform, Self::Apply];

    fn program(self) -> &'static str {
        match self {
            Self::Capture => "millrace-capture",
            Self::Transform => "millrace-transform",
            Self::Apply => "millrace-apply",
            Self::Run => "millrace",
        }
    }
}

/// What a stage that failed prints on standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// The first line, without `error: `.
    pub error: String,
    /// The second line, without `hint: `; empty if there is none.
    pub hint: String,
}

/// The failure that a stage printed, from its output: lines of the log are JSON, others are standard error.
pub fn printed_failure(output: &str) -> Result<Printed> {
    let mut lines = output.lines().filter(|line| !line.starts_with('{'));
    let first = lines.next().context("nothing is on standard error")?;
    let error = first.strip_prefix("error: ").with_context(|| format!("standard error begins with: {first}"))?;
    let second = lines.next();
    let hint = second.map_or(Some(""), |line| line.strip_prefix("hint: "));
    let hint = hint.with_context(|| format!("after the error, standard error has: {second:?}"))?;
    let more: Vec<&str> = lines.collect();
    ensure!(more.is_empty(), "after error and hint, standard error has: {more:?}");
    Ok(Printed { error: error.to_owned(), hint: hint.to_owned() })
}

struct Process {
    role: Role,
    log: PathBuf,
    stage: Stage,
    /// The process id that was last asked to end.
    asked_to_end: Option<u32>,
}

/// Running stages; they are killed when this is dropped.
pub struct Stages {
    task: PathBuf,
    /// Value of the environment variable TZ; none for nine hours ahead of the servers.
    zone: Option<String>,
    processes: Vec<Process>,
}

impl Stages {
    /// Starts these stages with a task file in the world's folder, where their logs go too.
    pub fn start(world: &World, task: &Path, roles: &[Role]) -> Result<Self> {
        Self::start_in_zone(world, task, roles, None)
    }

    /// Like [`Stages::start`], as on a machine of this time zone.
    pub fn start_in_zone(world: &World, task: &Path, roles: &[Role], zone: Option<&str>) -> Result<Self> {
        let mut processes: Vec<Process> = Vec::new();
        for &role in roles {
            let number = processes.iter().filter(|process| process.role == role).count() + 1;
            let log = world.folder.join(format!("{}-{number}.log", role.program()));
            processes.push(Process { role, stage: spawn(role, task, zone, &log)?, log, asked_to_end: None });
        }
        Ok(Self { task: task.to_owned(), zone: zone.map(str::to_owned), processes })
    }

    /// What each process is, in the order in which they were given.
    pub fn roles(&self) -> Vec<Role> {
        self.processes.iter().map(|process| process.role).collect()
    }

    /// Which process has a connection of its own from this port, if one has.
    pub fn with_port(&self, port: u16) -> Result<Option<usize>> {
        for (place, process) in self.processes.iter().enumerate() {
            if process_has_port(process.stage.id(), port)? {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Fails, with the end of its log, if one has ended.
    pub fn ensure_running(&mut self) -> Result<()> {
        for process in &mut self.processes {
            let running = process.stage.is_running()?;
            ensure!(running, "{:?} has ended\n{}", process.role, process.stage.log_end());
        }
        Ok(())
    }

    /// Kills a process with SIGKILL and starts it again.
    pub fn kill_and_restart(&mut self, process: usize) -> Result<()> {
        let process = &mut self.processes[process];
        ensure!(process.stage.is_running()?, "{:?} has ended\n{}", process.role, process.stage.log_end());
        process.stage.kill()?;
        process.stage = spawn(process.role, &self.task, self.zone.as_deref(), &process.log)?;
        Ok(())
    }

    /// The most memory that the kernel has counted for each process since its start, in bytes (`VmHWM` of Linux).
    pub fn peak_memory(&self) -> Result<Vec<(Role, u64)>> {
        let peak = |process: &Process| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", process.stage.id()))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
            let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
            Ok((process.role, kibibytes << 10))
        };
        self.processes.iter().map(peak).collect()
    }

    /// Asks a process to end by SIGTERM; nothing if it has ended, or was asked, already: a second request ends a stage at
    /// once, as a failure. [`Stages::restart_ended`] starts it again.
    pub fn terminate(&mut self, process: usize) -> Result<()> {
        let process = &mut self.processes[process];
        let asked = process.asked_to_end.replace(process.stage.id());
        if asked != Some(process.stage.id()) && process.stage.is_running()? {
            process.stage.terminate()?;
        }
        Ok(())
    }

    /// Lets a process stand still, if it has not ended: one that found a server gone when it started has.
    pub fn suspend_if_running(&mut self, process: usize) -> Result<()> {
        let stage = &mut self.processes[process].stage;
        if stage.is_running()? { stage.suspend() } else { Ok(()) }
    }

    /// Lets a process go on, if it has not ended.
    pub fn resume_if_running(&mut self, process: usize) -> Result<()> {
        let stage = &mut self.processes[process].stage;
        if stage.is_running()? { stage.resume() } else { Ok(()) }
    }

    /// Kills a process with SIGKILL, if it has not ended. [`Stages::restart_ended`] starts it again.
    pub fn kill(&mut self, process: usize) -> Result<()> {
        let stage = &mut self.processes[process].stage;
        if stage.is_running()? { stage.kill() } else { Ok(()) }
    }

    /// Starts processes again that were killed, that were asked to end, and that found a server gone when they started;
    /// gives the errors that the last have printed. Any other end is an error.
    pub async fn restart_ended(&mut self) -> Result<Vec<(Role, String)>> {
        let mut errors = Vec::new();
        for process in &mut self.processes {
            if process.stage.is_running()? {
                continue;
            }
            let status = process.stage.wait(END).await?;
            let unreachable = status.code() == Some(UNREACHABLE);
            let expected = unreachable || status.success() || matches!(status.signal(), Some(SIGKILL | SIGTERM));
            ensure!(expected, "{:?} ended with {status}\n{}", process.role, process.stage.log_end());
            if unreachable {
                let log = process.stage.log()?;
                let error = log.lines().rev().find_map(|line| line.strip_prefix("error: "));
                errors.push((process.role, error.unwrap_or("nothing was printed").to_owned()));
            }
            process.stage = spawn(process.role, &self.task, self.zone.as_deref(), &process.log)?;
        }
        Ok(errors)
    }

    /// Lets a process stand still.
    pub fn suspend(&mut self, process: usize) -> Result<()> {
        self.processes[process].stage.suspend()
    }

    /// Lets a process go on.
    pub fn resume(&mut self, process: usize) -> Result<()> {
        self.processes[process].stage.resume()
    }

    /// All that the first process of this role has printed.
    pub fn output(&self, role: Role) -> Result<String> {
        let process = self.processes.iter().find(|process| process.role == role);
        process.with_context(|| format!("{role:?} was not started"))?.stage.log()
    }

    /// Asks all to end by SIGTERM, and ensures that they do with exit code 0.
    pub async fn stop(mut self) -> Result<()> {
        for process in self.processes.iter_mut().filter(|process| process.asked_to_end != Some(process.stage.id())) {
            process.stage.terminate()?;
        }
        self.wait_for_success(END).await
    }

    /// Waits until all have ended by themselves, with exit code 0.
    pub async fn wait_for_success(mut self, limit: Duration) -> Result<()> {
        for process in &mut self.processes {
            process.stage.wait_for_success(limit).await?;
        }
        Ok(())
    }

    /// Waits until the first process of this role ends with the exit code of its failure's class, takes it out, and gives
    /// what it printed.
    pub async fn wait_for_failure(&mut self, role: Role, limit: Duration) -> Result<Printed> {
        let found = self.processes.iter().position(|process| process.role == role);
        let mut process = self.processes.remove(found.with_context(|| format!("{role:?} was not started"))?);
        let status = process.stage.wait(limit).await?;
        let expected = code_of_failure(&process.stage.log()?);
        ensure!(status.code() == Some(expected), "{role:?} ended with {status}\n{}", process.stage.log_end());
        printed_failure(&process.stage.log()?).with_context(|| process.stage.log_end())
    }
}

/// The exit code of the last failure in a log: by its class, and 1 where it failed before it had anything to log.
fn code_of_failure(log: &str) -> i32 {
    let failed = log.lines().rev().find(|line| line.starts_with('{') && line.contains("\"message\":\"failed\""));
    match failed {
        Some(line) if line.contains("\"class\":\"connection\"") => UNREACHABLE,
        Some(line) if line.contains("\"class\":\"statement\"") => 4,
        _ => 1,
    }
}

fn spawn(role: Role, task: &Path, zone: Option<&str>, log: &Path) -> Result<Stage> {
    let program = built_binary(role.program())?;
    // Nine hours ahead of the servers where a test says nothing: the zone of the machine has no part in any.
    let command = StageCommand::new(program).environment("TZ", zone.unwrap_or("JST-9"));
    let command = match role {
        Role::Run => command.argument("run").argument(task),
        Role::Capture | Role::Transform | Role::Apply => command.argument("--task").argument(task),
    };
    command.argument("--log-format").argument("json").spawn(log)
}
