//! Readers that are held back for longer than the server waits for anybody to read (`net_write_timeout`).
//!
//! A stage that its log or its destination holds back does not read. What the product's readers get must then be all the same as
//! if they had read at once; a reader that leaves the server's setting as it is shows that the time was over.

use std::time::Duration;

use millrace_model::Row;
use millrace_mysql::binlog::{BinlogStart, BinlogStream, RowImage, SourceEvent};
use millrace_mysql::schema::read_tables;
use millrace_mysql::snapshot::{ChunkLimits, WholeReader, open_snapshot};
use millrace_mysql::{Session, SourceOptions, TlsMode};
use millrace_testkit::{OwnServer, Server, poll_until};
use mysql_async::prelude::Queryable;
use mysql_async::{BinlogStreamRequest, Conn, Opts, OptsBuilder};

use crate::lab::{decode, server_id};

/// Each with a MiB: far more than the buffers between server and reader hold.
const ROWS: usize = 48;

const LIMIT: Duration = Duration::from_secs(90);

/// A server that waits for a second.
fn impatient_server() -> (OwnServer, Opts) {
    let own = OwnServer::start(Server::Mysql, "--net-write-timeout=1").unwrap();
    let opts = Opts::from_url(&own.url().unwrap()).unwrap();
    let opts = OptsBuilder::from_opts(opts).prefer_socket(false).into();
    (own, opts)
}

fn source_options(opts: &Opts) -> SourceOptions {
    SourceOptions {
        host: opts.ip_or_hostname().to_owned(),
        port: opts.tcp_port(),
        user: opts.user().unwrap_or("root").to_owned(),
        password: "".into(),
        tls: TlsMode::Disabled,
        client_identity: None,
    }
}

async fn fill(administrator: &mut Conn) {
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v LONGBLOB)"] {
        administrator.query_drop(sql).await.unwrap();
    }
    for id in 0..ROWS {
        let sql = format!("INSERT INTO d.t VALUES ({id}, REPEAT(CHAR(65 + {id} % 26), 1 << 20))");
        administrator.query_drop(sql).await.unwrap();
    }
}

/// The rest of the stream, up to the last of the rows.
async fn read_on(
    stream: &mut BinlogStream,
    schema: &millrace_model::TableSchema<millrace_model::MysqlType>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    while rows.len() < ROWS {
        if let SourceEvent::Rows(batch) = stream.next().await.unwrap() {
            rows.extend(decode(&[batch], schema).into_iter().map(|image| match image {
                RowImage::Insert(row) => row,
                other => panic!("{other:?}"),
            }));
        }
    }
    rows
}

#[tokio::test]
async fn readers_that_are_held_back_longer_than_the_server_waits_miss_nothing() {
    let (_own, opts) = impatient_server();
    let mut administrator = Conn::new(opts.clone()).await.unwrap();
    let start: String = administrator.query_first("SELECT @@GLOBAL.gtid_executed").await.unwrap().unwrap();
    let files: Vec<mysql_async::Row> = administrator.query("SHOW BINARY LOGS").await.unwrap();
    let file: String = files[0].get(0).unwrap();
    fill(&mut administrator).await;
    let mut session = Session::connect(&source_options(&opts)).await.unwrap();
    let schema = read_tables(&mut session, &|table| &*table.database == "d").await.unwrap().remove(0).into_schema(1);
    let schema = std::sync::Arc::new(schema);

    let start = BinlogStart::Gtids(start.parse().unwrap());
    let mut stream = BinlogStream::open(opts.clone(), start, server_id(5)).await.unwrap();
    while !matches!(stream.next().await.unwrap(), SourceEvent::FormatDescription { .. }) {}
    open_snapshot(&mut session).await.unwrap();
    let limits = ChunkLimits { rows: 1, bytes: 1 };
    let mut pieces = WholeReader::start(&mut session, &schema, limits).await.unwrap();
    let mut snapshot = pieces.next_piece().await.unwrap().unwrap();

    // The same without the product, and then without reading.
    let dump = Conn::new(opts.clone()).await.unwrap();
    let mut select = Conn::new(opts.clone()).await.unwrap();
    let impatient = [dump.id(), select.id()];
    let request = BinlogStreamRequest::new(server_id(6)).with_filename(file.as_bytes()).with_pos(4);
    let dump = dump.get_binlog_stream(request).await.unwrap();
    let selected = select.query_iter("SELECT * FROM d.t").await.unwrap();
    let sql =
        format!("SELECT COUNT(*) FROM performance_schema.processlist WHERE id IN ({}, {})", impatient[0], impatient[1]);
    poll_until(LIMIT, "the server gives up readers that do not read", async || {
        Ok(administrator.query_first::<u32, _>(&sql).await? == Some(0))
    })
    .await
    .unwrap();
    drop((dump, selected));

    let streamed = read_on(&mut stream, &schema).await;
    while let Some(more) = pieces.next_piece().await.unwrap() {
        snapshot.extend(more);
    }
    assert_eq!(snapshot.len(), ROWS);
    assert!(snapshot.iter().all(|row| row.len() > 1 << 20));
    assert!(streamed == snapshot, "the rows differ");
}
