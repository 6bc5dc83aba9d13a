//! `${VARIABLE}`, `${file:PATH}` and `$$` in strings. A string of the task file is a [`Text`], whose content only
//! [`Text::expand`] and [`Text::expand_url`] give out: so no string can be used unexpanded.
//!
//! In a URL a variable is put in as it is meant: one before the last `@` is a user or a password, taken literally
//! (percent-encoded here, decoded again when the URL is taken apart), so that a password with `@` or `/` needs no
//! care. A URL that is one variable as a whole is a URL, with the encoding that URLs have.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::error::Problem;

/// Where variables and secret files come from; tests give their own.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The value of an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The content of a file.
    pub read_file: &'a dyn Fn(&Path) -> std::io::Result<String>,
}

impl Surroundings<'static> {
    /// The variables of this process and the files of this machine.
    pub fn of_process() -> Self {
        Self { variable: &|name| std::env::var(name).ok(), read_file: &|path| std::fs::read_to_string(path) }
    }

    /// No variables and no files.
    pub fn none() -> Self {
        Self { variable: &|_| None, read_file: &|_| Err(std::io::ErrorKind::NotFound.into()) }
    }
}

/// A string of the task file with its place; its content comes out only expanded.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text(Spanned<String>);

/// Whether a piece is put in as it is or percent-encoded.
#[derive(Clone, Copy)]
enum Encoding {
    Plain,
    Percent,
}

impl Text {
    pub(crate) fn new(span: Range<usize>, template: String) -> Self {
        Self(Spanned::new(span, template))
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.0.span()
    }

    /// The string with everything put in.
    pub(crate) fn expand(&self, surroundings: &Surroundings<'_>, folder: &Path) -> Result<String, Problem> {
        pieces(self.0.get_ref())?.iter().map(|piece| piece.expand(surroundings, folder, Encoding::Plain)).collect()
    }

    /// The URL with everything put in, user and password percent-encoded where they came from a variable or a file.
    pub(crate) fn expand_url(&self, surroundings: &Surroundings<'_>, folder: &Path) -> Result<String, Problem> {
        let pieces = pieces(self.0.get_ref())?;
        let last_at = pieces.iter().rposition(|piece| matches!(piece, Piece::Literal(text) if text.contains('@')));
        let encoded = if pieces.len() > 1 { last_at.unwrap_or(0) } else { 0 };
        pieces
            .iter()
            .enumerate()
            .map(|(place, piece)| {
                let encoding = if place < encoded { Encoding::Percent } else { Encoding::Plain };
                piece.expand(surroundings, folder, encoding)
            })
            .collect()
    }
}

enum Piece {
    Literal(String),
    Variable(String),
    File(String),
}

impl Piece {
    fn expand(&self, surroundings: &Surroundings<'_>, folder: &Path, encoding: Encoding) -> Result<String, Problem> {
        let value = match self {
            Self::Literal(text) => return Ok(text.clone()),
            Self::Variable(name) => (surroundings.variable)(name).ok_or_else(|| missing_variable(name))?,
            Self::File(path) => read_secret(surroundings, &folder.join(path))?,
        };
        Ok(match encoding {
            Encoding::Plain => value,
            Encoding::Percent => percent_encode(&value),
        })
    }
}

fn missing_variable(name: &str) -> Problem {
    Problem::Expansion {
        message: format!("the environment variable \"{name}\" is not set"),
        hint: format!("set \"{name}\" in the environment of the process, or write $$ for a dollar sign"),
    }
}

fn read_secret(surroundings: &Surroundings<'_>, path: &Path) -> Result<String, Problem> {
    let content = (surroundings.read_file)(path).map_err(|error| Problem::Expansion {
        message: format!("cannot read the file \"{}\": {error}", path.display()),
        hint: "name a file that this user may read; a relative path begins at the task file's folder".to_owned(),
    })?;
    Ok(content.trim_end_matches(['\r', '\n']).to_owned())
}

fn percent_encode(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn malformed(message: &str) -> Problem {
    Problem::Expansion {
        message: message.to_owned(),
        hint: "write ${VARIABLE}, ${file:PATH}, or $$ for a dollar sign".to_owned(),
    }
}

fn pieces(template: &str) -> Result<Vec<Piece>, Problem> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = template;
    while let Some(dollar) = rest.find('$') {
        literal.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            literal.push('$');
            rest = after;
            continue;
        }
        let inside = rest.strip_prefix('{').ok_or_else(|| malformed("a dollar sign stands alone"))?;
        let end = inside.find('}').ok_or_else(|| malformed("\"${\" has no closing brace"))?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(reference(&inside[..end])?);
        rest = &inside[end + 1..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

fn reference(inside: &str) -> Result<Piece, Problem> {
    if let Some(path) = inside.strip_prefix("file:") {
        return if path.is_empty() {
            Err(malformed("\"${file:}\" names no file"))
        } else {
            Ok(Piece::File(path.to_owned()))
        };
    }
    let starts_well = inside.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if starts_well && inside.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
        return Ok(Piece::Variable(inside.to_owned()));
    }
    Err(malformed("\"${...}\" does not hold the name of a variable (letters, digits, underscores)"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn variable(name: &str) -> Option<String> {
        match name {
            "PASSWORD" => Some("p@ss/w:rd%".to_owned()),
            "HOST" => Some("db:3307".to_owned()),
            "URL" => Some("mysql://u:p%40@h".to_owned()),
            _ => None,
        }
    }

    fn read_file(path: &Path) -> std::io::Result<String> {
        if path == Path::new("/etc/millrace/secret") {
            return Ok("from file\n".to_owned());
        }
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn both(template: &str) -> (Result<String, Problem>, Result<String, Problem>) {
        let surroundings = Surroundings { variable: &variable, read_file: &read_file };
        let text = Text::new(0..0, template.to_owned());
        let folder = Path::new("/etc/millrace");
        (text.expand(&surroundings, folder), text.expand_url(&surroundings, folder))
    }

    #[test]
    fn variables_files_and_dollars_are_put_in() {
        for (template, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("$$5", "$5"),
            ("a${HOST}b", "adb:3307b"),
            ("${file:secret}", "from file"),
            ("${file:/etc/millrace/secret}!", "from file!"),
            ("$${HOST}", "${HOST}"),
        ] {
            assert_eq!(both(template).0.unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn variables_in_urls_are_taken_literally_in_user_and_password_only() {
        for (template, expected) in [
            ("mysql://u:${PASSWORD}@${HOST}", "mysql://u:p%40ss%2Fw%3Ard%25@db:3307"),
            ("mysql://u:${file:/etc/millrace/secret}@h", "mysql://u:from%20file@h"),
            ("${URL}", "mysql://u:p%40@h"),
            ("mysql://u@${HOST}", "mysql://u@db:3307"),
        ] {
            assert_eq!(both(template).1.unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn what_cannot_be_put_in_is_refused_without_the_text() {
        for template in ["${MISSING}", "secret$", "secret$word", "${", "${}", "${file:}", "${A-B}", "${file:gone}"] {
            let problem = both(template).0.unwrap_err();
            assert!(!problem.to_string().contains("secret"), "{problem}");
        }
    }
}
