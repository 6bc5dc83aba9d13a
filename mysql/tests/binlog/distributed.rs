//! Distributed (XA) transactions, as a real server logs them.

use millrace_model::BinlogPlace;
use millrace_mysql::binlog::{BinlogError, BinlogStart, BinlogStream, Refusal, SourceEvent};

use crate::lab::{Lab, options, server_id};

/// Two transactions are prepared, one commits and one rolls back, with a plain one in between.
const INTERLEAVED: [&str; 13] = [
    "XA START 'a', 'b', 7",
    "INSERT INTO t VALUES (1, REPEAT('x', 100)), (2, 'y')",
    "XA END 'a', 'b', 7",
    "XA PREPARE 'a', 'b', 7",
    "XA START 'r'",
    "INSERT INTO t VALUES (3, 'gone')",
    "XA END 'r'",
    "XA PREPARE 'r'",
    "INSERT INTO t VALUES (4, 'plain')",
    "XA COMMIT 'a', 'b', 7",
    "XA ROLLBACK 'r'",
    "INSERT INTO t VALUES (5, 'last')",
    "DO 1",
];

const IN_ORDER: &str = "begin prepared X'61',X'62',7|begin prepared X'72',X'',1|begin rows commit|\
                        begin rows ends X'61',X'62',7 commit|begin ends X'72',X'',1 commit|begin rows commit";

/// The events of a stream up to a place, in words.
async fn told(mut stream: BinlogStream, end: &BinlogPlace) -> Result<String, BinlogError> {
    let mut told = Vec::new();
    let mut transaction: Vec<String> = Vec::new();
    loop {
        let (word, ends_at) = match stream.next().await? {
            SourceEvent::Begin(_) => ("begin".to_owned(), None),
            SourceEvent::Rows(_) => ("rows".to_owned(), None),
            SourceEvent::EndsPrepared { xid } => (format!("ends {xid}"), None),
            SourceEvent::Prepared { xid, end } => (format!("prepared {xid}"), Some(end)),
            SourceEvent::Commit { end } => ("commit".to_owned(), Some(end)),
            _ => continue,
        };
        transaction.push(word);
        if let Some(at) = ends_at {
            told.push(std::mem::take(&mut transaction).join(" "));
            if at >= *end {
                return Ok(told.join("|"));
            }
        }
    }
}

async fn open(start: &BinlogPlace) -> BinlogStream {
    BinlogStream::open(options(), BinlogStart::Place(start.clone()), server_id(0)).await.unwrap()
}

/// The places at which a plain transaction, or the commit of the first distributed one, begins and ends.
async fn written(lab: &mut Lab) -> (BinlogPlace, BinlogPlace, BinlogPlace) {
    lab.run("CREATE TABLE t (id int primary key, v text)").await;
    let (start, _) = lab.now().await;
    let mut middle = start.clone();
    for sql in INTERLEAVED {
        if sql.starts_with("XA COMMIT") {
            middle = lab.now().await.0;
        }
        lab.run(sql).await;
    }
    let (end, _) = lab.now().await;
    (start, middle, end)
}

#[tokio::test]
async fn rows_come_with_the_commit_and_never_after_a_rollback() {
    let mut lab = Lab::new("xa").await;
    let (start, _, end) = written(&mut lab).await;
    assert_eq!(told(open(&start).await, &end).await.unwrap(), IN_ORDER);
    lab.finish().await;
}

#[tokio::test]
async fn rows_beyond_the_bound_are_read_again() {
    let mut lab = Lab::new("xa_again").await;
    let (start, _, end) = written(&mut lab).await;
    let stream = open(&start).await.keeping_prepared_rows(50);
    assert_eq!(told(stream, &end).await.unwrap(), IN_ORDER);
    lab.finish().await;
}

#[tokio::test]
async fn a_restart_collects_the_rows_of_what_is_prepared() {
    let mut lab = Lab::new("xa_restart").await;
    let (from, until, end) = written(&mut lab).await;
    let start = BinlogStart::Collecting { from, until: until.clone() };
    let stream = BinlogStream::open(options(), start, server_id(0)).await.unwrap();
    let rest = IN_ORDER.splitn(4, '|').last().unwrap();
    assert_eq!(told(stream, &end).await.unwrap(), rest);
    // Without it, the rows of the commit are not known.
    let error = told(open(&until).await, &end).await.unwrap_err();
    assert!(matches!(&error, BinlogError::Refused { refusal: Refusal::XaUnknown, .. }), "{error}");
    assert!(error.hint().contains("XA RECOVER"), "{}", error.hint());
    lab.finish().await;
}

#[tokio::test]
async fn one_phase_is_a_commit() {
    let mut lab = Lab::new("xa_one_phase").await;
    lab.run("CREATE TABLE t (id int primary key, v text)").await;
    for (id, bound, compression) in [(1, 1 << 20, "OFF"), (2, 10, "OFF"), (3, 1 << 20, "ON")] {
        let (start, _) = lab.now().await;
        lab.run(&format!("SET SESSION binlog_transaction_compression = {compression}")).await;
        lab.run("XA START 'one'").await;
        lab.run(&format!("INSERT INTO t VALUES ({id}, REPEAT('x', 5000))")).await;
        lab.run("XA END 'one'").await;
        lab.run("XA COMMIT 'one' ONE PHASE").await;
        let (end, _) = lab.now().await;
        let stream = open(&start).await.keeping_prepared_rows(bound);
        assert_eq!(told(stream, &end).await.unwrap(), "begin rows commit", "{bound} {compression}");
    }
    lab.finish().await;
}
