//! `millrace`: the operator's tool; see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    millrace_control::main()
}
