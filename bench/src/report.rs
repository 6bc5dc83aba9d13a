//! What was measured, in three forms: a JSON line per run, a Markdown table, and a page with charts. Beside a rate stands
//! its ratio to the practical limit of the same minutes, where one of the limits does the same work.

mod chart;
mod line;
mod page;
mod table;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::Value;

use crate::limits::{MERGE, PIPE};
use crate::run::{Ratio, Run};

/// The results: each line is written down as soon as it is there.
pub(crate) struct Report {
    file: File,
    folder: PathBuf,
    manifest: Value,
    /// Rates of what moved rows without us, by name.
    limits: Vec<(String, f64)>,
    lines: Vec<Value>,
}

impl Report {
    pub(crate) fn new(manifest: Value, folder: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(folder.join("results.jsonl"))?;
        print_line(&table::head());
        Ok(Self { file, folder: folder.to_owned(), manifest, limits: Vec::new(), lines: Vec::new() })
    }

    pub(crate) fn add(&mut self, mut run: Run) -> Result<()> {
        if run.used.is_empty() {
            self.limits.push((run.workload.clone(), run.rate()));
        }
        run.ratio = run.ratio.take().or_else(|| ratio_to_limit(&run, &self.limits));
        let mut line = run.json();
        line["manifest"] = self.manifest.clone();
        writeln!(self.file, "{line}")?;
        print_line(&table::row(&line));
        self.lines.push(line);
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<()> {
        let table = self.folder.join("results.md");
        fs::write(&table, table::document(&self.lines, &self.manifest)?)?;
        fs::write(self.folder.join("results.html"), page::render(&self.lines, &self.manifest))?;
        print_line(&format!("\nwritten to {}, with results.html and results.jsonl beside it", table.display()));
        Ok(())
    }
}

/// The ratio to the limit that does the work of this run's workload, if that was measured.
fn ratio_to_limit(run: &Run, limits: &[(String, f64)]) -> Option<Ratio> {
    let limit = match run.workload.as_str() {
        "W1" => PIPE,
        "W3" | "W6" => MERGE,
        _ => return None,
    };
    let (to, rate) = limits.iter().rfind(|(name, _)| name == limit)?;
    Some(Ratio { to: to.clone(), is: run.rate() / rate })
}

fn print_line(text: &str) {
    // A closed terminal is no reason to stop: the files are written.
    let _ = writeln!(std::io::stdout(), "{text}");
}
