//! One partition of a transform: where it is, and how it began.

use std::time::{Duration, Instant};

use millrace_eventlog::{LogOptions, Message, StartAt, TopicNames, read_tail_of};
use millrace_model::batch::{Batch, Control, Entry};
use millrace_model::{Failure, PgType};
use millrace_proto::{BatchDecoder, Received};
use millrace_protocol::parts::Joiner;
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
    /// Joins what comes in parts.
    pub(crate) joiner: Joiner,
    /// Whether `End` was written.
    pub(crate) ended: bool,
    /// Where to read from.
    pub(crate) start: StartAt,
    /// When something of it came last.
    pub(crate) heard: Instant,
}

impl Lane {
    /// Finds where to go on from the tail of the output.
    pub(crate) async fn resume(
        options: &LogOptions,
        names: &TopicNames,
        decoder: &BatchDecoder,
        partition: u32,
    ) -> Result<Self, Failure> {
        let mut count = TAIL;
        let (point, ended) = loop {
            let mut decoder = decoder.clone();
            let keep = move |message: Message| covers(&mut decoder, message);
            let tail = read_tail_of(options, &names.transformed, partition, count, keep).await?;
            let is_whole = tail.len() < count;
            let ended = tail.iter().any(|(_, ended)| *ended);
            let covered: Vec<Covered> = tail.into_iter().map(|(covered, _)| covered).collect();
            match resume_after(partition, &covered) {
                Ok(point) => break (point, ended),
                Err(hole) if is_whole => return Err(hole.into()),
                Err(_) => count *= TAIL,
            }
        };
        // Offsets have holes where transactions ended: the broker goes on with the next message there is.
        let start = point.input_offset.map_or(StartAt::Beginning, |offset| StartAt::Offset(offset + 1));
        let sequence = StrictSequence::new(partition, point.last + 1);
        Ok(Self { sequence, joiner: Joiner::default(), ended, start, heard: Instant::now() })
    }
}

/// What a message of the output covers, and whether it ends the partition; nothing for a part before the last.
fn covers(decoder: &mut BatchDecoder, message: Message) -> Result<Option<(Covered, bool)>, Failure> {
    Ok(match decoder.decode::<PgType>(message.payload, |_| None)? {
        Received::Batch(batch) => Some((Covered::from(&batch), holds_end(&batch))),
        Received::Part(part) if part.is_last() => Some((Covered::from(&part), false)),
        Received::Part(_) => None,
    })
}

/// Whether the batch ends its partition.
pub(crate) fn holds_end<T>(batch: &Batch<T>) -> bool {
    matches!(batch.entries.last(), Some(Entry::Control { control: Control::End(_), .. }))
}
