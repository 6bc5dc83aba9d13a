//! A line of `results.jsonl`, as the table and the page read it: both show what was written down, nothing else.

use serde_json::Value;

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a>(pub(super) &'a Value);

/// What one of our processes used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process<'a> {
    pub(super) role: &'a str,
    pub(super) cpu_seconds: f64,
    pub(super) peak_bytes: f64,
}

/// The roles in the order in which rows go through them.
pub(super) const ROLES: [&str; 4] = ["capture", "transform", "apply", "run"];

impl<'a> Line<'a> {
    fn text(self, name: &str) -> &'a str {
        self.0[name].as_str().unwrap_or("-")
    }

    fn number(self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap_or(0.0)
    }

    pub(super) fn workload(self) -> &'a str {
        self.text("workload")
    }

    /// "-" where rows were not moved by us.
    pub(super) fn way(self) -> &'a str {
        self.text("way")
    }

    /// Workload and way.
    pub(super) fn name(self) -> String {
        if self.is_limit() { self.workload().to_owned() } else { format!("{} {}", self.workload(), self.way()) }
    }

    pub(super) fn is_limit(self) -> bool {
        self.processes().is_empty()
    }

    pub(super) fn rows(self) -> f64 {
        self.number("rows")
    }

    pub(super) fn seconds(self) -> f64 {
        self.number("seconds")
    }

    /// Rows a second.
    pub(super) fn rate(self) -> f64 {
        self.number("rows_per_second")
    }

    /// Load of the machine at the end.
    pub(super) fn load(self) -> f64 {
        self.number("machine_load")
    }

    /// Whose rate it was compared with, and the ratio.
    pub(super) fn ratio(self) -> Option<(&'a str, f64)> {
        let ratio = self.0.get("ratio")?;
        Some((ratio["to"].as_str()?, ratio["is"].as_f64()?))
    }

    /// Our processes.
    pub(super) fn processes(self) -> Vec<Process<'a>> {
        let all = self.0["processes"].as_object();
        let of = |role: &&'static str| {
            let used = all?.get(*role)?;
            let (cpu_seconds, peak_bytes) = (used["cpu_seconds"].as_f64()?, used["peak_bytes"].as_f64()?);
            Some(Process { role, cpu_seconds, peak_bytes })
        };
        ROLES.iter().filter_map(of).collect()
    }

    /// CPU seconds of the servers by name.
    pub(super) fn servers(self) -> Vec<(&'a str, f64)> {
        let all = self.0["server_cpu_seconds"].as_object();
        all.into_iter().flatten().map(|(name, cpu)| (name.as_str(), cpu.as_f64().unwrap_or(0.0))).collect()
    }

    /// Milliseconds from commit to visible: p50, p95, p99, largest.
    pub(super) fn latency(self) -> Option<[f64; 4]> {
        let latency = self.0.get("latency_ms")?;
        let at = |name: &str| latency[name].as_f64();
        Some([at("p50")?, at("p95")?, at("p99")?, at("max")?])
    }

    /// Whether CPU seconds can be said for a million rows: a run of a fixed length and rate uses most of them for waiting.
    pub(super) fn has_cost(self) -> bool {
        !self.is_limit() && self.rows() > 0.0 && self.latency().is_none()
    }

    /// How often a table of the destination was read from one end to the other, where that was counted.
    pub(super) fn scans(self) -> Option<u64> {
        self.0.get("table_scans")?.as_u64()
    }

    /// Bytes of a row in the two topics.
    pub(super) fn kafka_bytes(self) -> Option<(f64, f64)> {
        let bytes = self.0.get("kafka_bytes_per_row")?;
        Some((bytes["captured"].as_f64()?, bytes["transformed"].as_f64()?))
    }
}
