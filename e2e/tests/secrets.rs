//! No secret is in what anybody can see: logs at the level debug, errors, status, metrics, the output of the commands,
//! and the list of processes. The accounts have the rights of `deploy/grants.sql` and no others.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use millrace_e2e::{LIMIT, TestResult, World, in_world};
use millrace_testkit::{Stage, StageCommand, built_binary, poll_until};
use mysql_async::prelude::Queryable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What must be seen nowhere: passwords as they are and as the URL has them, a token, and a value of a row.
const SECRETS: [&str; 8] = [
    "p@ss/w:rd% 1",
    "p%40ss%2Fw%3Ard%25%201",
    "d'est\"in\\at %1@ion",
    "k=a;f k\"a",
    TOKEN,
    "a row's value 4711",
    "wr0ng&password",
    "wr0ng%26password",
];

const TOKEN: &str = "t0ken-0123456789-abcdef";
const PROGRAMS: [&str; 3] = ["millrace-capture", "millrace-transform", "millrace-apply"];
const GRANTS: &str = include_str!("../../deploy/grants.sql");

fn ensure_no_secret(place: &str, text: &str) -> Result<()> {
    ensure!(!text.is_empty(), "{place} is empty: nothing was looked at");
    let found: Vec<&str> = text.lines().filter(|line| SECRETS.iter().any(|secret| line.contains(secret))).collect();
    ensure!(found.is_empty(), "{place} has a secret: {found:?}");
    Ok(())
}

/// What `deploy/grants.sql` grants at the source, and the statements that it has for the destination.
fn grants(world: &World) -> Result<(String, String)> {
    let source = GRANTS.lines().find_map(|line| line.strip_prefix("GRANT ")?.split_once(" TO 'millrace'"));
    let source = source.context("no grant for the source in deploy/grants.sql")?.0.to_owned();
    let lines = GRANTS.lines().filter_map(|line| line.strip_prefix("--   "));
    let destination: Vec<&str> =
        lines.filter(|line| line.ends_with(';') && line.contains(" millrace")).take(2).collect();
    ensure!(destination.len() == 2, "deploy/grants.sql has for the destination: {destination:?}");
    let destination = destination.join("\n").replace("warehouse", &format!("\"{}\"", world.name));
    Ok((source, destination.replace(" millrace", &format!(" \"{}\"", world.name))))
}

fn start(world: &World, task: &Path) -> Result<Vec<Stage>> {
    let command = |program: &str| -> Result<Stage> {
        StageCommand::new(built_binary(program)?)
            .argument("--task")
            .argument(task)
            .environment("MILLRACE_LOG", "debug")
            .spawn(&world.folder.join(format!("{program}.log")))
    };
    PROGRAMS.iter().map(|program| command(program)).collect()
}

/// Waits for the rows of the table `t`.
async fn wait_for_rows(world: &World, stages: &mut [Stage], count: i64) -> Result<()> {
    let destination = world.connect_postgres().await?;
    let exists = "SELECT count(*) FROM pg_tables WHERE schemaname = current_database() AND tablename = 't'";
    let rows = format!("SELECT count(*) FROM \"{}\".t", world.name);
    poll_until(LIMIT, "the rows", async || {
        for stage in &mut *stages {
            ensure!(stage.is_running()?, "{}", stage.log_end());
        }
        let made: i64 = destination.query_one(exists, &[]).await?.get(0);
        Ok(made == 1 && destination.query_one(&rows, &[]).await?.get::<_, i64>(0) == count)
    })
    .await
}

/// What a stage answers to a request.
async fn get(stage: &Stage, path: &str) -> Result<String> {
    let log = stage.log()?;
    let line = log.lines().find(|line| line.contains("listens for http")).context("no address in the log")?;
    let address =
        line.split("\"address\":\"").nth(1).and_then(|rest| rest.split('"').next()).context(line.to_owned())?;
    let mut stream = TcpStream::connect(address).await?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(answer)
}

async fn look_at_running(stages: &[Stage]) -> Result<()> {
    for stage in stages {
        let list = fs::read_to_string(format!("/proc/{}/cmdline", stage.id()))?;
        ensure_no_secret("the list of processes", &list)?;
        for path in ["/status", "/metrics"] {
            ensure_no_secret(path, &get(stage, path).await?)?;
        }
    }
    Ok(())
}

/// Breaks all connections of the stages to both databases.
async fn cut(world: &World) -> Result<()> {
    let mut mysql = world.connect_mysql().await?;
    let sql = "SELECT id FROM information_schema.processlist WHERE user = ?";
    let ids: Vec<u64> = mysql.exec(sql, (world.account(),)).await?;
    ensure!(!ids.is_empty(), "nobody is connected to the source");
    for id in ids {
        // One may have ended by itself.
        let _ = mysql.query_drop(format!("KILL {id}")).await;
    }
    mysql.disconnect().await?;
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_database()";
    let ended = world.connect_postgres().await?.query(sql, &[]).await?;
    ensure!(!ended.is_empty(), "nobody is connected to the destination");
    Ok(())
}

/// The task of the whole: secrets in the URL, from a file, and as options.
async fn task_keys(world: &World) -> Result<String> {
    let (source, destination) = grants(world)?;
    let source = world.create_account(&[source]).await?;
    world.run_in_destination(&destination).await?;
    fs::write(world.folder.join("destination.secret"), SECRETS[2])?;
    fs::write(world.folder.join("kafka.secret"), SECRETS[3])?;
    let (_, server) =
        world.destination_url().rsplit_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).context("no @")?;
    Ok(format!(
        "source.url = '{source}'\n\
         destination.url = 'postgres://{}:${{file:destination.secret}}@{server}'\n\
         log.options.'ssl.key.password' = '${{file:kafka.secret}}'\n\
         http.token = '{TOKEN}'\n",
        world.name
    ))
}

async fn whole_shows_no_secret(world: &World, keys: &str) -> Result<()> {
    world.run_in_source("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(90)); INSERT INTO t VALUES (1, 'a')").await?;
    let task = world.task_file().with(keys)?.write()?;
    let mut stages = start(world, &task)?;
    wait_for_rows(world, &mut stages, 1).await?;
    look_at_running(&stages).await?;
    cut(world).await?;
    world.run_in_source("INSERT INTO t VALUES (2, 'b')").await?;
    wait_for_rows(world, &mut stages, 2).await?;
    look_at_running(&stages).await?;
    let refuse = format!("ALTER TABLE \"{{database}}\".t ADD CHECK (v <> '{}')", SECRETS[5].replace('\'', "''"));
    world.run_in_destination(&refuse).await?;
    let refused = format!("INSERT INTO t VALUES (3, '{}')", SECRETS[5].replace('\'', "''"));
    world.run_in_source(&refused).await?;
    let ended = stages[2].wait(LIMIT).await?;
    ensure!(ended.code() == Some(1), "apply ended with {ended}\n{}", stages[2].log_end());
    for stage in &mut stages[..2] {
        stage.terminate()?;
        stage.wait_for_success(LIMIT).await?;
    }
    for stage in &stages {
        ensure_no_secret("a log", &stage.log()?)?;
    }
    Ok(())
}

/// All that a program prints.
fn printed(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(built_binary(program)?).args(arguments).env("MILLRACE_LOG", "debug").output()?;
    ensure!(matches!(output.status.code(), Some(1 | 3)), "{program} {arguments:?} ended with {}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

fn mistakes_show_no_secret(world: &World, keys: &str) -> Result<()> {
    let server = world.servers.mysql.rsplit('@').next().context("no server")?;
    for (mistake, program) in [
        (format!("source.url = 'mysql://{}:wr0ng%26password@{server}'", world.account()), "millrace-capture"),
        ("source.url = 'mysql://u:wr0ng%26password@host:no-port'".to_owned(), "millrace-capture"),
        ("source.url = 'mysql://u:wr0ng%26password@127.0.0.1:1'".to_owned(), "millrace-capture"),
        ("destination.url = 'postgres://u:wr0ng%26password@127.0.0.1:1/d'".to_owned(), "millrace-apply"),
        ("destination.url = 'postgres://u:wr0ng%26password@127.0.0.1'".to_owned(), "millrace-apply"),
        ("log.options.'sasl.password.of' = 'wr0ng&password'".to_owned(), "millrace-transform"),
        ("log.options.'acks' = 'wr0ng&password'".to_owned(), "millrace-transform"),
        ("log.options.'security.protocol' = 'wr0ng&password'".to_owned(), "millrace-transform"),
        ("http.token = 'wr0ng&password'".to_owned(), "millrace-apply"),
    ] {
        let task = world.task_file().with(keys)?.with(&mistake)?.write()?;
        let task = task.to_str().context("a path")?;
        ensure_no_secret(program, &printed(program, &["--task", task])?)?;
        for command in ["check", "status"] {
            ensure_no_secret(command, &printed("millrace", &[command, task])?).with_context(|| mistake.clone())?;
        }
    }
    Ok(())
}

#[test]
fn no_secret_is_seen_anywhere() -> TestResult {
    Ok(in_world("secrets", async |world| {
        let keys = task_keys(world).await?;
        let ended = match whole_shows_no_secret(world, &keys).await {
            Ok(()) => mistakes_show_no_secret(world, &keys),
            failed => failed,
        };
        let drop = "DROP OWNED BY \"{database}\" CASCADE; DROP ROLE \"{database}\"";
        world.run_in_destination(drop).await?;
        ended
    })?)
}
