//! The exit codes of docs/commands.md against real servers: 4 here; 0, 1 and 3 are in the tests of the commands and of
//! every failure in `e2e`, 2 in `usage`.

use std::time::Duration;

use anyhow::Result;
use millrace_testkit::poll_until;

use crate::world::{World, millrace};

const LIMIT: Duration = Duration::from_secs(60);

/// A destination that takes no more connections may take them later.
#[tokio::test]
async fn a_server_that_refuses_for_now_ends_with_four() -> Result<()> {
    let world = World::new("exit_full").await?;
    let role = world.name.clone();
    world.postgres(&format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT 0")).await?;
    let task = world.whole_task()?;
    let text = std::fs::read_to_string(&task)?;
    std::fs::write(&task, text.replace("postgres://postgres@", &format!("postgres://{role}@")))?;
    let ended = millrace(&["plan", &task])?;
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.err.contains("too many connections") && ended.err.contains("CONNECTION LIMIT"), "{ended:?}");
    assert!(ended.err.starts_with("error: ") && ended.err.contains("\nhint: "), "{ended:?}");

    world.postgres(&format!("ALTER ROLE {role} CONNECTION LIMIT -1")).await?;
    let ended = millrace(&["plan", &task])?;
    assert_eq!(ended.code, 0, "{ended:?}");
    // The server may not have ended the plan's session yet; that does not keep the role.
    world.postgres(&format!("DROP ROLE {role}")).await?;
    world.remove().await
}

/// A port on which something else listens.
#[tokio::test]
async fn a_server_of_another_kind_ends_with_three() -> Result<()> {
    let world = World::new("exit_other").await?;
    let task = world.whole_task()?;
    let text = std::fs::read_to_string(&task)?;
    let (_, address) = world.servers.mysql.rsplit_once('@').unwrap();
    let url = format!("postgres://u:secret@{address}/d");
    std::fs::write(&task, text.replace(&world.servers.postgres, &url))?;
    let ended = millrace(&["plan", &task])?;
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.err.contains("does not speak PostgreSQL's protocol"), "{ended:?}");
    assert!(ended.err.contains("destination.url") && !ended.err.contains("secret"), "{ended:?}");
    world.remove().await
}

/// A table that somebody else locks is waited for, and then given up until somebody starts again.
#[tokio::test]
async fn a_lock_that_stays_ends_with_four() -> Result<()> {
    let world = World::new("exit_lock").await?;
    let name = world.name.clone();
    let task = world.embedded_task("phases = [\"schema\", \"full\"]")?;
    let moved = millrace(&["run", &task])?;
    assert_eq!(moved.code, 0, "{moved:?}");
    let holder = world.servers.connect_postgres().await?;
    holder.batch_execute(&format!("BEGIN; LOCK TABLE {name}.customers IN ACCESS SHARE MODE")).await?;
    let cut_over = ["cut-over", &task, "--execute", "--unchecked"];
    let ended = millrace(&cut_over)?;
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.err.contains("lock timeout") && ended.err.contains("\nhint: "), "{ended:?}");

    holder.batch_execute("ROLLBACK").await?;
    poll_until(LIMIT, "the lock is free and the cut-over made", async || Ok(millrace(&cut_over)?.code == 0)).await?;
    world.remove().await
}
