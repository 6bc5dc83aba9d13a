//! Full loads: from the start of the processes until the last row is visible.

use anyhow::{Result, ensure};

use crate::Workload;
use crate::data::{FORGET_NUMBERS, narrow_rows, narrow_table, numbers, wide_rows, wide_table};
use crate::ground::Ground;
use crate::run::{Clock, Run};
use crate::stages::{Stages, Way};

/// Tables and how their rows are made.
pub(crate) struct Tables {
    workload: Workload,
    pub(crate) names: Vec<String>,
    /// Rows of each.
    pub(crate) rows: u64,
}

/// The tables of a workload.
pub(crate) fn tables(ground: &Ground, workload: Workload) -> Tables {
    let (count, rows, name) = match workload {
        Workload::W5 => (ground.scaled(1_000, 10), 100, "small"),
        Workload::W2 => (1, ground.scaled(200_000, 100), "wide"),
        _ => (1, ground.scaled(1_000_000, 100), "narrow"),
    };
    let names = (0..count).map(|at| if count == 1 { name.to_owned() } else { format!("{name}_{at}") }).collect();
    Tables { workload, names, rows }
}

impl Tables {
    /// Makes them anew.
    pub(crate) async fn make(&self, ground: &Ground) -> Result<()> {
        ground.reset_source().await?;
        ground.run_in_source(&numbers(self.rows)).await?;
        let mut script = String::new();
        for name in &self.names {
            let (table, rows) = match self.workload {
                Workload::W2 => (wide_table(name), wide_rows(name, self.rows)),
                _ => (narrow_table(name), narrow_rows(name, self.rows)),
            };
            script.push_str(&format!("{table}; {rows};\n"));
        }
        ground.run_in_source(&script).await?;
        let names = self.names.join(", ");
        ground.run_in_source(&format!("ANALYZE NO_WRITE_TO_BINLOG TABLE {names}; {FORGET_NUMBERS}")).await
    }

    /// Rows in all.
    pub(crate) fn all(&self) -> u64 {
        self.rows * self.names.len() as u64
    }
}

/// Rows of these tables in the destination; 0 as long as one is missing.
pub(crate) async fn count(ground: &Ground, names: &[String]) -> Result<u64> {
    let destination = ground.connect_destination().await?;
    let mut sum = 0;
    for name in names {
        let Ok(row) = destination.query_one(&format!("SELECT count(*) FROM bench.{name}"), &[]).await else {
            return Ok(0);
        };
        sum += u64::try_from(row.try_get::<_, i64>(0)?)?;
    }
    Ok(sum)
}

/// Loads the tables. Counting them is dear, so that apply's own count says when to begin; what is measured ends when the
/// destination shows all rows, before the indexes are made.
pub(crate) async fn measure(ground: &Ground, tables: &Tables, way: Way) -> Result<Run> {
    ground.reset_destination().await?;
    let mut clock = Clock::start(ground)?;
    let mut stages = Stages::start(ground, way, way.roles())?;
    let all = tables.all();
    let there = async |stages: &Stages| Ok(stages.shown("apply", "changes").await >= all);
    let end = stages.until("all rows", there).await?;
    clock.stop(end);
    let found = count(ground, &tables.names).await?;
    ensure!(found == all, "{found} rows are in the destination, not {all}");
    stages.until("the end of the load", async |_| are_indexed(ground, tables).await).await?;
    let complete = clock.started().elapsed();
    let mut run = clock.run(ground, &format!("{:?}", tables.workload), way, all, &stages)?;
    run.seconds_complete = Some(complete.as_secs_f64());
    stages.stop().await?;
    ground.ensure_equal(&tables.names).await?;
    Ok(run)
}

/// Whether all tables have their indexes.
async fn are_indexed(ground: &Ground, tables: &Tables) -> Result<bool> {
    let destination = ground.connect_destination().await?;
    let sql = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'bench'";
    let found: i64 = destination.query_one(sql, &[]).await?.try_get(0)?;
    let of_each = if tables.workload == Workload::W2 { 1 } else { 2 };
    Ok(u64::try_from(found)? >= tables.names.len() as u64 * of_each)
}
