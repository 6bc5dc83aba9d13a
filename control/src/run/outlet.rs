//! From capture to apply in one process: each step is transformed and handed over in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millrace_apply::TransformedStep;
use millrace_capture::Outlet;
use millrace_model::{Failure, MysqlType, SchemaKey, TableSchema};
use millrace_proto::{CHECKPOINT_KEY, encode_checkpoint, encode_held, encode_table, held_record_key, table_record_key};
use millrace_protocol::capture::Step;
use millrace_service::StageContext;
use millrace_transform::batch::{Scratch, transform_batch};
use millrace_transform::mappings::{Mappings, NamedMapping, Need, is_written_down};
use tokio::sync::{mpsc, oneshot};

use crate::run::progress::Progress;

/// Transforms steps and hands them to apply.
pub(crate) struct MemoryOutlet {
    context: StageContext,
    mappings: Mappings,
    /// Schemas that no message has named yet.
    schemas: HashMap<SchemaKey<MysqlType>, Arc<TableSchema<MysqlType>>>,
    scratch: Scratch,
    steps: mpsc::Sender<TransformedStep>,
    /// Whether nobody takes steps any more.
    apply_ended: Arc<AtomicBool>,
    progress: Progress,
}

impl MemoryOutlet {
    pub(crate) fn new(
        context: StageContext,
        mappings: Mappings,
        steps: mpsc::Sender<TransformedStep>,
        apply_ended: Arc<AtomicBool>,
        progress: Progress,
    ) -> Self {
        let (schemas, scratch) = (HashMap::new(), Scratch::default());
        Self { context, mappings, schemas, scratch, steps, apply_ended, progress }
    }

    /// Makes the mapping of a schema of this step; what a restart needs of it joins the state.
    fn learn(&mut self, need: Need, state: &mut Vec<(String, Option<Vec<u8>>)>) -> Result<Arc<NamedMapping>, Failure> {
        let task = self.context.task.clone();
        let (key, selection) = (need.key, &task.selection);
        let schema = self.schemas.remove(&key).ok_or_else(|| {
            let what = format!("a step names schema {key:?}, which it does not have");
            Failure::fatal(what, "this is a defect of Millrace: please report it")
        })?;
        let Some(alteration) = need.alteration else {
            return Ok(self.mappings.add(key, schema.as_ref().clone(), selection)?);
        };
        let named = self.mappings.follow(schema.as_ref().clone(), &alteration, selection)?;
        if is_written_down(key, &schema, selection) {
            state.push((held_record_key(alteration.before), None));
            state.push((held_record_key(key), Some(encode_held(&named.mapping.held()).to_vec())));
            self.context.status.set("held", self.mappings.held().to_json());
        }
        Ok(named)
    }

    fn transform(&mut self, step: &Step) -> Result<TransformedStep, Failure> {
        self.schemas.extend(step.schemas.iter().cloned());
        let (mut schemas, mut state) = (Vec::new(), Vec::new());
        // A task's first tables are looked at before any of their rows comes: nothing may be written where one does not fit.
        for (key, _) in step.schemas.iter().filter(|(key, schema)| key.version == schema.table_id) {
            let named = self.learn(Need { key: *key, alteration: None }, &mut state)?;
            schemas.push((named.target, named.mapping.target().clone()));
        }
        let mut batches = Vec::with_capacity(step.batches.len());
        for (_, batch) in &step.batches {
            for need in self.mappings.missing(batch) {
                let named = self.learn(need, &mut state)?;
                schemas.push((named.target, named.mapping.target().clone()));
            }
            batches.push(transform_batch(&self.mappings, &mut self.scratch, 0, batch)?);
            self.scratch.count_dropped();
        }
        for (table_id, table) in &step.tables {
            state.push((table_record_key(*table_id), table.as_ref().map(|table| encode_table(table).to_vec())));
        }
        state.push((CHECKPOINT_KEY.to_owned(), Some(encode_checkpoint(&step.checkpoint).to_vec())));
        let next_sequence = step.checkpoint.next_sequences.first().copied().unwrap_or(1);
        let end = step.checkpoint.partial.is_none().then(|| next_sequence.saturating_sub(1));
        Ok(TransformedStep { task_id: step.checkpoint.task_id.clone(), batches, schemas, state, end, written: None })
    }
}

impl Outlet for MemoryOutlet {
    async fn publish(&mut self, step: Step) -> Result<(), Failure> {
        let mut transformed = self.transform(&step)?;
        self.progress.step(&step);
        // A large row is waited for: capture is not to read another one while apply still has this.
        let written = (step.bytes >= 2 * self.context.task.memory.step()).then(|| {
            let (told, written) = oneshot::channel();
            transformed.written = Some(told);
            written
        });
        drop(step);
        if self.steps.send(transformed).await.is_err() {
            // Its own failure says why.
            self.apply_ended.store(true, Ordering::Release);
            return Err(Failure::connection("apply has ended", ""));
        }
        if let Some(written) = written {
            // Where apply fails meanwhile, the next step, or its end, says so.
            let _ = written.await;
        }
        Ok(())
    }

    async fn lost(&mut self) -> Failure {
        std::future::pending().await
    }

    async fn leave(self) {}
}
