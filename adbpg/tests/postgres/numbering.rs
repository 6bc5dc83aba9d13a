//! Columns that number their rows, as the server has them.

use std::sync::Arc;

use millrace_adbpg::{NumberedColumn, Numbering};
use millrace_model::TableName;

use crate::server::{Server, with_database};

fn column(table: &str, next_in_source: u64) -> NumberedColumn {
    NumberedColumn { table: TableName::new("public", table), column: Arc::from("Id"), next_in_source }
}

async fn execute(server: &Server, column: &NumberedColumn) -> Numbering {
    server.connect().await.execute_numbering(column).await.unwrap()
}

/// The number that an INSERT without one gets.
async fn insert(server: &Server, table: &str) -> String {
    server.rows(&format!("INSERT INTO {table} (v) VALUES (1) RETURNING \"Id\"")).await.remove(0)
}

#[tokio::test]
async fn every_kind_of_column_counts_on() {
    with_database("numbering", |server| async move {
        server
            .run(
                "CREATE TABLE a (\"Id\" integer PRIMARY KEY, v integer); INSERT INTO a VALUES (7, 0);
                 CREATE TABLE b (\"Id\" numeric(20,0) PRIMARY KEY, v integer); INSERT INTO b VALUES (7, 0);
                 CREATE TABLE c (\"Id\" integer UNIQUE, v integer); INSERT INTO c VALUES (7, 0), (NULL, 0);
                 CREATE TABLE d (\"Id\" serial PRIMARY KEY, v integer); INSERT INTO d VALUES (7, 0);
                 CREATE TABLE e (\"Id\" bigint GENERATED ALWAYS AS IDENTITY (START WITH 5), v integer);
                 CREATE SEQUENCE of_f; CREATE TABLE f (\"Id\" smallint DEFAULT nextval('of_f'), v integer);
                 CREATE TABLE g (\"Id\" real PRIMARY KEY, v integer); INSERT INTO g VALUES (1e7, 0);
                 CREATE TABLE h (\"Id\" smallint NOT NULL, v integer)",
            )
            .await;
        let tables =
            [("a", "8"), ("b", "8"), ("c", "8"), ("d", "8"), ("e", "5"), ("f", "3"), ("g", "1e+07"), ("h", "3")];
        for (table, next) in tables {
            let planned = server.connect().await.plan_numbering(&column(table, 3)).await.unwrap();
            let done = execute(&server, &column(table, 3)).await;
            assert_eq!(planned, done, "{table}");
            assert_eq!(matches!(done, Numbering::Ready { .. }), table == "e", "{table}: {done:?}");
            // Again, also with less, changes nothing.
            for next_in_source in [3, 1] {
                let again = execute(&server, &column(table, next_in_source)).await;
                assert!(matches!(again, Numbering::Ready { .. }), "{table}: {again:?}");
            }
            if table != "g" {
                assert_eq!(insert(&server, table).await, next, "{table}");
            }
        }
        // Forward, and then never back.
        assert!(matches!(execute(&server, &column("h", 90)).await, Numbering::Needed { next: 90, .. }));
        assert_eq!(execute(&server, &column("h", 7)).await, Numbering::Ready { next: 90 });
        assert_eq!(insert(&server, "h").await, "90");
        // What the sequence made goes with its table.
        server.run("DROP TABLE b, c").await;
        assert_eq!(server.rows("SELECT 1 FROM pg_class WHERE relkind = 'S' AND relname ~ '^[bc]_'").await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_ours_to_change_is_left() {
    with_database("numbering_left", |server| async move {
        server
            .run(
                "CREATE TABLE a (\"Id\" integer DEFAULT 7, v integer);
                 CREATE SEQUENCE one; CREATE SEQUENCE two;
                 CREATE TABLE b (\"Id\" bigint DEFAULT nextval('one') + nextval('two'), v integer);
                 CREATE TABLE c (\"Id\" uuid, v integer)",
            )
            .await;
        for (table, expected) in [
            ("a", "a default of its own"),
            ("b", "a default of its own"),
            ("c", "type uuid"),
            ("d", "does not have it"),
        ] {
            let left = execute(&server, &column(table, 3)).await;
            assert!(matches!(&left, Numbering::Impossible { why } if why.contains(expected)), "{table}: {left:?}");
        }
    })
    .await;
}

/// Rows that are written in the meantime are counted: the lock waits for them.
#[tokio::test]
async fn a_writer_that_has_not_committed_is_waited_for() {
    with_database("numbering_writer", |server| async move {
        server.run("CREATE TABLE a (\"Id\" integer PRIMARY KEY, v integer)").await;
        let writer = server.outsider().await;
        writer.batch_execute("BEGIN; INSERT INTO a VALUES (50, 1)").await.unwrap();
        let own = server.clone();
        let waiting = tokio::spawn(async move { execute(&own, &column("a", 3)).await });
        let waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'a'::regclass";
        server.wait_for(crate::server::Rows::Some, waits).await;
        writer.batch_execute("COMMIT").await.unwrap();
        assert!(matches!(waiting.await.unwrap(), Numbering::Needed { next: 51, .. }));
        assert_eq!(insert(&server, "a").await, "51");
    })
    .await;
}
