//! Character sets that are read by a rule.

use super::code_table::MARK;

/// The characters of the bytes 0x80 to 0x9f of latin1; all others are their own number.
const LATIN1_HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', //
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

pub(super) fn latin1(byte: u8) -> char {
    match byte {
        0x80..=0x9f => LATIN1_HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// Every two bytes a character, which no surrogate is.
pub(super) fn ucs2(bytes: &[u8], text: &mut String) -> Option<()> {
    let (units, rest) = bytes.as_chunks::<2>();
    for &unit in units {
        text.push(char::from_u32(u32::from(u16::from_be_bytes(unit)))?);
    }
    rest.is_empty().then_some(())
}

/// Surrogates come in pairs.
pub(super) fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, text: &mut String) -> Option<()> {
    let (units, rest) = bytes.as_chunks::<2>();
    for character in char::decode_utf16(units.iter().map(|&bytes| unit(bytes))) {
        text.push(character.ok()?);
    }
    rest.is_empty().then_some(())
}

/// As [`utf16`], with [`MARK`] for each surrogate without the other, and for a byte that is left.
pub(super) fn mark_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, out: &mut Vec<u8>) {
    let (units, rest) = bytes.as_chunks::<2>();
    for character in char::decode_utf16(units.iter().map(|&bytes| unit(bytes))) {
        match character {
            Ok(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(_) => out.push(MARK),
        }
    }
    if !rest.is_empty() {
        out.push(MARK);
    }
}

/// Every four bytes a character.
pub(super) fn utf32(bytes: &[u8], text: &mut String) -> Option<()> {
    let (units, rest) = bytes.as_chunks::<4>();
    for &unit in units {
        text.push(char::from_u32(u32::from_be_bytes(unit))?);
    }
    rest.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_character_is_refused() {
        let mut text = String::new();
        assert_eq!(ucs2(b"\xd8\0", &mut text), None);
        assert_eq!(ucs2(b"\0a\0", &mut text), None);
        assert_eq!(utf16(b"\xd8\x3d\0a", u16::from_be_bytes, &mut text), None);
        assert_eq!(utf16(b"\xde\0", u16::from_be_bytes, &mut text), None);
        assert_eq!(utf32(b"\0\x11\0\0", &mut text), None);
        assert_eq!(utf32(b"\0\0\xd8\0", &mut text), None);
        text.clear();
        assert_eq!(utf32(b"\0\x01\xf6\0\0\0\0a", &mut text), Some(()));
        assert_eq!(text, "😀a");
    }
}
