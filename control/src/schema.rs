//! `millrace schema`: the JSON Schema of a task file, with which editors complete and check it.
//!
//! It is made of `docs/task-file.md`, which a test of the task crate holds in step with the parser: so a key that is
//! documented is a key of the schema, and none is forgotten. A line of the reference that is not understood is an error
//! of a test here, never a wrong schema.

mod reference;
mod render;

use clap::Args;
use millrace_model::Failure;

use crate::Ending;
use crate::output::print_json;

/// The reference of the task file.
const REFERENCE: &str = include_str!("../../docs/task-file.md");

/// Print the JSON Schema of a task file, for editors that complete and check it
#[derive(Debug, Args)]
#[command(after_help = "\
Editors with a TOML language server (Even Better TOML in VS Code, taplo elsewhere) take it:
  millrace schema > millrace.schema.json
and, as the first line of the task file:
  #:schema ./millrace.schema.json")]
pub(crate) struct Arguments {}

/// Prints it.
pub(crate) fn run(_: &Arguments) -> Result<Ending, Failure> {
    let keys = reference::keys(REFERENCE)
        .map_err(|problem| Failure::fatal(format!("the reference of the task file: {problem}"), "please report it"))?;
    print_json(&render::schema(&keys))?;
    Ok(Ending::Good)
}
