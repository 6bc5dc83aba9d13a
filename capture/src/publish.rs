//! Where steps go: into Kafka, one transaction each, or to the other stages in this process.

use std::future::Future;

use millrace_eventlog::{LogError, Ownership, StepWriter};
use millrace_model::Failure;
use millrace_proto::{
    CHECKPOINT_KEY, Envelope, encode_checkpoint, encode_messages, encode_schema, encode_table, schema_record_key,
    table_record_key,
};
use millrace_protocol::capture::Step;
use millrace_service::ProgressMark;

/// Takes steps, in order.
pub trait Outlet: Send {
    /// Publishes a step as a whole or not at all. After an error nobody knows which, and the attempt ends.
    fn publish(&mut self, step: Step) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Waits until this process may publish no longer, and says why.
    fn lost(&mut self) -> impl Future<Output = Failure> + Send;

    /// Publishing is over in good order.
    fn leave(self) -> impl Future<Output = ()> + Send;
}

/// Steps become Kafka transactions.
pub(crate) struct KafkaOutlet {
    /// None while a step is being published, and for good after one that failed.
    writer: Option<StepWriter>,
    ownership: Ownership,
    envelope: Envelope,
    mark: ProgressMark,
}

impl KafkaOutlet {
    /// A step that Kafka has is progress, which `mark` counts.
    pub(crate) fn new(writer: StepWriter, ownership: Ownership, envelope: Envelope, mark: ProgressMark) -> Self {
        Self { writer: Some(writer), ownership, envelope, mark }
    }

    async fn write(&self, writer: StepWriter, step: &Step) -> Result<StepWriter, LogError> {
        let mut open = writer.begin()?;
        for (key, schema) in &step.schemas {
            open.send_schema(schema_record_key(*key).as_bytes(), &encode_schema(schema)).await?;
        }
        for (partition, batch) in &step.batches {
            for message in encode_messages(&self.envelope, open.writer_id(), batch) {
                open.send(*partition, &message).await?;
            }
        }
        for (table_id, state) in &step.tables {
            let value = state.as_ref().map(encode_table).unwrap_or_default();
            open.send_state(table_record_key(*table_id).as_bytes(), &value).await?;
        }
        // Last: whoever looks for the newest checkpoint finds it at the end of the topic.
        open.send_state(CHECKPOINT_KEY.as_bytes(), &encode_checkpoint(&step.checkpoint)).await?;
        open.commit().await
    }
}

/// The broker took the right to write away: another capture has it, or this one was suspended for too long. In both
/// cases it stands by again, and writes again only when the task is its own.
fn stand_by_if_fenced(error: LogError) -> Failure {
    match error {
        LogError::Fenced { .. } => Failure::connection(error.to_string(), "this capture stands by until it is needed"),
        other => other.into(),
    }
}

impl Outlet for KafkaOutlet {
    async fn publish(&mut self, step: Step) -> Result<(), Failure> {
        let Some(writer) = self.writer.take() else {
            return Err(Failure::connection("the log's writer was lost", "it is opened anew"));
        };
        self.writer = Some(self.write(writer, &step).await.map_err(stand_by_if_fenced)?);
        self.mark.progress();
        Ok(())
    }

    async fn lost(&mut self) -> Failure {
        match self.ownership.lost().await {
            Err(error) => error.into(),
            Ok(()) => {
                Failure::connection("another capture has taken over the task", "this one stands by until it is needed")
            }
        }
    }

    async fn leave(self) {
        self.ownership.leave().await;
    }
}
