//! Rows that the destination refuses are held with all that comes for their keys; the rest goes on, and nothing of it is
//! lost, through kills and until it is released.

use anyhow::{Result, ensure};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TestResult, Way, World, in_world, poll_until_equal};
use millrace_testkit::{StageCommand, built_binary, poll_until};
use tokio_postgres::SimpleQueryMessage;

/// The task file's keys: tables are made by hand.
const KEYS: &str =
    "phases = [\"full\", \"incremental\"]\nerrors = { on_bad_row = \"quarantine\", quarantine_limit = 5 }";

/// Two applies share the partitions.
const SHARED: [Role; 4] = [Role::Capture, Role::Transform, Role::Apply, Role::Apply];

/// The destination's table has a rule that the source does not have.
const DESTINATION: &str = "CREATE SCHEMA \"{database}\"; CREATE TABLE \"{database}\".orders \
                           (id integer PRIMARY KEY, quantity integer CONSTRAINT not_negative CHECK (quantity >= 0), note text)";

const SOURCE: &str = "CREATE TABLE orders (id INT PRIMARY KEY, quantity INT, note VARCHAR(20));
    INSERT INTO orders WITH RECURSIVE n AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM n WHERE id < 250)
        SELECT id, id, 'old' FROM n;";

/// A task whose table refuses some rows.
struct Scene<'w> {
    world: &'w World,
    stages: Stages,
    task: String,
    /// What its processes are that write.
    role: Role,
}

impl<'w> Scene<'w> {
    /// The source has these changes before the start.
    async fn start(world: &'w World, way: Way, keys: &str, changes: &str) -> Result<Self> {
        let roles = match way {
            Way::Staged => &Role::ALL[..],
            Way::OneProcess => &[Role::Run][..],
        };
        Self::start_with(world, roles, keys, changes).await
    }

    /// The same, with these processes.
    async fn start_with(world: &'w World, roles: &[Role], keys: &str, changes: &str) -> Result<Self> {
        world.run_in_source(SOURCE).await?;
        world.run_in_source(changes).await?;
        world.run_in_destination(DESTINATION).await?;
        let task = world.task_file().with(keys)?;
        let (task, role) = match roles.contains(&Role::Run) {
            false => (task, Role::Apply),
            true => (task.without_kafka(), Role::Run),
        };
        let task = task.write()?;
        let stages = Stages::start(world, &task, roles)?;
        Ok(Self { world, stages, task: task.display().to_string(), role })
    }

    /// Runs `millrace quarantine`; its exit code must be this. Gives what it prints.
    async fn quarantine(&self, arguments: &[&str], code: i32) -> Result<String> {
        let log = self.world.folder.join("quarantine.log");
        let _ = std::fs::remove_file(&log);
        let mut command = StageCommand::new(built_binary("millrace")?).argument("quarantine").argument(arguments[0]);
        command = command.argument(&self.task);
        command = arguments[1..].iter().fold(command, |command, argument| command.argument(self.world.fill(argument)));
        let mut process = command.spawn(&log)?;
        let status = process.wait(LIMIT).await?;
        let printed = process.log()?;
        ensure!(status.code() == Some(code), "{arguments:?} ended with {status}\n{printed}");
        Ok(printed)
    }

    /// Waits until a query of the destination gives these rows, cells with commas between.
    async fn wait_for(&mut self, sql: &str, expected: &[&str]) -> Result<()> {
        let (sql, destination) = (self.world.fill(sql), self.world.connect_postgres().await?);
        let mut last = Vec::new();
        let ended = poll_until(LIMIT, &sql, async || {
            self.stages.ensure_running()?;
            let messages = destination.simple_query(&sql).await.unwrap_or_default();
            last = messages.iter().filter_map(cells).collect();
            Ok(last == expected)
        })
        .await;
        ended.map_err(|error| error.context(format!("last {last:?}, expected {expected:?}")))
    }

    async fn wait_for_held(&mut self, rows: usize) -> Result<()> {
        self.wait_for("SELECT count(*) FROM millrace.quarantine", &[&rows.to_string()]).await
    }

    async fn wait_until_equal(&mut self) -> Result<()> {
        poll_until_equal(self.world, &mut self.stages, &Scope::default(), LIMIT).await
    }
}

fn cells(message: &SimpleQueryMessage) -> Option<String> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    Some((0..row.len()).map(|at| row.get(at).unwrap_or("NULL")).collect::<Vec<_>>().join(","))
}

#[test]
fn refused_rows_are_held_and_released_over_kafka() -> TestResult {
    Ok(in_world("held_staged", async |world| held_and_released(world, &SHARED).await)?)
}

#[test]
fn refused_rows_are_held_and_released_in_one_process() -> TestResult {
    Ok(in_world("held_run", async |world| held_and_released(world, &[Role::Run]).await)?)
}

async fn held_and_released(world: &World, roles: &[Role]) -> Result<()> {
    let changes = "UPDATE orders SET quantity = -1 WHERE id IN (5, 150, 151)";
    let mut scene = Scene::start_with(world, roles, KEYS, changes).await?;
    scene.wait_for("SELECT count(*) FROM \"{database}\".orders", &["247"]).await?;
    scene.wait_for_held(3).await?;
    // Of 5, 150 and 151 everything is held, also what would be taken, and also where 151 becomes another key.
    world
        .run_in_source(
            "UPDATE orders SET quantity = -2, note = 'bad' WHERE id = 10;
             UPDATE orders SET note = 'later' WHERE id IN (5, 20);
             UPDATE orders SET quantity = 7 WHERE id = 150;
             UPDATE orders SET id = 2000 WHERE id = 151;
             INSERT INTO orders VALUES (1000, 1, 'new');",
        )
        .await?;
    scene.wait_for("SELECT id, note FROM \"{database}\".orders WHERE id >= 1000", &["1000,new"]).await?;
    scene.wait_for_held(5).await?;
    let here =
        "SELECT id, quantity, note FROM \"{database}\".orders WHERE id IN (5, 10, 20, 150, 151, 2000) ORDER BY 1";
    scene.wait_for(here, &["10,10,old", "20,20,later"]).await?;
    through_kills(&mut scene).await?;
    look(&scene).await?;
    let printed = scene.quarantine(&["release"], 1).await?;
    ensure!(printed.contains("2 rows released") && printed.contains("3 rows refused again"), "{printed}");
    scene.wait_for(here, &["10,10,old", "20,20,later", "150,7,old"]).await?;
    // What is no longer held is written at once.
    world.run_in_source("UPDATE orders SET quantity = 8 WHERE id = 150").await?;
    scene.wait_for(here, &["10,10,old", "20,20,later", "150,8,old"]).await?;
    world.run_in_destination("ALTER TABLE \"{database}\".orders DROP CONSTRAINT not_negative").await?;
    scene.quarantine(&["release", "{database}.orders", "10", "5"], 0).await?;
    scene.wait_for_held(1).await?;
    scene.quarantine(&["release"], 0).await?;
    scene.wait_until_equal().await?;
    world.run_in_source("UPDATE orders SET note = 'end' WHERE id IN (5, 10, 150, 2000)").await?;
    scene.wait_until_equal().await?;
    scene.stages.stop().await
}

/// The processes that write die one after the other while held keys and others change: their partitions move.
async fn through_kills(scene: &mut Scene<'_>) -> Result<()> {
    let roles = scene.stages.roles();
    let writers: Vec<usize> = (0..roles.len()).filter(|&place| roles[place] == scene.role).collect();
    for round in 0..3 {
        let script = format!(
            "UPDATE orders SET note = 'round {round}', quantity = -3 WHERE id = 10; UPDATE orders SET note = 'round {round}' WHERE id = 30;"
        );
        scene.world.run_in_source(&script).await?;
        scene.stages.kill_and_restart(writers[round % writers.len()])?;
    }
    scene.wait_for("SELECT note FROM \"{database}\".orders WHERE id = 30", &["round 2"]).await?;
    // Partitions come one after the other: 5, 10, 150 and 151 have changed since they are held, 2000 has not.
    scene.wait_for("SELECT count(*), sum((changes > 1)::int) FROM millrace.quarantine", &["5,4"]).await
}

/// What is said of the quarantine names no value but keys, and these only where they are asked for.
async fn look(scene: &Scene<'_>) -> Result<()> {
    let list = scene.quarantine(&["list"], 1).await?;
    ensure!(list.contains("orders") && list.contains("constraint \"not_negative\""), "{list}");
    let show = scene.quarantine(&["show", "{database}.orders"], 1).await?;
    for key in [" 5 ", " 10 ", " 150 ", " 151 ", " 2000 "] {
        ensure!(show.contains(key), "{key} is not in {show}");
    }
    ensure!(!show.contains("round") && !show.contains("later"), "{show}");
    scene.quarantine(&["release", "{database}.orders", "77"], 1).await?;
    Ok(())
}

#[test]
fn what_is_held_is_given_up_and_has_a_limit_over_kafka() -> TestResult {
    Ok(in_world("limit_staged", async |world| given_up_and_limited(world, Way::Staged).await)?)
}

#[test]
fn what_is_held_is_given_up_and_has_a_limit_in_one_process() -> TestResult {
    Ok(in_world("limit_run", async |world| given_up_and_limited(world, Way::OneProcess).await)?)
}

async fn given_up_and_limited(world: &World, way: Way) -> Result<()> {
    let mut scene = Scene::start(world, way, KEYS, "UPDATE orders SET quantity = -1 WHERE id = 5").await?;
    scene.wait_for_held(1).await?;
    // A table that loses all its rows loses those that are held.
    world.run_in_source("TRUNCATE orders; INSERT INTO orders VALUES (5, 5, 'new'), (6, -1, 'bad')").await?;
    scene.wait_for("SELECT id, note FROM \"{database}\".orders", &["5,new"]).await?;
    scene.wait_for_held(1).await?;
    let printed = scene.quarantine(&["drop", "{database}.orders", "6"], 0).await?;
    ensure!(printed.contains("1 row given up"), "{printed}");
    world.run_in_source("UPDATE orders SET quantity = 6 WHERE id = 6").await?;
    scene.wait_until_equal().await?;
    world.run_in_source("INSERT INTO orders SELECT id + 10, -1, 'x' FROM orders WHERE id = 5").await?;
    scene.wait_for_held(1).await?;
    let many = "INSERT INTO orders VALUES (21, -1, 'x'), (22, -1, 'x'), (23, -1, 'x'), (24, -1, 'x'), (25, -1, 'x')";
    world.run_in_source(many).await?;
    let printed = scene.stages.wait_for_failure(scene.role, LIMIT).await?;
    ensure!(printed.error.contains("more rows are refused than the 5 of errors.quarantine_limit"), "{}", printed.error);
    let held = scene.quarantine(&["list", "--json"], 1).await?;
    ensure!(held.contains("\"rows\": 1"), "what was held before stays, and nothing of the last write is there: {held}");
    Ok(())
}

#[test]
fn a_table_is_altered_when_none_of_its_rows_is_held() -> TestResult {
    for (name, way) in [("held_alter", Way::Staged), ("held_alter_run", Way::OneProcess)] {
        in_world(name, async |world| {
            let mut scene = Scene::start(world, way, KEYS, "UPDATE orders SET quantity = -1 WHERE id = 5").await?;
            scene.wait_for_held(1).await?;
            world.run_in_source("ALTER TABLE orders ADD COLUMN more INT").await?;
            let printed = scene.stages.wait_for_failure(scene.role, LIMIT).await?;
            ensure!(
                printed.error.contains("is altered in the source, but 1 of its rows are held"),
                "{}",
                printed.error
            );
            ensure!(printed.hint.contains("millrace quarantine list"), "{}", printed.hint);
            world.run_in_destination("ALTER TABLE \"{database}\".orders DROP CONSTRAINT not_negative").await?;
            scene.quarantine(&["release"], 0).await?;
            let mut again = Stages::start(world, scene.task.as_ref(), &[scene.role])?;
            poll_until_equal(world, &mut again, &Scope::default(), LIMIT).await?;
            again.stop().await?;
            scene.stages.stop().await
        })?;
    }
    Ok(())
}

#[test]
fn what_is_refused_before_a_change_of_its_table_is_held_when_the_change_stops() -> TestResult {
    Ok(in_world("held_before", async |world| {
        let mut scene =
            Scene::start(world, Way::OneProcess, KEYS, "UPDATE orders SET note = 'first' WHERE id = 1").await?;
        scene.wait_until_equal().await?;
        scene.stages.stop().await?;
        // The task meets both at once.
        world
            .run_in_source("INSERT INTO orders VALUES (1000, -1, 'bad'); ALTER TABLE orders ADD COLUMN more INT")
            .await?;
        scene.stages = Stages::start(world, scene.task.as_ref(), &[scene.role])?;
        let printed = scene.stages.wait_for_failure(scene.role, LIMIT).await?;
        ensure!(printed.error.contains("is altered in the source, but 1 of its rows are held"), "{}", printed.error);
        let show = scene.quarantine(&["show", "{database}.orders"], 1).await?;
        ensure!(show.contains(" 1000 "), "{show}");
        scene.quarantine(&["drop", "{database}.orders", "1000"], 0).await?;
        world.run_in_source("UPDATE orders SET quantity = 1, more = 2 WHERE id = 1000").await?;
        scene.stages = Stages::start(world, scene.task.as_ref(), &[scene.role])?;
        scene.wait_until_equal().await?;
        scene.stages.stop().await
    })?)
}

#[test]
fn what_is_held_of_a_table_that_is_loaded_anew_does_not_stop_it() -> TestResult {
    for (name, way) in [("held_anew", Way::Staged), ("held_anew_run", Way::OneProcess)] {
        in_world(name, async |world| {
            let mut scene =
                Scene::start(world, way, KEYS, "UPDATE orders SET quantity = -1 WHERE id IN (5, 150)").await?;
            scene.wait_for_held(2).await?;
            // The keys of its rows after a narrower type are not known.
            world.run_in_source("ALTER TABLE orders MODIFY id SMALLINT").await?;
            let loaded = "SELECT count(*), pg_typeof(max(id)) FROM \"{database}\".orders";
            scene.wait_for(loaded, &["248,smallint"]).await?;
            // They are refused again.
            scene.wait_for_held(2).await?;
            world.run_in_destination("ALTER TABLE \"{database}\".orders DROP CONSTRAINT not_negative").await?;
            scene.quarantine(&["release"], 0).await?;
            scene.wait_until_equal().await?;
            scene.stages.stop().await
        })?;
    }
    Ok(())
}

#[test]
fn a_task_is_not_complete_while_rows_are_held() -> TestResult {
    for (name, way) in [("held_full", Way::Staged), ("held_full_run", Way::OneProcess)] {
        in_world(name, async |world| {
            let keys = KEYS.replace(", \"incremental\"", "");
            let mut scene = Scene::start(world, way, &keys, "UPDATE orders SET quantity = -1 WHERE id = 5").await?;
            let printed = scene.stages.wait_for_failure(scene.role, LIMIT).await?;
            ensure!(printed.error.contains("1 rows of") && printed.error.contains("are held"), "{}", printed.error);
            world.run_in_destination("ALTER TABLE \"{database}\".orders DROP CONSTRAINT not_negative").await?;
            scene.quarantine(&["release"], 0).await?;
            scene.stages.wait_for_success(LIMIT).await?;
            let stages = Stages::start(world, scene.task.as_ref(), &[scene.role])?;
            stages.wait_for_success(LIMIT).await?;
            let (mut source, destination) = (world.connect_mysql().await?, world.connect_postgres().await?);
            let difference = Scope::default().difference(world, &mut source, &destination).await?;
            ensure!(difference.is_none(), "completed, but not equal: {}", difference.unwrap_or_default());
            Ok(())
        })?;
    }
    Ok(())
}
