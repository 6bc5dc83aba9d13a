//! Membership of a consumer group, used for one thing: who owns which partitions.
//!
//! The member reads nothing (what it is assigned is paused at once) and commits nothing. Cooperative-sticky assignment
//! interrupts only partitions that move. A partition that is to move is announced as [`MembershipEvent::Revoked`], and
//! the group waits until the stage has called [`Membership::released`]: so the next owner starts after this one has
//! stopped. That is for order and economy only: a member that was cut off ([`MembershipEvent::Lost`]) may still be at
//! work when its partitions have a new owner, and the log protocol makes such zombies harmless.
//!
//! librdkafka is polled on a thread of its own all the time, so a busy stage never misses `max.poll.interval.ms`; while
//! that thread waits for a release, librdkafka's own threads keep the heartbeats going.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tokio::sync::{mpsc, oneshot};

use crate::client::{ClientLog, lock};
use crate::doubt::ensure_known;
use crate::error::{LogError, Place};
use crate::options::LogOptions;
use crate::settings::{self, RELEASE_LIMIT};

/// Longest time that leaving waits for the poll before it; what happens in the group ends the wait. For the odd length see
/// [`crate::polled`].
const POLL: Duration = Duration::from_micros(250_050);

/// What happens to a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MembershipEvent {
    /// These partitions are now this member's, in addition to those that it has.
    Assigned(Vec<u32>),
    /// These partitions move to another member as soon as [`Membership::released`] was called.
    Revoked(Vec<u32>),
    /// These partitions were lost: another member may have them already. Nothing is to be released.
    Lost(Vec<u32>),
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Release {
    NotAsked,
    Asked,
    Given,
    Leaving,
}

struct Handshake {
    release: Mutex<Release>,
    changed: Condvar,
}

impl Handshake {
    fn set(&self, from: Release, to: Release) {
        let mut release = lock(&self.release);
        if *release == from {
            *release = to;
            self.changed.notify_all();
        }
    }

    fn leave(&self) {
        *lock(&self.release) = Release::Leaving;
        self.changed.notify_all();
    }

    fn is_leaving(&self) -> bool {
        *lock(&self.release) == Release::Leaving
    }

    /// Waits until the stage has given the partitions up, or leaves, or has taken too long.
    fn await_release(&self) {
        let guard = lock(&self.release);
        let waited = self.changed.wait_timeout_while(guard, RELEASE_LIMIT, |release| *release == Release::Asked);
        let (mut release, result) = waited.unwrap_or_else(PoisonError::into_inner);
        if result.timed_out() {
            tracing::warn!("partitions were not released in time; their next owner does not wait any longer");
        }
        if *release != Release::Leaving {
            *release = Release::NotAsked;
        }
    }
}

struct Member {
    log: ClientLog,
    handshake: Arc<Handshake>,
    events: mpsc::UnboundedSender<Result<MembershipEvent, LogError>>,
}

impl Member {
    fn assigned(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        // From the end, which is never read: no committed offset is looked for.
        let mut paused = list.clone();
        paused.set_all_offsets(Offset::End)?;
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&paused)?,
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(&paused)?,
        }
        if list.count() == 0 {
            return Ok(());
        }
        consumer.pause(&paused)?;
        self.tell(Ok(MembershipEvent::Assigned(partitions_of(list))));
        Ok(())
    }

    fn revoked(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        if consumer.assignment_lost() {
            self.tell(Ok(MembershipEvent::Lost(partitions_of(list))));
        } else if list.count() > 0 && !self.handshake.is_leaving() {
            self.handshake.set(Release::NotAsked, Release::Asked);
            self.tell(Ok(MembershipEvent::Revoked(partitions_of(list))));
            self.handshake.await_release();
        }
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
        }
    }

    fn tell(&self, event: Result<MembershipEvent, LogError>) {
        // Nobody listens any more: the member is leaving.
        let _ = self.events.send(event);
    }
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.log.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(error, reason);
    }
}

impl ConsumerContext for Member {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let done = match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(consumer, list),
            _ => self.revoked(consumer, list),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "a change of partitions could not be carried out");
        }
    }
}

fn partitions_of(list: &TopicPartitionList) -> Vec<u32> {
    let mut partitions: Vec<u32> =
        list.elements().iter().filter_map(|element| u32::try_from(element.partition()).ok()).collect();
    partitions.sort_unstable();
    partitions
}

/// A member of a group over one topic. Dropped, it leaves the group in the background.
pub struct Membership {
    handshake: Arc<Handshake>,
    events: mpsc::UnboundedReceiver<Result<MembershipEvent, LogError>>,
    left: oneshot::Receiver<()>,
}

impl Membership {
    /// Joins `group` (see [`crate::TopicNames`]) for the partitions of `topic`.
    pub fn join(options: &LogOptions, group: &str, topic: &str) -> Result<Self, LogError> {
        let place = Place::new(&options.brokers, "join group", group);
        let handshake = Arc::new(Handshake { release: Mutex::new(Release::NotAsked), changed: Condvar::new() });
        let (sender, events) = mpsc::unbounded_channel();
        let member = Member { log: ClientLog::default(), handshake: Arc::clone(&handshake), events: sender };
        let consumer: BaseConsumer<Member> =
            settings::member(options, group)?.create_with_context(member).map_err(|e| place.error(&e))?;
        consumer.subscribe(&[topic]).map_err(|e| place.error(&e))?;
        let (leaving, left) = oneshot::channel();
        let topic = topic.to_owned();
        let run = move || {
            keep_polling(&consumer, &place, &topic);
            // Also after an error: closing revokes what is left, and nobody may be there to release it.
            consumer.context().handshake.leave();
            drop(consumer);
            let _ = leaving.send(());
        };
        match std::thread::Builder::new().name("log-member".into()).spawn(run) {
            Ok(_) => Ok(Self { handshake, events, left }),
            Err(_) => Err(LogError::Ended { what: "membership thread" }),
        }
    }

    /// The next change of what this member owns; waits for one. Can be dropped without losing anything.
    pub async fn next(&mut self) -> Result<MembershipEvent, LogError> {
        self.events.recv().await.unwrap_or(Err(LogError::Ended { what: "membership" }))
    }

    /// Says that the partitions of the last [`MembershipEvent::Revoked`] are given up: nothing of them is written any
    /// more. To be called within four minutes, after which the group goes on without.
    pub fn released(&self) {
        self.handshake.set(Release::Asked, Release::Given);
    }

    /// Leaves the group, so that others need not wait for the session's end. All partitions must have been given up.
    pub async fn leave(mut self) {
        self.handshake.leave();
        let _ = (&mut self.left).await;
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.handshake.leave();
    }
}

fn keep_polling(consumer: &BaseConsumer<Member>, place: &Place, topic: &str) {
    let member = consumer.context();
    while !member.handshake.is_leaving() {
        // A message can slip through before its partition is paused: it is not ours to read.
        let Some(Err(error)) = consumer.poll(POLL) else { continue };
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            member.tell(Err(place.error(&error)));
            return;
        }
        let judged = member.log.refusal(place).unwrap_or_else(|| place.error(&error));
        match judged {
            LogError::Authentication { .. } | LogError::Authorization { .. } => {
                member.tell(Err(judged));
                return;
            }
            LogError::TopicMissing { .. } => {
                if let Err(missing) = ensure_known(consumer, topic) {
                    member.tell(Err(missing));
                    return;
                }
            }
            // An outage passes, or ends in `Lost`.
            passing => tracing::debug!(error = %passing, "group membership"),
        }
    }
}
