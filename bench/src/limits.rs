//! The practical limits of the machine: the databases' own clients move the same rows.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::Workload;
use crate::ground::{Ground, NAME};
use crate::load::tables;
use crate::run::{Clock, Run};

/// Rows of one batch of the merge.
const BATCH: u64 = 10_000;

/// Names of two limits: of full loads, and of changes.
pub(crate) const PIPE: &str = "mysql piped into COPY";
pub(crate) const MERGE: &str = "merge (DELETE USING + INSERT)";

/// `mysql` into a file, that file into COPY, `mysql` piped into COPY, and a merge of all rows into a table that has them.
pub(crate) async fn measure(ground: &Ground) -> Result<Vec<Run>> {
    let tables = tables(ground, Workload::Limits);
    tables.make(ground).await?;
    ground.reset_destination().await?;
    let (rows, mut runs) = (tables.all(), Vec::new());
    let file = ground.folder.join("narrow.text");
    let text = file.display();
    let read = format!("{} -N -B --quick -e 'SELECT * FROM {NAME}.narrow'", client("mysql")?);
    let write = |table: &str| -> Result<String> {
        Ok(format!("{} -d {NAME} -q -c 'COPY {table} FROM STDIN'", client("postgres")?))
    };
    let (alone, piped) = (write("alone")?, write("piped")?);
    for (name, command) in [
        ("mysql > file", format!("{read} > {text}")),
        ("COPY alone", format!("{alone} < {text}")),
        (PIPE, format!("{read} | {piped}")),
    ] {
        runs.push(shell(ground, name, &command, rows).await?);
    }
    std::fs::remove_file(&file)?;
    runs.push(merge(ground, rows).await?);
    Ok(runs)
}

/// The client of a server that deploy/local/servers has.
fn client(server: &str) -> Result<String> {
    let path = PathBuf::from("deploy/local/servers");
    ensure!(path.is_file(), "run it at the top of the checkout: there is no \"{}\"", path.display());
    Ok(format!("{} client {server}", path.display()))
}

async fn shell(ground: &Ground, name: &str, command: &str, rows: u64) -> Result<Run> {
    let destination = ground.connect_destination().await?;
    for table in ["alone", "piped"] {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {table} (id INT PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, \
             pad CHAR(60) NOT NULL)"
        );
        destination.batch_execute(&sql).await?;
    }
    let mut clock = Clock::start(ground)?;
    let command = format!("set -o pipefail; {command}");
    let status = Command::new("bash").args(["-c", &command]).stdin(Stdio::null()).status()?;
    ensure!(status.success(), "\"{name}\" ended with {status}");
    clock.stop(Instant::now());
    clock.without_stages(ground, name, rows)
}

/// DELETE and INSERT of all rows in batches, by key, from a table beside it.
async fn merge(ground: &Ground, rows: u64) -> Result<Run> {
    let destination = ground.connect_destination().await?;
    destination
        .batch_execute("CREATE UNLOGGED TABLE staged AS SELECT * FROM piped; CREATE INDEX ON staged (id)")
        .await?;
    destination.batch_execute("ANALYZE staged; ANALYZE piped").await?;
    let mut clock = Clock::start(ground)?;
    for from in (1..=rows).step_by(usize::try_from(BATCH)?) {
        let range = format!("BETWEEN {from} AND {}", from + BATCH - 1);
        let sql = format!(
            "BEGIN; DELETE FROM piped USING staged WHERE piped.id = staged.id AND staged.id {range}; \
             INSERT INTO piped SELECT * FROM staged WHERE id {range}; COMMIT"
        );
        destination.batch_execute(&sql).await.context("a merge")?;
    }
    clock.stop(Instant::now());
    let found: i64 = destination.query_one("SELECT count(*) FROM piped", &[]).await?.try_get(0)?;
    ensure!(u64::try_from(found)? == rows, "{found} rows after the merge, not {rows}");
    clock.without_stages(ground, MERGE, rows)
}
