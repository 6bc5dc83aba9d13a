//! Tokens of MySQL's SQL text: just enough to read leading words, names, constants and balanced parentheses.
//!
//! Comments are skipped, but the content of executable comments (`/*!50705 ... */`) counts where the server's version is
//! at least theirs (MySQL Reference Manual, "Comments"). `ANSI_QUOTES` and `NO_BACKSLASH_ESCAPES` change how quotes are
//! read, so the mode under which the statement ran is needed.

use thiserror::Error;

/// The bits of `sql_mode` as a binlog query event carries them (`Q_SQL_MODE_CODE`, MySQL source `system_variables.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SqlMode(pub u64);

impl SqlMode {
    /// `REAL_AS_FLOAT`.
    pub const REAL_AS_FLOAT: u64 = 1;
    /// `ANSI_QUOTES`.
    pub const ANSI_QUOTES: u64 = 4;
    /// `NO_BACKSLASH_ESCAPES`.
    pub const NO_BACKSLASH_ESCAPES: u64 = 0x10_0000;

    /// `STRICT_TRANS_TABLES`.
    pub const STRICT_TRANS_TABLES: u64 = 0x20_0000;
    /// `STRICT_ALL_TABLES`.
    pub const STRICT_ALL_TABLES: u64 = 0x40_0000;

    /// Whether a value that does not fit is refused instead of changed.
    pub fn is_strict(self) -> bool {
        self.0 & (Self::STRICT_TRANS_TABLES | Self::STRICT_ALL_TABLES) != 0
    }

    /// Whether all of `bits` are set.
    pub fn has(self, bits: u64) -> bool {
        self.0 & bits == bits
    }
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// An unquoted word, as written.
    Word(String),
    /// A quoted name, without its quotes.
    Name(String),
    /// A text constant, without its quotes and escapes.
    Text(String),
    /// A number as written, without sign.
    Number(String),
    /// `x'41'` or `0x41`: the digits.
    Hex(String),
    /// `b'01'` or `0b01`: the digits.
    Bits(String),
    /// Any other character.
    Symbol(char),
}

/// Text that ends within a quote or comment.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the statement ends inside a {0}")]
pub struct Unfinished(pub &'static str);

/// The tokens of `sql` as a server of `server_version` (such as 80036) reads them.
pub fn tokenize(sql: &str, mode: SqlMode, server_version: u32) -> Result<Vec<Token>, Unfinished> {
    let mut lexer = Lexer { rest: sql, mode, server_version, inside_executable: 0, tokens: Vec::new() };
    while lexer.step()? {}
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    rest: &'a str,
    mode: SqlMode,
    server_version: u32,
    inside_executable: u32,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn step(&mut self) -> Result<bool, Unfinished> {
        let Some(c) = self.rest.chars().next() else { return Ok(false) };
        let ansi = self.mode.has(SqlMode::ANSI_QUOTES);
        match c {
            c if c.is_whitespace() || c == '\0' => self.skip(c.len_utf8()),
            '#' => self.skip_line(),
            '-' if self.rest.starts_with("--") && self.rest[2..].chars().next().is_none_or(|c| c <= ' ') => {
                self.skip_line();
            }
            '/' if self.rest.starts_with("/*") => self.comment()?,
            '*' if self.inside_executable > 0 && self.rest.starts_with("*/") => {
                self.inside_executable -= 1;
                self.skip(2);
            }
            '`' => {
                let name = self.quoted('`', "quoted name")?;
                self.tokens.push(Token::Name(name));
            }
            '"' if ansi => {
                let name = self.quoted('"', "quoted name")?;
                self.tokens.push(Token::Name(name));
            }
            '\'' | '"' => {
                let text = self.quoted(c, "quoted text")?;
                // Texts side by side are one text.
                if let Some(Token::Text(before)) = self.tokens.last_mut() {
                    before.push_str(&text);
                } else {
                    self.tokens.push(Token::Text(text));
                }
            }
            c if is_word(c) => self.word()?,
            '.' if self.number_follows_point() => self.word()?,
            c => {
                self.tokens.push(Token::Symbol(c));
                self.skip(c.len_utf8());
            }
        }
        Ok(true)
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn skip_line(&mut self) {
        self.rest = self.rest.find('\n').map_or("", |at| &self.rest[at + 1..]);
    }

    /// After a name, a point separates; otherwise it begins a number.
    fn number_follows_point(&self) -> bool {
        let digit = self.rest[1..].chars().next().is_some_and(|c| c.is_ascii_digit());
        digit && !matches!(self.tokens.last(), Some(Token::Word(_) | Token::Name(_)))
    }

    fn comment(&mut self) -> Result<(), Unfinished> {
        // MariaDB's own form `/*M!` is a comment to MySQL and to us.
        if self.rest.starts_with("/*!") {
            let digits = self.rest[3..].chars().take_while(char::is_ascii_digit).take(6).count();
            // Five digits, six since MySQL 8.0 (followed by a blank).
            let used = if digits >= 5 { digits } else { 0 };
            let version: u32 = self.rest[3..3 + used].parse().unwrap_or(0);
            if version <= self.server_version {
                self.inside_executable += 1;
                self.skip(3 + used);
                return Ok(());
            }
        }
        let end = self.rest[2..].find("*/").ok_or(Unfinished("comment"))?;
        self.skip(end + 4);
        Ok(())
    }

    fn quoted(&mut self, quote: char, what: &'static str) -> Result<String, Unfinished> {
        let escapes = quote != '`'
            && !(quote == '"' && self.mode.has(SqlMode::ANSI_QUOTES))
            && !self.mode.has(SqlMode::NO_BACKSLASH_ESCAPES);
        let mut out = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                if chars.peek().is_some_and(|&(_, next)| next == quote) {
                    chars.next();
                    out.push(quote);
                    continue;
                }
                self.skip(at + quote.len_utf8());
                return Ok(out);
            }
            if c == '\\' && escapes {
                let Some((_, escaped)) = chars.next() else { break };
                match escaped {
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    'r' => out.push('\r'),
                    'b' => out.push('\u{8}'),
                    'Z' => out.push('\u{1a}'),
                    '0' => out.push('\0'),
                    // These stay escaped for LIKE.
                    '%' | '_' => out.extend(['\\', escaped]),
                    other => out.push(other),
                }
                continue;
            }
            out.push(c);
        }
        Err(Unfinished(what))
    }

    fn word(&mut self) -> Result<(), Unfinished> {
        if let Some(length) = number_length(self.rest) {
            self.tokens.push(Token::Number(self.rest[..length].to_owned()));
            self.skip(length);
            return Ok(());
        }
        let length = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let word = &self.rest[..length];
        self.skip(length);
        if self.rest.starts_with('\'') && word.len() == 1 {
            let make: Option<fn(String) -> Token> = match word {
                "x" | "X" => Some(Token::Hex),
                "b" | "B" => Some(Token::Bits),
                "n" | "N" => Some(Token::Text),
                _ => None,
            };
            if let Some(make) = make {
                let text = self.quoted('\'', "quoted text")?;
                self.tokens.push(make(text));
                return Ok(());
            }
        }
        let digits = |prefix: &str, radix: u32| {
            word.strip_prefix(prefix).filter(|d| !d.is_empty() && d.chars().all(|c| c.is_digit(radix)))
        };
        self.tokens.push(match (digits("0x", 16), digits("0b", 2)) {
            (Some(hex), _) => Token::Hex(hex.to_owned()),
            (_, Some(bits)) => Token::Bits(bits.to_owned()),
            _ => Token::Word(word.to_owned()),
        });
        Ok(())
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// Length of the number at the start of `text`; none where it is a word such as `1st` or `0x1f`.
fn number_length(text: &str) -> Option<usize> {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut end = digits(0);
    let mut point = 0;
    if text[end..].starts_with('.') {
        point = 1 + digits(end + 1);
        end += point;
    }
    if end == 0 || end == 1 && point == 1 {
        return None;
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    (!text[end..].chars().next().is_some_and(is_word)).then_some(end)
}

/// A place among tokens.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    tokens: &'a [Token],
}

impl<'a> Cursor<'a> {
    /// At the first token.
    pub fn new(tokens: &'a [Token]) -> Self {
        Self { tokens }
    }

    /// The next token.
    pub fn peek(&self) -> Option<&'a Token> {
        self.tokens.first()
    }

    /// The token `ahead` places after the next.
    pub fn peek_at(&self, ahead: usize) -> Option<&'a Token> {
        self.tokens.get(ahead)
    }

    /// The next token, which is passed.
    pub fn advance(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    /// Whether all is read.
    pub fn is_done(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Whether the next token is the unquoted word, in any case.
    pub fn at_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word))
    }

    /// The next token as an upper-case word; empty where it is none.
    pub fn word(&self) -> String {
        match self.peek() {
            Some(Token::Word(w)) => w.to_ascii_uppercase(),
            _ => String::new(),
        }
    }

    /// Passes the word if it is next.
    pub fn take_word(&mut self, word: &str) -> bool {
        let there = self.at_word(word);
        if there {
            self.advance();
        }
        there
    }

    /// Passes the words if all of them are next.
    pub fn take_words(&mut self, words: &[&str]) -> bool {
        let mut ahead = *self;
        let there = words.iter().all(|w| ahead.take_word(w));
        if there {
            *self = ahead;
        }
        there
    }

    /// Passes the character if it is next.
    pub fn take_symbol(&mut self, symbol: char) -> bool {
        let there = self.peek() == Some(&Token::Symbol(symbol));
        if there {
            self.advance();
        }
        there
    }

    /// A name, quoted or not (text in quotes too, as for users).
    pub fn take_name(&mut self) -> Option<String> {
        match self.peek()? {
            Token::Word(name) | Token::Name(name) | Token::Text(name) => {
                self.advance();
                Some(name.clone())
            }
            _ => None,
        }
    }

    /// Passes a balanced pair of parentheses and what is between; false where none is next or it does not end.
    pub fn skip_parentheses(&mut self) -> bool {
        let mut ahead = *self;
        let mut depth = 0u32;
        while let Some(token) = ahead.advance() {
            match token {
                Token::Symbol('(') => depth += 1,
                Token::Symbol(')') => depth = depth.saturating_sub(1),
                _ if depth == 0 => return false,
                _ => {}
            }
            if depth == 0 {
                *self = ahead;
                return true;
            }
        }
        false
    }
}

/// The tokens as text again, for keeping an expression; blanks are not those of the original.
pub fn render(tokens: &[Token]) -> String {
    let texts: Vec<String> = tokens
        .iter()
        .map(|token| match token {
            Token::Word(t) | Token::Number(t) => t.clone(),
            Token::Name(t) => crate::Ident(t).to_string(),
            Token::Text(t) => format!("'{}'", t.replace('\\', "\\\\").replace('\'', "''")),
            Token::Hex(t) => format!("x'{t}'"),
            Token::Bits(t) => format!("b'{t}'"),
            Token::Symbol(c) => c.to_string(),
        })
        .collect();
    texts.join(" ")
}

impl<'a> Cursor<'a> {
    /// The tokens between here and `end`, a later place of the same text.
    pub fn until(&self, end: &Cursor<'a>) -> &'a [Token] {
        &self.tokens[..self.tokens.len() - end.tokens.len()]
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn words(sql: &str) -> String {
        render(&tokenize(sql, SqlMode::default(), 80036).unwrap())
    }

    #[test]
    fn reads_comments_quotes_and_numbers() {
        for (sql, expected) in [
            ("a -- b\nc # d\n/* e */ f", "a c f"),
            ("a--b", "a - - b"),
            ("/*!50705 DROP*/ TABLE /*!99999 x */ /*M!100100 y */", "DROP TABLE"),
            ("/*!080016 CHECK*/ 1", "CHECK 1"),
            ("`a``b`.c", "`a``b` . c"),
            ("'it''s' \"a\\\"b\"", "'it''sa\"b'"),
            ("1.5e-3 .5 1st 0x1F x'ab' b'01' n'q'", "1.5e-3 .5 1st x'1F' x'ab' b'01' 'q'"),
            ("db.1t", "db . 1t"),
            ("tëst", "tëst"),
        ] {
            assert_eq!(words(sql), expected, "{sql}");
        }
        let ansi = SqlMode(SqlMode::ANSI_QUOTES | SqlMode::NO_BACKSLASH_ESCAPES);
        assert_eq!(tokenize("\"a\" 'b\\'", ansi, 0).unwrap(), [Token::Name("a".into()), Token::Text("b\\".into())]);
        assert_eq!(tokenize("'a", SqlMode::default(), 0), Err(Unfinished("quoted text")));
        assert_eq!(tokenize("/* a", SqlMode::default(), 0), Err(Unfinished("comment")));
    }
}
