//! What each code of a character set is, as the server says.
//!
//! A code is a byte, or a byte from 0x80 on with one, two or three that follow. Which of them a byte begins is decided by
//! what is there: no set has a byte that is a character of its own and also begins a longer code. Three bytes begin with
//! 0x8f (ujis, eucjpms); four have a digit in second and fourth place (gb18030), and from 0x90308130 on they number the
//! characters beyond U+FFFF one by one (GB 18030-2022, "four-byte codes").

/// The first four-byte code of U+10000, in the order of four-byte codes.
const FIRST_BEYOND: u32 = (0x90 - 0x81) * 10 * 126 * 10;

/// What stands for a code that is no character in a text that is marked: a byte that UTF-8 does not have.
pub(crate) const MARK: u8 = 0xff;

/// Four-byte codes of characters up to U+FFFF: those that begin with 0x81 to 0x84.
const FOURS: usize = 4 * 10 * 126 * 10;

/// The codes of one character set.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeTable {
    singles: [Option<char>; 256],
    /// By the first byte less 0x80, and the second; empty where there is none.
    pairs: Vec<Option<char>>,
    /// By the second and the third byte, each less 0x80; empty where there is none.
    triples: Vec<Option<char>>,
    /// In their order; empty where there is none.
    fours: Vec<Option<char>>,
    /// Whether text of ASCII bytes is itself.
    is_ascii_itself: bool,
}

impl std::fmt::Debug for CodeTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |codes: &[Option<char>]| codes.iter().flatten().count();
        write!(f, "CodeTable({}, {}, ", count(&self.singles), count(&self.pairs))?;
        write!(f, "{}, {})", count(&self.triples), count(&self.fours))
    }
}

impl CodeTable {
    /// A table of these codes. A code of more than four bytes, or of another form than said above, is left out: text that
    /// holds it is refused.
    pub fn new(codes: impl IntoIterator<Item = (Vec<u8>, char)>) -> Self {
        let mut table =
            Self { singles: [None; 256], pairs: vec![], triples: vec![], fours: vec![], is_ascii_itself: false };
        for (code, character) in codes {
            let place = match *code.as_slice() {
                [byte] => table.singles.get_mut(usize::from(byte)),
                [first, second] => pair(first, second).and_then(|at| place(&mut table.pairs, 128 * 256, at)),
                [0x8f, second, third] => triple(second, third).and_then(|at| place(&mut table.triples, 128 * 128, at)),
                [a, b, c, d] => four([a, b, c, d]).and_then(|at| place(&mut table.fours, FOURS, at as usize)),
                _ => None,
            };
            if let Some(place) = place {
                *place = Some(character);
            }
        }
        table.is_ascii_itself = (0..128).all(|byte: u8| table.singles[usize::from(byte)] == Some(char::from(byte)));
        table
    }

    /// `bytes` as UTF-8, borrowed where they are that already and else written to `scratch`; none where a code is no
    /// character.
    pub fn decode<'a>(&self, bytes: &'a [u8], scratch: &'a mut String) -> Option<&'a str> {
        if self.is_ascii_itself && bytes.is_ascii() {
            return std::str::from_utf8(bytes).ok();
        }
        scratch.clear();
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let (character, length) = match self.singles[usize::from(first)] {
                Some(character) => (character, 1),
                None => self.longer(rest)?,
            };
            scratch.push(character);
            rest = &rest[length..];
        }
        Some(scratch)
    }

    /// `bytes` as UTF-8, with [`MARK`] for each code that is no character.
    pub(crate) fn mark(&self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let found = self.singles[usize::from(first)].map(|character| (character, 1)).or_else(|| self.longer(rest));
            let length = match found {
                Some((character, length)) => {
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    length
                }
                None => {
                    out.push(MARK);
                    self.length_of_unknown(rest)
                }
            };
            rest = &rest[length..];
        }
    }

    /// Bytes of the code that is no character with which `bytes` begin: those that a code with these bytes has.
    fn length_of_unknown(&self, bytes: &[u8]) -> usize {
        match *bytes {
            [0x81..=0xff, 0x30..=0x39, 0x81..=0xff, 0x30..=0x39, ..] if !self.fours.is_empty() => 4,
            [0x8f, 0x80..=0xff, 0x80..=0xff, ..] if !self.triples.is_empty() => 3,
            [0x80..=0xff, 0x40..=0xff, ..] if !self.pairs.is_empty() => 2,
            _ => 1,
        }
    }

    /// The character of more than one byte with which `bytes` begin, and its length.
    fn longer(&self, bytes: &[u8]) -> Option<(char, usize)> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let found = |codes: &[Option<char>], at: usize| codes.get(at).copied().flatten();
        if let Some(character) = pair(first, second).and_then(|at| found(&self.pairs, at)) {
            return Some((character, 2));
        }
        let third = *bytes.get(2)?;
        if first == 0x8f && !self.triples.is_empty() {
            return Some((found(&self.triples, triple(second, third)?)?, 3));
        }
        if self.fours.is_empty() {
            return None;
        }
        let number = four([first, second, third, *bytes.get(3)?])?;
        let character = match number.checked_sub(FIRST_BEYOND) {
            Some(beyond) => char::from_u32(beyond.checked_add(0x1_0000)?),
            None => found(&self.fours, number as usize),
        };
        Some((character?, 4))
    }
}

fn place(codes: &mut Vec<Option<char>>, length: usize, at: usize) -> Option<&mut Option<char>> {
    codes.resize(length, None);
    codes.get_mut(at)
}

fn pair(first: u8, second: u8) -> Option<usize> {
    Some(usize::from(first.checked_sub(0x80)?) * 256 + usize::from(second))
}

fn triple(second: u8, third: u8) -> Option<usize> {
    Some(usize::from(second.checked_sub(0x80)?) * 128 + usize::from(third.checked_sub(0x80)?))
}

/// Its number in the order of four-byte codes.
fn four([a, b, c, d]: [u8; 4]) -> Option<u32> {
    let within = |byte: u8, first: u8, last: u8| (first..=last).contains(&byte).then(|| u32::from(byte - first));
    let (a, b) = (within(a, 0x81, 0xfe)?, within(b, 0x30, 0x39)?);
    Some(((a * 10 + b) * 126 + within(c, 0x81, 0xfe)?) * 10 + within(d, 0x30, 0x39)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table() -> CodeTable {
        let mut codes: Vec<(Vec<u8>, char)> = (0..128).map(|byte| (vec![byte], char::from(byte))).collect();
        codes.push((vec![0xa1], 'ｱ'));
        codes.push((vec![0x81, 0x41], '、'));
        codes.push((vec![0x8f, 0xa2, 0xaf], '˘'));
        codes.push((vec![0x81, 0x30, 0x81, 0x30], '\u{80}'));
        CodeTable::new(codes)
    }

    #[test]
    fn reads_codes_of_each_length() {
        let mut scratch = String::new();
        let bytes = b"a\xa1\x81\x41\x8f\xa2\xafb\x81\x30\x81\x30\x90\x30\x81\x30";
        assert_eq!(table().decode(bytes, &mut scratch), Some("aｱ、˘b\u{80}\u{10000}"));
        assert_eq!(table().decode(b"", &mut scratch), Some(""));
    }

    #[test]
    fn what_is_no_character_is_refused() {
        let mut scratch = String::new();
        let cases: [&[u8]; 7] =
            [b"\x81", b"\x81\x42", b"\xff", b"a\x8f\xa2", b"\x8f\xa2\x20", b"\x81\x30\x81", b"\xfe\x39\xfe\x39"];
        for bytes in cases {
            assert_eq!(table().decode(bytes, &mut scratch), None, "{bytes:x?}");
        }
    }

    #[test]
    fn each_code_that_is_no_character_has_one_mark() {
        for (bytes, marked) in [
            (&b"a\x81\x42b"[..], &b"a\xffb"[..]),
            (b"\x81", b"\xff"),
            (b"\xff\xa1\xa1", "\u{1}ｱ".as_bytes()),
            (b"\xff\x20", b"\xff "),
            (b"\x8f\xa2\xb0\xa1", "\u{1}ｱ".as_bytes()),
            (b"\x81\x31\x81\x30a", b"\xffa"),
            (b"\x81\x30\x81", b"\xff0\xff"),
        ] {
            let mut found = Vec::new();
            table().mark(bytes, &mut found);
            let expected: Vec<u8> = marked.iter().map(|&byte| if byte == 1 { MARK } else { byte }).collect();
            assert_eq!(found, expected, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_ascii(bytes: Vec<u8>, text in "[ -~]*") {
            let (mut scratch, mut marked) = (String::new(), Vec::new());
            table().mark(&bytes, &mut marked);
            let is_text = table().decode(&bytes, &mut scratch).is_some();
            prop_assert_eq!(is_text, std::str::from_utf8(&marked).is_ok());
            prop_assert_eq!(table().decode(text.as_bytes(), &mut scratch), Some(&*text));
        }
    }
}
