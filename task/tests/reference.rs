//! `docs/task-file.md` and the parser know the same keys, and its examples are accepted.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use millrace_task::{Problem, Surroundings, parse};

const REFERENCE: &str = include_str!("../../docs/task-file.md");
const TESTED: &str = include_str!("tested_keys.toml");
const SHOP: &str = include_str!("../../deploy/examples/shop.toml");

fn keys_in_reference() -> BTreeSet<String> {
    let headings = REFERENCE.lines().filter_map(|line| line.strip_prefix("### `"));
    headings.map(|heading| heading.trim_end_matches('`').to_owned()).collect()
}

/// Asks the parser itself: an unknown key is refused with the list of those that exist at its place.
fn keys_below(path: &str) -> Vec<String> {
    let probe = "unknown_key_of_the_test";
    let text = match path {
        "" => format!("{probe} = 1"),
        path if path.starts_with("objects") => match path.split_once('.') {
            None => format!("[[objects]]\n{probe} = 1"),
            Some((_, rest)) => format!("[[objects]]\n{rest} = {{ {probe} = 1 }}"),
        },
        path => format!("{path} = {{ {probe} = 1 }}"),
    };
    match parse(&text, Path::new("probe.toml"), &Surroundings::none()).unwrap_err().problem {
        Problem::UnknownKey { accepted, .. } => accepted,
        _ => Vec::new(),
    }
}

fn keys_of_parser() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![String::new()];
    while let Some(path) = open.pop() {
        for key in keys_below(&path) {
            let key = if path.is_empty() { key } else { format!("{path}.{key}") };
            open.push(key.clone());
            found.insert(key);
        }
    }
    found
}

#[test]
fn every_key_is_documented_and_every_documented_key_exists() {
    let keys = keys_of_parser();
    assert!(keys.contains("source.tls.mode") && keys.contains("objects.columns.exclude"), "{keys:?}");
    assert_eq!(keys, keys_in_reference());
}

/// A number with a fraction is what no key takes.
#[test]
fn every_key_refuses_a_value_of_another_type() {
    for key in keys_of_parser() {
        let text = match key.strip_prefix("objects.") {
            Some(rest) => format!("[[objects]]\n{rest} = 0.5"),
            None => format!("{key} = 0.5"),
        };
        let error = parse(&text, Path::new("probe.toml"), &Surroundings::none()).unwrap_err();
        assert_eq!(error.key, key, "{error}");
    }
}

#[test]
fn every_documented_key_says_its_type_and_has_an_example() {
    for section in REFERENCE.split("\n### `").skip(1) {
        let (key, body) = section.split_once('\n').unwrap();
        let is_table = body.trim_start().starts_with("A table") || body.trim_start().starts_with("An array of tables");
        assert!(is_table || body.contains("| type |") && body.contains("| example |"), "{key}");
    }
}

/// What a test named `FILE::FUNCTION` or a case's folder consists of, as text.
fn text_of_test(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let Some((file, function)) = name.split_once("::") else {
        let files = fs::read_dir(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        return files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    };
    let text = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let (before, after) = text.split_once(&format!("fn {function}()")).unwrap_or_else(|| panic!("{name} is not there"));
    let attributes = before.rsplit("\n\n").next().unwrap();
    assert!(attributes.contains("test"), "{name} is no test");
    after.split("\n}\n").next().unwrap().to_owned()
}

#[test]
fn every_key_has_a_test_of_its_effect_and_one_of_its_refusal() {
    let tested: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(TESTED).unwrap();
    let sections = REFERENCE.split("\n### `").skip(1).filter(|section| section.contains("| type |"));
    let keys: BTreeSet<String> = sections.map(|section| section.split('`').next().unwrap().to_owned()).collect();
    assert_eq!(tested.keys().cloned().collect::<BTreeSet<_>>(), keys, "tested_keys.toml and task-file.md differ");
    for (key, tests) in &tested {
        assert_eq!(tests.keys().collect::<Vec<_>>(), ["effect", "refusal"], "{key}");
        text_of_test(&tests["effect"]);
        let last = key.rsplit('.').next().unwrap();
        assert!(text_of_test(&tests["refusal"]).contains(last), "{}: does not name {last}", tests["refusal"]);
    }
}

#[test]
fn the_smallest_example_is_accepted() {
    let text = REFERENCE.split("```").nth(1).unwrap().strip_prefix("toml").unwrap();
    assert_eq!(parse(text, Path::new("shop.toml"), &Surroundings::none()).unwrap().name.as_str(), "shop");
}

#[test]
fn the_shop_example_is_accepted() {
    let surroundings = Surroundings {
        variable: &|name| (name.ends_with("_PASSWORD") || name == "MILLRACE_TOKEN").then(|| "p".repeat(16)),
        read_file: &|_| Ok("p\n".to_owned()),
    };
    let task = parse(SHOP, Path::new("/etc/millrace/shop.toml"), &surroundings).unwrap();
    assert_eq!(task.selection.rules().len(), 2);
}
