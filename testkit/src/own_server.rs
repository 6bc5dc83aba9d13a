//! A server of a test's own, with options of its own: what cannot be tried on the server that all tests share.

use anyhow::{Context, Result};

use crate::own_servers::{OwnServers, Server};
use crate::servers::Servers;

/// One server of a test's own; it ends, and its data goes, with the value.
#[derive(Debug)]
pub struct OwnServer {
    servers: OwnServers,
    server: Server,
}

impl OwnServer {
    /// Starts it on a free port. `options` are more options of mysqld or mariadbd; the others have none here.
    pub fn start(server: Server, options: &str) -> Result<Self> {
        let servers = OwnServers::new(&[("MILLRACE_MYSQL_OPTIONS", options.to_owned())]);
        servers.start(&[server])?;
        Ok(Self { servers, server })
    }

    /// The URL of its administrator; a broker's address.
    pub fn url(&self) -> Result<String> {
        let variable = match self.server {
            Server::Mysql => "MILLRACE_TEST_MYSQL",
            Server::Kafka => "MILLRACE_TEST_KAFKA",
            Server::Postgres => "MILLRACE_TEST_POSTGRES",
            Server::MariaDb => "MILLRACE_TEST_MARIADB",
        };
        self.servers.variables()?.remove(variable).context("no address of the server")
    }

    /// Stops it in good order.
    pub fn stop(&self) -> Result<()> {
        self.servers.stop(&[self.server])
    }

    /// Stops it in good order and starts it again, with the same data on the same port.
    pub fn restart(&self) -> Result<()> {
        self.servers.restart(&[self.server])
    }

    /// The servers of the environment, with this one in the place of its kind.
    pub fn among_servers(&self) -> Result<Servers> {
        let servers = Servers::from_environment()?;
        Ok(match self.server {
            Server::Mysql | Server::MariaDb => Servers { mysql: self.url()?, ..servers },
            Server::Kafka => Servers { kafka: self.url()?, ..servers },
            Server::Postgres => Servers { postgres: self.url()?, ..servers },
        })
    }
}
