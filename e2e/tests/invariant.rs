//! With one apply the destination only shows states that the source had between two transactions.
//!
//! Money goes from account to account, and accounts from table to table, over all partitions: the sum of all balances
//! never changes. A reader of the destination looks twenty times a second, from the end of the full load on, while each
//! stage is killed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TaskFile, TestResult, World, in_world, poll_until_equal};
use millrace_testkit::{Random, pace, poll_until};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::task::JoinHandle;

const ACCOUNTS: u64 = 600;
const TABLES: &str = "
    CREATE TABLE checking (id INT PRIMARY KEY, balance BIGINT NOT NULL);
    CREATE TABLE savings (id INT PRIMARY KEY, balance BIGINT NOT NULL);
    INSERT INTO checking WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 599)
      SELECT i, 1000 FROM n;
    INSERT INTO savings SELECT id + 600, balance FROM checking;";

/// The sum of all balances.
const SUM: i64 = 2 * 600 * 1000;

/// Connections that transfer money.
const WRITERS: usize = 4;

#[test]
fn one_apply_shows_only_states_that_the_source_had() -> TestResult {
    Ok(in_world("invariant", async |world| never_broken(world, world.task_file(), &Role::ALL).await)?)
}

#[test]
fn one_process_shows_only_states_that_the_source_had() -> TestResult {
    let one_process = async |world: &World| never_broken(world, world.task_file().without_kafka(), &[Role::Run]).await;
    Ok(in_world("invariant_run", one_process)?)
}

async fn never_broken(world: &World, task: TaskFile, roles: &[Role]) -> Result<()> {
    let mut random = Random::of_test(&world.name);
    world.run_in_source(TABLES).await?;
    let stop: Arc<AtomicBool> = Arc::default();
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let (connection, random, stop) = (world.connect_mysql().await?, random.fork(), stop.clone());
        writers.push(tokio::spawn(transfer(connection, random, stop)));
    }
    let mut stages = Stages::start(world, &task.write()?, roles)?;
    wait_for_load(world, &mut stages).await?;
    let reader = Reader::start(world);
    for _ in 0..2 {
        for process in 0..roles.len() {
            pace(Duration::from_millis(500 + random.below(1000))).await;
            stages.kill_and_restart(process)?;
        }
        pace(Duration::from_millis(1500)).await;
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.context("a writer panicked")??;
    }
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
    reader.stop().await?;
    stages.stop().await
}

async fn wait_for_load(world: &World, stages: &mut Stages) -> Result<()> {
    let destination = world.connect_postgres().await?;
    poll_until(LIMIT, "the end of the full load", async || {
        stages.ensure_running()?;
        // In the transaction of a table's last rows apply notes it for each of its partitions, in `millrace run` for one.
        let sql = "SELECT count(DISTINCT version) FROM millrace.loaded";
        Ok(destination.query_one(sql, &[]).await.is_ok_and(|row| row.get::<_, i64>(0) == 2)
            && sum(&destination, world).await.is_ok_and(|(all, ..)| all == SUM))
    })
    .await
}

/// The sum of all balances, and of those of one table, in one snapshot with the watermarks of the partitions.
async fn sum(destination: &tokio_postgres::Client, world: &World) -> Result<(i64, i64, String), tokio_postgres::Error> {
    let sql = format!(
        "SELECT (a.sum + b.sum)::bigint, a.sum::bigint, p.watermarks \
         FROM (SELECT sum(balance) FROM \"{0}\".checking) a, (SELECT sum(balance) FROM \"{0}\".savings) b, \
         (SELECT string_agg(concat(log_partition, ':', watermark), ', ' ORDER BY log_partition) AS watermarks \
          FROM (SELECT log_partition, max(watermark) AS watermark FROM millrace.progress GROUP BY 1) q) p",
        world.name
    );
    let row = destination.query_one(&sql, &[]).await?;
    Ok((row.get(0), row.get(1), row.get(2)))
}

struct Reader {
    stop: Arc<AtomicBool>,
    reading: JoinHandle<Result<()>>,
}

impl Reader {
    fn start(world: &World) -> Self {
        let stop: Arc<AtomicBool> = Arc::default();
        let (world, stopped) = (world.clone(), stop.clone());
        Self { stop, reading: tokio::spawn(async move { read(&world, &stopped).await }) }
    }

    async fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.reading.await.context("the reader panicked")?
    }
}

async fn read(world: &World, stop: &AtomicBool) -> Result<()> {
    let destination = world.connect_postgres().await?;
    let (mut states, start) = (BTreeSet::new(), Instant::now());
    while !stop.load(Ordering::Relaxed) {
        pace(Duration::from_millis(50)).await;
        let (all, checking, watermarks) = sum(&destination, world).await?;
        let when = start.elapsed();
        ensure!(all == SUM, "after {when:?} the sum is {all} and not {SUM}; partitions and watermarks: {watermarks}");
        states.insert(checking);
    }
    ensure!(states.len() > 5, "the destination showed {} states only", states.len());
    Ok(())
}

async fn transfer(mut connection: Conn, mut random: Random, stop: Arc<AtomicBool>) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        pace(Duration::from_millis(5)).await;
        match transaction(&mut connection, &mut random).await {
            Ok(()) => {}
            // Writers run into each other: a lock time-out, a deadlock.
            Err(mysql_async::Error::Server(error)) if [1205, 1213].contains(&error.code) => {
                connection.query_drop("ROLLBACK").await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(connection.disconnect().await?)
}

async fn transaction(connection: &mut Conn, random: &mut Random) -> Result<(), mysql_async::Error> {
    connection.query_drop("BEGIN").await?;
    let tables = ["checking", "savings"];
    let (from, to) = (*random.choose(&tables), *random.choose(&tables));
    let (first, second) = (random.below(2 * ACCOUNTS), random.below(2 * ACCOUNTS));
    if random.below(5) == 0 && from != to {
        // The whole account goes to the other table.
        connection.query_drop(format!("INSERT INTO {to} SELECT * FROM {from} WHERE id = {first} FOR UPDATE")).await?;
        connection.query_drop(format!("DELETE FROM {from} WHERE id = {first}")).await?;
    } else {
        let amount = random.below(50);
        connection.query_drop(format!("UPDATE {from} SET balance = balance - {amount} WHERE id = {first}")).await?;
        if connection.affected_rows() == 1 {
            connection.query_drop(format!("UPDATE {to} SET balance = balance + {amount} WHERE id = {second}")).await?;
        }
        if connection.affected_rows() == 0 {
            return connection.query_drop("ROLLBACK").await;
        }
    }
    connection.query_drop("COMMIT").await
}
