//! Barriers: arrivals that count, and execution once.

use millrace_adbpg::{Advance, BarrierOutcome, CommitOutcome, Connection, JournalEntry, PartitionProgress};

use crate::server::{Rows, with_database};

async fn commit_progress(connection: &mut Connection, partition: u32, number: u64, watermark: u64) {
    let sequence = number * 10;
    let row = PartitionProgress { partition, number, next_offset: 1, sequence, watermark, ended: false };
    let mut transaction = connection.begin().await.unwrap();
    assert_eq!(transaction.advance_progress("a", &[row]).await.unwrap(), Advance::Advanced);
    assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
}

#[tokio::test]
async fn arrivals_say_where_progress_stands_now() {
    with_database("arrival", |server| async move {
        let mut connection = server.connect().await;
        connection.ensure_state_tables().await.unwrap();
        // Before a barrier that is first in its partition there is no progress: it stands at 0.
        connection.record_arrival("a", 0, 7, 0).await.unwrap();
        assert_eq!(connection.arrivals("a", 7).await.unwrap(), [(0, 0, 0)]);
        commit_progress(&mut connection, 1, 1, 6).await;
        for _ in 0..2 {
            connection.record_arrival("a", 1, 7, 10).await.unwrap();
        }
        assert_eq!(connection.arrivals("a", 7).await.unwrap(), [(0, 0, 0), (1, 10, 10)]);
        // Progress goes on, or another apply goes back: the arrival says a sequence at which nobody stands.
        commit_progress(&mut connection, 0, 1, 7).await;
        commit_progress(&mut connection, 1, 2, 8).await;
        assert_eq!(connection.arrivals("a", 7).await.unwrap(), [(0, 0, 10), (1, 10, 20)]);
        assert!(connection.arrivals("a", 8).await.unwrap().is_empty());
        assert!(connection.arrivals("b", 7).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_table_is_loaded_when_all_partitions_say_so() {
    with_database("loaded", |server| async move {
        let mut connection = server.connect().await;
        connection.ensure_state_tables().await.unwrap();
        let hash = u64::MAX - 5;
        for partition in [0, 0, 1] {
            assert!(connection.loaded_tables("a", 2).await.unwrap().is_empty());
            let mut transaction = connection.begin().await.unwrap();
            transaction.record_loaded("a", 3, hash, partition).await.unwrap();
            assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
        }
        assert_eq!(connection.loaded_tables("a", 2).await.unwrap(), [(3, hash)]);
        assert!(connection.loaded_tables("b", 2).await.unwrap().is_empty());
        let entry = JournalEntry::TableLoaded { version: 3 };
        assert_eq!(connection.execute_once("a", entry, &[]).await.unwrap(), BarrierOutcome::Executed);
        assert!(connection.loaded_tables("a", 2).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_state_of_a_task_in_one_process_comes_back() {
    with_database("state", |server| async move {
        let mut connection = server.connect().await;
        connection.ensure_state_tables().await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        let records = [("a".to_owned(), Some(vec![0, 255])), ("b'".to_owned(), Some(vec![])), ("c".to_owned(), None)];
        transaction.write_state("t", &records).await.unwrap();
        transaction.write_state("t", &[("a".to_owned(), Some(vec![7])), ("b'".to_owned(), None)]).await.unwrap();
        assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
        assert_eq!(connection.read_state("t").await.unwrap(), [("a".to_owned(), vec![7])]);
        assert!(connection.read_state("other").await.unwrap().is_empty());

        let other = server.connect().await;
        assert!(connection.try_lock_task("t").await.unwrap());
        assert!(!other.try_lock_task("t").await.unwrap());
        assert!(other.try_lock_task("u").await.unwrap());
        connection.name_session("who it is").await.unwrap();
        assert_eq!(other.find_holder_of_task("t").await.unwrap().as_deref(), Some("who it is"));
        assert_eq!(other.find_holder_of_task("nobody's").await.unwrap(), None);
        let pid = connection.backend().pid;
        server.rows(&format!("SELECT pg_terminate_backend({pid})")).await;
        server.wait_for(Rows::None, &format!("SELECT 1 FROM pg_stat_activity WHERE pid = {pid}")).await;
        assert!(other.try_lock_task("t").await.unwrap());
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
        // The client may learn of the end before the server has given the locks back.
        server.wait_for(Rows::None, &format!("SELECT 1 FROM pg_stat_activity WHERE pid = {pid}")).await;
        let good = ["CREATE TABLE made (id int)".to_owned()];
        assert_eq!(other.execute_barrier("a", 2, &good).await.unwrap(), BarrierOutcome::Executed);
    })
    .await;
}
