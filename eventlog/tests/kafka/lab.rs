//! A task of its own for each test, whose topics are deleted afterwards, whatever happened.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use millrace_eventlog::{
    Broker, ClaimId, DATA_RETENTION, LogError, LogOptions, Message, Opened, PartitionReader, ReadEvent, StepWriter,
    TopicNames,
};
use millrace_task::Memory;

/// Longest time that a test waits for something that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub(crate) struct Lab {
    pub(crate) options: LogOptions,
    pub(crate) names: TopicNames,
}

pub(crate) fn brokers() -> String {
    std::env::var("MILLRACE_TEST_KAFKA").expect("MILLRACE_TEST_KAFKA is not set: run `make test`")
}

/// Runs a test with the topics of its own task.
pub(crate) fn with_topics<F>(name: &str, partitions: u32, test: impl FnOnce(Lab) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let options = LogOptions { brokers: brokers(), options: BTreeMap::new(), partitions, memory: Memory::default() };
    let names = TopicNames::of(&format!("log-test-{}-{name}", std::process::id()));
    let lab = Lab { options, names };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let outcome = runtime.block_on(async {
        let broker = Broker::connect(&lab.options).await.unwrap();
        let names = lab.names.clone();
        broker.ensure_topics(&names, DATA_RETENTION).await.unwrap();
        let outcome = tokio::time::timeout(Duration::from_secs(55), tokio::spawn(test(lab))).await;
        let narrow = narrow_topic(&names);
        let topics = [&names.captured, &names.transformed, &names.schemas, &names.state, &narrow].map(String::as_str);
        broker.delete_topics(&topics).await.unwrap();
        outcome.expect("the test took too long")
    });
    runtime.shutdown_background();
    if let Err(panic) = outcome {
        resume_unwind(panic.into_panic());
    }
}

/// The name of a topic with a low message limit, for the test that makes it.
pub(crate) fn narrow_topic(names: &TopicNames) -> String {
    format!("{}.narrow", names.task)
}

impl Lab {
    pub(crate) async fn broker(&self) -> Broker {
        Broker::connect(&self.options).await.unwrap()
    }

    pub(crate) async fn open(&self) -> Opened {
        StepWriter::open(&self.options, &self.names, ClaimId::random()).await.unwrap()
    }

    pub(crate) fn captured_reader(&self) -> PartitionReader {
        PartitionReader::open(&self.options, &self.names.captured, &self.names.transform_progress_group()).unwrap()
    }

    /// Waits until messages of an open transaction have reached partition 0 of the captured topic.
    pub(crate) async fn await_open_transaction(&self) {
        let broker = self.broker().await;
        let start = Instant::now();
        let mut poll = tokio::time::interval(Duration::from_millis(10));
        loop {
            poll.tick().await;
            let ends = broker.ends(&self.names.captured).await.unwrap()[0];
            if ends.end > ends.last_stable {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "no open transaction appeared");
        }
    }
}

/// The next event, which must come.
pub(crate) async fn event(reader: &PartitionReader) -> Result<ReadEvent, LogError> {
    tokio::time::timeout(PATIENCE, reader.next()).await.expect("no event came")
}

/// The next `count` messages, whatever ends lie between.
pub(crate) async fn messages(reader: &PartitionReader, count: usize) -> Vec<Message> {
    let mut found = Vec::new();
    while found.len() < count {
        if let ReadEvent::Message(message) = event(reader).await.unwrap() {
            found.push(message);
        }
    }
    found
}

/// All messages up to the first end of a partition.
pub(crate) async fn up_to_end(reader: &PartitionReader) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        match event(reader).await.unwrap() {
            ReadEvent::Message(message) => found.push(text(&message)),
            ReadEvent::EndOfPartition { .. } => return found,
        }
    }
}

pub(crate) fn text(message: &Message) -> String {
    String::from_utf8(message.payload.to_vec()).unwrap()
}

/// Bytes that do not compress.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}
