//! From capture to apply in one process: each step is transformed and handed over in memory.

use std::sync::Arc;

use millrace_apply::TransformedStep;
use millrace_capture::Outlet;
use millrace_model::{Failure, MysqlType, SchemaKey, TableSchema};
use millrace_proto::{CHECKPOINT_KEY, encode_checkpoint, encode_table, table_record_key};
use millrace_protocol::capture::Step;
use millrace_task::Task;
use millrace_transform::batch::{Scratch, transform_batch};
use millrace_transform::mappings::Mappings;
use tokio::sync::mpsc;

use crate::run::progress::Progress;

/// Transforms steps and hands them to apply.
pub(crate) struct MemoryOutlet {
    task: Arc<Task>,
    mappings: Mappings,
    scratch: Scratch,
    steps: mpsc::Sender<TransformedStep>,
    progress: Progress,
}

impl MemoryOutlet {
    pub(crate) fn new(
        task: Arc<Task>,
        mappings: Mappings,
        steps: mpsc::Sender<TransformedStep>,
        progress: Progress,
    ) -> Self {
        Self { task, mappings, scratch: Scratch::default(), steps, progress }
    }

    fn learn(&mut self, key: SchemaKey<MysqlType>, schema: &TableSchema<MysqlType>) -> Result<(), Failure> {
        self.mappings.add(key, schema.clone(), &self.task.selection)?;
        Ok(())
    }

    fn transform(&mut self, step: &Step) -> Result<TransformedStep, Failure> {
        let mut schemas = Vec::new();
        for (key, schema) in &step.schemas {
            self.learn(*key, schema)?;
            if let Some(named) = self.mappings.get(*key) {
                schemas.push((named.target, named.mapping.target().clone()));
            }
        }
        let mut batches = Vec::with_capacity(step.batches.len());
        for (_, batch) in &step.batches {
            batches.push(transform_batch(&self.mappings, &mut self.scratch, 0, batch)?);
            self.scratch.count_dropped();
        }
        let mut state: Vec<(String, Option<Vec<u8>>)> = Vec::new();
        for (table_id, table) in &step.tables {
            state.push((table_record_key(*table_id), table.as_ref().map(|table| encode_table(table).to_vec())));
        }
        state.push((CHECKPOINT_KEY.to_owned(), Some(encode_checkpoint(&step.checkpoint).to_vec())));
        let watermark = step.checkpoint.partial.is_none().then(|| step.checkpoint.next_watermark - 1);
        Ok(TransformedStep { task_id: step.checkpoint.task_id.clone(), batches, schemas, state, watermark })
    }
}

impl Outlet for MemoryOutlet {
    async fn publish(&mut self, step: Step) -> Result<(), Failure> {
        let transformed = self.transform(&step)?;
        self.progress.step(&step);
        // Apply has ended: its own failure says why.
        let ended = |_| Failure::connection("apply has ended", "");
        self.steps.send(transformed).await.map_err(ended)
    }

    async fn lost(&mut self) -> Failure {
        std::future::pending().await
    }

    async fn leave(self) {}
}
