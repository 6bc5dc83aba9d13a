//! DECIMAL in its binary form (MySQL source, `bin2decimal` in `strings/decimal.cc`): digits before and after the point
//! apart, each in big-endian words of 9 digits, with a shorter word at the outer ends; the top bit is set for values not
//! below zero, and negative values have all bits turned.

use super::cursor::Cursor;
use super::text::ShortText;

/// Bytes of a word of 0 to 9 digits.
const WORD_BYTES: [u8; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
const WORD_DIGITS: u8 = 9;

/// Precision and scale that MySQL can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DecimalShape {
    before: u8,
    after: u8,
}

impl DecimalShape {
    /// `None` where MySQL has no such DECIMAL.
    pub(crate) fn new(precision: u8, scale: u8) -> Option<Self> {
        let valid = (1..=65).contains(&precision) && scale <= 30 && scale <= precision;
        valid.then(|| Self { before: precision - scale, after: scale })
    }

    /// That of a value in a JSON document, which may have more digits than a column: whole words of them, the first of
    /// which are zeros (MySQL source, `DECIMAL_MAX_POSSIBLE_PRECISION`).
    pub(crate) fn of_json(precision: u8, scale: u8) -> Option<Self> {
        let valid = (1..=81).contains(&precision) && scale <= precision;
        valid.then(|| Self { before: precision - scale, after: scale })
    }

    /// Reads one value and writes it as text, with exactly as many digits after the point as the scale.
    pub(crate) fn read(self, cursor: &mut Cursor<'_>, text: &mut ShortText) -> Result<(), &'static str> {
        let words = |digits: u8| {
            usize::from(digits / WORD_DIGITS) * 4 + usize::from(WORD_BYTES[usize::from(digits % WORD_DIGITS)])
        };
        let length = words(self.before) + words(self.after);
        let bytes = cursor.take(length).ok_or("the row is cut short")?;
        // The longest takes nine words, and one more where digits stand on either side of the point.
        let mut copy = [0u8; 40];
        let copy = copy.get_mut(..length).ok_or("not a decimal")?;
        copy.copy_from_slice(bytes);
        let negative = copy[0] & 0x80 == 0;
        copy[0] ^= 0x80;
        if negative {
            copy.iter_mut().for_each(|byte| *byte = !*byte);
        }
        let mut digits = Digits { text: ShortText::new() };
        let mut words = Cursor::new(copy);
        digits.read(&mut words, self.before % WORD_DIGITS)?;
        for _ in 0..self.before / WORD_DIGITS {
            digits.read(&mut words, WORD_DIGITS)?;
        }
        for _ in 0..self.after / WORD_DIGITS {
            digits.read(&mut words, WORD_DIGITS)?;
        }
        digits.read(&mut words, self.after % WORD_DIGITS)?;
        self.write(digits.text.as_bytes(), negative, text);
        Ok(())
    }

    fn write(self, digits: &[u8], negative: bool, text: &mut ShortText) {
        let (before, after) = digits.split_at(usize::from(self.before).min(digits.len()));
        if negative && digits.iter().any(|&digit| digit != b'0') {
            text.push(b'-');
        }
        match before.iter().position(|&digit| digit != b'0') {
            Some(first) => before[first..].iter().for_each(|&digit| text.push(digit)),
            None => text.push(b'0'),
        }
        if !after.is_empty() {
            text.push(b'.');
            after.iter().for_each(|&digit| text.push(digit));
        }
    }
}

struct Digits {
    text: ShortText,
}

impl Digits {
    fn read(&mut self, words: &mut Cursor<'_>, digits: u8) -> Result<(), &'static str> {
        let width = usize::from(WORD_BYTES[usize::from(digits)]);
        let value = words.uint_big_endian(width).and_then(|v| u32::try_from(v).ok()).ok_or("not a decimal")?;
        if value >= 10u32.pow(u32::from(digits)) {
            return Err("not a decimal");
        }
        if digits > 0 {
            self.text.push_padded(value, usize::from(digits));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn read(precision: u8, scale: u8, bytes: &[u8]) -> Result<String, &'static str> {
        let mut text = ShortText::new();
        DecimalShape::new(precision, scale).unwrap().read(&mut Cursor::new(bytes), &mut text)?;
        Ok(text.as_str().to_owned())
    }

    /// `decimal2bin` of MySQL's source, for the other direction.
    fn write(precision: u8, scale: u8, negative: bool, digits: &str) -> Vec<u8> {
        let (before, after) = digits.split_at(usize::from(precision - scale));
        let lead = before.len() % 9;
        let mut out = Vec::new();
        let mut words: Vec<&str> = vec![&before[..lead]];
        words.extend(before.as_bytes()[lead..].chunks(9).map(|c| std::str::from_utf8(c).unwrap()));
        words.extend(after.as_bytes().chunks(9).map(|c| std::str::from_utf8(c).unwrap()));
        for word in words.into_iter().filter(|w| !w.is_empty()) {
            let bytes = word.parse::<u32>().unwrap().to_be_bytes();
            out.extend(&bytes[4 - usize::from(WORD_BYTES[word.len()])..]);
        }
        if negative {
            out.iter_mut().for_each(|b: &mut u8| *b = !*b);
        }
        out[0] ^= 0x80;
        out
    }

    #[test]
    fn reads_the_manuals_example() {
        // 1234567890.1234 of the source's comment, DECIMAL(14,4).
        let bytes = [0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2];
        assert_eq!(read(14, 4, &bytes).unwrap(), "1234567890.1234");
        let turned: Vec<u8> = bytes.iter().map(|b| !b).collect();
        assert_eq!(read(14, 4, &turned).unwrap(), "-1234567890.1234");
    }

    #[test]
    fn reads_small_ones() {
        assert_eq!(read(1, 0, &[0x80]).unwrap(), "0");
        assert_eq!(read(1, 0, &[0x76]).unwrap(), "-9");
        assert_eq!(read(2, 2, &[0x80 | 5]).unwrap(), "0.05");
        assert_eq!(read(2, 2, &[!(0x80 | 5)]).unwrap(), "-0.05");
        assert_eq!(read(1, 1, &[!0x80]).unwrap(), "0.0", "zero has no sign");
        assert!(read(2, 0, &[0x80 | 100]).is_err());
        assert!(read(10, 0, &[0x80]).is_err());
    }

    proptest! {
        #[test]
        fn reads_all_widths(precision in 1u8..=65, scale in 0u8..=30, negative: bool, seed in "[0-9]{65}") {
            let scale = scale.min(precision);
            let digits = &seed[..usize::from(precision)];
            let (before, after) = digits.split_at(usize::from(precision - scale));
            let before = before.trim_start_matches('0');
            let sign = if negative && digits.contains(|c| c != '0') { "-" } else { "" };
            let expected = format!(
                "{sign}{}{}{after}",
                if before.is_empty() { "0" } else { before },
                if scale > 0 { "." } else { "" },
            );
            prop_assert_eq!(read(precision, scale, &write(precision, scale, negative, digits)).unwrap(), expected);
        }

        #[test]
        fn never_panics(precision: u8, scale: u8, bytes: Vec<u8>) {
            if let Some(shape) = DecimalShape::new(precision, scale) {
                let _ = shape.read(&mut Cursor::new(&bytes), &mut ShortText::new());
            }
        }
    }
}
