//! What the user may do, read from `SHOW GRANTS` (which includes the rights of the session's active roles).
//!
//! A grant on a database is a pattern: `_` and `%` match as in LIKE unless escaped by `\` (MySQL Reference Manual,
//! "GRANT Statement"). Partial revokes (`REVOKE ... ON db.*` rows, MySQL 8.0) take a right away from one database.

use std::collections::BTreeSet;

use crate::connect::Session;
use crate::error::MysqlError;
use crate::sql_text::{Cursor, SqlMode, Token, tokenize};

/// Where a right holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// `*.*`
    Global,
    /// `db.*`; the name is a pattern.
    Database(String),
    /// `db.table`.
    Table(String, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Direction {
    Grant,
    Revoke,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    direction: Direction,
    /// Upper case, such as `REPLICATION SLAVE`; `ALL PRIVILEGES` stands for every static right.
    rights: BTreeSet<String>,
    scope: Scope,
}

/// The rights of one user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// The user as the server names it, such as `` `loader`@`%` ``.
    pub user: String,
    entries: Vec<Entry>,
}

/// How much of a database a right covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// All of it.
    Whole,
    /// Only these tables.
    Tables(Vec<String>),
    /// Nothing.
    Nothing,
}

impl Grants {
    /// Reads the rights of the session's user.
    pub async fn read(session: &mut Session) -> Result<Self, MysqlError> {
        let rows = session.query_texts("reading the user's rights", "SHOW GRANTS").await?;
        let lines: Vec<String> = rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
        Ok(Self::parse(&lines))
    }

    /// Parses the lines of `SHOW GRANTS`; lines that grant roles or PROXY say nothing about rights. MariaDB's also name what
    /// everybody may (`TO PUBLIC`).
    pub fn parse(lines: &[String]) -> Self {
        let mut grants = Self::default();
        for line in lines {
            if let Some((entry, user)) = parse_line(line) {
                grants.entries.push(entry);
                if let Some(user) = user {
                    grants.user = user;
                }
            }
        }
        grants
    }

    /// Whether the user holds the right on everything.
    pub fn holds_globally(&self, right: &str) -> bool {
        self.entries.iter().any(|e| e.direction == Direction::Grant && e.scope == Scope::Global && e.gives(right))
    }

    /// How much of `database` the right covers.
    pub fn coverage(&self, right: &str, database: &str) -> Coverage {
        let revoked = self.entries.iter().any(|e| {
            e.direction == Direction::Revoke
                && e.gives(right)
                && matches!(&e.scope, Scope::Database(name) if name == database)
        });
        let granted = || self.entries.iter().filter(|e| e.direction == Direction::Grant && e.gives(right));
        let on_database = granted().any(|e| matches!(&e.scope, Scope::Database(p) if matches_pattern(p, database)));
        if on_database || (self.holds_globally(right) && !revoked) {
            return Coverage::Whole;
        }
        let tables: Vec<String> = granted()
            .filter_map(|e| match &e.scope {
                Scope::Table(db, table) if db == database => Some(table.clone()),
                _ => None,
            })
            .collect();
        if tables.is_empty() { Coverage::Nothing } else { Coverage::Tables(tables) }
    }
}

impl Entry {
    fn gives(&self, right: &str) -> bool {
        self.rights.contains(right) || self.rights.contains("ALL PRIVILEGES")
    }
}

/// MariaDB's name of a right that MySQL calls otherwise: it renamed REPLICATION CLIENT (knowledge base, "GRANT"), takes the
/// former name in GRANT and shows the new one.
fn name_in_mysql(right: String) -> String {
    match right.as_str() {
        "BINLOG MONITOR" => "REPLICATION CLIENT".to_owned(),
        _ => right,
    }
}

/// What a line grants or revokes, and to whom; nobody by name for PUBLIC.
fn parse_line(line: &str) -> Option<(Entry, Option<String>)> {
    let tokens = tokenize(line, SqlMode::default(), u32::MAX).ok()?;
    let mut cursor = Cursor::new(&tokens);
    let direction = if cursor.take_word("GRANT") {
        Direction::Grant
    } else if cursor.take_word("REVOKE") {
        Direction::Revoke
    } else {
        return None;
    };
    let mut rights = BTreeSet::new();
    loop {
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = cursor.peek() {
            if word.eq_ignore_ascii_case("ON") || word.eq_ignore_ascii_case("TO") {
                break;
            }
            words.push(word.to_ascii_uppercase());
            cursor.advance();
        }
        // A right on some columns is not the right on the table.
        if cursor.peek() == Some(&Token::Symbol('(')) {
            cursor.skip_parentheses();
        } else if !words.is_empty() {
            rights.insert(name_in_mysql(words.join(" ")));
        }
        if !cursor.take_symbol(',') {
            break;
        }
    }
    if !cursor.take_word("ON") {
        return None;
    }
    let scope = parse_scope(&mut cursor)?;
    if !cursor.take_word("TO") && !cursor.take_word("FROM") {
        return None;
    }
    let user = if cursor.take_word("PUBLIC") {
        None
    } else {
        let name = cursor.take_name()?;
        let host = if cursor.take_symbol('@') { cursor.take_name()? } else { "%".into() };
        Some(format!("`{name}`@`{host}`"))
    };
    Some((Entry { direction, rights, scope }, user))
}

fn parse_scope(cursor: &mut Cursor<'_>) -> Option<Scope> {
    if cursor.take_symbol('*') {
        return (cursor.take_symbol('.') && cursor.take_symbol('*')).then_some(Scope::Global);
    }
    let database = cursor.take_name()?;
    if !cursor.take_symbol('.') {
        return None;
    }
    if cursor.take_symbol('*') {
        return Some(Scope::Database(database));
    }
    Some(Scope::Table(database, cursor.take_name()?))
}

/// LIKE with the escape `\`.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    let mut chars = pattern.chars();
    match chars.next() {
        None => name.is_empty(),
        Some('%') => {
            let rest = chars.as_str();
            name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| matches_pattern(rest, &name[at..]))
        }
        Some(first) => {
            let wanted = match first {
                '_' => None,
                '\\' => chars.next(),
                c => Some(c),
            };
            let mut rest = name.chars();
            match rest.next() {
                Some(c) if wanted.is_none_or(|w| w == c) => matches_pattern(chars.as_str(), rest.as_str()),
                _ => false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(lines: &[&str]) -> Grants {
        Grants::parse(&lines.iter().map(|&l| l.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn reads_scopes_patterns_and_revokes() {
        let g = grants(&[
            "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `u`@`%` WITH GRANT OPTION",
            "GRANT BACKUP_ADMIN,XA_RECOVER_ADMIN ON *.* TO `u`@`%`",
            "GRANT SELECT, INSERT ON `shop\\_%`.* TO `u`@`%`",
            "GRANT SELECT (`a`), INSERT ON `other`.`t` TO `u`@`%`",
            "GRANT SELECT ON `one`.`t` TO `u`@`%`",
            "GRANT `role`@`%` TO `u`@`%`",
            "GRANT PROXY ON ``@`` TO `u`@`%`",
        ]);
        assert_eq!(g.user, "`u`@`%`");
        assert!(g.holds_globally("REPLICATION SLAVE") && g.holds_globally("XA_RECOVER_ADMIN"));
        assert!(!g.holds_globally("SELECT"));
        assert_eq!(g.coverage("SELECT", "shop_eu"), Coverage::Whole);
        assert_eq!(g.coverage("SELECT", "shopXeu"), Coverage::Nothing);
        assert_eq!(g.coverage("SELECT", "other"), Coverage::Nothing);
        assert_eq!(g.coverage("SELECT", "one"), Coverage::Tables(vec!["t".into()]));
    }

    /// As MariaDB 10.11 answers for `GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT`.
    #[test]
    fn reads_what_maria_db_shows() {
        let g = grants(&[
            "GRANT SELECT, REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `u`@`127.0.0.1` IDENTIFIED BY PASSWORD '*B6'",
            "GRANT SELECT, DELETE HISTORY ON `test\\_%`.* TO PUBLIC",
        ]);
        assert_eq!(g.user, "`u`@`127.0.0.1`");
        assert!(g.holds_globally("REPLICATION CLIENT") && g.holds_globally("REPLICATION SLAVE"));
        assert_eq!(g.coverage("DELETE HISTORY", "test_1"), Coverage::Whole);
    }

    #[test]
    fn all_privileges_and_partial_revokes() {
        let g = grants(&["GRANT ALL PRIVILEGES ON *.* TO 'u'@'%'", "REVOKE SELECT ON `hr`.* FROM `u`@`%`"]);
        assert!(g.holds_globally("REPLICATION CLIENT"));
        assert_eq!(g.coverage("SELECT", "shop"), Coverage::Whole);
        assert_eq!(g.coverage("SELECT", "hr"), Coverage::Nothing);
    }
}
