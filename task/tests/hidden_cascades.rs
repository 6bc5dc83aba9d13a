//! `source.hidden_cascades`: refused unless said otherwise, and no part of what a task moves.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use millrace_task::{HiddenCascades, Surroundings, Task, TaskError, parse};

/// A good file with these keys of the source.
fn read(source: &str) -> Result<Task, TaskError> {
    let text = format!(
        "name = \"shop\"\n[source]\nurl = \"mysql://u:p@127.0.0.1\"\n{source}\n\
         [destination]\nurl = \"postgres://u:p@db/w\"\n[[objects]]\ntable = \"shop.*\"\n"
    );
    parse(&text, Path::new("/etc/millrace/shop.toml"), &Surroundings::none())
}

#[test]
fn hidden_cascades_are_refused_unless_the_file_accepts_them() {
    let silent = read("").unwrap();
    assert_eq!(silent.source.hidden_cascades, HiddenCascades::Refuse);
    for (word, expected) in [("refuse", HiddenCascades::Refuse), ("accept", HiddenCascades::Accept)] {
        let task = read(&format!("hidden_cascades = '{word}'")).unwrap();
        assert_eq!(task.source.hidden_cascades, expected);
        assert_eq!(task.fingerprint(), silent.fingerprint(), "it may change from one start to the next");
    }
}

#[test]
fn another_word_for_hidden_cascades_is_refused() {
    let refused = read("hidden_cascades = 'ignore'").unwrap_err();
    assert_eq!(refused.key, "source.hidden_cascades");
    let shown = refused.to_string();
    assert!(shown.starts_with("/etc/millrace/shop.toml:4:19: "), "{shown}");
    assert!(shown.contains("expected one of refuse, accept"), "{shown}");
}
