//! The log's books: read with the published format alone, as any other consumer would.
//!
//! What was captured is there once each; what was transformed covers all of it; what has not been applied are watermarks
//! that came after the last row. Chaos has no filter, so no row may be left out.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use millrace_testkit::read_topic;
use prost::Message;

use crate::world::World;

/// What is needed of `EventBatch` in proto/millrace/v1/batch.proto.
#[derive(Clone, PartialEq, Message)]
struct Batch {
    #[prost(uint64, tag = "4")]
    first: u64,
    #[prost(uint64, tag = "5")]
    last: u64,
    #[prost(message, repeated, tag = "8")]
    runs: Vec<Run>,
    #[prost(message, optional, tag = "9")]
    part: Option<Part>,
}

#[derive(Clone, PartialEq, Message)]
struct Part {
    #[prost(bytes = "vec", tag = "1")]
    writer: Vec<u8>,
    #[prost(uint32, tag = "2")]
    number: u32,
    #[prost(uint32, tag = "3")]
    count: u32,
    #[prost(bytes = "vec", tag = "5")]
    content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Run {
    #[prost(message, optional, tag = "1")]
    rows: Option<RowRun>,
    #[prost(message, optional, tag = "2")]
    control: Option<Control>,
}

#[derive(Clone, PartialEq, Message)]
struct RowRun {
    #[prost(message, repeated, tag = "2")]
    changes: Vec<RowChange>,
}

#[derive(Clone, PartialEq, Message)]
struct RowChange {
    #[prost(uint64, tag = "2")]
    sequence: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Control {
    #[prost(uint64, tag = "1")]
    sequence: u64,
}

/// The entries of one partition.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entries {
    rows: Vec<u64>,
    /// The highest sequence that is covered.
    last: u64,
}

/// Ensures that captured = transformed = applied; gives the number of entries. The stages have stopped.
pub(super) async fn ensure_accounted(world: &World) -> Result<u64> {
    let captured = partitions(world, "captured").await?;
    let transformed = partitions(world, "transformed").await?;
    ensure!(captured.len() == transformed.len(), "the topics have other partitions");
    let applied = applied(world).await?;
    let mut entries = 0;
    for (partition, (captured, transformed)) in captured.into_iter().zip(transformed).enumerate() {
        let captured = take_once(&captured).with_context(|| format!("captured, partition {partition}"))?;
        let transformed = take_covered(&transformed).with_context(|| format!("transformed, partition {partition}"))?;
        let seen: Vec<u64> = captured.rows.iter().copied().filter(|row| *row <= transformed.last).collect();
        ensure!(seen == transformed.rows, "partition {partition}: transform has left out or added rows");
        let applied = applied.get(partition).copied().unwrap_or(0);
        let rest = captured.rows.iter().filter(|row| **row > applied).count();
        ensure!(rest == 0, "partition {partition}: {rest} rows after sequence {applied} have not been applied");
        entries += captured.last;
    }
    Ok(entries)
}

async fn partitions(world: &World, topic: &str) -> Result<Vec<Vec<Batch>>> {
    let messages = read_topic(&world.servers.kafka, &format!("{}.{topic}", world.name)).await?;
    messages.into_iter().map(|partition| join_parts(&partition)).collect()
}

/// The messages of a partition; those that came in parts stand where their last part does.
fn join_parts(messages: &[Vec<u8>]) -> Result<Vec<Batch>> {
    let (mut batches, mut open) = (Vec::new(), HashMap::<Vec<u8>, (u32, Vec<u8>)>::new());
    for message in messages {
        let batch = Batch::decode(&message[..])?;
        let Some(part) = batch.part else {
            batches.push(batch);
            continue;
        };
        if part.number == 0 {
            open.insert(part.writer.clone(), (0, Vec::new()));
        }
        // What does not continue its writer's message is passed over.
        let Some((next, bytes)) = open.get_mut(&part.writer).filter(|(next, _)| *next == part.number) else { continue };
        bytes.extend(part.content);
        *next += 1;
        if *next == part.count {
            batches.push(Batch::decode(&bytes[..])?);
            open.remove(&part.writer);
        }
    }
    Ok(batches)
}

/// The last sequence of each partition.
async fn applied(world: &World) -> Result<Vec<u64>> {
    let sql = "SELECT max(log_sequence) FROM millrace.progress GROUP BY log_partition ORDER BY log_partition";
    let rows = world.connect_postgres().await?.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| u64::try_from(row.get::<_, i64>(0)).unwrap_or_default()).collect())
}

/// In the captured topic each sequence comes exactly once.
fn take_once(batches: &[Batch]) -> Result<Entries> {
    let mut entries = Entries::default();
    for batch in batches {
        ensure!(batch.first == entries.last + 1, "after {} comes {}", entries.last, batch.first);
        for run in &batch.runs {
            for (sequence, kind) in sequences(run) {
                entries.last += 1;
                ensure!(sequence == entries.last, "{sequence} stands where {} is expected", entries.last);
                entries.rows.extend((kind == Kind::Row).then_some(sequence));
            }
        }
        ensure!(batch.last == entries.last, "a message ends at {} and says {}", entries.last, batch.last);
    }
    Ok(entries)
}

/// In the transformed topic ranges may come again, but never leave a gap.
fn take_covered(batches: &[Batch]) -> Result<Entries> {
    let mut entries = Entries::default();
    for batch in batches {
        ensure!(batch.first <= entries.last + 1, "after {} comes {}", entries.last, batch.first);
        let new = batch.runs.iter().flat_map(sequences).filter(|(sequence, _)| *sequence > entries.last);
        entries
            .rows
            .extend(new.filter(|(_, kind)| *kind == Kind::Row).map(|(sequence, _)| sequence).collect::<Vec<_>>());
        entries.last = entries.last.max(batch.last);
    }
    Ok(entries)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Row,
    Control,
}

fn sequences(run: &Run) -> Vec<(u64, Kind)> {
    let rows = run.rows.iter().flat_map(|rows| &rows.changes).map(|change| (change.sequence, Kind::Row));
    rows.chain(run.control.iter().map(|control| (control.sequence, Kind::Control))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(first: u64, last: u64, rows: &[u64]) -> Batch {
        let changes = rows.iter().map(|sequence| RowChange { sequence: *sequence }).collect();
        Batch { first, last, runs: vec![Run { rows: Some(RowRun { changes }), control: None }], part: None }
    }

    #[test]
    fn a_loss_or_a_repetition_in_the_captured_topic_is_found() {
        assert!(take_once(&[batch(1, 2, &[1, 2]), batch(3, 3, &[3])]).is_ok_and(|entries| entries.rows == [1, 2, 3]));
        assert!(take_once(&[batch(1, 2, &[1, 2]), batch(4, 4, &[4])]).is_err());
        assert!(take_once(&[batch(1, 2, &[1, 2]), batch(2, 2, &[2])]).is_err());
        assert!(take_once(&[batch(1, 2, &[1])]).is_err());
    }

    #[test]
    fn a_repetition_in_the_transformed_topic_is_passed_by_and_a_gap_is_found() {
        let repeated = [batch(1, 2, &[1, 2]), batch(1, 2, &[1, 2]), batch(2, 4, &[2, 4])];
        assert!(take_covered(&repeated).is_ok_and(|entries| entries.rows == [1, 2, 4] && entries.last == 4));
        assert!(take_covered(&[batch(1, 2, &[1, 2]), batch(4, 4, &[4])]).is_err());
    }
}
