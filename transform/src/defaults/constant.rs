//! Expressions of MySQL and MariaDB that stand for the same value whenever they are evaluated, and for the time and day of
//! now. Anything else is none of them: other functions, other operators, texts that are not plain ASCII.
//!
//! The catalog and the statements of the binlog have different words for one expression (`_utf8mb4\'a\'` and `'a'`, `0x05`
//! and `b'101'`, `curdate()` and `CURRENT_DATE`): both must give the same here, or a table would change by being read again.

/// What an expression stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Constant {
    /// A whole number; TRUE and FALSE are 1 and 0.
    Integer(i128),
    /// A number with a point or an exponent, as it is written.
    Number(String),
    /// A text of printable ASCII characters, without quotes and backslashes.
    Text(String),
    /// The bytes of `0x...`, `x'...'` or `b'...'`.
    Bytes(Vec<u8>),
    /// A JSON document, as it is written.
    Document(String),
    /// The moment at which the statement began, with so many digits of a second's fraction.
    Now(u8),
    /// The day of that moment.
    Today,
}

/// The constant of an expression; none where it is not one for certain.
pub(super) fn parse(text: &str) -> Option<Constant> {
    // The catalog shows the quotes of a text with backslashes before them.
    let tokens = lex(&text.replace("\\'", "'"))?;
    // A chain of signs or parentheses as long as that is no default that somebody wrote.
    if tokens.len() > 60 {
        return None;
    }
    let mut parser = Parser { rest: &tokens };
    let constant = parser.sum()?;
    parser.rest.is_empty().then_some(constant)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// In lower case.
    Word(String),
    Number(String),
    Text(String),
    /// Bytes in digits of this base.
    Digits(String, u32),
    Symbol(char),
}

fn lex(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '\'' => quoted(rest)?,
            '0'..='9' | '.' => number(rest)?,
            'a'..='z' | 'A'..='Z' | '_' => word(rest)?,
            '(' | ')' | '+' | '-' | '*' => (Token::Symbol(first), 1),
            _ => return None,
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Some(tokens)
}

/// A text and its length with quotes.
fn quoted(rest: &str) -> Option<(Token, usize)> {
    let (text, behind) = rest.strip_prefix('\'')?.split_once('\'')?;
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\');
    // Two quotes are one within the text.
    (is_plain && !behind.starts_with('\'')).then(|| (Token::Text(text.to_owned()), text.len() + 2))
}

fn number(rest: &str) -> Option<(Token, usize)> {
    if let Some(digits) = rest.strip_prefix("0x") {
        let length = span(digits, |c| c.is_ascii_hexdigit());
        return (length > 0).then(|| (Token::Digits(digits[..length].to_owned(), 16), length + 2));
    }
    let whole = span(rest, |c| c.is_ascii_digit());
    let point = usize::from(rest[whole..].starts_with('.'));
    let fraction = span(&rest[whole + point..], |c| c.is_ascii_digit());
    let mantissa = whole + point + fraction;
    let exponent = exponent_length(&rest[mantissa..]);
    let end = mantissa + exponent;
    let is_whole_word = !rest[end..].starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '\''));
    (whole + fraction > 0 && is_whole_word).then(|| (Token::Number(rest[..end].to_owned()), end))
}

/// The length of `e-12`; 0 where there is none.
fn exponent_length(rest: &str) -> usize {
    let Some(behind) = rest.strip_prefix(['e', 'E']) else { return 0 };
    let sign = usize::from(behind.starts_with(['-', '+']));
    match span(&behind[sign..], |c| c.is_ascii_digit()) {
        0 => 0,
        digits => 1 + sign + digits,
    }
}

fn word(rest: &str) -> Option<(Token, usize)> {
    let length = span(rest, |c| c.is_ascii_alphanumeric() || c == '_');
    let word = rest[..length].to_ascii_lowercase();
    let base = match word.as_str() {
        "x" => 16,
        "b" => 2,
        _ => return Some((Token::Word(word), length)),
    };
    match quoted(&rest[length..])? {
        (Token::Text(digits), quoted) if digits.chars().all(|c| c.is_digit(base)) => {
            Some((Token::Digits(digits, base), length + quoted))
        }
        _ => None,
    }
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c: char| !belongs(c)).unwrap_or(text.len())
}

/// Character sets in which a plain text is the bytes that it shows.
const INTRODUCERS: [&str; 5] = ["_utf8mb4", "_utf8mb3", "_utf8", "_latin1", "_ascii"];

struct Parser<'t> {
    rest: &'t [Token],
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first.clone())
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is_next = self.rest.first() == Some(token);
        if is_next {
            self.rest = &self.rest[1..];
        }
        is_next
    }

    fn takes_symbol(&mut self, symbol: char) -> bool {
        self.takes(&Token::Symbol(symbol))
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(&Token::Word(word.to_owned()))
    }

    fn sum(&mut self) -> Option<Constant> {
        let mut left = self.product()?;
        loop {
            if self.takes_symbol('+') {
                left = exact(left, self.product()?, i64::checked_add)?;
            } else if self.takes_symbol('-') {
                left = exact(left, self.product()?, i64::checked_sub)?;
            } else {
                return Some(left);
            }
        }
    }

    fn product(&mut self) -> Option<Constant> {
        let mut left = self.signed()?;
        while self.takes_symbol('*') {
            left = exact(left, self.signed()?, i64::checked_mul)?;
        }
        Some(left)
    }

    fn signed(&mut self) -> Option<Constant> {
        if self.takes_symbol('-') {
            return match self.signed()? {
                Constant::Integer(value) => Some(Constant::Integer(-value)),
                Constant::Number(text) => {
                    Some(Constant::Number(text.strip_prefix('-').map_or_else(|| format!("-{text}"), str::to_owned)))
                }
                _ => None,
            };
        }
        self.single()
    }

    fn single(&mut self) -> Option<Constant> {
        match self.next()? {
            Token::Symbol('(') => self.sum().filter(|_| self.takes_symbol(')')),
            Token::Symbol(_) => None,
            Token::Number(text) if text.bytes().all(|digit| digit.is_ascii_digit()) => {
                text.parse::<u64>().ok().map(|value| Constant::Integer(value.into()))
            }
            Token::Number(text) => Some(Constant::Number(text)),
            Token::Text(text) => Some(Constant::Text(text)),
            Token::Digits(digits, base) => bytes(&digits, base).map(Constant::Bytes),
            Token::Word(word) if INTRODUCERS.contains(&word.as_str()) => match self.next()? {
                Token::Text(text) => Some(Constant::Text(text)),
                _ => None,
            },
            Token::Word(word) => self.named(&word),
        }
    }

    fn named(&mut self, word: &str) -> Option<Constant> {
        match word {
            "true" => Some(Constant::Integer(1)),
            "false" => Some(Constant::Integer(0)),
            "now" | "current_timestamp" | "localtime" | "localtimestamp" => self.digits().map(Constant::Now),
            "curdate" | "current_date" => (self.digits()? == 0).then_some(Constant::Today),
            "json_array" => self.empty_parentheses().then(|| Constant::Document("[]".to_owned())),
            "json_object" => self.empty_parentheses().then(|| Constant::Document("{}".to_owned())),
            "cast" if self.takes_symbol('(') => match self.sum()? {
                Constant::Text(text) => {
                    let is_document = self.takes_word("as") && self.takes_word("json") && self.takes_symbol(')');
                    is_document.then_some(Constant::Document(text))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// What stands in the parentheses behind the name of a moment: 0 where nothing does, or where there are none.
    fn digits(&mut self) -> Option<u8> {
        if !self.takes_symbol('(') || self.takes_symbol(')') {
            return Some(0);
        }
        match self.next()? {
            Token::Number(text) if self.takes_symbol(')') => text.parse().ok().filter(|digits| *digits <= 6),
            _ => None,
        }
    }

    fn empty_parentheses(&mut self) -> bool {
        self.takes_symbol('(') && self.takes_symbol(')')
    }
}

/// The operation on whole numbers, where MySQL has it exactly: within BIGINT.
fn exact(left: Constant, right: Constant, operation: fn(i64, i64) -> Option<i64>) -> Option<Constant> {
    let (Constant::Integer(left), Constant::Integer(right)) = (left, right) else { return None };
    let result = operation(i64::try_from(left).ok()?, i64::try_from(right).ok()?)?;
    Some(Constant::Integer(result.into()))
}

/// The bytes of digits that may lack some at the left.
fn bytes(digits: &str, base: u32) -> Option<Vec<u8>> {
    let per_byte = if base == 2 { 8 } else { 2 };
    let missing = (per_byte - digits.len() % per_byte) % per_byte;
    let padded = format!("{}{digits}", "0".repeat(missing));
    (0..padded.len() / per_byte)
        .map(|at| u8::from_str_radix(&padded[at * per_byte..(at + 1) * per_byte], base).ok())
        .collect()
}
