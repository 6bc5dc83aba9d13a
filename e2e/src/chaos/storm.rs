//! Lets faults happen, and ends them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use millrace_testkit::{OwnServers, Random, Server, pace, poll_until};
use mysql_async::prelude::Queryable;
use tokio::task::{JoinHandle, block_in_place, spawn_blocking};

use super::fault::Fault;
use super::ground::Ground;
use super::supervise;
use super::workload::VERSIONED;
use crate::LIMIT;
use crate::case::Way;
use crate::stages::Stages;
use crate::world::World;

/// Between two faults, at most.
const PAUSE: u64 = 1200;

/// How often a server is started before that has failed.
const STARTS: usize = 5;

/// What a fault holds until it is released.
enum Held {
    StandsStill(Server),
    Down(Server),
    Stalled(Server),
    Stage(usize),
    Locked(tokio_postgres::Client),
}

impl Held {
    /// A server that cannot be asked for anything meanwhile.
    fn server(&self) -> Option<Server> {
        match self {
            Self::StandsStill(server) | Self::Down(server) => Some(*server),
            Self::Stalled(_) | Self::Stage(_) | Self::Locked(_) => None,
        }
    }
}

/// The faults of a run, and the stages that they befall.
pub(super) struct Storm<'w> {
    world: &'w World,
    ground: &'w Ground,
    stages: Stages,
    random: Random,
    way: Way,
    held: Vec<(Instant, Held)>,
    /// Servers that are being started.
    starting: Vec<(Server, JoinHandle<Result<()>>)>,
    faults: BTreeMap<Fault, u64>,
    restarts: BTreeMap<String, u64>,
}

impl<'w> Storm<'w> {
    pub(super) fn new(world: &'w World, ground: &'w Ground, stages: Stages, random: Random, way: Way) -> Self {
        let (faults, restarts) = (BTreeMap::new(), BTreeMap::new());
        Self { world, ground, stages, random, way, held: Vec::new(), starting: Vec::new(), faults, restarts }
    }

    /// Faults, one after the other, for that time.
    pub(super) async fn rage(&mut self, time: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            pace(Duration::from_millis(self.random.below(PAUSE))).await;
            self.release_until(Instant::now()).await?;
            self.ensure_started().await?;
            supervise(&mut self.stages, &mut self.restarts).await?;
            let fault = Fault::choose(&mut self.random, self.way);
            if fault.server().is_some_and(|server| self.is_down(server)) {
                continue;
            }
            eprintln!("{:7.1} s: {fault:?}", start.elapsed().as_secs_f32());
            self.cause(fault).await.with_context(|| format!("{fault:?}"))?;
            *self.faults.entry(fault).or_default() += 1;
        }
        Ok(())
    }

    /// Nothing fails any more.
    pub(super) async fn end(mut self) -> Result<(Stages, BTreeMap<Fault, u64>, BTreeMap<String, u64>)> {
        self.release_until(Instant::now() + Duration::from_secs(3600)).await?;
        for (_, starting) in std::mem::take(&mut self.starting) {
            starting.await??;
        }
        Ok((self.stages, self.faults, self.restarts))
    }

    /// Fails with its reason if a server could not be started again.
    async fn ensure_started(&mut self) -> Result<()> {
        let (finished, starting) =
            std::mem::take(&mut self.starting).into_iter().partition(|(_, task)| task.is_finished());
        self.starting = starting;
        let finished: Vec<(Server, JoinHandle<Result<()>>)> = finished;
        for (_, task) in finished {
            task.await??;
        }
        Ok(())
    }

    fn is_down(&self, server: Server) -> bool {
        self.held.iter().any(|(_, held)| held.server() == Some(server))
            || self.starting.iter().any(|(starting, task)| *starting == server && !task.is_finished())
    }

    async fn cause(&mut self, fault: Fault) -> Result<()> {
        let process = self.random.below(self.stages.roles().len() as u64) as usize;
        match (fault, fault.server()) {
            (Fault::StageKilled, _) => self.stages.kill(process)?,
            (Fault::AllStagesKilled, _) => (0..self.stages.roles().len()).try_for_each(|at| self.stages.kill(at))?,
            (Fault::StageStopped, _) => self.stages.terminate(process)?,
            (Fault::StageStoodStill, _) => {
                self.stages.suspend_if_running(process)?;
                // Sometimes so long that others take over, and it comes back as a zombie.
                let longest = if self.random.below(4) == 0 { 16_000 } else { 3_000 };
                self.hold(Held::Stage(process), longest);
            }
            (Fault::SourceSessionsEnded, _) => self.end_source_sessions().await?,
            (Fault::DestinationSessionsEnded, _) => self.end_destination_sessions().await?,
            (Fault::DestinationTableLocked, _) => self.lock_table().await?,
            (Fault::BinlogRotated, _) => {
                let mut source = self.world.connect_mysql().await?;
                source.query_drop("FLUSH BINARY LOGS").await?;
            }
            (_, Some(server)) => self.cause_at_server(fault, server).await?,
            (_, None) => {}
        }
        supervise(&mut self.stages, &mut self.restarts).await
    }

    async fn cause_at_server(&mut self, fault: Fault, server: Server) -> Result<()> {
        match fault {
            Fault::SourceKilled | Fault::BrokerKilled | Fault::DestinationCrashed => {
                let signal = if server == Server::Postgres { "QUIT" } else { "KILL" };
                self.ground.servers.signal(server, signal)?;
                let servers = &self.ground.servers;
                poll_until(LIMIT, "the end of a server", async || servers.is_gone(server)).await?;
                self.hold(Held::Down(server), 4_000);
            }
            Fault::SourceRestarted | Fault::BrokerRestarted | Fault::DestinationRestarted => {
                block_in_place(|| self.ground.servers.stop(&[server]))?;
                self.hold(Held::Down(server), 1_000);
            }
            Fault::BrokerStoodStill => {
                self.ground.servers.signal(server, "STOP")?;
                self.hold(Held::StandsStill(server), 5_000);
            }
            Fault::SourceConnectionsCut | Fault::BrokerConnectionsCut | Fault::DestinationConnectionsCut => {
                self.ground.proxy(server).cut();
            }
            _ => {
                self.ground.proxy(server).stall();
                self.hold(Held::Stalled(server), 5_000);
            }
        }
        Ok(())
    }

    /// Keeps something for up to so many milliseconds.
    fn hold(&mut self, held: Held, longest: u64) {
        let time = Duration::from_millis(100 + self.random.below(longest));
        self.held.push((Instant::now() + time, held));
    }

    async fn release_until(&mut self, moment: Instant) -> Result<()> {
        let (due, held) = std::mem::take(&mut self.held).into_iter().partition(|(until, _)| *until <= moment);
        self.held = held;
        let due: Vec<(Instant, Held)> = due;
        for (_, held) in due {
            match held {
                Held::StandsStill(server) => self.ground.servers.signal(server, "CONT")?,
                Held::Down(server) => {
                    let servers = self.ground.servers.clone();
                    self.starting.push((server, spawn_blocking(move || start(&servers, server))));
                }
                Held::Stalled(server) => self.ground.proxy(server).go_on(),
                Held::Stage(process) => self.stages.resume_if_running(process)?,
                Held::Locked(session) => drop(session),
            }
        }
        Ok(())
    }

    async fn end_source_sessions(&mut self) -> Result<()> {
        let mut source = self.world.connect_mysql().await?;
        // The stages' sessions have no current database; the writers' have.
        let sql = "SELECT id FROM information_schema.processlist WHERE db IS NULL AND id <> CONNECTION_ID() \
                   AND command <> 'Daemon' AND user = 'root'";
        let sessions: Vec<u64> = source.query(sql).await?;
        for session in sessions {
            // It may have ended by itself.
            let _ = source.query_drop(format!("KILL {session}")).await;
        }
        Ok(())
    }

    async fn end_destination_sessions(&mut self) -> Result<()> {
        let destination = self.world.connect_postgres().await?;
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        destination.batch_execute(sql).await?;
        Ok(())
    }

    async fn lock_table(&mut self) -> Result<()> {
        let destination = self.world.connect_postgres().await?;
        let table = self.random.choose(&VERSIONED).name;
        let sql = format!("SET lock_timeout = '5s'; BEGIN; LOCK TABLE \"{}\".{table} IN SHARE MODE", self.world.name);
        // The table may not be there yet.
        if destination.batch_execute(&sql).await.is_ok() {
            self.hold(Held::Locked(destination), 3_000);
        }
        Ok(())
    }
}

/// Starts a server again; more than once, because what a killed one leaves (the shared memory of its children) may be
/// there for a while.
fn start(servers: &OwnServers, server: Server) -> Result<()> {
    for _ in 1..STARTS {
        match servers.start(&[server]) {
            Ok(()) => return Ok(()),
            Err(error) => eprintln!("once more: {error:#}"),
        }
    }
    servers.start(&[server])
}
