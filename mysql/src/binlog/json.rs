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

/// Appends the text of a document to `text`. An empty document, which MySQL makes of a missing value for a NOT NULL
/// column, is `null`.
pub(crate) fn write_document(document: &[u8], text: &mut String) -> Result<(), &'static str> {
    let Some((&kind, value)) = document.split_first() else {
        text.push_str("null");
        return Ok(());
    };
    let mut writer = Writer { limit: text.len() + MAX_GROWTH * document.len() + 128, text };
    writer.value(kind, value, 0).ok_or("a json document that is broken")
}

/// Widths of offsets and of value entries.
#[derive(Clone, Copy)]
enum Format {
    Small,
    Large,
}

impl Format {
    fn offset(self) -> usize {
        match self {
            Self::Small => 2,
            Self::Large => 4,
        }
    }

    fn holds_inline(self, kind: u8) -> bool {
        json_scalar::is_inline(kind, self.offset())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Object,
    Array,
}

struct Writer<'a> {
    text: &'a mut String,
    limit: usize,
}

impl Writer<'_> {
    /// A value that begins at the start of `bytes`, which may hold more behind it. `None`: it is broken.
    fn value(&mut self, kind: u8, bytes: &[u8], depth: usize) -> Option<()> {
        match kind {
            SMALL_OBJECT => self.container(Shape::Object, Format::Small, bytes, depth),
            LARGE_OBJECT => self.container(Shape::Object, Format::Large, bytes, depth),
            SMALL_ARRAY => self.container(Shape::Array, Format::Small, bytes, depth),
            LARGE_ARRAY => self.container(Shape::Array, Format::Large, bytes, depth),
            _ => json_scalar::write(kind, bytes, self.text),
        }?;
        (self.text.len() <= self.limit).then_some(())
    }

    /// Count and size, then for objects an entry a key (offset, length), then an entry a value (type, and the value or
    /// its offset); offsets count from the container's beginning.
    fn container(&mut self, shape: Shape, format: Format, bytes: &[u8], depth: usize) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let mut cursor = Cursor::new(bytes);
        let width = format.offset();
        let count = cursor.uint(width)? as usize;
        let size = cursor.uint(width)? as usize;
        let whole = bytes.get(..size)?;
        let mut keys = match shape {
            Shape::Object => Cursor::new(cursor.take(count.checked_mul(width + 2)?)?),
            Shape::Array => Cursor::new(&[]),
        };
        let mut values = Cursor::new(cursor.take(count.checked_mul(width + 1)?)?);
        let (open, close) = if shape == Shape::Object { ('{', '}') } else { ('[', ']') };
        self.text.push(open);
        for index in 0..count {
            if index > 0 {
                self.text.push_str(", ");
            }
            if shape == Shape::Object {
                self.key(whole, keys.uint(width)? as usize, usize::from(keys.u16()?))?;
            }
            self.entry(whole, format, &mut values, depth)?;
        }
        self.text.push(close);
        Some(())
    }

    fn key(&mut self, whole: &[u8], offset: usize, length: usize) -> Option<()> {
        let key = whole.get(offset..offset.checked_add(length)?)?;
        write_string(std::str::from_utf8(key).ok()?, self.text);
        self.text.push_str(": ");
        Some(())
    }

    fn entry(&mut self, whole: &[u8], format: Format, values: &mut Cursor<'_>, depth: usize) -> Option<()> {
        let kind = values.u8()?;
        let inline_or_offset = values.take(format.offset())?;
        if format.holds_inline(kind) {
            return self.value(kind, inline_or_offset, depth + 1);
        }
        let offset = Cursor::new(inline_or_offset).uint(format.offset())? as usize;
        self.value(kind, whole.get(offset..)?, depth + 1)
    }
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
