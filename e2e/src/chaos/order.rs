//! Looks at the destination all the time: the version of a key never goes back.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use millrace_testkit::pace;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::workload::VERSIONED;
use crate::world::World;

/// Between two readings of all tables.
const PAUSE: Duration = Duration::from_millis(150);

/// A watch that reads until it is stopped.
pub(super) struct OrderWatch {
    stop: Arc<AtomicBool>,
    watching: JoinHandle<Result<u64>>,
}

impl OrderWatch {
    pub(super) fn start(world: &World) -> Self {
        let stop: Arc<AtomicBool> = Arc::default();
        let (world, stopped) = (world.clone(), stop.clone());
        let watching = tokio::spawn(async move { watch(&world, &stopped).await });
        Self { stop, watching }
    }

    /// How many versions were looked at; an error if one has gone back.
    pub(super) async fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        let samples = self.watching.await.context("the watch panicked")??;
        ensure!(samples > 0, "no row was looked at");
        Ok(samples)
    }
}

async fn watch(world: &World, stop: &AtomicBool) -> Result<u64> {
    let (mut newest, mut samples, mut connection) = (HashMap::new(), 0, None);
    while !stop.load(Ordering::Relaxed) {
        pace(PAUSE).await;
        let Some(client) = &connection else {
            connection = world.connect_postgres().await.ok();
            continue;
        };
        for table in 0..VERSIONED.len() {
            // Otherwise the server is down, or the table is not there yet.
            if let Ok(versions) = read(client, &world.name, table).await {
                samples += compare(&mut newest, table, versions)?;
            }
        }
        connection = connection.filter(|client| !client.is_closed());
    }
    Ok(samples)
}

async fn read(client: &Client, schema: &str, table: usize) -> Result<Vec<(String, i64)>, tokio_postgres::Error> {
    let table = &VERSIONED[table];
    // Of a table with two unique keys the first column is the primary key.
    let key = if table.name == "by_two_keys" { "id" } else { table.key };
    let sql = format!("SELECT concat_ws('|', {key}), version FROM \"{schema}\".{}", table.name);
    Ok(client.query(&sql, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn compare(newest: &mut HashMap<(usize, String), i64>, table: usize, versions: Vec<(String, i64)>) -> Result<u64> {
    let samples = versions.len() as u64;
    for (key, version) in versions {
        let last = newest.entry((table, key)).or_insert(version);
        if version < *last {
            bail!("a row of {} went back from version {last} to {version}", VERSIONED[table].name);
        }
        *last = version;
    }
    Ok(samples)
}
