//! A walk over bytes from outside: every read is checked, none panics. `None` means that the bytes end too early.

/// The bytes not read yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A little-endian number of `width` bytes, 0 to 8.
    #[inline]
    pub(crate) fn uint(&mut self, width: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        bytes.get_mut(..width)?.copy_from_slice(self.take(width)?);
        Some(u64::from_le_bytes(bytes))
    }

    /// A big-endian number of `width` bytes, 0 to 8.
    #[inline]
    pub(crate) fn uint_big_endian(&mut self, width: usize) -> Option<u64> {
        if width > 8 {
            return None;
        }
        Some(self.take(width)?.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// A length-encoded integer (MySQL Internals, "Protocol::LengthEncodedInteger").
    pub(crate) fn length_encoded(&mut self) -> Option<u64> {
        match self.u8()? {
            0xfc => self.uint(2),
            0xfd => self.uint(3),
            0xfe => self.uint(8),
            0xfb | 0xff => None,
            small => Some(u64::from(small)),
        }
    }

    /// Bytes after their length as a length-encoded integer.
    pub(crate) fn length_encoded_bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.length_encoded()?).ok()?;
        self.take(length)
    }
}
