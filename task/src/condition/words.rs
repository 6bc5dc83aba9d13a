//! Words of MySQL that a condition may have, and those that it may not yet.

/// A word with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Xor,
    Not,
    Is,
    Null,
    True,
    False,
    Unknown,
    In,
    Between,
    Like,
    Escape,
}

const KEYWORDS: [(&str, Keyword); 13] = [
    ("AND", Keyword::And),
    ("OR", Keyword::Or),
    ("XOR", Keyword::Xor),
    ("NOT", Keyword::Not),
    ("IS", Keyword::Is),
    ("NULL", Keyword::Null),
    ("TRUE", Keyword::True),
    ("FALSE", Keyword::False),
    ("UNKNOWN", Keyword::Unknown),
    ("IN", Keyword::In),
    ("BETWEEN", Keyword::Between),
    ("LIKE", Keyword::Like),
    ("ESCAPE", Keyword::Escape),
];

/// Words that MySQL reserves and that begin or join something that a condition cannot have. A column of such a name
/// stands in backquotes, as in MySQL (Reference Manual, "Keywords and Reserved Words").
const REFUSED: [&str; 26] = [
    "ALL",
    "BINARY",
    "CASE",
    "COLLATE",
    "CONVERT",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "DEFAULT",
    "DISTINCT",
    "DIV",
    "ELSE",
    "EXISTS",
    "INTERVAL",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "MATCH",
    "MOD",
    "REGEXP",
    "RLIKE",
    "ROW",
    "SELECT",
    "THEN",
    "UTC_TIMESTAMP",
    "VALUES",
    "WHEN",
];

pub(super) fn keyword(word: &str) -> Option<Keyword> {
    KEYWORDS.iter().find(|(text, _)| text.eq_ignore_ascii_case(word)).map(|(_, keyword)| *keyword)
}

pub(super) fn is_refused(word: &str) -> bool {
    REFUSED.iter().any(|text| text.eq_ignore_ascii_case(word))
}
