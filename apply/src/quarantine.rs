//! Keys that are held back, because the destination refused a row of theirs (ADR 0022).
//!
//! Which they are is read when an apply begins, after progress, and again before each of its transactions while there are
//! any: only the owner of a key's partition adds to its record, and it cannot commit once another has taken over; anybody
//! may have released it. So before a transaction this knows at least what is held, and a record that is gone by its
//! commit undoes it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use millrace_adbpg::quarantine::render_forget_held;
use millrace_adbpg::{Connection, HeldRow, InsertStrategy, Refused, Replaced, TableWrite, WriteTransaction};
use millrace_model::batch::{Barrier, SchemaChange};
use millrace_model::{Failure, Hold, HoldOrigin, PgType, TableSchema};
use millrace_proto::encode_schema;
use millrace_protocol::compact;
use millrace_protocol::cut::Cuts;
use millrace_protocol::quarantine::{Quarantine, Record, Stored};
use millrace_service::StageContext;
use millrace_task::OnBadRow;
use serde_json::{Value, json};

/// What is done with rows that the destination refuses, and what is held.
pub(crate) struct Guard {
    on_bad_row: OnBadRow,
    held: Quarantine,
    /// Tables of which something was shown.
    shown: BTreeSet<String>,
}

impl Guard {
    /// Before anything was read.
    pub(crate) fn new(context: &StageContext) -> Self {
        Self { on_bad_row: context.task.on_bad_row, held: Quarantine::default(), shown: BTreeSet::new() }
    }

    /// Reads what is held. Not before progress: who committed in between has advanced it, and this apply cannot.
    pub(crate) async fn read(&mut self, connection: &Connection, task_id: &str) -> Result<(), Failure> {
        self.held = Quarantine::of(connection.read_holds(task_id).await?);
        Ok(())
    }

    /// Reads what is still held, before a transaction.
    pub(crate) async fn refresh(&mut self, connection: &Connection, task_id: &str) -> Result<(), Failure> {
        match self.held.is_empty() {
            true => Ok(()),
            false => self.read(connection, task_id).await,
        }
    }

    /// The table's rows are gone, in this transaction.
    pub(crate) async fn forget(
        &mut self,
        transaction: &mut WriteTransaction<'_>,
        task_id: &str,
        table_id: u64,
    ) -> Result<(), Failure> {
        if self.held.holds_any_of(table_id) {
            transaction.forget_held(task_id, table_id).await?;
            self.held.forget_table(table_id);
        }
        Ok(())
    }

    /// Takes out of a write what is about keys that are held.
    pub(crate) fn withhold(&mut self, table: &mut compact::TableWrite, load: HoldOrigin) {
        self.held.withhold(table, load);
    }

    /// Writes to a table; holds what is refused, where the task says so.
    pub(crate) async fn write(
        &mut self,
        transaction: &mut WriteTransaction<'_>,
        schema: &std::sync::Arc<TableSchema<PgType>>,
        write: &TableWrite,
    ) -> Result<(), Failure> {
        let limit = match self.on_bad_row {
            OnBadRow::Quarantine { limit } if schema.is_keyed() => limit as usize,
            OnBadRow::Quarantine { .. } | OnBadRow::Stop => {
                return Ok(transaction.write_table(schema, write).await?);
            }
        };
        let room = limit.saturating_sub(self.held.len());
        let refused = transaction.write_table_but_refused(schema, write, room).await?;
        if refused.len() > room {
            return Err(too_many(limit, refused.last()));
        }
        let origin = match write.strategy {
            InsertStrategy::WhereAbsent => HoldOrigin::LoadIfAbsent,
            InsertStrategy::AfterDeletes | InsertStrategy::LikelyAbsent => HoldOrigin::Change,
        };
        for Refused { row, reason } in refused {
            tracing::warn!(table = %schema.name, reason, "a row goes to the quarantine");
            let (key, table) = (row.key(&schema.key), schema.name.clone());
            let hold = Hold { table_id: schema.table_id, table, key, origin, changes: 1, since: now(), reason };
            self.held.hold(hold, row, schema);
        }
        Ok(())
    }

    /// Writes the records of what is held since the last commit. After [`Replaced::Lost`] the transaction can only be
    /// rolled back.
    pub(crate) async fn store(
        &mut self,
        transaction: &mut WriteTransaction<'_>,
        task_id: &str,
    ) -> Result<Replaced, Failure> {
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for Record { hold, row, schema, stored } in self.held.take_records() {
            let held = HeldRow { hold, row, definition: encode_schema(&schema) };
            match stored {
                Stored::No => new.push(held),
                Stored::Yes => changed.push(held),
            }
        }
        transaction.insert_held(task_id, &new).await?;
        Ok(transaction.replace_held(task_id, &changed).await?)
    }

    /// Shows what is held in status and metrics.
    pub(crate) fn show(&mut self, context: &StageContext) {
        if self.held.is_empty() && self.shown.is_empty() {
            return;
        }
        let tables = by_table(self.held.holds());
        let of_table = |(table, holds): (&String, &Vec<&Hold>)| {
            let first = holds.iter().min_by_key(|hold| hold.since);
            json!({
                "table": table,
                "rows": holds.len(),
                "since": first.map(|hold| hold.since),
                "reason": first.map(|hold| hold.reason.as_str()),
            })
        };
        context.status.set("quarantine", tables.iter().map(of_table).collect::<Vec<Value>>());
        for table in self.shown.iter().filter(|table| !tables.contains_key(*table)) {
            metrics::gauge!("millrace_quarantined_rows", "table" => table.clone()).set(0.0);
        }
        for (table, holds) in &tables {
            metrics::gauge!("millrace_quarantined_rows", "table" => table.clone()).set(holds.len() as f64);
        }
        self.shown = tables.into_keys().collect();
    }

    /// The statements that a barrier needs before its own: what is held of tables that lose all their rows goes with
    /// them. A table of which rows are held cannot be altered: they have its former shape; unless the barrier empties it
    /// before.
    pub(crate) fn at_barrier(
        holds: &[Hold],
        task_id: &str,
        barrier: &Barrier<PgType>,
        cuts: &Cuts,
    ) -> Result<Vec<String>, Failure> {
        let (mut statements, mut emptied) = (Vec::new(), Vec::new());
        for change in &barrier.changes {
            let Some(schema) = cuts.schema(change.schema()).filter(|schema| !emptied.contains(&schema.table_id)) else {
                continue;
            };
            let held = holds.iter().filter(|hold| hold.table_id == schema.table_id).count();
            match change {
                SchemaChange::Drop { .. } | SchemaChange::Truncate { .. } if held > 0 => {
                    statements.push(render_forget_held(task_id, schema.table_id)?);
                    emptied.push(schema.table_id);
                }
                SchemaChange::Alter(_) if held > 0 => return Err(altered(held, schema)),
                SchemaChange::Create { .. }
                | SchemaChange::Drop { .. }
                | SchemaChange::Truncate { .. }
                | SchemaChange::Alter(_) => {}
            }
        }
        Ok(statements)
    }

    /// The keys that are held now.
    pub(crate) fn holds(&self) -> Vec<Hold> {
        self.held.holds().cloned().collect()
    }
}

/// A task is not complete while rows are held.
pub(crate) async fn ensure_none_held(connection: &Connection, task_id: &str) -> Result<(), Failure> {
    let holds = connection.read_holds(task_id).await?;
    let tables = by_table(&holds);
    let Some((table, of_first)) = tables.first_key_value() else { return Ok(()) };
    let (first, more) = (of_first.len(), holds.len() - of_first.len());
    let others = if more > 0 { format!(" and {more} of other tables") } else { String::new() };
    Err(Failure::fatal(
        format!("everything else is done, but {first} rows of \"{table}\"{others} are held in quarantine"),
        "see millrace quarantine list; release or drop them, then start the task again",
    ))
}

fn by_table<'h>(holds: impl IntoIterator<Item = &'h Hold>) -> BTreeMap<String, Vec<&'h Hold>> {
    let mut tables: BTreeMap<String, Vec<&Hold>> = BTreeMap::new();
    for hold in holds {
        tables.entry(hold.table.to_string()).or_default().push(hold);
    }
    tables
}

fn too_many(limit: usize, last: Option<&Refused>) -> Failure {
    let reason = last.map(|refused| refused.reason.as_str()).unwrap_or_default();
    Failure::fatal(
        format!("more rows are refused than the {limit} of errors.quarantine_limit: {reason}"),
        "mend the destination, then millrace quarantine release; or drop what is held; or raise the limit",
    )
}

fn altered(held: usize, schema: &TableSchema<PgType>) -> Failure {
    Failure::fatal(
        format!("\"{}\" is altered in the source, but {held} of its rows are held in quarantine", schema.name),
        "see millrace quarantine list; release or drop them, then start the task again",
    )
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
