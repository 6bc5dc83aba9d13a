//! The applies that own the other partitions: whether there are any.
//!
//! An apply that owns all partitions writes whole transactions; one that owns only some writes them as they come, so that
//! order is per key. A group in which a member has died keeps that member's partitions for it until its session ends. An
//! apply that joins then (the same one, started again) is given only some, though it is the only one there is: if it
//! wrote these, the destination would show states that the source never had. So an apply that owns only some partitions
//! begins when each of the others has an owner whose session lives in the destination (ADR 0016).

use std::time::Duration;

use millrace_adbpg::Connection;
use millrace_model::Failure;
use tokio::time::Instant;

/// Well above the session time-out of a group's member, after which it has no partitions any more. It ends the waiting
/// where sessions of others cannot be seen.
const LIMIT: Duration = Duration::from_secs(45);

/// What is known about them.
#[derive(Debug)]
pub(crate) enum Others {
    /// Nobody is awaited.
    None,
    /// Owners of these partitions are awaited.
    Awaited { partitions: Vec<u32>, until: Instant },
}

impl Others {
    /// After this apply was given, or has given up, partitions of `partitions` in all.
    pub(crate) fn of(owned: &[u32], partitions: u32) -> Self {
        let others: Vec<u32> = (0..partitions).filter(|partition| !owned.contains(partition)).collect();
        match owned.is_empty() || others.is_empty() {
            true => Self::None,
            false => Self::Awaited { partitions: others, until: Instant::now() + LIMIT },
        }
    }

    /// Whether nothing may be written yet.
    pub(crate) async fn are_awaited(&mut self, connection: &Connection, task_id: &str) -> Result<bool, Failure> {
        let Self::Awaited { partitions, until } = self else { return Ok(false) };
        if Instant::now() < *until && !connection.have_living_owners(task_id, partitions).await? {
            return Ok(true);
        }
        *self = Self::None;
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_awaited_where_some_partitions_are_owned() {
        assert!(matches!(Others::of(&[], 3), Others::None));
        assert!(matches!(Others::of(&[0, 1, 2], 3), Others::None));
        assert!(matches!(Others::of(&[1], 3), Others::Awaited { partitions, .. } if partitions == [0, 2]));
    }
}
