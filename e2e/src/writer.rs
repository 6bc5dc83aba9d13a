//! Applications that write all the time: random transactions over three tables, from several connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use millrace_testkit::Random;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::task::JoinHandle;

use crate::world::World;

/// A table with another unique key, one with a key of two columns that changes, and one without a key.
pub(crate) const TABLES: &str = "
    CREATE TABLE account (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, balance DECIMAL(20, 4) NOT NULL, note TEXT,
                          changed TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
                          UNIQUE (name));
    CREATE TABLE line (document INT, number SMALLINT, article VARCHAR(30) NOT NULL, quantity DOUBLE, extra JSON,
                       PRIMARY KEY (document, number));
    CREATE TABLE event (kind VARCHAR(10) NOT NULL, amount INT);
    SET SESSION cte_max_recursion_depth = 10000;
    INSERT INTO account (id, name, balance)
      WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 300)
      SELECT i, CONCAT('name ', i), i / 7 FROM n;
    INSERT INTO line
      WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 2999)
      SELECT i DIV 10, i MOD 10, CONCAT('article ', i), i / 3, JSON_OBJECT('i', i) FROM n;
    INSERT INTO event
      WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 499)
      SELECT CONCAT('kind ', i MOD 5), i MOD 50 FROM n;";

/// Between two transactions of a connection.
const PAUSE: Duration = Duration::from_millis(4);

/// MySQL's numbers of what writers bring upon each other: a duplicate key, a lock time-out, a deadlock.
const EXPECTED: [u16; 3] = [1062, 1205, 1213];

/// Connections that write until they are stopped.
pub struct Writers {
    stop: Arc<AtomicBool>,
    commits: Arc<AtomicU64>,
    connections: Vec<JoinHandle<Result<()>>>,
}

impl Writers {
    /// Makes the tables with some rows, and writes from `connections` connections.
    pub async fn start(world: &World, random: &mut Random, connections: usize) -> Result<Self> {
        world.run_in_source(TABLES).await?;
        let mut writers = Self { stop: Arc::default(), commits: Arc::default(), connections: Vec::new() };
        for _ in 0..connections {
            let (connection, random) = (world.connect_mysql().await?, random.fork());
            let (stop, commits) = (writers.stop.clone(), writers.commits.clone());
            writers.connections.push(tokio::spawn(write(connection, random, stop, commits)));
        }
        Ok(writers)
    }

    /// Stops them; gives how many transactions were committed.
    pub async fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        for connection in self.connections {
            connection.await.context("a writer panicked")??;
        }
        Ok(self.commits.load(Ordering::Relaxed))
    }
}

async fn write(mut connection: Conn, mut random: Random, stop: Arc<AtomicBool>, commits: Arc<AtomicU64>) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        match transaction(&mut connection, &mut random).await {
            Ok(()) => {
                commits.fetch_add(1, Ordering::Relaxed);
            }
            Err(mysql_async::Error::Server(error)) if EXPECTED.contains(&error.code) => {
                connection.query_drop("ROLLBACK").await?;
            }
            Err(error) => return Err(error.into()),
        }
        millrace_testkit::pace(PAUSE).await;
    }
    connection.disconnect().await?;
    Ok(())
}

async fn transaction(connection: &mut Conn, random: &mut Random) -> Result<(), mysql_async::Error> {
    connection.query_drop("BEGIN").await?;
    for _ in 0..=random.below(4) {
        connection.query_drop(statement(random)).await?;
    }
    let end = if random.below(10) == 0 { "ROLLBACK" } else { "COMMIT" };
    connection.query_drop(end).await
}

/// A random one.
pub(crate) fn statement(random: &mut Random) -> String {
    match random.below(3) {
        0 => account_statement(random),
        1 => line_statement(random),
        _ => event_statement(random),
    }
}

fn account_statement(random: &mut Random) -> String {
    let (id, other, amount) = (random.below(400), random.below(400), random.below(1_000_000));
    match random.below(6) {
        0 => format!(
            "INSERT INTO account (id, name, balance, note) VALUES ({id}, 'name {other}', {amount} / 7, 'tab\\t {other}')"
        ),
        1 => format!("DELETE FROM account WHERE id = {id}"),
        // The key goes to another partition.
        2 => format!("UPDATE account SET id = {other} WHERE id = {id}"),
        3 => format!("REPLACE INTO account (id, name, balance) VALUES ({id}, 'name {other}', -{amount} / 3)"),
        // The other unique key goes from one row to another.
        4 => format!("UPDATE account SET name = CONCAT(name, '+') WHERE id = {id} AND LENGTH(name) < 20"),
        _ => format!("UPDATE account SET balance = balance + {amount} / 11, note = NULL WHERE id = {id}"),
    }
}

fn line_statement(random: &mut Random) -> String {
    let (document, number, amount) = (random.below(320), random.below(12), random.below(1000));
    let row = format!("document = {document} AND number = {number}");
    match random.below(5) {
        0 => format!(
            "INSERT INTO line VALUES ({document}, {number}, 'new {amount}', {amount} / 9, '{{\"a\": [{amount}, null]}}')"
        ),
        1 => format!("DELETE FROM line WHERE {row}"),
        2 => format!("UPDATE line SET document = {} WHERE {row}", random.below(320)),
        3 => format!("UPDATE line SET quantity = NULL, extra = JSON_OBJECT('n', {amount}) WHERE document = {document}"),
        _ => format!("UPDATE line SET quantity = {amount} / 13, article = 'changed {amount}' WHERE {row}"),
    }
}

fn event_statement(random: &mut Random) -> String {
    let (kind, amount) = (random.below(5), random.below(50));
    match random.below(4) {
        0 | 1 => format!("INSERT INTO event VALUES ('kind {kind}', {amount}), ('kind {kind}', {amount})"),
        // One of several equal rows.
        2 => format!("DELETE FROM event WHERE kind = 'kind {kind}' AND amount = {amount} LIMIT 1"),
        _ => format!("UPDATE event SET amount = {amount} WHERE kind = 'kind {kind}' LIMIT 2"),
    }
}
