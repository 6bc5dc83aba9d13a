//! Who owns what: standby captures, and partitions shared by several members.

use std::time::Duration;

use millrace_eventlog::{Membership, MembershipEvent, Standby};

use crate::lab::{Lab, PATIENCE, with_topics};

async fn next(member: &mut Membership) -> MembershipEvent {
    tokio::time::timeout(PATIENCE, member.next()).await.expect("no change came").unwrap()
}

fn join(lab: &Lab) -> Membership {
    Membership::join(&lab.options, &lab.names.apply_group(), &lab.names.transformed).unwrap()
}

#[test]
fn a_standby_takes_over_when_the_owner_leaves() {
    with_topics("standby", 3, |lab| async move {
        let first = Standby::join(&lab.options, &lab.names).unwrap();
        let mut first = tokio::time::timeout(PATIENCE, first.wait_for_ownership()).await.unwrap().unwrap();
        let second = Standby::join(&lab.options, &lab.names).unwrap();
        let waiting = tokio::spawn(second.wait_for_ownership());
        // The second joins meanwhile; the owner keeps what it has.
        assert!(tokio::time::timeout(Duration::from_secs(2), first.lost()).await.is_err());
        assert!(!waiting.is_finished());
        first.leave().await;
        let second = tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap();
        second.leave().await;
    });
}

#[test]
fn partitions_move_only_after_their_release() {
    with_topics("members", 4, |lab| async move {
        let mut first = join(&lab);
        assert_eq!(next(&mut first).await, MembershipEvent::Assigned(vec![0, 1, 2, 3]));
        let mut second = join(&lab);
        let MembershipEvent::Revoked(moved) = next(&mut first).await else { panic!("expected a revocation") };
        assert_eq!(moved.len(), 2);
        // Until the release the second has nothing.
        assert!(tokio::time::timeout(Duration::from_millis(500), second.next()).await.is_err());
        first.released();
        assert_eq!(next(&mut second).await, MembershipEvent::Assigned(moved.clone()));
        second.leave().await;
        assert_eq!(next(&mut first).await, MembershipEvent::Assigned(moved));
        first.leave().await;
    });
}
