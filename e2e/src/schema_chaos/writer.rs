//! Writers that look at the tables, and write what fits them; what a schema change has made wrong meanwhile is refused by
//! the source, and something else is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use millrace_testkit::{Random, pace};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::task::JoinHandle;

use super::shape::{Column, Table, tables};
use crate::world::World;

/// Between two transactions of a connection.
const PAUSE: Duration = Duration::from_millis(12);

/// Connections that write until they are stopped.
pub(super) struct SchemaWriters {
    stop: Arc<AtomicBool>,
    commits: Arc<AtomicU64>,
    writers: Vec<JoinHandle<()>>,
}

impl SchemaWriters {
    pub(super) fn start(world: &World, random: &mut Random, connections: usize) -> Self {
        let mut started = Self { stop: Arc::default(), commits: Arc::default(), writers: Vec::new() };
        for _ in 0..connections {
            let (world, random) = (world.clone(), random.fork());
            let (stop, commits) = (started.stop.clone(), started.commits.clone());
            started.writers.push(tokio::spawn(async move { write(&world, random, &stop, &commits).await }));
        }
        started
    }

    /// Stops them; gives how many transactions were committed.
    pub(super) async fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        for writer in self.writers {
            writer.await.context("a writer panicked")?;
        }
        Ok(self.commits.load(Ordering::Relaxed))
    }
}

async fn write(world: &World, mut random: Random, stop: &AtomicBool, commits: &AtomicU64) {
    let mut connection = None;
    while !stop.load(Ordering::Relaxed) {
        pace(PAUSE).await;
        let Some(open) = &mut connection else {
            connection = world.connect_mysql().await.ok();
            continue;
        };
        match transaction(open, world, &mut random).await {
            Ok(()) => {
                commits.fetch_add(1, Ordering::Relaxed);
            }
            // A column that is gone, a value that no longer fits, a duplicate key, a deadlock.
            Err(mysql_async::Error::Server(_)) => {
                if open.query_drop("ROLLBACK").await.is_err() {
                    connection = None;
                }
            }
            Err(_) => connection = None,
        }
    }
}

async fn transaction(connection: &mut Conn, world: &World, random: &mut Random) -> Result<(), mysql_async::Error> {
    let tables = tables(connection, &world.name).await?;
    if tables.is_empty() {
        return Ok(());
    }
    connection.query_drop("BEGIN").await?;
    for _ in 0..=random.below(4) {
        let statement = statement(random.choose(&tables), random);
        connection.query_drop(statement).await?;
    }
    let end = if random.below(10) == 0 { "ROLLBACK" } else { "COMMIT" };
    connection.query_drop(end).await
}

fn statement(table: &Table, random: &mut Random) -> String {
    let name = &table.name;
    let found = condition(table, random);
    match random.below(14) {
        0..=5 => insert(table, random),
        6..=8 => {
            let column = table.column(random);
            format!("UPDATE IGNORE {name} SET {} = {} {found}", column.name, column.value(random))
        }
        9 | 10 => {
            let (one, other) = (table.column(random), table.column(random));
            let (value, other_value) = (one.value(random), other.value(random));
            format!("UPDATE {name} SET {} = {value}, {} = {other_value} {found}", one.name, other.name)
        }
        11 => format!("DELETE FROM {name} LIMIT {}", 1 + random.below(3)),
        _ => format!("DELETE FROM {name} {found}"),
    }
}

/// The row of a key, or a few rows.
fn condition(table: &Table, random: &mut Random) -> String {
    let key = table.key();
    match (key.is_empty(), random.below(5)) {
        (true, _) | (false, 0) => {
            let column = table.column(random);
            format!("WHERE {} >= {} LIMIT {}", column.name, column.some_value(random), 1 + random.below(4))
        }
        _ => {
            let terms: Vec<String> = key.iter().map(|c| format!("{} = {}", c.name, c.value(random))).collect();
            format!("WHERE {}", terms.join(" AND "))
        }
    }
}

fn insert(table: &Table, random: &mut Random) -> String {
    let mut columns: Vec<&Column> = Vec::new();
    for column in &table.columns {
        // What has a default may be left out.
        if column.in_key || !column.has_default || random.below(3) > 0 {
            columns.push(column);
        }
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut rows = Vec::new();
    for _ in 0..=random.below(3) {
        let values: Vec<String> = columns.iter().map(|column| column.value(random)).collect();
        rows.push(format!("({})", values.join(", ")));
    }
    let verb = random.choose(&["INSERT INTO", "INSERT IGNORE INTO", "REPLACE INTO"]);
    format!("{verb} {} ({}) VALUES {}", table.name, names.join(", "), rows.join(", "))
}
