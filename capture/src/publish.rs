//! A step into the log: one Kafka transaction.

use millrace_eventlog::StepWriter;
use millrace_model::Failure;
use millrace_proto::{
    CHECKPOINT_KEY, Envelope, encode_batch, encode_checkpoint, encode_schema, encode_table, schema_record_key,
    table_record_key,
};
use millrace_protocol::capture::Step;

/// Publishes a step. The writer comes back only if it is committed; otherwise nobody knows, and the attempt ends.
pub(crate) async fn publish(writer: StepWriter, envelope: &Envelope, step: &Step) -> Result<StepWriter, Failure> {
    let mut open = writer.begin()?;
    for (key, schema) in &step.schemas {
        open.send_schema(schema_record_key(*key).as_bytes(), &encode_schema(schema)).await?;
    }
    for (partition, batch) in &step.batches {
        open.send(*partition, &encode_batch(envelope, batch)).await?;
    }
    for (table_id, state) in &step.tables {
        let value = state.as_ref().map(encode_table).unwrap_or_default();
        open.send_state(table_record_key(*table_id).as_bytes(), &value).await?;
    }
    // Last: whoever looks for the newest checkpoint finds it at the end of the topic.
    open.send_state(CHECKPOINT_KEY.as_bytes(), &encode_checkpoint(&step.checkpoint)).await?;
    Ok(open.commit().await?)
}
