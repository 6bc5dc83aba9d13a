//! Words that do not stand in the code: placeholders outside of tests, `#[ignore]` and fixed sleeps in tests.
//!
//! Clippy finds every `unwrap()` and `expect()` of an `Option` or `Result`, which a search for the words cannot (other
//! types have methods of these names); here it is only seen to that nobody outside of a test switches that off.

use crate::Finding;
use crate::source::SourceFile;

const OUTSIDE_OF_TESTS: [(&str, &str); 5] = [
    ("clippy::unwrap_used", "is switched off outside of a test: handle the case, or return an error"),
    ("clippy::expect_used", "is switched off outside of a test: handle the case, or return an error"),
    ("todo!(", "stands outside of a test: return an error"),
    ("unimplemented!(", "stands outside of a test: return an error"),
    ("dbg!(", "stands outside of a test: log by tracing"),
];
/// The one place where tests wait.
const POLL: &str = "testkit/src/poll.rs";

pub(crate) fn check(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (word, wrong) in OUTSIDE_OF_TESTS {
        let lines = found(file, word).filter(|line| !file.is_test(*line));
        findings.extend(lines.map(|line| Finding::new(&file.path, line, format!("`{word}` {wrong}"))));
    }
    let what = "no test is ignored: mend it or delete it";
    findings.extend(found(file, "#[ignore").map(|line| Finding::new(&file.path, line, what)));
    let all_tests = matches!(file.folder(), "testkit" | "e2e");
    // Under a paused clock a sleep takes no time.
    if file.path != POLL && !file.code.contains("start_paused") {
        let what = "tests do not sleep: poll for what is awaited (millrace_testkit::poll_until)";
        let sleeps = found(file, "sleep(").filter(|line| all_tests || file.is_test(*line));
        findings.extend(sleeps.map(|line| Finding::new(&file.path, line, what)));
    }
    findings
}

/// Lines whose code has `text`.
fn found<'f>(file: &'f SourceFile, text: &'f str) -> impl Iterator<Item = usize> + 'f {
    file.code.match_indices(text).map(|(at, _)| file.line(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_words_are_found() {
        for (path, text, expected) in [
            ("a/src/b.rs", "#[expect(clippy::unwrap_used, reason = \"x\")]\nfn f() { g().unwrap() }", 1),
            ("a/src/b.rs", "fn f() { todo!() }", 1),
            ("a/src/b.rs", "// todo!()\nfn f() { g(\"todo!()\") }", 0),
            ("a/src/b.rs", "#[cfg(test)]\nmod tests {\n#![expect(clippy::unwrap_used)]\nfn f() { todo!() } }", 0),
            ("a/tests/b.rs", "#![expect(clippy::unwrap_used)]\nfn f() { g().unwrap() }", 0),
            ("a/tests/b.rs", "#[tokio::test(start_paused = true)]\nasync fn f() { sleep(x).await }", 0),
            ("a/tests/b.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}", 1),
            ("a/tests/b.rs", "fn f() { std::thread::sleep(x) }", 1),
            ("a/src/b.rs", "fn f() { tokio::time::sleep(x).await }", 0),
            ("a/src/b.rs", "#[cfg(test)]\nmod tests { fn f() { sleep(x) } }", 1),
            ("e2e/src/b.rs", "fn f() { sleep(x) }", 1),
            ("testkit/src/poll.rs", "fn f() { sleep(x) }", 0),
        ] {
            assert_eq!(check(&SourceFile::new(path, text.into())).len(), expected, "{path} {text}");
        }
    }
}
