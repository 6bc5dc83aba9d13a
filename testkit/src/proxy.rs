//! A TCP proxy on the loopback, through which tests cut, stall and mutilate connections.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Bytes that are moved at once.
const BUFFER: usize = 64 << 10;

/// Whether bytes move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Moving,
    Still,
}

#[derive(Debug)]
struct Shared {
    /// Where connections go; none refuses them.
    target: Mutex<Option<String>>,
    /// A request after which the answer is lost, once.
    lost_answer: Mutex<Option<Vec<u8>>>,
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
            lost_answer: Mutex::new(None),
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

    /// The next request that has these bytes in it arrives, but its answer does not: the connection is reset instead.
    pub fn lose_next_answer(&self, request: &[u8]) {
        *locked(&self.shared.lost_answer) = Some(request.to_owned());
    }

    /// Whether [`Proxy::lose_next_answer`] has happened.
    pub fn answer_was_lost(&self) -> bool {
        locked(&self.shared.lost_answer).is_none()
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
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(connect(client, shared.clone()));
    }
}

async fn connect(client: TcpStream, shared: Arc<Shared>) {
    let target = locked(&shared.target).clone();
    // An end without orderly closing: what is lost on the way is lost.
    let _ = client.set_zero_linger();
    let Some(target) = target else { return };
    let Ok(server) = TcpStream::connect(target).await else { return };
    let _ = (server.set_zero_linger(), server.set_nodelay(true), client.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let doomed = watch::Sender::new(Doom::None);
    let mut cuts = shared.cuts.subscribe();
    tokio::select! {
        _ = cuts.changed() => {}
        () = requests(from_client, to_server, &shared, &doomed) => {}
        () = answers(from_server, to_client, &shared, &doomed) => {}
    }
}

/// Whether the next answer on a connection ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doom {
    None,
    NextAnswer,
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, doomed: &watch::Sender<Doom>) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        moving(shared).await;
        if is_to_be_lost(shared, &buffer[..read]) {
            doomed.send_replace(Doom::NextAnswer);
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, doomed: &watch::Sender<Doom>) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        moving(shared).await;
        if *doomed.borrow() == Doom::NextAnswer || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn moving(shared: &Shared) {
    // The sender lives as long as the proxy: an error is its end, which ends the connection too.
    let _ = shared.flow.subscribe().wait_for(|flow| *flow == Flow::Moving).await;
}

fn is_to_be_lost(shared: &Shared, request: &[u8]) -> bool {
    let mut wanted = locked(&shared.lost_answer);
    let found = wanted.as_ref().is_some_and(|part| request.windows(part.len()).any(|window| window == part));
    if found {
        *wanted = None;
    }
    found
}
