//! The shop database: made anew with about a million rows, and counted.

use anyhow::{Context, Result};
use millrace_testkit::{Servers, delete_topics, poll_until, run_script, topics_with_prefix};
use mysql_async::prelude::Queryable;
use std::time::Duration;

/// Name of the database at the source, of the database and schema in the destination, and of the task.
pub(crate) const NAME: &str = "demo";

/// The tables of the shop, from small to large as they are shown.
pub(crate) const TABLES: [&str; 8] =
    ["categories", "products", "customers", "addresses", "events", "payments", "orders", "order_items"];

const SCHEMA: &str = include_str!("sql/tables.sql");
/// Two scripts that run side by side.
const ROWS: [&str; 2] = [include_str!("sql/rows_1.sql"), include_str!("sql/rows_2.sql")];

/// Removes what an earlier demo left: databases of both sides, and topics.
pub(crate) async fn reset(servers: &Servers, topics: Topics) -> Result<()> {
    servers.drop_mysql_database(NAME).await?;
    servers.drop_mysql_database("demo_numbers").await?;
    let destination = servers.connect_postgres().await?;
    destination.batch_execute(&format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")).await?;
    destination.batch_execute(&format!("CREATE DATABASE {NAME}")).await?;
    if topics == Topics::None {
        return Ok(());
    }
    let prefix = format!("{NAME}.");
    delete_topics(&servers.kafka, &prefix).await?;
    poll_until(Duration::from_secs(60), "the end of the topics of the demo before", async || {
        Ok(topics_with_prefix(&servers.kafka, &prefix).await?.is_empty())
    })
    .await
}

/// Whether the task has topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topics {
    /// No Kafka.
    None,
    /// Over Kafka.
    Kafka,
}

/// Makes the tables and their rows.
pub(crate) async fn generate(servers: &Servers) -> Result<()> {
    let mut connection = servers.connect_mysql().await?;
    run_script(&mut connection, SCHEMA).await?;
    let mut running = Vec::new();
    for script in ROWS {
        let mut connection = servers.connect_mysql().await?;
        running.push(tokio::spawn(async move {
            run_script(&mut connection, script).await?;
            connection.disconnect().await.map_err(anyhow::Error::from)
        }));
    }
    for script in running {
        script.await.context("a connection that makes rows panicked")??;
    }
    connection.query_drop("DROP DATABASE demo_numbers").await?;
    let tables = TABLES.map(|table| format!("{NAME}.{table}")).join(", ");
    connection.query_drop(format!("ANALYZE NO_WRITE_TO_BINLOG TABLE {tables}")).await?;
    connection.disconnect().await?;
    Ok(())
}

/// Rows of each of [`TABLES`] at the source.
pub(crate) async fn count_rows(servers: &Servers) -> Result<Vec<u64>> {
    let mut connection = servers.connect_mysql().await?;
    let mut counts = Vec::new();
    for table in TABLES {
        let count: Option<u64> = connection.query_first(format!("SELECT count(*) FROM {NAME}.{table}")).await?;
        counts.push(count.context("a count without a row")?);
    }
    connection.disconnect().await?;
    Ok(counts)
}
