//! `cargo xtask tidy`: the rules of the project that a machine can hold and that clippy does not.
//!
//! Each rule is a function from texts to findings, tested with planted violations; only [`workspace`] reads files.

mod documents;
mod edges;
mod guarantees;
mod names;
mod sizes;
mod source;
mod words;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use workspace::Workspace;

/// A broken rule: the file, the line (0 where there is none) and what is wrong.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

fn main() -> Result<ExitCode> {
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => tidy(),
        _ => bail!("usage: cargo xtask tidy"),
    }
}

fn tidy() -> Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    let workspace = Workspace::read(root)?;
    let mut findings = check(&workspace);
    findings.sort();
    for Finding { path, line, what } in &findings {
        eprintln!("{path}:{line}: {what}");
    }
    eprintln!(
        "tidy: {} findings in {} files of {} crates",
        findings.len(),
        workspace.files.len(),
        workspace.crates.len()
    );
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &workspace.files {
        findings.extend(sizes::check(file));
        findings.extend(names::check(file));
        findings.extend(words::check(file));
    }
    for manifest in &workspace.crates {
        findings.extend(names::check_crate(manifest));
        findings.extend(edges::check(manifest));
    }
    findings.extend(documents::check(workspace));
    findings.extend(guarantees::check(workspace));
    findings
}
