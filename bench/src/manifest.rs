//! What a result depends on: machine, versions, settings.

use std::fs;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use serde_json::{Value, json};

use crate::ground::Ground;
use crate::run::machine_load;

const MYSQL_SETTINGS: &str = "SHOW VARIABLES WHERE variable_name IN ('sync_binlog', 'innodb_flush_log_at_trx_commit', \
     'innodb_buffer_pool_size', 'binlog_row_image', 'binlog_row_metadata', 'gtid_mode')";
const POSTGRES_SETTINGS: &str = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', \
     'shared_buffers', 'max_wal_size', 'wal_level', 'full_page_writes')";

/// Gathers it.
pub(crate) async fn gather(ground: &Ground) -> Result<Value> {
    let mut source = ground.servers.connect_mysql().await?;
    let mysql: Option<String> = source.query_first("SELECT VERSION()").await?;
    let settings: Vec<(String, String)> = source.query(MYSQL_SETTINGS).await?;
    source.disconnect().await?;
    let destination = ground.servers.connect_postgres().await?;
    let postgres: String = destination.query_one("SHOW server_version", &[]).await?.try_get(0)?;
    let rows = destination.query(POSTGRES_SETTINGS, &[]).await?;
    let of_postgres: Vec<(String, String)> =
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_>>()?;
    Ok(json!({
        "processors": std::thread::available_parallelism()?.get(),
        "processor": processor()?,
        "memory_bytes": memory()?,
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease")?.trim(),
        "machine_load_at_start": machine_load()?,
        "mysql": mysql,
        "mysql_settings": settings,
        "postgres": postgres,
        "postgres_settings": of_postgres,
        "kafka": "one broker, replication 1, 4 partitions, acks all",
        "compression": format!("{:?}", ground.compression).to_lowercase(),
        "task_file": "defaults",
        "scale": ground.scale(),
    }))
}

fn processor() -> Result<String> {
    let text = fs::read_to_string("/proc/cpuinfo")?;
    let line = text.lines().find(|line| line.starts_with("model name")).unwrap_or("model name: unknown");
    Ok(line.split_once(':').map_or("unknown", |(_, name)| name.trim()).to_owned())
}

fn memory() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).context("no MemTotal")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes << 10)
}
