//! The text of a condition as tokens: MySQL's literals (Reference Manual, "Literal Values") with the default SQL mode, in
//! which `"` quotes texts and `\` escapes.

use super::ConditionProblem;
use super::words::{Keyword, is_refused, keyword};

/// A token with the column where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) column: usize,
    pub(super) kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Word(Keyword),
    /// A word that is no keyword, or a name in backquotes.
    Name {
        text: String,
        quoted: bool,
    },
    Number(String),
    Text(String),
    Bytes(Vec<u8>),
    /// A sign of one to three characters.
    Sign(&'static str),
    End,
}

/// Longest first.
const SIGNS: [&str; 16] = ["<=>", "<=", ">=", "<>", "!=", "&&", "||", "=", "<", ">", "(", ")", ",", "!", "-", "+"];

/// Digits of the longest number, and those of them after the point (DECIMAL's bounds).
const DIGITS: usize = 65;
const FRACTION_DIGITS: usize = 30;

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ConditionProblem> {
    let mut lexer = Lexer { rest: text.chars().collect(), at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_while(char::is_whitespace);
        let column = lexer.at + 1;
        let kind = lexer.token()?;
        let is_end = kind == Kind::End;
        tokens.push(Token { column, kind });
        if is_end {
            return Ok(tokens);
        }
    }
}

pub(super) fn problem(column: usize, message: impl Into<String>, hint: impl Into<String>) -> ConditionProblem {
    ConditionProblem { column, message: message.into(), hint: hint.into() }
}

struct Lexer {
    rest: Vec<char>,
    at: usize,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, is_wanted: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&is_wanted) {
            self.at += 1;
        }
    }

    fn take_while(&mut self, is_wanted: impl Fn(char) -> bool) -> String {
        let start = self.at;
        self.skip_while(is_wanted);
        self.rest[start..self.at].iter().collect()
    }

    fn token(&mut self) -> Result<Kind, ConditionProblem> {
        let Some(first) = self.peek(0) else { return Ok(Kind::End) };
        let next_is_quote = self.peek(1) == Some('\'');
        match first {
            '\'' | '"' => self.text(first).map(Kind::Text),
            '`' => self.name(),
            'x' | 'X' if next_is_quote => {
                self.at += 1;
                let column = self.at;
                let digits = self.text('\'')?;
                hexadecimal(&digits, column)
            }
            'b' | 'B' | 'n' | 'N' if next_is_quote => Err(problem(
                self.at + 1,
                "this kind of constant is not supported",
                "write a number, or a text in quotes",
            )),
            '0'..='9' => self.number(),
            '.' if self.peek(1).is_some_and(|digit| digit.is_ascii_digit()) => self.number(),
            letter if is_name_letter(letter) => self.word(),
            _ => self.sign(),
        }
    }

    fn word(&mut self) -> Result<Kind, ConditionProblem> {
        let column = self.at + 1;
        let text = self.take_while(is_name_letter);
        if let Some(keyword) = keyword(&text) {
            return Ok(Kind::Word(keyword));
        }
        if is_refused(&text) {
            let message = format!("{} is not supported", text.to_uppercase());
            let hint = "write comparisons, AND, OR, XOR, NOT, IN, BETWEEN, LIKE and IS NULL; a column of this name stands \
                        in backquotes";
            return Err(problem(column, message, hint));
        }
        if text.starts_with('_') && self.peek(0).is_some_and(|c| c == '\'' || c == '"') {
            return Err(problem(column, "a character set before a text is not supported", "write the text alone"));
        }
        Ok(Kind::Name { text, quoted: false })
    }

    fn name(&mut self) -> Result<Kind, ConditionProblem> {
        let start = self.at + 1;
        self.at += 1;
        let mut text = String::new();
        loop {
            match (self.peek(0), self.peek(1)) {
                (None, _) => return Err(problem(start, "the name does not end", "end it with a backquote")),
                (Some('`'), Some('`')) => {
                    text.push('`');
                    self.at += 2;
                }
                (Some('`'), _) => {
                    self.at += 1;
                    return Ok(Kind::Name { text, quoted: true });
                }
                (Some(letter), _) => {
                    text.push(letter);
                    self.at += 1;
                }
            }
        }
    }

    /// A text; the escapes of "String Literals" in the manual. `\%` and `\_` stay as they are: LIKE reads them.
    fn text(&mut self, quote: char) -> Result<String, ConditionProblem> {
        let start = self.at + 1;
        self.at += 1;
        let mut text = String::new();
        loop {
            let letter = self.peek(0).ok_or_else(|| problem(start, "the text does not end", "end it with a quote"))?;
            let next = self.peek(1);
            self.at += 1;
            match (letter, next) {
                (letter, next) if letter == quote && next == Some(quote) => {
                    text.push(quote);
                    self.at += 1;
                }
                (letter, _) if letter == quote => return Ok(text),
                ('\\', Some(escaped)) => {
                    self.at += 1;
                    match escaped {
                        '0' => text.push('\0'),
                        'b' => text.push('\u{8}'),
                        'n' => text.push('\n'),
                        'r' => text.push('\r'),
                        't' => text.push('\t'),
                        'Z' => text.push('\u{1a}'),
                        '%' | '_' => text.extend(['\\', escaped]),
                        other => text.push(other),
                    }
                }
                (letter, _) => text.push(letter),
            }
        }
    }

    fn number(&mut self) -> Result<Kind, ConditionProblem> {
        let column = self.at + 1;
        if self.peek(0) == Some('0') && matches!(self.peek(1), Some('x' | 'b')) {
            let is_hexadecimal = self.peek(1) == Some('x');
            self.at += 2;
            let digits = self.take_while(is_name_letter);
            return match is_hexadecimal {
                // An odd number of digits begins with half a byte.
                true => hexadecimal(&format!("{}{digits}", if digits.len() % 2 == 1 { "0" } else { "" }), column),
                false => Err(problem(column, "bit constants are not supported", "write the number in decimal")),
            };
        }
        let whole = self.take_while(|c| c.is_ascii_digit());
        let mut fraction = String::new();
        if self.peek(0) == Some('.') {
            self.at += 1;
            fraction = self.take_while(|c| c.is_ascii_digit());
        }
        if self.peek(0).is_some_and(is_name_letter) {
            let hint =
                "write a number as plain digits, such as 1500 or 0.25; a name that begins with a digit in backquotes";
            return Err(problem(column, "this is neither a number in plain digits nor a name", hint));
        }
        if whole.len() + fraction.len() > DIGITS || fraction.len() > FRACTION_DIGITS {
            let message = "the number has more than 65 digits, or more than 30 after the point";
            return Err(problem(column, message, "MySQL does not hold it exactly: write fewer digits"));
        }
        let whole = if whole.is_empty() { "0" } else { &whole };
        Ok(Kind::Number(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }))
    }

    fn sign(&mut self) -> Result<Kind, ConditionProblem> {
        let column = self.at + 1;
        let starts = |sign: &&&str| sign.chars().enumerate().all(|(ahead, c)| self.peek(ahead) == Some(c));
        let is_comment = |a, b| self.peek(0) == Some(a) && self.peek(1) == Some(b);
        if is_comment('-', '-') || is_comment('/', '*') || self.peek(0) == Some('#') {
            return Err(problem(column, "comments are not supported", "write the comment outside of the condition"));
        }
        match SIGNS.iter().find(starts) {
            Some(&"||") => {
                let hint = "write OR: in some SQL modes || joins texts";
                Err(problem(column, "\"||\" is not supported", hint))
            }
            Some(sign) => {
                self.at += sign.len();
                Ok(Kind::Sign(sign))
            }
            None if self.peek(0) == Some('.') => {
                let message = "a column is named with its table";
                Err(problem(column, message, "name the column alone: the condition is about one table"))
            }
            None => {
                let found: String = self.peek(0).into_iter().collect();
                let message = format!("\"{}\" is not supported", found.escape_default());
                Err(problem(column, message, "compare columns with constants: arithmetic is not supported"))
            }
        }
    }
}

/// Letters of a name without quotes.
fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$' || u32::from(letter) >= 0x80
}

fn hexadecimal(digits: &str, column: usize) -> Result<Kind, ConditionProblem> {
    let bytes: Option<Vec<u8>> = (0..digits.len().div_ceil(2))
        .map(|at| digits.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    match bytes {
        Some(bytes) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => Ok(Kind::Bytes(bytes)),
        _ => Err(problem(column, "this is no hexadecimal constant", "write for example x'4D79' or 0x4D79")),
    }
}
