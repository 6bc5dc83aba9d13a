//! What befalls the log and the destination: what passes is retried, what has lost something stops the task and is named.

use anyhow::{Context, Result, ensure};
use millrace_e2e::{LIMIT, Printed, Role, Scope, Stages, TestResult, World, in_world, poll_until_equal};
use millrace_testkit::{append, create_topic, delete_messages, delete_topics, poll_until, set_partitions};

/// Partitions of the tests' topics.
const PARTITIONS: i32 = 3;

const TABLE: &str = "CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1);";

/// Runs the task until its rows are in the destination, and stops it.
async fn run_once(world: &World) -> Result<()> {
    world.run_in_source(TABLE).await?;
    let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
    stages.stop().await
}

/// What a stage prints when it fails.
async fn failure_of(world: &World, role: Role) -> Result<Printed> {
    Stages::start(world, &world.task_file().write()?, &[role])?.wait_for_failure(role, LIMIT).await
}

fn ensure_has(printed: &Printed, error: &[&str], hint: &str) -> Result<()> {
    let missing: Vec<&&str> = error.iter().filter(|part| !printed.error.contains(**part)).collect();
    ensure!(missing.is_empty(), "{missing:?} is not in: {}", printed.error);
    ensure!(printed.hint.contains(hint), "\"{hint}\" is not in: {}", printed.hint);
    Ok(())
}

fn topic(world: &World, name: &str) -> String {
    format!("{}.{name}", world.name)
}

#[test]
fn a_deleted_topic_stops_the_task() -> TestResult {
    Ok(in_world("topic_deleted", async |world| {
        run_once(world).await?;
        delete_topics(&world.servers.kafka, &topic(world, "transformed")).await?;
        // Capture alone makes topics; it knows that the task has run.
        let printed = failure_of(world, Role::Capture).await?;
        ensure_has(&printed, &[&topic(world, "transformed")], "start it anew under another name")
    })?)
}

#[test]
fn a_topic_that_was_made_anew_stops_the_task() -> TestResult {
    Ok(in_world("topic_anew", async |world| {
        run_once(world).await?;
        let captured = topic(world, "captured");
        delete_topics(&world.servers.kafka, &captured).await?;
        let (kafka, name) = (&world.servers.kafka, &captured);
        poll_until(LIMIT, "the topic's deletion", async || Ok(create_topic(kafka, name, PARTITIONS).await.is_ok()))
            .await?;
        let printed = failure_of(world, Role::Transform).await?;
        ensure_has(&printed, &[&captured], "start the task anew")
    })?)
}

#[test]
fn another_number_of_partitions_stops_every_stage() -> TestResult {
    Ok(in_world("more_partitions", async |world| {
        run_once(world).await?;
        for name in ["captured", "transformed"] {
            set_partitions(&world.servers.kafka, &topic(world, name), 5).await?;
        }
        for role in Role::ALL {
            let printed = failure_of(world, role).await?;
            ensure_has(&printed, &["3", "5"], "log.partitions").with_context(|| format!("{role:?}"))?;
        }
        Ok(())
    })?)
}

#[test]
fn retention_that_overtook_a_stage_stops_it() -> TestResult {
    Ok(in_world("retention", async |world| {
        run_once(world).await?;
        // What is captured while the others are down goes before they have read it.
        let capture = Stages::start(world, &world.task_file().write()?, &[Role::Capture])?;
        let before = count(world).await?;
        world.run_in_source("INSERT INTO t VALUES (2), (3), (4), (5), (6), (7), (8), (9)").await?;
        poll_until(LIMIT, "captured rows", async || Ok(count(world).await? > before + 3)).await?;
        capture.stop().await?;
        for partition in 0..PARTITIONS {
            delete_messages(&world.servers.kafka, &topic(world, "captured"), partition).await?;
        }
        let printed = failure_of(world, Role::Transform).await?;
        ensure_has(&printed, &[&topic(world, "captured"), "is not in the log"], "retention")
    })?)
}

/// Messages of the captured topic.
async fn count(world: &World) -> Result<usize> {
    let partitions = millrace_testkit::read_topic(&world.servers.kafka, &topic(world, "captured")).await?;
    Ok(partitions.iter().map(Vec::len).sum())
}

#[test]
fn a_foreign_message_stops_the_stage_that_reads_it() -> TestResult {
    Ok(in_world("foreign_message", async |world| {
        run_once(world).await?;
        for (name, role) in [("captured", Role::Transform), ("transformed", Role::Apply)] {
            append(&world.servers.kafka, &topic(world, name), 1, b"{\"not\": \"ours\"}").await?;
            let printed = failure_of(world, role).await?;
            ensure_has(&printed, &["format"], "").with_context(|| format!("{role:?}"))?;
        }
        Ok(())
    })?)
}

/// Errors of the destination that pass: a full disk, a deadlock, a lock that is not given, no memory.
const PASSING: [&str; 4] = ["53100", "40P01", "55P03", "53200"];

/// The destination refuses rows of the table with this SQLSTATE.
async fn refuse_rows(world: &World, state: &str) -> Result<()> {
    let script = format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON \"{{database}}\".t FOR EACH ROW EXECUTE FUNCTION refuse()"
    );
    world.run_in_destination(&script).await
}

#[test]
fn a_full_disk_a_deadlock_and_a_lock_timeout_are_retried() -> TestResult {
    Ok(in_world("passing_errors", async |world| {
        world.run_in_source(TABLE).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        for (number, state) in (2..).zip(PASSING) {
            refuse_rows(world, state).await?;
            world.run_in_source(&format!("INSERT INTO t VALUES ({number})")).await?;
            poll_until(LIMIT, "a retry", async || {
                stages.ensure_running()?;
                Ok(stages.output(Role::Apply)?.contains(state))
            })
            .await
            .context(state)?;
            world.run_in_destination("DROP FUNCTION refuse() CASCADE").await?;
            poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context(state)?;
        }
        stages.stop().await
    })?)
}

/// Each attempt begins anew and fails at the same row: that is one run of failures, whose window ends.
#[test]
fn failures_of_one_process_at_the_same_row_are_one_run() -> TestResult {
    Ok(in_world("same_row", async |world| {
        world.run_in_source(TABLE).await?;
        let mut stages = Stages::start(world, &world.task_file().without_kafka().write()?, &[Role::Run])?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        refuse_rows(world, "53100").await?;
        world.run_in_source("INSERT INTO t VALUES (2)").await?;
        poll_until(LIMIT, "a run of four failures", async || {
            stages.ensure_running()?;
            Ok(stages.output(Role::Run)?.contains("\"failures\":4"))
        })
        .await?;
        world.run_in_destination("DROP FUNCTION refuse() CASCADE").await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        stages.stop().await
    })?)
}

#[test]
fn a_destination_that_is_read_only_for_a_while_is_waited_for() -> TestResult {
    Ok(in_world("read_only", async |world| {
        world.run_in_source(TABLE).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        set_read_only(world, "on").await?;
        world.run_in_source("INSERT INTO t VALUES (2)").await?;
        poll_until(LIMIT, "a retry", async || {
            stages.ensure_running()?;
            Ok(stages.output(Role::Apply)?.contains("25006"))
        })
        .await?;
        set_read_only(world, "off").await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        stages.stop().await
    })?)
}

/// For sessions from now on; those that are there end.
async fn set_read_only(world: &World, value: &str) -> Result<()> {
    let administrator = world.servers.connect_postgres().await?;
    let database = &world.name;
    administrator
        .batch_execute(&format!("ALTER DATABASE \"{database}\" SET default_transaction_read_only = {value}"))
        .await?;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
    administrator.execute(end, &[database]).await?;
    Ok(())
}
