#![expect(clippy::unwrap_used, reason = "tests")]
//! The endpoints over a real socket.

use std::net::Ipv4Addr;

use millrace_task::Phase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::context::for_tests as context;

async fn get_path(server: &HttpServer, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: millrace\r\nConnection: close\r\n\r\n");
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
    let server = HttpServer::start(any_port(), vec![context.status.clone()], exporter).await.unwrap();
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

    context.status.failed(&Failure::fatal("broken", "mend it"));
    assert_eq!(get_path(&server, "/healthz").await.0, 503);
    let (_, body) = get_path(&server, "/status").await;
    let status: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&status["state"], &status["last_error"]["hint"]), (&json!("failed"), &json!("mend it")));
}

#[tokio::test]
async fn several_stages_share_one_server() {
    let statuses = vec![context().status, context().status];
    let server = HttpServer::start(any_port(), statuses, Exporter::detached().1).await.unwrap();
    let (_, body) = get_path(&server, "/status").await;
    let status: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["stages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_busy_port_is_one_clear_line() {
    let first = HttpServer::start(any_port(), vec![], Exporter::detached().1).await.unwrap();
    let failure = HttpServer::start(first.address(), vec![], Exporter::detached().1).await.err().unwrap();
    let expected = format!("cannot listen for http on \"{}\": the port is in use", first.address());
    assert_eq!(failure.message, expected);
    assert!(failure.hint.contains("--http"));
}
