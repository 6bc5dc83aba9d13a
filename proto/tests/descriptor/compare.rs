//! What changed between two lists, and whether it breaks a reader that knows the older one.

use crate::list::{Group, List};

/// Something that changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Older readers go on.
    New(String),
    /// They do not, or read something else.
    Breaking(String),
}

impl Difference {
    pub(crate) fn breaking(&self) -> Option<&String> {
        match self {
            Self::New(_) => None,
            Self::Breaking(what) => Some(what),
        }
    }
}

/// What changed. Of another version of the format everything may: its readers refuse the messages.
pub(crate) fn differences(recorded: &List, now: &List) -> Vec<Difference> {
    if recorded.format != now.format {
        return vec![Difference::New(format!("format {}", now.format))];
    }
    let mut found = Vec::new();
    for (heading, group) in &recorded.groups {
        match now.groups.get(heading) {
            None => found.push(Difference::Breaking(format!("{heading} is gone"))),
            Some(now) => compare(heading, group, now, &mut found),
        }
    }
    let added = now.groups.keys().filter(|heading| !recorded.groups.contains_key(*heading));
    found.extend(added.map(|heading| Difference::New(heading.clone())));
    found
}

fn compare(heading: &str, recorded: &Group, now: &Group, found: &mut Vec<Difference>) {
    let mut breaking = |what: String| found.push(Difference::Breaking(format!("{heading}: {what}")));
    let of = |group: &Group, number: &i32| group.members.get(number).cloned().unwrap_or_default();
    for (number, texts) in &recorded.members {
        let here = of(now, number);
        for text in texts.difference(&here) {
            breaking(match here.is_empty() {
                true => format!("\"{number} {text}\" is gone"),
                false => format!("\"{number} {text}\" is now {here:?}"),
            });
        }
    }
    for (first, last) in recorded.reserved_numbers.difference(&now.reserved_numbers) {
        let is_kept = now.reserved_numbers.iter().any(|(from, to)| from <= first && last <= to);
        if !is_kept {
            breaking(format!("{first} to {last} are no longer reserved"));
        }
    }
    for name in recorded.reserved_names.difference(&now.reserved_names) {
        breaking(format!("\"{name}\" is no longer reserved"));
    }
    let mut new = |what: String| found.push(Difference::New(format!("{heading}: {what}")));
    for (number, texts) in &now.members {
        texts.difference(&of(recorded, number)).for_each(|text| new(format!("{number} {text}")));
    }
    for (first, last) in now.reserved_numbers.difference(&recorded.reserved_numbers) {
        new(format!("{first} to {last} are reserved"));
    }
    for name in now.reserved_names.difference(&recorded.reserved_names) {
        new(format!("\"{name}\" is reserved"));
    }
}

/// Two versions of a file, and what is said of the change.
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::{env, fs, process};

    use super::*;

    const FILE: &str = "syntax = \"proto3\"; package p;
        message A {
          reserved 7, 9 to 11; reserved \"old\";
          uint32 one = 1; optional string two = 2; repeated B three = 3;
          oneof kind { bytes four = 4; sint64 five = 5; }
          message Inner { E e = 1; }
        }
        message B { bool x = 1; }
        enum E { ZERO = 0; ONE = 1; }
        enum F { NOTHING = 0; reserved 5, 6; }";

    fn list(format: u32, text: &str) -> List {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("millrace-descriptor-{}-{number}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.proto"), text).unwrap();
        let files = protox::compile(["a.proto"], [&folder]).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        List::of(format, &files)
    }

    fn after(from: &str, to: &str) -> Vec<Difference> {
        assert_eq!(FILE.matches(from).count(), 1, "{from}");
        differences(&list(1, FILE), &list(1, &FILE.replace(from, to)))
    }

    #[test]
    fn the_list_is_read_as_it_was_written() {
        let list = list(1, FILE);
        assert_eq!(List::parse(&list.to_string()), list);
        let expected = "message p.A\n  1 one: uint32\n  2 two: optional string\n  3 three: repeated p.B\n  4 four: bytes (one of kind)\n  \
                        5 five: sint64 (one of kind)\n  reserved 7 to 7\n  reserved 9 to 11\n  reserved \"old\"\n";
        assert!(list.to_string().contains(expected), "{list}");
        assert!(list.to_string().contains("enum p.F\n  0 NOTHING\n  reserved 5 to 5\n  reserved 6 to 6\n"), "{list}");
        assert!(differences(&list, &list).is_empty());
    }

    #[test]
    fn what_breaks_readers_is_refused() {
        for (from, to, expected) in [
            ("uint32 one = 1;", "", "message p.A: \"1 one: uint32\" is gone"),
            ("uint32 one = 1;", "uint32 one = 6;", "message p.A: \"1 one: uint32\" is gone"),
            ("uint32 one = 1;", "uint64 one = 1;", "message p.A: \"1 one: uint32\" is now {\"one: uint64\"}"),
            ("uint32 one = 1;", "uint32 uno = 1;", "is now {\"uno: uint32\"}"),
            ("uint32 one = 1;", "optional uint32 one = 1;", "is now {\"one: optional uint32\"}"),
            (
                "optional string two",
                "repeated string two",
                "\"2 two: optional string\" is now {\"two: repeated string\"}",
            ),
            ("repeated B three", "B three", "\"3 three: repeated p.B\" is now {\"three: p.B\"}"),
            ("repeated B three", "repeated Inner three", "is now {\"three: repeated p.A.Inner\"}"),
            ("oneof kind { bytes four = 4;", "bytes four = 4; oneof kind {", "is now {\"four: bytes\"}"),
            ("bytes four = 4;", "", "\"4 four: bytes (one of kind)\" is gone"),
            ("message Inner { E e = 1; }", "", "message p.A.Inner is gone"),
            ("message B { bool x = 1; }", "message B {}", "message p.B: \"1 x: bool\" is gone"),
            ("ONE = 1;", "", "enum p.E: \"1 ONE\" is gone"),
            ("ONE = 1;", "ONE = 2;", "enum p.E: \"1 ONE\" is gone"),
            ("ONE = 1;", "UNO = 1;", "enum p.E: \"1 ONE\" is now {\"UNO\"}"),
            ("reserved 7, 9 to 11;", "reserved 9 to 11; bool again = 7;", "7 to 7 are no longer reserved"),
            ("reserved 7, 9 to 11;", "reserved 7, 9; bool again = 10;", "9 to 11 are no longer reserved"),
            ("reserved \"old\";", "", "\"old\" is no longer reserved"),
            ("reserved 5, 6;", "reserved 5; AGAIN = 6;", "enum p.F: 6 to 6 are no longer reserved"),
        ] {
            let found = after(from, to);
            assert!(
                found.iter().filter_map(Difference::breaking).any(|what| what.contains(expected)),
                "{to}: {found:?}"
            );
        }
    }

    #[test]
    fn what_is_added_is_only_to_be_recorded() {
        for (from, to, expected) in [
            ("uint32 one = 1;", "uint32 one = 1; bytes six = 6;", "message p.A: 6 six: bytes"),
            ("bytes four = 4;", "bytes four = 4; bool eight = 8;", "message p.A: 8 eight: bool (one of kind)"),
            ("reserved 7, 9 to 11;", "reserved 7 to 12;", "message p.A: 7 to 12 are reserved"),
            ("reserved \"old\";", "reserved \"old\", \"older\";", "message p.A: \"older\" is reserved"),
            ("ONE = 1;", "ONE = 1; TWO = 2;", "enum p.E: 2 TWO"),
            ("message B {", "message C {} message B {", "message p.C"),
        ] {
            assert_eq!(after(from, to), [Difference::New(expected.to_owned())], "{to}");
        }
    }

    /// Its readers refuse messages of a format that they do not know.
    #[test]
    fn another_format_may_have_everything_else() {
        let other = list(2, &FILE.replace("uint32 one = 1;", ""));
        assert_eq!(differences(&list(1, FILE), &other), [Difference::New("format 2".to_owned())]);
    }
}
