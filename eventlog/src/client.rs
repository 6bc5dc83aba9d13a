//! What every librdkafka client has: where its log lines go, what it last heard from the brokers, and how its blocking
//! calls and its teardown are kept off the runtime.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

use millrace_model::TlsFault;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::error::{LogError, Place, is_outage};

/// Context of a client: its log lines become `tracing` events, the last complaint of each kind is kept for messages.
#[derive(Debug, Default)]
pub(crate) struct ClientLog {
    complaint: Mutex<Option<(RDKafkaErrorCode, String)>>,
}

impl ClientLog {
    /// What librdkafka last complained about. "All brokers down" does not displace the reason that led to it.
    pub(crate) fn complaint(&self) -> Option<(RDKafkaErrorCode, String)> {
        lock(&self.complaint).clone()
    }

    /// The complaint as an error, where it is more than an outage that may pass.
    pub(crate) fn refusal(&self, place: &Place) -> Option<LogError> {
        match self.complaint()? {
            // With TLS 1.3 a client certificate is refused after the handshake, by closing the connection.
            (_, reason) if TlsFault::of(&reason) == TlsFault::ClientCertificate => {
                Some(LogError::Tls { brokers: place.brokers.clone(), reason })
            }
            (code, _) if is_outage(code) => None,
            (code, reason) => match place.code(code, &reason) {
                refused @ (LogError::Authentication { .. } | LogError::Tls { .. }) => Some(refused),
                _ => None,
            },
        }
    }

    /// An outage in the words of the last complaint.
    pub(crate) fn unreachable(&self, place: &Place) -> LogError {
        let reason = self.complaint().map_or_else(|| "no answer".to_owned(), |(_, reason)| plain_reason(&reason));
        LogError::Unreachable { brokers: place.brokers.clone(), reason }
    }
}

impl ClientContext for ClientLog {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::warn!(target: "librdkafka", facility, "{line}");
            }
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(target: "librdkafka", facility, "{line}");
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        if code == RDKafkaErrorCode::PartitionEOF {
            return;
        }
        tracing::debug!(target: "librdkafka", %code, "{reason}");
        let mut complaint = lock(&self.complaint);
        if code != RDKafkaErrorCode::AllBrokersDown || complaint.is_none() {
            *complaint = Some((code, reason.lines().next().unwrap_or_default().to_owned()));
        }
    }
}

impl ConsumerContext for ClientLog {}

/// A complaint about a connection without what librdkafka puts around it: the broker's own name for itself before,
/// counters of its states after.
fn plain_reason(reason: &str) -> String {
    if reason.contains("Invalid response size") {
        return "what answers there does not speak Kafka's protocol, or only with encryption".to_owned();
    }
    let (before, after) = reason.split_once(": ").unwrap_or(("", reason));
    let words = if before.contains('/') { after } else { reason };
    words.split(" (after ").next().unwrap_or(words).to_owned()
}

/// A lock whose holder panicked holds data that is still whole: nothing here panics between two writes.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a blocking call of librdkafka off the runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    match tokio::task::spawn_blocking(call).await {
        Ok(result) => result,
        Err(_) => Err(LogError::Ended { what: "blocking call" }),
    }
}

/// A client whose teardown (which waits for its threads and brokers) happens on a thread of its own.
pub(crate) struct Detached<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Detached<T> {
    pub(crate) fn new(client: T) -> Self {
        Self(Some(client))
    }
}

impl<T: Send + 'static> Deref for Detached<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(client) => client,
            None => unreachable!("the client is only taken in drop"),
        }
    }
}

impl<T: Send + 'static> Drop for Detached<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        // Where no thread can be had the closure, and with it the client, is dropped here.
        let _ = std::thread::Builder::new().name("log-teardown".into()).spawn(move || drop(client));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_shown_without_their_frame() {
        for (complaint, shown) in [
            (
                "127.0.0.1:3/bootstrap: Connect to ipv4#127.0.0.1:3 failed: Connection refused (after 0ms in state CONNECT, \
                 1 identical error(s) suppressed)",
                "Connect to ipv4#127.0.0.1:3 failed: Connection refused",
            ),
            (
                "a:1/bootstrap: Receive failed: Invalid response size 1258291200 (0..100000000): increase \
                 receive.message.max.bytes (after 0ms in state APIVERSION_QUERY)",
                "what answers there does not speak Kafka's protocol, or only with encryption",
            ),
            ("a:1/2: Disconnected", "Disconnected"),
            ("2/2 brokers are down", "2/2 brokers are down"),
            ("Failed to resolve: nobody knows", "Failed to resolve: nobody knows"),
        ] {
            assert_eq!(plain_reason(complaint), shown);
        }
    }
}
