//! `millrace run TASK.toml`: all three stages in one process over a log in memory.
//!
//! The binlog is the durable log and the destination holds the progress and capture's checkpoint, committed together. So
//! it can be killed at any moment and run again; the second start goes on from what is committed.

mod line;
mod outlet;
mod pipeline;
mod progress;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use millrace_model::Failure;
use millrace_service::{
    Exporter, HttpServer, LogFormat, Outcome, Shutdown, StageContext, StageName, exit_code, install_crypto_provider,
    install_logs, keep_freed_memory, run_stage,
};
use millrace_task::Task;

use crate::run::pipeline::{Contexts, attempt};
use crate::run::progress::{Progress, Show};
use crate::text::number;

/// Run a whole task in this process, without Kafka; the destination keeps what a restart needs
#[derive(Debug, Args)]
#[command(after_help = "\
Ends by itself when the task is completed. Ctrl-C (or SIGTERM) finishes what is under way and says where it stands;
run it again, also after a crash, and it goes on from there.

Examples:
  millrace run shop.toml
  millrace run shop.toml --log-format json > shop.log    lines for a log, no progress bars")]
pub(crate) struct Arguments {
    /// The task file
    #[arg(value_name = "TASK.toml")]
    task: PathBuf,
    /// Form of the log; auto shows progress bars on a terminal and is json otherwise
    #[arg(long, value_enum, default_value_t = LogFormat::Auto)]
    log_format: LogFormat,
}

/// Runs the task.
pub(crate) fn main(arguments: &Arguments) -> ExitCode {
    exit_code(&start(arguments))
}

fn start(arguments: &Arguments) -> Result<Outcome, Failure> {
    let task = Arc::new(millrace_task::load(&arguments.task)?);
    let is_terminal = arguments.log_format == LogFormat::Auto && std::io::stderr().is_terminal();
    if !is_terminal {
        install_logs(arguments.log_format)?;
    }
    install_crypto_provider();
    keep_freed_memory();
    let show = if is_terminal { Show::Bars } else { Show::Lines };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::fatal(format!("cannot start: {error}"), ""))?;
    runtime.block_on(run(task, show))
}

async fn run(task: Arc<Task>, show: Show) -> Result<Outcome, Failure> {
    let shutdown = Shutdown::new();
    shutdown.listen_to_signals()?;
    let capture = StageContext::new(StageName::Capture, task.clone(), shutdown.clone());
    // What counts as progress of this process is what is committed in the destination, not what is handed over to be.
    let mark = capture.mark.clone();
    let apply = StageContext { mark, ..StageContext::new(StageName::Apply, task.clone(), shutdown) };
    let contexts = Contexts { capture, apply };
    let exporter = Exporter::install(&task)?;
    let statuses = vec![contexts.capture.status.clone(), contexts.apply.status.clone()];
    let _server = HttpServer::start(task.http.capture, task.http.token.clone(), statuses, exporter).await?;
    let progress = Progress::new(show);
    let follower = tokio::spawn(progress.clone().follow(contexts.capture.clone(), contexts.apply.clone()));
    let ended = run_stage(&contexts.capture, |context| {
        let contexts = Contexts { capture: context, ..contexts.clone() };
        Box::pin(attempt(contexts, progress.clone()))
    })
    .await;
    follower.abort();
    progress.clear();
    if let Ok(outcome) = &ended {
        say(*outcome, &contexts, show);
    }
    ended
}

/// Says where the task stands.
fn say(outcome: Outcome, contexts: &Contexts, show: Show) {
    let (capture, apply) = (contexts.capture.status.to_json(), contexts.apply.status.to_json());
    let place = capture["details"]["place"].as_str().unwrap_or("-").to_owned();
    let changes = apply["details"]["changes"].as_u64().unwrap_or(0);
    let count = |field: &str| capture["details"][field].as_u64();
    let loaded = count("tables_loaded").zip(count("tables")).filter(|(loaded, all)| loaded < all);
    let loaded = loaded.map(|(loaded, all)| format!(" with {loaded} of {all} tables loaded")).unwrap_or_default();
    let changes = number(changes);
    let text = match outcome {
        Outcome::Completed => format!("completed: {changes} rows written"),
        Outcome::Stopped => {
            format!("stopped at {place}{loaded}: {changes} rows written by this run; run it again to go on from here")
        }
    };
    match show {
        Show::Bars => eprintln!("{text}"),
        Show::Lines => tracing::info!("{text}"),
    }
}
