//! Servers that one test has for itself, so that it may kill and restart them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::servers::{Servers, unique_name};

/// A server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The source.
    Mysql,
    /// The log.
    Kafka,
    /// The destination.
    Postgres,
    /// Another source, which not every machine can install.
    MariaDb,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Kafka => "kafka",
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
        }
    }
}

/// Servers in a folder of their own, on free ports that they keep over restarts; they end with the value.
#[derive(Debug)]
pub struct OwnServers {
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl OwnServers {
    /// None yet; `environment` is for `deploy/local/servers`, such as `MILLRACE_MYSQL_OPTIONS`.
    pub fn new(environment: &[(&'static str, String)]) -> Self {
        Self { folder: std::env::temp_dir().join(unique_name("own_servers")), environment: environment.to_vec() }
    }

    /// With one more variable for `deploy/local/servers`.
    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        self.environment.push((name, value));
    }

    /// A port that was chosen for them, by its name in the script, such as `KAFKA_CONTROLLER`.
    pub(crate) fn port(&self, name: &str) -> Result<u16> {
        self.variables()?;
        let path = self.folder.join("ports");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("_PORT="));
        Ok(line.with_context(|| format!("no port of {name}"))?.parse()?)
    }

    /// Starts those of them that do not run, and waits until they answer. Blocks.
    pub fn start(&self, servers: &[Server]) -> Result<()> {
        self.run("up", servers).map(drop)
    }

    /// Ends servers in order, PostgreSQL without waiting for its sessions. Blocks.
    pub fn stop(&self, servers: &[Server]) -> Result<()> {
        self.run("down", servers).map(drop)
    }

    /// Stops servers in good order and starts them again, with the same data on the same ports. Blocks.
    pub fn restart(&self, servers: &[Server]) -> Result<()> {
        self.run("restart", servers).map(drop)
    }

    /// What the script says of them, by the names of its variables.
    pub fn variables(&self) -> Result<BTreeMap<String, String>> {
        let printed = self.run("env", &[])?;
        let lines = printed.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        Ok(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Their addresses, also of those that do not run.
    pub fn addresses(&self) -> Result<Servers> {
        let variables = self.variables()?;
        let address = |name: &str| variables.get(name).cloned().with_context(|| format!("no {name}"));
        Ok(Servers {
            mysql: address("MILLRACE_TEST_MYSQL")?,
            kafka: address("MILLRACE_TEST_KAFKA")?,
            postgres: address("MILLRACE_TEST_POSTGRES")?,
        })
    }

    /// Sends a signal, such as `KILL`, to a server that was started here.
    pub fn signal(&self, server: Server, signal: &str) -> Result<()> {
        signal_process(self.pid(server)?, signal)
    }

    /// Waits until a server that was killed is gone. Blocks.
    pub fn is_gone(&self, server: Server) -> Result<bool> {
        let process = PathBuf::from(format!("/proc/{}/stat", self.pid(server)?));
        // A process that nobody has waited for yet is as good as gone.
        Ok(fs::read_to_string(process)
            .map_or(true, |stat| stat.rsplit(") ").next().is_some_and(|s| s.starts_with('Z'))))
    }

    fn pid(&self, server: Server) -> Result<u32> {
        let path = self.folder.join(format!("{}.pid", server.name()));
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        text.lines().next().and_then(|line| line.parse().ok()).with_context(|| format!("no pid in {}", path.display()))
    }

    fn run(&self, command: &str, servers: &[Server]) -> Result<String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/local/servers");
        let output = Command::new(script)
            .arg(command)
            .args(servers.iter().map(|server| server.name()))
            .env("MILLRACE_LOCAL", &self.folder)
            .env("MILLRACE_PORTS", "auto")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()?;
        ensure!(output.status.success(), "servers {command}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Drop for OwnServers {
    fn drop(&mut self) {
        // A server that stands still would not end.
        for server in [Server::Mysql, Server::Kafka, Server::Postgres, Server::MariaDb] {
            let _ = self.signal(server, "CONT");
        }
        if let Err(error) = self.run("remove", &[]) {
            eprintln!("{error:#}");
        }
    }
}

/// Sends a signal by the shell's own `kill`; the standard library only has SIGKILL.
pub(crate) fn signal_process(pid: u32, signal: &str) -> Result<()> {
    let command = format!("kill -{signal} {pid}");
    let status = Command::new("sh").arg("-c").arg(&command).stderr(Stdio::null()).status()?;
    ensure!(status.success(), "\"{command}\" failed");
    Ok(())
}
