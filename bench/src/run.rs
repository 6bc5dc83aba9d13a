//! One measurement: what was counted, and its JSON line.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::ground::{Ground, NAME, ServerTimes};
use crate::stages::{Stages, Used, Way};
use crate::usage::topic_bytes;

/// One measurement.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) workload: String,
    /// How the data was moved; "-" where that was not by us.
    pub(crate) way: &'static str,
    /// Rows or changes.
    pub(crate) rows: u64,
    /// Until the last of them was visible.
    pub(crate) seconds: f64,
    /// Until the tables had their indexes, where that comes after.
    pub(crate) seconds_complete: Option<f64>,
    /// What our processes used.
    pub(crate) used: BTreeMap<&'static str, Used>,
    /// CPU seconds of the servers, by name.
    pub(crate) servers: BTreeMap<&'static str, f64>,
    /// Bytes of the two topics.
    pub(crate) topics: Option<(u64, u64)>,
    /// From commit to visible, in order of size.
    pub(crate) latencies: Vec<Duration>,
    /// Tables of the destination that were read from one end to the other, where that was counted.
    pub(crate) scans: Option<u64>,
    /// The rate, compared with another one of the same minutes.
    pub(crate) ratio: Option<Ratio>,
    /// Load of the machine (runnable processes over the last minute) at the end.
    pub(crate) load: f64,
}

/// A rate in parts of another.
#[derive(Debug, Clone)]
pub(crate) struct Ratio {
    /// Whose rate the other is.
    pub(crate) to: String,
    pub(crate) is: f64,
}

/// Measures a run from its start.
pub(crate) struct Clock {
    start: Instant,
    end: Option<Instant>,
    servers: ServerTimes,
}

impl Clock {
    pub(crate) fn start(ground: &Ground) -> Result<Self> {
        Ok(Self { servers: ground.server_times()?, start: Instant::now(), end: None })
    }

    pub(crate) fn started(&self) -> Instant {
        self.start
    }

    /// All was there at this moment.
    pub(crate) fn stop(&mut self, end: Instant) {
        self.end = Some(end);
    }

    /// What was used by now.
    pub(crate) fn run(&self, ground: &Ground, workload: &str, way: Way, rows: u64, stages: &Stages) -> Result<Run> {
        let mut run = self.without_stages(ground, workload, rows)?;
        run.way = way.name();
        run.used = stages.used()?;
        if way == Way::Staged {
            let bytes = |topic: &str| topic_bytes(&ground.topics(), &format!("{NAME}.{topic}"));
            run.topics = Some((bytes("captured")?, bytes("transformed")?));
        }
        Ok(run)
    }

    /// The same where none of our processes worked.
    pub(crate) fn without_stages(&self, ground: &Ground, workload: &str, rows: u64) -> Result<Run> {
        let after = ground.server_times()?;
        let end = self.end.unwrap_or_else(Instant::now);
        Ok(Run {
            workload: workload.to_owned(),
            way: "-",
            rows,
            seconds: end.duration_since(self.start).as_secs_f64(),
            seconds_complete: None,
            used: BTreeMap::new(),
            servers: BTreeMap::from([
                ("mysql", after.mysql - self.servers.mysql),
                ("kafka", after.kafka - self.servers.kafka),
                ("postgres", after.postgres - self.servers.postgres),
            ]),
            topics: None,
            latencies: Vec::new(),
            scans: None,
            ratio: None,
            load: machine_load()?,
        })
    }
}

/// The first figure of `/proc/loadavg`.
pub(crate) fn machine_load() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    text.split_whitespace().next().context("/proc/loadavg is empty")?.parse().context("/proc/loadavg has another form")
}

impl Run {
    /// Compares its rate with that of the first run of its kind, which this may be.
    pub(crate) fn compare(&mut self, first: &mut Option<(String, f64)>) {
        let (to, rate) = first.get_or_insert_with(|| (self.workload.clone(), self.rate()));
        if *to != self.workload {
            self.ratio = Some(Ratio { to: to.clone(), is: self.rate() / *rate });
        }
    }

    /// Leaves out what the processes had used before.
    pub(crate) fn subtract(&mut self, before: &BTreeMap<&'static str, Used>) {
        for (role, used) in &mut self.used {
            used.cpu -= before.get(role).map_or(0.0, |earlier| earlier.cpu);
        }
    }

    /// Whether CPU seconds can be said for a million rows.
    fn has_cost(&self) -> bool {
        !self.used.is_empty() && self.rows > 0
    }

    /// Rows a second.
    pub(crate) fn rate(&self) -> f64 {
        self.rows as f64 / self.seconds
    }

    /// CPU seconds of our processes together, for a million rows.
    pub(crate) fn cpu_per_million(&self) -> f64 {
        self.used.values().map(|used| used.cpu).sum::<f64>() * 1e6 / self.rows as f64
    }

    /// As a line of `results.jsonl`, but for the manifest.
    pub(crate) fn json(&self) -> Value {
        let processes: Map<String, Value> = self
            .used
            .iter()
            .map(|(role, used)| ((*role).to_owned(), json!({ "cpu_seconds": used.cpu, "peak_bytes": used.memory })))
            .collect();
        let mut value = json!({
            "workload": self.workload,
            "way": self.way,
            "rows": self.rows,
            "seconds": self.seconds,
            "seconds_complete": self.seconds_complete,
            "rows_per_second": self.rate().round(),
            "processes": processes,
            "server_cpu_seconds": self.servers,
            "machine_load": self.load,
        });
        if self.has_cost() {
            value["cpu_seconds_per_million_rows"] = self.cpu_per_million().into();
        }
        if let Some(scans) = self.scans {
            value["table_scans"] = scans.into();
        }
        if let Some(Ratio { to, is }) = &self.ratio {
            value["ratio"] = json!({ "to": to, "is": is });
        }
        if let Some((captured, transformed)) = self.topics {
            let of_row = |bytes: u64| (bytes as f64 / self.rows as f64).round();
            value["kafka_bytes_per_row"] = json!({ "captured": of_row(captured), "transformed": of_row(transformed) });
        }
        if !self.latencies.is_empty() {
            let at = |part: f64| quantile(&self.latencies, part).as_secs_f64() * 1e3;
            value["latency_ms"] = json!({ "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0) });
        }
        value
    }
}

/// The latency that `part` (0 to 1) of these do not exceed; they are in order of size.
pub(crate) fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(quantile(&sorted, 0.5), Duration::from_millis(100));
        assert_eq!(quantile(&sorted, 0.99), Duration::from_millis(198));
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn rates_are_of_the_rows_and_the_processes_of_the_run() {
        let used = |cpu| Used { cpu, memory: 5 << 20 };
        let run = Run {
            workload: "W1".to_owned(),
            way: "staged",
            rows: 500_000,
            seconds: 2.0,
            seconds_complete: None,
            used: BTreeMap::from([("capture", used(0.5)), ("apply", used(0.25))]),
            servers: BTreeMap::new(),
            topics: Some((1_000_000, 2_000_000)),
            latencies: Vec::new(),
            scans: None,
            ratio: None,
            load: 0.0,
        };
        let value = run.json();
        assert_eq!(value["rows_per_second"], 250_000.0);
        assert_eq!(value["cpu_seconds_per_million_rows"], 1.5);
        assert_eq!(value["kafka_bytes_per_row"]["transformed"], 4.0);
    }
}
