//! Quoting: the only place where a name or a constant becomes SQL text.
//!
//! A name in SQL is always quoted, so its case and every character in it survive (PostgreSQL manual, 4.1.1 "Identifiers
//! and Key Words"). The server cuts longer names silently, which can make two names one: here they are an error.

use std::fmt::{self, Write};

use millrace_model::TableName;

use crate::error::AdbpgError;

/// Longest name in bytes (NAMEDATALEN - 1).
pub const MAX_NAME_BYTES: usize = 63;

/// A name that can stand in SQL: not empty, no NUL, at most 63 bytes. `Display` gives its quoted form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ident(String);

impl Ident {
    /// Takes an unquoted name; an empty or too long one, or one with a NUL character, is an error.
    pub fn new(name: &str) -> Result<Self, AdbpgError> {
        let problem = if name.is_empty() {
            "it is empty"
        } else if name.contains('\0') {
            "it holds a NUL character"
        } else if name.len() > MAX_NAME_BYTES {
            "it is longer than 63 bytes"
        } else {
            return Ok(Self(name.to_owned()));
        };
        Err(AdbpgError::Name { name: name.replace('\0', "\\0"), problem })
    }

    /// The name without quotes.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut parts = self.0.split('"');
        f.write_str(parts.next().unwrap_or_default())?;
        for part in parts {
            write!(f, "\"\"{part}")?;
        }
        f.write_char('"')
    }
}

/// A schema and a table that can stand in SQL. `Display` gives `"schema"."table"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QualifiedName {
    /// The schema.
    pub schema: Ident,
    /// The table.
    pub table: Ident,
}

impl QualifiedName {
    /// Takes both parts of a table's name; fails as [`Ident::new`] does.
    pub fn new(name: &TableName) -> Result<Self, AdbpgError> {
        Ok(Self { schema: Ident::new(&name.database)?, table: Ident::new(&name.table)? })
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// A constant in SQL. With a backslash in it the `E''` form is taken, which means the same whatever
/// `standard_conforming_strings` says (manual, 4.1.2.2 "String Constants with C-Style Escapes"). NUL is an error.
pub fn literal(text: &str) -> Result<String, AdbpgError> {
    if text.contains('\0') {
        return Err(AdbpgError::Name { name: text.replace('\0', "\\0"), problem: "it holds a NUL character" });
    }
    let quoted = text.replace('\'', "''");
    Ok(if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") })
}

/// FNV-1a, 64 bits: a hash that stays the same over builds, for names and advisory locks.
pub(crate) fn stable_hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn quotes_hostile_names() {
        for (name, sql) in [
            ("a", "\"a\""),
            ("Order", "\"Order\""),
            ("a\"b", "\"a\"\"b\""),
            ("\"", "\"\"\"\""),
            ("a'; DROP TABLE x;--", "\"a'; DROP TABLE x;--\""),
            ("a\\b\nc", "\"a\\b\nc\""),
            ("grüße 🦀", "\"grüße 🦀\""),
        ] {
            assert_eq!(Ident::new(name).unwrap().to_string(), sql);
        }
    }

    #[test]
    fn refuses_names_that_the_server_would_cut() {
        assert!(Ident::new(&"a".repeat(63)).is_ok());
        assert!(Ident::new(&"é".repeat(31)).is_ok());
        for name in [String::new(), "a".repeat(64), "é".repeat(32), "a\0b".to_owned()] {
            assert!(Ident::new(&name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn quotes_constants() {
        for (text, sql) in [("", "''"), ("it's", "'it''s'"), ("a\\'b", "E'a\\\\''b'"), ("x\ny", "'x\ny'")] {
            assert_eq!(literal(text).unwrap(), sql);
        }
        assert!(literal("a\0").is_err());
    }
}
