//! The catalog's words for a condition in those that people write: `-1` for `-(1)`, `'2024-01-31'` for `_utf8mb4\'2024-01-31\'`.

/// The condition with constants as people write them, names in backquotes as they are; none where it has a text that is no
/// date.
pub(super) fn in_plain_words(condition: &str) -> Option<String> {
    let unescaped = condition.replace("\\'", "'");
    let is_of_date = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | ' ');
    let mut texts = unescaped.split('\'').skip(1).step_by(2);
    if unescaped.contains(['\\', '"']) || !texts.all(|text| text.chars().all(is_of_date)) {
        return None;
    }
    // A backquote within a text, or a quote within a name, would make one the other.
    let mut parts = unescaped.split('`').enumerate();
    let plain =
        parts.clone().map(|(place, part)| if place % 2 == 0 { outside_of_names(part) } else { part.to_owned() });
    let plain: Vec<String> = plain.collect();
    parts.all(|(place, part)| place % 2 == 0 || !part.contains('\'')).then(|| plain.join("`"))
}

fn outside_of_names(part: &str) -> String {
    let mut pieces = part.split("-(");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for behind in pieces {
        match behind.split_once(')') {
            Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
                plain.push_str(&format!("-{number}{rest}"));
            }
            _ => plain.push_str(&format!("-({behind}")),
        }
    }
    plain.replace("_utf8mb4'", "'")
}
