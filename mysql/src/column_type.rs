//! Types of columns from their SQL text: `COLUMN_TYPE` of `information_schema.COLUMNS` and the column definitions of
//! CREATE TABLE go through the same reader, so that both give the same [`MysqlType`].
//!
//! What MySQL makes of a definition is followed here (Reference Manual, chapter "Data Types", and "Silent Column
//! Specification Changes"): synonyms, default lengths, `FLOAT(30)` as DOUBLE, `TEXT(100)` as the smallest TEXT that
//! holds it, `CHARACTER SET binary` as the binary types.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_model::MysqlType;
use millrace_model::mysql_type::{Rounding, Sign};

use crate::sql_text::{Cursor, SqlMode, Token, tokenize};

/// A type as written; its character set may still come from a later COLLATE or from the table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WrittenType {
    /// The base name after synonyms, upper case.
    base: String,
    numbers: Vec<u32>,
    labels: Vec<String>,
    unsigned: bool,
    charset: Option<Arc<str>>,
    collation: Option<Arc<str>>,
    /// `BINARY` after a character type: the `_bin` collation of its character set.
    is_binary: bool,
    /// SERIAL: NOT NULL, AUTO_INCREMENT and UNIQUE besides.
    pub serial: bool,
}

/// The character set of a name as the current versions call it: `utf8` is `utf8mb3`.
pub fn charset_name(name: &str) -> Arc<str> {
    let name = name.to_ascii_lowercase();
    if name == "utf8" { "utf8mb3".into() } else { name.into() }
}

/// A collation's name as the current versions call it: `utf8_bin` is `utf8mb3_bin`.
pub fn collation_name(name: &str) -> Arc<str> {
    let name = name.to_ascii_lowercase();
    match name.strip_prefix("utf8_") {
        Some(rest) => format!("utf8mb3_{rest}").into(),
        None => name.into(),
    }
}

/// The collations that hold where a definition names none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collations {
    /// The default of the table's database, or of the table once it is known; empty where it is not known.
    pub default: Arc<str>,
    /// The default of each character set.
    pub of_charset: Arc<HashMap<Arc<str>, Arc<str>>>,
}

/// The character set of a collation: its name up to the first `_`. None for MariaDB's short names, which have none.
pub fn charset_of_collation(collation: &str) -> Option<Arc<str>> {
    let collation = collation.to_ascii_lowercase();
    match collation.split('_').next()? {
        "uca1400" | "default" => None,
        charset => Some(charset_name(charset)),
    }
}

/// Most bytes of one character in a character set.
pub(crate) fn bytes_per_character(charset: &str) -> u32 {
    match charset {
        "utf8mb4" | "utf16" | "utf16le" | "utf32" | "gb18030" => 4,
        "utf8mb3" | "ujis" | "eucjpms" => 3,
        "big5" | "cp932" | "euckr" | "gb2312" | "gbk" | "sjis" | "ucs2" => 2,
        _ => 1,
    }
}

/// A type as `information_schema` prints it; None where it is not known.
pub fn parse_column_type(text: &str, charset: Option<&str>) -> Option<MysqlType> {
    if is_compressed(text) {
        return None;
    }
    let tokens = tokenize(text, SqlMode::default(), u32::MAX).ok()?;
    let mut cursor = Cursor::new(&tokens);
    let written = read_type(&mut cursor, SqlMode::default()).ok()?;
    if !cursor.is_done() {
        return None;
    }
    written.resolve(&charset_name(charset.unwrap_or("binary")))
}

/// Whether MariaDB stores the column compressed, which it prints as `/*M!100301 COMPRESSED*/` behind the type; its cells
/// in the binlog are compressed, too.
pub fn is_compressed(text: &str) -> bool {
    text.ends_with("COMPRESSED*/")
}

/// Reads a type with the attributes that belong to it (length, UNSIGNED, ZEROFILL, CHARACTER SET, ...). The error is the
/// name that is not known.
pub fn read_type(cursor: &mut Cursor<'_>, mode: SqlMode) -> Result<WrittenType, String> {
    let mut written = WrittenType::default();
    let first = cursor.word();
    cursor.advance();
    written.base = base_name(&first, cursor, mode, &mut written)?;
    read_arguments(cursor, &mut written);
    read_attributes(cursor, &mut written);
    Ok(written)
}

/// Follows synonyms and types of several words.
fn base_name(first: &str, cursor: &mut Cursor<'_>, mode: SqlMode, written: &mut WrittenType) -> Result<String, String> {
    let name = match first {
        "BOOL" | "BOOLEAN" => {
            written.numbers.push(1);
            "TINYINT"
        }
        "INT1" => "TINYINT",
        "INT2" => "SMALLINT",
        "INT3" | "MIDDLEINT" => "MEDIUMINT",
        "INT4" | "INTEGER" => "INT",
        "INT8" => "BIGINT",
        "SERIAL" => {
            (written.serial, written.unsigned) = (true, true);
            "BIGINT"
        }
        "DEC" | "NUMERIC" | "FIXED" => "DECIMAL",
        "REAL" if mode.has(SqlMode::REAL_AS_FLOAT) => "FLOAT",
        "REAL" | "FLOAT8" => "DOUBLE",
        "FLOAT4" => "FLOAT",
        "DOUBLE" => {
            cursor.take_word("PRECISION");
            "DOUBLE"
        }
        "NVARCHAR" => {
            written.charset = Some("utf8mb3".into());
            "VARCHAR"
        }
        "NATIONAL" | "NCHAR" => {
            written.charset = Some("utf8mb3".into());
            let named = first == "NCHAR" || cursor.take_word("CHAR") || cursor.take_word("CHARACTER");
            let varying =
                cursor.take_word("VARYING") || cursor.take_word("VARCHAR") || cursor.take_word("VARCHARACTER");
            match (named, varying) {
                (_, true) => "VARCHAR",
                (true, false) => "CHAR",
                (false, false) => return Err(first.to_owned()),
            }
        }
        "CHARACTER" | "CHAR" if !cursor.take_word("VARYING") => "CHAR",
        "CHARACTER" | "CHAR" | "VARCHARACTER" => "VARCHAR",
        "LONG" => {
            if cursor.take_word("VARBINARY") {
                "MEDIUMBLOB"
            } else {
                let _ = cursor.take_word("VARCHAR")
                    || cursor.take_words(&["CHAR", "VARYING"])
                    || cursor.take_words(&["CHARACTER", "VARYING"]);
                "MEDIUMTEXT"
            }
        }
        "GEOMETRYCOLLECTION" => "GEOMCOLLECTION",
        "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "DECIMAL" | "FLOAT" | "BIT" | "DATE" | "DATETIME"
        | "TIMESTAMP" | "TIME" | "YEAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "BINARY"
        | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" | "ENUM" | "SET" | "JSON" | "VECTOR"
        | "UUID" | "INET4" | "INET6" | "GEOMETRY" | "POINT" | "LINESTRING" | "POLYGON" | "MULTIPOINT"
        | "MULTILINESTRING" | "MULTIPOLYGON" | "GEOMCOLLECTION" => first,
        other => return Err(other.to_ascii_lowercase()),
    };
    Ok(name.to_owned())
}

fn read_arguments(cursor: &mut Cursor<'_>, written: &mut WrittenType) {
    if !cursor.take_symbol('(') {
        return;
    }
    while let Some(token) = cursor.advance() {
        match token {
            Token::Symbol(')') => return,
            Token::Number(digits) => written.numbers.push(digits.parse().unwrap_or(u32::MAX)),
            // MySQL drops blanks at the end of labels.
            Token::Text(label) => written.labels.push(label.trim_end_matches(' ').to_owned()),
            Token::Hex(digits) => written.labels.push(text_of_hex(digits)),
            Token::Word(_) | Token::Name(_) | Token::Bits(_) | Token::Symbol(_) => {}
        }
    }
}

fn text_of_hex(digits: &str) -> String {
    let bytes: Vec<u8> =
        (0..digits.len() / 2).filter_map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).ok()).collect();
    String::from_utf8_lossy(&bytes).trim_end_matches(' ').to_owned()
}

fn read_attributes(cursor: &mut Cursor<'_>, written: &mut WrittenType) {
    loop {
        match &*cursor.word() {
            "UNSIGNED" => written.unsigned = true,
            "ZEROFILL" => written.unsigned = true,
            "SIGNED" => {}
            "ASCII" => written.charset = Some("latin1".into()),
            "UNICODE" => written.charset = Some("ucs2".into()),
            "BYTE" => written.charset = Some("binary".into()),
            // `CHAR(5) BINARY`: the `_bin` collation of the character set.
            "BINARY" => written.is_binary = true,
            "CHARSET" | "CHARACTER" | "CHAR" => {
                let long = !cursor.at_word("CHARSET");
                cursor.advance();
                if long {
                    cursor.take_word("SET");
                }
                written.charset = cursor.take_name().map(|name| charset_name(&name));
                continue;
            }
            _ => return,
        }
        cursor.advance();
    }
}

impl WrittenType {
    /// Takes the character set of a COLLATE clause unless the type names one itself.
    pub fn collate(&mut self, collation: &str) {
        self.collation = Some(collation_name(collation));
        if self.charset.is_none() {
            self.charset = charset_of_collation(collation);
        }
    }

    /// The collation of a column that has this type, in a table of these defaults; empty where it has none or where it is
    /// not known.
    pub fn collation(&self, ty: &MysqlType, table_charset: &str, table: &Collations) -> Arc<str> {
        let has_one = matches!(
            ty,
            MysqlType::Char { .. }
                | MysqlType::Varchar { .. }
                | MysqlType::Text { .. }
                | MysqlType::Enum(_)
                | MysqlType::Set(_)
        );
        let of_charset = |charset: &str| table.of_charset.get(charset).cloned().unwrap_or_else(|| "".into());
        match (&self.collation, &self.charset) {
            _ if !has_one => "".into(),
            (Some(collation), _) => collation.clone(),
            (None, charset) if self.is_binary => format!("{}_bin", charset.as_deref().unwrap_or(table_charset)).into(),
            (None, Some(charset)) => of_charset(charset),
            (None, None) => table.default.clone(),
        }
    }

    /// Whether values are rounded to a number of digits that the type does not hold (FLOAT and DOUBLE), or lose a sign.
    pub fn is_rounded(&self) -> bool {
        let is_inexact = matches!(&*self.base, "FLOAT" | "DOUBLE");
        (is_inexact && self.numbers.len() == 2) || (self.unsigned && (is_inexact || self.base == "DECIMAL"))
    }

    /// Whether values of the column are temporal with an implicit default (TIMESTAMP).
    pub fn is_timestamp(&self) -> bool {
        self.base == "TIMESTAMP"
    }

    /// The type, in a table of that default character set; None where it is not known.
    pub fn resolve(&self, table_charset: &str) -> Option<MysqlType> {
        let sign = if self.unsigned { Sign::Unsigned } else { Sign::Signed };
        let number = |at: usize, default: u32| self.numbers.get(at).copied().unwrap_or(default);
        let small = |at: usize, default: u32| u8::try_from(number(at, default)).unwrap_or(u8::MAX);
        let charset: Arc<str> = self.charset.clone().unwrap_or_else(|| charset_name(table_charset));
        let labels = || -> Arc<[String]> { self.labels.clone().into() };
        Some(match &*self.base {
            "TINYINT" => MysqlType::TinyInt(sign),
            "SMALLINT" => MysqlType::SmallInt(sign),
            "MEDIUMINT" => MysqlType::MediumInt(sign),
            "INT" => MysqlType::Int(sign),
            "BIGINT" => MysqlType::BigInt(sign),
            "DECIMAL" => {
                // DECIMAL(0) is DECIMAL(10).
                let precision = if small(0, 10) == 0 && small(1, 0) == 0 { 10 } else { small(0, 10) };
                MysqlType::Decimal { precision, scale: small(1, 0) }
            }
            "FLOAT" if self.numbers.len() == 1 && number(0, 0) > 24 => MysqlType::Double(Rounding::None),
            "FLOAT" | "DOUBLE" => {
                let rounding = match self.numbers.len() {
                    2 => Rounding::Digits { precision: small(0, 0), scale: small(1, 0) },
                    _ => Rounding::None,
                };
                if self.base == "FLOAT" { MysqlType::Float(rounding) } else { MysqlType::Double(rounding) }
            }
            "BIT" => MysqlType::Bit(small(0, 1).max(1)),
            "DATE" => MysqlType::Date,
            "DATETIME" => MysqlType::DateTime(small(0, 0)),
            "TIMESTAMP" => MysqlType::Timestamp(small(0, 0)),
            "TIME" => MysqlType::Time(small(0, 0)),
            "YEAR" => MysqlType::Year,
            "CHAR" if &*charset == "binary" => MysqlType::Binary(number(0, 1)),
            "CHAR" => MysqlType::Char { length: number(0, 1), charset },
            "VARCHAR" => varchar(number(0, 1), charset),
            "TINYTEXT" => text(1, charset),
            "TEXT" => text(self.length_bytes(bytes_per_character(&charset)), charset),
            "MEDIUMTEXT" => text(3, charset),
            "LONGTEXT" => text(4, charset),
            "BINARY" => MysqlType::Binary(number(0, 1)),
            "VARBINARY" => varchar(number(0, 1), "binary".into()),
            "TINYBLOB" => MysqlType::Blob(1),
            "BLOB" => MysqlType::Blob(self.length_bytes(1)),
            "MEDIUMBLOB" => MysqlType::Blob(3),
            "LONGBLOB" => MysqlType::Blob(4),
            "ENUM" => MysqlType::Enum(labels()),
            "SET" => MysqlType::Set(labels()),
            "JSON" => MysqlType::Json,
            "VECTOR" => MysqlType::Vector(number(0, 2048)),
            "UUID" => MysqlType::Uuid,
            "INET4" => MysqlType::Inet4,
            "INET6" => MysqlType::Inet6,
            "GEOMETRY" | "POINT" | "LINESTRING" | "POLYGON" | "MULTIPOINT" | "MULTILINESTRING" | "MULTIPOLYGON"
            | "GEOMCOLLECTION" => MysqlType::Geometry(self.base.to_ascii_lowercase().into()),
            _ => return None,
        })
    }

    /// Length prefix of `TEXT(n)` or `BLOB(n)`: the smallest that holds n characters; 2 without n.
    fn length_bytes(&self, character: u32) -> u8 {
        match self.numbers.first().map(|&n| u64::from(n) * u64::from(character)) {
            None | Some(0) => 2,
            Some(0..=255) => 1,
            Some(256..=65_535) => 2,
            Some(65_536..=16_777_215) => 3,
            Some(_) => 4,
        }
    }
}

/// VARCHAR too long for a row becomes TEXT where `sql_mode` is not strict.
pub(crate) fn varchar(length: u32, charset: Arc<str>) -> MysqlType {
    let bytes = u64::from(length) * u64::from(bytes_per_character(&charset));
    let prefix = if bytes > 16_777_215 { 4 } else { 3 };
    match (&*charset, bytes > 65_535) {
        ("binary", false) => MysqlType::Varbinary(length),
        ("binary", true) => MysqlType::Blob(prefix),
        (_, false) => MysqlType::Varchar { length, charset },
        (_, true) => MysqlType::Text { length_bytes: prefix, charset },
    }
}

pub(crate) fn text(length_bytes: u8, charset: Arc<str>) -> MysqlType {
    if &*charset == "binary" { MysqlType::Blob(length_bytes) } else { MysqlType::Text { length_bytes, charset } }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn latin1(text: &str) -> String {
        match parse_column_type(text, Some("latin1")) {
            Some(ty) => format!("{ty:?}"),
            None => "unknown".into(),
        }
    }

    #[test]
    fn reads_what_the_server_prints() {
        for (text, expected) in [
            ("int", "Int(Signed)"),
            ("int(10) unsigned zerofill", "Int(Unsigned)"),
            ("tinyint(1)", "TinyInt(Signed)"),
            ("decimal(65,30) unsigned", "Decimal { precision: 65, scale: 30 }"),
            ("float(5,2)", "Float(Digits { precision: 5, scale: 2 })"),
            ("float", "Float(None)"),
            ("double(10,2)", "Double(Digits { precision: 10, scale: 2 })"),
            ("datetime(6)", "DateTime(6)"),
            ("year(4)", "Year"),
            ("bit(64)", "Bit(64)"),
            ("enum('a\\\\b','c''d','e\\nf','(')", r#"Enum(["a\\b", "c'd", "e\nf", "("])"#),
            ("set('x','y')", r#"Set(["x", "y"])"#),
            ("text", "Text { length_bytes: 2, charset: \"latin1\" }"),
            ("varchar(7)", "Varchar { length: 7, charset: \"latin1\" }"),
            ("geomcollection", "Geometry(\"geomcollection\")"),
            ("geometrycollection", "Geometry(\"geomcollection\")"),
            ("vector(3)", "Vector(3)"),
            ("timestamp(3) /* mariadb-5.3 */", "Timestamp(3)"),
            ("uuid", "Uuid"),
            ("inet4", "Inet4"),
            ("inet6", "Inet6"),
            ("varchar(9) /*M!100301 COMPRESSED*/", "unknown"),
            ("enum('COMPRESSED*/')", r#"Enum(["COMPRESSED*/"])"#),
            ("inet8", "unknown"),
            ("int nonsense", "unknown"),
        ] {
            assert_eq!(latin1(text), expected, "{text}");
        }
    }

    #[test]
    fn follows_what_mysql_makes_of_a_definition() {
        let read = |sql: &str| {
            let tokens = tokenize(sql, SqlMode::default(), 80036).unwrap();
            read_type(&mut Cursor::new(&tokens), SqlMode::default()).unwrap().resolve("utf8").unwrap().name()
        };
        for (sql, expected) in [
            ("BOOL", "tinyint"),
            ("SERIAL", "bigint unsigned"),
            ("DEC(5)", "decimal(5,0)"),
            ("FLOAT(30)", "double"),
            ("FLOAT(24)", "float"),
            ("DOUBLE PRECISION UNSIGNED", "double"),
            ("TEXT(60)", "tinytext"),
            ("TEXT(100)", "text"),
            ("BLOB(70000)", "mediumblob"),
            ("LONG VARBINARY", "mediumblob"),
            ("LONG", "mediumtext"),
            ("CHAR BYTE", "binary(1)"),
            ("VARCHAR(9) CHARACTER SET binary", "varbinary(9)"),
            ("TEXT CHARSET BINARY", "blob"),
            ("NATIONAL CHARACTER VARYING(9)", "varchar(9)"),
            ("NCHAR(9)", "char(9)"),
            ("VARCHAR(30000)", "mediumtext"),
        ] {
            assert_eq!(read(sql), expected, "{sql}");
        }
    }
}
