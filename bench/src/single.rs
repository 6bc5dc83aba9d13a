//! Each stage alone on W1's rows: capture fills its topic, then transform works on what is there, then apply. The figure
//! is rows for each CPU second of the stage, which other work on the machine changes little.

use anyhow::Result;

use crate::Workload;
use crate::ground::Ground;
use crate::load::tables;
use crate::run::{Clock, Run};
use crate::stages::{Stages, Way};

/// Measures the three stages one after the other.
pub(crate) async fn measure(ground: &Ground) -> Result<Vec<Run>> {
    let tables = tables(ground, Workload::Alone);
    tables.make(ground).await?;
    ground.reset_destination().await?;
    let all = tables.all();
    let mut runs = Vec::new();
    // The name under which each stage's status counts.
    for (role, counter) in [("capture", "rows"), ("transform", "entries"), ("apply", "changes")] {
        let mut clock = Clock::start(ground)?;
        let mut stages = Stages::start(ground, Way::Staged, &[role])?;
        let end = match role {
            // Its count is shown now and then, and the last one only when more comes, which capture would see to.
            "transform" => stages.until_idle(async |stages| Ok(stages.shown(role, counter).await >= 1)).await?,
            _ => stages.until("all rows", async |stages| Ok(stages.shown(role, counter).await >= all)).await?,
        };
        clock.stop(end);
        if role == "capture" {
            let loaded = async |stages: &Stages| Ok(stages.shown("capture", "tables_loaded").await >= 1);
            stages.until("the end of the load", loaded).await?;
        }
        runs.push(clock.run(ground, &format!("{role} alone"), Way::Staged, all, &stages)?);
        stages.stop().await?;
    }
    ground.ensure_equal(&tables.names).await?;
    Ok(runs)
}
