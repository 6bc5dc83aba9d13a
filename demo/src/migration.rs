//! The demo from its beginning to its end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use millrace_testkit::{Servers, TablePair};
use tokio_postgres::{Client, NoTls};

use crate::Way;
use crate::heartbeat::{Heartbeat, quantile};
use crate::screen::{Screen, Shown, milliseconds, number};
use crate::shop::{NAME, TABLES, Topics, count_rows, generate, reset};
use crate::stages::{Stages, destination_url};
use crate::writer::{CONNECTIONS, Writers, Written};

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long the latency is measured after the full load, before the last kill.
const LIVE: Duration = Duration::from_secs(20);
/// How long the full load, or catching up, may take.
const LIMIT: Duration = Duration::from_secs(300);
/// How long the destination is given to be less than [`NEAR`] behind after the full load, before the latency is measured.
const SETTLE: Duration = Duration::from_secs(60);
/// What counts as having caught up.
const NEAR: Duration = Duration::from_millis(500);
/// Stages that are killed when this part of the rows (in percent) is in the destination, at the latest when capture has
/// read all of them.
const KILLS: [(u64, &str); 2] = [(10, "transform"), (30, "apply")];
/// The stage that is killed after the full load.
const LAST_KILL: &str = "capture";

/// What was measured.
struct Measured {
    load_rows: u64,
    load: Duration,
    latencies: Vec<Duration>,
    kills: Vec<String>,
    written: Written,
}

struct Demo {
    screen: Screen,
    servers: Servers,
    folder: PathBuf,
    stages: Stages,
    heartbeat: Heartbeat,
    writers: Writers,
    destination: Client,
    /// Rows of the tables when the writing began.
    rows: Vec<u64>,
    kills: Vec<String>,
}

/// Runs the demo; gives the number of differences.
pub(crate) async fn run(way: Way, folder: &Path) -> Result<usize> {
    let mut screen = Screen::new();
    let servers = Servers::from_environment()?;
    screen.say(&format!("generates the database \"{NAME}\" at the source"));
    let topics = if way == Way::Staged { Topics::Kafka } else { Topics::None };
    reset(&servers, topics).await.context("what the demo before left cannot be removed")?;
    generate(&servers).await.context("the database cannot be generated")?;
    let rows = count_rows(&servers).await?;
    let sum: u64 = rows.iter().sum();
    screen.say(&format!("{} tables with {} rows are there", TABLES.len(), number(sum)));

    let writers = Writers::start(&servers).await?;
    screen.say(&format!("{CONNECTIONS} connections order, pay and cancel from now on until the end"));
    let stages = Stages::start(way, &servers, folder)?;
    screen.say(&format!("started {} with {}", stages.programs().join(", "), stages.task().display()));
    let begin = Instant::now();
    let heartbeat = Heartbeat::start(&servers, connect(&servers).await?).await?;
    let destination = connect(&servers).await?;
    screen.clear();
    let kills = Vec::new();
    let folder = folder.to_owned();
    let mut demo = Demo { screen, servers, folder, stages, heartbeat, writers, destination, rows, kills };
    demo.load().await?;
    let load = begin.elapsed();
    let latencies = demo.live().await?;
    demo.end(load, latencies, sum).await
}

async fn connect(servers: &Servers) -> Result<Client> {
    let url = destination_url(servers)?;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.context("no connection to PostgreSQL")?;
    tokio::spawn(connection);
    Ok(client)
}

impl Demo {
    /// The full load, with stages killed on the way, until the destination has all that was written meanwhile.
    async fn load(&mut self) -> Result<()> {
        let (begin, mut kills) = (Instant::now(), KILLS.iter().peekable());
        loop {
            tokio::time::sleep(LOOK).await;
            self.stages.ensure_running()?;
            let part = self.show(begin).await?;
            let read = self.stages.tables_loaded().await.is_some_and(|(loaded, all)| loaded == all);
            if let Some((_, stage)) = kills.next_if(|(at, _)| part >= *at || read) {
                self.kill(stage)?;
            } else if read {
                break;
            }
            anyhow::ensure!(begin.elapsed() < LIMIT, "the full load is not over after {LIMIT:?}");
        }
        let number = self.heartbeat.next();
        while !self.heartbeat.has_arrived(number)? {
            tokio::time::sleep(LOOK).await;
            self.stages.ensure_running()?;
            self.show(begin).await?;
            anyhow::ensure!(begin.elapsed() < 2 * LIMIT, "the destination has not caught up after {:?}", 2 * LIMIT);
        }
        self.screen.clear();
        self.screen.say(&format!("the full load is over, {} s after the start", begin.elapsed().as_secs()));
        Ok(())
    }

    /// Latency for a while, then a kill; until the destination has caught up again.
    async fn live(&mut self) -> Result<Vec<Duration>> {
        self.settle().await?;
        let begin = Instant::now();
        self.screen.say(&format!("measures the latency for {} s while the shop goes on", LIVE.as_secs()));
        while begin.elapsed() < LIVE {
            tokio::time::sleep(LOOK).await;
            self.stages.ensure_running()?;
            self.show_live();
        }
        self.heartbeat.reach_now(LIMIT).await?;
        let latencies = self.heartbeat.between(begin, begin + LIVE);
        self.screen.clear();
        let killed = Instant::now();
        self.kill(LAST_KILL)?;
        self.heartbeat.reach_now(LIMIT).await?;
        self.stages.ensure_running()?;
        let still = self.heartbeat.between(killed, Instant::now()).last().copied().unwrap_or_default();
        self.screen.say(&format!("all is there again; the longest that a row was late: {}", milliseconds(still)));
        Ok(latencies)
    }

    /// Waits until the destination is close behind, or for as long as [`SETTLE`].
    async fn settle(&mut self) -> Result<()> {
        let begin = Instant::now();
        while self.heartbeat.latency().is_none_or(|latency| latency > NEAR) && begin.elapsed() < SETTLE {
            tokio::time::sleep(LOOK).await;
            self.stages.ensure_running()?;
        }
        Ok(())
    }

    /// Ends the writing and compares.
    async fn end(mut self, load: Duration, latencies: Vec<Duration>, load_rows: u64) -> Result<usize> {
        let written = self.writers.stop().await?;
        self.screen.say(&format!("the shop is closed after {} transactions", number(written.transactions)));
        self.heartbeat.reach_now(LIMIT).await?;
        self.heartbeat.stop().await?;
        self.screen.say("all of it is in the destination; compares every row of both sides");
        let measured = Measured { load_rows, load, latencies, kills: self.kills, written };
        let begin = Instant::now();
        let (compared, differences) = compare(&self.servers, &self.destination, &self.screen).await?;
        self.screen.say(&format!("compared in {:.1} s", begin.elapsed().as_secs_f64()));
        self.screen.print(&summary(&measured, compared, differences));
        self.stages.ensure_running()?;
        self.screen.print(&what_now(&self.stages, &self.folder));
        self.screen.clear();
        Ok(differences)
    }

    fn kill(&mut self, stage: &'static str) -> Result<()> {
        let (program, before, after) = self.stages.kill_and_restart(stage)?;
        self.screen.say(&format!("killed {program} (kill -9 {before}) and started it again (pid {after})"));
        self.kills.push(program.to_owned());
        Ok(())
    }

    /// Shows the rows that the destination has by its statistics, and gives their part in percent.
    async fn show(&mut self, begin: Instant) -> Result<u64> {
        let sql = "SELECT relname::text, n_live_tup FROM pg_stat_user_tables WHERE schemaname = $1";
        let found = self.destination.query(sql, &[&NAME]).await?;
        let rows_of = |table: &str| -> u64 {
            let row = found.iter().find(|row| row.get::<_, &str>(0) == table);
            row.and_then(|row| u64::try_from(row.get::<_, i64>(1)).ok()).unwrap_or(0)
        };
        let tables: Vec<(u64, u64)> =
            TABLES.iter().zip(&self.rows).map(|(table, all)| (rows_of(table).min(*all), *all)).collect();
        let (sum, all) = tables.iter().fold((0, 0), |sum, table| (sum.0 + table.0, sum.1 + table.1));
        let rate = sum as f64 / begin.elapsed().as_secs_f64();
        self.screen.show(&Shown { tables: &tables, rate, latency: self.heartbeat.latency() });
        Ok((sum * 100).checked_div(all).unwrap_or(100))
    }

    fn show_live(&mut self) {
        let Written { transactions, rows } = self.writers.written();
        self.screen.show_live(transactions, rows, self.heartbeat.latency());
    }
}

async fn compare(servers: &Servers, destination: &Client, screen: &Screen) -> Result<(usize, usize)> {
    let mut source = servers.connect_mysql().await?;
    let (mut rows, mut differences) = (0, 0);
    for table in TABLES.into_iter().chain(["heartbeat"]) {
        let pair = TablePair::new((NAME, table), (NAME, table));
        let found = pair.compare_ordered(&mut source, destination).await?;
        rows += found.source_rows;
        differences += found.count;
        if !found.is_equal() {
            screen.print(&format!("{table}: {found}"));
        }
    }
    source.disconnect().await?;
    Ok((rows, differences))
}

fn summary(measured: &Measured, compared: usize, differences: usize) -> String {
    let Measured { load_rows, load, latencies, kills, written } = measured;
    let rate = *load_rows as f64 / load.as_secs_f64();
    format!(
        "\n  moved          {} rows in {:.1} s: {} rows/s, while {CONNECTIONS} connections wrote; {} of the kills included\n  \
           written        {} rows in {} transactions, from the start to the end\n  \
           latency        p50 {}, p99 {}, largest {} (commit at the source to visible; {} samples in {} s)\n  \
           faults         {} kill -9: {}\n  \
           compared       {} rows, every value\n  \
           differences    {differences}\n",
        number(*load_rows),
        load.as_secs_f64(),
        number(rate as u64),
        kills.len().saturating_sub(1),
        number(written.rows),
        number(written.transactions),
        milliseconds(quantile(latencies, 0.5)),
        milliseconds(quantile(latencies, 0.99)),
        milliseconds(quantile(latencies, 1.0)),
        latencies.len(),
        LIVE.as_secs(),
        kills.len(),
        kills.join(", "),
        number(compared as u64),
    )
}

fn what_now(stages: &Stages, folder: &Path) -> String {
    let addresses = stages.addresses();
    let status: Vec<String> =
        addresses.iter().map(|(name, address)| format!("  curl -s http://{address}/status   # {name}")).collect();
    format!(
        "It runs on. Look at it, write something and see it arrive:\n\n  \
           deploy/local/servers client mysql -e \"UPDATE {NAME}.customers SET name = 'You', credit = 42 WHERE id = 1\"\n  \
           deploy/local/servers client postgres -d {NAME} -c 'SELECT id, name, credit FROM {NAME}.customers WHERE id = 1'\n  \
           target/debug/millrace status {}\n\
         {}\n\nTask file and logs are in {}. End all of it: make down",
        stages.task().display(),
        status.join("\n"),
        folder.display()
    )
}
