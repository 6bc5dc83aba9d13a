//! `memory`: what each process may take for data in flight, and the shares of it.
//!
//! Every buffer whose size the data decides has a share here, so that none grows with the source. What is not data (code,
//! connections, definitions of tables) comes on top: about 30 MiB. A row larger than a share passes alone.

/// Bytes that each process may take for data in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    mebibytes: u32,
}

impl Default for Memory {
    fn default() -> Self {
        Self { mebibytes: 256 }
    }
}

impl Memory {
    /// The least and the most, in MiB.
    pub(crate) const RANGE: std::ops::RangeInclusive<u32> = 64..=65_536;

    /// So many MiB of [`Self::RANGE`].
    pub(crate) fn of_mebibytes(mebibytes: u32) -> Self {
        Self { mebibytes }
    }

    /// All of it, in bytes.
    pub fn bytes(self) -> usize {
        (self.mebibytes as usize) << 20
    }

    /// What capture publishes at once, also inside a source transaction: 8 MiB of 256.
    pub fn step(self) -> usize {
        self.bytes() / 32
    }

    /// Rows that one of so many readers reads at once for the full load, and as much again for the keys of rows that change
    /// while it reads: 4 MiB of 256 with two.
    pub fn chunk(self, readers: u32) -> usize {
        self.bytes() / 32 / readers.max(2) as usize
    }

    /// Messages handed to the log and not yet acknowledged: 32 MiB of 256.
    pub fn unacknowledged(self) -> usize {
        self.bytes() / 8
    }

    /// Messages read ahead of the stage, by the log's client and by us, each: 8 MiB of 256.
    pub fn read_ahead(self) -> usize {
        self.bytes() / 32
    }

    /// Rows that apply holds until their cut, or until it writes them ahead, and as much again that it writes meanwhile:
    /// 16 MiB of 256 each.
    pub fn held(self) -> usize {
        self.bytes() / 16
    }
}
