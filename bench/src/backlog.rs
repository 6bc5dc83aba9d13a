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

/// Rows that each table of the backlog begins with.
const FIRST_ROWS: u64 = 20_000;

/// A workload of the binlog.
struct Backlog {
    tables: Vec<String>,
    /// Rows of all tables before the changes.
    rows: u64,
    /// What writes the changes, but for the marker.
    write: String,
    changes: u64,
}

/// Measures from the start of the processes (a large transaction: from its commit) until a row that was written last is
/// visible: a task with one apply shows only states that the source had.
pub(crate) async fn measure(ground: &Ground, workload: Workload, way: Way) -> Result<Run> {
    let backlog = make(ground, workload).await?;
    ground.reset_destination().await?;
    let mut stages = Stages::start(ground, way, way.roles())?;
    let rows = backlog.rows + 1;
    stages.until("the full load", async |stages| Ok(stages.shown("changes").await >= rows)).await?;
    let destination = ground.connect_destination().await?;
    ground.run_in_source("UPDATE marker SET n = 1").await?;
    stages.until("the first marker", async |_| Ok(marker(&destination).await? == 1)).await?;

    let write = format!("{}; UPDATE marker SET n = 2", backlog.write);
    let mut clock;
    if workload == Workload::W6 {
        // The last statement of `write` is the marker: what follows is measured from there, less its own moment.
        ground.run_in_source(&write).await?;
        clock = Clock::start(ground)?;
    } else {
        stages.stop().await?;
        ground.run_in_source(&write).await?;
        clock = Clock::start(ground)?;
        stages = Stages::start(ground, way, way.roles())?;
    }
    let end = stages.until("the last change", async |_| Ok(marker(&destination).await? == 2)).await?;
    clock.stop(end.max(clock.started()));
    let run = clock.run(ground, &format!("{workload:?}"), way, backlog.changes, &stages)?;
    stages.stop().await?;
    let tables: Vec<String> = backlog.tables.into_iter().chain(["marker".to_owned()]).collect();
    ground.ensure_equal(&tables).await?;
    Ok(run)
}

async fn marker(destination: &Client) -> Result<i32> {
    let row = destination.query_one("SELECT n FROM bench.marker WHERE id = 1", &[]).await?;
    Ok(row.try_get(0)?)
}

async fn make(ground: &Ground, workload: Workload) -> Result<Backlog> {
    ground.reset_source().await?;
    let started = Instant::now();
    let marker = "CREATE TABLE marker (id INT PRIMARY KEY, n INT); INSERT INTO marker VALUES (1, 0)";
    ground.run_in_source(marker).await?;
    let backlog = match workload {
        Workload::W3 => many_tables(ground).await?,
        Workload::W7 => hot_rows(ground).await?,
        _ => one_transaction(ground).await?,
    };
    ground.run_in_source(FORGET_NUMBERS).await?;
    eprintln!("{workload:?}: made in {:.1} s", started.elapsed().as_secs_f64());
    Ok(backlog)
}

async fn many_tables(ground: &Ground) -> Result<Backlog> {
    ground.run_in_source(&numbers(FIRST_ROWS)).await?;
    let mut tables = Vec::new();
    for table in 0..BACKLOG_TABLES {
        let name = format!("back_{table}");
        ground.run_in_source(&format!("{}; {}", narrow_table(&name), narrow_rows(&name, FIRST_ROWS))).await?;
        let procedure = backlog_procedure(table, FIRST_ROWS);
        ground.run_in_source(&format!("DELIMITER $$\n{procedure}$$\nDELIMITER ;")).await?;
        tables.push(name);
    }
    ground.run_in_source(&format!("DELIMITER $$\n{}$$\nDELIMITER ;", backlog_driver())).await?;
    let rounds = ground.scaled(500_000, BACKLOG_TABLES * CHANGES) / BACKLOG_TABLES / CHANGES;
    // The first round deletes nothing: there is no round before it.
    let changes = rounds * BACKLOG_TABLES * CHANGES - BACKLOG_TABLES;
    let write = format!("CALL write_backlog({rounds})");
    Ok(Backlog { tables, rows: FIRST_ROWS * BACKLOG_TABLES, write, changes })
}

async fn hot_rows(ground: &Ground) -> Result<Backlog> {
    ground.run_in_source(&numbers(10)).await?;
    let table = "CREATE TABLE hot (id INT PRIMARY KEY, n BIGINT NOT NULL, note VARCHAR(100) NOT NULL); \
                 INSERT INTO hot SELECT i, 0, 'first' FROM bench_numbers.n";
    ground.run_in_source(&format!("{table}; DELIMITER $$\n{HOT_PROCEDURE}$$\nDELIMITER ;")).await?;
    let rounds = ground.scaled(1_000_000, 10) / 10;
    let write = format!("CALL write_hot({rounds})");
    Ok(Backlog { tables: vec!["hot".to_owned()], rows: 10, write, changes: rounds * 10 })
}

async fn one_transaction(ground: &Ground) -> Result<Backlog> {
    let rows = ground.scaled(1_000_000, 100);
    ground.run_in_source(&numbers(rows)).await?;
    ground.run_in_source(&format!("{}; {}", narrow_table("narrow"), narrow_rows("narrow", rows))).await?;
    let write = "UPDATE narrow SET k = k + 1".to_owned();
    Ok(Backlog { tables: vec!["narrow".to_owned()], rows, write, changes: rows })
}
