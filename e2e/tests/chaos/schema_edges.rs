//! The apply that carries out a schema change dies, or loses its connection, at each edge of it, while another apply stands
//! at the same barrier. The edges are in the network (ADR 0020).

use anyhow::{Context, Result, ensure};
use millrace_e2e::{Ground, LIMIT, Role, Scope, Stages, TestResult, Way, World, on_own_ground, poll_until_equal};
use millrace_testkit::{Moment, Server, Trap, poll_until};

/// One capture and one transform; two applies, one of which carries out the change.
const ROLES: [Role; 4] = [Role::Capture, Role::Transform, Role::Apply, Role::Apply];

/// COMMIT as one message of PostgreSQL's protocol: Q, its length, the text.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

const JOURNAL: &[u8] = b"INSERT INTO millrace.journal";

/// What becomes of the apply that was caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Killed,
    /// Its connection breaks.
    CutOff,
}

/// Its rows are copied, each of them checked.
const FILL: &[u8] = b"EXCEPTION WHEN data_exception";

/// The new table takes the place of the old one.
const SWAP: &[u8] = b"DROP TABLE";

const LOCK: &[u8] = b"LOCK TABLE";

/// A request, one that is before it in the transaction, and what happens at it.
type Edge = (&'static [u8], Option<&'static [u8]>, Moment, Fate);

/// The requests of a schema change that writes all rows anew, in order, each with one that is before it in the transaction.
/// Before a request is after the answer to the one before.
const EDGES: [Edge; 11] = [
    (b"INSERT INTO millrace.arrival", None, Moment::BeforeAnswer, Fate::CutOff),
    (LOCK, None, Moment::BeforeRequest, Fate::Killed),
    (FILL, Some(LOCK), Moment::BeforeRequest, Fate::CutOff),
    (FILL, Some(LOCK), Moment::BeforeAnswer, Fate::Killed),
    (SWAP, Some(LOCK), Moment::BeforeRequest, Fate::Killed),
    (SWAP, Some(LOCK), Moment::BeforeAnswer, Fate::CutOff),
    (JOURNAL, Some(LOCK), Moment::BeforeRequest, Fate::Killed),
    (COMMIT, Some(JOURNAL), Moment::BeforeRequest, Fate::CutOff),
    (COMMIT, Some(JOURNAL), Moment::BeforeAnswer, Fate::CutOff),
    (COMMIT, Some(JOURNAL), Moment::BeforeRequest, Fate::Killed),
    (COMMIT, Some(JOURNAL), Moment::BeforeAnswer, Fate::Killed),
];

#[test]
fn a_crash_and_a_lost_answer_at_each_edge_of_a_schema_change() -> TestResult {
    Ok(on_own_ground("edges_ddl", Way::Staged, async |world, ground| cross(world, ground).await)?)
}

/// Changes a column's type there and back, and is caught at an edge of each change.
async fn cross(world: &World, ground: &Ground) -> Result<()> {
    world
        .run_in_source(
            "CREATE TABLE t (id INT PRIMARY KEY, c INT NOT NULL COMMENT 'kept', KEY by_c (c));
             INSERT INTO t WITH RECURSIVE number AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM number WHERE n < 900)
             SELECT n, n * 7 FROM number",
        )
        .await?;
    let mut stages = Stages::start(world, &ground.task_file(world)?.write()?, &ROLES)?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("after the load")?;
    for (number, (has, after, moment, fate)) in EDGES.into_iter().enumerate() {
        let trap = Trap { kind: None, after: after.map(<[u8]>::to_vec), has: has.to_vec(), moment };
        let what = format!("{fate:?} {moment:?} of {}", String::from_utf8_lossy(has));
        both_write(world, &mut stages).await.with_context(|| what.clone())?;
        let caught = cross_one(world, ground, &mut stages, &trap, (number, fate)).await;
        caught.with_context(|| what.clone())?;
        poll_until_equal_and_running(world, &mut stages).await.with_context(|| format!("after {what}"))?;
    }
    stages.stop().await
}

/// Waits until each of the two applies owns partitions.
async fn both_write(world: &World, stages: &mut Stages) -> Result<()> {
    let destination = world.connect_postgres().await?;
    let sql = "SELECT count(DISTINCT o.pid) FROM millrace.owner o JOIN pg_stat_activity a ON a.pid = o.pid";
    poll_until(LIMIT, "two applies that write", async || {
        stages.restart_ended().await?;
        Ok(destination.query_one(sql, &[]).await?.get::<_, i64>(0) == 2)
    })
    .await
}

async fn cross_one(
    world: &World,
    ground: &Ground,
    stages: &mut Stages,
    trap: &Trap,
    (number, fate): (usize, Fate),
) -> Result<()> {
    let proxy = ground.proxy(Server::Postgres);
    proxy.set(trap.clone());
    let ty = if number.is_multiple_of(2) { "VARCHAR(20)" } else { "INT" };
    world
        .run_in_source(&format!(
            "UPDATE t SET c = c + 1 WHERE id < 10; ALTER TABLE t MODIFY c {ty} NOT NULL COMMENT 'kept';
             UPDATE t SET c = c + 1 WHERE id > 890; INSERT INTO t VALUES ({}, 5)",
            1_000 + number
        ))
        .await?;
    poll_until(LIMIT, "the edge to be reached", async || {
        stages.restart_ended().await?;
        Ok(proxy.has_caught(trap))
    })
    .await?;
    if fate == Fate::Killed {
        let port = proxy.caught_from(trap).context("nothing was caught")?;
        let process = stages.with_port(port)?.context("no stage has the connection that was caught")?;
        ensure!(stages.roles()[process] == Role::Apply, "another stage than apply was caught");
        stages.kill(process)?;
    }
    proxy.spring();
    Ok(())
}

/// The rows are equal, and so are types, comments and indexes.
async fn poll_until_equal_and_running(world: &World, stages: &mut Stages) -> Result<()> {
    poll_until(LIMIT, "stages that run", async || Ok(stages.restart_ended().await?.is_empty())).await?;
    poll_until_equal(world, stages, &Scope::default(), LIMIT).await?;
    let mut source = world.connect_mysql().await?;
    let sql = "SELECT IF(data_type = 'int', 'integer', 'character varying(20)') FROM information_schema.columns \
               WHERE table_schema = ? AND column_name = 'c'";
    let expected: Option<String> =
        mysql_async::prelude::Queryable::exec_first(&mut source, sql, (&world.name,)).await?;
    source.disconnect().await?;
    let sql = "SELECT format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum), \
               (SELECT count(*) FROM pg_index i WHERE i.indrelid = a.attrelid) \
               FROM pg_attribute a WHERE a.attrelid = ($1::text || '.t')::regclass AND a.attname = 'c'";
    let row = world.connect_postgres().await?.query_one(sql, &[&world.name]).await?;
    let found: (String, Option<String>, i64) = (row.get(0), row.get(1), row.get(2));
    ensure!(found == (expected.unwrap_or_default(), Some("kept".to_owned()), 2), "the column is {found:?}");
    Ok(())
}
