//! A server of a test's own, with options of its own: what cannot be tried on the server that all tests share.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::servers::{Servers, unique_name};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerKind {
    /// MySQL.
    Mysql,
    /// PostgreSQL.
    Postgres,
    /// MariaDB, which not every machine can install.
    MariaDb,
}

impl ServerKind {
    fn name(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Mysql => "MILLRACE_TEST_MYSQL",
            Self::Postgres => "MILLRACE_TEST_POSTGRES",
            Self::MariaDb => "MILLRACE_TEST_MARIADB",
        }
    }
}

/// A server that was started by `deploy/local/servers`; it ends, and its data goes, with the value.
pub struct OwnServer {
    folder: PathBuf,
    kind: ServerKind,
    options: String,
}

impl OwnServer {
    /// Starts it on a free port. `options` are more options of mysqld or mariadbd; PostgreSQL has none here.
    pub fn start(kind: ServerKind, options: &str) -> Result<Self> {
        let own =
            Self { folder: std::env::temp_dir().join(unique_name("own_server")), kind, options: options.to_owned() };
        own.servers(&["up", kind.name()])?;
        Ok(own)
    }

    /// The URL of its administrator.
    pub fn url(&self) -> Result<String> {
        let printed = self.servers(&["env"])?;
        let prefix = format!("export {}=", self.kind.variable());
        let line = printed.lines().find_map(|line| line.strip_prefix(&prefix));
        line.map(str::to_owned).context("no address of the server")
    }

    /// Stops it in good order.
    pub fn stop(&self) -> Result<()> {
        self.servers(&["down", self.kind.name()]).map(drop)
    }

    /// Stops it in good order and starts it again, with the same data on the same port.
    pub fn restart(&self) -> Result<()> {
        self.servers(&["restart", self.kind.name()]).map(drop)
    }

    /// The servers of the environment, with this one in the place of its kind.
    pub fn among_servers(&self) -> Result<Servers> {
        let servers = Servers::from_environment()?;
        Ok(match self.kind {
            ServerKind::Mysql | ServerKind::MariaDb => Servers { mysql: self.url()?, ..servers },
            ServerKind::Postgres => Servers { postgres: self.url()?, ..servers },
        })
    }

    fn servers(&self, arguments: &[&str]) -> Result<String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/local/servers");
        let output = Command::new(script)
            .args(arguments)
            .env("MILLRACE_LOCAL", &self.folder)
            .env("MILLRACE_PORTS", "auto")
            .env("MILLRACE_MYSQL_OPTIONS", &self.options)
            .stdin(Stdio::null())
            .output()?;
        ensure!(output.status.success(), "servers {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        if let Err(error) = self.servers(&["remove"]) {
            eprintln!("{error:#}");
        }
    }
}
