//! Whether two patterns can match the same name: what makes an ambiguous rule, or an exclusion that excludes nothing,
//! an error instead of a surprise.

use crate::glob::{Glob, TablePattern, Token};

/// Whether some table matches both patterns.
pub(crate) fn tables_overlap(one: &TablePattern, other: &TablePattern) -> bool {
    names_overlap(&one.database, &other.database) && names_overlap(&one.table, &other.table)
}

/// `possible[j]` after round i says whether the first i tokens of `one` and the first j of `other` can take the same
/// text. A `*` of either side takes nothing or one more token of the other side: the same two cells for both sides.
fn names_overlap(one: &Glob, other: &Glob) -> bool {
    let mut possible: Vec<bool> = vec![true];
    for (j, token) in other.tokens.iter().enumerate() {
        possible.push(possible[j] && *token == Token::Any);
    }
    for token in &one.tokens {
        let above = possible.clone();
        possible[0] = above[0] && *token == Token::Any;
        for (j, opposite) in other.tokens.iter().enumerate() {
            possible[j + 1] = match (token, opposite) {
                (Token::Any, _) | (_, Token::Any) => above[j + 1] || possible[j],
                (Token::Exactly(a), Token::Exactly(b)) => above[j] && a == b,
                (Token::One, _) | (_, Token::One) => above[j],
            };
        }
    }
    possible[other.tokens.len()]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn overlap_is_found_and_only_where_it_is() {
        for (one, other, expected) in [
            ("a*", "*b", true),
            ("a*", "b*", false),
            ("a?", "?b", true),
            ("a?", "abc", false),
            ("*", "x", true),
            ("tmp_*", "tmp_1", true),
            ("tmp_*", "tmq_1", false),
            ("a*c", "ab", false),
            ("a*c", "a?", true),
            ("*a*", "b", false),
            ("", "*", true),
        ] {
            let glob = |text: &str| Glob::parse(if text.is_empty() { "*" } else { text }).unwrap();
            assert_eq!(names_overlap(&glob(one), &glob(other)), expected, "{one} {other}");
            assert_eq!(names_overlap(&glob(other), &glob(one)), expected, "{other} {one}");
        }
    }

    /// Every pattern of up to four tokens over a, b, ? and * against every name of up to four letters over a and b:
    /// two of them overlap exactly if a name matches both.
    #[test]
    fn overlap_agrees_with_matching() {
        let words = |letters: &str, longest: usize| {
            let mut all = vec![String::new()];
            let mut last = all.clone();
            for _ in 0..longest {
                last =
                    last.iter().flat_map(|word| letters.chars().map(move |letter| format!("{word}{letter}"))).collect();
                all.extend(last.iter().cloned());
            }
            all
        };
        let names = words("ab", 6);
        let globs: Vec<Glob> = words("ab?*", 3).iter().filter_map(|text| Glob::parse(text).ok()).collect();
        for one in &globs {
            for other in &globs {
                let seen = names.iter().any(|name| one.matches(name) && other.matches(name));
                assert_eq!(names_overlap(one, other), seen, "{one} {other}");
            }
        }
    }
}
