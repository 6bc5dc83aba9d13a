//! A Kafka cluster that one test has for itself: three brokers that hold all copies, each of which may be killed and started
//! again.
//!
//! Each is broker and controller and has a folder and ports of its own. Two of three make a quorum: so long as one alone is
//! down the cluster goes on, with two it waits.

use std::thread;

use anyhow::{Context, Result, anyhow};

use crate::own_servers::{OwnServers, Server};

/// Brokers of a cluster.
pub const BROKERS: usize = 3;

/// A cluster of [`BROKERS`]; it ends, and its data goes, with the value.
#[derive(Debug)]
pub struct OwnBrokers {
    brokers: Vec<OwnServers>,
}

impl OwnBrokers {
    /// Starts all on free ports, which they keep. Blocks.
    pub fn start() -> Result<Self> {
        let heap = || ("MILLRACE_KAFKA_HEAP", "256m".to_owned());
        let mut brokers: Vec<OwnServers> = (0..BROKERS).map(|_| OwnServers::new(&[heap()])).collect();
        let mut voters = Vec::new();
        for (number, broker) in (1..).zip(&brokers) {
            voters.push(format!("{number}@127.0.0.1:{}", broker.port("KAFKA_CONTROLLER")?));
        }
        for (number, broker) in (1..).zip(&mut brokers) {
            broker.set("MILLRACE_KAFKA_NODE", u32::to_string(&number));
            broker.set("MILLRACE_KAFKA_VOTERS", voters.join(","));
        }
        let cluster = Self { brokers };
        cluster.start_those_down(&[0, 1, 2])?;
        Ok(cluster)
    }

    /// All addresses, as `host:port` with commas.
    pub fn addresses(&self) -> Result<String> {
        let addresses: Result<Vec<String>> = self.brokers.iter().map(|broker| Ok(broker.addresses()?.kafka)).collect();
        Ok(addresses?.join(","))
    }

    /// Starts brokers, numbered from 0, side by side: one alone may have to wait for another. Blocks until they answer.
    pub fn start_those_down(&self, brokers: &[usize]) -> Result<()> {
        thread::scope(|scope| {
            let starting: Vec<_> =
                brokers.iter().map(|broker| scope.spawn(|| self.broker(*broker)?.start(&[Server::Kafka]))).collect();
            starting.into_iter().try_for_each(|start| start.join().map_err(|_| anyhow!("the start panicked"))?)
        })
    }

    /// Ends a broker in good order. Blocks.
    pub fn stop(&self, broker: usize) -> Result<()> {
        self.broker(broker)?.stop(&[Server::Kafka])
    }

    /// Sends a signal, such as `KILL`, to a broker.
    pub fn signal(&self, broker: usize, signal: &str) -> Result<()> {
        self.broker(broker)?.signal(Server::Kafka, signal)
    }

    /// Whether a broker that was killed is gone.
    pub fn is_gone(&self, broker: usize) -> Result<bool> {
        self.broker(broker)?.is_gone(Server::Kafka)
    }

    fn broker(&self, broker: usize) -> Result<&OwnServers> {
        self.brokers.get(broker).with_context(|| format!("there is no broker {broker}"))
    }
}
