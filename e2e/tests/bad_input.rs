//! What a user can get wrong: each gives one line that says what and where, one that says how to mend it, and exit code
//! 1; nothing is half-created in the destination.

use anyhow::{Result, ensure};
use millrace_e2e::{GlobalVariable, LIMIT, Printed, Role, Stages, TestResult, World, in_world, in_world_alone};
use millrace_testkit::{OwnServer, Server, topics_with_prefix};

/// A table with a row, in the world's database.
const TABLE: &str = "CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1);";

/// Starts one stage with these keys in the task file and gives what it prints when it fails.
async fn failure_of(world: &World, role: Role, keys: &str) -> Result<Printed> {
    let task = world.task_file().with(keys)?.write()?;
    Stages::start(world, &task, &[role])?.wait_for_failure(role, LIMIT).await
}

/// Ensures that a line has all these parts.
fn ensure_has(line: &str, parts: &[&str]) -> Result<()> {
    let missing: Vec<&&str> = parts.iter().filter(|part| !line.contains(**part)).collect();
    ensure!(missing.is_empty(), "{missing:?} is not in: {line}");
    Ok(())
}

/// Capture alone fails so, and leaves neither topics nor anything in the destination.
fn capture_refuses(name: &str, keys: &str, grants: Option<&[&str]>, error: &[&str], hint: &[&str]) -> Result<()> {
    in_world(name, async |world| refused_capture(world, keys, grants, error, hint).await)
}

async fn refused_capture(
    world: &World,
    keys: &str,
    grants: Option<&[&str]>,
    error: &[&str],
    hint: &[&str],
) -> Result<()> {
    world.run_in_source(TABLE).await?;
    let mut keys = keys.to_owned();
    if let Some(grants) = grants {
        let grants: Vec<String> = grants.iter().map(|grant| world.fill(grant)).collect();
        keys.push_str(&format!("\nsource.url = \"{}\"", world.create_account(&grants).await?));
    }
    let printed = failure_of(world, Role::Capture, &keys).await?;
    ensure_has(&printed.error, error)?;
    ensure_has(&printed.hint, hint)?;
    let topics = topics_with_prefix(&world.servers.kafka, &format!("{}.", world.name)).await?;
    ensure!(topics.is_empty(), "capture has made {topics:?}");
    world.ensure_destination_is_empty().await
}

/// A stage ends, with this reason, and leaves nothing in the destination.
fn is_unreachable(name: &str, role: Role, keys: &str, error: &[&str], hint: &[&str]) -> Result<()> {
    in_world(name, async |world| {
        world.run_in_source(TABLE).await?;
        let printed = failure_of(world, role, keys).await?;
        ensure_has(&printed.error, error)?;
        ensure_has(&printed.hint, hint)?;
        world.ensure_destination_is_empty().await
    })
}

#[test]
fn wrong_password_of_the_source() -> TestResult {
    Ok(in_world("bad_password", async |world| {
        world.run_in_source(TABLE).await?;
        let url = world.create_account(&["SELECT ON *.*".to_owned()]).await?.replace("p%40ss", "other");
        let printed = failure_of(world, Role::Capture, &format!("source.url = \"{url}\"")).await?;
        ensure_has(&printed.error, &["127.0.0.1", "refused user", "wrong user name or password"])?;
        ensure_has(&printed.hint, &["check user name and password"])?;
        ensure!(!printed.error.contains("other/w") && !printed.hint.contains("other/w"), "the password is printed");
        world.ensure_destination_is_empty().await
    })?)
}

#[test]
fn unknown_user_of_the_destination() -> TestResult {
    Ok(in_world("bad_destination_user", async |world| {
        let url = world.destination_url().replace("postgres://postgres@", "postgres://nobody_here:secret@");
        let printed = failure_of(world, Role::Apply, &format!("destination.url = \"{url}\"")).await?;
        ensure_has(&printed.error, &["nobody_here"])?;
        ensure_has(&printed.hint, &["destination.url"])?;
        ensure!(!printed.error.contains("secret"), "the password is printed");
        Ok(())
    })?)
}

#[test]
fn missing_database_of_the_destination() -> TestResult {
    Ok(in_world("bad_destination_database", async |world| {
        let url = format!("{}_missing", world.destination_url());
        let printed = failure_of(world, Role::Apply, &format!("destination.url = \"{url}\"")).await?;
        ensure_has(&printed.error, &["_missing", "does not exist"])?;
        ensure_has(&printed.hint, &["create the database", "destination.url"])?;
        Ok(())
    })?)
}

#[test]
fn source_that_is_not_there() -> TestResult {
    let keys = "source.url = \"mysql://root@127.0.0.1:1\"";
    let error = ["cannot reach the mysql server at", "127.0.0.1:1"];
    Ok(is_unreachable("no_source", Role::Capture, keys, &error, &["check host and port in source.url"])?)
}

#[test]
fn destination_that_is_not_there() -> TestResult {
    let keys = "destination.url = \"postgres://postgres@127.0.0.1:1/x\"";
    let error = ["cannot connect to the destination", "127.0.0.1:1"];
    Ok(is_unreachable("no_destination", Role::Apply, keys, &error, &["destination"])?)
}

#[test]
fn broker_that_is_not_there() -> TestResult {
    for (name, role) in [("no_broker_c", Role::Capture), ("no_broker_t", Role::Transform), ("no_broker_a", Role::Apply)]
    {
        let error = ["kafka at", "127.0.0.1:1"];
        is_unreachable(name, role, "log.kafka = \"127.0.0.1:1\"", &error, &["log.kafka"])?;
    }
    Ok(())
}

#[test]
fn missing_database_of_the_source() -> TestResult {
    let keys = "objects = [{ table = \"`{database}_missing`.*\" }]";
    Ok(capture_refuses(
        "no_database",
        keys,
        None,
        &["no table of the source is selected by", "_missing"],
        &["[[objects]]", "SELECT"],
    )?)
}

#[test]
fn missing_replication_privileges() -> TestResult {
    Ok(capture_refuses(
        "no_replication",
        "",
        Some(&["SELECT ON *.*"]),
        &["REPLICATION SLAVE, REPLICATION CLIENT missing"],
        &["GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO"],
    )?)
}

#[test]
fn names_that_need_quotes_where_none_are_used() -> TestResult {
    Ok(in_world("needs_quotes", async |world| {
        world.run_in_source("CREATE TABLE odd (id INT PRIMARY KEY, `Order Date` DATE)").await?;
        let (error, hint) = (["column \"Order Date\"", "has to be quoted"], ["\"order_date\""]);
        refused_capture(world, "schema.quote = \"never\"", None, &error, &hint).await
    })?)
}

#[test]
fn missing_select_privilege() -> TestResult {
    Ok(capture_refuses(
        "no_select",
        "",
        Some(&["REPLICATION SLAVE, REPLICATION CLIENT ON *.*"]),
        &["no table of the source is selected by", "or the account may not see any"],
        &["SELECT"],
    )?)
}

#[test]
fn missing_select_privilege_on_a_table_that_can_be_seen() -> TestResult {
    Ok(capture_refuses(
        "only_insert",
        "",
        Some(&["REPLICATION SLAVE, REPLICATION CLIENT ON *.*", "INSERT ON `{database}`.*"]),
        &["no SELECT on \"only_insert_"],
        &["GRANT SELECT ON"],
    )?)
}

#[test]
fn missing_create_privilege_in_the_destination() -> TestResult {
    Ok(in_world("no_create", async |world| {
        world.run_in_source(TABLE).await?;
        world.run_in_destination("CREATE ROLE \"{database}\" LOGIN").await?;
        let url = world.destination_url().replace("postgres://postgres@", &format!("postgres://{}@", world.name));
        let task = world.task_file().with(&format!("destination.url = \"{url}\""))?.write()?;
        let mut stages = Stages::start(world, &task, &Role::ALL)?;
        let printed = stages.wait_for_failure(Role::Apply, LIMIT).await;
        world.run_in_destination("DROP ROLE \"{database}\"").await?;
        let printed = printed?;
        ensure_has(&printed.error, &["may not create all schemas and tables", &world.name])?;
        let grant = format!("GRANT CREATE ON DATABASE \"{0}\" TO \"{0}\"", world.name);
        ensure_has(&printed.hint, &[&grant])?;
        stages.stop().await?;
        world.ensure_destination_is_empty().await
    })?)
}

fn with_variable(name: &'static str, value: &'static str, found: &str, mend: &str) -> Result<()> {
    GlobalVariable { name, value }
        .with(|| in_world_alone(name, async |world| refused_capture(world, "", None, &[found], &[mend]).await))
}

#[test]
fn row_images_that_are_not_full() -> TestResult {
    let found = "binlog_row_image = MINIMAL";
    Ok(with_variable("binlog_row_image", "'MINIMAL'", found, "SET GLOBAL binlog_row_image = 'FULL'")?)
}

#[test]
fn binlog_format_that_is_not_row() -> TestResult {
    let found = "binlog_format = STATEMENT";
    Ok(with_variable("binlog_format", "'STATEMENT'", found, "SET GLOBAL binlog_format = 'ROW'")?)
}

#[test]
fn unknown_key_in_the_task_file() -> TestResult {
    Ok(in_world("unknown_key", async |world| {
        for role in Role::ALL {
            let printed = failure_of(world, role, "full.chunk_row = 5").await?;
            ensure_has(&printed.error, &["task.toml:", "full.chunk_row", "unknown key"])?;
            ensure_has(&printed.hint, &["chunk_rows"])?;
        }
        world.ensure_destination_is_empty().await
    })?)
}

#[test]
fn table_that_exists_in_the_destination() -> TestResult {
    Ok(in_world("existing_table", async |world| {
        world.run_in_source("CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (id INT PRIMARY KEY);").await?;
        world.run_in_destination("CREATE SCHEMA \"{database}\"; CREATE TABLE \"{database}\".b (mine TEXT)").await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        let printed = stages.wait_for_failure(Role::Apply, LIMIT).await?;
        ensure_has(&printed.error, &[&format!("table \"{}.b\"", world.name), "already exists in the destination"])?;
        ensure_has(&printed.hint, &["drop or rename", "nothing was created"])?;
        stages.stop().await?;
        let destination = world.connect_postgres().await?;
        let sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = $1";
        let found: Vec<String> = destination.query(sql, &[&world.name]).await?.iter().map(|row| row.get(0)).collect();
        ensure!(found == ["b"], "the destination has the tables {found:?}");
        Ok(())
    })?)
}

/// Runs the task until its row is in the destination, and stops it.
async fn run_once(world: &World) -> Result<()> {
    world.run_in_source(TABLE).await?;
    let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
    millrace_e2e::poll_until_equal(world, &mut stages, &millrace_e2e::Scope::default(), LIMIT).await?;
    stages.stop().await
}

#[test]
fn changed_task_file() -> TestResult {
    Ok(in_world("changed_task", async |world| {
        run_once(world).await?;
        let keys = "objects = [{ table = \"`{database}`.*\", columns = { exclude = [\"x\"] } }]";
        for role in Role::ALL {
            let printed = failure_of(world, role, keys).await?;
            ensure_has(&printed.error, &["task file"])?;
            ensure_has(&printed.hint, &["cannot change while"])?;
        }
        Ok(())
    })?)
}

#[test]
fn another_partition_count() -> TestResult {
    Ok(in_world("other_partitions", async |world| {
        run_once(world).await?;
        for role in Role::ALL {
            let printed = failure_of(world, role, "log.partitions = 5").await?;
            ensure_has(&printed.error, &["3", "5"])?;
            ensure_has(&printed.hint, &["log.partitions", "cannot change"])?;
        }
        Ok(())
    })?)
}

#[test]
fn topics_with_data_of_another_task() -> TestResult {
    Ok(in_world("foreign_topics", async |world| {
        run_once(world).await?;
        let state = topics_with_prefix(&world.servers.kafka, &format!("{}.state", world.name)).await?;
        ensure!(state.len() == 1, "the state topic is not named as expected: {state:?}");
        millrace_testkit::delete_topics(&world.servers.kafka, &state[0]).await?;
        let printed = failure_of(world, Role::Capture, "").await?;
        ensure_has(&printed.error, &[&format!("topic \"{}.", world.name), "holds data", "no checkpoint"])?;
        ensure_has(&printed.hint, &["another name", "delete the topics"])?;
        Ok(())
    })?)
}

#[test]
fn second_task_of_the_same_name() -> TestResult {
    Ok(in_world("second_task", async |world| {
        run_once(world).await?;
        // As on another Kafka: the topics are new, the destination is the same.
        millrace_testkit::delete_topics(&world.servers.kafka, &format!("{}.", world.name)).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        let printed = stages.wait_for_failure(Role::Apply, LIMIT).await?;
        ensure_has(&printed.error, &["another task named", &world.name])?;
        ensure_has(&printed.hint, &["another name", "DELETE FROM millrace.task"])?;
        stages.stop().await
    })?)
}

#[test]
fn binlog_that_is_off() -> TestResult {
    let options = "--skip-log-bin --gtid-mode=OFF --enforce-gtid-consistency=OFF";
    let own = OwnServer::start(Server::Mysql, options)?;
    let keys = format!("source.url = \"{}\"", own.url()?);
    Ok(capture_refuses("binlog_off", &keys, None, &["log_bin = OFF"], &["set log_bin and server_id"])?)
}

#[test]
fn rules_that_contradict_each_other() -> TestResult {
    let keys =
        "objects = [{ table = \"`{database}`.a*\" }, { table = \"`{database}`.*b\", columns = { exclude = [\"x\"] } }]";
    Ok(in_world("ambiguous", async |world| {
        let printed = failure_of(world, Role::Capture, keys).await?;
        ensure_has(&printed.error, &["task.toml", "objects"])?;
        ensure!(!printed.hint.is_empty(), "there is no hint");
        Ok(())
    })?)
}
