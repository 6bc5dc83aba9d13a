//! What the processes use while the source has nothing new.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::ground::Ground;
use crate::run::{Clock, Run};
use crate::stages::{Stages, Way};

/// Until what the start has left to do is over.
const SETTLE: Duration = Duration::from_secs(5);
/// While it is counted.
const LENGTH: Duration = Duration::from_secs(30);

/// CPU seconds of half a minute. There are no rows in it.
pub(crate) async fn measure(ground: &Ground, way: Way) -> Result<Run> {
    ground.reset_source().await?;
    ground.run_in_source("CREATE TABLE still (id INT PRIMARY KEY); INSERT INTO still VALUES (1)").await?;
    ground.reset_destination().await?;
    let mut stages = Stages::start(ground, way, way.roles())?;
    stages.until("the full load", async |stages| Ok(stages.shown("apply", "changes").await >= 1)).await?;
    tokio::time::sleep(SETTLE).await;
    let mut clock = Clock::start(ground)?;
    let before = stages.used()?;
    tokio::time::sleep(LENGTH).await;
    clock.stop(Instant::now());
    let mut run = clock.run(ground, "idle", way, 0, &stages)?;
    run.subtract(&before);
    run.topics = None;
    stages.stop().await?;
    ground.ensure_equal(&["still".to_owned()]).await?;
    Ok(run)
}
