//! The codes of the character sets in use, asked from the server.
//!
//! Every code that could be one is converted by the server to utf8mb4. It answers NULL for what cannot be text, and `?`
//! for a code that has no character; more than one character where the bytes are several codes. What is left is the table.
//! It follows from the server's version alone: a start later, or another session, reads the same.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use millrace_model::{MysqlType, TableSchema};

use super::code_table::CodeTable;
use super::{Charset, TextDecoder};
use crate::connect::Session;
use crate::error::MysqlError;

/// Code tables by character set.
#[derive(Debug, Clone, Default)]
pub struct Charsets {
    tables: HashMap<Charset, Arc<CodeTable>>,
}

impl Charsets {
    /// Whether the text of all columns can be read.
    pub fn cover(&self, schema: &TableSchema<MysqlType>) -> bool {
        self.missing(schema).next().is_none()
    }

    /// Asks for what is still missing to read the text of all columns.
    pub async fn complete(&mut self, session: &mut Session, schema: &TableSchema<MysqlType>) -> Result<(), MysqlError> {
        let missing: HashSet<Charset> = self.missing(schema).collect();
        for charset in missing {
            let table = read_table(session, charset).await?;
            self.tables.insert(charset, Arc::new(table));
        }
        Ok(())
    }

    fn missing(&self, schema: &TableSchema<MysqlType>) -> impl Iterator<Item = Charset> {
        let charsets = schema.columns.iter().filter_map(|column| charset_of_type(&column.ty));
        charsets.filter(|charset| matches!(charset, Charset::Coded(_)) && !self.tables.contains_key(charset))
    }

    /// How text of a character set is read; none where its codes were not asked for.
    pub(crate) fn decoder(&self, charset: Charset) -> Option<TextDecoder> {
        match charset {
            Charset::Coded(_) => self.tables.get(&charset).cloned().map(TextDecoder::Coded),
            ruled => Some(TextDecoder::Ruled(ruled)),
        }
    }
}

/// The character set of a text column, where it is one that can be read.
pub(crate) fn charset_of_type(ty: &MysqlType) -> Option<Charset> {
    match ty {
        MysqlType::Char { charset, .. } | MysqlType::Varchar { charset, .. } | MysqlType::Text { charset, .. } => {
            Charset::of_name(charset)
        }
        _ => None,
    }
}

/// Hexadecimal digits of codes: a prefix, then a digit of each of these.
struct Codes {
    prefix: &'static str,
    digits: &'static [&'static str],
}

const ANY: &str = "0123456789ABCDEF";
const HIGH: &str = "89ABCDEF";
const DIGIT: &str = "0123456789";

fn codes_to_ask(charset: Charset) -> Vec<Codes> {
    let mut codes = vec![Codes { prefix: "", digits: &[ANY, ANY] }];
    if charset.max_bytes() > 1 {
        codes.push(Codes { prefix: "", digits: &[HIGH, ANY, ANY, ANY] });
    }
    if charset.max_bytes() == 3 {
        codes.push(Codes { prefix: "8F", digits: &[HIGH, ANY, HIGH, ANY] });
    }
    if charset.max_bytes() == 4 {
        // 81308130 to 8439FE39: the third byte and the fourth after each of the first two.
        codes.push(Codes { prefix: "8", digits: &["1234", "3", DIGIT, HIGH, ANY, "3", DIGIT] });
    }
    codes
}

async fn read_table(session: &mut Session, charset: Charset) -> Result<CodeTable, MysqlError> {
    let doing = format!("reading the codes of character set \"{charset}\"");
    let mut found = Vec::new();
    for codes in codes_to_ask(charset) {
        let rows = session.query_texts(&doing, &conversion(charset, &codes)).await?;
        found.extend(rows.into_iter().filter_map(|row| match row.as_slice() {
            [Some(code), Some(text)] => code_of(code, text),
            _ => None,
        }));
    }
    Ok(CodeTable::new(found))
}

/// A SELECT of the codes that are one character each, and of that character.
fn conversion(charset: Charset, codes: &Codes) -> String {
    let (mut digits, mut sources) = (format!("'{}'", codes.prefix), Vec::new());
    for (at, choices) in codes.digits.iter().enumerate() {
        digits.push_str(&format!(", d{at}.c"));
        let choices: Vec<String> = choices.chars().map(|c| format!("SELECT '{c}' AS c")).collect();
        sources.push(format!("({}) AS d{at}", choices.join(" UNION ALL ")));
    }
    format!(
        "SELECT code, HEX(text) FROM (SELECT code, CONVERT(CONVERT(UNHEX(code) USING {charset}) USING utf8mb4) AS text \
         FROM (SELECT CONCAT({digits}) AS code FROM {}) AS codes) AS texts \
         WHERE CHAR_LENGTH(text) = 1 AND (HEX(text) <> '3F' OR code = '3F')",
        sources.join(" CROSS JOIN ")
    )
}

fn code_of(code: &str, text: &str) -> Option<(Vec<u8>, char)> {
    let text = String::from_utf8(bytes_of(text)?).ok()?;
    Some((bytes_of(code)?, text.chars().next()?))
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let byte = |at: usize| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok();
    (0..digits.len() / 2).map(byte).collect()
}
