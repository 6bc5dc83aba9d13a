//! CHECK constraints, as the server takes them.

use millrace_adbpg::{Check, CheckFound, Constrained};
use millrace_model::TableName;

use crate::server::{Server, with_database};

fn check(name: &str, condition: &str) -> Check {
    Check { table: TableName::new("public", "t"), name: name.to_owned(), condition: condition.to_owned() }
}

async fn find(server: &Server, check: &Check) -> CheckFound {
    server.connect().await.find_check(check).await.unwrap()
}

async fn add(server: &Server, check: &Check) -> Constrained {
    let mut connection = server.connect().await;
    let found = connection.find_check(check).await.unwrap();
    connection.add_check(check, found).await.unwrap()
}

const VALID: &str = "SELECT conname, convalidated FROM pg_constraint WHERE contype = 'c' AND conrelid = 't'::regclass";

#[tokio::test]
async fn a_check_is_made_once_every_row_holds() {
    with_database("check_constraints", |server| async move {
        server
            .run("CREATE TABLE t (a integer, \"b c\" numeric(20,0)); INSERT INTO t VALUES (1, 1), (-1, 2), (-2, NULL)")
            .await;
        let positive = check("is \"positive", "(a > 0)");
        assert_eq!(find(&server, &positive).await, CheckFound::Absent);
        assert_eq!(add(&server, &positive).await, Constrained::Violated { rows: 2 });
        assert_eq!(find(&server, &positive).await, CheckFound::Absent);
        server.run("DELETE FROM t WHERE a < 0").await;
        assert_eq!(add(&server, &positive).await, Constrained::Made);
        assert_eq!(server.rows(VALID).await, ["is \"positive|t"]);
        assert_eq!(find(&server, &positive).await, CheckFound::Valid);
        assert_eq!(find(&server, &check("is \"positive", "(a > 1)")).await, CheckFound::Different);
        let long = check(&"n".repeat(64), "(\"b c\" < 18446744073709551615)");
        assert_eq!(add(&server, &long).await, Constrained::Made);
        assert_eq!(find(&server, &long).await, CheckFound::Valid);
    })
    .await;
}

/// Whoever was killed between the two steps has left one that is not valid.
#[tokio::test]
async fn a_check_that_was_begun_is_finished_or_taken_away() {
    with_database("check_constraints_begun", |server| async move {
        server.run("CREATE TABLE t (a integer, b integer); INSERT INTO t VALUES (1, -1)").await;
        server.run("ALTER TABLE t ADD CONSTRAINT a CHECK (a > 0) NOT VALID").await;
        server.run("ALTER TABLE t ADD CONSTRAINT b CHECK (b > 0) NOT VALID").await;
        let (a, b) = (check("a", "(\"a\" > 0)"), check("b", "(\"b\" > 0)"));
        assert_eq!(find(&server, &a).await, CheckFound::NotValid);
        assert_eq!(add(&server, &a).await, Constrained::Made);
        assert_eq!(add(&server, &b).await, Constrained::Violated { rows: 1 });
        assert_eq!(server.rows(VALID).await, ["a|t"]);
    })
    .await;
}

#[tokio::test]
async fn what_the_server_does_not_take_is_said() {
    with_database("check_constraints_refused", |server| async move {
        server.run("CREATE TABLE t (a integer, CONSTRAINT k PRIMARY KEY (a))").await;
        for (name, condition, expected) in [("k", "(a > 0)", "already exists"), ("c", "(b > 0)", "does not exist")] {
            let refused = add(&server, &check(name, condition)).await;
            assert!(matches!(&refused, Constrained::Refused { why } if why.contains(expected)), "{refused:?}");
        }
    })
    .await;
}
