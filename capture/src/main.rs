//! `millrace-capture --task TASK.toml`: see the library.

use std::process::ExitCode;

use millrace_service::StageName;

fn main() -> ExitCode {
    millrace_service::main(StageName::Capture, millrace_capture::run)
}
