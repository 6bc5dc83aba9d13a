//! One capture captures, others wait: the state topic has one partition, so its group has one owner.
//!
//! Ownership avoids a tug of war; what makes two captures harmless is fencing ([`crate::StepWriter`]).

use crate::error::LogError;
use crate::membership::{Membership, MembershipEvent};
use crate::options::{LogOptions, TopicNames};

/// A capture that waits for its turn.
pub struct Standby {
    membership: Membership,
}

/// The right to capture, until it is lost.
pub struct Ownership {
    membership: Membership,
}

impl Standby {
    /// Joins the queue. The state topic must exist.
    pub fn join(options: &LogOptions, names: &TopicNames) -> Result<Self, LogError> {
        Ok(Self { membership: Membership::join(options, &names.capture(), &names.state)? })
    }

    /// Waits until this process is the owner: at once when it is alone; when the owner leaves; or ten seconds after the
    /// owner's death. Dropping the future leaves the queue.
    pub async fn wait_for_ownership(mut self) -> Result<Ownership, LogError> {
        loop {
            match self.membership.next().await? {
                MembershipEvent::Assigned(_) => return Ok(Ownership { membership: self.membership }),
                MembershipEvent::Revoked(_) => self.membership.released(),
                MembershipEvent::Lost(_) => {}
            }
        }
    }

    /// Leaves the queue.
    pub async fn leave(self) {
        self.membership.leave().await;
    }
}

impl Ownership {
    /// Waits until the ownership is lost (Ok) or the membership fails. Then writing must stop; [`Self::stand_by`] hands
    /// over.
    pub async fn lost(&mut self) -> Result<(), LogError> {
        loop {
            match self.membership.next().await? {
                MembershipEvent::Assigned(_) => {}
                MembershipEvent::Revoked(_) | MembershipEvent::Lost(_) => return Ok(()),
            }
        }
    }

    /// Hands a lost ownership over and waits for the next turn.
    pub fn stand_by(self) -> Standby {
        self.membership.released();
        Standby { membership: self.membership }
    }

    /// Gives the ownership up and leaves, so that a standby takes over at once.
    pub async fn leave(self) {
        self.membership.leave().await;
    }
}
