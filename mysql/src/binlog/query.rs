//! QUERY events: statements logged as text (MySQL source, `Query_event`), and what they mean for the transaction.

use millrace_model::BinlogPlace;

use super::cursor::Cursor;
use super::event::Statement;
use crate::charset::Charset;

/// What a QUERY event means for the state of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// `BEGIN`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`.
    Rollback,
    /// `ROLLBACK TO` a savepoint.
    RollbackTo,
    /// Says nothing about data: savepoints, and what MariaDB puts in place of an event that it does not send.
    Nothing,
    /// Any statement about an XA transaction.
    Xa,
    /// A schema change by its first word.
    Definition,
    /// Any other statement.
    Other,
}

/// A QUERY event in its parts.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    pub(crate) database: &'a [u8],
    pub(crate) text: &'a [u8],
    pub(crate) error_code: u16,
    pub(crate) sql_mode: Option<u64>,
    /// Number of the collation of `character_set_client`.
    pub(crate) client_collation: Option<u16>,
    /// The databases of all tables that the statement used, also by triggers and functions; none where the server does
    /// not say, or not of all: there are too many, or foreign keys lead to others.
    databases: Option<Vec<&'a [u8]>>,
}

impl<'a> Query<'a> {
    /// Takes the event's data apart; `None` where it is cut short.
    pub(crate) fn parse(data: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(data);
        let _thread_id_and_seconds = cursor.take(8)?;
        let database_length = usize::from(cursor.u8()?);
        let error_code = cursor.u16()?;
        let variables_length = usize::from(cursor.u16()?);
        let variables = cursor.take(variables_length)?;
        let database = cursor.take(database_length)?;
        let _nul = cursor.u8()?;
        let Variables { sql_mode, client_collation, databases } = status_variables(variables);
        Some(Self { database, text: cursor.rest(), error_code, sql_mode, client_collation, databases })
    }

    /// Whether all tables that the statement used are in databases for which `holds_selected` is false. Only where the
    /// server says so: a statement alone does not show what its triggers change. The values that stand before it (INTVAR,
    /// RAND, USER_VAR) mean nothing without it.
    pub(crate) fn is_elsewhere(&self, holds_selected: impl Fn(&str) -> bool) -> bool {
        let is_other = |name: &&[u8]| std::str::from_utf8(name).is_ok_and(|name| !holds_selected(name));
        self.databases.as_ref().is_some_and(|names| !names.is_empty() && names.iter().all(is_other))
    }

    /// What the statement means, by its first words.
    pub(crate) fn meaning(&self) -> Meaning {
        // Written by the server in these very forms.
        match self.text {
            b"BEGIN" => return Meaning::Begin,
            b"COMMIT" => return Meaning::Commit,
            b"ROLLBACK" => return Meaning::Rollback,
            _ => {}
        }
        let mut words = Words { rest: self.text };
        match words.next() {
            None => Meaning::Nothing,
            Some(word) => match &*word {
                "SAVEPOINT" | "RELEASE" => Meaning::Nothing,
                "ROLLBACK" => Meaning::RollbackTo,
                "XA" => Meaning::Xa,
                "ALTER" | "ANALYZE" | "CREATE" | "DROP" | "FLUSH" | "GRANT" | "OPTIMIZE" | "RENAME" | "REPAIR"
                | "REVOKE" | "SET" | "TRUNCATE" => Meaning::Definition,
                _ => Meaning::Other,
            },
        }
    }

    /// The statement as text; `None` where its character set cannot be read.
    pub(crate) fn statement(&self, place: BinlogPlace) -> Option<Statement> {
        let charset = self.client_collation.and_then(|id| Charset::of_collation(u64::from(id)));
        let charset = charset.filter(|charset| !matches!(charset, Charset::Coded(_)));
        let mut scratch = String::new();
        let sql = match (charset, self.client_collation) {
            // Where it is not logged, or is not one of ours, only what is ASCII is the same in all.
            (None, Some(_)) if !self.text.is_ascii() => return None,
            (None, _) => std::str::from_utf8(self.text).ok()?,
            (Some(charset), _) => match std::str::from_utf8(self.text) {
                Ok(text) if charset != Charset::Latin1 => text,
                _ => charset.decode(self.text, &mut scratch)?,
            },
        };
        Some(Statement {
            database: std::str::from_utf8(self.database).ok()?.to_owned(),
            sql: sql.to_owned(),
            sql_mode: self.sql_mode,
            charset,
            error_code: self.error_code,
            place,
        })
    }
}

/// What is wanted of the status variables.
#[derive(Default)]
struct Variables<'a> {
    sql_mode: Option<u64>,
    client_collation: Option<u16>,
    databases: Option<Vec<&'a [u8]>>,
}

/// Reads the status variables. They have no common length field: those that come before the wanted ones are known by their
/// lengths, and reading ends at any other.
fn status_variables(variables: &[u8]) -> Variables<'_> {
    const FLAGS2: u8 = 0;
    const SQL_MODE: u8 = 1;
    const AUTO_INCREMENT: u8 = 3;
    const CHARSET: u8 = 4;
    const TIME_ZONE: u8 = 5;
    const CATALOG: u8 = 6;
    const TIME_NAMES: u8 = 7;
    const DATABASE_CHARSET: u8 = 8;
    const TABLE_MAP_FOR_UPDATE: u8 = 9;
    const SOURCE_DATA_WRITTEN: u8 = 10;
    const INVOKER: u8 = 11;
    const DATABASES: u8 = 12;
    let mut cursor = Cursor::new(variables);
    let mut read_so_far = Variables::default();
    while let Some(key) = cursor.u8() {
        let read = match key {
            FLAGS2 | AUTO_INCREMENT | SOURCE_DATA_WRITTEN => cursor.take(4).map(|_| ()),
            SQL_MODE => cursor.uint(8).map(|bits| read_so_far.sql_mode = Some(bits)),
            CHARSET => {
                cursor.array::<6>().map(|b| read_so_far.client_collation = Some(u16::from_le_bytes([b[0], b[1]])))
            }
            TIME_ZONE | CATALOG => short_text(&mut cursor).map(|_| ()),
            TIME_NAMES | DATABASE_CHARSET => cursor.take(2).map(|_| ()),
            TABLE_MAP_FOR_UPDATE => cursor.take(8).map(|_| ()),
            INVOKER => short_text(&mut cursor).and_then(|_| short_text(&mut cursor)).map(|_| ()),
            DATABASES => {
                read_so_far.databases = databases(&mut cursor);
                None
            }
            _ => None,
        };
        if read.is_none() {
            break;
        }
    }
    read_so_far
}

/// Bytes after their length.
fn short_text<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = cursor.u8()?;
    cursor.take(usize::from(length))
}

/// Names that end with NUL, after their number. The server writes another number where they are too many, and an empty
/// name where foreign keys lead to tables that it did not look at.
fn databases<'a>(cursor: &mut Cursor<'a>) -> Option<Vec<&'a [u8]>> {
    const MOST: u8 = 16;
    let count = cursor.u8().filter(|count| *count <= MOST)?;
    let mut rest = cursor.rest();
    let mut names = Vec::new();
    for _ in 0..count {
        let end = rest.iter().position(|&byte| byte == 0).filter(|end| *end > 0)?;
        names.push(&rest[..end]);
        rest = &rest[end + 1..];
    }
    Some(names)
}

/// The words of a statement in capitals, without comments.
struct Words<'a> {
    rest: &'a [u8],
}

impl Words<'_> {
    fn skip_comments(&mut self) {
        loop {
            self.rest = self.rest.trim_ascii_start();
            let line = self.rest.starts_with(b"#") || self.rest.starts_with(b"-- ");
            let block = self.rest.starts_with(b"/*") && !self.rest.starts_with(b"/*!");
            let end = match (line, block) {
                (true, _) => self.rest.iter().position(|&b| b == b'\n').map(|at| at + 1),
                (_, true) => self.rest.windows(2).position(|w| w == b"*/").map(|at| at + 2),
                _ => return,
            };
            self.rest = end.and_then(|end| self.rest.get(end..)).unwrap_or(&[]);
        }
    }

    fn next(&mut self) -> Option<String> {
        self.skip_comments();
        if self.rest.is_empty() {
            return None;
        }
        // A versioned comment is executed: `/*!50003 CREATE ...`.
        if let Some(rest) = self.rest.strip_prefix(b"/*!") {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            self.rest = rest[digits..].trim_ascii_start();
        }
        let length = self.rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(String::from_utf8_lossy(word).to_ascii_uppercase())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn event(variables: &[u8], database: &str, text: &[u8]) -> Vec<u8> {
        let mut data = vec![0; 8];
        data.push(database.len() as u8);
        data.extend([0, 0]);
        data.extend((variables.len() as u16).to_le_bytes());
        data.extend(variables);
        data.extend(database.as_bytes());
        data.push(0);
        data.extend(text);
        data
    }

    #[test]
    fn tells_statements_apart() {
        for (text, meaning) in [
            ("BEGIN", Meaning::Begin),
            ("COMMIT", Meaning::Commit),
            ("ROLLBACK", Meaning::Rollback),
            ("ROLLBACK TO `a`", Meaning::RollbackTo),
            ("SAVEPOINT `a`", Meaning::Nothing),
            ("# Dummy event replacing event type 160", Meaning::Nothing),
            ("XA START X'61',X'',1", Meaning::Xa),
            (" /* a */ -- b\n create table t (a int)", Meaning::Definition),
            ("/*!50003 CREATE*/ TRIGGER x", Meaning::Definition),
            ("insert into t values (1)", Meaning::Other),
            ("/* open", Meaning::Nothing),
        ] {
            let data = event(&[], "", text.as_bytes());
            assert_eq!(Query::parse(&data).unwrap().meaning(), meaning, "{text}");
        }
    }

    #[test]
    fn reads_mode_and_charset() {
        let mut variables = vec![0, 1, 2, 3, 4, 1];
        variables.extend(4u64.to_le_bytes());
        variables.extend([6, 3, b's', b't', b'd', 3, 1, 0, 1, 0, 4, 8, 0, 8, 0, 8, 0, 12, 9]);
        let data = event(&variables, "d", b"drop table `\xe9`");
        let statement = Query::parse(&data).unwrap().statement(BinlogPlace::new("b.1", 4)).unwrap();
        assert_eq!(statement.sql, "drop table `é`");
        assert_eq!(statement.sql_mode, Some(Statement::ANSI_QUOTES));
        assert_eq!((statement.charset, statement.database.as_str()), (Some(Charset::Latin1), "d"));
    }

    #[test]
    fn knows_where_a_statement_wrote_only_if_the_server_says_so() {
        let with = |databases: &[u8]| {
            let mut variables = vec![0, 1, 2, 3, 4, 7, 1, 0, 5, 3, b'U', b'T', b'C', 8, 1, 0, 11, 1, b'u', 1, b'h'];
            variables.extend(databases);
            event(&variables, "a", b"insert into t values (1)")
        };
        let is_elsewhere =
            |databases: &[u8]| Query::parse(&with(databases)).unwrap().is_elsewhere(|name| name == "shop");
        assert!(is_elsewhere(b"\x0c\x02a\0b\0"));
        assert!(!is_elsewhere(b"\x0c\x02a\0shop\0"));
        for unknown in [&b""[..], b"\x0c\x00", b"\x0c\x01\0", b"\x0c\xfe", b"\x0c\x02a\0", b"\x0c\x01\xff\0"] {
            assert!(!is_elsewhere(unknown), "{unknown:?}");
        }
    }

    #[test]
    fn text_in_an_unknown_charset_is_read_only_where_it_is_ascii() {
        let gbk = [4, 28, 0, 28, 0, 28, 0];
        assert!(
            Query::parse(&event(&gbk, "", b"drop table t")).unwrap().statement(BinlogPlace::new("b.1", 4)).is_some()
        );
        assert!(
            Query::parse(&event(&gbk, "", "drop é".as_bytes()))
                .unwrap()
                .statement(BinlogPlace::new("b.1", 4))
                .is_none()
        );
    }
}
