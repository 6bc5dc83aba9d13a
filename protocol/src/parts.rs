//! Messages that travel in parts, because they are larger than the broker takes: a row of 64 MB.
//!
//! The parts of a message are consecutive among the messages that their writer sent to the partition. In
//! `<task>.captured` nothing comes between them (they are in one transaction); in `<task>.transformed` a former writer
//! that still lives may write its own between them. Three rules make that harmless:
//!
//! - Parts are joined within one writer id only: two writers may cut differently, and a torn message would look whole.
//! - A message covers its sequences with its last part alone. A writer that resumes from the tail of the output therefore
//!   writes a message again whose last part is not there.
//! - The offset at which a reader goes on never passes the first part of a message that is unfinished, whoever writes it
//!   ([`Joiner::first_offset`]): nobody can know which of several writers finishes. What is covered is not waited for.
//!
//! A part that does not continue its writer's message is passed over, not refused: reading may begin in the middle of
//! what a former writer wrote. If something was lost with it, the sequences say so.

use std::collections::BTreeMap;

use bytes::Bytes;
use millrace_model::part::{Part, WriterId};

/// Joins the parts of one partition.
#[derive(Debug, Clone, Default)]
pub struct Joiner {
    unfinished: BTreeMap<WriterId, Unfinished>,
}

#[derive(Debug, Clone)]
struct Unfinished {
    first_offset: i64,
    count: u32,
    last: u64,
    /// How many of its parts are there.
    taken: u32,
    content: Vec<u8>,
}

/// A message of which all parts are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Offset of its first part: to read the message again, one begins there.
    pub first_offset: i64,
    content: Vec<u8>,
}

impl Joined {
    /// The message's bytes.
    pub fn into_bytes(self) -> Bytes {
        self.content.into()
    }
}

impl Joiner {
    /// Takes the part at `offset`, where everything up to the sequence `seen` is known; gives the message that it completes.
    pub fn take(&mut self, offset: i64, part: Part, seen: u64) -> Option<Joined> {
        let before = self.unfinished.remove(&part.writer);
        if part.last <= seen {
            return None;
        }
        let is_last = part.is_last();
        let mut message = match before {
            Some(message) if message.continues_with(&part) => message,
            _ if part.number == 0 => Unfinished::begun_with(offset, &part),
            _ => return None,
        };
        message.add(&part.content);
        if is_last {
            return Some(Joined { first_offset: message.first_offset, content: message.content });
        }
        self.unfinished.insert(part.writer, message);
        None
    }

    /// Everything up to this sequence is known: parts of it are not waited for.
    pub fn forget(&mut self, seen: u64) {
        self.unfinished.retain(|_, message| message.last > seen);
    }

    /// Offset of the first part of any unfinished message.
    pub fn first_offset(&self) -> Option<i64> {
        self.unfinished.values().map(|message| message.first_offset).min()
    }

    /// Bytes of unfinished messages.
    pub fn bytes(&self) -> usize {
        self.unfinished.values().map(|message| message.content.len()).sum()
    }
}

impl Unfinished {
    /// A message of which nothing is there yet but the first part, which tells how long it can be: every part but the
    /// last has the same length. So there is one copy of the message, and never two.
    fn begun_with(first_offset: i64, part: &Part) -> Self {
        let mut content = Vec::new();
        // Where a count is beyond all reason, the buffer grows as parts come.
        let _ = content.try_reserve_exact(part.content.len().saturating_mul(part.count as usize));
        Self { first_offset, count: part.count, last: part.last, taken: 0, content }
    }

    fn continues_with(&self, part: &Part) -> bool {
        self.taken == part.number && self.count == part.count && self.last == part.last
    }

    fn add(&mut self, content: &[u8]) {
        self.content.extend_from_slice(content);
        self.taken += 1;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn part(writer: u8, number: u32, count: u32, last: u64) -> Part {
        let content = Bytes::from(format!("{writer}.{number} "));
        Part { writer: WriterId([writer; 16]), number, count, first: last, last, input_offset: None, content }
    }

    #[test]
    fn parts_are_joined_within_one_writer() {
        let mut joiner = Joiner::default();
        assert_eq!(joiner.take(10, part(1, 0, 3, 5), 4), None);
        assert_eq!(joiner.take(11, part(2, 0, 2, 5), 4), None);
        assert_eq!(joiner.take(12, part(1, 1, 3, 5), 4), None);
        assert_eq!((joiner.first_offset(), joiner.bytes()), (Some(10), 12));
        let joined = joiner.take(13, part(2, 1, 2, 5), 4).unwrap();
        assert_eq!(joined.first_offset, 11);
        assert_eq!(joined.content.capacity(), 8, "its size is known with the first part");
        assert_eq!(joined.into_bytes(), Bytes::from_static(b"2.0 2.1 "));
        joiner.forget(5);
        assert_eq!(joiner.first_offset(), None, "what is covered is not waited for");
        assert_eq!(joiner.take(14, part(1, 2, 3, 5), 5), None);
    }

    #[test]
    fn parts_without_their_beginning_are_passed_over() {
        let mut joiner = Joiner::default();
        for wrong in [part(1, 1, 3, 5), part(1, 2, 3, 5)] {
            assert_eq!(joiner.take(3, wrong, 4), None);
        }
        joiner.take(4, part(1, 0, 3, 5), 4);
        assert_eq!(joiner.take(5, part(1, 2, 3, 5), 4), None, "one is missing");
        assert_eq!(joiner.first_offset(), None);
        joiner.take(6, part(1, 0, 2, 5), 4);
        joiner.take(7, part(1, 0, 2, 5), 4);
        assert_eq!(joiner.take(8, part(1, 1, 2, 5), 4).unwrap().first_offset, 7, "a writer begins again");
    }
}
