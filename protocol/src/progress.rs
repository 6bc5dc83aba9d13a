//! How far apply is, per partition: written to the destination in the transaction that writes the data.

/// How far a partition is in the destination; a row per write, numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The partition.
    pub partition: u32,
    /// Number of the progress row, from 1; 0 where there is none yet.
    pub number: u64,
    /// Offset of the transformed message that holds the next entry, or of an unfinished message's first part before it.
    pub next_offset: i64,
    /// Last sequence applied.
    pub sequence: u64,
    /// Ordinal of the last watermark applied.
    pub watermark: u64,
    /// Whether `End` is applied.
    pub ended: Ended,
}

/// Whether a partition has applied its `End`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// No.
    No,
    /// Yes: nothing comes after it.
    Yes,
}

impl Progress {
    /// The progress of a partition of which nothing is applied.
    pub fn start(partition: u32) -> Self {
        Self { partition, number: 0, next_offset: 0, sequence: 0, watermark: 0, ended: Ended::No }
    }
}
