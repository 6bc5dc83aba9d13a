//! Another server takes over: two MySQL servers, one the replica of the other, and a third that has nothing of theirs and is
//! asked before the replica. What the destination is compared with is the replica, which has what the first server had.

use anyhow::{Context, Result, ensure};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TestResult, World, in_world_at, poll_until_equal};
use millrace_testkit::{OwnServer, Server, Servers, poll_until, run_script};

/// The first server and its replica.
struct Pair {
    first: OwnServer,
    replica: OwnServer,
}

impl Pair {
    fn start() -> Result<Self> {
        let first = OwnServer::start(Server::Mysql, "--server-id=11")?;
        Ok(Self { first, replica: OwnServer::start(Server::Mysql, "--server-id=12")? })
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
    let pair = Pair::start()?;
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
