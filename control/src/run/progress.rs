//! What a person sees of a running task: a bar per table that is being loaded, then a live line. Without a terminal,
//! structured log lines.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use millrace_model::{Load, TableName, TableState};
use millrace_protocol::capture::Step;
use millrace_service::StageContext;
use serde_json::Value;

/// How often the live line, or the log line, is renewed.
const ON_TERMINAL: Duration = Duration::from_millis(500);
const IN_LOG: Duration = Duration::from_secs(10);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// Bars on standard error.
    Bars,
    /// Log lines.
    Lines,
}

/// What is known of the tables; clones share it.
#[derive(Clone)]
pub(crate) struct Progress {
    show: Show,
    tables: Arc<Mutex<HashMap<TableName, Table>>>,
    bars: MultiProgress,
    live: ProgressBar,
}

struct Table {
    rows: u64,
    loaded: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(show: Show) -> Self {
        let bars = MultiProgress::new();
        let live = match show {
            Show::Bars => bars.add(ProgressBar::new_spinner()),
            Show::Lines => ProgressBar::hidden(),
        };
        Self { show, tables: Arc::default(), bars, live }
    }

    fn tables(&self) -> MutexGuard<'_, HashMap<TableName, Table>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over where a restart begins.
    pub(crate) fn resume(&self, tables: &[TableState]) {
        tables.iter().for_each(|table| self.table(table));
    }

    /// A step was handed over.
    pub(crate) fn step(&self, step: &Step) {
        step.tables.iter().filter_map(|(_, table)| table.as_ref()).for_each(|table| self.table(table));
    }

    fn table(&self, state: &TableState) {
        let (rows, loaded) = match &state.load {
            Load::NotNeeded => return,
            Load::Pending { rows, .. } => (*rows, false),
            Load::Loaded { rows } => (*rows, true),
        };
        let mut tables = self.tables();
        let name = state.schema.name.clone();
        let table = tables.entry(name.clone()).or_insert(Table { rows: 0, loaded: false, bar: None });
        (table.rows, table.loaded) = (rows, loaded);
        if self.show == Show::Bars {
            self.draw(&name, table);
        }
    }

    fn draw(&self, name: &TableName, table: &mut Table) {
        if table.loaded {
            if let Some(bar) = table.bar.take() {
                bar.finish_and_clear();
                self.bars.remove(&bar);
            }
            return;
        }
        if table.rows == 0 {
            return;
        }
        let bar = table.bar.get_or_insert_with(|| {
            let bar = self.bars.insert_before(&self.live, ProgressBar::new(0));
            bar.set_style(style("  {prefix:30} {bar:24} {human_pos} of about {human_len} rows, {rate}, {eta} left"));
            bar.set_prefix(name.to_string());
            bar
        });
        bar.set_position(table.rows);
    }

    /// The server's guess of each table's rows is the length of its bar; a table that has more is as long as it is.
    fn stretch(&self, table_progress: &Value) {
        let tables = self.tables();
        for shown in table_progress.as_array().into_iter().flatten() {
            let of_bar = |(name, table): (&TableName, &Table)| {
                table.bar.clone().filter(|_| shown["table"].as_str() == Some(name.to_string().as_str()))
            };
            if let Some(bar) = tables.iter().find_map(of_bar) {
                bar.set_length(shown["estimated_rows"].as_u64().unwrap_or(0).max(bar.position()));
            }
        }
    }

    /// Renews the live line for ever.
    pub(crate) async fn follow(self, capture: StageContext, apply: StageContext) {
        let mut tick = tokio::time::interval(if self.show == Show::Bars { ON_TERMINAL } else { IN_LOG });
        self.live.set_style(style("{msg}"));
        let mut before = 0;
        loop {
            tick.tick().await;
            let (loaded, all) = {
                let tables = self.tables();
                (tables.values().filter(|table| table.loaded).count(), tables.len())
            };
            let (capture, apply) = (capture.status.to_json(), apply.status.to_json());
            let changes = apply["details"]["changes"].as_u64().unwrap_or(0);
            let rate = (changes.saturating_sub(before)) as f64 / tick.period().as_secs_f64();
            before = changes;
            let latency = apply["details"]["latency_ms"].as_u64().unwrap_or(0);
            let place = capture["details"]["place"].as_str().unwrap_or("-").to_owned();
            let state = capture["state"].as_str().unwrap_or("running").to_owned();
            self.stretch(&capture["details"]["table_progress"]);
            match self.show {
                Show::Bars => self.live.set_message(format!(
                    "{state}: {loaded} of {all} tables loaded, {changes} rows written ({rate:.0}/s), latency {latency} ms, at {place}"
                )),
                Show::Lines => tracing::info!(state, loaded, tables = all, changes, rate, latency_ms = latency, place, "progress"),
            }
        }
    }

    /// Removes the bars and the live line.
    pub(crate) fn clear(&self) {
        self.live.finish_and_clear();
        let _ = self.bars.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    style.with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // In the first moments one chunk would be millions a second.
        let _ = match state.elapsed() >= ON_TERMINAL {
            true => write!(out, "{:.0} rows/s", state.per_sec()),
            false => write!(out, "..."),
        };
    })
}
