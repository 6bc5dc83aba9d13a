//! `[log]`: what lies between the stages.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use secrecy::SecretString;

/// The log between the stages.
#[derive(Debug)]
#[non_exhaustive]
pub struct Log {
    /// Partitions of each data topic: 1 to 1,024, default 8.
    pub partitions: u32,
    /// What it is made of.
    pub transport: Transport,
}

/// What the log is made of.
#[derive(Debug)]
pub enum Transport {
    /// Memory: all stages in one process (`millrace run` only).
    InProcess,
    /// Topics of a Kafka cluster.
    Kafka(Kafka),
}

/// A Kafka cluster.
#[derive(Debug)]
#[non_exhaustive]
pub struct Kafka {
    /// `host:port`, comma-separated (librdkafka's `bootstrap.servers`).
    pub brokers: String,
    /// Options handed to librdkafka as they are
    /// (<https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md>); any of them may be a secret.
    pub options: BTreeMap<String, SecretString>,
}

/// Options that Millrace sets itself, because its guarantees rest on them.
const RESERVED_OPTIONS: [&str; 21] = [
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "request.required.acks",
    "transaction.timeout.ms",
    "transactional.id",
];

/// Whether an option is Millrace's own to set.
pub(crate) fn is_reserved(option: &str) -> bool {
    RESERVED_OPTIONS.contains(&option)
}

/// Whether a list of brokers is `host:port` or `[ipv6]:port`, comma-separated.
pub(crate) fn is_broker_list(brokers: &str) -> bool {
    brokers.split(',').all(|broker| {
        let Some((host, port)) = broker.trim().rsplit_once(':') else { return false };
        let (letters, port) =
            (|letter: char| letter.is_ascii_alphanumeric() || ".-_".contains(letter), port.parse::<u16>());
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = match bracketed {
            Some(host) => host.parse::<Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(letters),
        };
        is_host && port.is_ok_and(|port| port > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_hosts_with_ports() {
        for good in ["127.0.0.1:9092", "a:1, b:2", "[::1]:9092"] {
            assert!(is_broker_list(good), "{good}");
        }
        for bad in ["", "a", "a:", ":1", "a:0", "a:1,", "a:70000", "kafka://a:1", "::1:9092"] {
            assert!(!is_broker_list(bad), "{bad}");
        }
    }
}
