//! Patterns for names: `*` stands for any characters, `?` for one, and between backquotes every character stands for
//! itself (two backquotes for one), as MySQL quotes names:
//! <https://dev.mysql.com/doc/refman/8.4/en/identifiers.html>. Names are compared exactly, in upper and lower case.

use std::fmt;
use std::str::Chars;

/// A pattern for one name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Glob {
    pub(crate) tokens: Vec<Token>,
    literal: Option<String>,
}

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Token {
    /// This character.
    Exactly(char),
    /// Any one character.
    One,
    /// Any characters, also none.
    Any,
}

impl Token {
    /// Whether a token that takes one character takes this one.
    fn takes(self, letter: char) -> bool {
        match self {
            Self::Exactly(own) => own == letter,
            Self::One => true,
            Self::Any => false,
        }
    }
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternProblem {
    /// A quotation that does not end.
    #[error("the pattern has a backquote without its partner")]
    OpenQuote,
    /// A backslash outside backquotes.
    #[error("the pattern has a backslash outside backquotes")]
    Backslash,
    /// Nothing where a name should be.
    #[error("the pattern has an empty name")]
    EmptyName,
    /// White space at an end, or a control character.
    #[error("the pattern has white space or a control character outside backquotes")]
    WhiteSpace,
    /// Not exactly one dot outside backquotes.
    #[error("the pattern is not of the form database.table")]
    NotTwoNames,
}

impl Glob {
    fn of(tokens: Vec<Token>) -> Self {
        let literal = tokens.iter().map(|token| if let Token::Exactly(letter) = token { Some(*letter) } else { None });
        Self { literal: literal.collect(), tokens }
    }

    /// The pattern of one name, such as `orders`, `tmp_*`, `` `odd*name` ``.
    ///
    /// # Errors
    /// Why the text is not one.
    pub fn parse(text: &str) -> Result<Self, PatternProblem> {
        match <[_; 1]>::try_from(names(text, Dots::BelongToNames)?) {
            Ok([tokens]) => Ok(Self::of(tokens)),
            Err(_) => Err(PatternProblem::NotTwoNames),
        }
    }

    /// The pattern in lower case, for names whose case does not matter.
    pub(crate) fn to_lowercase(&self) -> Self {
        let lower = |token: &Token| match token {
            Token::Exactly(letter) => letter.to_lowercase().map(Token::Exactly).collect(),
            other => vec![*other],
        };
        Self::of(self.tokens.iter().flat_map(lower).collect())
    }

    /// The one name that it matches, if it has no `*` and no `?`.
    pub fn literal(&self) -> Option<&str> {
        self.literal.as_deref()
    }

    /// Whether a name matches as a whole. Asked for each event of the binlog: nothing is allocated.
    pub fn matches(&self, name: &str) -> bool {
        if let Some(literal) = &self.literal {
            return literal == name;
        }
        let (mut at_token, mut rest) = (0, name.chars());
        // The last `*`, and what follows the letters that it was taken for.
        let mut star: Option<(usize, Chars<'_>)> = None;
        loop {
            let mut after = rest.clone();
            let Some(letter) = after.next() else { break };
            match self.tokens.get(at_token) {
                Some(Token::Any) if at_token + 1 == self.tokens.len() => return true,
                Some(Token::Any) => {
                    star = Some((at_token, rest.clone()));
                    at_token += 1;
                }
                Some(token) if token.takes(letter) => {
                    at_token += 1;
                    rest = after;
                }
                _ => {
                    let Some((star_token, reached)) = &mut star else { return false };
                    reached.next();
                    (at_token, rest) = (*star_token + 1, reached.clone());
                }
            }
        }
        self.tokens[at_token..].iter().all(|token| *token == Token::Any)
    }

    /// Greater for the more specific: letters that stand for themselves, then `?`.
    fn weight(&self) -> (usize, usize) {
        let letters = self.tokens.iter().filter(|token| matches!(token, Token::Exactly(_))).count();
        (letters, self.tokens.iter().filter(|token| **token == Token::One).count())
    }
}

impl fmt::Display for Glob {
    /// Neighbours that need backquotes share one pair: two pairs side by side would read as a backquote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs_quotes = |token: &Token| matches!(token, Token::Exactly(letter) if !is_plain(*letter));
        for run in self.tokens.chunk_by(|one, next| needs_quotes(one) == needs_quotes(next)) {
            let quote = if needs_quotes(&run[0]) { "`" } else { "" };
            f.write_str(quote)?;
            for token in run {
                match token {
                    Token::Any => f.write_str("*")?,
                    Token::One => f.write_str("?")?,
                    Token::Exactly('`') => f.write_str("``")?,
                    Token::Exactly(letter) => write!(f, "{letter}")?,
                }
            }
            f.write_str(quote)?;
        }
        Ok(())
    }
}

fn is_plain(letter: char) -> bool {
    !letter.is_whitespace() && !letter.is_control() && !"*?.`\\".contains(letter)
}

/// A pattern `database.table`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TablePattern {
    /// Pattern of the database's name.
    pub database: Glob,
    /// Pattern of the table's name.
    pub table: Glob,
}

impl TablePattern {
    /// The pattern of a text such as `shop.orders`, `shop.*`, `` `my.shop`.tmp_? ``.
    ///
    /// # Errors
    /// Why the text is not one.
    pub fn parse(text: &str) -> Result<Self, PatternProblem> {
        let [database, table] =
            <[_; 2]>::try_from(names(text, Dots::SeparateNames)?).map_err(|_| PatternProblem::NotTwoNames)?;
        Ok(Self { database: Glob::of(database), table: Glob::of(table) })
    }

    /// Whether a table's name matches.
    pub fn matches(&self, name: &millrace_model::TableName) -> bool {
        self.database.matches(&name.database) && self.table.matches(&name.table)
    }

    /// Orders patterns by how specific they are: a literal database first, then a literal table, then the number of
    /// letters that stand for themselves, then the number of `?`.
    pub(crate) fn specificity(&self) -> (bool, bool, usize, usize) {
        let (database_letters, database_ones) = self.database.weight();
        let (table_letters, table_ones) = self.table.weight();
        let literal = |glob: &Glob| glob.literal().is_some();
        let (letters, ones) = (database_letters + table_letters, database_ones + table_ones);
        (literal(&self.database), literal(&self.table), letters, ones)
    }
}

impl fmt::Display for TablePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.table)
    }
}

/// What a dot outside backquotes is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dots {
    SeparateNames,
    BelongToNames,
}

fn names(text: &str, dots: Dots) -> Result<Vec<Vec<Token>>, PatternProblem> {
    let mut done = Vec::new();
    let mut name = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '`' => quoted(&mut letters, &mut name)?,
            '\\' => return Err(PatternProblem::Backslash),
            '.' if dots == Dots::SeparateNames => done.push(std::mem::take(&mut name)),
            '*' if name.last() == Some(&Token::Any) => {}
            '*' => name.push(Token::Any),
            '?' => name.push(Token::One),
            letter if letter.is_whitespace() || letter.is_control() => return Err(PatternProblem::WhiteSpace),
            letter => name.push(Token::Exactly(letter)),
        }
    }
    done.push(name);
    if done.iter().any(Vec::is_empty) && done.len() <= 2 && !(dots == Dots::SeparateNames && done.len() == 1) {
        return Err(PatternProblem::EmptyName);
    }
    Ok(done)
}

/// Reads up to the closing backquote; two of them are one.
fn quoted(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, name: &mut Vec<Token>) -> Result<(), PatternProblem> {
    while let Some(letter) = letters.next() {
        if letter != '`' {
            name.push(Token::Exactly(letter));
        } else if letters.next_if_eq(&'`').is_some() {
            name.push(Token::Exactly('`'));
        } else {
            return Ok(());
        }
    }
    Err(PatternProblem::OpenQuote)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn globs_match_whole_names() {
        for (pattern, yes, no) in [
            ("orders", vec!["orders"], vec!["order", "orders2", "Orders"]),
            ("*", vec!["", "a", "a.b"], vec![]),
            ("tmp_*", vec!["tmp_", "tmp_a"], vec!["tmp", "xtmp_"]),
            ("a*b*c", vec!["abc", "aXbYbZc"], vec!["abcd", "ac"]),
            ("a?", vec!["ab", "aé"], vec!["a", "abc"]),
            ("`a*?`", vec!["a*?"], vec!["abc"]),
            ("`a``b`", vec!["a`b"], vec!["ab"]),
            ("`\\`", vec!["\\"], vec!["a"]),
            ("x`.y`*", vec!["x.y", "x.yz"], vec!["xy"]),
        ] {
            let glob = Glob::parse(pattern).unwrap();
            assert!(yes.iter().all(|name| glob.matches(name)), "{pattern}");
            assert!(!no.iter().any(|name| glob.matches(name)), "{pattern}");
            assert_eq!(Glob::parse(&glob.to_string()).unwrap(), glob, "{pattern} is written as {glob}");
        }
    }

    #[test]
    fn table_patterns_have_two_names() {
        let pattern = TablePattern::parse("`my.shop`.tmp_*").unwrap();
        assert_eq!(pattern.database.literal(), Some("my.shop"));
        assert_eq!(pattern.table.literal(), None);
        for (text, problem) in [
            ("orders", PatternProblem::NotTwoNames),
            ("", PatternProblem::NotTwoNames),
            ("a.b.c", PatternProblem::NotTwoNames),
            ("a.", PatternProblem::EmptyName),
            (".b", PatternProblem::EmptyName),
            ("a.`b", PatternProblem::OpenQuote),
            ("a\\.b.c", PatternProblem::Backslash),
            ("a. b", PatternProblem::WhiteSpace),
        ] {
            assert_eq!(TablePattern::parse(text), Err(problem), "{text}");
        }
    }
}
