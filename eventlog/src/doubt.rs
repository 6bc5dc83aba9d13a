//! When a topic counts as missing.
//!
//! A broker that starts or stops says for a while that it does not know topics that are there. So that answer alone ends
//! nothing: whoever gets it asks again, and a topic is missing when the brokers said nothing else for [`DOUBT`]. Only
//! answers that came at once count: where one took long, brokers were away meanwhile, and what they said before they
//! went says nothing about what they know once they are back.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::types::RDKafkaRespErr;

use crate::error::LogError;
use crate::settings::ANSWER_LIMIT;

/// How long a topic may be said to be missing.
const DOUBT: Duration = Duration::from_secs(20);

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// An answer that took longer did not come at once.
const AT_ONCE: Duration = Duration::from_secs(2);

/// For how long nothing but "missing" was answered.
#[derive(Debug, Default)]
struct Doubt {
    since: Option<Instant>,
}

impl Doubt {
    /// Notes that "missing" was answered; says whether that is to be believed.
    fn is_over(&mut self, asked: Instant, answered: Instant) -> bool {
        match self.since {
            Some(since) if answered - asked <= AT_ONCE => answered - since >= DOUBT,
            _ => {
                self.since = Some(answered);
                false
            }
        }
    }
}

/// Asks again while a topic is said to be missing, for as long as that is in doubt.
pub(crate) async fn unless_in_doubt<T, F>(ask: impl Fn() -> F) -> Result<T, LogError>
where
    F: Future<Output = Result<T, LogError>>,
{
    let mut doubt = Doubt::default();
    loop {
        let asked = Instant::now();
        match ask().await {
            Err(LogError::TopicMissing { .. }) if !doubt.is_over(asked, Instant::now()) => {
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

/// Asks again while a topic is said to be missing, although the brokers know it, or may. What `ask` calls may itself wait
/// before it says so; so the brokers are asked whether to believe it.
pub(crate) fn unless_missing<C: ConsumerContext, T>(
    consumer: &BaseConsumer<C>,
    ask: impl Fn() -> Result<T, LogError>,
) -> Result<T, LogError> {
    loop {
        match ask() {
            Err(LogError::TopicMissing { topic }) => {
                ensure_known(consumer, &topic)?;
                std::thread::park_timeout(PAUSE);
            }
            answer => return answer,
        }
    }
}

/// Ensures that the brokers know a topic that was said to be missing. No answer at all is an outage, which passes.
pub(crate) fn ensure_known<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str) -> Result<(), LogError> {
    let mut doubt = Doubt::default();
    loop {
        let asked = Instant::now();
        let Ok(metadata) = consumer.fetch_metadata(Some(topic), ANSWER_LIMIT) else { return Ok(()) };
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let unknown = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        if found.is_some_and(|found| found.error() != Some(unknown)) {
            return Ok(());
        }
        if doubt.is_over(asked, Instant::now()) {
            return Err(LogError::TopicMissing { topic: topic.to_owned() });
        }
        std::thread::park_timeout(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn brokers_that_say_nothing_else_are_believed() {
        let (start, mut doubt) = (Instant::now(), Doubt::default());
        let mut asked = seconds(0.0);
        while asked < DOUBT {
            assert!(!doubt.is_over(start + asked, start + asked + seconds(0.5)), "after {asked:?}");
            asked += seconds(1.0);
        }
        assert!(doubt.is_over(start + asked, start + asked + seconds(0.5)));
    }

    #[test]
    fn what_was_said_before_an_outage_is_forgotten() {
        let (start, mut doubt) = (Instant::now(), Doubt::default());
        assert!(!doubt.is_over(start, start + seconds(0.1)));
        // The next answer comes after the brokers were away for long.
        let back = seconds(0.2) + DOUBT;
        assert!(!doubt.is_over(start + seconds(0.2), start + back));
        assert!(!doubt.is_over(start + back, start + back + seconds(0.1)));
        assert!(!doubt.is_over(start + back, start + back + seconds(0.2)));
        let later = back + DOUBT;
        assert!(doubt.is_over(start + later, start + later + seconds(0.1)));
    }
}
