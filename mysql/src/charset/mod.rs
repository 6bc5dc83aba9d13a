//! Character sets of MySQL: a closed list, and a column of another one is refused by name before anything is read.
//!
//! Some are read by rules of their own ([`rules`]). For all others the server is asked once what each code of theirs is
//! ([`code_table`], [`charsets`]), so that text becomes what the server's own conversion makes of it, on every version
//! and for every code. A code that the server has no character for is an error, where the server itself would give `?`.

pub mod charsets;
mod code_table;
mod rules;

use std::fmt;
use std::sync::Arc;

pub use charsets::Charsets;
pub(crate) use charsets::charset_of_type;
pub use code_table::CodeTable;
use code_table::MARK;

/// A character set whose values can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Charset {
    /// `ascii`.
    Ascii,
    /// `latin1`, which in MySQL is cp1252 with the five bytes that cp1252 leaves open as the C1 controls of their number.
    Latin1,
    /// `utf8mb3`, also called `utf8`.
    Utf8mb3,
    /// `utf8mb4`.
    Utf8mb4,
    /// `ucs2`: two bytes a character, the higher first.
    Ucs2,
    /// `utf16`, the higher byte first.
    Utf16,
    /// `utf16le`, the lower byte first.
    Utf16le,
    /// `utf32`, the highest byte first.
    Utf32,
    /// One whose codes the server is asked for.
    Coded(Coded),
}

/// A character set that is read by a [`CodeTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Coded {
    name: &'static str,
    max_bytes: u32,
    /// Numbers of its collations.
    collations: &'static [u64],
}

const fn coded(name: &'static str, max_bytes: u32, collations: &'static [u64]) -> Coded {
    Coded { name, max_bytes, collations }
}

/// All that the servers list and that have no rules of their own here.
const CODED: [Coded; 32] = [
    coded("armscii8", 1, &[32, 64]),
    coded("big5", 2, &[1, 84]),
    coded("cp1250", 1, &[26, 34, 44, 66, 99]),
    coded("cp1251", 1, &[14, 23, 50, 51, 52]),
    coded("cp1256", 1, &[57, 67]),
    coded("cp1257", 1, &[29, 58, 59]),
    coded("cp850", 1, &[4, 80]),
    coded("cp852", 1, &[40, 81]),
    coded("cp866", 1, &[36, 68]),
    coded("cp932", 2, &[95, 96]),
    coded("dec8", 1, &[3, 69]),
    coded("eucjpms", 3, &[97, 98]),
    coded("euckr", 2, &[19, 85]),
    coded("gb18030", 4, &[248, 249, 250]),
    coded("gb2312", 2, &[24, 86]),
    coded("gbk", 2, &[28, 87]),
    coded("geostd8", 1, &[92, 93]),
    coded("greek", 1, &[25, 70]),
    coded("hebrew", 1, &[16, 71]),
    coded("hp8", 1, &[6, 72]),
    coded("keybcs2", 1, &[37, 73]),
    coded("koi8r", 1, &[7, 74]),
    coded("koi8u", 1, &[22, 75]),
    coded("latin2", 1, &[2, 9, 21, 27, 77]),
    coded("latin5", 1, &[30, 78]),
    coded("latin7", 1, &[20, 41, 42, 79]),
    coded("macce", 1, &[38, 43]),
    coded("macroman", 1, &[39, 53]),
    coded("sjis", 2, &[13, 88]),
    coded("swe7", 1, &[10, 82]),
    coded("tis620", 1, &[18, 89]),
    coded("ujis", 3, &[12, 91]),
];

impl Charset {
    /// The character set of MySQL's name, if it can be read.
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "ascii" => Self::Ascii,
            "latin1" => Self::Latin1,
            "utf8" | "utf8mb3" => Self::Utf8mb3,
            "utf8mb4" => Self::Utf8mb4,
            "ucs2" => Self::Ucs2,
            "utf16" => Self::Utf16,
            "utf16le" => Self::Utf16le,
            "utf32" => Self::Utf32,
            _ => Self::Coded(*CODED.iter().find(|coded| coded.name == name)?),
        })
    }

    /// The character set of a collation by its number (`information_schema.collations.id`), if it can be read. MariaDB adds
    /// 1024 for one without padding, and has some of its own from 2048 on.
    pub fn of_collation(id: u64) -> Option<Self> {
        let id = if (1024..2048).contains(&id) { id - 1024 } else { id };
        Some(match id {
            11 | 65 => Self::Ascii,
            5 | 8 | 15 | 31 | 47 | 48 | 49 | 94 => Self::Latin1,
            33 | 76 | 83 | 192..=223 | 2048..=2303 => Self::Utf8mb3,
            45 | 46 | 224..=247 | 255..=323 | 2304..=2559 => Self::Utf8mb4,
            35 | 90 | 128..=151 | 159 | 2560..=2815 => Self::Ucs2,
            54 | 55 | 101..=124 | 2816..=3071 => Self::Utf16,
            56 | 62 => Self::Utf16le,
            60 | 61 | 160..=183 | 3072..=3327 => Self::Utf32,
            _ => Self::Coded(*CODED.iter().find(|coded| coded.collations.contains(&id))?),
        })
    }

    /// MySQL's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Latin1 => "latin1",
            Self::Utf8mb3 => "utf8mb3",
            Self::Utf8mb4 => "utf8mb4",
            Self::Ucs2 => "ucs2",
            Self::Utf16 => "utf16",
            Self::Utf16le => "utf16le",
            Self::Utf32 => "utf32",
            Self::Coded(coded) => coded.name,
        }
    }

    /// Bytes of its longest character: what MySQL multiplies a length in characters by.
    pub fn max_bytes(self) -> u32 {
        match self {
            Self::Ascii | Self::Latin1 => 1,
            Self::Ucs2 => 2,
            Self::Utf8mb3 => 3,
            Self::Utf8mb4 | Self::Utf16 | Self::Utf16le | Self::Utf32 => 4,
            Self::Coded(coded) => coded.max_bytes,
        }
    }

    /// Whether the server's conversion to utf8mb4 loses nothing of what a column can hold, so that it may be left to it.
    pub(crate) fn is_converted_by_the_server(self) -> bool {
        matches!(self, Self::Latin1 | Self::Utf8mb3 | Self::Utf8mb4)
    }

    /// `bytes` as UTF-8, borrowed where they already are that and else written to `scratch`; none where they are not
    /// text of this character set, or where its codes must be asked for.
    pub fn decode<'a>(self, bytes: &'a [u8], scratch: &'a mut String) -> Option<&'a str> {
        scratch.clear();
        match self {
            Self::Utf8mb3 | Self::Utf8mb4 => return std::str::from_utf8(bytes).ok(),
            Self::Ascii => return std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii()),
            Self::Latin1 if bytes.is_ascii() => return std::str::from_utf8(bytes).ok(),
            Self::Latin1 => scratch.extend(bytes.iter().map(|&byte| rules::latin1(byte))),
            Self::Ucs2 => rules::ucs2(bytes, scratch)?,
            Self::Utf16 => rules::utf16(bytes, u16::from_be_bytes, scratch)?,
            Self::Utf16le => rules::utf16(bytes, u16::from_le_bytes, scratch)?,
            Self::Utf32 => rules::utf32(bytes, scratch)?,
            Self::Coded(_) => return None,
        }
        Some(scratch)
    }
}

impl fmt::Display for Charset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the text of a column is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TextDecoder {
    /// By rules of its own.
    Ruled(Charset),
    /// By the codes that the server gave.
    Coded(Arc<CodeTable>),
}

impl TextDecoder {
    /// As [`Charset::decode`].
    #[inline]
    pub(crate) fn decode<'a>(&self, bytes: &'a [u8], scratch: &'a mut String) -> Option<&'a str> {
        match self {
            Self::Ruled(charset) => charset.decode(bytes, scratch),
            Self::Coded(table) => table.decode(bytes, scratch),
        }
    }

    /// What is not text of the character set, as UTF-8 with [`MARK`] in the place of what is no character.
    pub(crate) fn mark(&self, bytes: &[u8], out: &mut Vec<u8>) {
        out.clear();
        match self {
            Self::Ruled(charset) => charset.mark(bytes, out),
            Self::Coded(table) => table.mark(bytes, out),
        }
    }
}

impl Charset {
    /// As [`TextDecoder::mark`].
    fn mark(self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut scratch = String::new();
        let mut units = |length: usize| {
            for unit in bytes.chunks(length) {
                match self.decode(unit, &mut scratch) {
                    Some(character) => out.extend_from_slice(character.as_bytes()),
                    None => out.push(MARK),
                }
            }
        };
        match self {
            Self::Ascii | Self::Latin1 => units(1),
            Self::Ucs2 => units(2),
            Self::Utf32 => units(4),
            Self::Utf16 => rules::mark_utf16(bytes, u16::from_be_bytes, out),
            Self::Utf16le => rules::mark_utf16(bytes, u16::from_le_bytes, out),
            Self::Utf8mb3 | Self::Utf8mb4 | Self::Coded(_) => {
                for chunk in bytes.utf8_chunks() {
                    out.extend_from_slice(chunk.valid().as_bytes());
                    if !chunk.invalid().is_empty() {
                        out.push(MARK);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_what_is_no_character() {
        for (charset, bytes, marked) in [
            (Charset::Utf8mb4, &b"\xc3\xa9\xe6\x97a\xff"[..], &b"\xc3\xa9\xffa\xff"[..]),
            (Charset::Ascii, b"a\x80b", b"a\xffb"),
            (Charset::Ucs2, b"\0a\xd8\0\0b\0", b"a\xffb\xff"),
            (Charset::Utf16, b"\xd8\x3d\xde\0\xd8\x3d\0a", "😀\u{1}a".as_bytes()),
            (Charset::Utf16le, b"=\xd8a\0b", b"\xffa\xff"),
            (Charset::Utf32, b"\0\x11\0\0\0\0\0a", b"\xffa"),
        ] {
            let mut found = Vec::new();
            TextDecoder::Ruled(charset).mark(bytes, &mut found);
            let expected: Vec<u8> = marked.iter().map(|&byte| if byte == 1 { MARK } else { byte }).collect();
            assert_eq!(found, expected, "{charset}");
        }
    }

    #[test]
    fn reads_each_set() {
        let mut scratch = String::new();
        assert_eq!(Charset::Latin1.decode(b"a\x80\xe9\x81", &mut scratch), Some("a€é\u{81}"));
        assert_eq!(Charset::Latin1.decode(b"plain", &mut scratch), Some("plain"));
        assert_eq!(Charset::Utf8mb4.decode("😀".as_bytes(), &mut scratch), Some("😀"));
        assert_eq!(Charset::Utf8mb3.decode(b"\xff", &mut scratch), None);
        assert_eq!(Charset::Ascii.decode("é".as_bytes(), &mut scratch), None);
        assert_eq!(Charset::Utf16le.decode(b"=\xd8\0\xde", &mut scratch), Some("😀"));
    }

    #[test]
    fn names_and_numbers_agree() {
        for coded in CODED {
            assert_eq!(Charset::of_name(coded.name), Some(Charset::Coded(coded)));
            for &id in coded.collations {
                assert_eq!(Charset::of_collation(id), Some(Charset::Coded(coded)), "{id}");
            }
        }
        for charset in [Charset::Ascii, Charset::Latin1, Charset::Utf8mb3, Charset::Ucs2, Charset::Utf16le] {
            assert_eq!(Charset::of_name(charset.name()), Some(charset));
        }
        assert_eq!((Charset::of_name("klingon"), Charset::of_collation(63)), (None, None));
    }
}
