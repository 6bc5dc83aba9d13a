//! What capture shows of itself in the status: rows of every table with the server's estimate, where it stands in the
//! binlog, and how fast it is.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millrace_model::{Ended, Failure, Load, SourceMark, TableName, Used};
use millrace_mysql::estimates::read_estimates;
use millrace_mysql::{ServerFacts, Session};
use millrace_protocol::capture::{Capture, Step};
use millrace_service::{Rate, StageContext};
use millrace_task::Phase;
use serde_json::{Value, json};
use tokio::time::Instant;

/// Shown again at the earliest after this time.
const PAUSE: Duration = Duration::from_millis(200);

/// The list of the tables is made again only after this many times the time that it took: thousands of them cost at most a
/// fiftieth of a processor, however long the list is.
const LIST_PAUSE: u32 = 50;

/// What is shown of a step that is committed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Committed {
    /// Its rows.
    pub(crate) rows: u64,
    /// The last watermark so far.
    pub(crate) watermark: u64,
    /// Whether a table's state changed with it.
    pub(crate) changed_tables: bool,
}

impl Committed {
    /// What is shown of this step once it is.
    pub(crate) fn of(step: &Step, rows: u64) -> Self {
        Self { rows, watermark: step.checkpoint.next_watermark - 1, changed_tables: !step.tables.is_empty() }
    }
}

/// Counts of an attempt.
pub(crate) struct Progress {
    estimates: HashMap<TableName, u64>,
    rows: u64,
    /// Ordinal of the last watermark that was published.
    watermark: u64,
    rate: Rate,
    shown: Option<Instant>,
    listed: Listed,
    binlogs: Binlogs,
}

/// The list of the tables as it is shown.
struct Listed {
    /// Whether a table is another than in the list.
    is_old: bool,
    /// Not made again before.
    next: Instant,
}

/// For how long the source keeps its binlogs, and what was said of it: each time it becomes worse, once.
struct Binlogs {
    kept: Option<Duration>,
    said: Used,
}

impl Binlogs {
    /// Says what is to be read has been there for long; `now` in microseconds since 1970-01-01 UTC.
    fn look(&mut self, mark: &SourceMark, now: u64) {
        let behind = Duration::from_micros(now.saturating_sub(mark.committed_at));
        // A task that has just begun knows of no commit yet.
        let used = if mark.committed_at == 0 { Used::Little } else { Used::of(behind, self.kept) };
        if let (true, Some(kept)) = (used > self.said, self.kept) {
            tracing::warn!(
                behind_seconds = behind.as_secs(),
                kept_seconds = kept.as_secs(),
                "{} of the time is gone for which the source keeps what is still to be read: after it the task cannot go \
                 on (binlog_expire_logs_seconds)",
                if used == Used::Most { "most" } else { "half" },
            );
        }
        self.said = used;
    }
}

impl Progress {
    /// Begins to count; reads the estimates of what the full load has read or is to read.
    pub(crate) async fn of(session: &mut Session, facts: &ServerFacts, capture: &Capture) -> Result<Self, Failure> {
        let loads = capture.tables().any(|(_, state)| !matches!(state.load, Load::NotNeeded));
        let estimates = if loads { read_estimates(session).await? } else { HashMap::new() };
        let binlogs = Binlogs { kept: facts.binlogs_kept(), said: Used::Little };
        let now = Instant::now();
        let listed = Listed { is_old: true, next: now };
        Ok(Self { estimates, rows: 0, watermark: 0, rate: Rate::new(now), shown: None, listed, binlogs })
    }

    /// A step is committed.
    pub(crate) fn committed(&mut self, step: &Committed) {
        self.rows += step.rows;
        self.watermark = step.watermark;
        self.listed.is_old |= step.changed_tables;
        self.rate.add(step.rows, Instant::now());
    }

    /// Shows where things stand; the last step of a task always.
    pub(crate) fn show(&mut self, context: &StageContext, capture: &Capture) {
        let now = Instant::now();
        let is_due = self.shown.is_none_or(|shown| now.duration_since(shown) >= PAUSE);
        if !is_due && capture.ended() == Ended::No {
            return;
        }
        self.shown = Some(now);
        let all = capture.tables().len();
        let loaded = all - capture.tables_to_load();
        let phase = if loaded < all { Phase::Full } else { Phase::Incremental };
        if context.task.phases.contains(phase) {
            context.status.set_phase(phase);
        }
        let mark = capture.source();
        mark.into_iter().for_each(|mark| self.binlogs.look(mark, now_microseconds()));
        context.status.merge(json!({
            "as_of": now_microseconds(),
            "rows": self.rows,
            "rows_per_second": self.rate.per_second(now).round(),
            "tables": all,
            "tables_loaded": loaded,
            "watermark": self.watermark,
            "place": mark.map(|mark| mark.place.to_string()),
            "gtid": mark.map(|mark| mark.last_gtid.clone()),
            "committed_at": mark.map(|mark| mark.committed_at),
        }));
        if self.listed.is_old && (now >= self.listed.next || capture.ended() == Ended::Yes) {
            self.list(context, capture);
        }
    }

    fn list(&mut self, context: &StageContext, capture: &Capture) {
        let began = Instant::now();
        let tables: Vec<Value> = capture.tables().map(|(name, state)| self.table(name, &state.load, context)).collect();
        context.status.set("table_progress", tables);
        let now = Instant::now();
        self.listed = Listed { is_old: false, next: now + (now - began) * LIST_PAUSE };
    }

    fn table(&self, name: &TableName, load: &Load, context: &StageContext) -> Value {
        let (state, rows) = match load {
            Load::Pending { next_chunk: 0, rows: 0, .. } => ("waiting", 0),
            Load::Pending { rows, .. } => ("loading", *rows),
            Load::Loaded { rows } => ("loaded", *rows),
            Load::NotNeeded if context.task.phases.contains(Phase::Incremental) => ("followed", 0),
            Load::NotNeeded => ("created", 0),
        };
        json!({
            "table": name.to_string(),
            "state": state,
            "rows": rows,
            "estimated_rows": self.estimates.get(name),
        })
    }
}

/// Microseconds since 1970-01-01 UTC.
fn now_microseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
