//! A server of a test's own, with options of its own: what cannot be tried on the server that all tests share.

use anyhow::{Context, Result};

use crate::own_servers::OwnServers;
use crate::servers::Servers;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerKind {
    /// MySQL.
    Mysql,
    /// PostgreSQL.
    Postgres,
}

impl ServerKind {
    fn name(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Mysql => "MILLRACE_TEST_MYSQL",
            Self::Postgres => "MILLRACE_TEST_POSTGRES",
        }
    }
}

/// A server that was started by `deploy/local/servers`; it ends, and its data goes, with the value.
pub struct OwnServer {
    kind: ServerKind,
    own: OwnServers,
}

impl OwnServer {
    /// Starts it on a free port. `options` are more options of mysqld; PostgreSQL has none here.
    pub fn start(kind: ServerKind, options: &str) -> Result<Self> {
        let own = OwnServers::start(&[kind.name()], &[("MILLRACE_MYSQL_OPTIONS", options.into())])?;
        Ok(Self { kind, own })
    }

    /// The URL of its administrator.
    pub fn url(&self) -> Result<String> {
        self.own.addresses()?.remove(self.kind.variable()).context("no address of the server")
    }

    /// Stops it in good order and starts it again, with the same data on the same port.
    pub fn restart(&self) -> Result<()> {
        self.own.restart(self.kind.name())
    }

    /// The servers of the environment, with this one in the place of its kind.
    pub fn among_servers(&self) -> Result<Servers> {
        let servers = Servers::from_environment()?;
        Ok(match self.kind {
            ServerKind::Mysql => Servers { mysql: self.url()?, ..servers },
            ServerKind::Postgres => Servers { postgres: self.url()?, ..servers },
        })
    }
}
