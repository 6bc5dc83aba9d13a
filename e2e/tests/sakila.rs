//! MySQL's sample database sakila moves exactly, loaded before the start and written while the task runs.
//!
//! Its two files are not part of this repository; they are expected in `../shared/data` beside the checkout, or in the
//! folder that MILLRACE_SAKILA names.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TestResult, World, in_world, poll_until_equal};
use millrace_testkit::load_dump;
use mysql_async::prelude::Queryable;

/// Base tables of sakila.
const TABLES: usize = 16;

/// Rows with a geometry, all with one.
const LOCATIONS: i64 = 603;

/// Rows in all of them.
const ROWS: u64 = 47_273;

/// The two scripts: schema and data. None, after saying so, where they are not there.
fn scripts(test: &str) -> Result<Option<(String, String)>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var("MILLRACE_SAKILA").map_or(beside, PathBuf::from);
    let (schema, data) = (folder.join("sakila-schema.sql"), folder.join("sakila-data.sql"));
    if !schema.is_file() || !data.is_file() {
        eprintln!("SKIPPED {test}: no sakila-schema.sql and sakila-data.sql in \"{}\"", folder.display());
        return Ok(None);
    }
    Ok(Some((std::fs::read_to_string(schema)?, std::fs::read_to_string(data)?)))
}

async fn load(world: &World, script: &str) -> Result<()> {
    let mut connection = world.connect_mysql().await?;
    load_dump(&mut connection, script, "sakila", &world.name).await?;
    Ok(connection.disconnect().await?)
}

async fn ensure_all_moved(world: &World, stages: &mut Stages) -> Result<()> {
    poll_until_equal(world, stages, &Scope::default(), LIMIT).await?;
    let mut source = world.connect_mysql().await?;
    let sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_type = 'BASE TABLE'";
    let tables: Vec<String> = source.exec(sql, (&world.name,)).await?;
    ensure!(tables.len() == TABLES, "sakila has {} tables", tables.len());
    let mut rows = 0;
    for table in tables {
        let count: Option<u64> = source.query_first(format!("SELECT count(*) FROM `{table}`")).await?;
        rows += count.context("count(*) gave no row")?;
    }
    ensure!(rows == ROWS, "sakila has {rows} rows");
    ensure_geometry_moved(world).await?;
    Ok(source.disconnect().await?)
}

/// The equality says that its values are the same; here that it is not left out: a SRID, and a point in WKB.
async fn ensure_geometry_moved(world: &World) -> Result<()> {
    let sql = format!("SELECT count(*) FROM \"{}\".address WHERE octet_length(location) = 25", world.name);
    let found: i64 = world.connect_postgres().await?.query_one(&sql, &[]).await?.get(0);
    ensure!(found == LOCATIONS, "{found} rows have their location");
    Ok(())
}

#[test]
fn sakila_loaded_before_the_start() -> TestResult {
    let Some((schema, data)) = scripts("sakila_loaded_before_the_start")? else { return Ok(()) };
    Ok(in_world("sakila_before", async |world| {
        load(world, &schema).await?;
        load(world, &data).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        ensure_all_moved(world, &mut stages).await?;
        stages.stop().await
    })?)
}

#[test]
fn sakila_written_while_the_task_runs() -> TestResult {
    let Some((schema, data)) = scripts("sakila_written_while_the_task_runs")? else { return Ok(()) };
    Ok(in_world("sakila_live", async |world| {
        load(world, &schema).await?;
        let mut stages = Stages::start(world, &world.task_file().write()?, &Role::ALL)?;
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("the empty tables")?;
        load(world, &data).await?;
        ensure_all_moved(world, &mut stages).await?;
        stages.stop().await
    })?)
}
