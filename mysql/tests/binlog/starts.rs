//! Where reading begins and goes on: nothing is missing, and nothing comes twice.

use std::time::Duration;

use millrace_model::mysql_type::{MysqlType, Sign::Signed};
use millrace_model::{BinlogPlace, ErrorClass};
use millrace_mysql::binlog::{BinlogStart, BinlogStream, RowImage, RowsBatch, SourceEvent};

use crate::lab::{ColumnCase, Lab, decode, inserted, options, server_id};

fn columns() -> [ColumnCase; 1] {
    [("id".into(), String::new(), MysqlType::Int(Signed))]
}

fn ids(lab: &Lab, batches: &[RowsBatch]) -> Vec<i32> {
    let rows = inserted(&decode(batches, &lab.schema("t", &columns())));
    rows.into_iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn every_boundary_is_a_place_to_begin_again() {
    let mut lab = Lab::new("boundaries").await;
    lab.run("CREATE TABLE t (id int primary key)").await;
    let (start, _) = lab.now().await;
    for id in 0..5 {
        lab.run(&format!("INSERT INTO t VALUES ({id})")).await;
        if id == 2 {
            lab.run("FLUSH BINARY LOGS").await;
        }
    }
    let events = lab.read(BinlogStart::Place(start.clone())).await.unwrap();
    assert!(events.iter().any(|event| matches!(event, SourceEvent::Rotated { .. })));
    let ours =
        |event: &SourceEvent| matches!(event, SourceEvent::Rows(batch) if *batch.map.name.database == *lab.database);
    let mut boundaries = vec![(start, 0)];
    let mut seen = 0;
    for event in &events {
        seen += i32::from(ours(event));
        if let SourceEvent::Commit { end } = event {
            boundaries.push((end.clone(), seen));
        }
    }
    for (place, first) in boundaries {
        let batches = lab.batches(BinlogStart::Place(place)).await;
        assert_eq!(ids(&lab, &batches), (first..5).collect::<Vec<_>>());
    }
    lab.finish().await;
}

#[tokio::test]
async fn a_gtid_set_leaves_out_exactly_what_is_in_it() {
    let mut lab = Lab::new("gtids").await;
    lab.run("CREATE TABLE t (id int primary key)").await;
    let (_, before) = lab.now().await;
    let mut begun = Vec::new();
    for id in 0..6 {
        lab.run(&format!("INSERT INTO t VALUES ({id})")).await;
        if id == 3 {
            lab.run("FLUSH BINARY LOGS").await;
        }
    }
    for event in lab.read(BinlogStart::Gtids(before.clone())).await.unwrap() {
        match event {
            SourceEvent::Begin(transaction) => begun.push(transaction),
            SourceEvent::Rows(batch) if *batch.map.name.database == *lab.database => {
                let last = begun.last().unwrap();
                assert!(last.place < batch.place && last.committed_at > 1_600_000_000_000_000);
            }
            _ => {}
        }
    }
    let batches = lab.batches(BinlogStart::Gtids(before.clone())).await;
    assert_eq!(ids(&lab, &batches), [0, 1, 2, 3, 4, 5]);
    // A set with holes: every second transaction that came is left out. Others write to the server too.
    let mut holes = before;
    let left_out: Vec<BinlogPlace> = begun.iter().step_by(2).map(|transaction| transaction.place.clone()).collect();
    begun.iter().step_by(2).for_each(|transaction| holes.add(transaction.gtid.as_ref().unwrap()));
    let whole = lab.read(BinlogStart::Gtids(holes)).await.unwrap();
    for event in whole {
        if let SourceEvent::Begin(transaction) = event {
            assert!(!left_out.contains(&transaction.place), "{transaction:?}");
        }
    }
    lab.finish().await;
}

#[tokio::test]
async fn a_tagged_gtid_is_read_and_can_be_left_out() {
    let mut lab = Lab::new("tagged").await;
    lab.run("CREATE TABLE t (id int primary key)").await;
    let (start, before) = lab.now().await;
    lab.run("SET gtid_next = 'AUTOMATIC:millrace'").await;
    lab.run("INSERT INTO t VALUES (1)").await;
    let (_, after) = lab.now().await;
    lab.run("SET gtid_next = 'AUTOMATIC'").await;
    lab.run("INSERT INTO t VALUES (2)").await;
    assert!(after.to_string().contains(":millrace:"));
    let events = lab.read(BinlogStart::Place(start)).await.unwrap();
    let tagged = |event: &SourceEvent| matches!(event, SourceEvent::Begin(t) if t.gtid.as_ref().is_some_and(|g| &*g.source.tag == "millrace"));
    assert!(events.iter().any(tagged));
    for (set, expected) in [(before, vec![1, 2]), (after, vec![2])] {
        let batches = lab.batches(BinlogStart::Gtids(set)).await;
        assert_eq!(ids(&lab, &batches), expected);
    }
    lab.finish().await;
}

#[tokio::test]
async fn a_place_beyond_the_short_commands_reach_is_reached_by_the_other() {
    let mut lab = Lab::new("far").await;
    let (mut place, _) = lab.now().await;
    place.offset = 1 << 33;
    let mut stream = BinlogStream::open(options(), BinlogStart::Place(place), server_id(1)).await.unwrap();
    let error = stream.next().await.unwrap_err();
    assert!(error.to_string().contains("position > file size"), "{error}");
    lab.finish().await;
}

#[tokio::test]
async fn a_purged_file_is_fatal_and_stays_an_error() {
    let lab = Lab::new("purged").await;
    let place = BinlogPlace::new("binlog.999999", 4);
    let mut stream = BinlogStream::open(options(), BinlogStart::Place(place), server_id(1)).await.unwrap();
    let error = stream.next().await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(error.hint().contains("load the tables anew"), "{error}: {}", error.hint());
    assert!(stream.next().await.is_err());
    lab.finish().await;
}

#[tokio::test]
async fn an_idle_source_beats_and_a_dropped_future_loses_nothing() {
    let mut lab = Lab::new("idle").await;
    lab.run("CREATE TABLE t (id int primary key)").await;
    let (start, _) = lab.now().await;
    let mut stream = BinlogStream::open(options(), BinlogStart::Place(start), server_id(1)).await.unwrap();
    while !matches!(stream.next().await.unwrap(), SourceEvent::Heartbeat { .. }) {}
    let mut batches = Vec::new();
    for id in 0..30 {
        lab.run(&format!("INSERT INTO t VALUES ({id})")).await;
        // Dropped again and again in the middle of reading.
        while let Ok(event) = tokio::time::timeout(Duration::from_micros(300), stream.next()).await {
            batches.extend(own_rows(&lab, event.unwrap()));
        }
    }
    while batches.len() < 30 {
        batches.extend(own_rows(&lab, stream.next().await.unwrap()));
    }
    assert_eq!(ids(&lab, &batches), (0..30).collect::<Vec<_>>());
    stream.close().await.unwrap();
    lab.finish().await;
}

fn own_rows(lab: &Lab, event: SourceEvent) -> Option<RowsBatch> {
    match event {
        SourceEvent::Rows(batch) if *batch.map.name.database == *lab.database => Some(batch),
        _ => None,
    }
}

#[tokio::test]
async fn an_event_larger_than_the_servers_own_limit_is_read() {
    let mut lab = Lab::new("large").await;
    lab.run("CREATE TABLE t (a longblob, b longblob)").await;
    let (start, _) = lab.now().await;
    // Each within the server's max_allowed_packet of 64 MiB, both together beyond it.
    lab.run("INSERT INTO t VALUES (REPEAT('a', 35000000), REPEAT('b', 35000000))").await;
    let batches = lab.batches(BinlogStart::Place(start)).await;
    let column = |name: &str| (name.to_owned(), String::new(), MysqlType::Blob(4));
    let images = decode(&batches, &lab.schema("t", &[column("a"), column("b")]));
    let [RowImage::Insert(row)] = &images[..] else { panic!("{} rows", images.len()) };
    assert!(row.len() > 70_000_000);
    lab.finish().await;
}

#[tokio::test]
async fn two_readers_with_one_id_are_told_apart_by_an_error() {
    let mut lab = Lab::new("one_id").await;
    let (start, _) = lab.now().await;
    let open = || BinlogStream::open(options(), BinlogStart::Place(start.clone()), server_id(2));
    let mut first = open().await.unwrap();
    first.next().await.unwrap();
    let mut second = open().await.unwrap();
    second.next().await.unwrap();
    let error = loop {
        if let Err(error) = first.next().await {
            break error;
        }
    };
    assert!(error.hint().contains("same server id"), "{error}: {}", error.hint());
    lab.finish().await;
}
