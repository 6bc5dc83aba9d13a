//! The loop of the stage: messages in, messages out; partitions come and go.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use millrace_eventlog::{
    Broker, LogOptions, Membership, MembershipEvent, Message, PartitionReader, PartitionWriter, ReadEvent,
    SchemaReader, StableOffsetWatch, TopicNames, read_first_tables,
};
use millrace_model::{Failure, MysqlType};
use millrace_proto::{
    BatchDecoder, HELD_PREFIX, Received, decode_held, decode_schema, encode_held, encode_messages, encode_schema,
    held_record_key, schema_of_held_record, schema_record_key,
};
use millrace_service::{Outcome, Patience, StageContext};
use millrace_task::Phase;

use crate::batch::{Scratch, transform_batch};
use crate::held::HeldTables;
use crate::lane::{Lane, TAIL_LIMIT, holds_end};
use crate::mappings::{Mappings, Need, is_written_down};
use crate::progress::Progress;

/// How often it is looked for what came to a stop. A living capture writes to every partition each second.
const WATCH: Duration = Duration::from_secs(5);

/// Ends of the output that are read at once: each has a client of its own for that.
const TAILS_AT_ONCE: usize = 8;

/// How long the last messages may take to be acknowledged at the end.
const FLUSH_LIMIT: Duration = Duration::from_secs(60);

/// Runs one attempt of the stage: until the task is complete, the process is told to stop, or something fails.
pub async fn run(context: StageContext) -> Result<Outcome, Failure> {
    let options = LogOptions::of_task(&context.task)?;
    let names = TopicNames::of(context.task.name.as_str());
    let broker = Broker::connect(&options).await?;
    context.mark.connected();
    if !wait_for_topics(&context, &broker, &names).await? {
        return Ok(Outcome::Stopped);
    }
    drop(broker);
    let mut stage = Stage::open(context, options, names)?;
    if !stage.learn_first_tables().await? {
        return Ok(Outcome::Stopped);
    }
    let mut membership = Membership::join(&stage.options, &stage.names.transform_group(), &stage.names.captured)?;
    let outcome = stage.work(&mut membership).await?;
    stage.writer.flush(FLUSH_LIMIT).await?;
    stage.lanes.clear();
    membership.released();
    membership.leave().await;
    Ok(outcome)
}

/// Waits until capture has made the topics; false if the process is told to stop meanwhile.
async fn wait_for_topics(context: &StageContext, broker: &Broker, names: &TopicNames) -> Result<bool, Failure> {
    let patience = Patience::begin();
    loop {
        let missing = broker.missing(names).await?;
        if missing.is_empty() {
            context.status.set("waiting_for", "");
            broker.ensure_topics_unchanged(names).await?;
            return Ok(true);
        }
        context.status.set("waiting_for", format!("capture to create topic \"{}\"", missing[0]));
        tokio::select! {
            () = context.shutdown.requested() => return Ok(false),
            () = patience.pause() => {}
        }
    }
}

struct Stage {
    context: StageContext,
    options: LogOptions,
    names: TopicNames,
    reader: PartitionReader,
    writer: PartitionWriter,
    /// Open while schemas come by, as every client has threads.
    schema_writer: Option<PartitionWriter>,
    schemas: SchemaReader,
    decoder: BatchDecoder,
    mappings: Mappings,
    scratch: Scratch,
    lanes: BTreeMap<u32, Lane>,
    progress: Progress,
    /// There while a partition is silent.
    watched: Option<(Broker, StableOffsetWatch)>,
}

impl Stage {
    fn open(context: StageContext, options: LogOptions, names: TopicNames) -> Result<Self, Failure> {
        Ok(Self {
            reader: PartitionReader::open(&options, &names.captured, &names.transform_progress_group())?,
            writer: PartitionWriter::open(&options, &names.transformed)?,
            schema_writer: None,
            schemas: SchemaReader::open(&options, &names)?,
            decoder: BatchDecoder::new(context.task.fingerprint(), None),
            mappings: Mappings::default(),
            scratch: Scratch::default(),
            lanes: BTreeMap::new(),
            progress: Progress::new(),
            watched: None,
            context,
            options,
            names,
        })
    }

    async fn work(&mut self, membership: &mut Membership) -> Result<Outcome, Failure> {
        let shutdown = self.context.shutdown.clone();
        let mut watch = tokio::time::interval(WATCH);
        while !self.has_ended() {
            tokio::select! {
                () = shutdown.requested() => return Ok(Outcome::Stopped),
                event = membership.next() => self.member(event?, membership).await?,
                event = self.reader.next() => self.read(event?).await?,
                error = self.writer.failed() => return Err(error.into()),
                _ = watch.tick() => {
                    self.ensure_no_hanging_transaction().await?;
                    self.schema_writer = None;
                    self.show_held()?;
                }
            }
        }
        Ok(Outcome::Completed)
    }

    /// A transaction that is never ended would hide everything after it, and look like a source that is gone: nothing comes
    /// of its partitions any more.
    async fn ensure_no_hanging_transaction(&mut self) -> Result<(), Failure> {
        if !self.lanes.values().any(|lane| lane.heard.elapsed() >= WATCH) {
            self.watched = None;
            return Ok(());
        }
        let (broker, stable) = match &mut self.watched {
            Some(watched) => watched,
            None => {
                let broker = Broker::connect(&self.options).await?;
                self.watched.insert((broker, StableOffsetWatch::new(&self.names.captured)))
            }
        };
        let ends = broker.ends(&self.names.captured).await?;
        Ok(stable.observe(&ends, Instant::now())?)
    }

    /// Says which tables are held, also those of which nothing has come by since the start.
    fn show_held(&self) -> Result<(), Failure> {
        if !self.context.task.selection.leaves_changes_out() {
            return Ok(());
        }
        let mut held = HeldTables::default();
        for (record, value) in self.schemas.known_of(HELD_PREFIX.as_bytes()) {
            let Some(key) = schema_of_held_record(&record) else { continue };
            let Some(source) = self.schemas.known(schema_record_key(key).as_bytes()) else { continue };
            held.note(key.version, decode_schema::<MysqlType>(source)?.name, decode_held(value)?);
        }
        self.context.status.set("held", held.to_json());
        Ok(())
    }

    fn has_ended(&self) -> bool {
        !self.lanes.is_empty() && self.lanes.values().all(|lane| lane.ended)
    }

    async fn member(&mut self, event: MembershipEvent, membership: &Membership) -> Result<(), Failure> {
        match event {
            MembershipEvent::Assigned(partitions) => {
                let lanes: Vec<(u32, Lane)> = stream::iter(partitions)
                    .map(|partition| resume(&self.options, &self.names, &self.decoder, partition))
                    .buffer_unordered(TAILS_AT_ONCE)
                    .try_collect()
                    .await?;
                for (partition, lane) in lanes {
                    self.reader.assign(partition, lane.start);
                    self.lanes.insert(partition, lane);
                }
            }
            MembershipEvent::Revoked(partitions) => {
                self.give_up(&partitions);
                self.writer.flush(FLUSH_LIMIT).await?;
                membership.released();
            }
            MembershipEvent::Lost(partitions) => self.give_up(&partitions),
        }
        self.context.status.set("partitions", self.lanes.keys().copied().collect::<Vec<u32>>());
        Ok(())
    }

    fn give_up(&mut self, partitions: &[u32]) {
        for partition in partitions {
            self.reader.unassign(*partition);
            self.lanes.remove(partition);
        }
    }

    async fn read(&mut self, event: ReadEvent) -> Result<(), Failure> {
        match event {
            ReadEvent::Message(message) => self.message(message).await,
            ReadEvent::EndOfPartition { .. } => Ok(()),
        }
    }

    async fn message(&mut self, message: Message) -> Result<(), Failure> {
        let partition = message.partition;
        let Some(lane) = self.lanes.get_mut(&partition) else { return Ok(()) };
        lane.heard = Instant::now();
        let mappings = &self.mappings;
        let columns = |key| mappings.get(key).map(|named| named.mapping.source_columns());
        let batch = match self.decoder.decode::<MysqlType>(message.payload, columns)? {
            Received::Batch(batch) => batch,
            Received::Part(part) => {
                let seen = lane.sequence.next() - 1;
                let Some(joined) = lane.joiner.take(message.offset, part, seen) else { return Ok(()) };
                self.decoder.decode_joined(joined.into_bytes(), columns)?
            }
        };
        for need in self.mappings.missing(&batch) {
            self.learn(need).await?;
        }
        let Some(lane) = self.lanes.get_mut(&partition) else { return Ok(()) };
        lane.sequence.accept(&batch)?;
        let output = transform_batch(&self.mappings, &mut self.scratch, message.offset, &batch)?;
        lane.ended |= holds_end(&output);
        let Some(envelope) = self.decoder.envelope() else { return Ok(()) };
        let rows = output.entries.len();
        drop(batch);
        let messages = encode_messages(envelope, self.writer.id(), &output);
        drop(output);
        for message in messages {
            self.writer.send(partition, &message).await?;
        }
        self.scratch.count_dropped();
        self.progress.written(rows);
        self.reader.show_progress(partition, message.offset + 1);
        self.context.mark.progress();
        self.progress.show(&self.context.status, self.lanes.keys().copied());
        Ok(())
    }

    /// Says what becomes of the tables that the task begins with, before any of their rows comes: where nobody creates them,
    /// apply looks at them first. False if the process is told to stop meanwhile.
    async fn learn_first_tables(&mut self) -> Result<bool, Failure> {
        if self.context.task.phases.contains(Phase::Schema) {
            return Ok(true);
        }
        let patience = Patience::begin();
        loop {
            if let Some(tables) = read_first_tables(&self.options, &self.names).await? {
                // One that was changed since comes with its changes.
                for table in tables.into_iter().filter(|table| table.key.version == table.schema.table_id) {
                    self.learn(Need { key: table.key, alteration: None }).await?;
                }
                self.context.status.set("waiting_for", "");
                return Ok(true);
            }
            self.context.status.set("waiting_for", "capture's first step");
            tokio::select! {
                () = self.context.shutdown.requested() => return Ok(false),
                () = patience.pause() => {}
            }
        }
    }

    /// Reads a schema that a message names, and publishes the destination's before anything uses it.
    async fn learn(&mut self, need: Need) -> Result<(), Failure> {
        let task = self.context.task.clone();
        let (key, selection) = (need.key, &task.selection);
        let schema = decode_schema(self.schemas.get(schema_record_key(key).as_bytes(), SchemaReader::WAIT).await?)?;
        let named = match need.alteration {
            Some(alteration) => self.mappings.follow(schema, &alteration, selection)?,
            None if is_written_down(key, &schema, selection) => {
                let held = self.schemas.get(held_record_key(key).as_bytes(), SchemaReader::WAIT).await?;
                self.mappings.recall(key, schema, decode_held(held)?, selection)?
            }
            None => self.mappings.add(key, schema, selection)?,
        };
        if is_written_down(key, named.mapping.source(), selection) {
            self.publish(&held_record_key(key), &encode_held(&named.mapping.held())).await?;
        }
        self.publish(&schema_record_key(named.target), &encode_schema(named.mapping.target())).await
    }

    async fn publish(&mut self, record: &str, value: &[u8]) -> Result<(), Failure> {
        if self.schemas.known(record.as_bytes()).is_none() {
            let writer = match &self.schema_writer {
                Some(writer) => writer,
                None => self.schema_writer.insert(PartitionWriter::open(&self.options, &self.names.schemas)?),
            };
            writer.send_record(0, record.as_bytes(), value).await?;
            writer.flush(FLUSH_LIMIT).await?;
        }
        Ok(())
    }
}

fn slow_tail(partition: u32) -> Failure {
    Failure::connection(
        format!("the end of the output's partition {partition} could not be read within {} s", TAIL_LIMIT.as_secs()),
        "look at the brokers: a transaction may hang",
    )
}

/// A partition, from the end of its output on.
async fn resume(
    options: &LogOptions,
    names: &TopicNames,
    decoder: &BatchDecoder,
    partition: u32,
) -> Result<(u32, Lane), Failure> {
    let lane = Lane::resume(options, names, decoder, partition);
    let lane = tokio::time::timeout(TAIL_LIMIT, lane).await.map_err(|_| slow_tail(partition))??;
    Ok((partition, lane))
}
