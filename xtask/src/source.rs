//! A source file as the rules see it: its text, the same text without the insides of comments and literals, and which
//! of its lines are tests.

/// A `.rs` file.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Relative to the workspace.
    pub(crate) path: String,
    pub(crate) text: String,
    /// `text` with every character of comments, strings and character literals but line ends replaced by a space (or
    /// spaces, as many as it has bytes): same length, same lines.
    pub(crate) code: String,
    /// For each line, whether it belongs to a test.
    test_lines: Vec<bool>,
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: String) -> Self {
        let code = mask(&text);
        let test_lines = test_lines(path, &code);
        Self { path: path.to_owned(), text, code, test_lines }
    }

    /// The crate's folder.
    pub(crate) fn folder(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// The line, from 1, of a place in `text` or `code`.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Whether a line, from 1, belongs to a test.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.test_lines.get(line - 1).copied().unwrap_or(false)
    }

    /// Places in `code` where `word` stands as a whole word.
    pub(crate) fn words(&self, word: &str) -> Vec<usize> {
        let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let bytes = self.code.as_bytes();
        let found = self.code.match_indices(word).map(|(at, _)| at);
        found
            .filter(|at| !is_part(at.checked_sub(1).and_then(|before| bytes.get(before))))
            .filter(|at| !is_part(bytes.get(at + word.len())))
            .collect()
    }
}

/// The place after the `}` that closes the `{` at `open`.
pub(crate) fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Files below `tests/` and `benches/`, files called `tests.rs`, and what follows `#[cfg(test)]` up to its brace.
fn test_lines(path: &str, code: &str) -> Vec<bool> {
    let whole = path.contains("/tests/") || path.contains("/benches/") || path.ends_with("/tests.rs");
    let mut lines = vec![whole; code.lines().count()];
    let line_of = |at: usize| code.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
    for (at, _) in code.match_indices("#[cfg(test)]") {
        let rest = &code[at..];
        let Some(open) = rest.find(['{', ';']) else { continue };
        let end = if rest[open..].starts_with('{') { closing_brace(code, at + open) } else { at + open };
        let last = line_of(end).min(lines.len().saturating_sub(1));
        lines[line_of(at)..=last].fill(true);
    }
    lines
}

/// Blanks comments and literals.
pub(crate) fn mask(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let blanked = literal_or_comment(rest, before);
        let length = if blanked > 0 { blanked } else { first.len_utf8() };
        let (taken, after) = rest.split_at(length);
        if blanked > 0 {
            output.extend(taken.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        } else {
            output.push_str(taken);
        }
        before = first;
        rest = after;
    }
    output
}

/// Bytes of the comment or literal that `rest` begins with; 0 if it begins with neither.
fn literal_or_comment(rest: &str, before: char) -> usize {
    let within_word = before.is_alphanumeric() || before == '_';
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        block_comment(rest)
    } else if rest.starts_with('"') {
        string(rest)
    } else if rest.starts_with('\'') {
        character(rest)
    } else if !within_word {
        raw_string(rest)
    } else {
        0
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while let Some(found) = rest[at..].find(['/', '*']) {
        at += found;
        match rest.get(at..at + 2) {
            Some("/*") => (depth, at) = (depth + 1, at + 2),
            Some("*/") if depth == 1 => return at + 2,
            Some("*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

fn string(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character literal; 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => rest[3..].find('\'').map_or(rest.len(), |at| at + 4),
        Some(_) => characters.next().filter(|(_, next)| *next == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

/// `r"..."`, `r#"..."#`, `br"..."`, `cr"..."`; 0 if it is none.
fn raw_string(rest: &str) -> usize {
    let Some(after) = ["r", "br", "cr"].iter().find_map(|prefix| rest.strip_prefix(prefix)) else { return 0 };
    let marks = after.len() - after.trim_start_matches('#').len();
    let Some(inside) = after[marks..].strip_prefix('"') else { return 0 };
    let end = format!("\"{}", "#".repeat(marks));
    inside.find(&end).map_or(rest.len(), |at| rest.len() - inside.len() + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        for (text, literal) in [
            ("a // {\nb", "// {"),
            ("a /* { /* } */ { */ b", "/* { /* } */ { */"),
            (r#"a "{\"{" b"#, r#""{\"{""#),
            (r##"a r#"{"{"# b"##, r##"r#"{"{"#"##),
            (r"a '\'' b", r"'\''"),
            (r"a '\u{7b}' b", r"'\u{7b}'"),
            ("a '{' b", "'{'"),
            ("'é'", "'é'"),
            ("var\"{\"", "\"{\""),
            ("fn a<'x>(b: &'x str)", ""),
        ] {
            let expected = text.replace(literal, &" ".repeat(literal.len()));
            assert_eq!(mask(text), expected, "{text}");
            assert_eq!(mask(text).len(), text.len());
        }
    }

    #[test]
    fn test_modules_are_known() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        let file = SourceFile::new("x/src/a.rs", text.into());
        let tests: Vec<bool> = (1..=6).map(|line| file.is_test(line)).collect();
        assert_eq!(tests, [false, true, true, true, true, false]);
        assert!(SourceFile::new("x/tests/a.rs", text.into()).is_test(1));
        assert!(!SourceFile::new("x/src/a.rs", "#[cfg(test)]\nmod tests;\nfn a() {}".into()).is_test(3));
    }

    #[test]
    fn words_are_whole() {
        let file = SourceFile::new("x/src/a.rs", "fn a() { fnord(); } // fn\nfn b() {}".into());
        assert_eq!(file.words("fn"), [0, 26]);
    }
}
