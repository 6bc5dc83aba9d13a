//! Connections that fail, and the checks with users of fewer rights, on the real server.
#![expect(clippy::unwrap_used, reason = "tests")]

mod source;

use millrace_model::{ErrorClass, Reading};
use millrace_mysql::check::*;
use millrace_mysql::grants::Grants;
use millrace_mysql::server::{read_binlog_end, read_binlogs, read_executed, read_purged};
use millrace_mysql::{MysqlError, ServerFacts, Session, SourceOptions};

#[tokio::test]
async fn says_why_there_is_no_connection() {
    let mut wrong = source::options();
    wrong.password = "wrong-secret".into();
    let error = Session::connect(&wrong).await.unwrap_err();
    assert!(matches!(error, MysqlError::LoginRefused { .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(!format!("{error} {error:?} {}", error.hint()).contains("wrong-secret"));

    let mut wrong = source::options();
    wrong.user = "nobody_here".into();
    wrong.password = "wrong-secret".into();
    let error = Session::connect(&wrong).await.unwrap_err();
    assert!(matches!(error, MysqlError::LoginRefused { .. } | MysqlError::LoginPlugin { .. }), "{error}");
    assert!(error.to_string().contains("\"nobody_here\""), "{error}");

    let mut wrong = source::options();
    wrong.port = 1;
    let error = Session::connect(&wrong).await.unwrap_err();
    assert!(matches!(error, MysqlError::Unreachable { .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Connection);
    assert!(error.to_string().contains(":1\""), "{error}");
}

#[tokio::test]
async fn reads_the_servers_places() {
    let mut session = source::connect().await;
    let facts = ServerFacts::read(&mut session).await.unwrap();
    assert_eq!(facts.server_uuid.len(), 36);
    for finding in [
        ensure_binlog_enabled(&facts),
        ensure_row_binlog_format(&facts),
        ensure_full_row_image(&facts),
        ensure_gtid_mode(&facts),
    ] {
        assert_eq!(finding.verdict, Verdict::Good, "{finding:?}");
    }
    let before = read_executed(&mut session).await.unwrap();
    let place = read_binlog_end(&mut session).await.unwrap();
    source::with_database("places", async |_, _| {}).await;
    let after = read_executed(&mut session).await.unwrap();
    assert!(matches!(before, Reading::Gtids(_)));
    assert!(after.covers(&before) && !before.covers(&after));
    assert!(read_binlog_end(&mut session).await.unwrap() > place);
    assert!(read_binlogs(&mut session).await.unwrap().iter().any(|file| *file.name == *place.file));
    read_purged(&mut session).await.unwrap();
    assert!(matches!(ensure_no_open_xa(&mut session).await.unwrap().verdict, Verdict::Good | Verdict::Warning));
}

async fn user_with(session: &mut Session, user: &str, rights: &[String]) -> SourceOptions {
    source::run(session, &[&format!("CREATE USER '{user}'@'%' IDENTIFIED BY 'pass-word'")]).await;
    for right in rights {
        source::run(session, &[right]).await;
    }
    SourceOptions { user: user.into(), password: "pass-word".into(), ..source::options() }
}

#[tokio::test]
async fn judges_users_by_their_rights() {
    source::with_database("rights", async |session, database| {
        source::run(session, &["CREATE TABLE t (a INT)", "CREATE TABLE u (a INT)"]).await;
        let pid = std::process::id();
        let [none, full, role] = ["none", "full", "role"].map(|name| format!("mr_{pid}_{name}"));
        let few = user_with(session, &none, &[format!("GRANT SELECT ON {database}.t TO '{none}'")]).await;
        let rights = [
            format!("GRANT REPLICATION SLAVE ON *.* TO '{full}'"),
            format!("CREATE ROLE '{role}'"),
            format!("GRANT REPLICATION CLIENT ON *.* TO '{role}'"),
            format!("GRANT SELECT ON {database}.* TO '{role}'"),
            format!("GRANT '{role}' TO '{full}'"),
            format!("SET DEFAULT ROLE ALL TO '{full}'"),
        ];
        let enough = user_with(session, &full, &rights).await;
        let outcome = judge(database, &few, &enough).await;
        let drop = [format!("DROP USER '{none}', '{full}'"), format!("DROP ROLE '{role}'")];
        source::run(session, &[&drop[0], &drop[1]]).await;
        let (few, enough) = outcome;
        assert_eq!(few.0.verdict, Verdict::Blocks, "{few:?}");
        assert!(few.0.mend.starts_with("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `"), "{few:?}");
        assert_eq!(few.1.verdict, Verdict::Warning, "{few:?}");
        assert_eq!(few.2.verdict, Verdict::Warning, "{few:?}");
        assert_eq!(enough.0.verdict, Verdict::Good, "{enough:?}");
        assert_eq!(enough.1.verdict, Verdict::Good, "{enough:?}");
    })
    .await;
}

type Findings = (Finding, Finding, Finding);

async fn judge(database: &str, few: &SourceOptions, enough: &SourceOptions) -> (Findings, Findings) {
    let mut session = Session::connect(few).await.unwrap();
    let refused = session.execute("reading", &format!("SELECT * FROM {database}.u")).await.unwrap_err();
    assert_eq!(refused.class(), ErrorClass::Fatal);
    assert!(refused.hint().contains("GRANT SELECT"), "{refused}");
    let error = read_binlog_end(&mut session).await.unwrap_err();
    assert!(matches!(error, MysqlError::Server { code: 1227, .. }), "{error}");
    let few = findings(&mut session, database).await;
    let mut session = Session::connect(enough).await.unwrap();
    (few, findings(&mut session, database).await)
}

async fn findings(session: &mut Session, database: &str) -> Findings {
    let grants = Grants::read(session).await.unwrap();
    (
        ensure_replication_privileges(&grants),
        ensure_select_privilege(&grants, &[database]),
        ensure_no_open_xa(session).await.unwrap(),
    )
}
