//! Character sets of MySQL, as far as their text can be turned into UTF-8: a closed list, and a column of another one is
//! refused by name before the first row. A new one is a variant, its name, its collations and its conversion.

use std::fmt;

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
}

impl Charset {
    /// The character set of MySQL's name, if it can be read.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "ascii" => Some(Self::Ascii),
            "latin1" => Some(Self::Latin1),
            "utf8" | "utf8mb3" => Some(Self::Utf8mb3),
            "utf8mb4" => Some(Self::Utf8mb4),
            _ => None,
        }
    }

    /// The character set of a collation by its number (`information_schema.collations.id`), if it can be read.
    pub fn of_collation(id: u64) -> Option<Self> {
        match id {
            11 | 65 => Some(Self::Ascii),
            5 | 8 | 15 | 31 | 47 | 48 | 49 | 94 => Some(Self::Latin1),
            33 | 76 | 83 | 192..=223 => Some(Self::Utf8mb3),
            45 | 46 | 224..=247 | 255..=323 => Some(Self::Utf8mb4),
            _ => None,
        }
    }

    /// MySQL's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Latin1 => "latin1",
            Self::Utf8mb3 => "utf8mb3",
            Self::Utf8mb4 => "utf8mb4",
        }
    }

    /// Bytes of its longest character: what MySQL multiplies a length in characters by.
    pub fn max_bytes(self) -> u32 {
        match self {
            Self::Ascii | Self::Latin1 => 1,
            Self::Utf8mb3 => 3,
            Self::Utf8mb4 => 4,
        }
    }

    /// `bytes` as UTF-8, borrowed where they already are that and else written to `scratch`; none where they are not
    /// text of this character set.
    pub fn decode<'a>(self, bytes: &'a [u8], scratch: &'a mut String) -> Option<&'a str> {
        match self {
            Self::Utf8mb3 | Self::Utf8mb4 => std::str::from_utf8(bytes).ok(),
            Self::Ascii => std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii()),
            Self::Latin1 if bytes.is_ascii() => std::str::from_utf8(bytes).ok(),
            Self::Latin1 => {
                scratch.clear();
                scratch.extend(bytes.iter().map(|&byte| latin1(byte)));
                Some(scratch)
            }
        }
    }
}

impl fmt::Display for Charset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The characters of the bytes 0x80 to 0x9f; all others are their own number.
const LATIN1_HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', //
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn latin1(byte: u8) -> char {
    match byte {
        0x80..=0x9f => LATIN1_HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_set() {
        let mut scratch = String::new();
        assert_eq!(Charset::Latin1.decode(b"a\x80\xe9\x81", &mut scratch), Some("a€é\u{81}"));
        assert_eq!(Charset::Latin1.decode(b"plain", &mut scratch), Some("plain"));
        assert_eq!(Charset::Utf8mb4.decode("😀".as_bytes(), &mut scratch), Some("😀"));
        assert_eq!(Charset::Utf8mb3.decode(b"\xff", &mut scratch), None);
        assert_eq!(Charset::Ascii.decode("é".as_bytes(), &mut scratch), None);
        assert_eq!(Charset::of_name("gbk"), None);
    }
}
