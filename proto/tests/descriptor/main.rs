//! The published `.proto` files against `proto/descriptor.txt`, which lists everything that readers of the topics rely on.
//!
//! What is listed stays: a field or an enum value with its number, name, type and label, and numbers and names that are
//! reserved. What is new is recorded by `MILLRACE_RECORD=1 cargo test -p millrace-proto --test descriptor`; what breaks
//! readers is refused there, too. A change that has to break them needs another [`millrace_proto::FORMAT`].
#![expect(clippy::unwrap_used, reason = "tests")]

mod compare;
mod list;

use std::path::Path;
use std::{env, fs};

use compare::{Difference, differences};
use list::List;

const COMMAND: &str = "MILLRACE_RECORD=1 cargo test -p millrace-proto --test descriptor";

#[test]
fn published_messages_stay_as_they_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<String> = fs::read_dir(folder.join("millrace/v1"))
        .unwrap()
        .map(|entry| format!("millrace/v1/{}", entry.unwrap().file_name().to_str().unwrap()))
        .collect();
    files.sort();
    let now = List::of(millrace_proto::FORMAT, &protox::compile(files, [folder]).unwrap());
    let golden = folder.join("descriptor.txt");
    let is_recording = env::var_os("MILLRACE_RECORD").is_some();
    let text = match fs::read_to_string(&golden) {
        Ok(text) => text,
        Err(_) if is_recording => String::new(),
        Err(error) => panic!("{}: {error}", golden.display()),
    };
    let found = differences(&List::parse(&text), &now);
    let broken: Vec<&String> = found.iter().filter_map(Difference::breaking).collect();
    assert!(broken.is_empty(), "readers of the topics would break: {broken:#?}");
    if is_recording {
        fs::write(&golden, now.to_string()).unwrap();
        return;
    }
    assert!(found.is_empty(), "not recorded yet: {found:#?}; do it with: {COMMAND}");
    assert_eq!(now.to_string(), text, "the list has another form; write it anew with: {COMMAND}");
}
