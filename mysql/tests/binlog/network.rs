//! A network that breaks, or goes silent without breaking.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use millrace_model::ErrorClass;
use millrace_mysql::binlog::{BinlogError, BinlogStart, BinlogStream, SourceEvent};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::lab::{options, server_id, turn};

const FORWARD: u8 = 0;
const STALL: u8 = 1;
const CUT: u8 = 2;

/// What stands between the reader and the server.
struct Relay {
    options: Opts,
    mode: Arc<AtomicU8>,
}

impl Relay {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = (options().ip_or_hostname().to_owned(), options().tcp_port());
        let mode = Arc::new(AtomicU8::new(FORWARD));
        let relayed = mode.clone();
        tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(server).await.unwrap();
            relay(&mut client, &mut server, &relayed).await;
        });
        let options = OptsBuilder::from_opts(options()).ip_or_hostname("127.0.0.1").tcp_port(port).into();
        Self { options, mode }
    }

    /// A stream through the relay, which has begun.
    async fn stream(&self, nth: u32) -> BinlogStream {
        let mut session = Conn::new(options()).await.unwrap();
        let executed: String = session.query_first("SELECT @@GLOBAL.gtid_executed").await.unwrap().unwrap();
        let start = BinlogStart::Gtids(executed.parse().unwrap());
        let mut stream = BinlogStream::open(self.options.clone(), start, server_id(nth)).await.unwrap();
        while !matches!(stream.next().await.unwrap(), SourceEvent::FormatDescription { .. }) {}
        stream
    }
}

async fn relay(client: &mut TcpStream, server: &mut TcpStream, mode: &AtomicU8) {
    let (mut from_client, mut from_server) = (vec![0; 65536], vec![0; 65536]);
    loop {
        let (from, count, to) = tokio::select! {
            count = client.read(&mut from_client) => (&from_client, count.unwrap_or(0), &mut *server),
            count = server.read(&mut from_server) => (&from_server, count.unwrap_or(0), &mut *client),
        };
        match (mode.load(Ordering::Relaxed), count) {
            (CUT, _) | (_, 0) => return,
            (FORWARD, _) => to.write_all(&from[..count]).await.unwrap(),
            _ => {}
        }
    }
}

async fn error_of(stream: &mut BinlogStream) -> BinlogError {
    loop {
        if let Err(error) = stream.next().await {
            return error;
        }
    }
}

#[tokio::test]
async fn a_broken_connection_can_be_made_again() {
    let turn = turn().await;
    let relay = Relay::new().await;
    let mut stream = relay.stream(3).await;
    relay.mode.store(CUT, Ordering::Relaxed);
    drop(turn);
    let error = error_of(&mut stream).await;
    assert_eq!(error.class(), ErrorClass::Connection, "{error}");
    assert!(matches!(stream.next().await, Err(BinlogError::Failed)));
}

#[tokio::test]
async fn silence_is_not_waited_for_without_end() {
    let turn = turn().await;
    let relay = Relay::new().await;
    let mut stream = relay.stream(4).await;
    relay.mode.store(STALL, Ordering::Relaxed);
    drop(turn);
    let error = error_of(&mut stream).await;
    assert!(matches!(error, BinlogError::Silent { .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Connection);
}
