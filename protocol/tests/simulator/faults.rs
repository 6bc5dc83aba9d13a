//! What a run consists of, what goes wrong in it, and which rule is broken on purpose.

use crate::random::Random;
use crate::source::Naming;
use crate::tables::{KINDS, Kind};

/// A rule that an actor, or the world around it, does not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Capture reads a chunk though `low` does not cover what was streamed.
    TooEarlyIgnored,
    /// Capture takes `high` before it reads the rows.
    HighReadFirst,
    /// Capture reads the state topic without waiting for a claim of its own.
    StateReadWithoutClaim,
    /// Capture goes on after a lost reply as if the step were committed.
    CommitAssumed,
    /// Capture publishes the step again after a lost reply, with a new producer.
    StepRepeated,
    /// Capture goes on with the same producer after a lost reply, as if the step were not there.
    ProducerReused,
    /// The broker takes what a fenced capture sends.
    FencingAbsent,
    /// A restart goes on after the transactions that are prepared and not ended.
    PreparedForgotten,
    /// Capture ends a step between a change of a table and the end of its transaction.
    StepWithinChange,
    /// Capture streams on while the rows of a whole table are published.
    StreamDoesNotWait,
    /// Capture reads a whole table without one consistent snapshot.
    WholeReadInPieces,
    /// A restart forgets how much of a transaction is out.
    PartialForgotten,
    /// Transform does not check the sequence of what it reads.
    GapIgnored,
    /// Transform goes on from where it had read, not from what it had written.
    TransformResumesFromItsInput,
    /// Transform's ranges cover only the rows that are left.
    RangesWithoutDroppedRows,
    /// Transform reads what is not committed.
    UncommittedRead,
    /// Transform stops at a schema that is not visible yet.
    UnknownSchemaStops,
    /// Transform's producer loses a message in the middle.
    OutputWithGaps,
    /// Apply joins parts of different writers.
    PartsOfWritersMixed,
    /// Apply stores the offset after the last message, whatever is unfinished.
    OffsetBeyondFirstPart,
    /// Transform takes a message for covered with its first part.
    FirstPartCovers,
    /// Apply commits though another was faster.
    RaceIgnored,
    /// Apply commits its progress in a transaction of its own, after the data.
    ProgressApart,
    /// Apply goes on from offsets of its own, not from the progress in the destination.
    OffsetsOfItsOwn,
    /// Apply counts arrivals without looking where the partition stands.
    ArrivalUnchecked,
    /// Apply executes a barrier without looking in the journal under the lock.
    JournalUnread,
    /// Apply passes a barrier when its own partitions are there.
    BarrierNotAwaited,
    /// Apply writes each partition as far as it has it.
    CutPerPartition,
    /// Apply takes the first cut at the highest watermark in progress, not above it.
    FloorTooLow,
    /// Apply commits what it wrote ahead at once.
    WriteAheadCommitted,
    /// Apply keeps what it wrote ahead when its partitions move.
    WriteAheadKept,
}

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) partitions: u32,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) tables: usize,
    pub(crate) initial_transactions: usize,
    pub(crate) transactions: usize,
    /// Operations of a huge transaction at most.
    pub(crate) huge: usize,
    pub(crate) naming: Naming,
    pub(crate) shown_out_of_order: bool,
    pub(crate) ddl: bool,
    /// Of 1,000 transactions, how many are parts of distributed ones.
    pub(crate) distributed: usize,
    pub(crate) key_changes: bool,
    pub(crate) filter: bool,
    pub(crate) full: bool,
    pub(crate) incremental: bool,
    pub(crate) message_bytes: usize,
    pub(crate) step_bytes: usize,
    pub(crate) watermark_bytes: Option<usize>,
    /// Bytes of keys in a window; a key counts about 100.
    pub(crate) window_bytes: usize,
    /// Of 1,000 messages, how many travel in parts.
    pub(crate) parts: usize,
    pub(crate) readers: usize,
    pub(crate) chunk_rows: usize,
    pub(crate) transforms: usize,
    pub(crate) applies: usize,
    pub(crate) byte_limit: usize,
    /// How often each stage acts, in proportion: capture, transform, apply.
    pub(crate) speeds: [usize; 3],
    /// A partition in which transform lags behind.
    pub(crate) slow_partition: Option<u32>,
    /// Of 1,000 scheduler steps, how many are a fault.
    pub(crate) faults: usize,
    /// Of 1,000 replies, how many are lost.
    pub(crate) lost_replies: usize,
    /// Of 1,000 scheduler steps without a visible change of the source, how many show a transaction.
    pub(crate) visibility: usize,
    /// Of 1,000 captured transactions, how many are torn by the broker.
    pub(crate) torn: usize,
    /// Of 1,000 writes, how many are rolled back after the arrival that follows them was committed.
    pub(crate) early_arrivals: usize,
}

impl Settings {
    pub(crate) fn random(random: &mut Random) -> Self {
        let kinds = match random.below(3) {
            0 => vec![KINDS[random.below(4)]],
            _ => KINDS.to_vec(),
        };
        let incremental = random.below(8) > 0;
        let full = !incremental || random.below(5) > 0;
        let most = [20, 45, 120][random.below(3)];
        let small = random.below(2) == 0;
        let faults = [0, 2, 10, 30][random.below(4)];
        Self {
            partitions: random.between(1, 4) as u32,
            kinds,
            tables: random.between(1, 4),
            initial_transactions: if full { random.between(0, 12) } else { 0 },
            transactions: if incremental { random.between(5, most) } else { 0 },
            huge: [10, 40][random.below(2)],
            naming: if random.below(4) == 0 { Naming::Places } else { Naming::Gtids },
            shown_out_of_order: random.below(3) == 0,
            ddl: random.below(2) == 0,
            distributed: [0, 100, 300][random.below(3)],
            key_changes: random.below(4) > 0,
            filter: random.below(2) == 0,
            full,
            incremental,
            message_bytes: if small { 120 } else { 2000 },
            step_bytes: [200, 800, 5000][random.below(3)],
            watermark_bytes: [None, Some(1), Some(150), Some(1000)][random.below(4)],
            window_bytes: [300, 1000, 100_000][random.below(3)],
            parts: [0, 50, 400][random.below(3)],
            readers: random.between(1, 3),
            chunk_rows: random.between(1, 6),
            transforms: random.between(1, 3),
            applies: [1, 1, 2, 3][random.below(4)],
            byte_limit: [300, 2000, 100_000][random.below(3)],
            speeds: [random.between(1, 8), random.between(1, 8), random.between(1, 8)],
            slow_partition: (random.below(3) == 0).then(|| random.below(4) as u32),
            faults,
            lost_replies: if faults == 0 { 0 } else { [0, 50, 200][random.below(3)] },
            visibility: [50, 200, 800][random.below(3)],
            torn: 0,
            early_arrivals: 0,
        }
    }
}
