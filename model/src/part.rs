//! What a message that is larger than the broker takes is cut into.

use bytes::Bytes;

/// The random name of a writer: parts are joined only within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriterId(pub [u8; 16]);

/// One part of a message. All parts of a message come in a row from one writer, in one partition; a former writer that
/// still lives may write between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Who wrote it.
    pub writer: WriterId,
    /// Its place among the parts, from 0.
    pub number: u32,
    /// How many parts the message has.
    pub count: u32,
    /// First sequence that the joined message covers.
    pub first: u64,
    /// Last sequence that the joined message covers.
    pub last: u64,
    /// For a part of a transformed message: the offset of the captured message that it was made of.
    pub input_offset: Option<i64>,
    /// Its share of the message's bytes.
    pub content: Bytes,
}

impl Part {
    /// Whether the message is complete with it: it alone counts as covering the message's sequences.
    pub fn is_last(&self) -> bool {
        self.number + 1 == self.count
    }
}
