//! One word for a whole task, from what its parts say. Pure.

/// How a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It never wrote to the destination, and no stage answers.
    NotStarted,
    /// Every stage runs.
    Running,
    /// A stage retries a failure.
    Retrying,
    /// A stage does not answer while others do.
    Incomplete,
    /// No stage answers; the destination says how far it was.
    NotRunning,
    /// A stage failed for good.
    Failed,
    /// Everything is in the destination, for ever.
    Completed,
    /// Neither a stage nor the destination answers.
    Unknown,
}

impl State {
    /// Its word in JSON and text.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not started",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Incomplete => "incomplete",
            Self::NotRunning => "not running",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::Unknown => "unknown",
        }
    }
}

/// What the destination says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applied {
    /// It does not answer.
    Unknown,
    /// Nothing of the task.
    Nothing,
    /// Some of it.
    Some,
    /// The end of every partition.
    End,
}

/// The state of a task whose stages are in `states` (a stage that does not answer is none), of `wanted` kinds.
pub(super) fn decide(states: &[Option<&str>], applied: Applied) -> State {
    let answers: Vec<&str> = states.iter().flatten().copied().collect();
    if answers.contains(&"failed") {
        return State::Failed;
    }
    if applied == Applied::End {
        return State::Completed;
    }
    if answers.is_empty() {
        return match applied {
            Applied::Unknown => State::Unknown,
            Applied::Nothing => State::NotStarted,
            Applied::Some | Applied::End => State::NotRunning,
        };
    }
    if answers.contains(&"retrying") {
        return State::Retrying;
    }
    // Capture and transform are done before apply is.
    let is_at_work = |state: &Option<&str>| matches!(state, Some("running" | "completed"));
    if states.iter().all(is_at_work) { State::Running } else { State::Incomplete }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_part_decides() {
        let running = Some("running");
        for (states, applied, expected) in [
            ([running, running, running], Applied::Some, State::Running),
            ([running, running, running], Applied::Unknown, State::Running),
            ([running, None, running], Applied::Some, State::Incomplete),
            ([running, Some("stopped"), running], Applied::Some, State::Incomplete),
            ([running, None, Some("retrying")], Applied::Some, State::Retrying),
            ([Some("failed"), None, Some("retrying")], Applied::Some, State::Failed),
            ([Some("failed"), None, None], Applied::End, State::Failed),
            ([Some("completed"), running, running], Applied::Some, State::Running),
            ([None, None, None], Applied::End, State::Completed),
            ([None, None, None], Applied::Some, State::NotRunning),
            ([None, None, None], Applied::Nothing, State::NotStarted),
            ([None, None, None], Applied::Unknown, State::Unknown),
        ] {
            assert_eq!(decide(&states, applied), expected, "{states:?} {applied:?}");
        }
    }
}
