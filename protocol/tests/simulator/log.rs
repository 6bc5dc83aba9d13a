//! The model of Kafka. `<task>.captured`, `<task>.state` and `<task>.schemas` are written in transactions: a decision is
//! made once, but becomes visible topic by topic. A producer is fenced by the next one's initialisation. The transformed
//! topic is written without transactions: gapless per writer, but late messages of former writers come in between.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use millrace_model::checkpoint::{Checkpoint, TableState};
use millrace_model::{MysqlType, PgType, SchemaKey, TableSchema};

use crate::parts::Message;
use crate::random::Random;

#[derive(Debug, Clone)]
pub(crate) enum Record {
    Message(Message<MysqlType>),
    Claim(u64),
    Checkpoint(Box<Checkpoint>),
    Table(u64, Option<TableState>),
    Schema(SchemaKey<MysqlType>, Arc<TableSchema<MysqlType>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Open,
    Committed,
    Aborted,
}

struct Transaction {
    epoch: u64,
    status: Status,
    /// Topics whose marker is not written yet.
    unmarked: Vec<usize>,
}

#[derive(Default)]
struct Topic {
    /// A transaction's record, or a marker.
    slots: Vec<(usize, Option<Record>)>,
    /// What lies before is decided and marked.
    stable: usize,
    /// What readers see: not beyond `stable`.
    shown: usize,
}

/// What a producer hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Done,
    Fenced,
    Aborted,
    /// No reply: it may have happened, or not, or happen later.
    Lost,
}

pub(crate) struct Log {
    pub(crate) partitions: usize,
    topics: Vec<Topic>,
    transactions: Vec<Transaction>,
    epoch: u64,
    pub(crate) fencing: bool,
    /// Epochs of commit requests that are still on their way.
    late_commits: Vec<u64>,
    /// Committed and not yet looked at by the auditor.
    pub(crate) decided: Vec<usize>,
    pub(crate) transformed: Vec<Vec<Message<PgType>>>,
    /// Messages of former writers that are still on their way, in order per writer.
    pub(crate) late: Vec<(u32, VecDeque<Message<PgType>>)>,
    pub(crate) pg_schemas: BTreeMap<u64, (SchemaKey<PgType>, Arc<TableSchema<PgType>>)>,
}

impl Log {
    pub(crate) fn new(partitions: u32) -> Self {
        let partitions = partitions as usize;
        Self {
            partitions,
            topics: (0..partitions + 2).map(|_| Topic::default()).collect(),
            transactions: Vec::new(),
            epoch: 0,
            fencing: true,
            late_commits: Vec::new(),
            decided: Vec::new(),
            transformed: vec![Vec::new(); partitions],
            late: Vec::new(),
            pg_schemas: BTreeMap::new(),
        }
    }

    pub(crate) fn state_topic(&self) -> usize {
        self.partitions
    }

    pub(crate) fn schemas_topic(&self) -> usize {
        self.partitions + 1
    }

    /// A new producer: what is open is aborted, what is decided is completed, older producers are fenced.
    pub(crate) fn init(&mut self) -> u64 {
        for number in 0..self.transactions.len() {
            if self.transactions[number].status == Status::Open && self.fencing {
                self.decide(number, Status::Aborted);
            }
        }
        while self.mark(0) {}
        self.epoch += 1;
        self.epoch
    }

    fn is_fenced(&self, epoch: u64) -> bool {
        self.fencing && epoch != self.epoch
    }

    /// Begins a transaction: the one before is completed in all topics first.
    pub(crate) fn begin(&mut self, epoch: u64) -> Result<usize, Reply> {
        if self.is_fenced(epoch) {
            return Err(Reply::Fenced);
        }
        while self.mark(0) {}
        self.transactions.push(Transaction { epoch, status: Status::Open, unmarked: Vec::new() });
        Ok(self.transactions.len() - 1)
    }

    /// Appends to the producer's open transaction.
    pub(crate) fn append(&mut self, number: usize, topic: usize, record: Record) -> Reply {
        let transaction = &mut self.transactions[number];
        if self.fencing && transaction.epoch != self.epoch {
            return Reply::Fenced;
        }
        if transaction.status != Status::Open {
            // A late request ended the transaction: Kafka takes what follows as one more.
            let epoch = transaction.epoch;
            self.transactions.push(Transaction { epoch, status: Status::Open, unmarked: vec![topic] });
            self.topics[topic].slots.push((self.transactions.len() - 1, Some(record)));
            return Reply::Done;
        }
        if !transaction.unmarked.contains(&topic) {
            transaction.unmarked.push(topic);
        }
        self.topics[topic].slots.push((number, Some(record)));
        Reply::Done
    }

    /// Commits what the producer has open.
    pub(crate) fn commit(&mut self, epoch: u64, random: &mut Random, lost: usize) -> Reply {
        if self.is_fenced(epoch) {
            return Reply::Fenced;
        }
        if random.chance(lost) {
            match random.below(4) {
                0 => self.end(epoch, Status::Committed),
                1 => self.late_commits.push(epoch),
                2 => {}
                _ => {
                    self.end(epoch, Status::Aborted);
                    return Reply::Aborted;
                }
            }
            return Reply::Lost;
        }
        self.end(epoch, Status::Committed);
        Reply::Done
    }

    fn end(&mut self, epoch: u64, status: Status) {
        for number in 0..self.transactions.len() {
            if self.transactions[number].status == Status::Open && self.transactions[number].epoch == epoch {
                self.decide(number, status);
            }
        }
    }

    fn decide(&mut self, number: usize, status: Status) {
        self.transactions[number].status = status;
        if status == Status::Committed {
            self.decided.push(number);
        }
    }

    /// A commit request that was on its way arrives.
    pub(crate) fn deliver_late_commit(&mut self) -> bool {
        let Some(epoch) = self.late_commits.pop() else { return false };
        if !self.is_fenced(epoch) {
            self.end(epoch, Status::Committed);
        }
        true
    }

    /// Writes one marker that is due; `which` picks it.
    pub(crate) fn mark(&mut self, which: usize) -> bool {
        let from = self.transactions.len().saturating_sub(8);
        let due: Vec<(usize, usize)> = (from..self.transactions.len())
            .filter(|&number| self.transactions[number].status != Status::Open)
            .flat_map(|number| (0..self.transactions[number].unmarked.len()).map(move |i| (number, i)))
            .collect();
        let Some(&(number, i)) = due.get(which % due.len().max(1)) else { return false };
        let topic = self.transactions[number].unmarked.swap_remove(i);
        let Self { topics, transactions, .. } = self;
        let topic_ = &mut topics[topic];
        topic_.slots.push((number, None));
        while let Some((owner, _)) = topic_.slots.get(topic_.stable) {
            let owner = &transactions[*owner];
            if owner.status == Status::Open || owner.unmarked.contains(&topic) {
                break;
            }
            topic_.stable += 1;
        }
        true
    }

    /// Lets readers see what is stable in one topic.
    pub(crate) fn show(&mut self, topic: usize) -> bool {
        let topic = &mut self.topics[topic];
        let news = topic.shown < topic.stable;
        topic.shown = topic.stable;
        news
    }

    pub(crate) fn topics(&self) -> usize {
        self.topics.len()
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_settled(&self) -> bool {
        self.late.is_empty()
            && self.late_commits.is_empty()
            && self.topics.iter().all(|topic| topic.shown == topic.slots.len())
    }

    /// The next committed record at or after `offset` that readers see, with its offset.
    pub(crate) fn read(&self, topic: usize, offset: usize) -> Option<(usize, &Record)> {
        self.read_until(topic, offset, self.topics[topic].shown, false)
    }

    /// The same without regard to what is committed.
    pub(crate) fn read_uncommitted(&self, topic: usize, offset: usize) -> Option<(usize, &Record)> {
        self.read_until(topic, offset, self.topics[topic].slots.len(), true)
    }

    fn read_until(&self, topic: usize, offset: usize, end: usize, uncommitted: bool) -> Option<(usize, &Record)> {
        let slots = self.topics[topic].slots.get(offset..end)?;
        slots.iter().enumerate().find_map(|(i, (owner, record))| {
            let committed = self.transactions[*owner].status == Status::Committed;
            record.as_ref().filter(|_| committed || uncommitted).map(|record| (offset + i, record))
        })
    }

    /// Records of one transaction, for the auditor.
    pub(crate) fn records(&self, number: usize) -> Vec<(usize, &Record)> {
        let mut found = Vec::new();
        for (topic, content) in self.topics.iter().enumerate() {
            let all = content.slots.iter().rev().take(400).filter(|(owner, _)| *owner == number);
            found.extend(all.filter_map(|(_, record)| record.as_ref().map(|record| (topic, record))));
        }
        found
    }

    /// The broker loses what a transaction holds in one captured partition.
    pub(crate) fn tear(&mut self, number: usize, random: &mut Random) -> bool {
        let partition = random.below(self.partitions);
        let mut torn = false;
        for (owner, record) in &mut self.topics[partition].slots {
            if *owner == number {
                torn |= record.take().is_some();
            }
        }
        torn
    }
}
