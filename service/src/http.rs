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

use crate::ask::ask;
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
        let listener = match TcpListener::bind(address).await {
            Ok(listener) => listener,
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                let task = statuses.first().map(StatusHandle::task).unwrap_or_default();
                let there = ask(&address.to_string(), token.as_ref()).await.unwrap_or_default();
                return Err(is_in_use(address, &task, &there));
            }
            Err(error) => return Err(cannot_listen(address, &error)),
        };
        let address = listener.local_addr().map_err(|error| cannot_listen(address, &error))?;
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
        ErrorKind::AddrNotAvailable => "this machine does not have the address".to_owned(),
        _ => error.to_string(),
    };
    Failure::fatal(format!("cannot listen for http on \"{address}\": {reason}"), OTHER_ADDRESS)
}

const OTHER_ADDRESS: &str =
    "give another address in [http] of the task file, or to a stage by --http; port 0 picks a free one";

/// Who is in the way: `there` are the statuses at the address, none where no stage answers.
fn is_in_use(address: SocketAddr, task: &str, there: &[Value]) -> Failure {
    let text = |status: &Value, field: &str| status[field].as_str().unwrap_or_default().to_owned();
    let Some(first) = there.first() else {
        let hint = format!("see what listens there (ss -ltnp; make down ends the demo's stages), or {OTHER_ADDRESS}");
        return Failure::fatal(format!("cannot listen for http on \"{address}\": the port is in use"), hint);
    };
    let stages = there.iter().map(|status| text(status, "stage")).collect::<Vec<_>>().join(" and ");
    let process = first["pid"].as_u64().map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}"));
    let other = text(first, "task");
    if other == task {
        let message = format!("task \"{task}\" runs already: {process} ({stages}) listens for http on \"{address}\"");
        let hint = "`millrace status` shows how far it is; stop that process first, or, for one more stage of the same task \
                    over Kafka, give it --http 127.0.0.1:0";
        return Failure::fatal(message, hint);
    }
    let message = format!("cannot listen for http on \"{address}\": {process} ({stages} of task \"{other}\") does");
    Failure::fatal(message, OTHER_ADDRESS)
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
