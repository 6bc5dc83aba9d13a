//! Where reading stands, as 64-bit offsets.
//!
//! An event's header holds only the low 32 bits of where it ends, and a file grows beyond 4 GiB when one transaction does
//! (transactions are never split over files). So the offset is counted from the events' sizes, and the header's field
//! only confirms it. Where the server left transactions out on request (GTID sets), the offset jumps to the next value
//! with the header's low bits. Events that the server makes up for the stream (the first rotate, the description before
//! a start in mid file) have no place and do not count.

use std::sync::Arc;

use millrace_model::BinlogPlace;

/// Whether the server may leave events out here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gaps {
    /// Transactions were asked to be left out, and none is open.
    Allowed,
    /// The server leaves out events that say nothing about data, also inside of transactions (MariaDB's annotations).
    Anywhere,
    /// The next event begins where the last one ended.
    Forbidden,
}

/// The place up to which events came.
#[derive(Debug, Clone)]
pub(crate) struct Whereabouts {
    file: Arc<str>,
    end: u64,
}

impl Whereabouts {
    pub(crate) fn new(place: BinlogPlace) -> Self {
        Self { file: place.file, end: place.offset }
    }

    pub(crate) fn place(&self) -> BinlogPlace {
        BinlogPlace { file: self.file.clone(), offset: self.end }
    }

    pub(crate) fn is_at(&self, file: &str) -> bool {
        *self.file == *file
    }

    pub(crate) fn move_to(&mut self, place: BinlogPlace) {
        *self = Self::new(place);
    }

    /// Counts an event that stands in the file, and gives where it begins. `None`: it is not where it must be.
    pub(crate) fn advance(&mut self, size: u32, log_pos: u32, gaps: Gaps) -> Option<BinlogPlace> {
        let expected = self.end.checked_add(u64::from(size))?;
        let end = next_with_low_bits(expected, log_pos)?;
        if end != expected && gaps == Gaps::Forbidden {
            return None;
        }
        self.end = end;
        Some(BinlogPlace { file: self.file.clone(), offset: end - u64::from(size) })
    }

    /// Takes a heartbeat's word that everything up to `log_pos` was sent or left out.
    pub(crate) fn skip_to(&mut self, log_pos: u32) {
        self.end = next_with_low_bits(self.end, log_pos).unwrap_or(self.end);
    }
}

/// The smallest number from `least` on whose low 32 bits are `low`.
fn next_with_low_bits(least: u64, low: u32) -> Option<u64> {
    let candidate = (least & !u64::from(u32::MAX)) | u64::from(low);
    if candidate >= least { Some(candidate) } else { candidate.checked_add(1 << 32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Whereabouts {
        Whereabouts::new(BinlogPlace::new("binlog.000001", offset))
    }

    #[test]
    fn counts_beyond_four_gib() {
        let mut place = at((1 << 32) - 10);
        assert_eq!(place.advance(30, 20, Gaps::Forbidden).map(|p| p.offset), Some((1 << 32) - 10));
        assert_eq!(place.place().offset, (1 << 32) + 20);
        assert_eq!(place.advance(100, 120, Gaps::Forbidden).map(|p| p.offset), Some((1 << 32) + 20));
    }

    #[test]
    fn an_end_at_exactly_four_gib_is_an_end() {
        let mut place = at((1 << 32) - 10);
        assert!(place.advance(10, 0, Gaps::Forbidden).is_some());
        assert_eq!(place.place().offset, 1 << 32);
    }

    #[test]
    fn a_gap_is_refused_unless_asked_for() {
        assert!(at(100).advance(50, 200, Gaps::Forbidden).is_none());
        assert_eq!(at(100).advance(50, 200, Gaps::Allowed).map(|p| p.offset), Some(150));
    }
}
