//! A byte that changes on its way never reaches the destination: the binlog and the log's messages have checksums, and a
//! stage that finds one wrong begins again at its checkpoint. (Answers to SELECT and COPY have none: there TLS alone helps,
//! see `tls.rs`.)

use anyhow::{Context, Result};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TestResult, Way, World, on_own_ground, poll_until_equal};
use millrace_testkit::{Damage, Direction, Random, Server, Spot, poll_until, read_topic};

/// What a stage prints that finds a binlog event damaged, and one that finds a message so.
const NOTICED: [&str; 2] = ["its checksum does not fit", "gave a damaged message"];

/// A text that stands in no other row.
fn text(row: u32) -> String {
    format!("the text of row {row}, in which one byte is changed while it is on its way")
}

async fn write_row(world: &World, row: u32) -> Result<()> {
    world.run_in_source(&format!("INSERT INTO t VALUES ({row}, '{}')", text(row))).await
}

/// Waits until a topic has the row.
async fn poll_until_in(world: &World, topic: &str, row: u32) -> Result<()> {
    let (topic, text) = (format!("{}.{topic}", world.name), text(row).into_bytes());
    let has = |message: &Vec<u8>| message.windows(text.len()).any(|window| window == text);
    poll_until(LIMIT, &topic, async || Ok(read_topic(&world.servers.kafka, &topic).await?.iter().flatten().any(has)))
        .await
}

#[test]
fn a_byte_that_changes_on_its_way_is_noticed() -> TestResult {
    Ok(on_own_ground("damage", Way::Staged, async |world, ground| {
        let mut random = Random::of_test("damage");
        let (source, broker) = (ground.proxy(Server::Mysql), ground.proxy(Server::Kafka));
        let mut damage = |direction, row| Damage::new(direction, Spot::Text(text(row).into_bytes()), &mut random);
        let task = ground.task_file(world)?.with("log.options.'compression.type' = 'none'")?.write()?;
        let noticed = async |stages: &mut Stages, role, what| {
            poll_until(LIMIT, what, async || {
                stages.ensure_running()?;
                Ok(stages.output(role)?.contains(what))
            })
            .await
        };
        world.run_in_source("CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT); INSERT INTO t VALUES (0, 'x')").await?;
        let mut stages = Stages::start(world, &task, &Role::ALL)?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;

        source.damage(damage(Direction::ToClient, 1));
        write_row(world, 1).await?;
        noticed(&mut stages, Role::Capture, NOTICED[0]).await.context("from the source to capture")?;
        broker.damage(damage(Direction::ToServer, 2));
        write_row(world, 2).await?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("from capture to the broker")?;
        stages.stop().await?;

        let capture = Stages::start(world, &task, &[Role::Capture])?;
        write_row(world, 3).await?;
        poll_until_in(world, "captured", 3).await?;
        capture.stop().await?;
        broker.damage(damage(Direction::ToClient, 3));
        let mut transform = Stages::start(world, &task, &[Role::Transform])?;
        noticed(&mut transform, Role::Transform, NOTICED[1]).await.context("from the broker to transform")?;
        poll_until_in(world, "transformed", 3).await?;
        transform.stop().await?;

        broker.damage(damage(Direction::ToClient, 3));
        let mut apply = Stages::start(world, &task, &[Role::Apply])?;
        noticed(&mut apply, Role::Apply, NOTICED[1]).await.context("from the broker to apply")?;
        apply.stop().await?;

        let mut stages = Stages::start(world, &task, &Role::ALL)?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await?;
        anyhow::ensure!((source.damaged(), broker.damaged()) == (1, 3), "not all of it was damaged");
        stages.stop().await
    })?)
}
