//! What a person sees of a running task: a bar per table that is being loaded, then a live line. Without a terminal,
//! structured log lines.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use millrace_model::{Load, TableName, TableState};
use millrace_protocol::capture::Step;
use millrace_service::StageContext;
use serde_json::Value;

use super::line::{TableLoad, of_parts, of_retry, of_table};
use crate::text::{duration, number};

/// How often the live line, or the log line, is renewed.
const ON_TERMINAL: Duration = Duration::from_millis(500);
const IN_LOG: Duration = Duration::from_secs(10);

/// From when on the rate of a table is told.
const SETTLES: Duration = Duration::from_secs(3);

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
    bar: Option<Bar>,
}

/// The line of a table that is being loaded.
struct Bar {
    line: ProgressBar,
    since: Instant,
    /// Rows that were read before this process came.
    before: u64,
}

impl Bar {
    /// In the first moments it says nothing of the others.
    fn rate(&self, rows: u64) -> Option<f64> {
        let elapsed = self.since.elapsed();
        (elapsed >= SETTLES).then(|| rows.saturating_sub(self.before) as f64 / elapsed.as_secs_f64())
    }
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
        let table = tables.entry(name).or_insert(Table { rows: 0, loaded: false, bar: None });
        (table.rows, table.loaded) = (rows, loaded);
        if self.show == Show::Bars {
            self.draw(table);
        }
    }

    fn draw(&self, table: &mut Table) {
        if table.loaded {
            if let Some(bar) = table.bar.take() {
                bar.line.finish_and_clear();
                self.bars.remove(&bar.line);
            }
            return;
        }
        if table.bar.is_none() {
            let line = self.bars.insert_before(&self.live, ProgressBar::new_spinner());
            line.set_style(style());
            table.bar = Some(Bar { line, since: Instant::now(), before: table.rows });
        }
    }

    /// Renews the lines of the tables; `table_progress` has the server's guess of the rows of each.
    fn renew(&self, table_progress: &Value, width: usize) {
        let estimates: HashMap<&str, Option<u64>> = table_progress
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|shown| Some((shown["table"].as_str()?, shown["estimated_rows"].as_u64())))
            .collect();
        for (name, table) in self.tables().iter() {
            let Some(bar) = &table.bar else { continue };
            let name = name.to_string();
            let estimate = estimates.get(name.as_str()).copied().flatten();
            let load = TableLoad { name: &name, rows: table.rows, estimate, rate: bar.rate(table.rows) };
            bar.line.set_message(of_table(&load, width));
        }
    }

    /// Renews the lines for ever, from when there is something to tell.
    pub(crate) async fn follow(self, capture: StageContext, apply: StageContext) {
        self.live.set_style(style());
        self.begin(&capture).await;
        let mut tick = tokio::time::interval(if self.show == Show::Bars { ON_TERMINAL } else { IN_LOG });
        loop {
            tick.tick().await;
            self.say(&capture.status.to_json(), &apply.status.to_json());
        }
    }

    /// Until both servers have answered there is no progress; then the tables are looked at first.
    async fn begin(&self, capture: &StageContext) {
        let mut look = tokio::time::interval(ON_TERMINAL / 5);
        let task = &capture.task;
        let (source, destination) = (task.source.server.address(), task.destination.server.address());
        self.live.set_message(format!("connects to the source {source} and the destination {destination}"));
        while !capture.mark.was_connected() {
            look.tick().await;
        }
        self.live.set_message("connected; looks at the tables");
        let connected = Instant::now();
        while connected.elapsed() < IN_LOG && capture.status.to_json()["details"]["tables"].is_null() {
            look.tick().await;
        }
    }

    fn say(&self, capture: &Value, apply: &Value) {
        let (loaded, all) = {
            let tables = self.tables();
            (tables.values().filter(|table| table.loaded).count(), tables.len())
        };
        let changes = apply["details"]["changes"].as_u64().unwrap_or(0);
        let rate = apply["details"]["changes_per_second"].as_f64().unwrap_or(0.0);
        let latency_ms = apply["details"]["latency_ms"].as_u64();
        let place = capture["details"]["place"].as_str();
        let state = capture["state"].as_str().unwrap_or("running");
        match self.show {
            Show::Bars => {
                let width = usize::from(Term::stderr().size().1).saturating_sub(1);
                self.renew(&capture["details"]["table_progress"], width);
                let line = || {
                    let mut parts = vec![format!("{state}: {loaded} of {all} tables")];
                    parts.push(format!("{} rows ({}/s)", number(changes), number(rate as u64)));
                    parts.extend(latency_ms.map(|ms| format!("latency {}", duration(Duration::from_millis(ms)))));
                    parts.extend(place.map(str::to_owned));
                    of_parts(&parts, width)
                };
                self.live.set_message(of_retry(capture).unwrap_or_else(line));
            }
            Show::Lines => {
                tracing::info!(state, loaded, tables = all, changes, rate, latency_ms, place, "progress");
            }
        }
    }

    /// Removes the bars and the live line.
    pub(crate) fn clear(&self) {
        self.tables().values().filter_map(|table| table.bar.as_ref()).for_each(|bar| bar.line.finish_and_clear());
        self.live.finish_and_clear();
        let _ = self.bars.clear();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}
