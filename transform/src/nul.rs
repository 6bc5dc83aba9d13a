//! U+0000, which MySQL's text and JSON can hold and PostgreSQL's cannot (PostgreSQL manual, 8.3 "Character Types", 8.14
//! "JSON Types").

use std::borrow::Cow;

use millrace_task::NulCharacters;

use crate::error::ValueProblem;

/// The escape of U+0000 in the text of a JSON document as MySQL prints it.
const ESCAPE: &[u8] = b"\\u0000";

/// A text as the policy has it.
pub(crate) fn in_text(text: &str, policy: NulCharacters) -> Result<Cow<'_, str>, ValueProblem> {
    if !text.as_bytes().contains(&0) {
        return Ok(Cow::Borrowed(text));
    }
    match policy {
        NulCharacters::Stop => Err(ValueProblem::NulCharacter),
        NulCharacters::Remove => Ok(Cow::Owned(text.replace('\0', ""))),
        NulCharacters::Replace => Ok(Cow::Owned(text.replace('\0', "\u{fffd}"))),
    }
}

/// Whether the text of a JSON document has U+0000 in a string.
pub(crate) fn holds_escaped_nul(text: &str) -> bool {
    next_escaped_nul(text, 0).is_some()
}

/// The text of a JSON document as the policy has it. A changed name of a member could be another member's: such a document
/// is refused whatever the policy.
pub(crate) fn in_json(text: &str, policy: NulCharacters) -> Result<Cow<'_, str>, ValueProblem> {
    if !holds_escaped_nul(text) {
        return Ok(Cow::Borrowed(text));
    }
    let instead = match policy {
        NulCharacters::Stop => return Err(ValueProblem::NulCharacter),
        NulCharacters::Remove => "",
        NulCharacters::Replace => "\u{fffd}",
    };
    let (mut changed, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(found) = next_escaped_nul(text, at) {
        changed.push_str(&text[at..found]);
        changed.push_str(instead);
        at = found + ESCAPE.len();
        if is_name(text, at) {
            return Err(ValueProblem::NulInName);
        }
    }
    changed.push_str(&text[at..]);
    Ok(Cow::Owned(changed))
}

/// The place of the next `\u0000` whose backslash is not itself escaped. In the text of a document a backslash stands only
/// in strings. `from` is not within an escape.
fn next_escaped_nul(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(found) = bytes[at..].iter().position(|&b| b == b'\\') {
        let escape = at + found;
        if bytes[escape..].starts_with(ESCAPE) {
            return Some(escape);
        }
        at = (escape + 2).min(bytes.len());
    }
    None
}

/// Whether the string that `at` is in is followed by a colon. `at` is not within an escape.
fn is_name(text: &str, mut at: usize) -> bool {
    let bytes = text.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => break,
            _ => at += 1,
        }
    }
    let rest = bytes.get(at + 1..).unwrap_or_default();
    rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_changed_as_the_policy_says() {
        for (policy, changed) in [
            (NulCharacters::Stop, Err(ValueProblem::NulCharacter)),
            (NulCharacters::Remove, Ok("ab")),
            (NulCharacters::Replace, Ok("\u{fffd}a\u{fffd}b")),
        ] {
            assert_eq!(in_text("\0a\0b", policy), changed.map(Cow::Borrowed));
            assert_eq!(in_text("ab", policy), Ok(Cow::Borrowed("ab")));
            for alone in ["\0ab", "a\0b", "ab\0", "\0"] {
                let stopped = in_text(alone, policy).is_err();
                assert_eq!(stopped, policy == NulCharacters::Stop, "{alone:?} {policy:?}");
            }
        }
    }

    #[test]
    fn escapes_in_documents_are_found_and_names_are_never_changed() {
        let clean = r#"{"a": "\\u0000", "b\\": "\\\\u0000"}"#;
        let salted = r#"{"a": "\u0000x\\\u0000", "b": ["\u0000:"]}"#;
        for (policy, changed) in [
            (NulCharacters::Stop, Err(ValueProblem::NulCharacter)),
            (NulCharacters::Remove, Ok(r#"{"a": "x\\", "b": [":"]}"#)),
            (NulCharacters::Replace, Ok("{\"a\": \"\u{fffd}x\\\\\u{fffd}\", \"b\": [\"\u{fffd}:\"]}")),
        ] {
            assert_eq!(in_json(clean, policy), Ok(Cow::Borrowed(clean)));
            assert_eq!(in_json(salted, policy), changed.map(Cow::Borrowed), "{policy:?}");
        }
        for named in [r#"{"a\u0000": 1}"#, r#"{"\u0000\"\\" : 1}"#, r#"["\u0000", {"\u0000b": "x"}]"#] {
            assert_eq!(in_json(named, NulCharacters::Remove), Err(ValueProblem::NulInName), "{named}");
        }
    }
}
