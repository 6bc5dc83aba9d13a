//! The reference of the task file, read as data: a heading a key, a table of type, default, range and example, and prose.

/// A key of the task file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// Its path, such as `source.tls.mode`.
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
    /// The cell `default`, as it is written.
    pub(super) default: Option<String>,
    /// The cell `range` or `form`, as it is written.
    pub(super) range: Option<String>,
    /// The cell `example`, without backticks.
    pub(super) example: Option<String>,
    /// The prose, in one line.
    pub(super) prose: String,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A table with keys of its own.
    Table,
    /// An array of such tables.
    Tables,
    Text,
    Texts,
    Number,
    Boolean,
    /// A table of strings under any names.
    TextTable,
    /// A table of strings, whole numbers and booleans under any names.
    AnyTable,
}

/// All keys, in the order of the reference.
///
/// # Errors
/// The key whose type is not understood.
pub(super) fn keys(reference: &str) -> Result<Vec<Key>, String> {
    reference.split("\n### `").skip(1).map(key).collect()
}

fn key(section: &str) -> Result<Key, String> {
    let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
    let path = heading.trim_end_matches('`').to_owned();
    // The next chapter is not this key's.
    let body = body.split("\n## ").next().unwrap_or_default();
    let cell = |name: &str| {
        body.lines().find_map(|line| {
            let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
            cells.strip_prefix(name)?.strip_prefix(" | ").map(str::to_owned)
        })
    };
    let prose = body.lines().filter(|line| !line.starts_with('|') && !line.is_empty()).collect::<Vec<_>>().join(" ");
    let written = cell("type").unwrap_or_else(|| prose.clone());
    let kind = kind(&written).ok_or_else(|| format!("the type of \"{path}\" is not understood: {written}"))?;
    Ok(Key {
        kind,
        required: written.split('.').next().is_some_and(|sentence| sentence.contains(", required")),
        default: cell("default"),
        range: cell("range").or_else(|| cell("form")),
        example: cell("example").map(|example| example.trim_matches('`').to_owned()),
        path,
        prose,
    })
}

fn kind(written: &str) -> Option<Kind> {
    let known = [
        ("An array of tables", Kind::Tables),
        ("A table", Kind::Table),
        ("array of strings", Kind::Texts),
        ("array of tables", Kind::Tables),
        ("table of strings, whole numbers or booleans", Kind::AnyTable),
        ("table of strings", Kind::TextTable),
        ("string", Kind::Text),
        ("whole number", Kind::Number),
        ("boolean", Kind::Boolean),
    ];
    known.iter().find(|(words, _)| written.starts_with(words)).map(|(_, kind)| *kind)
}

/// The words of a closed set, where the range is one: `` `a`, `b` (why) `` or `` any of `a`, `b` ``.
pub(super) fn words(range: &str) -> Option<Vec<String>> {
    let list = range.strip_prefix("any of ").unwrap_or(range);
    if !list.starts_with('`') {
        return None;
    }
    let mut words = Vec::new();
    let mut depth = 0;
    for (place, part) in list.split('`').enumerate() {
        if place % 2 == 1 && depth == 0 {
            words.push(part.to_owned());
        }
        depth += part.matches('(').count();
        depth -= part.matches(')').count().min(depth);
    }
    // One word in backticks is a form, such as `HOST:PORT`.
    (words.len() > 1).then_some(words)
}

/// Least and most of a number: `100 to 1,000,000`.
pub(super) fn bounds(range: &str) -> Option<(i64, i64)> {
    let number = |text: &str| {
        let digits: String =
            text.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(|c| *c != ',').collect();
        digits.parse::<i64>().ok()
    };
    let (least, most) = range.split_once(" to ")?;
    Some((number(least)?, number(most)?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const SMALL: &str = "\n### `source`\n\nA table, required: the server.\n\n### `source.mode`\n\n| type | string |\n|---|---|\n\
        | default | `a` |\n| range | `a`, `b` (not `c`) |\n| example | `mode = \"a\"` |\n\nWhat it\nis for.\n\n## Next\n\nno";

    #[test]
    fn headings_and_tables_are_read() {
        let keys = keys(SMALL).unwrap();
        assert_eq!((keys[0].kind, keys[0].required), (Kind::Table, true));
        let mode = &keys[1];
        assert_eq!((mode.path.as_str(), mode.kind, mode.required), ("source.mode", Kind::Text, false));
        assert_eq!(mode.example.as_deref(), Some("mode = \"a\""));
        assert_eq!(mode.prose, "What it is for.");
        assert_eq!(words(mode.range.as_deref().unwrap()).unwrap(), ["a", "b"]);
    }

    #[test]
    fn ranges_are_understood() {
        assert_eq!(bounds("1 to 1,440, less than `connection_minutes`"), Some((1, 1440)));
        assert_eq!(bounds("port 0 picks a free one"), None);
        assert_eq!(words("1 to 64 of `a-z`, `0-9`"), None);
        assert_eq!(words("any of `schema`, `full`, at least one").unwrap(), ["schema", "full"]);
        assert!(keys("\n### `x`\n\n| type | colour |\n").is_err());
    }
}
