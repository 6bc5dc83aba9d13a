//! Another server takes over: two MySQL servers, one the replica of the other, and a third that has nothing of theirs and is
//! asked before the replica. What the destination is compared with is the replica, which has what the first server had.
//! A replica that keeps something from its own binlog is refused, whether the task begins there or would go on there.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use millrace_e2e::{
    LIMIT, Printed, Role, Scope, Stages, TestResult, World, in_world_at, poll_until_equal, printed_failure,
};
use millrace_testkit::{OwnServer, Server, Servers, StageCommand, built_binary, poll_until, run_script};

/// The first server and its replica.
struct Pair {
    first: OwnServer,
    replica: OwnServer,
}

impl Pair {
    /// With these options of the first server and of the replica.
    fn start(first: &str, replica: &str) -> Result<Self> {
        let first = OwnServer::start(Server::Mysql, &format!("--server-id=11 {first}"))?;
        Ok(Self { first, replica: OwnServer::start(Server::Mysql, &format!("--server-id=12 {replica}"))? })
    }

    /// Runs a script in the first server.
    async fn run(&self, world: &World, script: &str) -> Result<()> {
        let mut connection = self.first.among_servers()?.connect_mysql().await?;
        run_script(&mut connection, &world.fill(script)).await?;
        Ok(connection.disconnect().await?)
    }

    /// Makes the second server the replica of the first.
    async fn replicate(&self, world: &World) -> Result<()> {
        let url = self.first.url()?;
        let port = url.rsplit(':').next().context("the address has no port")?;
        world
            .run_in_source(&format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, SOURCE_USER = 'root', \
                 SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1; START REPLICA"
            ))
            .await
    }
}

/// The rows of the destination's table.
async fn wait_for_rows(world: &World, stages: &mut Stages, rows: usize) -> Result<()> {
    let destination = world.connect_postgres().await?;
    let sql = format!("SELECT FROM \"{}\".t", world.name);
    poll_until(LIMIT, &format!("{rows} rows in the destination"), async || {
        stages.ensure_running()?;
        Ok(destination.query(&sql, &[]).await.is_ok_and(|found| found.len() == rows))
    })
    .await
}

#[test]
fn another_server_takes_over() -> TestResult {
    let pair = Pair::start("", "")?;
    let servers: Servers = pair.replica.among_servers()?;
    in_world_at(servers, "failover", async |world| {
        pair.replicate(world).await?;
        // The replica has the database already: it is the world's.
        pair.run(
            world,
            "CREATE DATABASE IF NOT EXISTS `{database}`; USE `{database}`; CREATE TABLE t (id INT PRIMARY KEY)",
        )
        .await?;
        pair.run(world, "INSERT INTO `{database}`.t VALUES (1), (2)").await?;
        let stranger = OwnServer::start(Server::Mysql, "--server-id=13")?;
        let failover = format!("source.failover = [\"{}\", \"{}\"]", stranger.url()?, pair.replica.url()?);
        let task = world.task_file().with_source(&pair.first.url()?)?.with(&failover)?.write()?;
        let mut stages = Stages::start(world, &task, &Role::ALL)?;
        wait_for_rows(world, &mut stages, 2).await?;
        pair.run(world, "INSERT INTO `{database}`.t VALUES (3)").await?;
        wait_for_rows(world, &mut stages, 3).await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("from the first server")?;

        pair.first.stop()?;
        world.run_in_source("STOP REPLICA; INSERT INTO t VALUES (4); DELETE FROM t WHERE id = 1").await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("from the replica")?;

        // The first server is back, without what was written since: the task stays where it is.
        pair.first.restart()?;
        stages.kill_and_restart(0)?;
        world.run_in_source("INSERT INTO t VALUES (5)").await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("after a restart")?;

        // Nor does it go back to it when the replica is lost.
        pair.replica.stop()?;
        let printed = stages.wait_for_failure(Role::Capture, LIMIT).await?;
        pair.replica.restart()?;
        ensure!(printed.error.contains("lacks transactions that were read from server"), "{printed:?}");
        ensure!(printed.hint.contains("start a new task under another name"), "{printed:?}");
        for server in [&pair.first, &stranger, &pair.replica] {
            let url = server.url()?;
            let port = url.rsplit(':').next().context("the address has no port")?;
            ensure!(printed.error.contains(&format!(":{port}\"")), "{url} is not named: {printed:?}");
        }
        stages.stop().await
    })?;
    Ok(())
}

/// Starts capture, with a log of this name, and gives what it prints when it is refused.
async fn refused(task: &Path, log: &str) -> Result<Printed> {
    let capture = StageCommand::new(built_binary("millrace-capture")?)
        .argument("--task")
        .argument(task)
        .argument("--log-format")
        .argument("json");
    let mut capture = capture.spawn(&task.with_file_name(log))?;
    let status = capture.wait(LIMIT).await?;
    ensure!(!status.success(), "it was not refused: {}", capture.log_end());
    printed_failure(&capture.log()?)
}

/// The result of a check of the task: the word before its name.
fn checked(task: &Path, name: &str) -> Result<String> {
    let output = Command::new(built_binary("millrace")?).arg("check").arg(task).output()?;
    let printed = String::from_utf8(output.stdout)?;
    let mut words = printed.lines().map(|line| line.split_whitespace());
    let result = words.find_map(|mut words| words.next().filter(|_| words.next() == Some(name)));
    Ok(result.with_context(|| format!("no {name} in {printed}"))?.to_owned())
}

#[test]
fn a_server_that_does_not_log_everything_is_refused() -> TestResult {
    let pair = Pair::start("", "--log-replica-updates=OFF --binlog-ignore-db=unlogged")?;
    let servers: Servers = pair.replica.among_servers()?;
    in_world_at(servers, "unlogged", async |world| {
        pair.replicate(world).await?;
        pair.run(
            world,
            "CREATE DATABASE IF NOT EXISTS `{database}`; CREATE TABLE `{database}`.t (id INT PRIMARY KEY); \
             INSERT INTO `{database}`.t VALUES (1), (2)",
        )
        .await?;
        let failover = format!("source.failover = [\"{}\"]", pair.replica.url()?);
        let task = world.task_file().with_source(&pair.first.url()?)?.with(&failover)?.write()?;
        let mut stages = Stages::start(world, &task, &Role::ALL)?;
        wait_for_rows(world, &mut stages, 2).await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("from the first server")?;
        stages.stop().await?;

        // What the replica still gets would be lost: it does not take over, nor does a task begin there.
        pair.first.stop()?;
        let printed = refused(&task, "takes_over.log").await?;
        let replica = pair.replica.url()?.replace("mysql://root@", "");
        ensure!(printed.error.contains(&format!("\"{replica}\": the source cannot be read")), "{printed:?}");
        ensure!(printed.error.contains("(replicated_changes_logged)"), "{printed:?}");
        let begins = world.task_file().with("name = \"{database}_begins\"")?.write()?;
        let printed = refused(&begins, "begins.log").await?;
        ensure!(printed.error.contains("log_replica_updates = OFF"), "{printed:?}");
        ensure!(printed.hint.contains("log_replica_updates = ON"), "{printed:?}");
        ensure!(checked(&begins, "replicated_changes_logged")? == "BLOCKS");

        // Promoted, it gets nothing any more that it does not log.
        world.run_in_source("STOP REPLICA; RESET REPLICA ALL; INSERT INTO t VALUES (3)").await?;
        ensure!(checked(&begins, "replicated_changes_logged")? == "ok");
        ensure!(checked(&begins, "binlog_filters")? == "warning");
        let task = world.task_file().with_source(&pair.first.url()?)?.with(&failover)?.write()?;
        let mut stages = Stages::start(world, &task, &Role::ALL)?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("from the promoted replica")?;
        stages.stop().await?;

        world.run_in_source("CREATE DATABASE unlogged; CREATE TABLE unlogged.t (id INT PRIMARY KEY)").await?;
        let filtered = "name = \"{database}_filtered\"\nobjects = [{ table = \"unlogged.*\" }]";
        let filtered = world.task_file().with(filtered)?.write()?;
        ensure!(checked(&filtered, "binlog_filters")? == "BLOCKS");
        let printed = refused(&filtered, "filtered.log").await?;
        ensure!(printed.error.contains("binlog_ignore_db = unlogged"), "{printed:?}");
        ensure!(printed.error.contains("\"unlogged\" are not in the binlog (binlog_filters)"), "{printed:?}");
        Ok(())
    })?;
    Ok(())
}

/// What foreign keys change by themselves at a server that does not log it is in no binlog, whatever a replica logs of its own.
#[test]
fn a_replica_logs_only_the_cascades_that_its_source_logs() -> TestResult {
    let pair = Pair::start("--loose-innodb-native-foreign-keys=ON", "")?;
    in_world_at(pair.replica.among_servers()?, "cascades", async |world| {
        pair.replicate(world).await?;
        pair.run(
            world,
            "CREATE DATABASE IF NOT EXISTS `{database}`; USE `{database}`; CREATE TABLE t (id INT PRIMARY KEY); \
             CREATE TABLE child (id INT PRIMARY KEY, t INT, CONSTRAINT of_t FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE); \
             INSERT INTO child VALUES (9, NULL); INSERT INTO t VALUES (1), (2); INSERT INTO child VALUES (10, 1)",
        )
        .await?;
        let failover = format!("source.failover = [\"{}\"]", pair.first.url()?);
        let task = world.task_file().with(&failover)?.write()?;
        let mut stages = Stages::start(world, &task, &Role::ALL)?;
        wait_for_rows(world, &mut stages, 2).await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("from the replica")?;
        ensure!(checked(&task, "foreign_key_cascades")? == "warning");

        // The servers are the oracle: the row is gone at both, and no binlog says so.
        pair.run(world, "DELETE FROM `{database}`.t WHERE id = 1").await?;
        wait_for_rows(world, &mut stages, 1).await?;
        let destination = world.connect_postgres().await?;
        let sql = world.fill("SELECT count(*) FROM \"{database}\".child WHERE id = 10");
        let left: i64 = destination.query_one(&sql, &[]).await?.get(0);
        ensure!(left == 1, "the replica logs the cascades of its source");
        stages.stop().await?;

        // Nor does the first server take over, of which it is known.
        pair.replica.stop()?;
        let printed = refused(&task, "takes_over.log").await?;
        pair.replica.restart()?;
        ensure!(printed.error.contains(".child\" (by \"of_t\") (foreign_key_cascades)"), "{printed:?}");

        // Promoted, the replica logs all that it changes.
        world.run_in_source("STOP REPLICA; RESET REPLICA ALL").await?;
        ensure!(checked(&task, "foreign_key_cascades")? == "ok");
        Ok(())
    })?;
    Ok(())
}
