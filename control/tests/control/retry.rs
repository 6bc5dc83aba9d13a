//! `[retry]`: `status` shows the window that the task file gives to each class of failure, while it is retried.

use std::fs;

use anyhow::{Context, Result, ensure};
use millrace_testkit::{Proxy, StageCommand};
use serde_json::Value;

use crate::status::{LIMIT, wait_for};
use crate::world::World;

/// The retry that is under way.
fn retry(status: &Value) -> Option<&Value> {
    let stages = status["stages"].as_array()?;
    stages.iter().map(|stage| &stage["retry"]).find(|retry| retry.is_object())
}

/// From the first failure until it is given up, in seconds.
fn window(retry: &Value) -> Result<i64> {
    let second_of_day = |field: &str| -> Result<i64> {
        let time = retry[field].as_str().and_then(|time| time.get(11..19)).with_context(|| format!("{retry}"))?;
        time.split(':').try_fold(0, |seconds, part| Ok(seconds * 60 + part.parse::<i64>()?))
    };
    Ok((second_of_day("until")? - second_of_day("since")?).rem_euclid(86_400))
}

/// Waits for a retry of this class, and looks at its window.
async fn is_retried(task: &str, class: &str, minutes: i64) -> Result<()> {
    let retrying = wait_for(task, class, |status| retry(status).is_some_and(|retry| retry["class"] == class)).await?;
    let retry = retry(&retrying).context("no retry")?;
    // Each time is cut to a second.
    ensure!((window(retry)? - minutes * 60).abs() <= 1, "{class}: {retry}");
    let left = retry["window_left_seconds"].as_i64().context("no window")?;
    ensure!(left <= minutes * 60, "{class}: {retry}");
    let problems = &retrying["problems"];
    let said = problems.as_array().context("no problems")?.iter().any(|problem| {
        let place = problem["place"].as_str().unwrap_or_default();
        place.ends_with("retrying")
            && problem["message"].as_str().is_some_and(|message| message.contains("retried since"))
    });
    ensure!(said, "{class}: {problems:#}");
    Ok(())
}

async fn runs(task: &str) -> Result<()> {
    wait_for(task, "a task that runs", |status| status["state"] == "running" && retry(status).is_none()).await?;
    Ok(())
}

/// On threads, because the proxy has to go on while the program is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_shows_the_windows_of_the_task_file() -> Result<()> {
    let world = World::new("retry").await?;
    let (name, proxy) = (world.name.clone(), Proxy::start().await?);
    let task = world.embedded_task("retry = { connection_minutes = 10, other_minutes = 5 }")?;
    let (account, address) = world.servers.mysql.rsplit_once('@').context("an account")?;
    proxy.forward_to(address);
    let behind = format!("{account}@127.0.0.1:{}", proxy.port());
    fs::write(&task, fs::read_to_string(&task)?.replace(&world.servers.mysql, &behind))?;
    let program = StageCommand::new(env!("CARGO_BIN_EXE_millrace")).argument("run").argument(&task);
    let mut run = program.spawn(&world.folder.join("run.log"))?;
    wait_for(&task, "a task that has loaded its tables", |status| {
        let tables = status["tables"].as_array();
        tables.is_some_and(|tables| tables.len() == 3 && tables.iter().all(|table| table["state"] == "loaded"))
    })
    .await?;

    proxy.refuse();
    is_retried(&task, "connection", 10).await?;
    proxy.forward_to(address);
    // Progress ends a retry.
    world.mysql(&format!("INSERT INTO {name}.lines_without_key VALUES ('back')")).await?;
    runs(&task).await?;

    // As if somebody else held a lock on the table.
    let refuse = format!(
        "CREATE FUNCTION {name}.refuse() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN RAISE EXCEPTION USING ERRCODE = ''lock_not_available''; END'; \
         CREATE TRIGGER refuse BEFORE INSERT ON {name}.orders FOR EACH STATEMENT EXECUTE PROCEDURE {name}.refuse()"
    );
    world.postgres(&refuse).await?;
    world.mysql(&format!("INSERT INTO {name}.orders (id, customer_id) VALUES (4, 2)")).await?;
    is_retried(&task, "statement", 5).await?;
    world.postgres(&format!("DROP TRIGGER refuse ON {name}.orders")).await?;
    runs(&task).await?;

    run.terminate()?;
    run.wait_for_success(LIMIT).await?;
    world.remove().await
}
