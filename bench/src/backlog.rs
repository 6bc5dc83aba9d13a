//! Backlogs: tables are loaded, the task is stopped, changes are written, the task is started again. And one transaction
//! of many rows, which is written while the task runs.

use std::time::Instant;

use anyhow::Result;
use tokio_postgres::Client;

use crate::Workload;
use crate::data::{
    BACKLOG_TABLES, CHANGES, FORGET_NUMBERS, HOT_PROCEDURE, backlog_driver, backlog_procedure, narrow_rows,
    narrow_table, numbers,
};
use crate::ground::Ground;
use crate::run::{Clock, Run};
use crate::stages::{Stages, Way};

/// How large W3 is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) changes: u64,
    /// Rows that each of its tables begins with.
    pub(crate) first_rows: u64,
    /// Tables of the task in which nothing changes.
    pub(crate) still_tables: u64,
}

impl Size {
    /// That of W3.
    pub(crate) fn usual(ground: &Ground) -> Self {
        Self { changes: ground.scaled(500_000, BACKLOG_TABLES * CHANGES), first_rows: 20_000, still_tables: 0 }
    }
}

/// A workload of the binlog.
pub(crate) struct Backlog {
    name: String,
    /// The tables that change.
    pub(crate) tables: Vec<String>,
    /// Those in which nothing changes.
    still: Vec<String>,
    /// Rows of all tables before the changes, but for the marker.
    pub(crate) rows: u64,
    /// What writes the changes, but for the marker.
    write: String,
    pub(crate) changes: u64,
}

/// When the measured time begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// With the processes, which were stopped while the changes were written.
    Processes,
    /// With the commit, while they ran.
    Commit,
}

/// Measures from the start of the processes (a large transaction: from its commit) until a row that was written last is
/// visible: a task with one apply shows only states that the source had.
pub(crate) async fn measure(ground: &Ground, workload: Workload, way: Way) -> Result<Run> {
    ground.reset_source().await?;
    let (backlog, start) = match workload {
        Workload::W6 => (one_transaction(ground).await?, Start::Commit),
        Workload::W7 => (hot_rows(ground).await?, Start::Processes),
        _ => (many_tables(ground, Size::usual(ground)).await?, Start::Processes),
    };
    run(ground, &backlog, way, start).await
}

/// Measures a backlog of W3's kind.
pub(crate) async fn measure_size(ground: &Ground, name: &str, size: Size, way: Way) -> Result<Run> {
    ground.reset_source().await?;
    let backlog = Backlog { name: name.to_owned(), ..many_tables(ground, size).await? };
    run(ground, &backlog, way, Start::Processes).await
}

async fn run(ground: &Ground, backlog: &Backlog, way: Way, start: Start) -> Result<Run> {
    ground.reset_destination().await?;
    let mut stages = Stages::start(ground, way, way.roles())?;
    let rows = backlog.rows + 1;
    stages.until("the full load", async |stages| Ok(stages.shown("apply", "changes").await >= rows)).await?;
    let destination = ground.connect_destination().await?;
    ground.run_in_source("UPDATE marker SET n = 1").await?;
    stages.until("the first marker", async |_| Ok(marker(&destination).await? == 1)).await?;

    let mut clock;
    if start == Start::Commit {
        // The marker is written last: what follows is measured from there, less its own moment.
        backlog.write(ground).await?;
        clock = Clock::start(ground)?;
    } else {
        stages.stop().await?;
        backlog.write(ground).await?;
        clock = Clock::start(ground)?;
        stages = Stages::start(ground, way, way.roles())?;
    }
    let scans = scans(&destination).await?;
    let end = stages.until("the last change", async |_| Ok(marker(&destination).await? == 2)).await?;
    clock.stop(end.max(clock.started()));
    let mut run = clock.run(ground, &backlog.name, way, backlog.changes, &stages)?;
    stages.stop().await?;
    run.scans = Some(self::scans(&destination).await?.saturating_sub(scans));
    backlog.ensure_equal(ground).await?;
    Ok(run)
}

impl Backlog {
    /// Writes the changes, and the marker behind them.
    pub(crate) async fn write(&self, ground: &Ground) -> Result<()> {
        ground.run_in_source(&format!("{}; UPDATE marker SET n = 2", self.write)).await
    }

    /// Whether the destination shows what was written last. One apply then shows all of it.
    pub(crate) async fn is_complete(&self, destination: &Client) -> bool {
        // An error: the table is not there yet.
        marker(destination).await.is_ok_and(|found| found == 2)
    }

    /// Every row of every table is the same on both sides.
    pub(crate) async fn ensure_equal(&self, ground: &Ground) -> Result<()> {
        let marker = ["marker".to_owned()];
        let tables: Vec<String> = self.tables.iter().chain(&self.still).chain(&marker).cloned().collect();
        ground.ensure_equal(&tables).await
    }
}

/// How often a table of a backlog was read from one end to the other. The server counts when a session ends.
async fn scans(destination: &Client) -> Result<u64> {
    let sql = "SELECT coalesce(sum(seq_scan), 0)::bigint FROM pg_stat_user_tables WHERE relname LIKE 'back\\_%'";
    let row = destination.query_one(sql, &[]).await?;
    Ok(u64::try_from(row.try_get::<_, i64>(0)?)?)
}

async fn marker(destination: &Client) -> Result<i32> {
    let row = destination.query_one("SELECT n FROM bench.marker WHERE id = 1", &[]).await?;
    Ok(row.try_get(0)?)
}

/// Ends what makes a backlog.
async fn made(ground: &Ground, workload: Workload, backlog: Backlog, started: Instant) -> Result<Backlog> {
    let marker = "CREATE TABLE marker (id INT PRIMARY KEY, n INT); INSERT INTO marker VALUES (1, 0)";
    ground.run_in_source(&format!("{marker}; {FORGET_NUMBERS}")).await?;
    eprintln!("{workload:?}: made in {:.1} s", started.elapsed().as_secs_f64());
    Ok(backlog)
}

/// Makes the tables of a backlog of W3's kind.
pub(crate) async fn many_tables(ground: &Ground, size: Size) -> Result<Backlog> {
    let (started, first) = (Instant::now(), size.first_rows);
    ground.run_in_source(&numbers(first)).await?;
    let mut tables = Vec::new();
    for table in 0..BACKLOG_TABLES {
        let name = format!("back_{table}");
        ground.run_in_source(&format!("{}; {}", narrow_table(&name), narrow_rows(&name, first))).await?;
        let procedure = backlog_procedure(table, first);
        ground.run_in_source(&format!("DELIMITER $$\n{procedure}$$\nDELIMITER ;")).await?;
        tables.push(name);
    }
    ground.run_in_source(&format!("DELIMITER $$\n{}$$\nDELIMITER ;", backlog_driver())).await?;
    let still: Vec<String> = (0..size.still_tables).map(|table| format!("still_{table}")).collect();
    let script: String =
        still.iter().map(|name| format!("{}; {};\n", narrow_table(name), narrow_rows(name, 1))).collect();
    ground.run_in_source(&script).await?;
    let rounds = size.changes / BACKLOG_TABLES / CHANGES;
    // The first round deletes nothing: there is no round before it.
    let changes = rounds * BACKLOG_TABLES * CHANGES - BACKLOG_TABLES;
    let write = format!("CALL write_backlog({rounds})");
    let rows = first * BACKLOG_TABLES + size.still_tables;
    made(ground, Workload::W3, Backlog { name: "W3".to_owned(), tables, still, rows, write, changes }, started).await
}

async fn hot_rows(ground: &Ground) -> Result<Backlog> {
    let started = Instant::now();
    ground.run_in_source(&numbers(10)).await?;
    let table = "CREATE TABLE hot (id INT PRIMARY KEY, n BIGINT NOT NULL, note VARCHAR(100) NOT NULL); \
                 INSERT INTO hot SELECT i, 0, 'first' FROM bench_numbers.n";
    ground.run_in_source(&format!("{table}; DELIMITER $$\n{HOT_PROCEDURE}$$\nDELIMITER ;")).await?;
    let rounds = ground.scaled(1_000_000, 10) / 10;
    let write = format!("CALL write_hot({rounds})");
    let (name, tables, still) = ("W7".to_owned(), vec!["hot".to_owned()], Vec::new());
    made(ground, Workload::W7, Backlog { name, tables, still, rows: 10, write, changes: rounds * 10 }, started).await
}

async fn one_transaction(ground: &Ground) -> Result<Backlog> {
    let started = Instant::now();
    let rows = ground.scaled(1_000_000, 100);
    ground.run_in_source(&numbers(rows)).await?;
    ground.run_in_source(&format!("{}; {}", narrow_table("narrow"), narrow_rows("narrow", rows))).await?;
    let write = "UPDATE narrow SET k = k + 1".to_owned();
    let (name, tables, still) = ("W6".to_owned(), vec!["narrow".to_owned()], Vec::new());
    made(ground, Workload::W6, Backlog { name, tables, still, rows, write, changes: rows }, started).await
}
