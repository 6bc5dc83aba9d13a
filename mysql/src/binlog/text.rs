//! A small buffer on the stack in which a cell's text is made: no cell allocates.

use std::fmt;

/// ASCII text of at most 96 bytes: the longest cell is a DECIMAL(65) with sign, leading zero and point.
pub(crate) struct ShortText {
    bytes: [u8; 96],
    length: usize,
}

impl ShortText {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; 96], length: 0 }
    }

    /// Appends a byte of ASCII; beyond the buffer's end it is dropped, which no caller reaches.
    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    /// Appends `value` with at least `width` digits.
    #[inline]
    pub(crate) fn push_padded(&mut self, value: u32, width: usize) {
        let mut digits = [b'0'; 10];
        let (mut rest, mut start) = (value, digits.len());
        while rest > 0 || digits.len() - start < width.min(digits.len()) {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        digits[start..].iter().for_each(|&digit| self.push(digit));
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or("")
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl fmt::Write for ShortText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}
