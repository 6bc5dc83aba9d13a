#![expect(clippy::unwrap_used, reason = "tests")]
//! The endpoints over a real socket.

use std::net::Ipv4Addr;

use millrace_task::Phase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::context::for_tests as context;

async fn get_path(server: &HttpServer, path: &str) -> (u16, String) {
    get_with(server, path, "").await
}

/// `header` is a whole line with its end, or nothing.
async fn get_with(server: &HttpServer, path: &str, header: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: millrace\r\n{header}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

#[tokio::test]
async fn status_health_and_metrics_are_served() {
    let (context, (recorder, exporter)) = (context(), Exporter::detached());
    let server = HttpServer::start(any_port(), None, vec![context.status.clone()], exporter).await.unwrap();
    metrics::with_local_recorder(&recorder, || metrics::counter!("millrace_rows_total").increment(3));

    let (code, body) = get_path(&server, "/metrics").await;
    assert!(code == 200 && body.contains("millrace_rows_total 3"), "{body}");
    assert_eq!(get_path(&server, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get_path(&server, "/nothing").await.0, 404);

    context.status.set_phase(Phase::Full);
    context.status.set_details(json!({ "tables": 1 }));
    context.status.update_details(|details| details["tables"] = 2.into());
    let (code, body) = get_path(&server, "/status").await;
    let status: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(code, 200);
    for (key, expected) in [
        ("stage", json!("apply")),
        ("task", json!("shop")),
        ("environment", json!("test")),
        ("phase", json!("full")),
        ("state", json!("running")),
        ("retry", Value::Null),
        ("last_error", Value::Null),
        ("details", json!({ "tables": 2 })),
    ] {
        assert_eq!(status[key], expected, "{key}");
    }
    assert!(status["since"].as_str().unwrap().ends_with('Z'));

    context.status.failed(context.stage, &Failure::fatal("broken", "mend it"));
    assert_eq!(get_path(&server, "/healthz").await.0, 503);
    let (_, body) = get_path(&server, "/status").await;
    let status: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&status["state"], &status["last_error"]["hint"]), (&json!("failed"), &json!("mend it")));
    assert_eq!(status["last_error"]["stage"], "apply");
}

#[tokio::test]
async fn several_stages_share_one_server() {
    let statuses = vec![context().status, context().status];
    let server = HttpServer::start(any_port(), None, statuses, Exporter::detached().1).await.unwrap();
    let (_, body) = get_path(&server, "/status").await;
    let status: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["stages"].as_array().unwrap().len(), 2);
}

/// Why no second server can listen where another one is.
async fn refused(address: SocketAddr, token: Option<SecretString>) -> Failure {
    HttpServer::start(address, token, vec![context().status], Exporter::detached().1).await.err().unwrap()
}

#[tokio::test]
async fn a_busy_port_says_who_is_there() {
    let token = || Some(SecretString::from("0123456789abcdef"));
    for token in [None, token()] {
        let statuses = vec![context().status, context().status];
        let own = HttpServer::start(any_port(), token.clone(), statuses, Exporter::detached().1).await.unwrap();
        let (failure, pid) = (refused(own.address(), token).await, std::process::id());
        let expected = format!(
            "task \"shop\" runs already: process {pid} (apply and apply) listens for http on \"{}\"",
            own.address()
        );
        assert_eq!(failure.message, expected);
        assert!(failure.hint.contains("stop that process first"), "{failure:?}");
    }
    let stranger = TcpListener::bind(any_port()).await.unwrap();
    let address = stranger.local_addr().unwrap();
    let silent = tokio::spawn(async move { while stranger.accept().await.is_ok() {} });
    let failure = refused(address, None).await;
    assert_eq!(failure.message, format!("cannot listen for http on \"{address}\": the port is in use"));
    assert!(failure.hint.contains("--http"), "{failure:?}");
    silent.abort();
}

#[test]
fn another_task_at_a_busy_port_is_named() {
    let there = [json!({ "stage": "capture", "task": "other", "pid": 7 })];
    let failure = is_in_use(any_port(), "shop", &there);
    assert_eq!(
        failure.message,
        "cannot listen for http on \"127.0.0.1:0\": process 7 (capture of task \"other\") does"
    );
    assert!(failure.hint.contains("another address"), "{failure:?}");
}

#[tokio::test]
async fn a_token_is_asked_for() {
    let token = Some(SecretString::from("0123456789abcdef"));
    let server = HttpServer::start(any_port(), token, vec![context().status], Exporter::detached().1).await.unwrap();
    for path in ["/metrics", "/status"] {
        for header in [
            "",
            "Authorization: Bearer 0123456789abcdee\r\n",
            "Authorization: Bearer 0123456789abcdef0\r\n",
            "Authorization: Bearer \r\n",
            "Authorization: Basic 0123456789abcdef\r\n",
        ] {
            let (code, body) = get_with(&server, path, header).await;
            assert_eq!((code, body.as_str()), (401, "the token of [http] is needed\n"), "{path} {header}");
        }
        assert_eq!(get_with(&server, path, "Authorization: Bearer 0123456789abcdef\r\n").await.0, 200, "{path}");
    }
    assert_eq!(get_path(&server, "/healthz").await.0, 200);
}

#[tokio::test]
async fn beyond_loopback_only_with_a_token() {
    let everywhere: SocketAddr = (Ipv4Addr::UNSPECIFIED, 0).into();
    let failure = HttpServer::start(everywhere, None, vec![], Exporter::detached().1).await.err().unwrap();
    assert!(failure.message.contains("without a token") && failure.hint.contains("[http]"), "{failure:?}");
    let token = Some(SecretString::from("0123456789abcdef"));
    assert!(HttpServer::start(everywhere, token, vec![], Exporter::detached().1).await.is_ok());
}
