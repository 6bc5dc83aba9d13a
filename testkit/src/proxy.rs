//! A TCP proxy on the loopback, through which tests cut and stall connections, damage what passes, and catch a process at an
//! exact request.
//!
//! A [`Damage`] changes one bit of one byte.
//!
//! A [`Trap`] names a request, and whether it is caught before it arrives or before its answer does. The connection then
//! stands still, and its process waits: the test kills it there, or lets the connection break ([`Proxy::spring`]).

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::damage::{Damage, Direction};

/// Bytes that are moved at once.
const BUFFER: usize = 64 << 10;

/// Whether bytes move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Moving,
    Still,
}

/// Where a trap catches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The request does not arrive.
    BeforeRequest,
    /// The request arrives; its answer does not.
    BeforeAnswer,
}

/// A request to catch, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// The fifth and sixth byte of a request: Kafka's number of the kind of request. None: any.
    pub kind: Option<[u8; 2]>,
    /// Bytes that an earlier request of the connection has, since the trap was set. None: it may be the first.
    pub after: Option<Vec<u8>>,
    /// Bytes that the request has.
    pub has: Vec<u8>,
    /// Where it is caught.
    pub moment: Moment,
}

impl Trap {
    fn catches(&self, request: &[u8], heard: &[Vec<u8>]) -> bool {
        let kind = self.kind.is_none_or(|kind| request.get(4..6) == Some(&kind[..]));
        kind && contains(request, &self.has) && self.after.as_ref().is_none_or(|after| heard.contains(after))
    }
}

fn contains(request: &[u8], bytes: &[u8]) -> bool {
    request.windows(bytes.len()).any(|window| window == bytes)
}

#[derive(Debug)]
struct Shared {
    /// Where connections go; none refuses them.
    target: Mutex<Option<String>>,
    /// Traps that nothing was caught in yet.
    traps: Mutex<Vec<Trap>>,
    /// Traps that something was caught in, and the port of the client that it was caught from.
    caught: Mutex<Vec<(Trap, u16)>>,
    /// What was not done yet, and the number of bytes that were changed.
    damages: Mutex<(Vec<Damage>, u64)>,
    /// Counts releases: a caught connection is reset when it changes.
    releases: watch::Sender<u64>,
    /// Counts cuts: a connection ends when it changes.
    cuts: watch::Sender<u64>,
    flow: watch::Sender<Flow>,
}

/// A proxy; its connections end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port; until [`Proxy::forward_to`], connections are refused.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            target: Mutex::new(None),
            traps: Mutex::new(Vec::new()),
            caught: Mutex::new(Vec::new()),
            damages: Mutex::new((Vec::new(), 0)),
            releases: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
            flow: watch::Sender::new(Flow::Moving),
        });
        let listening = tokio::spawn(listen(listener, shared.clone()));
        Ok(Self { port, shared, listening })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connects new connections to `target`, a `host:port`.
    pub fn forward_to(&self, target: &str) {
        *locked(&self.shared.target) = Some(target.to_owned());
    }

    /// Resets all connections; new ones are accepted.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Resets all connections and refuses new ones until [`Proxy::forward_to`].
    pub fn refuse(&self) {
        *locked(&self.shared.target) = None;
        self.cut();
    }

    /// Nothing arrives any more, in either direction, and nobody is told.
    pub fn stall(&self) {
        self.shared.flow.send_replace(Flow::Still);
    }

    /// What [`Proxy::stall`] held back arrives.
    pub fn go_on(&self) {
        self.shared.flow.send_replace(Flow::Moving);
    }

    /// Changes one byte on its way, as soon as one is there that fits.
    pub fn damage(&self, damage: Damage) {
        locked(&self.shared.damages).0.push(damage);
    }

    /// How many bytes were changed on their way.
    pub fn damaged(&self) -> u64 {
        locked(&self.shared.damages).1
    }

    /// Sets a trap.
    pub fn set(&self, trap: Trap) {
        locked(&self.shared.traps).push(trap);
    }

    /// Whether something was caught in that trap.
    pub fn has_caught(&self, trap: &Trap) -> bool {
        !locked(&self.shared.traps).contains(trap)
    }

    /// The port of the client that was caught in that trap last.
    pub fn caught_from(&self, trap: &Trap) -> Option<u16> {
        locked(&self.shared.caught).iter().rev().find(|(caught, _)| caught == trap).map(|(_, port)| *port)
    }

    /// Resets the connections that were caught.
    pub fn spring(&self) {
        self.shared.releases.send_modify(|releases| *releases += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, address)) = listener.accept().await {
        tokio::spawn(connect(client, address.port(), shared.clone()));
    }
}

async fn connect(client: TcpStream, port: u16, shared: Arc<Shared>) {
    let target = locked(&shared.target).clone();
    // An end without orderly closing: what is lost on the way is lost.
    let _ = client.set_zero_linger();
    let Some(target) = target else { return };
    let Ok(server) = TcpStream::connect(target).await else { return };
    let _ = (server.set_zero_linger(), server.set_nodelay(true), client.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let caught = watch::Sender::new(Caught::Not);
    let mut cuts = shared.cuts.subscribe();
    tokio::select! {
        _ = cuts.changed() => {}
        () = requests((from_client, port), to_server, &shared, &caught) => {}
        () = answers(from_server, to_client, &shared, &caught) => {}
    }
}

/// Whether the next answer on a connection is caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caught {
    Not,
    /// With the number of releases before: the trap may be sprung before the answer has come.
    NextAnswer {
        releases: u64,
    },
}

async fn requests(
    (mut from, port): (OwnedReadHalf, u16),
    mut to: OwnedWriteHalf,
    shared: &Shared,
    caught: &watch::Sender<Caught>,
) {
    let (mut buffer, mut heard) = (vec![0; BUFFER], Vec::new());
    let mut sprung = shared.releases.subscribe();
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        moving(shared).await;
        do_damage(shared, Direction::ToServer, &mut buffer[..read]);
        // A trap is sprung after it has caught: releases from here on are those of this connection.
        let releases = *sprung.borrow_and_update();
        match trap_for(shared, &buffer[..read], &mut heard, port) {
            Some(Moment::BeforeRequest) => {
                let _ = sprung.changed().await;
                return;
            }
            Some(Moment::BeforeAnswer) => {
                caught.send_replace(Caught::NextAnswer { releases });
            }
            None => {}
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, caught: &watch::Sender<Caught>) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        moving(shared).await;
        do_damage(shared, Direction::ToClient, &mut buffer[..read]);
        let caught = *caught.borrow();
        if let Caught::NextAnswer { releases } = caught {
            let _ = shared.releases.subscribe().wait_for(|now| *now > releases).await;
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

fn do_damage(shared: &Shared, direction: Direction, bytes: &mut [u8]) {
    let (damages, count) = &mut *locked(&shared.damages);
    let before = damages.len();
    damages.retain_mut(|damage| !damage.hits(direction, bytes));
    *count += (before - damages.len()) as u64;
}

async fn moving(shared: &Shared) {
    // The sender lives as long as the proxy: an error is its end, which ends the connection too.
    let _ = shared.flow.subscribe().wait_for(|flow| *flow == Flow::Moving).await;
}

/// Takes the trap that catches a request from this port; `heard` are the texts that traps wait for and the connection has had.
fn trap_for(shared: &Shared, request: &[u8], heard: &mut Vec<Vec<u8>>, port: u16) -> Option<Moment> {
    let mut traps = locked(&shared.traps);
    let awaited: Vec<&Vec<u8>> = traps.iter().filter_map(|trap| trap.after.as_ref()).collect();
    heard.retain(|text| awaited.contains(&text));
    let found = traps.iter().position(|trap| trap.catches(request, heard));
    heard.extend(awaited.into_iter().filter(|text| contains(request, text)).cloned());
    let trap = traps.remove(found?);
    let moment = trap.moment;
    locked(&shared.caught).push((trap, port));
    Some(moment)
}
