//! The settings of each librdkafka client, and why each is set.
//!
//! Three layers: our defaults, then the task's options, then what the guarantees rest on (which the task cannot set, see
//! [`LogOptions::ensure_allowed`]).
//!
//! **All clients**
//! - `client.id` = `millrace`: the broker's logs and quotas name us. `log.connection.close` = false: a broker that closes
//!   an idle connection is no news.
//!
//! **Both producers**
//! - `enable.idempotence`, `acks` = all, `max.in.flight` = 5: each message once and in order per partition, on all
//!   in-sync replicas, over retries of the client.
//! - `linger.ms` = 0.1: what is sent at one go shares a request; a message holds all the rows that there are for it already,
//!   so that there is nothing more to wait for, and librdkafka's thread turns round until the time is over.
//!   `compression.type` stays librdkafka's, none (docs/adr/0026-no-compression.md).
//! - `message.max.bytes` = [`MESSAGE_LIMIT`], the limit with which our topics are made.
//! - `queue.buffering.max.kbytes` = a share of the task's `memory`: what that unacknowledged messages may take; a full queue is
//!   back-pressure. `queue.buffering.max.messages` = 0: bytes alone count.
//!
//! **Step writer** (capture)
//! - `transactional.id` = `<task>.capture`: one living capture a task; starting one fences all older ones.
//! - `transaction.timeout.ms` = [`TRANSACTION_TIMEOUT`]: a dead capture holds readers back for that long at most.
//!   librdkafka lowers `message.timeout.ms` to it.
//!
//! **Partition writer** (transform)
//! - `message.timeout.ms` = 0: a message never times out, so none is given up while those behind it are delivered;
//! - `enable.gapless.guarantee`: a message that the broker refuses for good makes the producer fail as a whole, so that
//!   nothing behind it is delivered either.
//!
//! **Readers**
//! - `isolation.level` = read_committed: a step is seen as a whole or not at all.
//! - `auto.offset.reset` = error: an offset that is gone stops the stage. The default, `latest`, is a silent gap.
//! - `enable.auto.commit`, `enable.auto.offset.store` = false: offsets live with the data, not in the group.
//! - `group.id`: librdkafka assigns partitions only to a consumer with one; nobody joins it.
//! - `enable.partition.eof`: "read to the end" is said, not guessed.
//! - `check.crcs`: what was damaged on the way is not applied.
//! - `queued.max.messages.kbytes`, `fetch.max.bytes` = a share of the task's `memory`: what messages read ahead may take;
//!   the former counts for each partition of a [`crate::PartitionReader`], which has a queue for each.
//! - `fetch.queue.backoff.ms` = 20: a reader whose queue was full would otherwise pause for a second.
//!   `fetch.wait.max.ms` = 250: a partition that is assigned later waits that long at most for its first fetch; a shorter
//!   time is more questions to the broker where nothing happens, which cost both sides.
//! - `allow.auto.create.topics` = false: a missing topic is an error, not an empty topic.
//!
//! **Group members** (ownership alone)
//! - `partition.assignment.strategy` = cooperative-sticky: only partitions that move are interrupted; a standby never
//!   takes the partition from a living owner. Safe, because ownership only avoids double work: a late owner is fenced
//!   (capture), harmless (transform) or loses the race for the progress row (apply).
//! - `session.timeout.ms` = 6 s, `heartbeat.interval.ms` = 2 s: a dead owner is replaced after six seconds, the least that
//!   brokers take by default. The task may set the former: an owner that is taken for dead loses nothing but time.
//! - `max.poll.interval.ms` = 5 min: the thread polls all the time; only a stage that gives up a partition makes it wait.
//! - `group.protocol` = classic: assignment and release are then ours to time.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::error::LogError;
use crate::options::{LogOptions, TopicNames};

/// How long the broker keeps a transaction open whose writer has gone.
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(15);

/// Largest message in bytes (key, payload and overhead) of the topics that we create and of our producers' default.
pub const MESSAGE_LIMIT: u32 = 4 << 20;

/// Time limit of an answer from the broker where nothing more particular holds.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How long a stage may take to give up a partition; below `max.poll.interval.ms`.
pub(crate) const RELEASE_LIMIT: Duration = Duration::from_secs(240);

type Settings<'a> = &'a [(&'a str, &'a str)];

const EVERY_CLIENT: Settings<'static> = &[("client.id", "millrace"), ("log.connection.close", "false")];

const PRODUCER_DEFAULTS: Settings<'static> =
    &[("linger.ms", "0.1"), ("message.max.bytes", "4194304"), ("queue.buffering.max.messages", "0")];

const CONSUMER_DEFAULTS: Settings<'static> = &[("fetch.queue.backoff.ms", "20"), ("fetch.wait.max.ms", "250")];

const CONSUMER_GUARANTEES: Settings<'static> = &[
    ("auto.offset.reset", "error"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "true"),
    ("check.crcs", "true"),
    ("allow.auto.create.topics", "false"),
];

/// How long a member that is silent still owns its partitions, in milliseconds.
const SESSION_DEFAULT: (&str, &str) = ("session.timeout.ms", "6000");

const MEMBER_GUARANTEES: Settings<'static> = &[
    ("group.protocol", "classic"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("heartbeat.interval.ms", "2000"),
    ("max.poll.interval.ms", "300000"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "latest"),
    ("allow.auto.create.topics", "false"),
];

/// Least and most that one answer has of a partition, in bytes (a larger message comes alone); the most is the client's
/// own default.
const LEAST_FETCH: usize = 64 << 10;
const MOST_FETCH: usize = 1 << 20;

/// What a producer may keep until it is acknowledged.
fn producer_shares(options: &LogOptions) -> [(&'static str, usize); 1] {
    [("queue.buffering.max.kbytes", options.memory.unacknowledged() >> 10)]
}

/// What a consumer may read ahead of each partition; one answer at a time comes on top. Each has room for all partitions,
/// which would otherwise come one after the other, each with more than what is held of it until the others are there as
/// well.
fn consumer_shares(options: &LogOptions) -> [(&'static str, usize); 3] {
    let bytes = options.memory.read_ahead();
    let answer = bytes / 2;
    let partitions = options.partitions.max(1) as usize;
    let of_partition = (answer / partitions).clamp(LEAST_FETCH, MOST_FETCH);
    [
        ("queued.max.messages.kbytes", (bytes / partitions).max(LEAST_FETCH) >> 10),
        ("fetch.max.bytes", answer),
        ("fetch.message.max.bytes", of_partition),
    ]
}

fn layered(
    options: &LogOptions,
    defaults: Settings<'_>,
    shares: &[(&str, usize)],
    guarantees: Settings<'_>,
) -> Result<ClientConfig, LogError> {
    options.ensure_allowed()?;
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Notice);
    for (name, value) in EVERY_CLIENT.iter().chain(defaults) {
        config.set(*name, *value);
    }
    for (name, value) in shares {
        config.set(*name, value.to_string());
    }
    for (name, value) in &options.options {
        config.set(name, value);
    }
    config.set("bootstrap.servers", &options.brokers);
    for (name, value) in guarantees {
        config.set(*name, *value);
    }
    Ok(config)
}

/// The transactional producer of capture.
pub(crate) fn step_writer(options: &LogOptions, names: &TopicNames) -> Result<ClientConfig, LogError> {
    let guarantees = [
        ("enable.idempotence", "true"),
        ("acks", "all"),
        ("max.in.flight", "5"),
        ("transactional.id", &names.capture()),
        ("transaction.timeout.ms", &TRANSACTION_TIMEOUT.as_millis().to_string()),
    ];
    layered(options, PRODUCER_DEFAULTS, &producer_shares(options), &guarantees)
}

/// The idempotent producer of transform.
pub(crate) fn partition_writer(options: &LogOptions) -> Result<ClientConfig, LogError> {
    let guarantees = [
        ("enable.idempotence", "true"),
        ("acks", "all"),
        ("max.in.flight", "5"),
        ("message.timeout.ms", "0"),
        ("enable.gapless.guarantee", "true"),
    ];
    layered(options, PRODUCER_DEFAULTS, &producer_shares(options), &guarantees)
}

/// A consumer that is given partitions and offsets; `group` is only the name under which it may show its progress.
pub(crate) fn reader(options: &LogOptions, group: &str) -> Result<ClientConfig, LogError> {
    let mut config = layered(options, CONSUMER_DEFAULTS, &consumer_shares(options), CONSUMER_GUARANTEES)?;
    config.set("group.id", group).set("isolation.level", "read_committed");
    Ok(config)
}

/// A consumer that reads nothing: metadata, and watermarks at the given isolation level.
pub(crate) fn observer(options: &LogOptions, isolation: &str) -> Result<ClientConfig, LogError> {
    let mut config = layered(options, CONSUMER_DEFAULTS, &consumer_shares(options), CONSUMER_GUARANTEES)?;
    config.set("isolation.level", isolation);
    Ok(config)
}

/// A consumer that reads nothing and looks at what a group shows of its progress; it is no member.
pub(crate) fn lag_observer(options: &LogOptions, group: &str) -> Result<ClientConfig, LogError> {
    let mut config = observer(options, "read_committed")?;
    config.set("group.id", group);
    Ok(config)
}

/// A member of a group that only says who owns which partitions.
pub(crate) fn member(options: &LogOptions, group: &str) -> Result<ClientConfig, LogError> {
    let defaults: Vec<(&str, &str)> = CONSUMER_DEFAULTS.iter().copied().chain([SESSION_DEFAULT]).collect();
    let mut config = layered(options, &defaults, &consumer_shares(options), MEMBER_GUARANTEES)?;
    config.set("group.id", group);
    Ok(config)
}

/// The client of the admin interface (topics, configurations).
pub(crate) fn admin(options: &LogOptions) -> Result<ClientConfig, LogError> {
    layered(options, &[], &[], &[])
}
