//! Makes one test of each folder in `cases/`, so that the list of folders is the list of tests.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=cases");
    let mut names = Vec::new();
    for entry in fs::read_dir("cases")? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    let test = |name: &String| {
        format!("#[test]\nfn {name}() -> millrace_e2e::TestResult {{\n    Ok(run_case(\"{name}\", WAY)?)\n}}\n\n")
    };
    let tests: String = names.iter().map(test).collect();
    let folder = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&folder).join("cases.rs"), tests)
}
