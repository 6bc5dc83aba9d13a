//! Progress: of two writers one commits, a zombie changes nothing, and nothing is guessed.

use millrace_adbpg::{Advance, CommitOutcome, Connection, PartitionProgress, TableWrite, TaskIdentity};
use millrace_model::Cell::Int;
use millrace_model::{PgType, TableSchema};

use crate::server::{Rows, Server, create, row, table, with_database};

fn at(partition: u32, number: u64) -> PartitionProgress {
    PartitionProgress {
        partition,
        number,
        next_offset: number as i64 * 10,
        sequence: number * 100,
        watermark: number,
        ended: false,
    }
}

async fn ready(server: &Server) -> (Connection, TableSchema<PgType>) {
    let mut connection = server.connect().await;
    connection.ensure_state_tables().await.unwrap();
    let schema = table("t", &[("id", PgType::Integer)], 1);
    create(&connection, &schema).await;
    (connection, schema)
}

fn insert(id: i64) -> TableWrite {
    TableWrite { inserts: vec![row([Int(id)])], ..TableWrite::default() }
}

#[tokio::test]
async fn rows_and_progress_are_one() {
    with_database("one", |server| async move {
        let (mut connection, schema) = ready(&server).await;
        let mut transaction = connection.begin().await.unwrap();
        transaction.write_table(&schema, &insert(1)).await.unwrap();
        assert_eq!(transaction.advance_progress("a", &[at(1, 1), at(0, 1)]).await.unwrap(), Advance::Advanced);
        drop(transaction);
        assert!(connection.read_progress("a").await.unwrap().is_empty());

        let mut transaction = connection.begin().await.unwrap();
        transaction.write_table(&schema, &insert(2)).await.unwrap();
        let ended = PartitionProgress { ended: true, ..at(3, 1) };
        let advanced = transaction.advance_progress("a", &[ended.clone(), at(0, 1)]).await.unwrap();
        assert_eq!(advanced, Advance::Advanced);
        assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
        assert_eq!(connection.read_progress("a").await.unwrap(), [at(0, 1), ended]);
        assert!(connection.read_progress("b").await.unwrap().is_empty());
        assert_eq!(server.rows("SELECT id FROM t").await, ["2"]);
    })
    .await;
}

#[tokio::test]
async fn of_two_writers_one_is_lost() {
    with_database("race", |server| async move {
        let (mut first, schema) = ready(&server).await;
        let mut second = server.connect().await;
        let waiter = second.backend().pid;
        let mut one = first.begin().await.unwrap();
        one.write_table(&schema, &insert(1)).await.unwrap();
        assert_eq!(one.advance_progress("a", &[at(0, 1)]).await.unwrap(), Advance::Advanced);

        let racing = tokio::spawn(async move {
            let mut two = second.begin().await.unwrap();
            two.write_table(&table("t", &[("id", PgType::Integer)], 1), &insert(2)).await.unwrap();
            let advanced = two.advance_progress("a", &[at(0, 1)]).await.unwrap();
            (advanced, two.commit().await.is_err())
        });
        let sql = format!("SELECT 1 FROM pg_stat_activity WHERE pid = {waiter} AND wait_event_type = 'Lock'");
        server.wait_for(Rows::Some, &sql).await;
        assert!(matches!(one.commit().await.unwrap(), CommitOutcome::Committed));
        assert_eq!(racing.await.unwrap(), (Advance::Lost, true));
        assert_eq!(server.rows("SELECT id FROM t").await, ["1"]);
    })
    .await;
}

#[tokio::test]
async fn a_zombie_changes_nothing() {
    with_database("zombie", |server| async move {
        let (mut connection, schema) = ready(&server).await;
        for number in 1..=3 {
            let mut transaction = connection.begin().await.unwrap();
            assert_eq!(transaction.advance_progress("a", &[at(0, number)]).await.unwrap(), Advance::Advanced);
            assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
        }
        // Behind, at the same number, and beyond a gap.
        for number in [1, 3, 5] {
            let mut zombie = connection.begin().await.unwrap();
            zombie.write_table(&schema, &insert(number as i64)).await.unwrap();
            assert_eq!(zombie.advance_progress("a", &[at(0, number), at(1, 1)]).await.unwrap(), Advance::Lost);
            assert!(zombie.commit().await.is_err());
        }
        assert_eq!(connection.read_progress("a").await.unwrap(), [at(0, 3)]);
        assert!(server.rows("SELECT id FROM t").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn pruning_keeps_a_hundred_numbers() {
    with_database("prune", |server| async move {
        let (connection, _) = ready(&server).await;
        let sql = "INSERT INTO millrace.progress SELECT t, p, n, n * 10, n * 100, n, false FROM \
                   generate_series(1, 250) n, generate_series(0, 1) p, unnest(ARRAY['a', 'b']) t WHERE p = 0 OR n < 50";
        server.run(sql).await;
        connection.prune_progress("a").await.unwrap();
        let sql = "SELECT task_id, log_partition, min(number), max(number) FROM millrace.progress GROUP BY 1, 2 ORDER BY 1, 2";
        assert_eq!(server.rows(sql).await, ["a|0|151|250", "a|1|1|49", "b|0|1|250", "b|1|1|49"]);
        assert_eq!(connection.read_progress("a").await.unwrap(), [at(0, 250), at(1, 49)]);
    })
    .await;
}

#[tokio::test]
async fn tasks_are_found_by_name() {
    with_database("tasks", |server| async move {
        let (mut connection, _) = ready(&server).await;
        connection.ensure_state_tables().await.unwrap();
        for id in ["shop-1", "shop-2", "shop-1"] {
            connection.register_task(&TaskIdentity { id: id.to_owned(), name: "it's".to_owned() }).await.unwrap();
        }
        assert_eq!(connection.find_tasks_named("it's").await.unwrap(), ["shop-1", "shop-2"]);
        connection.forget_task("shop-1").await.unwrap();
        assert_eq!(connection.find_tasks_named("it's").await.unwrap(), ["shop-2"]);
        assert!(connection.find_tasks_named("other").await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn state_tables_are_made_by_several_at_once() {
    with_database("state", |server| async move {
        let mut racers = Vec::new();
        for _ in 0..4 {
            let mut connection = server.connect().await;
            racers.push(tokio::spawn(async move { connection.ensure_state_tables().await }));
        }
        for racer in racers {
            racer.await.unwrap().unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_owner_ends_the_former_one() {
    with_database("owner", |server| async move {
        let (mut former, schema) = ready(&server).await;
        former.take_over("a", &[0, 1]).await.unwrap();
        former.take_over("a", &[0, 1]).await.unwrap();
        let owner = server.connect().await;
        let other = server.connect().await;
        other.take_over("a", &[7]).await.unwrap();
        let mut zombie = former.begin().await.unwrap();
        zombie.write_table(&schema, &insert(1)).await.unwrap();
        owner.take_over("a", &[1, 2]).await.unwrap();
        server
            .wait_for(Rows::None, "SELECT 1 FROM pg_locks WHERE locktype = 'relation' AND relation = 't'::regclass")
            .await;
        assert!(zombie.commit().await.is_err());
        assert!(!former.is_usable() && owner.is_usable() && other.is_usable());
    })
    .await;
}

#[tokio::test]
async fn an_owner_that_handed_over_is_not_ended() {
    with_database("handed_over", |server| async move {
        let (mut former, schema) = ready(&server).await;
        former.take_over("a", &[0, 1, 2]).await.unwrap();
        let owner = server.connect().await;
        former.hand_over("a", &[1, 2]).await.unwrap();
        owner.take_over("a", &[1, 2]).await.unwrap();
        // Of a partition that is its own no longer, it takes nothing back.
        former.hand_over("a", &[1]).await.unwrap();
        let mut writing = former.begin().await.unwrap();
        writing.write_table(&schema, &insert(1)).await.unwrap();
        assert!(matches!(writing.commit().await, Ok(CommitOutcome::Committed)));
        let third = server.connect().await;
        third.take_over("a", &[1]).await.unwrap();
        third.take_over("a", &[0]).await.unwrap();
        let gone = "SELECT pid FROM pg_stat_activity WHERE pid IN (SELECT pid FROM millrace.owner)";
        server.wait_for(Rows::Some, gone).await;
        assert!(third.is_usable());
    })
    .await;
}
