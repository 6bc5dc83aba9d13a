//! HTTP of a process: `/metrics`, `/healthz` and `/status`. Read only, and without anything secret; beyond loopback only
//! with a token, which the first and the last ask for (`/healthz` tells nothing but whether the process is well).

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use millrace_model::Failure;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::exporter::Exporter;
use crate::status::StatusHandle;

/// A server that listens until it is dropped.
pub struct HttpServer {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

struct Shown {
    statuses: Vec<StatusHandle>,
    exporter: Exporter,
}

impl HttpServer {
    /// Listens on an address (port 0: a free port) for the stages of this process, one or several. With a token, who
    /// asks for metrics or status has to send it (`Authorization: Bearer`).
    ///
    /// # Errors
    /// The address cannot be listened on, or is not of loopback and there is no token; the failure names it.
    pub async fn start(
        address: SocketAddr,
        token: Option<SecretString>,
        statuses: Vec<StatusHandle>,
        exporter: Exporter,
    ) -> Result<Self, Failure> {
        if token.is_none() && !address.ip().is_loopback() {
            let message = format!("cannot listen for http on \"{address}\" without a token: it is not loopback");
            return Err(Failure::fatal(message, "add token = \"${MILLRACE_TOKEN}\" to [http] of the task file"));
        }
        let refused = |error: std::io::Error| cannot_listen(address, &error);
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/status", get(status))
            .layer(from_fn_with_state(token.map(Arc::new), authorize))
            .route("/healthz", get(healthz))
            .with_state(Arc::new(Shown { statuses, exporter }));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "http ended");
            }
        });
        tracing::info!(%address, "listens for http");
        Ok(Self { address, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Failure {
    let reason = match error.kind() {
        ErrorKind::AddrInUse => "the port is in use".to_owned(),
        ErrorKind::AddrNotAvailable => "this machine does not have the address".to_owned(),
        _ => error.to_string(),
    };
    let hint = "a stage of another task may listen there (make down ends the demo's): give another address in [http] of the \
                task file, or to a stage by --http; port 0 picks a free one";
    Failure::fatal(format!("cannot listen for http on \"{address}\": {reason}"), hint)
}

/// Lets through who sends the token. Compared in a time that does not depend on where the first difference is.
async fn authorize(State(token): State<Option<Arc<SecretString>>>, request: Request, next: Next) -> Response {
    let Some(token) = token else { return next.run(request).await };
    let sent = request.headers().get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if sent.is_some_and(|sent| bool::from(sent.ct_eq(token.expose_secret().as_bytes()))) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], "the token of [http] is needed\n").into_response()
}

async fn metrics(State(shown): State<Arc<Shown>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shown.exporter.render())
}

/// 200 while every stage runs, retries or has ended well; 503 when one failed.
async fn healthz(State(shown): State<Arc<Shown>>) -> impl IntoResponse {
    if shown.statuses.iter().any(StatusHandle::is_failed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "failed\n");
    }
    (StatusCode::OK, "ok\n")
}

/// The status of the one stage, or `{"stages": [...]}` of several.
async fn status(State(shown): State<Arc<Shown>>) -> Json<Value> {
    Json(match shown.statuses.as_slice() {
        [one] => one.to_json(),
        several => json!({ "stages": several.iter().map(StatusHandle::to_json).collect::<Vec<_>>() }),
    })
}

#[cfg(test)]
mod tests;
