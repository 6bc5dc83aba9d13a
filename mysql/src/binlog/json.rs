//! JSON documents from MySQL's binary form to the text that MySQL prints (MySQL source, `sql-common/json_binary.h` for
//! the form, `Json_wrapper::to_string` for the text), in one pass without a tree.
//!
//! Documents come from outside: offsets could point anywhere. Each read is checked, nesting is bounded, and so is the
//! text's length by the document's: children that share bytes could otherwise make it grow exponentially.

use std::fmt;

use super::cursor::Cursor;
use super::json_scalar;

/// MySQL refuses documents nested deeper than 100.
const MAX_DEPTH: usize = 101;
/// No value prints more bytes than this many times its own: an inline 16-bit number of 3 bytes prints at most 8.
const MAX_GROWTH: usize = 12;

const SMALL_OBJECT: u8 = 0;
const LARGE_OBJECT: u8 = 1;
const SMALL_ARRAY: u8 = 2;
const LARGE_ARRAY: u8 = 3;

/// Appends the text of a document to `text`.
pub(crate) fn write_document(document: &[u8], text: &mut String) -> Result<(), &'static str> {
    Writer::new(text, document.len()).value(Value::of_document(document), 0).ok_or(BROKEN)
}

/// What is said of a document that is none.
pub(crate) const BROKEN: &str = "a json document that is broken";

/// A value in binary form: its kind, and bytes that begin with it and may hold more behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    kind: u8,
    bytes: &'a [u8],
}

impl<'a> Value<'a> {
    /// The value of a document. An empty one, which MySQL makes of a missing value for a NOT NULL column, is `null`.
    pub(crate) fn of_document(document: &'a [u8]) -> Self {
        match document.split_first() {
            Some((&kind, bytes)) => Self { kind, bytes },
            None => Self { kind: json_scalar::LITERAL, bytes: &[0] },
        }
    }

    /// Whether it is an object or an array, and which; none for a scalar.
    pub(crate) fn shape(self) -> Option<Shape> {
        match self.kind {
            SMALL_OBJECT | LARGE_OBJECT => Some(Shape::Object),
            SMALL_ARRAY | LARGE_ARRAY => Some(Shape::Array),
            _ => None,
        }
    }

    /// What a container holds, in its order. None: it is broken, or a scalar.
    pub(crate) fn entries(self) -> Option<Entries<'a>> {
        let shape = self.shape()?;
        let width = if matches!(self.kind, LARGE_OBJECT | LARGE_ARRAY) { 4 } else { 2 };
        let mut cursor = Cursor::new(self.bytes);
        let count = cursor.uint(width)? as usize;
        let size = cursor.uint(width)? as usize;
        let whole = self.bytes.get(..size)?;
        let keys = match shape {
            Shape::Object => Some(Cursor::new(cursor.take(count.checked_mul(width + 2)?)?)),
            Shape::Array => None,
        };
        let values = Cursor::new(cursor.take(count.checked_mul(width + 1)?)?);
        Some(Entries { whole, width, keys, values, left: count })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    Array,
}

/// The entries of a container: for objects an entry a key (offset, length), then an entry a value (type, and the value
/// or its offset); offsets count from the container's beginning.
pub(crate) struct Entries<'a> {
    whole: &'a [u8],
    /// Bytes of offsets and of value entries.
    width: usize,
    keys: Option<Cursor<'a>>,
    values: Cursor<'a>,
    left: usize,
}

impl<'a> Entries<'a> {
    fn entry(&mut self) -> Option<(Option<&'a str>, Value<'a>)> {
        let width = self.width;
        let key = match &mut self.keys {
            None => None,
            Some(keys) => {
                let (offset, length) = (keys.uint(width)? as usize, usize::from(keys.u16()?));
                let key = self.whole.get(offset..offset.checked_add(length)?)?;
                Some(std::str::from_utf8(key).ok()?)
            }
        };
        let kind = self.values.u8()?;
        let inline_or_offset = self.values.take(width)?;
        if json_scalar::is_inline(kind, width) {
            return Some((key, Value { kind, bytes: inline_or_offset }));
        }
        let offset = Cursor::new(inline_or_offset).uint(width)? as usize;
        Some((key, Value { kind, bytes: self.whole.get(offset..)? }))
    }
}

/// Each entry with its key where it is of an object; `None` in it: it is broken.
impl<'a> Iterator for Entries<'a> {
    type Item = Option<(Option<&'a str>, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(self.entry())
    }
}

/// Writes the text of values, up to a limit.
pub(crate) struct Writer<'a> {
    pub(crate) text: &'a mut String,
    limit: usize,
}

impl<'a> Writer<'a> {
    /// Appends to `text` what values of so many bytes can print.
    pub(crate) fn new(text: &'a mut String, bytes: usize) -> Self {
        Self { limit: text.len() + MAX_GROWTH * bytes + 128, text }
    }

    /// `None`: it is broken.
    pub(crate) fn value(&mut self, value: Value<'_>, depth: usize) -> Option<()> {
        match value.shape() {
            Some(shape) => self.container(shape, value, depth),
            None => json_scalar::write(value.kind, value.bytes, self.text),
        }?;
        self.ensure_within_limit()
    }

    fn container(&mut self, shape: Shape, value: Value<'_>, depth: usize) -> Option<()> {
        ensure_depth(depth)?;
        self.text.push(shape.opening());
        for (index, entry) in value.entries()?.enumerate() {
            let (key, value) = entry?;
            self.begin_entry(index, key);
            self.value(value, depth + 1)?;
        }
        self.text.push(shape.closing());
        Some(())
    }

    /// The comma before all but the first, and the key.
    pub(crate) fn begin_entry(&mut self, index: usize, key: Option<&str>) {
        if index > 0 {
            self.text.push_str(", ");
        }
        if let Some(key) = key {
            write_string(key, self.text);
            self.text.push_str(": ");
        }
    }

    pub(crate) fn ensure_within_limit(&self) -> Option<()> {
        (self.text.len() <= self.limit).then_some(())
    }
}

impl Shape {
    pub(crate) fn opening(self) -> char {
        if self == Self::Object { '{' } else { '[' }
    }

    pub(crate) fn closing(self) -> char {
        if self == Self::Object { '}' } else { ']' }
    }
}

/// Nesting is bounded.
pub(crate) fn ensure_depth(depth: usize) -> Option<()> {
    (depth < MAX_DEPTH).then_some(())
}

/// A string in quotes, with MySQL's escapes (`double_quote` in `sql-common/json_dom.cc`).
pub(crate) fn write_string(value: &str, text: &mut String) {
    text.push('"');
    let mut plain = 0;
    for (at, byte) in value.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            8 => "\\b",
            12 => "\\f",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        text.push_str(&value[plain..at]);
        plain = at + 1;
        match escape {
            "" => push_control(text, byte),
            escape => text.push_str(escape),
        }
    }
    text.push_str(&value[plain..]);
    text.push('"');
}

fn push_control(text: &mut String, byte: u8) {
    let _ = fmt::write(text, format_args!("\\u{byte:04x}"));
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn text(document: &[u8]) -> Result<String, &'static str> {
        let mut text = String::new();
        write_document(document, &mut text)?;
        Ok(text)
    }

    #[test]
    fn prints_containers() {
        // {"a": [1, null], "bc": "x\n"}
        let array = [2u8, 0, 10, 0, 5, 1, 0, 4, 0, 0];
        let mut object = vec![2u8, 0, 0, 0, 18, 0, 1, 0, 19, 0, 2, 0, 2, 21, 0, 0x0c, 31, 0];
        object.extend(b"abc");
        object.extend(array);
        object.extend([2, b'x', b'\n']);
        object[2] = object.len() as u8;
        object.insert(0, SMALL_OBJECT);
        assert_eq!(text(&object).unwrap(), r#"{"a": [1, null], "bc": "x\n"}"#);
        assert_eq!(text(&[]).unwrap(), "null");
        assert_eq!(text(&[SMALL_ARRAY, 0, 0, 4, 0]).unwrap(), "[]");
    }

    #[test]
    fn a_container_that_holds_itself_is_refused() {
        let array = [SMALL_ARRAY, 2, 0, 10, 0, SMALL_ARRAY, 0, 0, SMALL_ARRAY, 0, 0];
        assert!(text(&array).is_err());
    }

    #[test]
    fn escapes_as_mysql_does() {
        let mut out = String::new();
        write_string("a\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}é😀", &mut out);
        assert_eq!(out, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}é😀\"");
    }

    proptest! {
        #[test]
        fn never_panics_and_is_bounded(mut document: Vec<u8>, kind in 0u8..16) {
            document.insert(0, kind);
            let mut out = String::new();
            let _ = write_document(&document, &mut out);
            prop_assert!(out.len() <= 40 * document.len() + 256);
        }
    }
}
