//! One partition of a transform: where it is, and how it began.

use std::time::Duration;

use millrace_eventlog::{LogOptions, StartAt, TopicNames, read_tail};
use millrace_model::batch::{Batch, Control, Entry};
use millrace_model::{Failure, PgType};
use millrace_proto::BatchDecoder;
use millrace_protocol::sequence::StrictSequence;
use millrace_protocol::transform::{Covered, resume_after};

/// Messages of the output's tail that are read to resume. Where a zombie has repeated old ranges at the end, the tail
/// seems to have a hole: then so many times as many are read, up to all that are retained.
const TAIL: usize = 64;

/// How long the end of the output may take to be read.
pub(crate) const TAIL_LIMIT: Duration = Duration::from_secs(60);

/// A partition at work.
pub(crate) struct Lane {
    /// Checks the captured sequence.
    pub(crate) sequence: StrictSequence,
    /// Whether `End` was written.
    pub(crate) ended: bool,
    /// Where to read from.
    pub(crate) start: StartAt,
}

impl Lane {
    /// Finds where to go on from the tail of the output.
    pub(crate) async fn resume(
        options: &LogOptions,
        names: &TopicNames,
        decoder: &mut BatchDecoder,
        partition: u32,
    ) -> Result<Self, Failure> {
        let mut count = TAIL;
        let (point, ended) = loop {
            let tail = read_tail(options, &names.transformed, partition, count).await?;
            let is_whole = tail.len() < count;
            let mut covered = Vec::with_capacity(tail.len());
            let mut ended = false;
            for message in tail {
                let batch: Batch<PgType> = decoder.decode(message.payload, |_| None)?;
                ended |= holds_end(&batch);
                covered.push(Covered::from(&batch));
            }
            match resume_after(partition, &covered) {
                Ok(point) => break (point, ended),
                Err(hole) if is_whole => return Err(hole.into()),
                Err(_) => count *= TAIL,
            }
        };
        // Offsets have holes where transactions ended: the broker goes on with the next message there is.
        let start = point.input_offset.map_or(StartAt::Beginning, |offset| StartAt::Offset(offset + 1));
        Ok(Self { sequence: StrictSequence::new(partition, point.last + 1), ended, start })
    }
}

/// Whether the batch ends its partition.
pub(crate) fn holds_end<T>(batch: &Batch<T>) -> bool {
    matches!(batch.entries.last(), Some(Entry::Control { control: Control::End(_), .. }))
}
