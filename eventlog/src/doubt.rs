//! When a topic counts as missing.
//!
//! A broker that starts or stops says for a while that it does not know topics that are there. So that answer alone ends
//! nothing: whoever gets it asks again, and a topic is missing when no other answer came for [`DOUBT`].

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::types::RDKafkaRespErr;

use crate::error::LogError;
use crate::settings::ANSWER_LIMIT;

/// How long a topic may be said to be missing.
const DOUBT: Duration = Duration::from_secs(10);

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks again while a topic is said to be missing, for as long as that is in doubt.
pub(crate) async fn unless_in_doubt<T, F>(ask: impl Fn() -> F) -> Result<T, LogError>
where
    F: Future<Output = Result<T, LogError>>,
{
    let start = Instant::now();
    loop {
        match ask().await {
            Err(LogError::TopicMissing { .. }) if start.elapsed() < DOUBT => tokio::time::sleep(PAUSE).await,
            answer => return answer,
        }
    }
}

/// The same on a thread for blocking calls.
pub(crate) fn unless_in_doubt_blocking<T>(ask: impl Fn() -> Result<T, LogError>) -> Result<T, LogError> {
    let start = Instant::now();
    loop {
        match ask() {
            Err(LogError::TopicMissing { .. }) if start.elapsed() < DOUBT => std::thread::park_timeout(PAUSE),
            answer => return answer,
        }
    }
}

/// Ensures that the brokers know a topic that was said to be missing. No answer at all is an outage, which passes.
pub(crate) fn ensure_known<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str) -> Result<(), LogError> {
    unless_in_doubt_blocking(|| {
        let Ok(metadata) = consumer.fetch_metadata(Some(topic), ANSWER_LIMIT) else { return Ok(()) };
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        match found.map(|found| found.error()) {
            None | Some(Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)) => {
                Err(LogError::TopicMissing { topic: topic.to_owned() })
            }
            Some(_) => Ok(()),
        }
    })
}
