//! Kafka topics that tests made.

use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;

const LIMIT: Duration = Duration::from_secs(30);

fn connect(brokers: &str) -> Result<AdminClient<DefaultClientContext>> {
    ClientConfig::new().set("bootstrap.servers", brokers).create().context("the Kafka client could not be made")
}

/// Names of the topics that begin with `prefix`, sorted.
pub async fn topics_with_prefix(brokers: &str, prefix: &str) -> Result<Vec<String>> {
    let (admin, prefix) = (connect(brokers)?, prefix.to_owned());
    let listing = move || {
        let metadata = admin.inner().fetch_metadata(None, LIMIT).context("Kafka's topics could not be listed")?;
        let mut names: Vec<String> = metadata.topics().iter().map(|topic| topic.name().to_owned()).collect();
        names.retain(|name| name.starts_with(&prefix));
        names.sort();
        Ok(names)
    };
    tokio::task::spawn_blocking(listing).await?
}

/// Deletes every topic that begins with `prefix`.
pub async fn delete_topics(brokers: &str, prefix: &str) -> Result<()> {
    let names = topics_with_prefix(brokers, prefix).await?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if names.is_empty() {
        return Ok(());
    }
    let options = AdminOptions::new().operation_timeout(Some(LIMIT)).request_timeout(Some(LIMIT));
    for deleted in connect(brokers)?.delete_topics(&names, &options).await? {
        match deleted {
            Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
            Err((name, code)) => anyhow::bail!("topic \"{name}\" could not be deleted: {code}"),
        }
    }
    Ok(())
}
