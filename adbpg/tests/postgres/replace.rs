//! A new table takes the place of one whose rows are written anew: readers have one of them all the time, and nothing that
//! was given to the table is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millrace_adbpg::alter::{Difference, Lock, Means, Replacing, render_alter, render_lock, render_look_again};
use millrace_adbpg::{CommitOutcome, Connection};
use millrace_model::{ErrorClass, PgType, TableSchema};

use crate::alter::{make, orders};
use crate::server::{Server, with_database};

const ORIGINS: [Option<usize>; 3] = [Some(0), Some(1), Some(2)];

/// `orders`, and the same with a column of another type.
fn change() -> (TableSchema<PgType>, TableSchema<PgType>) {
    let mut after = orders();
    after.columns[1].ty = PgType::BigInt;
    (orders(), after)
}

async fn can_replace(connection: &Connection) -> bool {
    let (before, after) = change();
    let found = connection.look_for_hindrances(&Difference::new(&before, &after, &ORIGINS).unwrap()).await.unwrap();
    assert_ne!(found, Replacing::Unwanted);
    found == Replacing::Possible
}

/// Reads the table until it is told to stop; gives how often, having found all rows each time.
async fn read(server: &Server, rows: i64, stop: Arc<AtomicBool>) -> u64 {
    let reader = server.outsider().await;
    let mut reads = 0;
    while !stop.load(Ordering::Relaxed) {
        let row = reader.query_one("SELECT count(*), count(DISTINCT a::bigint) FROM orders", &[]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (rows, rows));
        reads += 1;
    }
    reads
}

#[tokio::test]
async fn readers_have_the_table_while_its_rows_are_written_anew() {
    with_database("replace_readers", |server| async move {
        let mut connection = server.connect().await;
        let (before, after) = change();
        make(&connection, &before).await;
        server.run("INSERT INTO orders SELECT n, n, 'x' || n FROM generate_series(1, 100000) AS n").await;
        let difference = Difference::new(&before, &after, &ORIGINS).unwrap();
        let lock = render_lock(&[&before.name], Lock::Writers).unwrap();
        let mut statements: Vec<String> = lock.into_iter().collect();
        statements.extend(render_alter(connection.dialect(), &difference, Means::Replacement).unwrap().statements);
        let end = statements.iter().position(|statement| statement.contains("DROP TABLE")).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (reading, stopped) = (server.clone(), stop.clone());
        let reader = tokio::spawn(async move { read(&reading, 100_000, stopped).await });
        let mut transaction = connection.begin().await.unwrap();
        transaction.execute("fill the new table", &statements[..end]).await.unwrap();
        // All rows are written anew by now, and nobody who reads waits.
        let read = server.rows("SET lock_timeout TO 1; SELECT count(*) FROM orders").await;
        assert_eq!(read, ["100000"]);
        let write =
            server.outsider().await.batch_execute("SET lock_timeout TO 1; DELETE FROM orders").await.unwrap_err();
        assert_eq!(write.code().unwrap().code(), "55P03");
        transaction.execute("take the place", &statements[end..]).await.unwrap();
        assert!(matches!(transaction.commit().await.unwrap(), CommitOutcome::Committed));
        stop.store(true, Ordering::Relaxed);
        assert!(reader.await.unwrap() > 0);
        let changed = "SELECT pg_typeof(a), count(*) FROM orders GROUP BY 1";
        assert_eq!(server.rows(changed).await, ["bigint|100000"]);
        assert_eq!(
            server.rows("SELECT conname FROM pg_constraint WHERE conrelid = 'orders'::regclass").await,
            ["orders_pkey"]
        );
    })
    .await;
}

#[tokio::test]
async fn rights_comments_and_checks_are_kept() {
    with_database("replace_rights", |server| async move {
        let connection = server.connect().await;
        let (before, after) = change();
        make(&connection, &before).await;
        server
            .run(
                "ALTER TABLE orders ADD CHECK (a < 100); COMMENT ON TABLE orders IS 'ours, not the source''s'; \
                 COMMENT ON COLUMN orders.b IS 'of b'; GRANT SELECT, UPDATE ON orders TO PUBLIC; \
                 GRANT DELETE ON orders TO pg_monitor WITH GRANT OPTION; REVOKE TRUNCATE ON orders FROM CURRENT_USER; \
                 ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO PUBLIC",
            )
            .await;
        let shown = "SELECT c.relacl::text, obj_description(c.oid, 'pg_class'), col_description(c.oid, 3), \
                     (SELECT string_agg(conname || pg_get_constraintdef(oid), ';' ORDER BY conname) FROM pg_constraint \
                     WHERE conrelid = c.oid) FROM pg_class AS c WHERE c.oid = 'orders'::regclass";
        let rights = server.rows(shown).await;
        assert!(rights[0].contains("pg_monitor=d*/") && rights[0].contains("CHECK"), "{rights:?}");
        assert!(can_replace(&connection).await);
        let difference = Difference::new(&before, &after, &ORIGINS).unwrap();
        let statements = render_alter(connection.dialect(), &difference, Means::Replacement).unwrap().statements;
        connection.execute("change", &statements).await.unwrap();
        assert_eq!(server.rows(shown).await, rights);
        // Without rights of its own it has none afterwards, though new tables get some.
        server.run("DROP TABLE orders; ALTER DEFAULT PRIVILEGES REVOKE INSERT ON TABLES FROM PUBLIC").await;
        make(&connection, &before).await;
        server.run("ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO PUBLIC").await;
        connection.execute("change", &statements).await.unwrap();
        let public =
            "SELECT has_table_privilege('pg_monitor', 'orders', 'INSERT'), has_table_privilege('orders', 'TRUNCATE')";
        assert_eq!(server.rows(public).await, ["f|t"]);
    })
    .await;
}

#[tokio::test]
async fn what_hangs_on_a_table_keeps_it_where_it_is() {
    with_database("replace_obstacles", |server| async move {
        let connection = server.connect().await;
        make(&connection, &change().0).await;
        assert!(can_replace(&connection).await);
        for (given, taken) in [
            ("CREATE VIEW v AS SELECT id FROM orders", "DROP VIEW v"),
            ("CREATE MATERIALIZED VIEW v AS SELECT b FROM orders", "DROP MATERIALIZED VIEW v"),
            ("CREATE TABLE other (id bigint REFERENCES orders (id))", "DROP TABLE other"),
            ("CREATE TABLE other () INHERITS (orders)", "DROP TABLE other"),
            ("CREATE TABLE other (o orders)", "DROP TABLE other"),
            ("CREATE FUNCTION f(o orders) RETURNS text LANGUAGE sql AS 'SELECT o.b'", "DROP FUNCTION f"),
            ("CREATE RULE r AS ON INSERT TO orders DO ALSO NOTIFY orders", "DROP RULE r ON orders"),
            ("CREATE POLICY p ON orders", "DROP POLICY p ON orders"),
            ("ALTER TABLE orders ENABLE ROW LEVEL SECURITY", "ALTER TABLE orders DISABLE ROW LEVEL SECURITY"),
            (
                "CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
                "DROP TRIGGER t ON orders",
            ),
            ("CREATE INDEX mine ON orders (b, a)", "DROP INDEX mine"),
            ("ALTER TABLE orders ADD CONSTRAINT mine UNIQUE (b, a)", "ALTER TABLE orders DROP CONSTRAINT mine"),
            ("ALTER TABLE orders ADD COLUMN mine integer", "ALTER TABLE orders DROP COLUMN mine"),
            ("GRANT SELECT (b) ON orders TO PUBLIC", "REVOKE SELECT (b) ON orders FROM PUBLIC"),
            ("CREATE STATISTICS s ON a, b FROM orders", "DROP STATISTICS s"),
            ("CREATE SEQUENCE s OWNED BY orders.a", "DROP SEQUENCE s"),
            ("ALTER TABLE orders SET (fillfactor = 50)", "ALTER TABLE orders RESET (fillfactor)"),
            ("ALTER TABLE orders REPLICA IDENTITY FULL", "ALTER TABLE orders REPLICA IDENTITY DEFAULT"),
            ("CREATE PUBLICATION p FOR TABLE orders", "DROP PUBLICATION p"),
            ("ALTER TABLE orders OWNER TO pg_monitor", "ALTER TABLE orders OWNER TO CURRENT_USER"),
            ("ALTER TABLE orders SET UNLOGGED", "ALTER TABLE orders SET LOGGED"),
        ] {
            server.run(given).await;
            assert!(!can_replace(&connection).await, "{given}");
            server.run(taken).await;
            assert!(can_replace(&connection).await, "{taken}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_view_on_the_column_is_named_and_nothing_changes() {
    with_database("replace_view", |server| async move {
        let mut connection = server.connect().await;
        let (before, after) = change();
        make(&connection, &before).await;
        server.run("INSERT INTO orders VALUES (1, 2, 'x'); CREATE VIEW sums AS SELECT sum(a) FROM orders").await;
        assert!(!can_replace(&connection).await);
        let difference = Difference::new(&before, &after, &ORIGINS).unwrap();
        let statements = render_alter(connection.dialect(), &difference, Means::InPlace).unwrap().statements;
        let mut transaction = connection.begin().await.unwrap();
        let refused = transaction.execute("change", &statements).await.unwrap_err();
        drop(transaction);
        assert!(refused.to_string().contains("view sums depends on column \"a\""), "{refused}");
        assert!(refused.hint().starts_with("nothing was changed; drop the views"), "{}", refused.hint());
        assert_eq!(server.rows("SELECT sum, pg_typeof(sum) FROM sums").await, ["2|bigint"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_being_made_at_the_first_look_is_found_by_the_second() {
    with_database("replace_meanwhile", |server| async move {
        let mut connection = server.connect().await;
        let (before, after) = change();
        make(&connection, &before).await;
        let difference = Difference::new(&before, &after, &ORIGINS).unwrap();
        let again = render_look_again(connection.dialect(), &difference).unwrap();
        let lock = render_lock(&[&before.name], Lock::Writers).unwrap().unwrap();
        let other = server.outsider().await;
        // Each is invisible until its COMMIT.
        for (given, taken) in [
            ("CREATE INDEX mine ON orders (b, a)", "DROP INDEX mine"),
            (
                "CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
                "DROP TRIGGER t ON orders",
            ),
            ("CREATE TABLE other (id bigint REFERENCES orders (id))", "DROP TABLE other"),
        ] {
            other.batch_execute(&format!("BEGIN; {given}")).await.unwrap();
            assert!(can_replace(&connection).await, "{given}");
            other.batch_execute("COMMIT").await.unwrap();
            let mut transaction = connection.begin().await.unwrap();
            let found = transaction.execute("change", &[lock.clone(), again.clone()]).await.unwrap_err();
            transaction.rollback().await.unwrap();
            assert_eq!((found.state(), found.class()), (Some("MR002"), ErrorClass::Statement), "{given}: {found}");
            assert!(found.to_string().contains("was given something meanwhile: "), "{found}");
            other.batch_execute(taken).await.unwrap();
            let mut transaction = connection.begin().await.unwrap();
            transaction.execute("change", &[lock.clone(), again.clone()]).await.unwrap();
            transaction.rollback().await.unwrap();
        }
    })
    .await;
}
