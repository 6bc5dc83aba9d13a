//! A schema change in the destination: executed once, after everything before it in every partition is committed.
//!
//! Each partition commits what comes before the barrier, then its *arrival*. An arrival says at which sequence the
//! partition's progress stands, and counts only while it still stands there: a partition that was taken back by another
//! apply to an earlier place, or an arrival of a zombie, does not count. Whoever sees all partitions arrived takes a lock,
//! looks in the journal, and executes the change with its journal row in one transaction if it is not there. So the
//! change happens once, whatever is killed when; and nobody passes the barrier before its journal row is there.

/// What a partition's arrival and its progress say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The partition.
    pub partition: u32,
    /// The sequence at which it stood when it arrived.
    pub arrived_at: u64,
    /// The sequence at which its progress stands now.
    pub stands_at: u64,
}

/// What to do at a barrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The journal has it: go on.
    Pass,
    /// All partitions are there: execute it.
    Execute,
    /// These partitions are not there yet: look again a little later.
    Wait(Vec<u32>),
}

/// Whether the journal has the barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// It was executed.
    Has,
    /// It was not.
    Lacks,
}

/// Decides from what is committed in the destination.
pub fn decide(partitions: u32, arrivals: &[Arrival], journal: Journal) -> Next {
    if journal == Journal::Has {
        return Next::Pass;
    }
    let there = |partition| arrivals.iter().any(|a| a.partition == partition && a.arrived_at == a.stands_at);
    let missing: Vec<u32> = (0..partitions).filter(|&partition| !there(partition)).collect();
    match missing.is_empty() {
        true => Next::Execute,
        false => Next::Wait(missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_arrivals_that_still_stand_count() {
        let at = |partition, arrived_at, stands_at| Arrival { partition, arrived_at, stands_at };
        assert_eq!(decide(2, &[at(0, 5, 5), at(1, 7, 7)], Journal::Lacks), Next::Execute);
        assert_eq!(decide(2, &[at(0, 5, 5), at(1, 7, 3)], Journal::Lacks), Next::Wait(vec![1]));
        assert_eq!(decide(3, &[at(0, 5, 5)], Journal::Lacks), Next::Wait(vec![1, 2]));
        assert_eq!(decide(3, &[], Journal::Has), Next::Pass);
    }
}
