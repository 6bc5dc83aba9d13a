//! Where transform goes on: from the tail of its own output, without any other state.
//!
//! Every message of `<task>.transformed` says which captured sequences it stands for and the offset of the captured
//! message that it was made of. Transform is a deterministic function, so whoever wrote a message wrote the right one; a
//! zombie can only repeat ranges. The highest range end of the tail is therefore where to go on, provided the ranges
//! below it are without a hole down to the start of the tail: a hole would mean that messages of the tail were lost.

use millrace_model::batch::Batch;
use millrace_model::part::Part;

use crate::ProtocolError;

/// The range and origin of one message of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// First captured sequence it stands for.
    pub first: u64,
    /// Last captured sequence it stands for.
    pub last: u64,
    /// Offset of the captured message that it was made of.
    pub input_offset: i64,
}

impl<T> From<&Batch<T>> for Covered {
    fn from(batch: &Batch<T>) -> Self {
        Self { first: batch.first, last: batch.last, input_offset: batch.input_offset.unwrap_or(0) }
    }
}

/// What a message covers that came in parts, once the last is there: the parts before it cover nothing.
impl From<&Part> for Covered {
    fn from(last: &Part) -> Self {
        Self { first: last.first, last: last.last, input_offset: last.input_offset.unwrap_or(0) }
    }
}

/// Where to read the captured partition on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResumePoint {
    /// Everything up to this sequence is in the output.
    pub last: u64,
    /// Offset to read from; none: the first retained message.
    pub input_offset: Option<i64>,
}

/// The resume point after the output's last messages, in the order of their offsets; an empty output begins at the first
/// retained input. A late message of a former writer repeats an old range: where the tail is shorter than that goes back,
/// it seems to have a hole. So an error is final only for a tail that goes back to the first retained message; for a
/// shorter one, read a longer one.
pub fn resume_after(partition: u32, tail: &[Covered]) -> Result<ResumePoint, ProtocolError> {
    let Some(newest) = tail.iter().max_by_key(|covered| covered.last) else {
        return Ok(ResumePoint { last: 0, input_offset: None });
    };
    let mut ranges: Vec<(u64, u64)> = tail.iter().map(|covered| (covered.first, covered.last)).collect();
    ranges.sort_unstable();
    let mut end = ranges[0].1;
    for &(first, last) in &ranges[1..] {
        if first > end + 1 {
            return Err(ProtocolError::Gap { partition, expected: end + 1, found: first });
        }
        end = end.max(last);
    }
    Ok(ResumePoint { last: newest.last, input_offset: Some(newest.input_offset) })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn covered(first: u64, last: u64, input_offset: i64) -> Covered {
        Covered { first, last, input_offset }
    }

    #[test]
    fn goes_on_after_the_highest_range() {
        let tail = [covered(1, 5, 10), covered(6, 9, 11), covered(1, 5, 10), covered(6, 6, 11)];
        assert_eq!(resume_after(0, &tail).unwrap(), ResumePoint { last: 9, input_offset: Some(11) });
        assert_eq!(resume_after(0, &[]).unwrap(), ResumePoint { last: 0, input_offset: None });
    }

    #[test]
    fn refuses_a_hole() {
        assert!(resume_after(0, &[covered(1, 5, 10), covered(7, 9, 11)]).is_err());
    }
}
