//! Distributed (XA) transactions: they arrive when they commit, whatever dies between PREPARE and COMMIT, and never after
//! a rollback. On servers of their own: a prepared transaction keeps every other task from its first start.

use anyhow::{Context, Result};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TestResult, World, in_world_at, poll_until_equal};
use millrace_testkit::{OwnServer, Server, run_script};

/// Its rows wait, more of them than one step takes.
const PREPARE_A: &str = "
    SET SESSION cte_max_recursion_depth = 100000;
    XA START 'a', 'branch', 3;
    INSERT INTO t WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
      SELECT i, CONCAT('a ', i) FROM n;
    DELETE FROM t WHERE id = -1;
    XA END 'a', 'branch', 3;
    XA PREPARE 'a', 'branch', 3;";

const PREPARE_B: &str = "
    XA START 'b'; INSERT INTO t VALUES (100001, 'b'); UPDATE t SET v = 'b' WHERE id = -2; XA END 'b'; XA PREPARE 'b';";

const PREPARE_C: &str = "
    XA START 'c'; INSERT INTO t VALUES (100002, 'c'); DELETE FROM t WHERE id = -3; XA END 'c'; XA PREPARE 'c';";

#[test]
fn distributed_transactions_with_gtids() -> TestResult {
    Ok(prepared_transactions_survive("xa_gtids", "")?)
}

#[test]
fn distributed_transactions_without_gtids() -> TestResult {
    Ok(prepared_transactions_survive("xa_places", "--gtid-mode=OFF --enforce-gtid-consistency=OFF")?)
}

/// Runs a script on a connection of its own, which ends: what it prepared is then the server's.
async fn session(world: &World, script: &str) -> Result<()> {
    let mut connection = world.connect_mysql().await?;
    run_script(&mut connection, script).await.with_context(|| script.to_owned())?;
    Ok(connection.disconnect().await?)
}

/// A row that arrives shows that everything before it in the binlog was read.
async fn mark(world: &World, stages: &mut Stages, row: i32) -> Result<()> {
    session(world, &format!("INSERT INTO t VALUES ({row}, 'mark')")).await?;
    poll_until_equal(world, stages, &Scope::default(), LIMIT).await.with_context(|| format!("mark {row}"))
}

fn prepared_transactions_survive(name: &str, options: &str) -> Result<()> {
    let own = OwnServer::start(Server::Mysql, options)?;
    in_world_at(own.among_servers()?, name, async |world| {
        let table = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)); \
                     INSERT INTO t VALUES (-1, 'x'), (-2, 'x'), (-3, 'x'), (-4, 'x');";
        session(world, table).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        mark(world, &mut stages, -10).await?;
        for prepare in [PREPARE_A, PREPARE_B, PREPARE_C] {
            session(world, prepare).await?;
        }
        mark(world, &mut stages, -11).await?;
        stages.kill_and_restart(0)?;
        mark(world, &mut stages, -12).await?;
        own.restart()?;
        mark(world, &mut stages, -13).await?;
        session(world, "XA COMMIT 'b'").await?;
        mark(world, &mut stages, -14).await?;
        stages.kill_and_restart(0)?;
        session(world, "XA ROLLBACK 'c'; XA COMMIT 'a', 'branch', 3;").await?;
        let one_phase = "XA START 'd'; UPDATE t SET v = 'd' WHERE id = -4; XA END 'd'; XA COMMIT 'd' ONE PHASE;";
        session(world, one_phase).await?;
        mark(world, &mut stages, -15).await?;
        stages.stop().await
    })
}
