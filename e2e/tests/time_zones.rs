//! An instant is the same instant whatever the time zones of server, session, machine and destination, also where a local
//! time comes twice or never; a date without a zone is the same text.

use anyhow::{Context, Result};
use millrace_e2e::{GlobalVariable, LIMIT, Role, Scope, Stages, TestResult, World, in_world_alone, poll_until_equal};

/// New Zealand and the eastern United States, each with its daylight saving, as POSIX writes zones.
const MACHINE: &str = "NZST-12NZDT,M9.5.0,M4.1.0/3";
const DESTINATION: &str = "EST5EDT,M3.2.0,M11.1.0";

/// Seconds since 1970: the first and the last instant of a TIMESTAMP; around the hours that come twice or never in either
/// zone in 2024; and one of each time of the year.
const INSTANTS: [&str; 12] = [
    "1",
    "2147483647.999999",
    "1710053999.999999",
    "1710054000",
    "1730611800",
    "1730615400",
    "1727531999.5",
    "1727532000",
    "1712410200",
    "1712413800",
    "1704067200.000001",
    "1720000000.123456",
];

/// Local times that some zone does not have, or has twice.
const LOCAL: [&str; 4] =
    ["2024-03-10 02:30:00", "2024-11-03 01:30:00.5", "2024-09-29 02:30:00", "9999-12-31 23:59:59.999999"];

fn table() -> String {
    let columns: Vec<String> = (0..=6).map(|f| format!("i{f} TIMESTAMP({f}) NULL, l{f} DATETIME({f})")).collect();
    format!(
        "CREATE TABLE t (id INT PRIMARY KEY, {}, made TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) \
         ON UPDATE CURRENT_TIMESTAMP(6), d DATE, y YEAR);",
        columns.join(", ")
    )
}

/// Rows from `first` on, written by a session of the zone.
fn rows(zone: &str, first: usize) -> String {
    let mut script = format!("SET SESSION sql_mode = 'TIME_TRUNCATE_FRACTIONAL', time_zone = '{zone}';\n");
    for (nth, instant) in INSTANTS.iter().enumerate() {
        let local = LOCAL[nth % LOCAL.len()];
        let values: Vec<String> =
            (0..=6).map(|f| format!("FROM_UNIXTIME(TRUNCATE({instant}, {f})), '{local}'")).collect();
        let id = first + nth;
        script.push_str(&format!(
            "INSERT IGNORE INTO t VALUES ({id}, {}, DEFAULT, '2024-03-10', 1970);\n",
            values.join(", ")
        ));
    }
    script
}

async fn move_instants(world: &World, roles: &[Role], without_kafka: bool) -> Result<()> {
    world.run_in_destination(&format!("ALTER DATABASE \"{{database}}\" SET timezone = '{DESTINATION}'")).await?;
    world.run_in_source(&table()).await?;
    world.run_in_source(&rows("-11:30", 0)).await?;
    world.run_in_source(&rows("+14:00", 100)).await?;
    let task = world.task_file();
    let task = if without_kafka { task.without_kafka() } else { task }.write()?;
    let mut stages = Stages::start_in_zone(world, &task, roles, Some(MACHINE))?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("the full load")?;
    world.run_in_source(&rows("+05:30", 200)).await?;
    world.run_in_source(&rows("SYSTEM", 300)).await?;
    world.run_in_source("SET SESSION time_zone = '-03:00'; UPDATE t SET d = '0001-01-01' WHERE id % 3 = 0").await?;
    world.run_in_source("DELETE FROM t WHERE id % 5 = 0").await?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("the changes")?;
    let destination = world.connect_postgres().await?;
    // Not by way of the comparison: the instant itself.
    let sql = format!(
        "SELECT count(*) FROM \"{}\".t WHERE id % 100 = 1 AND extract(epoch FROM i6) = 2147483647.999999",
        world.name
    );
    let found: i64 = destination.query_one(&sql, &[]).await?.get(0);
    anyhow::ensure!(found == 4, "{found} rows have the last instant");
    stages.stop().await
}

#[test]
fn instants_are_the_same_in_all_time_zones() -> TestResult {
    let zone = GlobalVariable { name: "time_zone", value: "'-08:00'" };
    Ok(zone.with(|| {
        in_world_alone("zones", async |world| move_instants(world, &Role::ALL, false).await)?;
        in_world_alone("zones_one", async |world| move_instants(world, &[Role::Run], true).await)
    })?)
}
