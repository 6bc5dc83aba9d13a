//! `docs/guarantees.md` in step with the tests: what it names as a proof exists, and each line has one or says that there
//! is none.

use std::collections::BTreeSet;

use crate::Finding;
use crate::workspace::Workspace;

const PATH: &str = "docs/guarantees.md";

/// What a line may say in place of a test.
const NONE: [&str; 2] = ["**not proven yet**", "does not apply"];

pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let Some(text) = workspace.documents.get(PATH) else {
        return vec![Finding::new(PATH, 0, "the file is missing")];
    };
    let functions: BTreeSet<&str> = workspace.files.iter().flat_map(|file| functions(&file.code)).collect();
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        let Some(proof) = last_cell(line) else { continue };
        let names = names(proof);
        if names.is_empty() && !NONE.iter().any(|words| proof.contains(words)) {
            findings.push(Finding::new(PATH, number, "no test is named, and it does not say that there is none"));
        }
        for (name, is_case) in names {
            let exists = if is_case { workspace.cases.contains(name) } else { functions.contains(name) };
            if !exists {
                findings.push(Finding::new(PATH, number, format!("there is no test \"{name}\"")));
            }
        }
    }
    findings
}

/// The last cell of a table's row; none for headings and lines of dashes.
fn last_cell(line: &str) -> Option<&str> {
    let cell = line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit(" | ").next()?;
    let is_number = cell.chars().all(|c| c.is_ascii_digit() || c == ';' || c == ' ');
    (cell != "shown by" && cell != "number" && !is_number).then_some(cell)
}

/// Names between backticks that could be a test's, and whether "case" stands before them.
fn names(cell: &str) -> Vec<(&str, bool)> {
    let parts: Vec<&str> = cell.split('`').collect();
    let is_name = |name: &str| {
        name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
    };
    let named = parts.chunks(2).filter_map(|pair| Some((*pair.get(1)?, pair[0].ends_with("case "))));
    named.filter(|(name, is_case)| *is_case || is_name(name)).collect()
}

/// Names of the functions in masked code.
fn functions(code: &str) -> impl Iterator<Item = &str> {
    code.split("fn ").skip(1).filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;

    fn findings(line: &str) -> usize {
        let mut workspace = Workspace::default();
        workspace.files.push(SourceFile::new("a/src/lib.rs", "#[test]\nfn it_holds() {}\n".into()));
        workspace.cases.insert("truncate".into());
        workspace.documents.insert(PATH.into(), format!("| rule | shown by |\n|---|---|\n{line}\n"));
        check(&workspace).len()
    }

    #[test]
    fn proofs_that_do_not_exist_are_found() {
        assert_eq!(findings("| R-1 | `it_holds`, case `truncate` |"), 0);
        assert_eq!(findings("| R-1 | `it_does_not` |"), 1);
        assert_eq!(findings("| R-1 | case `missing` |"), 1);
        assert_eq!(findings("| R-1 | **not proven yet** |"), 0);
        assert_eq!(findings("| R-1 | surely |"), 1);
        assert_eq!(check(&Workspace::default()).len(), 1);
    }
}
