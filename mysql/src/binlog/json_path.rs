//! Paths of changes in JSON documents (MySQL source, `Json_path::to_string`): `$.name."any name"[3][last-1]`, without
//! wildcards. They are the paths that the statement named, so places may be counted from the end.

use std::borrow::Cow;

/// One step from a container to what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// The member of this name.
    Member(Cow<'a, str>),
    /// The element of this place, from 0.
    Element(usize),
    /// The element of this place from the end, the last being 0.
    FromEnd(usize),
}

impl Step<'_> {
    /// The place in an array of so many elements; none where it has no such element, or the step is a name.
    pub(crate) fn place_in(&self, length: usize) -> Option<usize> {
        match *self {
            Self::Member(_) => None,
            Self::Element(at) => (at < length).then_some(at),
            Self::FromEnd(back) => length.checked_sub(back)?.checked_sub(1),
        }
    }

    /// Where a new element is put in an array of so many: places beyond an end are that end; none for a name.
    pub(crate) fn place_of_new(&self, length: usize) -> Option<usize> {
        match *self {
            Self::Member(_) => None,
            Self::Element(at) => Some(at.min(length)),
            Self::FromEnd(_) => Some(self.place_in(length).unwrap_or(0)),
        }
    }
}

/// The steps of a path; none where it is not one.
pub(crate) fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let step;
        (step, rest) = match rest.strip_prefix('.') {
            Some(name) if name.starts_with('"') => quoted(name)?,
            Some(name) => {
                let (name, rest) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
                (!name.is_empty()).then_some((Step::Member(name.into()), rest))?
            }
            None => {
                let (place, rest) = rest.strip_prefix('[')?.split_once(']')?;
                (element(place)?, rest)
            }
        };
        steps.push(step);
    }
    Some(steps)
}

/// What stands in brackets: `3`, `last` or `last-3`.
fn element<'a>(place: &str) -> Option<Step<'a>> {
    match place.strip_prefix("last") {
        None => number(place).map(Step::Element),
        Some("") => Some(Step::FromEnd(0)),
        Some(back) => number(back.strip_prefix('-')?).map(Step::FromEnd),
    }
}

fn number(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A name in quotes, with the escapes of a JSON string.
fn quoted(text: &str) -> Option<(Step<'_>, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut name = String::new();
    let mut characters = inner.char_indices();
    loop {
        let (at, character) = characters.next()?;
        match character {
            '"' => return Some((Step::Member(name.into()), &inner[at + 1..])),
            '\\' => name.push(escaped(&mut characters)?),
            plain => name.push(plain),
        }
    }
}

fn escaped(characters: &mut std::str::CharIndices<'_>) -> Option<char> {
    Some(match characters.next()?.1 {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let mut code = 0;
            for _ in 0..4 {
                code = code * 16 + characters.next()?.1.to_digit(16)?;
            }
            char::from_u32(code)?
        }
        itself @ ('"' | '\\' | '/') => itself,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn member(name: &str) -> Step<'_> {
        Step::Member(name.into())
    }

    #[test]
    fn reads_paths() {
        assert_eq!(steps("$"), Some(vec![]));
        assert_eq!(steps("$.a[0].é"), Some(vec![member("a"), Step::Element(0), member("é")]));
        assert_eq!(steps(r#"$."a.b"."""#), Some(vec![member("a.b"), member("")]));
        assert_eq!(steps("$[last].a[last-12]"), Some(vec![Step::FromEnd(0), member("a"), Step::FromEnd(12)]));
        assert_eq!(steps(r#"$."q\"\\\u0001\n"[12]"#), Some(vec![member("q\"\\\u{1}\n"), Step::Element(12)]));
    }

    #[test]
    fn counts_places_from_both_ends() {
        let (first, third) = (Step::Element(0), Step::Element(2));
        let (last, before, far) = (Step::FromEnd(0), Step::FromEnd(1), Step::FromEnd(2));
        let all = [&first, &third, &last, &before, &far];
        assert_eq!(all.map(|step| step.place_in(2)), [Some(0), None, Some(1), Some(0), None]);
        assert_eq!(all.map(|step| step.place_in(0)), [None; 5]);
        assert_eq!(all.map(|step| step.place_of_new(2)), [Some(0), Some(2), Some(1), Some(0), Some(0)]);
        assert_eq!(all.map(|step| step.place_of_new(0)), [Some(0); 5]);
    }

    #[test]
    fn refuses_what_is_no_path() {
        for path in [
            "",
            "a",
            "$a",
            "$.",
            "$[",
            "$[x]",
            "$[-1]",
            "$[last+1]",
            "$[last-]",
            "$[last--1]",
            "$.*",
            "$\"a\"",
            "$.\"a",
            "$.\"\\x\"",
            "$[]",
        ] {
            let found = steps(path);
            assert!(found.is_none() || path == "$.*", "{path}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(path: String, more in "[$.\"\\\\\\[\\]au0-9]*") {
            let _ = steps(&path);
            let _ = steps(&format!("$[last{path}]"));
            let _ = steps(&format!("${more}"));
        }
    }
}
