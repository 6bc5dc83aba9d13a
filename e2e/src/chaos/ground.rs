//! What a run of chaos stands on: servers of its own, each behind a proxy that the stages connect through.

use std::sync::Arc;

use anyhow::{Context, Result};
use millrace_testkit::{OwnServers, Proxy, Server, Servers};
use tokio::task::block_in_place;

use crate::case::Way;
use crate::task_file::TaskFile;
use crate::world::World;

/// Servers of a test's own, and the proxies before them.
pub struct Ground {
    pub(super) servers: Arc<OwnServers>,
    mysql: Proxy,
    kafka: Proxy,
    postgres: Proxy,
}

impl Ground {
    pub(super) async fn start(way: Way) -> Result<Self> {
        let (mysql, kafka, postgres) = (Proxy::start().await?, Proxy::start().await?, Proxy::start().await?);
        let servers = OwnServers::new(&[("MILLRACE_KAFKA_ADVERTISED_PORT", kafka.port().to_string())]);
        // Kafka connects to itself by the advertised address while it starts.
        let addresses = servers.addresses()?;
        kafka.forward_to(&addresses.kafka);
        mysql.forward_to(host_and_port(&addresses.mysql)?);
        postgres.forward_to(host_and_port(&addresses.postgres)?);
        let wanted: &[Server] = match way {
            Way::Staged => &[Server::Mysql, Server::Kafka, Server::Postgres],
            Way::OneProcess => &[Server::Mysql, Server::Postgres],
        };
        block_in_place(|| servers.start(wanted))?;
        Ok(Self { servers: Arc::new(servers), mysql, kafka, postgres })
    }

    /// Where the servers are without the proxies.
    pub(super) fn addresses(&self) -> Result<Servers> {
        self.servers.addresses()
    }

    /// The proxy before a server.
    pub fn proxy(&self, server: Server) -> &Proxy {
        match server {
            Server::Mysql => &self.mysql,
            Server::Kafka => &self.kafka,
            Server::Postgres => &self.postgres,
        }
    }

    /// The task file, by way of the proxies.
    pub fn task_file(&self, world: &World) -> Result<TaskFile> {
        world.task_file().with(&format!(
            "source.url = \"mysql://root@127.0.0.1:{}\"\n\
             destination.url = \"postgres://postgres@127.0.0.1:{}/{{database}}\"\n\
             log.kafka = \"127.0.0.1:{}\"\n",
            self.mysql.port(),
            self.postgres.port(),
            self.kafka.port(),
        ))
    }
}

/// The `host:port` of a URL.
fn host_and_port(url: &str) -> Result<&str> {
    let (_, rest) = url.split_once('@').with_context(|| format!("no user in {url}"))?;
    Ok(rest.split_once('/').map_or(rest, |(address, _)| address))
}
