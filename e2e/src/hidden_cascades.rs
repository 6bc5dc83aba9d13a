//! A source that does not log what foreign keys change by themselves: the task stops before anything is made and names the
//! tables, until the task file accepts it.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use millrace_testkit::{Servers, built_binary, poll_until};
use serde_json::Value;

use crate::LIMIT;
use crate::equality::{Scope, poll_until_equal};
use crate::stages::{Printed, Role, Stages};
use crate::world::{World, in_world_at};

const ACCEPT: &str = "source.hidden_cascades = \"accept\"";

/// Two tables that foreign keys change, and one that refuses instead.
const TABLES: &str = "
    CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(20));
    CREATE TABLE orders (id INT PRIMARY KEY, customer INT, CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id)
      ON DELETE CASCADE);
    CREATE TABLE visits (id INT PRIMARY KEY, customer INT, CONSTRAINT by_customer FOREIGN KEY (customer) REFERENCES customers (id)
      ON UPDATE CASCADE ON DELETE SET NULL);
    CREATE TABLE payments (id INT PRIMARY KEY, customer INT, CONSTRAINT paid_by FOREIGN KEY (customer) REFERENCES customers (id));
    INSERT INTO customers VALUES (1, 'a'), (2, 'b'), (3, 'c');
    INSERT INTO orders VALUES (10, 1), (20, 2);
    INSERT INTO visits VALUES (11, 1), (21, 2);
    INSERT INTO payments VALUES (33, 3);";

/// What a task needs of its account, and no more: the tables are found with it, too.
const GRANTS: [&str; 2] = ["SELECT ON `{database}`.*", "REPLICATION SLAVE, REPLICATION CLIENT ON *.*"];

/// Runs all of it on servers that the test has to itself, of which the source does not log such changes.
pub fn run_hidden_cascades(servers: Servers) -> Result<()> {
    in_world_at(servers.clone(), "hidden_cascades", async |world| refused_until_accepted(world).await)?;
    in_world_at(servers, "later_cascades", async |world| what_comes_later_stops(world).await)
}

async fn refused_until_accepted(world: &World) -> Result<()> {
    world.run_in_source(TABLES).await?;
    let source = world.create_account(&GRANTS.map(|grant| world.fill(grant))).await?;
    let task = world.task_file().with_source(&source)?;
    check_blocks(&task.write()?.display().to_string(), world)?;
    let printed =
        Stages::start(world, &task.write()?, &[Role::Capture])?.wait_for_failure(Role::Capture, LIMIT).await?;
    ensure_names_tables(&printed, world)?;
    world.ensure_destination_is_empty().await?;
    let task = task.without_kafka();
    let printed = Stages::start(world, &task.write()?, &[Role::Run])?.wait_for_failure(Role::Run, LIMIT).await?;
    ensure_names_tables(&printed, world)?;
    let task = task.with(ACCEPT)?.write()?;
    let (code, finding) = finding(&task.display().to_string())?;
    ensure!(code == Some(0) && finding["result"] == "accepted", "{code:?} {finding}");
    let mut stages = Stages::start(world, &task, &[Role::Run])?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
    // The server is the oracle of what is not logged: the rows that the cascade takes stay in the destination.
    world.run_in_source("DELETE FROM customers WHERE id = 1; INSERT INTO customers VALUES (4, 'mark')").await?;
    let destination = world.connect_postgres().await?;
    poll_until(LIMIT, "the change of the table referred to", async || {
        stages.ensure_running()?;
        let sql = world.fill("SELECT id FROM \"{database}\".customers ORDER BY id");
        let found: Vec<i32> = destination.query(&sql, &[]).await?.iter().map(|row| row.get(0)).collect();
        Ok(found == [2, 3, 4])
    })
    .await?;
    let sql = world.fill(
        "SELECT (SELECT count(*) FROM \"{database}\".orders), (SELECT count(customer) FROM \"{database}\".visits)",
    );
    let left = destination.query_one(&sql, &[]).await?;
    ensure!((left.get::<_, i64>(0), left.get::<_, i64>(1)) == (2, 2), "the server logs them: {left:?}");
    stages.stop().await?;
    // A task that ran is refused as well once it is no longer accepted.
    forget_what_was_printed(world)?;
    let task = world.task_file().with_source(&source)?.without_kafka().write()?;
    let printed = Stages::start(world, &task, &[Role::Run])?.wait_for_failure(Role::Run, LIMIT).await?;
    ensure_names_tables(&printed, world)
}

async fn what_comes_later_stops(world: &World) -> Result<()> {
    world
        .run_in_source(
            "CREATE TABLE customers (id INT PRIMARY KEY); CREATE TABLE visits (id INT PRIMARY KEY, customer INT); \
             INSERT INTO customers VALUES (1), (2); INSERT INTO visits VALUES (11, 1)",
        )
        .await?;
    // The row tells that the stream is beyond the change before it.
    let visits = "ALTER TABLE visits ADD CONSTRAINT by_customer FOREIGN KEY (customer) REFERENCES customers (id) \
                  ON DELETE SET NULL; INSERT INTO customers VALUES (3)";
    stops_until_accepted(world, visits, "\"{database}.visits\" (by \"by_customer\")").await?;
    // Without that key nothing is in the way of a start.
    world.run_in_source("ALTER TABLE visits DROP FOREIGN KEY by_customer; INSERT INTO visits VALUES (21, 2)").await?;
    let orders = "CREATE TABLE orders (id INT PRIMARY KEY, customer INT, CONSTRAINT of_customer FOREIGN KEY (customer) \
                  REFERENCES customers (id) ON DELETE CASCADE); INSERT INTO orders VALUES (10, 1)";
    stops_until_accepted(world, orders, "\"{database}.orders\" (by \"of_customer\")").await
}

/// A task that follows what is there is stopped by a statement, names the table, and goes on with it once that is accepted.
async fn stops_until_accepted(world: &World, statement: &str, named: &str) -> Result<()> {
    let task = world.task_file().without_kafka();
    let mut stages = Stages::start(world, &task.write()?, &[Role::Run])?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("nothing is in the way")?;
    world.run_in_source(statement).await?;
    let printed = stages.wait_for_failure(Role::Run, LIMIT).await?;
    ensure!(printed.error.contains(&world.fill(named)), "{printed:?}");
    let mut stages = Stages::start(world, &task.clone().with(ACCEPT)?.write()?, &[Role::Run])?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("accepted")?;
    stages.stop().await?;
    forget_what_was_printed(world)
}

/// The log of the next process begins anew.
fn forget_what_was_printed(world: &World) -> Result<()> {
    Ok(std::fs::remove_file(world.folder.join("millrace-1.log"))?)
}

fn ensure_names_tables(printed: &Printed, world: &World) -> Result<()> {
    let named =
        "\"{database}.orders\" (by \"of_customer\"), \"{database}.visits\" (by \"by_customer\") (foreign_key_cascades)";
    ensure!(printed.error.ends_with(&world.fill(named)), "{printed:?}");
    ensure!(printed.hint.contains(ACCEPT), "{printed:?}");
    Ok(())
}

/// `check` blocks as the stages do, also where it is told to accept the check.
fn check_blocks(task: &str, world: &World) -> Result<()> {
    let (code, finding) = finding(task)?;
    ensure!(code == Some(1) && finding["result"] == "blocks", "{code:?} {finding}");
    let named = "\"{database}.orders\" (by \"of_customer\"), \"{database}.visits\" (by \"by_customer\")";
    ensure!(finding["found"].as_str().is_some_and(|found| found.ends_with(&world.fill(named))), "{finding}");
    Ok(())
}

/// The exit code of `check`, and what it found of cascades.
fn finding(task: &str) -> Result<(Option<i32>, Value)> {
    let arguments = ["check", task, "--json", "--accept", "foreign_key_cascades"];
    let output = Command::new(built_binary("millrace")?).args(arguments).output()?;
    let json: Value = serde_json::from_slice(&output.stdout).context("check printed no JSON")?;
    let checks = json["checks"].as_array().into_iter().flatten();
    let found = checks.into_iter().find(|check| check["name"] == "foreign_key_cascades").cloned();
    Ok((output.status.code(), found.with_context(|| format!("no such check: {json}"))?))
}
