//! Who may depend on whom.
//!
//! The pure crates stay pure, the two database crates know nothing of the log or of each other, transform knows no
//! database, and only `control` knows the stages. Outside libraries for a database or the log have one home each.

use crate::Finding;
use crate::workspace::Manifest;

/// Crates, and the crates of this workspace that they may use (not counting `testkit` in tests).
const ALLOWED: [(&str, &[&str]); 17] = [
    ("model", &[]),
    ("proto", &["model"]),
    ("protocol", &["model"]),
    ("task", &["model"]),
    ("mysql", &["model"]),
    ("adbpg", &["model"]),
    ("eventlog", &["model", "proto", "task"]),
    ("service", &["model", "task"]),
    ("capture", &["model", "protocol", "proto", "task", "eventlog", "service", "mysql"]),
    ("transform", &["model", "protocol", "proto", "task", "eventlog", "service"]),
    ("apply", &["model", "protocol", "proto", "task", "eventlog", "service", "adbpg"]),
    (
        "control",
        &[
            "model",
            "protocol",
            "proto",
            "task",
            "eventlog",
            "service",
            "mysql",
            "adbpg",
            "capture",
            "transform",
            "apply",
        ],
    ),
    ("testkit", &[]),
    ("e2e", &["testkit", "model", "proto"]),
    ("demo", &["testkit"]),
    // The stages are measured as processes; its tests count what their functions allocate.
    ("bench", &["testkit", "model", "proto", "protocol", "task", "transform", "mysql", "adbpg"]),
    ("xtask", &[]),
];

/// Outside libraries, and the crates that may use them. `testkit`, `e2e`, `demo` and `bench` are not shipped.
const HOMES: [(&str, &[&str]); 3] = [
    ("mysql_async", &["mysql", "testkit", "e2e", "demo", "bench"]),
    ("tokio-postgres", &["adbpg", "testkit", "e2e", "demo", "bench"]),
    ("rdkafka", &["eventlog", "testkit", "e2e"]),
];

/// Crates without I/O: they use none of these.
const PURE: [&str; 4] = ["model", "protocol", "proto", "task"];
const INPUT_OUTPUT: [&str; 5] = ["tokio", "rdkafka", "mysql_async", "tokio-postgres", "axum"];

pub(crate) fn check(manifest: &Manifest) -> Vec<Finding> {
    let folder = manifest.folder.as_str();
    let path = format!("{folder}/Cargo.toml");
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == folder) else {
        return vec![Finding::new(
            &path,
            0,
            format!("no rule in xtask/src/edges.rs says what crate \"{folder}\" may use"),
        )];
    };
    let mut findings = Vec::new();
    let mut refuse = |what: String| findings.push(Finding::new(&path, 0, what));
    for name in &manifest.dependencies {
        if let Some(other) = name.strip_prefix("millrace-").filter(|other| !allowed.contains(other)) {
            refuse(format!("\"{folder}\" must not depend on \"{other}\""));
        }
        if HOMES.iter().any(|(library, homes)| library == name && !homes.contains(&folder)) {
            refuse(format!("\"{folder}\" must not use {name}: it has a crate of its own"));
        } else if PURE.contains(&folder) && INPUT_OUTPUT.contains(&name.as_str()) {
            refuse(format!("\"{folder}\" is pure and must not use {name}"));
        }
    }
    for name in &manifest.test_dependencies {
        let other = name.strip_prefix("millrace-");
        if let Some(other) = other.filter(|other| *other != "testkit" && *other != folder && !allowed.contains(other)) {
            refuse(format!("\"{folder}\" must not depend on \"{other}\", in tests neither"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(folder: &str, dependencies: &[&str], test_dependencies: &[&str]) -> usize {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (dependencies, test_dependencies) = (owned(dependencies), owned(test_dependencies));
        check(&Manifest { folder: folder.to_owned(), dependencies, test_dependencies }).len()
    }

    #[test]
    fn forbidden_edges_are_found() {
        assert_eq!(findings("mysql", &["millrace-model", "mysql_async", "tokio"], &["millrace-testkit"]), 0);
        assert_eq!(findings("mysql", &["millrace-adbpg"], &[]), 1);
        assert_eq!(findings("mysql", &["millrace-eventlog"], &[]), 1);
        assert_eq!(findings("transform", &["millrace-mysql"], &[]), 1);
        assert_eq!(findings("capture", &["millrace-apply"], &[]), 1);
        assert_eq!(findings("control", &["millrace-apply"], &[]), 0);
        assert_eq!(findings("service", &["millrace-testkit"], &[]), 1);
        assert_eq!(findings("testkit", &["millrace-model"], &[]), 1);
        assert_eq!(findings("mysql", &[], &["millrace-adbpg"]), 1);
    }

    #[test]
    fn libraries_have_one_home() {
        assert_eq!(findings("capture", &["mysql_async"], &[]), 1);
        assert_eq!(findings("apply", &["rdkafka", "tokio-postgres"], &[]), 2);
        assert_eq!(findings("protocol", &["tokio"], &[]), 1);
        assert_eq!(findings("capture", &["tokio"], &[]), 0);
    }

    #[test]
    fn a_crate_without_a_rule_is_found() {
        assert_eq!(findings("newcomer", &[], &[]), 1);
    }
}
