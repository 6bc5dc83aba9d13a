//! Statements that the binlog holds as text.

use millrace_mysql::binlog::{BinlogStart, SourceEvent, Statement};
use millrace_mysql::charset::Charset;

use crate::lab::Lab;

fn ours(lab: &Lab, events: Vec<SourceEvent>) -> Vec<SourceEvent> {
    let mut transactions: Vec<Vec<SourceEvent>> = Vec::new();
    for event in events {
        match event {
            SourceEvent::Begin(_) => transactions.push(vec![event]),
            SourceEvent::Rows(_) | SourceEvent::Statement(_) | SourceEvent::Commit { .. } => {
                transactions.last_mut().unwrap().push(event);
            }
            _ => {}
        }
    }
    let is_ours = |event: &SourceEvent| match event {
        SourceEvent::Statement(statement) => statement.database == lab.database,
        SourceEvent::Rows(batch) => *batch.map.name.database == *lab.database,
        _ => false,
    };
    transactions.into_iter().filter(|events| events.iter().any(is_ours)).flatten().collect()
}

fn shape(events: &[SourceEvent]) -> String {
    let letter = |event: &SourceEvent| match event {
        SourceEvent::Begin(_) => 'b',
        SourceEvent::Rows(_) => 'r',
        SourceEvent::Statement(_) => 's',
        _ => 'c',
    };
    events.iter().map(letter).collect()
}

fn statements(events: &[SourceEvent]) -> Vec<&Statement> {
    events
        .iter()
        .filter_map(|event| match event {
            SourceEvent::Statement(statement) => Some(statement),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn definitions_are_transactions_of_their_own() {
    let mut lab = Lab::new("definitions").await;
    let (start, _) = lab.now().await;
    lab.run("CREATE TABLE t (id int primary key)").await;
    lab.run("SET SESSION sql_mode = 'ANSI_QUOTES'").await;
    lab.run("ALTER TABLE \"t\" ADD \"é\" int").await;
    lab.run("SET SESSION sql_mode = '', NAMES latin1").await;
    lab.run_bytes(b"ALTER TABLE t DROP `\xe9`").await;
    lab.run("SET NAMES utf8mb4").await;
    lab.run("TRUNCATE t").await;
    lab.run("CREATE TABLE u AS SELECT 1 AS a").await;
    lab.run("DROP TABLE t, u").await;
    let events = lab.read(BinlogStart::Place(start)).await.unwrap();
    let events = ours(&lab, events);
    assert_eq!(shape(&events), "bscbscbscbscbsrcbsc");
    let statements = statements(&events);
    assert_eq!(statements[1].sql, "ALTER TABLE \"t\" ADD \"é\" int");
    assert_ne!(statements[1].sql_mode.unwrap() & Statement::ANSI_QUOTES, 0);
    assert_eq!(statements[1].charset, Some(Charset::Utf8mb4));
    assert_eq!((statements[2].sql.as_str(), statements[2].charset), ("ALTER TABLE t DROP `é`", Some(Charset::Latin1)));
    assert_eq!(statements[2].sql_mode.unwrap() & Statement::ANSI_QUOTES, 0);
    assert_eq!(statements[3].sql, "TRUNCATE t");
    lab.finish().await;
}

#[tokio::test]
async fn savepoints_and_empty_transactions_are_harmless() {
    let mut lab = Lab::new("savepoints").await;
    lab.run("CREATE TABLE t (id int primary key)").await;
    lab.run("CREATE TABLE plain (id int primary key) ENGINE = MyISAM").await;
    let (start, _) = lab.now().await;
    for sql in [
        "BEGIN",
        "INSERT INTO t VALUES (1)",
        "SAVEPOINT a",
        "INSERT INTO t VALUES (2)",
        "ROLLBACK TO a",
        "INSERT INTO t VALUES (3)",
        "COMMIT",
        "INSERT INTO plain VALUES (1)",
        "BEGIN",
        "INSERT INTO t VALUES (4)",
        "ROLLBACK",
    ] {
        lab.run(sql).await;
    }
    let events = lab.read(BinlogStart::Place(start)).await.unwrap();
    assert_eq!(shape(&ours(&lab, events)), "brrcbrc");
    lab.finish().await;
}
