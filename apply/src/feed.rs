//! Messages of the owned partitions, into the machine that decides what is written together.
//!
//! While a transaction is written, what is written next is read and decoded ([`Feed::meanwhile`]). Why nothing is lost
//! where taking a message is given up halfway: the message stands in `arrived` from its decoding until the machine has
//! it, and whoever takes next goes on with it.

use std::future::pending;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use millrace_eventlog::{LogOptions, Message, PartitionReader, ReadEvent, SchemaReader, StartAt, TopicNames};
use millrace_model::batch::Batch;
use millrace_model::{Failure, PgType, TableSchema, TableState};
use millrace_proto::{BatchDecoder, Received, decode_schema, schema_record_key, schema_record_prefix};
use millrace_protocol::cut::{Cuts, Progress, Work};

/// How long one turn may collect messages that are there already.
const COLLECT_LIMIT: Duration = Duration::from_millis(200);

/// The owned partitions.
pub(crate) struct Feed {
    reader: PartitionReader,
    schemas: SchemaReader,
    decoder: BatchDecoder,
    /// Decides what is written.
    pub(crate) cuts: Cuts,
    owned: Vec<u32>,
    partitions: u32,
    /// Bytes that wait to be written before the transaction is written ahead, and nothing more is taken of partitions that
    /// are ahead. As many may be in the transaction that is being written.
    held: usize,
    /// A message that the machine does not have yet: its tables' schemas are awaited.
    arrived: Option<Arrived>,
    /// What failed while a transaction was written, which is committed first.
    failed: Option<Failure>,
}

/// A message as it came, from its first part's offset to its last part's.
struct Arrived {
    partition: u32,
    offsets: (i64, i64),
    batch: Batch<PgType>,
    since: Instant,
}

impl Feed {
    /// A feed that owns nothing yet.
    pub(crate) fn open(
        options: &LogOptions,
        names: &TopicNames,
        fingerprint: [u8; 16],
        task_id: &str,
    ) -> Result<Self, Failure> {
        let held = options.memory.held();
        Ok(Self {
            reader: PartitionReader::open(options, &names.transformed, &names.apply_progress_group())?,
            schemas: SchemaReader::open(options, names)?,
            decoder: BatchDecoder::new(fingerprint, Some(task_id.to_owned())),
            cuts: Cuts::new(options.partitions, &[], 0, held),
            owned: Vec::new(),
            partitions: options.partitions,
            held,
            arrived: None,
            failed: None,
        })
    }

    /// The partitions that are owned.
    pub(crate) fn owned(&self) -> &[u32] {
        &self.owned
    }

    /// Begins anew with these partitions, from the progress in the destination.
    pub(crate) fn restart(&mut self, owned: &[u32], progress: &[Progress]) {
        for partition in &self.owned {
            self.reader.unassign(*partition);
        }
        let of = |partition: &u32| {
            let known = progress.iter().find(|p| p.partition == *partition).copied();
            known.unwrap_or_else(|| Progress::start(*partition))
        };
        let standing: Vec<Progress> = owned.iter().map(of).collect();
        let floor = progress.iter().map(|p| p.watermark).max().unwrap_or(0);
        self.cuts = Cuts::new(self.partitions, &standing, floor, self.held);
        self.owned = owned.to_vec();
        self.arrived = None;
        for progress in &standing {
            self.reader.assign(progress.partition, StartAt::Offset(progress.next_offset));
        }
    }

    /// Waits for a message and takes it with all that are there already, within bounds. Nothing is lost if it is dropped.
    pub(crate) async fn collect(&mut self) -> Result<(), Failure> {
        self.take().await?;
        let began = Instant::now();
        while self.cuts.bytes() < self.held && began.elapsed() < COLLECT_LIMIT {
            let Some(taken) = self.take().now_or_never() else { break };
            taken?;
        }
        Ok(())
    }

    /// What to do next.
    pub(crate) fn next_work(&mut self) -> Work {
        self.cuts.next_work()
    }

    /// Takes messages until something is done. What fails of that fails whoever takes next.
    pub(crate) async fn meanwhile<T>(&mut self, doing: impl Future<Output = T>) -> T {
        let mut doing = pin!(doing);
        loop {
            let taken = async {
                match self.cuts.bytes() < self.held && self.failed.is_none() {
                    true => self.take().await,
                    false => pending().await,
                }
            };
            let taken = tokio::select! {
                biased;
                done = &mut doing => return done,
                taken = taken => taken,
            };
            self.failed = taken.err();
        }
    }

    /// Waits for a message and takes it. Nothing is lost if it is dropped.
    async fn take(&mut self) -> Result<(), Failure> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        if self.arrived.is_none() {
            match self.reader.next_of_least(|partition| self.cuts.rank(partition)).await? {
                ReadEvent::Message(message) => self.arrived = self.decode(message)?,
                ReadEvent::EndOfPartition { .. } => {}
            }
        }
        self.hand_over().await
    }

    fn decode(&mut self, message: Message) -> Result<Option<Arrived>, Failure> {
        let cuts = &self.cuts;
        let columns = |key| cuts.schema(key).map(|schema| schema.columns.len());
        let (partition, offset) = (message.partition, message.offset);
        let (first_offset, batch) = match self.decoder.decode::<PgType>(message.payload, columns)? {
            Received::Batch(batch) => (offset, batch),
            Received::Part(part) => {
                let Some(joined) = self.cuts.offer_part(partition, offset, part) else { return Ok(None) };
                let cuts = &self.cuts;
                let columns = |key| cuts.schema(key).map(|schema| schema.columns.len());
                (joined.first_offset, self.decoder.decode_joined(joined.into_bytes(), columns)?)
            }
        };
        Ok(Some(Arrived { partition, offsets: (first_offset, offset), batch, since: Instant::now() }))
    }

    /// Gives what arrived to the machine, once its schemas are there.
    async fn hand_over(&mut self) -> Result<(), Failure> {
        let Some(arrived) = &self.arrived else { return Ok(()) };
        for key in self.cuts.missing_schemas(&arrived.batch) {
            let limit = SchemaReader::WAIT.saturating_sub(arrived.since.elapsed());
            let value = self.schemas.get(schema_record_key(key).as_bytes(), limit).await?;
            self.cuts.add_schema(key, std::sync::Arc::new(decode_schema(value)?));
        }
        let Some(Arrived { partition, offsets: (first, last), batch, .. }) = self.arrived.take() else { return Ok(()) };
        Ok(self.cuts.offer_joined(partition, first, last, batch)?)
    }

    /// What these tables become in the destination, once transform says so.
    pub(crate) async fn first_schemas(&self, tables: &[TableState]) -> Result<Vec<TableSchema<PgType>>, Failure> {
        let mut schemas = Vec::with_capacity(tables.len());
        for table in tables {
            let prefix = schema_record_prefix::<PgType>(table.key.version);
            schemas.push(decode_schema(self.schemas.first_of(prefix.as_bytes()).await?)?);
        }
        Ok(schemas)
    }

    /// Reads a schema that is named by the destination's notes.
    pub(crate) async fn schema(
        &mut self,
        key: millrace_model::SchemaKey<PgType>,
    ) -> Result<std::sync::Arc<millrace_model::TableSchema<PgType>>, Failure> {
        if let Some(schema) = self.cuts.schema(key) {
            return Ok(schema.clone());
        }
        let value = self.schemas.get(schema_record_key(key).as_bytes(), SchemaReader::WAIT).await?;
        Ok(std::sync::Arc::new(decode_schema(value)?))
    }

    /// Shows lag tools how far the partitions are.
    pub(crate) fn show(&self, progress: &[Progress]) {
        for progress in progress {
            self.reader.show_progress(progress.partition, progress.next_offset);
        }
    }
}

#[cfg(test)]
mod tests;
