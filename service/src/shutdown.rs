//! Stopping: one token that stages wait on beside their work.

use std::sync::Arc;

use millrace_model::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Says when to stop; clones share the request, which is never taken back.
#[derive(Debug, Clone)]
pub struct Shutdown {
    requested: Arc<watch::Sender<bool>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { requested: Arc::new(watch::Sender::new(false)) }
    }
}

impl Shutdown {
    /// A token without a request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything that holds this token to stop.
    pub fn request(&self) {
        self.requested.send_replace(true);
    }

    /// Whether stopping was asked for.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Ends when stopping is asked for, at once where it was already. Safe to drop and call again (for `select!`).
    pub async fn requested(&self) {
        let mut receiver = self.requested.subscribe();
        // The sender lives as long as `self`, so the channel cannot close while this waits.
        while receiver.wait_for(|requested| *requested).await.is_err() {}
    }

    /// From now on SIGINT and SIGTERM ask for stopping, and a second one ends the process at once (exit code 1).
    /// Needs a tokio runtime.
    ///
    /// # Errors
    /// The system refuses the handlers.
    pub fn listen_to_signals(&self) -> Result<(), Failure> {
        let handler =
            |kind| signal(kind).map_err(|error| Failure::fatal(format!("cannot listen to signals: {error}"), ""));
        let (interrupt, terminate) = (handler(SignalKind::interrupt())?, handler(SignalKind::terminate())?);
        tokio::spawn(follow_signals(self.clone(), interrupt, terminate));
        Ok(())
    }
}

async fn follow_signals(shutdown: Shutdown, mut interrupt: Signal, mut terminate: Signal) {
    loop {
        let name = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        };
        if shutdown.is_requested() {
            tracing::warn!(signal = name, "ends at once");
            std::process::exit(1);
        }
        tracing::info!(signal = name, "stops; once more ends at once");
        shutdown.request();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn a_request_reaches_everybody_who_waits_and_who_asks_later() {
        let shutdown = Shutdown::new();
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.requested().await }
        });
        assert!(!shutdown.is_requested());
        shutdown.request();
        waiting.await.unwrap();
        shutdown.requested().await;
        assert!(shutdown.is_requested());
    }
}
