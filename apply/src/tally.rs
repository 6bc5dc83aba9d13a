//! What is counted of the commits, for status and metrics.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millrace_service::StageContext;

/// Commits between two prunings of the progress rows.
const COMMITS_PER_PRUNE: u64 = 200;

/// Counts of one attempt.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    commits: u64,
    changes: u64,
    pruned_at: u64,
}

impl Tally {
    /// A commit with this many row changes, whose newest watermark was committed at the source at this time
    /// (microseconds since 1970-01-01 UTC; 0 or none: not known).
    pub(crate) fn committed(&mut self, context: &StageContext, changes: u64, committed_at: Option<u64>) {
        self.commits += 1;
        self.changes += changes;
        context.mark.progress();
        context.status.set("changes", self.changes);
        context.status.set("commits", self.commits);
        metrics::counter!("millrace_changes_total").increment(changes);
        if let Some(committed_at) = committed_at.filter(|&at| at > 0) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let latency = now.saturating_sub(Duration::from_micros(committed_at));
            metrics::histogram!("millrace_latency_seconds").record(latency.as_secs_f64());
            context.status.set("latency_ms", latency.as_millis() as u64);
        }
    }

    /// Whether it is time to prune the progress rows; asked once per pruning.
    pub(crate) fn commits_since_prune(&mut self) -> bool {
        let due = self.commits >= self.pruned_at + COMMITS_PER_PRUNE;
        if due {
            self.pruned_at = self.commits;
        }
        due
    }
}
