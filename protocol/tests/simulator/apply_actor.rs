//! Drives the real `Cuts`: reads progress, offers messages, carries out what it is told, one step at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_protocol::barrier::{Arrival, Journal, Next, decide};
use millrace_protocol::cut::{Cuts, Progress, Standing, Then, Work, Write};

use crate::destination::Advance;
use crate::faults::Broken;
use crate::parts::{Message, is_sound, writer_id};
use crate::world::{Outcome, Shared, trace};

enum Doing {
    Nothing,
    /// The data is written; these progress rows are to come, from this place on.
    Advancing(Vec<Progress>, usize),
    /// The commit was sent.
    Committing(Vec<Progress>),
    Arriving(Standing),
    Deciding(Standing),
    Executing(Standing),
}

pub(crate) struct ApplyActor {
    pub(crate) id: usize,
    /// Steps until a zombie notices that it lost its partitions; none for one that notices at once.
    pub(crate) unaware: Option<usize>,
    pub(crate) gone: bool,
    owned: Vec<u32>,
    cuts: Option<Cuts>,
    offsets: BTreeMap<u32, usize>,
    /// The offset after the message that ends with a sequence, by partition.
    after: BTreeMap<(u32, u64), i64>,
    /// The open transaction of the destination.
    open: Option<u64>,
    doing: Doing,
}

impl ApplyActor {
    pub(crate) fn new(id: usize) -> Self {
        Self {
            id,
            unaware: None,
            gone: false,
            owned: Vec::new(),
            cuts: None,
            offsets: BTreeMap::new(),
            after: BTreeMap::new(),
            open: None,
            doing: Doing::Nothing,
        }
    }

    /// Everything in memory is thrown away; the server ends the open transaction when it notices.
    pub(crate) fn kill(&mut self, shared: &mut Shared) {
        if let Some(number) = self.open.take() {
            let sent = matches!(self.doing, Doing::Committing(_));
            shared.destination.orphan(number, sent, &mut shared.random);
        }
        self.cuts = None;
        self.doing = Doing::Nothing;
    }

    /// Rolls back and reads progress again.
    fn begin_again(&mut self, shared: &mut Shared) -> Outcome {
        if let Some(number) = self.open.take() {
            shared.destination.rollback(number);
        }
        self.cuts = None;
        self.doing = Doing::Nothing;
        Outcome::Worked
    }

    pub(crate) fn tick(&mut self, shared: &mut Shared) -> Outcome {
        match &mut self.unaware {
            Some(0) => {
                self.kill(shared);
                self.gone = true;
                return Outcome::Idle;
            }
            Some(steps) => *steps -= 1,
            None => {
                let mine = shared.partitions_of(&shared.apply_owners, self.id);
                if mine != self.owned {
                    self.owned = mine;
                    self.cuts = None;
                    self.doing = Doing::Nothing;
                    if !shared.breaks(Broken::WriteAheadKept) {
                        return self.begin_again(shared);
                    }
                }
            }
        }
        if self.owned.is_empty() {
            return Outcome::Idle;
        }
        if self.cuts.is_none() {
            return self.start(shared);
        }
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => self.work(shared),
            Doing::Advancing(progress, at) => self.advance(progress, at, shared),
            Doing::Committing(progress) => self.commit(progress, shared),
            Doing::Arriving(standing) => self.arrive(standing, shared),
            Doing::Deciding(standing) => self.decide(standing, shared),
            Doing::Executing(standing) => self.execute(standing, shared),
        }
    }

    fn start(&mut self, shared: &mut Shared) -> Outcome {
        let partitions = shared.settings.partitions;
        let all: Vec<Progress> = (0..partitions).map(|partition| shared.destination.progress(partition)).collect();
        let mut owned: Vec<Progress> = self.owned.iter().map(|&partition| all[partition as usize]).collect();
        let mut floor = all.iter().map(|progress| progress.watermark).max().unwrap_or(0);
        if shared.breaks(Broken::FloorTooLow) {
            floor = floor.saturating_sub(1);
        }
        if shared.breaks(Broken::OffsetsOfItsOwn) {
            for progress in &mut owned {
                let number = progress.number;
                *progress = shared.group_offsets.get(&progress.partition).copied().unwrap_or(*progress);
                progress.number = number;
            }
        }
        trace!(shared, "apply {} begins at {owned:?}, floor {floor}", self.id);
        // An apply that is told of one more partition than there is never owns all.
        let told = partitions + u32::from(shared.breaks(Broken::CutPerPartition));
        self.cuts = Some(Cuts::new(told, &owned, floor, shared.settings.byte_limit));
        self.after.clear();
        self.offsets = owned.iter().map(|progress| (progress.partition, progress.next_offset as usize)).collect();
        Outcome::Worked
    }

    fn work(&mut self, shared: &mut Shared) -> Outcome {
        let fetched = self.fetch(shared);
        if !matches!(fetched, Outcome::Idle) && shared.random.chance(700) {
            return fetched;
        }
        let Some(cuts) = &mut self.cuts else { return Outcome::Idle };
        match cuts.next_work() {
            Work::Idle | Work::Ended => fetched,
            Work::Write(write) => self.write(write, shared),
            Work::Barrier(standing) => {
                self.doing = Doing::Arriving(standing);
                Outcome::Worked
            }
        }
    }

    fn fetch(&mut self, shared: &mut Shared) -> Outcome {
        let Some(cuts) = &mut self.cuts else { return Outcome::Idle };
        if self.offsets.keys().any(|&partition| cuts.rank(partition).is_none()) {
            shared.coverage.saw("paused partition");
        }
        let topic = &shared.log.transformed;
        let ready: Vec<u32> = self
            .offsets
            .iter()
            .filter(|&(partition, &offset)| {
                cuts.rank(*partition).is_some() && offset < topic[*partition as usize].len()
            })
            .map(|(&partition, _)| partition)
            .collect();
        let Some(partition) = shared.random.pick(&ready) else { return Outcome::Idle };
        let Some(offset) = self.offsets.get_mut(&partition) else { return Outcome::Idle };
        let message = &topic[partition as usize][*offset];
        let (at, mut first) = (*offset as i64, *offset as i64);
        let batch = message.batch();
        if let Message::Part(part, _) = message {
            let mut part = part.clone();
            if shared.broken == Some(Broken::PartsOfWritersMixed) {
                part.writer = writer_id(0);
            }
            if self.after.range((partition, part.last)..(partition + 1, 0)).next().is_some() {
                shared.coverage.saw("part of a covered message");
            }
            match cuts.offer_part(partition, at, part) {
                None => {
                    *offset += 1;
                    return Outcome::Worked;
                }
                Some(joined) => {
                    first = joined.first_offset;
                    if !is_sound(joined, batch) {
                        return Outcome::Failed("a message is joined of the wrong parts".into());
                    }
                }
            }
        }
        for key in cuts.missing_schemas(batch) {
            match shared.log.pg_schemas.get(&key.version) {
                Some((found, schema)) if *found == key => cuts.add_schema(key, schema.clone()),
                _ => return Outcome::Failed(format!("schema {key:?} was not written before its rows")),
            }
        }
        self.after.insert((partition, batch.last), at + 1);
        if let Err(error) = cuts.offer_joined(partition, first, at, (**batch).clone()) {
            return Outcome::Failed(error.to_string());
        }
        *offset += 1;
        Outcome::Worked
    }

    fn is_whole(&self, shared: &Shared) -> bool {
        self.owned.len() == shared.settings.partitions as usize
    }

    fn write(&mut self, write: Write, shared: &mut Shared) -> Outcome {
        trace!(shared, "apply {} writes {:?} then {:?}", self.id, write.tables, write.then);
        let whole = self.is_whole(shared);
        let number = *self.open.get_or_insert_with(|| shared.destination.begin(whole));
        if !shared.destination.write(number, Arc::new(write.tables), write.changes) {
            return self.begin_again(shared);
        }
        match write.then {
            Then::Commit(progress) => self.doing = Doing::Advancing(progress, 0),
            Then::KeepOpen if shared.breaks(Broken::WriteAheadCommitted) => {
                shared.destination.commit(number);
                self.open = None;
            }
            Then::KeepOpen => shared.coverage.saw("write ahead"),
        }
        Outcome::Worked
    }

    fn advance(&mut self, progress: Vec<Progress>, at: usize, shared: &mut Shared) -> Outcome {
        let Some(number) = self.open else { return self.begin_again(shared) };
        if shared.breaks(Broken::ProgressApart) && at == 0 {
            // The data first, the progress in a transaction of its own.
            shared.destination.commit(number);
            let number = shared.destination.begin(false);
            self.open = Some(number);
            self.doing = Doing::Advancing(progress.clone(), at);
            if !shared.random.chance(500) {
                return Outcome::Worked;
            }
        }
        let number = self.open.unwrap_or(number);
        match progress.get(at) {
            None => {
                self.doing = Doing::Committing(progress);
                Outcome::Worked
            }
            Some(row) => match shared.destination.advance(number, self.stored(*row, shared)) {
                Advance::Won => {
                    self.doing = Doing::Advancing(progress, at + 1);
                    Outcome::Worked
                }
                Advance::Blocked => {
                    shared.coverage.saw("progress that waits for another");
                    self.doing = Doing::Advancing(progress, at);
                    Outcome::Idle
                }
                Advance::Lost | Advance::Gone => {
                    shared.coverage.saw("lost race of apply");
                    self.begin_again(shared)
                }
            },
        }
    }

    /// What is stored of a partition's progress: what `Cuts` says, or where the rule is broken the offset after the message.
    fn stored(&self, row: Progress, shared: &Shared) -> Progress {
        match self.after.get(&(row.partition, row.sequence)) {
            Some(&next_offset) if shared.breaks(Broken::OffsetBeyondFirstPart) => Progress { next_offset, ..row },
            _ => row,
        }
    }

    fn commit(&mut self, progress: Vec<Progress>, shared: &mut Shared) -> Outcome {
        let Some(number) = self.open.take() else { return self.begin_again(shared) };
        if shared.random.chance(shared.lost_replies) {
            // Nobody knows: it happened, or will, or will not.
            if shared.random.chance(300) {
                shared.destination.commit(number);
            } else {
                shared.destination.orphan(number, true, &mut shared.random);
            }
            return self.begin_again(shared);
        }
        if shared.random.chance(shared.settings.early_arrivals) {
            return self.arrive_and_fall_back(number, shared);
        }
        if !shared.destination.commit(number) {
            return self.begin_again(shared);
        }
        trace!(shared, "apply {} committed {progress:?}", self.id);
        for row in progress {
            shared.group_offsets.entry(row.partition).or_insert(row);
        }
        Outcome::Worked
    }

    /// The arrival is there, but what it stands for is not: it was rolled back.
    fn arrive_and_fall_back(&mut self, number: u64, shared: &mut Shared) -> Outcome {
        shared.destination.rollback(number);
        if let Some(cuts) = &mut self.cuts
            && let Work::Barrier(standing) = cuts.next_work()
        {
            trace!(shared, "apply {} arrives early: {standing:?}", self.id);
            for &(partition, sequence) in &standing.partitions {
                shared.destination.arrive(standing.barrier.watermark.ordinal, partition, sequence);
            }
        }
        self.begin_again(shared)
    }

    fn arrive(&mut self, standing: Standing, shared: &mut Shared) -> Outcome {
        for &(partition, sequence) in &standing.partitions {
            shared.destination.arrive(standing.barrier.watermark.ordinal, partition, sequence);
        }
        self.doing = Doing::Deciding(standing);
        Outcome::Worked
    }

    fn decide(&mut self, standing: Standing, shared: &mut Shared) -> Outcome {
        let ordinal = standing.barrier.watermark.ordinal;
        let destination = &shared.destination;
        let journal = if destination.is_in_journal(ordinal) { Journal::Has } else { Journal::Lacks };
        let arrivals: Vec<Arrival> = (0..shared.settings.partitions)
            .filter_map(|partition| {
                let arrived_at = destination.arrival(ordinal, partition)?;
                let stands_at = match shared.breaks(Broken::ArrivalUnchecked) {
                    true => arrived_at,
                    false => destination.progress(partition).sequence,
                };
                Some(Arrival { partition, arrived_at, stands_at })
            })
            .collect();
        let next = decide(shared.settings.partitions, &arrivals, journal);
        trace!(shared, "apply {} at barrier {ordinal}: {next:?}", self.id);
        match next {
            Next::Pass => {
                if let Some(cuts) = &mut self.cuts {
                    cuts.pass(ordinal);
                }
                Outcome::Worked
            }
            Next::Execute => {
                self.doing = Doing::Executing(standing);
                Outcome::Worked
            }
            Next::Wait(_) if shared.breaks(Broken::BarrierNotAwaited) => {
                self.doing = Doing::Executing(standing);
                Outcome::Worked
            }
            Next::Wait(_) => {
                shared.coverage.saw("barrier that waits");
                self.fetch(shared)
            }
        }
    }

    fn execute(&mut self, standing: Standing, shared: &mut Shared) -> Outcome {
        let Some(cuts) = &self.cuts else { return Outcome::Idle };
        let ordinal = standing.barrier.watermark.ordinal;
        trace!(shared, "apply {} executes barrier {ordinal}", self.id);
        if shared.destination.is_in_journal(ordinal) {
            shared.coverage.saw("barrier that another has executed");
        }
        let unread = shared.breaks(Broken::JournalUnread);
        shared.destination.execute(ordinal, &standing.barrier.changes, |key| cuts.schema(key).cloned(), unread);
        self.doing = Doing::Deciding(standing);
        Outcome::Worked
    }
}
