//! Schema changes that meet what others do in the destination: an index that is being made, a table that is there already.

use anyhow::{Result, ensure};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TestResult, World, in_world, poll_until_equal};
use millrace_testkit::poll_until;
use mysql_async::prelude::Queryable;

const TABLE: &str = "CREATE TABLE big (id INT PRIMARY KEY, day INT NOT NULL);
    INSERT INTO big WITH RECURSIVE n AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM n WHERE id < 50) SELECT id, id FROM n;";

/// Starts these stages, without Kafka where one process runs them all.
fn start(world: &World, roles: &[Role]) -> Result<Stages> {
    let task = world.task_file();
    let task = if roles.contains(&Role::Run) { task.without_kafka() } else { task };
    Stages::start(world, &task.write()?, roles)
}

#[test]
fn an_index_that_is_being_made_stays_over_kafka() -> TestResult {
    Ok(in_world("replaced_staged", async |world| an_index_stays(world, &Role::ALL).await)?)
}

#[test]
fn an_index_that_is_being_made_stays_in_one_process() -> TestResult {
    Ok(in_world("replaced_run", async |world| an_index_stays(world, &[Role::Run]).await)?)
}

/// An index that nobody sees yet when the change begins; the change waits for it, and finds it then.
async fn an_index_stays(world: &World, roles: &[Role]) -> Result<()> {
    world.run_in_source(TABLE).await?;
    let mut stages = start(world, roles)?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
    let (other, looker) = (world.connect_postgres().await?, world.connect_postgres().await?);
    other.batch_execute(&world.fill("BEGIN; CREATE INDEX by_day ON \"{database}\".big (day)")).await?;
    world.run_in_source("ALTER TABLE big MODIFY day BIGINT NOT NULL").await?;
    let waiting = world.fill(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = to_regclass('\"{database}\".big') \
         AND mode = 'ShareRowExclusiveLock'",
    );
    poll_until(LIMIT, "the change to wait for the index", async || {
        stages.ensure_running()?;
        Ok(looker.query_one(&waiting, &[]).await?.get::<_, i64>(0) == 1)
    })
    .await?;
    other.batch_execute("COMMIT").await?;
    world.run_in_source("UPDATE big SET day = 3000000000 WHERE id = 7").await?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
    let found = world.fill("SELECT count(*) FROM pg_indexes WHERE schemaname = '{database}' AND indexname = 'by_day'");
    ensure!(looker.query_one(&found, &[]).await?.get::<_, i64>(0) == 1, "the index is gone");
    stages.stop().await
}

/// What came while the task was stopped comes in one transaction: rows, and then a table that is there already.
async fn create_behind_rows(world: &World, keys: &str) -> Result<Stages> {
    world.run_in_source("CREATE TABLE users (id INT PRIMARY KEY); INSERT INTO users VALUES (1)").await?;
    let task = world.task_file().with(keys)?.without_kafka().write()?;
    let mut stages = Stages::start(world, &task, &[Role::Run])?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
    stages.stop().await?;
    let there = "CREATE TABLE \"{database}\".late (id integer PRIMARY KEY, name varchar(20), more integer DEFAULT 7)";
    world.run_in_destination(there).await?;
    world
        .run_in_source(
            "INSERT INTO users VALUES (2); CREATE TABLE late (id INT PRIMARY KEY, name VARCHAR(20)); \
             INSERT INTO late VALUES (5, 'new')",
        )
        .await?;
    Stages::start(world, &task, &[Role::Run])
}

#[test]
fn a_table_that_is_there_is_used_though_rows_come_before_it() -> TestResult {
    Ok(in_world("late_used", async |world| {
        let mut stages = create_behind_rows(world, "schema.existing_tables = \"ignore\"").await?;
        let destination = world.connect_postgres().await?;
        let written = world.fill("SELECT count(*) FROM \"{database}\".late WHERE (id, name, more) = (5, 'new', 7)");
        poll_until(LIMIT, "the row to come", async || {
            stages.ensure_running()?;
            Ok(destination.query_one(&written, &[]).await?.get::<_, i64>(0) == 1)
        })
        .await?;
        stages.stop().await
    })?)
}

#[test]
fn a_table_that_is_there_is_reported_though_rows_come_before_it() -> TestResult {
    Ok(in_world("late_reported", async |world| {
        let mut stages = create_behind_rows(world, "").await?;
        let printed = stages.wait_for_failure(Role::Run, LIMIT).await?;
        let found = world.fill("table \"{database}.late\" already exists in the destination");
        ensure!(printed.error.contains(&found), "{}", printed.error);
        ensure!(printed.hint.contains("nothing was created"), "{}", printed.hint);
        Ok(())
    })?)
}

#[test]
fn a_table_that_is_gone_before_it_was_read_moves_under_its_new_name_over_kafka() -> TestResult {
    Ok(in_world("gone_staged", async |world| a_table_is_gone(world, &Role::ALL).await)?)
}

#[test]
fn a_table_that_is_gone_before_it_was_read_moves_under_its_new_name_in_one_process() -> TestResult {
    Ok(in_world("gone_run", async |world| a_table_is_gone(world, &[Role::Run]).await)?)
}

/// A table is renamed into the selection, and a lock keeps its definition from being read until the process dies; it gets
/// rows and another name before the next one starts.
async fn a_table_is_gone(world: &World, roles: &[Role]) -> Result<()> {
    world
        .run_in_source(
            "CREATE TABLE anchor (id INT PRIMARY KEY); INSERT INTO anchor VALUES (1); CREATE DATABASE `{database}_out`; \
             CREATE TABLE `{database}_out`.moving (id INT PRIMARY KEY, v INT); \
             INSERT INTO `{database}_out`.moving VALUES (1, 10), (2, 20)",
        )
        .await?;
    let mut stages = start(world, roles)?;
    let outside = Scope { absent: vec![world.fill("{database}_out.moving")], ..Scope::default() };
    poll_until_equal(world, &mut stages, &outside, LIMIT).await?;
    let mut locker = world.connect_mysql().await?;
    let renamed = world.fill("RENAME TABLE `{database}_out`.moving TO moving");
    locker.query_drop(world.fill("LOCK TABLES `{database}_out`.moving WRITE")).await?;
    locker.query_drop(renamed).await?;
    locker.query_drop("INSERT INTO moving VALUES (3, 30)").await?;
    // Once this row is there, the next process begins behind the renaming.
    world.run_in_source("INSERT INTO anchor VALUES (2)").await?;
    let destination = world.connect_postgres().await?;
    let there = world.fill("SELECT count(*) FROM \"{database}\".anchor WHERE id = 2");
    poll_until(LIMIT, "the row behind the renaming", async || {
        stages.ensure_running()?;
        Ok(destination.query_one(&there, &[]).await?.get::<_, i64>(0) == 1)
    })
    .await?;
    let said = stages.output(roles[0])?;
    ensure!(said.contains("its definition is read from the source"), "it is not waited for:\n{said}");
    stages.kill(0)?;
    locker.query_drop("UNLOCK TABLES").await?;
    for statement in [
        "INSERT INTO moving VALUES (4, 40)",
        "CREATE TABLE IF NOT EXISTS moving (other INT PRIMARY KEY)",
        "TRUNCATE moving",
        "ALTER TABLE moving ADD w VARCHAR(9) DEFAULT 'w'",
        "INSERT INTO moving VALUES (5, 50, 'five'), (6, 60, NULL)",
        "UPDATE moving SET v = v + 1",
        "RENAME TABLE moving TO moved",
        "DELETE FROM moved WHERE id = 6",
    ] {
        locker.query_drop(statement).await?;
    }
    stages.restart_ended().await?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
    stages.stop().await
}

#[test]
fn a_table_without_a_key_that_changes_while_it_is_read_is_read_again_over_kafka() -> TestResult {
    Ok(in_world("reread_staged", async |world| a_table_changes_while_it_is_read(world, &Role::ALL).await)?)
}

#[test]
fn a_table_without_a_key_that_changes_while_it_is_read_is_read_again_in_one_process() -> TestResult {
    Ok(in_world("reread_run", async |world| a_table_changes_while_it_is_read(world, &[Role::Run]).await)?)
}

/// A lock keeps the snapshot of a table, which is open, from being read until the table has other rows under it.
async fn a_table_changes_while_it_is_read(world: &World, roles: &[Role]) -> Result<()> {
    let made = "CREATE TABLE bag (v INT) PARTITION BY HASH (v) PARTITIONS 2; INSERT INTO bag VALUES (1), (2), (2), (3), (NULL)";
    world.run_in_source(made).await?;
    let mut stages = start(world, roles)?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
    let (mut locker, mut looker) = (world.connect_mysql().await?, world.connect_mysql().await?);
    locker.query_drop("LOCK TABLES bag WRITE").await?;
    // Which rows are gone is not in the binlog: the table is read again.
    locker.query_drop("ALTER TABLE bag TRUNCATE PARTITION p0").await?;
    let waiting = world.fill(
        "SELECT COUNT(*) FROM performance_schema.processlist \
         WHERE state = 'Waiting for table metadata lock' AND info LIKE 'SELECT%FROM `{database}`.`bag` LIMIT 0'",
    );
    poll_until(LIMIT, "the snapshot that waits for the table", async || {
        stages.ensure_running()?;
        Ok(looker.query_first::<i64, _>(&waiting).await? == Some(1))
    })
    .await?;
    locker.query_drop("ALTER TABLE bag ADD w INT NOT NULL DEFAULT 7, ALGORITHM = COPY").await?;
    locker.query_drop("INSERT INTO bag (v) VALUES (3)").await?;
    locker.query_drop("UNLOCK TABLES").await?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
    stages.stop().await
}
