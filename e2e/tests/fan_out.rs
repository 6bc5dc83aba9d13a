//! The example consumer of `deploy/examples/fan-out/` against a running task: what it prints, from the published `.proto`
//! files and the topics alone, is what was written in MySQL. Only capture runs.
//!
//! The consumer's Python packages go to a virtual environment in the target folder, which is made once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use millrace_testkit::{Servers, StageCommand, built_binary, delete_topics, poll_until, run_script, unique_name};

const LIMIT: Duration = Duration::from_secs(90);

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/fan-out")
}

/// The interpreter of an environment that has the example's requirements.
fn python() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fan-out-python");
    let (interpreter, marker) = (folder.join("bin/python"), folder.join("installed.txt"));
    let requirements = fs::read_to_string(example().join("requirements.txt"))?;
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == requirements) {
        return Ok(interpreter);
    }
    run("python3 with its venv module", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(&interpreter);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "-r"]);
    run("the example's requirements", install.arg(example().join("requirements.txt")))?;
    fs::write(marker, requirements)?;
    Ok(interpreter)
}

fn run(what: &str, command: &mut Command) -> Result<Output> {
    let output = command.output().with_context(|| format!("{what}: cannot be started"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{what}: {}\n{words}", output.status);
    Ok(output)
}

fn consumer(python: &Path, servers: &Servers, task: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(example().join("fan_out.py")).args(["--until-idle", "1", "--brokers", &servers.kafka, "--task", task]);
    command
}

/// The lines that the consumer prints: those of rows without what differs from run to run, and all others.
fn read(python: &Path, servers: &Servers, task: &str) -> Result<(Vec<String>, Vec<String>)> {
    let output = run("the consumer", &mut consumer(python, servers, task))?;
    let text = String::from_utf8(output.stdout)?;
    let (rows, others): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.contains(", \"sequence\": "));
    let mut rows: Vec<String> =
        rows.iter().filter_map(|line| line.split(", \"sequence\": ").next()).map(String::from).collect();
    // Order is kept per key: a stable sort by key shows it.
    rows.sort_by_key(|line| id_of(line));
    Ok((rows, others.into_iter().map(String::from).collect()))
}

fn id_of(line: &str) -> Option<u32> {
    line.split("\"id\": ").nth(1)?.split(',').next()?.parse().ok()
}

fn task_file(servers: &Servers, task: &str) -> Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("{task}.toml"));
    let Servers { mysql, kafka, postgres } = servers;
    let text = format!(
        "name = \"{task}\"\nsource = {{ url = \"{mysql}\" }}\ndestination = {{ url = \"{postgres}\" }}\n\
         log = {{ kafka = \"{kafka}\", partitions = 2 }}\nobjects = [{{ table = \"{task}.*\" }}]\n\
         http = {{ capture = \"127.0.0.1:0\" }}\n"
    );
    fs::write(&path, text)?;
    Ok(path)
}

const BEFORE: &str = r#"
CREATE DATABASE {db} CHARACTER SET utf8mb4;
CREATE TABLE {db}.goods (
  id INT PRIMARY KEY, name VARCHAR(40), price DECIMAL(12,4), data VARBINARY(8), weight DOUBLE, at DATETIME(3),
  big BIGINT UNSIGNED);
INSERT INTO {db}.goods VALUES (1, 'Zoë', 12.5, 0x00FF, 0.1, '2024-02-29 01:02:03.45', 18446744073709551615);
"#;

const DURING: &str = r#"
INSERT INTO {db}.goods VALUES (2, '日本 "😀"', -0.0001, x'', NULL, NULL, 0), (3, NULL, NULL, NULL, -2.5, NULL, NULL);
UPDATE {db}.goods SET price = 99999999.9999, name = 'x\\y' WHERE id = 2;
UPDATE {db}.goods SET id = 4 WHERE id = 3;
DELETE FROM {db}.goods WHERE id = 2;
"#;

const EXPECTED: &str = r#"
{"op": "read", "table": "{db}.goods", "after": {"id": 1, "name": "Zoë", "price": "12.5000", "data": "AP8=", "weight": 0.1, "at": "2024-02-29 01:02:03.450", "big": 18446744073709551615}
{"op": "insert", "table": "{db}.goods", "after": {"id": 2, "name": "日本 \"😀\"", "price": "-0.0001", "data": "", "weight": null, "at": null, "big": 0}
{"op": "update", "table": "{db}.goods", "before": {"id": 2, "name": "日本 \"😀\"", "price": "-0.0001", "data": "", "weight": null, "at": null, "big": 0}, "after": {"id": 2, "name": "x\\y", "price": "99999999.9999", "data": "", "weight": null, "at": null, "big": 0}
{"op": "delete", "table": "{db}.goods", "before": {"id": 2, "name": "x\\y", "price": "99999999.9999", "data": "", "weight": null, "at": null, "big": 0}
{"op": "insert", "table": "{db}.goods", "after": {"id": 3, "name": null, "price": null, "data": null, "weight": -2.5, "at": null, "big": null}
{"op": "delete", "table": "{db}.goods", "before": {"id": 3, "name": null, "price": null, "data": null, "weight": -2.5, "at": null, "big": null}
{"op": "insert", "table": "{db}.goods", "after": {"id": 4, "name": null, "price": null, "data": null, "weight": -2.5, "at": null, "big": null}
"#;

async fn scenario(servers: &Servers, python: &Path, task: &str) -> Result<()> {
    let mut mysql = servers.connect_mysql().await?;
    run_script(&mut mysql, &BEFORE.replace("{db}", task)).await?;
    let file = task_file(servers, task)?;
    let capture = StageCommand::new(built_binary("millrace-capture")?).argument("--task").argument(&file);
    let log = file.with_extension("log");
    let mut capture = capture.spawn(&log)?;

    let loaded = format!("\"op\": \"table_loaded\", \"table\": \"{task}.goods\"");
    let is_loaded = async || {
        ensure!(capture.is_running()?, "capture has ended\n{}", capture.log_end());
        // Before capture's first step the consumer says that there is no topic.
        Ok(read(python, servers, task).is_ok_and(|(_, others)| others.iter().any(|line| line.contains(&loaded))))
    };
    poll_until(LIMIT, "the snapshot's end", is_loaded).await?;
    run_script(&mut mysql, &DURING.replace("{db}", task)).await?;

    let expected: Vec<String> = EXPECTED.trim().lines().map(|line| line.replace("{db}", task)).collect();
    let mut rows = Vec::new();
    let is_there = async || {
        rows = read(python, servers, task)?.0;
        Ok(rows.len() >= expected.len())
    };
    let arrived = poll_until(LIMIT, "all changes", is_there).await;
    ensure!(rows == expected, "printed:\n{}\nexpected:\n{}", rows.join("\n"), expected.join("\n"));
    arrived?;
    let (_, others) = read(python, servers, task)?;
    let creates = others.iter().filter(|line| line.contains("\"op\": \"create_table\"")).count();
    ensure!(creates == 2, "one in each partition, not {creates}: {others:?}");
    mysql.disconnect().await?;
    fs::remove_file(file)?;
    fs::remove_file(log)?;
    Ok(())
}

#[tokio::test]
async fn the_example_consumer_prints_what_was_written() -> Result<()> {
    let servers = Servers::from_environment()?;
    let python = python()?;
    let tests = ["-B", "-m", "unittest", "test_fan_out"];
    run("the consumer's own tests", Command::new(&python).args(tests).current_dir(example()))?;

    let missing = consumer(&python, &servers, &unique_name("fan_out_missing")).output()?;
    let words = String::from_utf8(missing.stderr)?;
    ensure!(missing.status.code() == Some(1) && words.contains("is not there"), "a missing topic: {words}");

    let task = unique_name("fan_out");
    let result = scenario(&servers, &python, &task).await;
    delete_topics(&servers.kafka, &task).await?;
    servers.drop_mysql_database(&task).await?;
    result
}
