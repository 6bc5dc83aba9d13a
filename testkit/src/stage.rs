//! Processes under test: started, killed, stopped and awaited by their handle, ended at the latest when that drops.
//!
//! Signals go to a pid whose process has not been waited for, so the pid cannot have been given to another process.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::own_servers::signal_process;
use crate::poll::poll_until;

/// What to start.
#[derive(Debug, Clone)]
pub struct StageCommand {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl StageCommand {
    /// `program` without arguments, in this process's environment.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), environment: Vec::new() }
    }

    /// With one more argument.
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// With one more environment variable.
    pub fn environment(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts it. Standard output and standard error are appended to the file `log`.
    pub fn spawn(&self, log: &Path) -> Result<Stage> {
        let output = File::options().create(true).append(true).open(log);
        let output = output.with_context(|| format!("the log \"{}\" cannot be written", log.display()))?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("\"{}\" cannot be started", self.program.display()))?;
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Stage { name, child, log: log.to_owned() })
    }
}

/// A process that was started; it is killed when this is dropped.
#[derive(Debug)]
pub struct Stage {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Stage {
    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM: a request to end.
    pub fn terminate(&mut self) -> Result<()> {
        self.signal("TERM")
    }

    /// SIGSTOP: it stands still until [`Stage::resume`].
    pub fn suspend(&mut self) -> Result<()> {
        self.signal("STOP")
    }

    /// SIGCONT: it goes on after [`Stage::suspend`].
    pub fn resume(&mut self) -> Result<()> {
        self.signal("CONT")
    }

    /// How it ended; an error with the log's end if it still runs after `limit`.
    pub async fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let mut status = None;
        let what = format!("the end of \"{}\"", self.name);
        let child = &mut self.child;
        let waited = poll_until(limit, &what, async || {
            status = child.try_wait()?;
            Ok(status.is_some())
        })
        .await;
        waited.with_context(|| self.log_end())?;
        status.context("it ended without a status")
    }

    /// Waits like [`Stage::wait`] and fails, with the log's end, unless it ended with exit code 0.
    pub async fn wait_for_success(&mut self, limit: Duration) -> Result<()> {
        let status = self.wait(limit).await?;
        ensure!(status.success(), "\"{}\" ended with {status}\n{}", self.name, self.log_end());
        Ok(())
    }

    /// All that it has printed so far, and that earlier processes with the same log file have.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(&self.log).with_context(|| format!("the log \"{}\" cannot be read", self.log.display()))
    }

    /// The log's last 20 lines, with its name, for error messages.
    pub fn log_end(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let end = &lines[lines.len().saturating_sub(20)..];
        format!("the last lines of \"{}\":\n{}", self.log.display(), end.join("\n"))
    }

    fn signal(&mut self, name: &str) -> Result<()> {
        if !self.is_running()? {
            bail!("\"{}\" has ended already\n{}", self.name, self.log_end());
        }
        signal_process(self.child.id(), name)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // An error means that it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Path of a binary of this workspace, built in the same profile as the running test; an error that says how to build
/// it if it is not there.
pub fn built_binary(name: &str) -> Result<PathBuf> {
    let test = env::current_exe()?;
    // target/<profile>/deps/<test>: the binaries lie one folder up.
    let profile = test.parent().and_then(Path::parent).context("the test program is not in a target folder")?;
    let path = profile.join(name);
    ensure!(path.is_file(), "\"{}\" is not built: run make test, or cargo build --workspace --bins", path.display());
    Ok(path)
}
