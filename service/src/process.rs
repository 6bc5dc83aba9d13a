//! The process of one stage, from its arguments to its exit code: 0 completed or stopped as asked, 2 wrong usage,
//! otherwise the kind of failure (see [`code_of_class`](crate::code_of_class)).

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use millrace_model::Failure;
use millrace_task::{Task, Transport};

use crate::arguments::Arguments;
use crate::context::StageContext;
use crate::crypto::install_crypto_provider;
use crate::exit::exit_code;
use crate::exporter::Exporter;
use crate::freed_memory::keep_freed_memory;
use crate::http::HttpServer;
use crate::logs::install_logs;
use crate::retry::{Outcome, run_stage};
use crate::shutdown::Shutdown;
use crate::stage::StageName;

/// Threads of the runtime: a stage is one pipeline, its heavy work a few tasks.
const WORKERS: usize = 2;

/// How long background tasks may take to end after the stage has.
const RUNTIME_END: Duration = Duration::from_secs(2);

/// What a stage's `main` is: arguments, logs, task file, HTTP, signals, then [`run_stage`] with `attempt`.
pub fn main<Make, Running>(stage: StageName, attempt: Make) -> ExitCode
where
    Make: FnMut(StageContext) -> Running,
    Running: Future<Output = Result<Outcome, Failure>>,
{
    keep_freed_memory();
    let arguments = Arguments::of_process(stage);
    let ended = catch_unwind(AssertUnwindSafe(|| start(stage, &arguments, attempt)));
    // The panic itself is on standard error already.
    exit_code(&ended.unwrap_or_else(|_| Err(Failure::fatal("the stage panicked", "this is a bug: please report it"))))
}

fn start<Make, Running>(stage: StageName, arguments: &Arguments, attempt: Make) -> Result<Outcome, Failure>
where
    Make: FnMut(StageContext) -> Running,
    Running: Future<Output = Result<Outcome, Failure>>,
{
    install_logs(arguments.log_format)?;
    let task = Arc::new(millrace_task::load(&arguments.task)?);
    ensure_kafka(stage, &task)?;
    install_crypto_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| Failure::fatal(format!("cannot start threads: {error}"), ""))?;
    let address = arguments.http.unwrap_or_else(|| stage.http_address(&task));
    let ended = runtime.block_on(serve(StageContext::new(stage, task, Shutdown::new()), address, attempt));
    runtime.shutdown_timeout(RUNTIME_END);
    ended
}

async fn serve<Make, Running>(context: StageContext, address: SocketAddr, attempt: Make) -> Result<Outcome, Failure>
where
    Make: FnMut(StageContext) -> Running,
    Running: Future<Output = Result<Outcome, Failure>>,
{
    context.shutdown.listen_to_signals()?;
    let exporter = Exporter::install(&context.task)?;
    let _server =
        HttpServer::start(address, context.task.http.token.clone(), vec![context.status.clone()], exporter).await?;
    let (stage, task) = (context.stage.as_str(), context.task.name.as_str());
    tracing::info!(stage, task, version = env!("CARGO_PKG_VERSION"), "starts");
    run_stage(&context, attempt).await
}

/// A stage in a process of its own has to meet the others somewhere.
fn ensure_kafka(stage: StageName, task: &Task) -> Result<(), Failure> {
    match task.log.transport {
        Transport::Kafka(_) => Ok(()),
        Transport::InProcess => {
            let program = stage.program();
            let message = format!("the task \"{}\" has no \"log.kafka\", which {program} needs", task.name);
            Err(Failure::fatal(message, "add kafka = \"HOST:9092\" to [log], or use `millrace run`"))
        }
    }
}
