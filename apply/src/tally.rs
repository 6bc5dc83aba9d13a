//! What apply shows of itself, in status and metrics: how far each partition is, how fast it is, and how late.
//!
//! Why the latency is right when the source is idle: capture then writes a watermark each second that carries the time at
//! which it found nothing new, so the latency is that of the pipeline and not the age of the last change. While apply
//! stands still nothing is committed and the last latency says nothing: `committed_at` beside it does, which is the time
//! up to which the destination is complete.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millrace_model::batch::Watermark;
use millrace_protocol::cut::Progress;
use millrace_service::{Rate, StageContext};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Commits between two prunings of the progress rows.
const COMMITS_PER_PRUNE: u64 = 200;

/// Counts of one attempt, and where it stands.
#[derive(Debug)]
pub(crate) struct Tally {
    commits: u64,
    changes: u64,
    pruned_at: u64,
    rate: Rate,
    partitions: BTreeMap<u32, Progress>,
    watermark: Option<Watermark>,
    latency: Option<Duration>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            commits: 0,
            changes: 0,
            pruned_at: 0,
            rate: Rate::new(Instant::now()),
            partitions: BTreeMap::new(),
            watermark: None,
            latency: None,
        }
    }
}

impl Tally {
    /// These partitions are owned now, and stand here in the destination.
    pub(crate) fn restart(&mut self, context: &StageContext, owned: &[u32], progress: &[Progress]) {
        let of = |partition: u32| progress.iter().find(|row| row.partition == partition).copied();
        self.partitions = owned.iter().map(|&p| (p, of(p).unwrap_or_else(|| Progress::start(p)))).collect();
        self.show(context);
    }

    /// A commit that advanced these partitions, with this many row changes; its newest watermark says when the source
    /// was there.
    pub(crate) fn committed(
        &mut self,
        context: &StageContext,
        progress: &[Progress],
        changes: u64,
        watermark: Option<Watermark>,
    ) {
        self.commits += 1;
        self.changes += changes;
        self.rate.add(changes, Instant::now());
        self.partitions.extend(progress.iter().map(|row| (row.partition, *row)));
        // The first commit of an attempt without a change may be of what was there before: only what follows is progress.
        if changes > 0 || self.commits > 1 {
            context.mark.progress();
        }
        metrics::counter!("millrace_changes_total").increment(changes);
        if let Some(watermark) = watermark {
            // 0 is a source that did not say: a task without incremental.
            if watermark.committed_at > 0 {
                let latency = now().saturating_sub(Duration::from_micros(watermark.committed_at));
                metrics::histogram!("millrace_latency_seconds").record(latency.as_secs_f64());
                self.latency = Some(latency);
            }
            self.watermark = Some(watermark);
        }
        self.show(context);
    }

    /// Whether it is time to prune the progress rows; asked once per pruning.
    pub(crate) fn commits_since_prune(&mut self) -> bool {
        let due = self.commits >= self.pruned_at + COMMITS_PER_PRUNE;
        if due {
            self.pruned_at = self.commits;
        }
        due
    }

    fn show(&mut self, context: &StageContext) {
        let partition = |row: &Progress| {
            json!({
                "partition": row.partition,
                "sequence": row.sequence,
                "watermark": row.watermark,
                "next_offset": row.next_offset,
            })
        };
        let watermark = self.watermark.as_ref();
        context.status.merge(json!({
            "as_of": microseconds(now()),
            "partitions": self.partitions.keys().copied().collect::<Vec<u32>>(),
            "partition_progress": self.partitions.values().map(partition).collect::<Vec<Value>>(),
            "changes": self.changes,
            "changes_per_second": self.rate.per_second(Instant::now()).round(),
            "commits": self.commits,
            "latency_ms": self.latency.map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
            "watermark": watermark.map(|watermark| watermark.ordinal),
            "place": watermark.and_then(|watermark| watermark.place.as_ref()).map(ToString::to_string),
            "gtid": watermark.map(|watermark| watermark.gtid.clone()),
            "committed_at": watermark.map(|watermark| watermark.committed_at),
        }));
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
