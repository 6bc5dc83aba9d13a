//! Where the workloads run: servers, one database on each side, folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use millrace_testkit::{Servers, TablePair, delete_topics, poll_until, run_script, topics_with_prefix};
use mysql_async::prelude::Queryable;
use tokio_postgres::{Client, NoTls};

use crate::usage::{cpu_seconds, cpu_seconds_with_children};

/// Name of the source's database, the destination's database and schema, and the task.
pub(crate) const NAME: &str = "bench";

/// How messages are compressed in Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compression {
    /// Not at all, as where the task file says nothing.
    None,
    /// As it is worth on a slow network or a small disk.
    Lz4,
}

/// Partitions of each topic, where a workload says nothing else.
const PARTITIONS: u32 = 4;

/// How long a workload may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(1800);

/// The surroundings of a workload.
pub(crate) struct Ground {
    pub(crate) servers: Servers,
    /// Folder of the stages' programs.
    pub(crate) programs: PathBuf,
    /// Folder of task files and logs.
    pub(crate) folder: PathBuf,
    /// Of the messages in Kafka.
    pub(crate) compression: Compression,
    /// Of the task's topics.
    pub(crate) partitions: u32,
    /// MiB of each process, where the task file says it.
    pub(crate) memory: Option<u32>,
    /// Part of the rows.
    scale: f64,
    /// Folder of the servers' data and pids.
    local: PathBuf,
}

/// CPU seconds of the three servers since they were started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerTimes {
    pub(crate) mysql: f64,
    pub(crate) kafka: f64,
    pub(crate) postgres: f64,
}

impl Ground {
    pub(crate) fn new(programs: &Path, folder: &Path, scale: f64, compression: Compression) -> Result<Self> {
        ensure!(scale > 0.0 && scale <= 10.0, "a scale is above 0 and at most 10");
        crate::make_folder(folder)?;
        let local = std::env::var_os("MILLRACE_LOCAL").context("MILLRACE_LOCAL is not set: run make bench")?;
        Ok(Self {
            servers: Servers::from_environment()?,
            programs: programs.to_owned(),
            folder: folder.to_owned(),
            compression,
            partitions: PARTITIONS,
            memory: None,
            scale,
            local: local.into(),
        })
    }

    /// So many rows, scaled; at least `least` and a multiple of it.
    pub(crate) fn scaled(&self, rows: u64, least: u64) -> u64 {
        let scaled = (rows as f64 * self.scale) as u64;
        (scaled / least).max(1) * least
    }

    /// The scale.
    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// Folder of the broker's topics.
    pub(crate) fn topics(&self) -> PathBuf {
        self.local.join("kafka/data")
    }

    /// What the servers have used.
    pub(crate) fn server_times(&self) -> Result<ServerTimes> {
        Ok(ServerTimes {
            mysql: cpu_seconds(self.pid("mysql")?)?,
            kafka: cpu_seconds(self.pid("kafka")?)?,
            postgres: cpu_seconds_with_children(self.pid("postgres")?)?,
        })
    }

    fn pid(&self, server: &str) -> Result<u32> {
        let path = self.local.join(format!("{server}.pid"));
        let text = fs::read_to_string(&path).with_context(|| format!("\"{}\" cannot be read", path.display()))?;
        Ok(text.lines().next().unwrap_or_default().trim().parse()?)
    }

    /// A new, empty database at the source.
    pub(crate) async fn reset_source(&self) -> Result<()> {
        self.servers.drop_mysql_database(NAME).await?;
        self.run_in_source(&format!("CREATE DATABASE {NAME} CHARACTER SET utf8mb4")).await
    }

    /// A new, empty database in the destination.
    pub(crate) async fn reset_database(&self) -> Result<()> {
        let destination = self.servers.connect_postgres().await?;
        destination.batch_execute(&format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")).await?;
        destination.batch_execute(&format!("CREATE DATABASE {NAME}")).await?;
        Ok(destination.batch_execute("CHECKPOINT").await?)
    }

    /// The same, and no topics of the task.
    pub(crate) async fn reset_destination(&self) -> Result<()> {
        self.reset_database().await?;
        let prefix = format!("{NAME}.");
        delete_topics(&self.servers.kafka, &prefix).await?;
        poll_until(LIMIT, "the end of earlier topics", async || {
            Ok(topics_with_prefix(&self.servers.kafka, &prefix).await?.is_empty())
        })
        .await
    }

    /// Removes the databases and topics.
    pub(crate) async fn clean(&self) -> Result<()> {
        self.reset_destination().await?;
        self.servers.drop_mysql_database(NAME).await
    }

    /// Runs a script in the source's database.
    pub(crate) async fn run_in_source(&self, script: &str) -> Result<()> {
        let mut connection = self.servers.connect_mysql().await?;
        let _ = connection.query_drop(format!("USE {NAME}")).await;
        connection.query_drop("SET SESSION cte_max_recursion_depth = 4294967295").await?;
        run_script(&mut connection, script).await?;
        Ok(connection.disconnect().await?)
    }

    /// A connection to the destination's database.
    pub(crate) async fn connect_destination(&self) -> Result<Client> {
        let (client, connection) = tokio_postgres::connect(&self.destination_url()?, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Address of the destination's database.
    pub(crate) fn destination_url(&self) -> Result<String> {
        let (server, _) = self.servers.postgres.rsplit_once('/').context("MILLRACE_TEST_POSTGRES names no database")?;
        Ok(format!("{server}/{NAME}"))
    }

    /// Every row of these tables is the same on both sides; otherwise the run does not count.
    pub(crate) async fn ensure_equal(&self, tables: &[String]) -> Result<()> {
        let mut source = self.servers.connect_mysql().await?;
        let destination = self.connect_destination().await?;
        for table in tables {
            let found = TablePair::new((NAME, table), (NAME, table)).compare_ordered(&mut source, &destination).await?;
            ensure!(found.is_equal() && found.source_rows > 0, "table \"{table}\": {found}");
        }
        Ok(source.disconnect().await?)
    }
}
