//! The one retry loop: an attempt that fails begins again at the checkpoint, for as long as the failure's class allows.

use std::time::Duration;

use millrace_model::{ErrorClass, Failure};
use tokio::time::{Instant, sleep};

use crate::backoff::{Decision, FailureRun, random};
use crate::context::StageContext;
use crate::exporter::RETRIES;
use crate::logs::shows_standard_error;
use crate::stage::StageFailure;
use crate::status::{Retrying, State, class_name};

/// How long an attempt may take to end after it was asked to; then it is dropped, which is as safe as a crash.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(20);

/// How a stage ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The task is completed: there is nothing left to do for this stage.
    Completed,
    /// It was asked to stop; the next start goes on from the checkpoint.
    Stopped,
}

/// Runs attempts until one ends well or its failure cannot be retried any longer.
///
/// Connection failures are retried for `retry.connection_minutes` and statement failures for `retry.other_minutes` since
/// the first one after the last progress (see [`ProgressMark`](crate::ProgressMark)); fatal ones end it at once. A failure
/// after stopping was asked for, unless it is fatal, counts as stopped. A server that does not answer at the start (see
/// [`ProgressMark::connected`](crate::ProgressMark::connected)) is not waited for.
///
/// # Errors
/// The last failure, with how long it was retried.
pub async fn run_stage<Make, Running, Failed>(
    context: &StageContext,
    mut make_attempt: Make,
) -> Result<Outcome, Failure>
where
    Make: FnMut(StageContext) -> Running,
    Running: Future<Output = Result<Outcome, Failed>>,
    Failed: Into<StageFailure>,
{
    let mut run = FailureRun::new(context.task.retry);
    let ended = loop {
        let marked = context.mark.count();
        let failure: StageFailure = match attempt(context, make_attempt(context.clone())).await {
            Ok(outcome) => break Ok(outcome),
            Err(failed) => failed.into(),
        };
        if context.mark.count() != marked {
            run.reset();
        }
        if failure.failure.class == ErrorClass::Connection && !context.mark.was_connected() {
            break Err(failure);
        }
        match after_failure(context, &mut run, failure).await {
            Ok(Next::Again) => {}
            Ok(Next::Stop) => break Ok(Outcome::Stopped),
            Err(failure) => break Err(failure),
        }
    };
    show_end(context, &ended);
    ended.map_err(|failed| failed.failure)
}

/// What follows a failure that did not end the stage.
enum Next {
    Again,
    Stop,
}

/// One attempt, dropped if it does not end in time after it was asked to stop.
async fn attempt<Failed>(
    context: &StageContext,
    attempt: impl Future<Output = Result<Outcome, Failed>>,
) -> Result<Outcome, Failed> {
    let overdue = async {
        context.shutdown.requested().await;
        sleep(SHUTDOWN_GRACE).await;
    };
    tokio::select! {
        biased;
        ended = attempt => ended,
        () = overdue => {
            tracing::warn!(stage = context.stage.as_str(), seconds = SHUTDOWN_GRACE.as_secs(), "did not stop in time, is ended");
            Ok(Outcome::Stopped)
        }
    }
}

async fn after_failure(
    context: &StageContext,
    run: &mut FailureRun,
    failed: StageFailure,
) -> Result<Next, StageFailure> {
    let now = Instant::now();
    let name = failed.stage.unwrap_or(context.stage);
    let (wait, since, until, failures) = match run.failed(failed.failure.class, now, random()) {
        Decision::Stop => return Err(failed),
        _ if context.shutdown.is_requested() => {
            tracing::warn!(stage = name.as_str(), reason = %failed.failure, "failed while it stopped");
            return Ok(Next::Stop);
        }
        Decision::GiveUp { window } => return Err(given_up(failed, window)),
        Decision::Retry { wait, since, until, failures } => (wait, since, until, failures),
    };
    let failure = failed.failure;
    let (stage, class) = (name.as_str(), class_name(failure.class));
    let window_left_seconds = (until - now).as_secs();
    let wait_milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    tracing::warn!(stage, class, failures, wait_milliseconds, window_left_seconds, hint = failure.hint, reason = %failure, "retries");
    metrics::counter!(RETRIES, "stage" => stage, "class" => class).increment(1);
    context.status.retrying(name, &failure, Retrying { class: failure.class, failures, since, until });
    tokio::select! {
        () = context.shutdown.requested() => Ok(Next::Stop),
        () = sleep(wait) => Ok(Next::Again),
    }
}

fn given_up(failed: StageFailure, window: Duration) -> StageFailure {
    let StageFailure { stage, failure } = failed;
    let message = format!("{} (retried for {} minutes)", failure.message, window.as_secs() / 60);
    StageFailure { stage, failure: Failure { message, ..failure } }
}

fn show_end(context: &StageContext, ended: &Result<Outcome, StageFailure>) {
    let stage = context.stage.as_str();
    match ended {
        Ok(Outcome::Completed) => {
            context.status.ended(State::Completed);
            tracing::info!(stage, "completed");
        }
        Ok(Outcome::Stopped) => {
            context.status.ended(State::Stopped);
            tracing::info!(stage, "stopped");
        }
        Err(StageFailure { stage, failure }) => {
            let name = stage.unwrap_or(context.stage);
            context.status.failed(name, failure);
            // The process ends with the same words on standard error.
            if !shows_standard_error() {
                let (stage, class) = (name.as_str(), class_name(failure.class));
                tracing::error!(stage, class, hint = failure.hint, reason = %failure, "failed");
            }
        }
    }
}

#[cfg(test)]
mod tests;
