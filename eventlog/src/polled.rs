//! A producer and the thread that takes its delivery reports.
//!
//! The client library has one of these, which asks for 100 ms at a time: what remains of such a time is below a
//! millisecond in the end, which librdkafka takes as "do not wait", and the thread turns round and round until it is
//! over: a hundredth of a core for each idle producer. Here the time asked for is a little more than whole milliseconds, so
//! that an idle wait ends with nothing left of it.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::BaseProducer;

use crate::delivery::Deliveries;

/// How long the thread waits for reports at a time: whole milliseconds, and what the wait itself takes.
const WAIT: Duration = Duration::from_micros(250_050);

/// A producer whose deliveries are reported until it is dropped.
pub(crate) struct PolledProducer {
    producer: Arc<BaseProducer<Deliveries>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl PolledProducer {
    /// Makes it; connects in the background.
    pub(crate) fn create(config: &ClientConfig, deliveries: Deliveries) -> KafkaResult<Self> {
        let producer: Arc<BaseProducer<Deliveries>> = Arc::new(config.create_with_context(deliveries)?);
        let is_over = Arc::<AtomicBool>::default();
        let (polled, stop) = (producer.clone(), is_over.clone());
        let poll = move || {
            while !stop.load(Ordering::Relaxed) {
                polled.poll(WAIT);
            }
        };
        let thread = std::thread::Builder::new().name("log-deliveries".into()).spawn(poll);

        let thread = thread.map_err(|_| KafkaError::ClientCreation("no thread can be started".into()))?;
        Ok(Self { producer, is_over, thread: Some(thread) })
    }
}

impl Deref for PolledProducer {
    type Target = BaseProducer<Deliveries>;

    fn deref(&self) -> &Self::Target {
        &self.producer
    }
}

impl Drop for PolledProducer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // A thread that panicked has nothing more to report.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
