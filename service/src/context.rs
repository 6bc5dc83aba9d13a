//! What a stage is given.

use std::sync::Arc;

use millrace_task::Task;

use crate::shutdown::Shutdown;
use crate::stage::StageName;
use crate::status::{ProgressMark, StatusHandle};

/// What each attempt of a stage is given; clones share everything.
#[derive(Clone)]
pub struct StageContext {
    /// Which stage it is.
    pub stage: StageName,
    /// The task.
    pub task: Arc<Task>,
    /// What the stage shows of itself.
    pub status: StatusHandle,
    /// When to stop.
    pub shutdown: Shutdown,
    /// To be called at every progress; see [`ProgressMark`].
    pub mark: ProgressMark,
}

impl StageContext {
    /// A context with a status of its own.
    pub fn new(stage: StageName, task: Arc<Task>, shutdown: Shutdown) -> Self {
        let status = StatusHandle::new(stage, &task);
        let mark = status.mark();
        Self { stage, task, status, shutdown, mark }
    }
}

/// A context of a small task with windows of 60 and 5 minutes.
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) fn for_tests() -> StageContext {
    let text = r#"
        name = "shop"
        environment = "test"
        source = { url = "mysql://u@127.0.0.1" }
        destination = { url = "postgres://u@127.0.0.1/d" }
        objects = [{ table = "shop.*" }]
        retry = { connection_minutes = 60, other_minutes = 5 }
    "#;
    let task = millrace_task::parse(text, "shop.toml".as_ref(), &millrace_task::Surroundings::none()).unwrap();
    let context = StageContext::new(StageName::Apply, Arc::new(task), Shutdown::new());
    context.mark.connected();
    context
}
