//! The one place where MySQL names and constants become SQL text.
//!
//! A quoted name can hold every character: only the backtick is special and is doubled (MySQL Reference Manual,
//! "Schema Object Names"). Constants are written as hexadecimal, which no `sql_mode` reads differently.

use std::fmt;

use millrace_model::TableName;

/// A name of MySQL that renders only in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ident<'a>(pub &'a str);

impl fmt::Display for Ident<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.replace('`', "``"))
    }
}

/// The quoted `database`.`table`.
pub fn table_ident(table: &TableName) -> String {
    format!("{}.{}", Ident(&table.database), Ident(&table.table))
}

/// A text constant, whatever the session's `sql_mode`.
pub fn text_constant(text: &str) -> String {
    if text.is_empty() {
        return "''".to_owned();
    }
    let digits: String = text.bytes().map(|b| format!("{b:02x}")).collect();
    format!("_utf8mb4 x'{digits}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_backticks_only() {
        for (name, quoted) in [("a", "`a`"), ("a`b", "`a``b`"), ("a\"'\\;--", "`a\"'\\;--`"), ("`", "````")] {
            assert_eq!(Ident(name).to_string(), quoted);
        }
        assert_eq!(table_ident(&TableName::new("d", "t`")), "`d`.`t```");
        assert_eq!(text_constant("a'"), "_utf8mb4 x'6127'");
    }
}
