//! Messages of the owned partitions, into the machine that decides what is written together.

use std::time::Duration;

use futures_util::FutureExt;
use millrace_eventlog::{LogOptions, Message, PartitionReader, ReadEvent, SchemaReader, StartAt, TopicNames};
use millrace_model::{Failure, PgType, TableSchema, TableState};
use millrace_proto::{BatchDecoder, Received, decode_schema, schema_record_key, schema_record_prefix};
use millrace_protocol::cut::{Cuts, Progress};

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
    paused: Vec<u32>,
    partitions: u32,
    /// Bytes that wait to be written before the transaction is written ahead, and partitions that are ahead are paused.
    held: usize,
}

impl Feed {
    /// A feed that owns nothing yet.
    pub(crate) fn open(
        options: &LogOptions,
        names: &TopicNames,
        fingerprint: [u8; 16],
        task_id: &str,
    ) -> Result<Self, Failure> {
        Ok(Self {
            reader: PartitionReader::open(options, &names.transformed, &names.apply_progress_group())?,
            schemas: SchemaReader::open(options, names)?,
            decoder: BatchDecoder::new(fingerprint, Some(task_id.to_owned())),
            cuts: Cuts::new(options.partitions, &[], 0, options.memory.held()),
            owned: Vec::new(),
            paused: Vec::new(),
            partitions: options.partitions,
            held: options.memory.held(),
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
        self.paused.clear();
        for progress in &standing {
            self.reader.assign(progress.partition, StartAt::Offset(progress.next_offset));
        }
    }

    /// Waits for the next message. Nothing is lost if it is dropped.
    pub(crate) async fn next(&self) -> Result<ReadEvent, Failure> {
        Ok(self.reader.next().await?)
    }

    /// Takes a message with all that are there already, within bounds. Must not be dropped before it is done.
    pub(crate) async fn collect(&mut self, first: ReadEvent) -> Result<(), Failure> {
        let began = std::time::Instant::now();
        self.take(first).await?;
        while self.cuts.bytes() < self.held && began.elapsed() < COLLECT_LIMIT {
            let Some(event) = self.reader.next().now_or_never() else { break };
            self.take(event?).await?;
        }
        self.pause();
        Ok(())
    }

    async fn take(&mut self, event: ReadEvent) -> Result<(), Failure> {
        match event {
            ReadEvent::Message(message) => self.message(message).await,
            ReadEvent::EndOfPartition { .. } => Ok(()),
        }
    }

    async fn message(&mut self, message: Message) -> Result<(), Failure> {
        let cuts = &self.cuts;
        let columns = |key| cuts.schema(key).map(|schema| schema.columns.len());
        let (partition, offset) = (message.partition, message.offset);
        let (first_offset, batch) = match self.decoder.decode::<PgType>(message.payload, columns)? {
            Received::Batch(batch) => (offset, batch),
            Received::Part(part) => {
                let Some(joined) = self.cuts.offer_part(partition, offset, part) else { return Ok(()) };
                let cuts = &self.cuts;
                let columns = |key| cuts.schema(key).map(|schema| schema.columns.len());
                (joined.first_offset, self.decoder.decode_joined(joined.into_bytes(), columns)?)
            }
        };
        for key in self.cuts.missing_schemas(&batch) {
            let record = schema_record_key(key);
            let value = self.schemas.get(record.as_bytes(), SchemaReader::WAIT).await?;
            self.cuts.add_schema(key, std::sync::Arc::new(decode_schema(value)?));
        }
        Ok(self.cuts.offer_joined(partition, first_offset, offset, batch)?)
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

    /// Pauses what is ahead and resumes what is no longer.
    pub(crate) fn pause(&mut self) {
        let wanted = self.cuts.to_pause();
        for partition in wanted.iter().filter(|partition| !self.paused.contains(partition)) {
            self.reader.pause(*partition);
        }
        for partition in self.paused.iter().filter(|partition| !wanted.contains(partition)) {
            self.reader.resume(*partition);
        }
        self.paused = wanted;
    }

    /// Shows lag tools how far the partitions are.
    pub(crate) fn show(&self, progress: &[Progress]) {
        for progress in progress {
            self.reader.show_progress(progress.partition, progress.next_offset);
        }
    }
}
