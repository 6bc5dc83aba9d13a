//! `[schema]`: what becomes of values and types, and how bad words are refused.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use millrace_model::{ErrorClass, Failure};
use millrace_task::{Surroundings, Task, TaskError, parse};

fn read(text: &str) -> Result<Task, TaskError> {
    parse(text, Path::new("/etc/millrace/shop.toml"), &Surroundings::none())
}

/// A good file with one part replaced.
fn with(part: &str, replacement: &str) -> String {
    let good = "name = \"shop\"\n\
        [source]\nurl = \"mysql://u:p@127.0.0.1\"\n\
        [destination]\nurl = \"postgres://u:p@db/w\"\n\
        [log]\nkafka = \"127.0.0.1:9092\"\n\
        [[objects]]\ntable = \"shop.*\"\n";
    assert!(good.contains(part), "{part}");
    good.replacen(part, replacement, 1)
}

/// A part of the good file, its replacement; line:column, key, part of the message, part of the hint.
type Refusal = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

fn are_refused(refusals: &[Refusal]) {
    for (part, replacement, place, key, message, hint) in refusals {
        let error = read(&with(part, replacement)).unwrap_err();
        let shown = error.to_string();
        let failure = Failure::from(error.clone());
        assert_eq!(failure.class, ErrorClass::Fatal);
        assert!(!failure.message.contains('\n') && !failure.hint.is_empty() && !failure.hint.contains('\n'), "{shown}");
        let prefix = format!("/etc/millrace/shop.toml:{place}: ");
        assert!(shown.starts_with(&prefix), "{replacement}: expected {place}, got {shown}");
        assert_eq!(error.key, *key, "{shown}");
        assert!(shown.contains(message), "{replacement}: expected {message}, got {shown}");
        assert!(failure.hint.contains(hint), "{replacement}: expected {hint}, got {}", failure.hint);
    }
}

#[test]
fn bad_policies_are_refused_with_place_key_and_hint() {
    are_refused(&[
        (
            "[log]",
            "[schema]\ntypes = 'lossy'\n[log]",
            "7:9",
            "schema.types",
            "expected one of lossless, dts",
            "lossless",
        ),
        (
            "[log]",
            "[schema]\nzero_dates = 'nul'\n[log]",
            "7:14",
            "schema.zero_dates",
            "expected one of null, 0001-01-01, stop",
            "\"null\"",
        ),
        (
            "[log]",
            "[schema]\ninvalid_dates = '1970-01-01'\n[log]",
            "7:17",
            "schema.invalid_dates",
            "expected one of null, 0001-01-01, stop",
            "",
        ),
        (
            "[log]",
            "[schema]\nnul_characters = 'keep'\n[log]",
            "7:18",
            "schema.nul_characters",
            "expected one of stop, remove, replace",
            "",
        ),
        (
            "[log]",
            "[schema]\ninvalid_text = 'remove'\n[log]",
            "7:16",
            "schema.invalid_text",
            "expected one of stop, replace",
            "",
        ),
    ]);
}
