//! Names that say nothing about what is inside are not used for crates and modules.

use crate::Finding;
use crate::source::SourceFile;
use crate::workspace::Manifest;

const BANNED: [&str; 10] =
    ["common", "core", "util", "utils", "base", "helper", "helpers", "manager", "managers", "misc"];

/// The name, or its last word: `string_utils` says as little as `utils`.
fn banned_part(name: &str) -> Option<&str> {
    name.rsplit(['_', '-']).next().filter(|part| BANNED.contains(part))
}

pub(crate) fn check_crate(manifest: &Manifest) -> Option<Finding> {
    let part = banned_part(&manifest.folder)?;
    Some(Finding::new(&manifest.folder, 0, format!("no crate is called \"{part}\"")))
}

/// Modules by their files and folders, and modules written in place.
pub(crate) fn check(file: &SourceFile) -> Vec<Finding> {
    let below = file.path.split('/').skip(1).map(|part| part.trim_end_matches(".rs"));
    let found = below.filter_map(banned_part).map(|part| (0, part.to_owned()));
    let in_place = file.words("mod").into_iter().filter_map(|at| {
        let name: String =
            file.code[at + 3..].trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        banned_part(&name).map(|part| (file.line(at), part.to_owned()))
    });
    let findings = found.chain(in_place);
    findings.map(|(line, part)| Finding::new(&file.path, line, format!("no module is called \"{part}\""))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_names_are_found() {
        for (path, text, expected) in [
            ("a/src/util.rs", "", 1),
            ("a/src/common/b.rs", "", 1),
            ("a/src/string_utils.rs", "", 1),
            ("a/src/b.rs", "mod helpers { }", 1),
            ("a/src/b.rs", "mod commonplace;", 0),
            ("a/src/core_rules.rs", "", 0),
            ("a/src/database.rs", "use std::core; // mod misc", 0),
        ] {
            assert_eq!(check(&SourceFile::new(path, text.into())).len(), expected, "{path} {text}");
        }
        let manifest = |folder: &str| Manifest { folder: folder.into(), ..Manifest::default() };
        assert!(check_crate(&manifest("core")).is_some());
        assert!(check_crate(&manifest("model")).is_none());
    }
}
