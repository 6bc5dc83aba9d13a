//! Sizes: files, functions, loops, and the stages' `main.rs`.
//!
//! A test's table of cases is data in a function: tests may have longer functions, and a loop counts from its brace.

use crate::Finding;
use crate::source::{SourceFile, closing_brace};

const FILE_LINES: usize = 450;
const FUNCTION_LINES: usize = 60;
const TEST_FUNCTION_LINES: usize = 100;
const LOOP_LINES: usize = 40;
const MAIN_LINES: usize = 40;
/// Crates whose `main.rs` only connects.
const STAGES: [&str; 3] = ["capture", "transform", "apply"];

pub(crate) fn check(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines > FILE_LINES {
        findings.push(Finding::new(&file.path, lines, format!("the file has {lines} lines, allowed are {FILE_LINES}")));
    }
    if STAGES.iter().any(|stage| file.path == format!("{stage}/src/main.rs")) && lines >= MAIN_LINES {
        findings.push(Finding::new(
            &file.path,
            lines,
            format!("a stage's main.rs has fewer than {MAIN_LINES} lines, this has {lines}"),
        ));
    }
    for at in file.words("fn") {
        let name: String =
            file.code[at + 2..].trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !name.is_empty() {
            let allowed = if file.is_test(file.line(at)) { TEST_FUNCTION_LINES } else { FUNCTION_LINES };
            findings.extend(too_long(file, at, at, &format!("function \"{name}\""), allowed));
        }
    }
    for keyword in ["loop", "while", "for"] {
        for at in file.words(keyword).into_iter().filter(|at| is_loop(&file.code[*at..], keyword)) {
            let open = opening_brace(&file.code, at).unwrap_or(at);
            findings.extend(too_long(file, at, open, &format!("the `{keyword}`"), LOOP_LINES));
        }
    }
    findings
}

/// `for` also stands in `impl X for Y` and `for<'a>`; only a loop has `in` before its brace.
fn is_loop(code: &str, keyword: &str) -> bool {
    keyword != "for" || code[..code.find('{').unwrap_or(code.len())].split_whitespace().any(|word| word == "in")
}

/// What begins at `at` and is counted from `from` to its closing brace.
fn too_long(file: &SourceFile, at: usize, from: usize, what: &str, allowed: usize) -> Option<Finding> {
    let open = opening_brace(&file.code, at)?;
    let (first, last) = (file.line(from), file.line(closing_brace(&file.code, open) - 1));
    let lines = last - first + 1;
    (lines > allowed)
        .then(|| Finding::new(&file.path, first, format!("{what} has {lines} lines, allowed are {allowed}")))
}

/// The brace that opens the body of what begins at `start`; none if `;` comes first (a declaration).
fn opening_brace(code: &str, start: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(at),
            b';' if depth == 0 => return None,
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: String) -> Vec<String> {
        check(&SourceFile::new(path, text)).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(findings("a/src/b.rs", "\n".repeat(451)), ["the file has 451 lines, allowed are 450"]);
        assert!(findings("a/src/b.rs", "\n".repeat(450)).is_empty());
    }

    #[test]
    fn a_long_function_is_found() {
        let function =
            |lines: usize| format!("fn a(b: [u8; 2]) -> u8 {{\n{}}}\nfn c();\n", "    f(\"}}\");\n".repeat(lines - 2));
        assert_eq!(findings("a/src/b.rs", function(61)), ["function \"a\" has 61 lines, allowed are 60"]);
        assert!(findings("a/src/b.rs", function(60)).is_empty());
        assert!(findings("a/tests/b.rs", function(100)).is_empty());
        assert_eq!(findings("a/tests/b.rs", function(101)).len(), 1);
    }

    #[test]
    fn a_long_loop_is_found() {
        for head in ["loop", "while a(|b| { b })", "'x: for a in b", "for a in [\n1,\n2,\n]", "while let Some(a) = b"] {
            let text = |lines: usize| format!("fn f() {{\n{head} {{\n{}}}\n}}", "g();\n".repeat(lines - 2));
            assert_eq!(findings("a/src/b.rs", text(41)).len(), 1, "{head}");
            assert!(findings("a/src/b.rs", text(40)).is_empty(), "{head}");
        }
        let other = format!("impl A for B {{\n{}}}\n", "    const C: u8 = 1;\n".repeat(50));
        assert!(findings("a/src/b.rs", other).is_empty());
    }

    #[test]
    fn a_long_main_of_a_stage_is_found() {
        assert_eq!(findings("capture/src/main.rs", "\n".repeat(40)).len(), 1);
        assert!(findings("control/src/main.rs", "\n".repeat(40)).is_empty());
    }
}
