//! `millrace-apply --task TASK.toml`: see the library.

use std::process::ExitCode;

use millrace_service::StageName;

fn main() -> ExitCode {
    millrace_service::main(StageName::Apply, millrace_apply::run)
}
