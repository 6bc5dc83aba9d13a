//! Each stage dies at each edge of what it commits, and each answer is lost once while the stage lives.
//!
//! The edges are in the network: a proxy catches the very request, before it arrives or before its answer does, and the
//! process is killed while it waits there. So nothing of it is in the product (ADR 0020). Before a request is after the
//! answer to the one before: together these are the edges between produce, acknowledgement, checkpoint, BEGIN, COPY,
//! progress, COMMIT and reply.

use anyhow::{Context, Result};
use millrace_e2e::{
    Ground, LIMIT, Role, Scope, Stages, TestResult, Way, World, Writers, on_own_ground, poll_until_equal,
};
use millrace_testkit::Moment::{BeforeAnswer, BeforeRequest};
use millrace_testkit::{Moment, Random, Server, Trap, poll_until};

/// Numbers of Kafka's requests (Kafka protocol guide, "Api Keys").
const PRODUCE: [u8; 2] = [0, 0];
const END_TXN: [u8; 2] = [0, 26];

/// COMMIT as one message of PostgreSQL's protocol: Q, its length, the text.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

const MOMENTS: [Moment; 2] = [BeforeRequest, BeforeAnswer];

/// What a stage is caught at, and the server that it talks to then.
struct Edge {
    role: Role,
    server: Server,
    trap: Trap,
}

/// Capture writes a step (rows and checkpoint) and ends its transaction.
fn capture_edges(world: &World) -> Vec<Edge> {
    let requests = [(PRODUCE, "captured"), (PRODUCE, "state"), (END_TXN, "capture")];
    let edge = |(kind, name): ([u8; 2], &str), moment| Edge {
        role: Role::Capture,
        server: Server::Kafka,
        trap: Trap { kind: Some(kind), after: None, has: format!("{}.{name}", world.name).into_bytes(), moment },
    };
    requests.into_iter().flat_map(|request| MOMENTS.map(|moment| edge(request, moment))).collect()
}

fn transform_edges(world: &World) -> Vec<Edge> {
    let has = format!("{}.transformed", world.name).into_bytes();
    let trap = |moment| Trap { kind: Some(PRODUCE), after: None, has: has.clone(), moment };
    MOMENTS.map(|moment| Edge { role: Role::Transform, server: Server::Kafka, trap: trap(moment) }).into()
}

/// Apply begins, deletes, copies, advances its progress, and commits.
fn destination_edges(role: Role) -> Vec<Edge> {
    let requests: [&[u8]; 6] =
        [b"START TRANSACTION", b"DELETE FROM", b"COPY ", b"INSERT INTO millrace.progress", b"SAVEPOINT", COMMIT];
    let edge = |has: &[u8], moment| Edge {
        role,
        server: Server::Postgres,
        trap: Trap { kind: None, after: None, has: has.to_vec(), moment },
    };
    requests.into_iter().flat_map(|request| MOMENTS.map(|moment| edge(request, moment))).collect()
}

/// What becomes of the process that was caught.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Killed,
    /// Its connection breaks.
    LosesTheAnswer,
}

#[test]
fn a_crash_at_each_edge_of_a_commit_to_the_log() -> TestResult {
    Ok(on_own_ground("edges_log", Way::Staged, async |world, ground| {
        let lanes = vec![capture_edges(world), transform_edges(world)];
        cross(world, ground, &Role::ALL, lanes, Fate::Killed).await
    })?)
}

#[test]
fn a_crash_at_each_edge_of_a_commit_to_the_destination() -> TestResult {
    Ok(on_own_ground("edges_commit", Way::OneProcess, async |world, ground| {
        cross(world, ground, &[Role::Run], vec![destination_edges(Role::Run)], Fate::Killed).await
    })?)
}

#[test]
fn each_answer_of_the_destination_is_lost() -> TestResult {
    Ok(on_own_ground("lost_answers", Way::Staged, async |world, ground| {
        let mut edges = destination_edges(Role::Apply);
        edges.retain(|edge| edge.trap.moment == BeforeAnswer);
        cross(world, ground, &Role::ALL, vec![edges, transform_edges(world)], Fate::LosesTheAnswer).await
    })?)
}

/// Crosses the edges of each lane one after the other, one of each lane at a time, while applications write.
async fn cross(world: &World, ground: &Ground, roles: &[Role], lanes: Vec<Vec<Edge>>, fate: Fate) -> Result<()> {
    let mut random = Random::of_test(&world.name);
    let task = ground.task_file(world)?;
    let task = if roles == [Role::Run] { task.without_kafka() } else { task };
    let writers = Writers::start(world, &mut random, 2).await?;
    let mut stages = Stages::start(world, &task.write()?, roles)?;
    let longest = lanes.iter().map(Vec::len).max().unwrap_or(0);
    for round in 0..longest {
        let edges: Vec<&Edge> = lanes.iter().filter_map(|lane| lane.get(round)).collect();
        edges.iter().for_each(|edge| ground.proxy(edge.server).set(edge.trap.clone()));
        for edge in edges {
            let what = format!("{:?} at {:?}", edge.role, edge.trap);
            let proxy = ground.proxy(edge.server);
            let caught = poll_until(LIMIT, &what, async || {
                stages.restart_ended().await?;
                Ok(proxy.has_caught(&edge.trap))
            });
            caught.await.context("the edge was not reached")?;
            if fate == Fate::Killed {
                let process = stages.roles().iter().position(|role| *role == edge.role);
                stages.kill(process.context("the stage was not started")?)?;
            }
            proxy.spring();
        }
    }
    let commits = writers.stop().await?;
    eprintln!("{}: {commits} transactions were committed", world.name);
    poll_until(LIMIT, "stages that run", async || Ok(stages.restart_ended().await?.is_empty())).await?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("after the writers stopped")?;
    stages.stop().await
}
