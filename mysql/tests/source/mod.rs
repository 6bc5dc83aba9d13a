//! The real server that the tests read from, and databases of their own on it.
#![expect(clippy::expect_used, reason = "tests")]
#![allow(dead_code, reason = "each test binary uses a part")]

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use millrace_mysql::{Session, SourceOptions, TlsMode};

/// The server of MILLRACE_TEST_MYSQL.
pub(crate) fn options() -> SourceOptions {
    let url = std::env::var("MILLRACE_TEST_MYSQL").expect("MILLRACE_TEST_MYSQL is not set: run make test");
    let opts = mysql_async::Opts::from_url(&url).expect("MILLRACE_TEST_MYSQL is not a URL");
    SourceOptions {
        host: opts.ip_or_hostname().to_owned(),
        port: opts.tcp_port(),
        user: opts.user().unwrap_or("root").to_owned(),
        password: opts.pass().unwrap_or("").to_owned().into(),
        tls: TlsMode::Disabled,
        client_identity: None,
    }
}

/// A session of the administrator.
pub(crate) async fn connect() -> Session {
    Session::connect(&options()).await.expect("the test server answers")
}

/// Runs statements one after the other.
pub(crate) async fn run(session: &mut Session, statements: &[&str]) {
    for statement in statements {
        session.execute("preparing a test", statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
}

/// Runs `body` with a database of its own, which is the session's default, and drops it whatever happens.
pub(crate) async fn with_database(test: &str, body: impl AsyncFnOnce(&mut Session, &str)) {
    let database = format!("mr_{}_{test}", std::process::id());
    let mut session = connect().await;
    let create = format!("CREATE DATABASE `{database}` CHARACTER SET utf8mb4");
    run(&mut session, &[&create, &format!("USE `{database}`")]).await;
    let outcome = AssertUnwindSafe(body(&mut session, &database)).catch_unwind().await;
    let mut admin = connect().await;
    run(&mut admin, &[&format!("DROP DATABASE `{database}`")]).await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}
