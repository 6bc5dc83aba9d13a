//! Documents in step with the code: ARCHITECTURE.md names every crate's folder, and stays short.

use crate::Finding;
use crate::workspace::Workspace;

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const ARCHITECTURE_LINES: usize = 250;

pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let Some(text) = workspace.documents.get(ARCHITECTURE) else {
        return vec![Finding::new(ARCHITECTURE, 0, "the file is missing")];
    };
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines >= ARCHITECTURE_LINES {
        let what = format!("it has {lines} lines; it stays under {ARCHITECTURE_LINES}");
        findings.push(Finding::new(ARCHITECTURE, lines, what));
    }
    for manifest in &workspace.crates {
        let folder = format!("{}/", manifest.folder);
        let named =
            text.match_indices(&folder).any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
        if !named {
            findings.push(Finding::new(ARCHITECTURE, 0, format!("the crate folder \"{folder}\" is not mentioned")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Manifest;

    fn findings(text: Option<&str>) -> usize {
        let mut workspace = Workspace::default();
        for folder in ["model", "proto"] {
            workspace.crates.push(Manifest { folder: folder.into(), ..Manifest::default() });
        }
        workspace.documents.extend(text.map(|text| (ARCHITECTURE.to_owned(), text.to_owned())));
        check(&workspace).len()
    }

    #[test]
    fn documents_out_of_step_are_found() {
        assert_eq!(findings(Some("`model/` and `proto/`")), 0);
        assert_eq!(findings(Some("`remodel/` and `proto/`")), 1);
        assert_eq!(findings(Some(&format!("model/ proto/{}", "\n".repeat(250)))), 1);
        assert_eq!(findings(None), 1);
    }
}
