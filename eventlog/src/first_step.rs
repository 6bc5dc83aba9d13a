//! The tables that a task began with: those of capture's first step, which the state topic begins with.
//!
//! A step's records come in one transaction, and its checkpoint is the last of them: so what is before the first
//! checkpoint is the first step. Compaction may take records of it away later on, never add one.

use millrace_model::{Failure, TableState};
use millrace_proto::{CHECKPOINT_KEY, decode_table};

use crate::options::{LogOptions, TopicNames};
use crate::scan::read_tail;

/// The tables of capture's first step, as they were then; none before that step.
pub async fn read_first_tables(options: &LogOptions, names: &TopicNames) -> Result<Option<Vec<TableState>>, Failure> {
    let mut tables = Vec::new();
    for message in read_tail(options, &names.state, 0, usize::MAX).await? {
        if message.key == CHECKPOINT_KEY {
            return Ok(Some(tables));
        }
        let Ok(key) = std::str::from_utf8(&message.key) else { continue };
        if !message.payload.is_empty() {
            tables.extend(decode_table(key, message.payload.clone())?);
        }
    }
    Ok(None)
}
