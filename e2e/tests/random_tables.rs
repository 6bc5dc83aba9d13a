//! Random tables over all types and character sets move whole: as the full load reads them, and as the binlog has them
//! before and after each change, partly as changes of JSON documents. The values are those that PostgreSQL can hold too.
//! Cell by cell against the server itself, without a destination: `mysql/tests/binlog/matrix.rs`.

use std::path::Path;

use anyhow::{Context, Result};
use millrace_e2e::{LIMIT, Role, Scope, Stages, TestResult, World, in_world, poll_until_equal};
use millrace_testkit::Random;
use millrace_testkit::random_table::{Identity, Material, RandomTable, Realm};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

const TABLES: usize = 8;
const ROWS: usize = 12;

#[test]
fn random_tables_move_over_kafka() -> TestResult {
    Ok(in_world("random_tables", async |world| {
        let task = world.task_file().write()?;
        move_tables(world, &task, &Role::ALL, Random::of_test_or("random_tables_move_over_kafka", 11)).await
    })?)
}

#[test]
fn random_tables_move_in_one_process() -> TestResult {
    Ok(in_world("random_tables_one", async |world| {
        let task = world.task_file().without_kafka().write()?;
        move_tables(world, &task, &[Role::Run], Random::of_test_or("random_tables_move_in_one_process", 12)).await
    })?)
}

async fn move_tables(world: &World, task: &Path, roles: &[Role], mut random: Random) -> Result<()> {
    let mut source = world.connect_mysql().await?;
    let sql = "SELECT character_set_name FROM information_schema.character_sets \
               WHERE character_set_name <> 'binary' ORDER BY 1";
    let material = Material { realm: Realm::OfBothDatabases, charsets: source.query(sql).await? };
    source.query_drop("SET sql_mode = 'NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'").await?;
    let mut tables = Vec::new();
    for nth in 0..TABLES {
        let table = RandomTable::new(&mut random, &format!("t{nth}"), &material);
        let hidden = if table.identity == Identity::Generated { "ON" } else { "OFF" };
        source.query_drop(format!("SET sql_generate_invisible_primary_key = {hidden}")).await?;
        run(&mut source, &table.create()).await?;
        tables.push(table);
    }
    for table in &tables {
        insert(&mut source, &mut random, table, 0..ROWS / 2).await?;
    }
    let mut stages = Stages::start(world, task, roles)?;
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("the full load")?;
    for options in ["PARTIAL_JSON", ""] {
        source.query_drop(format!("SET binlog_row_value_options = '{options}'")).await?;
        for table in &tables {
            insert(&mut source, &mut random, table, ROWS / 2..ROWS).await?;
            for id in 0..ROWS {
                run(&mut source, &table.update(&mut random, id)).await?;
            }
            run(&mut source, &format!("DELETE FROM {} WHERE id % 4 = 3", table.name)).await?;
        }
        poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("the changes")?;
        for table in &tables {
            run(&mut source, &format!("DELETE FROM {} WHERE id >= {}", table.name, ROWS / 2)).await?;
        }
    }
    poll_until_equal(world, &mut stages, &Scope::default(), LIMIT).await.context("the deletes")?;
    source.disconnect().await?;
    stages.stop().await
}

async fn insert(
    source: &mut Conn,
    random: &mut Random,
    table: &RandomTable,
    rows: std::ops::Range<usize>,
) -> Result<()> {
    for id in rows {
        run(source, &table.insert(random, id)).await?;
    }
    Ok(())
}

async fn run(source: &mut Conn, sql: &str) -> Result<()> {
    let shown: String = sql.chars().take(300).collect();
    source.query_drop(sql).await.with_context(|| shown)
}
