//! What a stage shows of itself: state, retries, last error, and whatever the stage adds.
//!
//! Why "running" is true: a failure makes the state retrying, and only progress (not the beginning of an attempt) makes
//! it running again, so that a server that accepts connections and then fails does not look healthy.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use millrace_model::{ErrorClass, Failure};
use millrace_task::{Phase, Task};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::stage::StageName;
use crate::timestamp::rfc3339;

/// What a stage is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Working, or waiting for something to do.
    Running,
    /// A failure is retried and there was no progress since.
    Retrying,
    /// The task is completed.
    Completed,
    /// Stopped as asked.
    Stopped,
    /// Failed for good.
    Failed,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// A failure that is being retried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retrying {
    /// Its class.
    pub(crate) class: ErrorClass,
    /// Failures since the last progress.
    pub(crate) failures: u32,
    /// When its class failed first.
    pub(crate) since: Instant,
    /// When retrying ends.
    pub(crate) until: Instant,
}

impl Retrying {
    fn to_json(self) -> Value {
        let now = Instant::now();
        let (elapsed, left) = (now.duration_since(self.since), self.until.saturating_duration_since(now));
        json!({
            "class": class_name(self.class),
            "failures": self.failures,
            "since": rfc3339(SystemTime::now() - elapsed),
            "until": rfc3339(SystemTime::now() + left),
            "window_left_seconds": left.as_secs(),
        })
    }
}

/// The last failure.
struct LastError {
    /// Of which stage it is.
    stage: StageName,
    failure: Failure,
    at: SystemTime,
}

impl LastError {
    fn new(stage: StageName, failure: &Failure) -> Self {
        Self { stage, failure: failure.clone(), at: SystemTime::now() }
    }

    fn to_json(&self) -> Value {
        json!({
            "stage": self.stage.as_str(),
            "message": self.failure.message,
            "hint": self.failure.hint,
            "class": class_name(self.failure.class),
            "at": rfc3339(self.at),
        })
    }
}

struct Shown {
    /// Of the stage that sets the pace; the others carry whatever comes.
    phase: Option<Phase>,
    state: State,
    since: SystemTime,
    retrying: Option<Retrying>,
    last_error: Option<LastError>,
    details: Value,
}

struct Shared {
    stage: StageName,
    task: String,
    environment: Option<String>,
    progress: AtomicU64,
    is_retrying: AtomicBool,
    is_connected: AtomicBool,
    shown: Mutex<Shown>,
}

impl Shared {
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn become_state(&self, state: State, retrying: Option<Retrying>) -> MutexGuard<'_, Shown> {
        let mut shown = self.shown();
        if shown.state != state {
            shown.state = state;
            shown.since = SystemTime::now();
        }
        shown.retrying = retrying;
        self.is_retrying.store(retrying.is_some(), Ordering::Release);
        shown
    }
}

/// What a stage shows of itself; clones share it.
#[derive(Clone)]
pub struct StatusHandle {
    shared: Arc<Shared>,
}

impl StatusHandle {
    /// The status of a stage that begins; capture's is in the task's first phase.
    pub fn new(stage: StageName, task: &Task) -> Self {
        let shown = Shown {
            phase: (stage == StageName::Capture).then(|| task.phases.first()),
            state: State::Running,
            since: SystemTime::now(),
            retrying: None,
            last_error: None,
            details: json!({}),
        };
        let shared = Shared {
            stage,
            task: task.name.to_string(),
            environment: task.environment.as_ref().map(ToString::to_string),
            progress: AtomicU64::new(0),
            is_retrying: AtomicBool::new(false),
            is_connected: AtomicBool::new(false),
            shown: Mutex::new(shown),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The task's name.
    pub(crate) fn task(&self) -> String {
        self.shared.task.clone()
    }

    /// Says which phase the task is in.
    pub fn set_phase(&self, phase: Phase) {
        self.shared.shown().phase = Some(phase);
    }

    /// Replaces what the stage adds: any JSON value, without row values and secrets. Stays over retries.
    pub fn set_details(&self, details: Value) {
        self.shared.shown().details = details;
    }

    /// Changes what the stage adds, an empty object at first; `change` must be quick and not use this handle.
    pub fn update_details(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.shared.shown().details);
    }

    /// Sets one field of what the stage adds.
    pub fn set(&self, field: &str, value: impl Into<Value>) {
        let value = value.into();
        self.update_details(|details| details[field] = value);
    }

    /// Sets those fields of what the stage adds that an object names; others stay.
    pub fn merge(&self, fields: Value) {
        let Value::Object(fields) = fields else { return };
        self.update_details(|details| fields.into_iter().for_each(|(field, value)| details[field] = value));
    }

    /// The mark that this status counts progress with.
    pub fn mark(&self) -> ProgressMark {
        ProgressMark { shared: Arc::clone(&self.shared) }
    }

    /// Whether the stage failed for good.
    pub fn is_failed(&self) -> bool {
        self.shared.shown().state == State::Failed
    }

    pub(crate) fn retrying(&self, stage: StageName, failure: &Failure, retrying: Retrying) {
        let mut shown = self.shared.become_state(State::Retrying, Some(retrying));
        shown.last_error = Some(LastError::new(stage, failure));
    }

    pub(crate) fn failed(&self, stage: StageName, failure: &Failure) {
        let mut shown = self.shared.become_state(State::Failed, None);
        shown.last_error = Some(LastError::new(stage, failure));
    }

    pub(crate) fn ended(&self, state: State) {
        drop(self.shared.become_state(state, None));
    }

    /// The status as JSON: stage, task, environment, version, pid, phase, state (running, retrying, completed, stopped or
    /// failed) and since when, `retry` (class, failures, the window of
    /// that class; null without one), `last_error` (stage, message, hint,
    /// class, time; kept after it passed) and `details`, which are the stage's own.
    pub fn to_json(&self) -> Value {
        let shared = &self.shared;
        let shown = shared.shown();
        json!({
            "stage": shared.stage.as_str(),
            "task": shared.task,
            "environment": shared.environment,
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "phase": shown.phase.map(Phase::as_str),
            "state": shown.state.as_str(),
            "since": rfc3339(shown.since),
            "retry": shown.retrying.map(Retrying::to_json),
            "last_error": shown.last_error.as_ref().map(LastError::to_json),
            "details": shown.details,
        })
    }
}

/// A class's word in logs, metrics and the status.
pub(crate) fn class_name(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Connection => "connection",
        ErrorClass::Statement => "statement",
        ErrorClass::Fatal => "fatal",
    }
}

/// Counts progress, for the retry loop: what an attempt could not have done while the failure lasted. Committing a step,
/// an idle watermark included, is progress; a connection that was made is not, and neither is what an attempt commits
/// although nothing had changed.
#[derive(Clone)]
pub struct ProgressMark {
    shared: Arc<Shared>,
}

impl ProgressMark {
    /// Says that there was progress; as cheap as an atomic addition.
    pub fn progress(&self) {
        self.shared.progress.fetch_add(1, Ordering::AcqRel);
        if self.shared.is_retrying.load(Ordering::Acquire) {
            drop(self.shared.become_state(State::Running, None));
            tracing::info!(stage = self.shared.stage.as_str(), "goes on");
        }
    }

    /// Says that every server that the stage needs has answered once: from now on a lost connection is an outage, and is
    /// retried. Before, it is a mistake in the task file or a server that is not there yet, and ends the process.
    pub fn connected(&self) {
        self.shared.is_connected.store(true, Ordering::Release);
    }

    /// Whether that was said.
    pub fn was_connected(&self) -> bool {
        self.shared.is_connected.load(Ordering::Acquire)
    }

    pub(crate) fn count(&self) -> u64 {
        self.shared.progress.load(Ordering::Acquire)
    }
}
