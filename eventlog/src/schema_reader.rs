//! The schemas topic, read from its beginning and followed: schemas by key.
//!
//! The topics of one transaction become visible one after another, so a row can be seen before its schema. A reader
//! that misses one waits [`SchemaReader::WAIT`], the longest that a transaction can stay open and a margin, before it
//! says that it is not there.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::client::lock;
use crate::error::LogError;
use crate::options::{LogOptions, TopicNames};
use crate::reader::{PartitionReader, ReadEvent, StartAt};
use crate::settings::TRANSACTION_TIMEOUT;

#[derive(Default)]
struct Known {
    schemas: Mutex<(BTreeMap<Bytes, Bytes>, Option<LogError>)>,
    changed: Notify,
}

/// All schemas of a task that are committed.
pub struct SchemaReader {
    known: Arc<Known>,
    topic: String,
    follower: JoinHandle<()>,
}

impl SchemaReader {
    /// How long to wait for a schema that a row names.
    pub const WAIT: Duration = TRANSACTION_TIMEOUT.saturating_add(Duration::from_secs(15));

    /// Starts reading. To be called within a tokio runtime.
    pub fn open(options: &LogOptions, names: &TopicNames) -> Result<Self, LogError> {
        let reader = PartitionReader::open(options, &names.schemas, &format!("{}.read", names.schemas))?;
        reader.assign(0, StartAt::Beginning);
        let known = Arc::new(Known::default());
        let follower = tokio::spawn(follow(reader, Arc::clone(&known)));
        Ok(Self { known, topic: names.schemas.clone(), follower })
    }

    /// The schema of a key; waits up to `limit` for it.
    pub async fn get(&self, key: &[u8], limit: Duration) -> Result<Bytes, LogError> {
        match tokio::time::timeout(limit, self.appear(|schemas| schemas.get(key).cloned())).await {
            Ok(found) => found,
            Err(_) => Err(LogError::SchemaMissing {
                topic: self.topic.clone(),
                key: key.escape_ascii().to_string(),
                seconds: limit.as_secs(),
            }),
        }
    }

    /// A schema whose key begins so; waits for it without a limit.
    pub async fn first_of(&self, prefix: &[u8]) -> Result<Bytes, LogError> {
        self.appear(|schemas| {
            let mut from = schemas.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
            from.next().filter(|(key, _)| key.starts_with(prefix)).map(|(_, schema)| schema.clone())
        })
        .await
    }

    /// The schema of a key, if it has been read.
    pub fn known(&self, key: &[u8]) -> Option<Bytes> {
        lock(&self.known.schemas).0.get(key).cloned()
    }

    /// The records that have been read whose keys begin so, with their keys.
    pub fn known_of(&self, prefix: &[u8]) -> Vec<(Bytes, Bytes)> {
        let known = lock(&self.known.schemas);
        let from = known.0.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(|(key, _)| key.starts_with(prefix)).map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    async fn appear(&self, find: impl Fn(&BTreeMap<Bytes, Bytes>) -> Option<Bytes>) -> Result<Bytes, LogError> {
        loop {
            let changed = self.known.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let known = lock(&self.known.schemas);
                if let Some(schema) = find(&known.0) {
                    return Ok(schema);
                }
                if let Some(error) = &known.1 {
                    return Err(error.clone());
                }
            }
            changed.await;
        }
    }
}

impl Drop for SchemaReader {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

async fn follow(reader: PartitionReader, known: Arc<Known>) {
    loop {
        let event = reader.next().await;
        let ended = event.is_err();
        {
            let mut schemas = lock(&known.schemas);
            match event {
                Ok(ReadEvent::Message(message)) => {
                    schemas.0.insert(message.key, message.payload);
                }
                Ok(ReadEvent::EndOfPartition { .. }) => continue,
                Err(error) => schemas.1 = Some(error),
            }
        }
        known.changed.notify_waiters();
        if ended {
            return;
        }
    }
}
