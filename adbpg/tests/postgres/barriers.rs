//! Barriers: arrivals that count, and execution once.

use millrace_adbpg::{Advance, BarrierOutcome, CommitOutcome, Connection, JournalEntry, PartitionProgress};

use crate::server::{Rows, with_database};

async fn commit_progress(connection: &mut Connection, partition: u32, number: u64) {
    let sequence = number * 10;
    let row = PartitionProgress { partition, number, next_offset: 1, sequence, watermark: 6, ended: false };
    let mut transaction = connection.begin().await.unwrap();
    assert_eq!(transaction.advance_progress("a", &[row]).await.unwrap(), Advance::Advanced);
    assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
}

#[tokio::test]
async fn an_arrival_comes_with_where_progress_stands() {
    with_database("arrival", |server| async move {
        let mut connection = server.connect().await;
        connection.ensure_state_tables().await.unwrap();
        connection.record_arrival("a", 0, 7, 10).await.unwrap();
        assert_eq!(connection.arrivals("a", 7).await.unwrap(), [(0, 10, 0)]);
        commit_progress(&mut connection, 0, 1).await;
        commit_progress(&mut connection, 1, 1).await;
        for _ in 0..2 {
            connection.record_arrival("a", 1, 7, 10).await.unwrap();
            connection.record_arrival("a", 2, 7, 0).await.unwrap();
        }
        assert_eq!(connection.arrivals("a", 7).await.unwrap(), [(0, 10, 10), (1, 10, 10), (2, 0, 0)]);
        assert!(connection.arrivals("a", 8).await.unwrap().is_empty());
        assert!(connection.arrivals("b", 7).await.unwrap().is_empty());
        // A zombie's arrival at a place that is no longer the newest.
        commit_progress(&mut connection, 0, 2).await;
        assert_eq!(connection.arrivals("a", 7).await.unwrap(), [(0, 10, 20), (1, 10, 10), (2, 0, 0)]);
    })
    .await;
}

#[tokio::test]
async fn a_barrier_is_executed_once_by_two_racers() {
    with_database("barrier", |server| async move {
        let mut first = server.connect().await;
        first.ensure_state_tables().await.unwrap();
        let statements = vec![
            "CREATE SEQUENCE executions".to_owned(),
            "SELECT nextval('executions'), pg_sleep(0.2)".to_owned(),
            "CREATE TABLE made (id int)".to_owned(),
        ];
        let mut racers = Vec::new();
        for _ in 0..3 {
            let (mut connection, statements) = (server.connect().await, statements.clone());
            racers.push(tokio::spawn(async move {
                loop {
                    match connection.execute_barrier("a", 7, &statements).await.unwrap() {
                        BarrierOutcome::Busy => tokio::task::yield_now().await,
                        outcome => return outcome,
                    }
                }
            }));
        }
        let mut executed = 0;
        for racer in racers {
            executed += u32::from(racer.await.unwrap() == BarrierOutcome::Executed);
        }
        assert_eq!(executed, 1);
        assert_eq!(first.execute_barrier("a", 7, &statements).await.unwrap(), BarrierOutcome::AlreadyDone);
        assert_eq!(server.rows("SELECT last_value FROM executions").await, ["1"]);
        assert!(first.journal_contains("a", JournalEntry::Barrier(7)).await.unwrap());
        assert!(!first.journal_contains("a", JournalEntry::Barrier(8)).await.unwrap());
        assert!(!first.journal_contains("b", JournalEntry::Barrier(7)).await.unwrap());
        let loaded = JournalEntry::TableLoaded { version: 1 };
        assert_eq!(
            first.execute_once("a", loaded, &["ANALYZE made".to_owned()]).await.unwrap(),
            BarrierOutcome::Executed
        );
    })
    .await;
}

#[tokio::test]
async fn a_barrier_that_fails_or_is_cut_off_leaves_nothing() {
    with_database("cut", |server| async move {
        let mut connection = server.connect().await;
        connection.ensure_state_tables().await.unwrap();
        let bad = ["CREATE TABLE made (id int)".to_owned(), "CREATE TABLE made (id int)".to_owned()];
        let error = connection.execute_barrier("a", 1, &bad).await.unwrap_err();
        assert!(error.to_string().contains("statement 2 of 2"), "{error}");
        assert!(!connection.journal_contains("a", JournalEntry::Barrier(1)).await.unwrap());
        assert!(server.rows("SELECT 1 FROM pg_class WHERE relname = 'made'").await.is_empty());

        let pid = connection.backend().pid;
        let slow = vec!["CREATE TABLE made (id int)".to_owned(), "SELECT pg_sleep(30)".to_owned()];
        let executing = tokio::spawn(async move { connection.execute_barrier("a", 2, &slow).await });
        let sleeping = format!("SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'PgSleep'");
        server.wait_for(Rows::Some, &sleeping).await;
        let mut other = server.connect().await;
        assert_eq!(other.execute_barrier("a", 2, &[]).await.unwrap(), BarrierOutcome::Busy);
        server.rows(&format!("SELECT pg_terminate_backend({pid})")).await;
        assert!(executing.await.unwrap().is_err());
        let good = ["CREATE TABLE made (id int)".to_owned()];
        assert_eq!(other.execute_barrier("a", 2, &good).await.unwrap(), BarrierOutcome::Executed);
    })
    .await;
}
