//! The three stages.

use std::fmt;
use std::net::SocketAddr;

use millrace_model::Failure;
use millrace_task::Task;

/// One of the three stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StageName {
    /// MySQL into the log.
    Capture,
    /// Source types into destination types.
    Transform,
    /// The log into the destination.
    Apply,
}

impl StageName {
    /// Its word in logs, metrics and the status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Transform => "transform",
            Self::Apply => "apply",
        }
    }

    /// Name of its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Capture => "millrace-capture",
            Self::Transform => "millrace-transform",
            Self::Apply => "millrace-apply",
        }
    }

    /// What its program does, for its help.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Capture => {
                "First of three stages: reads MySQL, its rows and then its binlog, and writes them to Kafka"
            }
            Self::Transform => "Second of three stages: makes the source's rows the destination's, from Kafka to Kafka",
            Self::Apply => {
                "Last of three stages: writes from Kafka to AnalyticDB for PostgreSQL, Greenplum or PostgreSQL"
            }
        }
    }

    /// Where the task says that it listens for HTTP.
    pub fn http_address(self, task: &Task) -> SocketAddr {
        match self {
            Self::Capture => task.http.capture,
            Self::Transform => task.http.transform,
            Self::Apply => task.http.apply,
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure, and of which stage it is where a process has several.
#[derive(Debug, Clone)]
pub struct StageFailure {
    /// The stage; none: the one that runs.
    pub stage: Option<StageName>,
    /// What failed.
    pub failure: Failure,
}

impl StageFailure {
    /// A failure of this stage.
    pub fn of(stage: StageName, failure: impl Into<Failure>) -> Self {
        Self { stage: Some(stage), failure: failure.into() }
    }
}

impl From<Failure> for StageFailure {
    fn from(failure: Failure) -> Self {
        Self { stage: None, failure }
    }
}
