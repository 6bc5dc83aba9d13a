//! The runs as a table, whose cells the page shows, too.

use anyhow::Result;
use serde_json::Value;

use super::line::Line;

/// Names of the columns.
pub(super) const COLUMNS: [&str; 14] = [
    "workload",
    "way",
    "rows",
    "s",
    "rows/s",
    "ratio",
    "CPU s / million rows",
    "CPU s of each",
    "CPU s of servers",
    "peak MiB",
    "Kafka bytes/row captured / transformed",
    "latency ms p50 / p95 / p99 / max",
    "table scans",
    "load",
];

/// The head of a Markdown table.
pub(super) fn head() -> String {
    format!("| {} |\n|{}", COLUMNS.join(" | "), "-|".repeat(COLUMNS.len()))
}

/// A run as a row of it.
pub(super) fn row(line: &Value) -> String {
    format!("| {} |", cells(Line(line)).join(" | "))
}

/// The whole file.
pub(super) fn document(lines: &[Value], manifest: &Value) -> Result<String> {
    let rows: Vec<String> = lines.iter().map(row).collect();
    let manifest = serde_json::to_string_pretty(manifest)?;
    Ok(format!("{}\n{}\n\n```json\n{manifest}\n```\n", head(), rows.join("\n")))
}

/// What stands in the columns.
pub(super) fn cells(line: Line<'_>) -> [String; COLUMNS.len()] {
    let processes = line.processes();
    let cpu: f64 = processes.iter().map(|process| process.cpu_seconds).sum();
    let each: Vec<String> = processes.iter().map(|one| format!("{} {:.2}", one.role, one.cpu_seconds)).collect();
    let servers: Vec<String> = line.servers().iter().map(|(name, cpu)| format!("{name} {cpu:.1}")).collect();
    let memory = processes.iter().map(|process| process.peak_bytes).reduce(f64::max);
    let of = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        line.workload().to_owned(),
        line.way().to_owned(),
        line.rows().to_string(),
        format!("{:.2}", line.seconds()),
        line.rate().to_string(),
        of(line.ratio().map(|(to, is)| format!("{is:.2} of {to}"))),
        of((!processes.is_empty() && line.rows() > 0.0).then(|| format!("{:.2}", cpu * 1e6 / line.rows()))),
        of((!each.is_empty()).then(|| each.join(", "))),
        of((!servers.is_empty()).then(|| servers.join(", "))),
        of(memory.map(|bytes| format!("{:.0}", bytes / MEBIBYTE))),
        of(line.kafka_bytes().map(|(captured, transformed)| format!("{captured} / {transformed}"))),
        of(line.latency().map(|latency| latency.map(|ms| format!("{ms:.1}")).join(" / "))),
        of(line.scans().map(|scans| scans.to_string())),
        format!("{:.1}", line.load()),
    ]
}

/// Bytes.
pub(super) const MEBIBYTE: f64 = 1_048_576.0;
