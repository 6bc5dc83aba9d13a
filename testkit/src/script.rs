//! SQL scripts as the `mysql` client reads them: statements end at the delimiter outside of quotes and comments, and
//! a `DELIMITER` line changes it (MySQL Reference Manual, "mysql Client Commands" and "Comments").

use anyhow::{Context, Result};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

/// Runs every statement of a script in order on one connection.
pub async fn run_script(connection: &mut Conn, script: &str) -> Result<()> {
    for statement in split_script(script) {
        run(connection, &statement).await?;
    }
    Ok(())
}

/// Runs a dump that was made of the database `from` so that it fills the database `to`: `from` is replaced in
/// `CREATE`, `DROP` and `USE` of the database and where it qualifies a name outside of `INSERT`. Dumps turn autocommit
/// off and forget it; here it is on again at the end.
pub async fn load_dump(connection: &mut Conn, script: &str, from: &str, to: &str) -> Result<()> {
    for statement in split_script(script) {
        run(connection, &rename_database(&statement, from, to)).await?;
    }
    run(connection, "SET autocommit = 1").await
}

async fn run(connection: &mut Conn, statement: &str) -> Result<()> {
    let start: String = statement.chars().take(200).collect();
    connection.query_drop(statement).await.with_context(|| format!("in the statement that begins: {start}"))
}

fn rename_database(statement: &str, from: &str, to: &str) -> String {
    let words: Vec<&str> = statement.split_whitespace().take(2).collect();
    let first = words.first().copied().unwrap_or_default().to_ascii_uppercase();
    let second = words.get(1).copied().unwrap_or_default().to_ascii_uppercase();
    match (first.as_str(), second.as_str()) {
        ("USE", _) | ("CREATE" | "DROP", "SCHEMA" | "DATABASE") => statement
            .split(' ')
            .map(|word| if word.trim_matches('`') == from { to } else { word })
            .collect::<Vec<_>>()
            .join(" "),
        ("INSERT" | "REPLACE", _) => statement.to_owned(),
        _ => statement
            .replace(&format!("`{from}`."), &format!("`{to}`."))
            .replace(&format!("{from}."), &format!("{to}.")),
    }
}

/// The statements of a script, trimmed, without their delimiters, without the comments before them and without empty
/// ones. Comments inside a statement stay in it; `/*! ... */` is no comment.
pub fn split_script(script: &str) -> Vec<String> {
    let mut splitter = Splitter { rest: script, delimiter: ";".to_owned(), ..Splitter::default() };
    while splitter.step() {}
    splitter.finish_statement();
    splitter.statements
}

#[derive(Default)]
struct Splitter<'s> {
    rest: &'s str,
    delimiter: String,
    current: String,
    /// Whether the current statement has anything but space and comments.
    has_content: bool,
    statements: Vec<String>,
}

impl Splitter<'_> {
    /// Takes the next piece; false at the end.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        if self.rest.starts_with(&self.delimiter) {
            self.rest = &self.rest[self.delimiter.len()..];
            self.finish_statement();
        } else if !self.has_content && starts_with_word(self.rest, "delimiter") {
            self.take_delimiter();
        } else if starts_line_comment(self.rest) {
            self.take_comment(self.rest.find('\n').map_or(self.rest.len(), |at| at + 1));
        } else if self.rest.starts_with("/*") {
            self.has_content |= self.rest.starts_with("/*!");
            self.take_comment(self.rest.find("*/").map_or(self.rest.len(), |at| at + 2));
        } else if matches!(first, '\'' | '"' | '`') {
            self.has_content = true;
            self.take(quoted_length(self.rest, first));
        } else {
            self.has_content |= !first.is_whitespace();
            self.take(first.len_utf8());
        }
        true
    }

    fn take(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        self.current.push_str(taken);
        self.rest = rest;
    }

    /// Drops it if the statement has not begun.
    fn take_comment(&mut self, bytes: usize) {
        self.take(bytes);
        if !self.has_content {
            self.current.clear();
        }
    }

    fn take_delimiter(&mut self) {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.delimiter = line["delimiter".len()..].trim().to_owned();
        self.rest = rest;
        self.current.clear();
    }

    fn finish_statement(&mut self) {
        if self.has_content {
            self.statements.push(self.current.trim().to_owned());
        }
        self.current.clear();
        self.has_content = false;
    }
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        && text[word.len()..].starts_with([' ', '\t'])
}

/// `#`, or `--` before a space or the line's end: MySQL takes `5--1` for two minus signs.
fn starts_line_comment(text: &str) -> bool {
    text.starts_with('#')
        || text.strip_prefix("--").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// Bytes of the quoted text that `text` starts with, both quotes included. A doubled quote reads as two quoted texts
/// side by side, which ends at the same place.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == '\\' && quote != '`' {
            characters.next();
        } else if character == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_delimiters_outside_of_quotes_and_comments() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("select 1", &["select 1"]),
            ("select 1;\nselect 2;\n", &["select 1", "select 2"]),
            ("select 'a;b';select \"c;d\";select `e;f`", &["select 'a;b'", "select \"c;d\"", "select `e;f`"]),
            ("select 'it''s; ok';x", &["select 'it''s; ok'", "x"]),
            (r"select 'a\';b';x", &[r"select 'a\';b'", "x"]),
            (r"select '\\';x", &[r"select '\\'", "x"]),
            ("-- a; b\nselect 1;# c; d\nselect 2", &["select 1", "select 2"]),
            ("-- nothing\n", &[]),
            ("select 1 -- a; b\n + 2;", &["select 1 -- a; b\n + 2"]),
            ("/* a; b */;/*!40101 SET x=1 */;", &["/*!40101 SET x=1 */"]),
            ("select 5--1;x", &["select 5--1", "x"]),
            ("select 'é;ü';x", &["select 'é;ü'", "x"]),
        ];
        for (script, expected) in cases {
            assert_eq!(&split_script(script), expected, "{script}");
        }
    }

    #[test]
    fn a_delimiter_line_changes_the_delimiter() {
        let script = "select 1;\nDELIMITER $$\ncreate procedure p() begin select 1; end$$\ndelimiter ;\nselect 2;";
        assert_eq!(split_script(script), ["select 1", "create procedure p() begin select 1; end", "select 2"]);
    }

    #[test]
    fn a_dump_can_fill_another_database() {
        assert_eq!(rename_database("USE sakila", "sakila", "s1"), "USE s1");
        assert_eq!(rename_database("DROP SCHEMA IF EXISTS `sakila`", "sakila", "s1"), "DROP SCHEMA IF EXISTS s1");
        assert_eq!(
            rename_database("CREATE VIEW v AS SELECT * FROM sakila.a", "sakila", "s1"),
            "CREATE VIEW v AS SELECT * FROM s1.a"
        );
        assert_eq!(
            rename_database("INSERT INTO a VALUES ('sakila.x')", "sakila", "s1"),
            "INSERT INTO a VALUES ('sakila.x')"
        );
    }
}
