//! `docs/wire-format.md` names every message, field and enum value of the published `.proto` files.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

const DOCUMENT: &str = include_str!("../../docs/wire-format.md");

/// The names that a `.proto` file defines, each by the line that does: `message X {`, `enum X {`, `type name = 1;`.
fn names(proto: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in proto.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["message", name, "{"] => names.push(name.to_owned()),
            [.., name, "=", number] if number.trim_end_matches(';').parse::<u32>().is_ok() => {
                names.push(name.to_owned())
            }
            _ => {}
        }
    }
    names
}

/// Whether the document has the name as code: between backquotes, alone or with others.
fn is_documented(name: &str) -> bool {
    let mut in_code = DOCUMENT.split('`').skip(1).step_by(2);
    in_code.any(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name))
}

#[test]
fn every_name_is_documented() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("millrace/v1");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        for name in names(&std::fs::read_to_string(&path).unwrap()) {
            assert!(is_documented(&name), "docs/wire-format.md does not name \"{name}\" of {}", path.display());
            count += 1;
        }
    }
    assert!(count > 80, "only {count} names were found in the .proto files");
}

#[test]
fn the_finder_finds() {
    assert_eq!(
        names("message A {\n  // B = 3;\n  optional sint64 c = 1;\n  enum D {\n    E_F = 0;\n"),
        ["A", "c", "E_F"]
    );
    assert!(is_documented("first_sequence") && !is_documented("no_such_field"));
}
