//! Failures: their class, their words, and what they leave behind.

use millrace_adbpg::{
    AdbpgError, Advance, CommitOutcome, Connection, DestinationOptions, InsertStrategy, PartitionProgress, TableWrite,
    TlsMode,
};
use millrace_model::Cell::{Int, Null, Text};
use millrace_model::{ErrorClass, PgType};

use crate::server::{Rows, create, row, table, with_database};

#[tokio::test]
async fn a_login_that_fails_says_why() {
    with_database("login", |server| async move {
        let nowhere = DestinationOptions { port: 1, ..server.options.clone() };
        let error = Connection::connect(&nowhere).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Connection);
        assert!(error.to_string().contains("127.0.0.1:1\": Connection refused"), "{error}");

        let unknown = DestinationOptions { database: "no such".to_owned(), ..server.options.clone() };
        let error = Connection::connect(&unknown).await.unwrap_err();
        assert_eq!((error.class(), error.state()), (ErrorClass::Fatal, Some("3D000")));
        assert!(error.to_string().contains("\"no such\""), "{error}");

        let stranger = DestinationOptions { user: "no such".to_owned(), ..server.options.clone() };
        let error = Connection::connect(&stranger).await.unwrap_err();
        assert_eq!((error.class(), error.state()), (ErrorClass::Fatal, Some("28000")));

        let encrypted = DestinationOptions { tls: TlsMode::Required, ..server.options.clone() };
        let error = Connection::connect(&encrypted).await.unwrap_err();
        assert!(matches!(error, AdbpgError::Tls { .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::Fatal);
    })
    .await;
}

#[tokio::test]
async fn the_session_is_set_up() {
    with_database("session", |server| async move {
        server.run(&format!("ALTER DATABASE \"{}\" SET statement_timeout = '7s'", server.options.database)).await;
        let connection = server.connect().await;
        let sql = "DO $$ BEGIN ASSERT current_setting('idle_in_transaction_session_timeout') = '40s'; \
                   ASSERT current_setting('lock_timeout') = '10s'; ASSERT current_setting('timezone') = 'UTC'; \
                   ASSERT current_setting('application_name') = 'millrace'; \
                   ASSERT current_setting('statement_timeout') = '0'; END $$";
        connection.execute("look at the session", &[sql.to_owned()]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_refused_row_is_named_without_its_values() {
    with_database("refused", |server| async move {
        let mut connection = server.connect().await;
        let columns =
            [("id", PgType::Integer), ("small", PgType::Varchar(3)), ("n", PgType::Numeric { precision: 3, scale: 0 })];
        let mut schema = table("r, line 9", &columns, 1);
        schema.columns[2].nullability = millrace_model::schema::Nullability::NotNull;
        create(&connection, &schema).await;
        for (bad, state, column) in [
            (row([Int(2), Text("SECRET"), Text("1")]), "22001", Some("small")),
            (row([Int(2), Text("a"), Text("SECRET\", column id: ")]), "22P02", Some("n")),
            (row([Int(2), Text("a"), Text("99999")]), "22003", Some("n")),
            (row([Int(99_999_999_999), Text("a"), Text("1")]), "22003", Some("id")),
            (row([Int(2), Text("a"), Null]), "23502", Some("n")),
        ] {
            for strategy in [InsertStrategy::AfterDeletes, InsertStrategy::LikelyAbsent] {
                let inserts = vec![row([Int(1), Text("a"), Text("1")]), bad.clone()];
                let mut transaction = connection.begin().await.unwrap();
                let change = TableWrite { inserts, strategy, ..TableWrite::default() };
                let error = transaction.write_table(&schema, &change).await.unwrap_err();
                let text = error.to_string();
                assert!(!text.contains("SECRET") && !text.contains("9999") && !text.contains('\n'), "{text}");
                assert_eq!(error.class(), ErrorClass::Fatal);
                let AdbpgError::RowRefused { column: found, row, state: found_state, .. } = error else {
                    panic!("{text}")
                };
                assert_eq!((found.as_deref(), row, found_state.as_str()), (column, Some(1), state), "{text}");
            }
        }
        let mut transaction = connection.begin().await.unwrap();
        let change = TableWrite { inserts: vec![row([Int(1), Text("a\0"), Text("1")])], ..TableWrite::default() };
        let error = transaction.write_table(&schema, &change).await.unwrap_err();
        assert!(error.to_string().contains("column \"small\""), "{error}");
        transaction.rollback().await.unwrap();
        assert!(connection.is_usable());
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_rolls_back_is_a_failure() {
    with_database("rolled_back", |server| async move {
        let mut connection = server.connect().await;
        let schema = table("t", &[("id", PgType::Integer)], 1);
        create(&connection, &schema).await;
        let mut transaction = connection.begin().await.unwrap();
        let one = TableWrite { inserts: vec![row([Int(1)])], ..TableWrite::default() };
        transaction.write_table(&schema, &one).await.unwrap();
        assert!(transaction.write_table(&schema, &one).await.is_err());
        let error = transaction.commit().await.unwrap_err();
        assert!(matches!(error, AdbpgError::Aborted(_)), "{error}");
        assert_eq!(error.class(), ErrorClass::Statement);
        assert!(connection.is_usable());

        // A constraint that is checked at COMMIT.
        server.run("CREATE TABLE late (id int PRIMARY KEY, r int REFERENCES late DEFERRABLE INITIALLY DEFERRED)").await;
        let late = table("late", &[("id", PgType::Integer), ("r", PgType::Integer)], 1);
        let mut transaction = connection.begin().await.unwrap();
        let dangling = TableWrite { inserts: vec![row([Int(1), Int(2)])], ..TableWrite::default() };
        transaction.write_table(&late, &dangling).await.unwrap();
        assert_eq!(transaction.commit().await.unwrap_err().state(), Some("23503"));
        assert!(server.rows("SELECT id FROM t UNION ALL SELECT id FROM late").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_killed_session_is_a_lost_connection() {
    with_database("killed", |server| async move {
        let schema = table("t", &[("id", PgType::Integer), ("t", PgType::Text)], 1);
        create(&server.connect().await, &schema).await;

        // Between two statements.
        let mut connection = server.connect().await;
        connection.ensure_state_tables().await.unwrap();
        let pid = connection.backend().pid;
        let mut transaction = connection.begin().await.unwrap();
        let one = TableWrite { inserts: vec![row([Int(1), Text("a")])], ..TableWrite::default() };
        transaction.write_table(&schema, &one).await.unwrap();
        let progress =
            PartitionProgress { partition: 0, number: 1, next_offset: 1, sequence: 1, watermark: 1, ended: false };
        assert_eq!(transaction.advance_progress("a", &[progress]).await.unwrap(), Advance::Advanced);
        server.rows(&format!("SELECT pg_terminate_backend({pid})")).await;
        let error = transaction.commit().await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Connection, "{error}");
        assert!(!connection.is_usable());
        assert!(server.connect().await.read_progress("a").await.unwrap().is_empty());

        // In the middle of COPY, which waits for a lock.
        let outsider = server.outsider().await;
        outsider.batch_execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let mut connection = server.connect().await;
        let pid = connection.backend().pid;
        let writing = tokio::spawn(async move {
            let mut transaction = connection.begin().await.unwrap();
            transaction.write_table(&table("t", &[("id", PgType::Integer), ("t", PgType::Text)], 1), &one).await
        });
        let waits = format!("SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event_type = 'Lock'");
        server.wait_for(Rows::Some, &waits).await;
        server.rows(&format!("SELECT pg_terminate_backend({pid})")).await;
        assert_eq!(writing.await.unwrap().unwrap_err().class(), ErrorClass::Connection);
    })
    .await;
}

#[tokio::test]
async fn a_commit_without_an_answer_is_unknown() {
    with_database("unknown", |server| async move {
        let schema = table("t", &[("id", PgType::Integer)], 1);
        let mut connection = server.connect().await;
        create(&connection, &schema).await;
        let slow_commit = "CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS \
                           'BEGIN PERFORM pg_sleep(30); RETURN NULL; END'; \
                           CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED \
                           FOR EACH ROW EXECUTE FUNCTION nap()";
        server.run(slow_commit).await;
        let pid = connection.backend().pid;
        let committing = tokio::spawn(async move {
            let mut transaction = connection.begin().await.unwrap();
            let one = TableWrite { inserts: vec![row([Int(1)])], ..TableWrite::default() };
            transaction.write_table(&schema, &one).await.unwrap();
            let outcome = transaction.commit().await.unwrap();
            (outcome, connection.is_usable())
        });
        let naps = format!("SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'PgSleep'");
        server.wait_for(Rows::Some, &naps).await;
        server.rows(&format!("SELECT pg_terminate_backend({pid})")).await;
        let (outcome, usable) = committing.await.unwrap();
        let CommitOutcome::Unknown(error) = outcome else { panic!("{outcome:?}") };
        assert_eq!((error.class(), usable), (ErrorClass::Connection, false));
    })
    .await;
}
