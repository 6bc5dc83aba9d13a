//! What waits in a lane of apply, in order, and where in it the barriers stand: they are asked for with each message, and
//! a lane holds many thousands of rows between two of them.

use std::collections::VecDeque;

use millrace_model::PgType;
use millrace_model::batch::Barrier;

use crate::taken::Item;

/// The items of one lane.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    items: VecDeque<Item>,
    /// How many were taken so far.
    taken: usize,
    /// The places of the barriers, counted from the first item that ever was.
    barriers: VecDeque<usize>,
}

impl Waiting {
    pub(crate) fn push(&mut self, item: Item) {
        if item.barrier().is_some() {
            self.barriers.push_back(self.taken + self.items.len());
        }
        self.items.push_back(item);
    }

    pub(crate) fn first(&self) -> Option<&Item> {
        self.items.front()
    }

    pub(crate) fn last(&self) -> Option<&Item> {
        self.items.back()
    }

    pub(crate) fn take(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        if self.barriers.front() == Some(&self.taken) {
            self.barriers.pop_front();
        }
        self.taken += 1;
        Some(item)
    }

    /// The barriers, in order.
    pub(crate) fn barriers(&self) -> impl Iterator<Item = &Barrier<PgType>> {
        self.barriers.iter().filter_map(|place| self.items.get(place - self.taken)?.barrier())
    }

    /// The ordinal of the first barrier that is not passed without asking.
    pub(crate) fn stop(&self, passed: u64) -> Option<u64> {
        self.barriers().map(|barrier| barrier.watermark.ordinal).find(|&ordinal| ordinal > passed)
    }
}

#[cfg(test)]
mod tests {
    use millrace_model::Watermark;
    use millrace_model::batch::{Control, Entry};

    use super::*;

    fn item(ordinal: u64, is_barrier: bool) -> Item {
        let watermark = Watermark { ordinal, place: None, gtid: String::new(), committed_at: 0 };
        let control = match is_barrier {
            true => Control::Barrier(Barrier { watermark, changes: Vec::new() }),
            false => Control::Watermark(watermark),
        };
        Item { entry: Some(Entry::Control { sequence: ordinal, control }), covered: ordinal, next_offset: 0 }
    }

    #[test]
    fn barriers_are_found_wherever_they_stand() {
        let mut waiting = Waiting::default();
        let barriers = [2, 5, 6];
        (1..=7).for_each(|ordinal| waiting.push(item(ordinal, barriers.contains(&ordinal))));
        for taken in 1..=7 {
            let ordinals: Vec<u64> = waiting.barriers().map(|barrier| barrier.watermark.ordinal).collect();
            let left: Vec<u64> = barriers.into_iter().filter(|&ordinal| ordinal >= taken).collect();
            assert_eq!(ordinals, left);
            assert_eq!(waiting.stop(5), Some(6).filter(|_| taken <= 6));
            assert_eq!(waiting.take().map(|item| item.covered), Some(taken));
            waiting.push(item(7 + taken, false));
        }
    }
}
