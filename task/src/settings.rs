//! `[retry]`, `[errors]`, `[full]` and `[http]`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use secrecy::SecretString;

/// How long failures are retried; `other` is less than `connection`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// Since the first failure of a run of lost connections: 10 to 1,440 minutes, default 720.
    pub connection: Duration,
    /// Since the first failure of a run of other passing errors: 1 to 1,440 minutes, default 10.
    pub other: Duration,
}

/// What is done with a row that the destination refuses for what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBadRow {
    /// The task stops.
    Stop,
    /// It is held, with all that comes for its key, and everything else goes on.
    Quarantine {
        /// Keys that are held at most: 1 to 100,000, default 1,000.
        limit: u32,
    },
}

/// How the full load reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FullLoad {
    /// Rows of a chunk: 100 to 1,000,000, default 20,000.
    pub chunk_rows: u32,
    /// Connections that read chunks at once: 1 to 64, default 2.
    pub readers: u32,
}

/// Where each stage listens for HTTP; port 0 means a free port.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Http {
    /// Capture; default 127.0.0.1:9561.
    pub capture: SocketAddr,
    /// Transform; default 127.0.0.1:9562.
    pub transform: SocketAddr,
    /// Apply; default 127.0.0.1:9563.
    pub apply: SocketAddr,
    /// What who asks for metrics or status has to show; required where a stage listens beyond loopback.
    pub token: Option<SecretString>,
}

/// Default port of capture; transform and apply follow.
const FIRST_PORT: u16 = 9561;

/// The default address of the stage that is `place`th in the pipeline, from 0.
pub(crate) fn default_address(place: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST_PORT + place))
}
