//! A page of all runs: charts, the table and the manifest, in one file that fetches nothing, so that it can be kept beside the
//! figures and looked at anywhere.

use serde_json::Value;

use super::chart::{Part, Parts, Row, bars, number};
use super::line::{Line, Process};
use super::table::{COLUMNS, MEBIBYTE, cells};

const STYLE: &str = include_str!("style.css");

/// The page.
pub(super) fn render(lines: &[Value], manifest: &Value) -> String {
    let lines: Vec<Line<'_>> = lines.iter().map(Line).collect();
    let sections = [
        rates(&lines),
        costs(&lines),
        latencies(&lines),
        memory(&lines),
        section("All runs", "", "", table(&lines)),
        section("Manifest", "", "", of_manifest(manifest)),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Millrace: results</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Millrace: results</h1>\n\
         <p>Every row that Millrace moved was compared with the source. Wall time is also that of whatever else the machine did: \
         the table has its load, and a ratio compares figures of the same minutes.</p>\n{}</main>\n</body>\n</html>\n",
        sections.concat()
    )
}

/// Text that is no markup.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn section(title: &str, about: &str, legend: &str, body: String) -> String {
    let about = if about.is_empty() { String::new() } else { format!("<p>{about}</p>\n") };
    format!("<section>\n<h2>{title}</h2>\n{about}{legend}{body}</section>\n")
}

/// Names of colours: class and name.
fn legend(of: &[(&str, &str)]) -> String {
    let one = |(class, name): &(&str, &str)| format!("<span><i class=\"{class}\"></i>{name}</span>");
    format!("<p class=\"legend\">{}</p>\n", of.iter().map(one).collect::<String>())
}

/// A chart of the runs that have something to show; nothing where none has.
fn chart(title: &str, about: &str, legend: &str, parts: Parts, rows: Vec<Row>) -> String {
    if rows.is_empty() { String::new() } else { section(title, about, legend, bars(title, &rows, parts)) }
}

fn rates(lines: &[Line<'_>]) -> String {
    let row = |line: &Line<'_>| {
        let rate = line.rate();
        let class = match line.way() {
            "run" => "run",
            "staged" => "staged",
            _ => "limit",
        };
        let text = match line.ratio() {
            Some((to, is)) => format!("{}: {is:.2} of {to}", number(rate)),
            None => number(rate),
        };
        let title = format!("{}: {} rows/s", line.name(), number(rate));
        let parts = vec![Part { class, value: rate, title }];
        Row { label: line.name(), parts, text, mark: line.ratio().map(|(_, is)| rate / is) }
    };
    // A rate that was given, and a run without rows, are none of ours.
    let rows = lines.iter().filter(|line| line.rate() > 0.0 && line.latency().is_none()).map(row).collect();
    let about =
        "Rows a second until the last one was visible. The line across a bar is the rate that it is compared with.";
    let legend = legend(&[
        ("limit", "the databases&#39; own clients and statements"),
        ("staged", "three processes over Kafka"),
        ("run", "millrace run"),
    ]);
    chart("Rates against the limit", about, &legend, Parts::Stacked, rows)
}

const OF_PROCESSES: [(&str, &str); 4] =
    [("capture", "capture"), ("transform", "transform"), ("apply", "apply"), ("run", "millrace run")];

/// The class of a process is its role.
fn class(process: &Process<'_>) -> &'static str {
    OF_PROCESSES.iter().find(|(class, _)| *class == process.role).map_or("limit", |(class, _)| class)
}

fn costs(lines: &[Line<'_>]) -> String {
    let row = |line: &Line<'_>| {
        let of = |cpu: f64| cpu * 1e6 / line.rows();
        let part = |process: &Process<'_>| {
            let value = of(process.cpu_seconds);
            Part { class: class(process), value, title: format!("{}: {value:.2} s", process.role) }
        };
        let processes = line.processes();
        let all = of(processes.iter().map(|process| process.cpu_seconds).sum());
        let parts = processes.iter().map(part).collect();
        Row { label: line.name(), parts, text: format!("{all:.2} s"), mark: None }
    };
    let rows = lines.iter().filter(|line| line.has_cost()).map(row).collect();
    let about = "CPU seconds of our processes, user and system, for a million rows.";
    chart("CPU by process", about, &legend(&OF_PROCESSES), Parts::Stacked, rows)
}

fn latencies(lines: &[Line<'_>]) -> String {
    let row = |line: &Line<'_>| {
        let latency = line.latency()?;
        let named = [("p50", latency[0]), ("p95", latency[1]), ("p99", latency[2]), ("max", latency[3])];
        let part = |(class, value): &(&'static str, f64)| Part {
            class,
            value: *value,
            title: format!("{class}: {value:.1} ms"),
        };
        // The longest is drawn first, the shorter ones above it.
        let parts = named.iter().rev().map(part).collect();
        let text = format!("{} ms", latency.map(|ms| format!("{ms:.1}")).join(" / "));
        Some(Row { label: line.name(), parts, text, mark: None })
    };
    let rows = lines.iter().filter_map(row).collect();
    let about = "Milliseconds from the acknowledged commit to visible, while transactions are written at a fixed rate.";
    let legend = legend(&[("p50", "p50"), ("p95", "p95"), ("p99", "p99"), ("max", "largest")]);
    chart("Latency", about, &legend, Parts::Nested, rows)
}

fn memory(lines: &[Line<'_>]) -> String {
    let row = |line: &Line<'_>| {
        let part = |process: &Process<'_>| {
            let value = process.peak_bytes / MEBIBYTE;
            Part { class: class(process), value, title: format!("{}: {value:.0} MiB", process.role) }
        };
        let parts: Vec<Part> = line.processes().iter().map(part).collect();
        let each: Vec<String> = parts.iter().map(|part| format!("{:.0}", part.value)).collect();
        Row { label: line.name(), text: format!("{} MiB", each.join(" / ")), parts, mark: None }
    };
    let rows = lines.iter().filter(|line| !line.is_limit()).map(row).collect();
    let about = "The most that each process had resident.";
    chart("Memory", about, &legend(&OF_PROCESSES), Parts::Beside, rows)
}

fn table(lines: &[Line<'_>]) -> String {
    let row = |tag: &str, cells: &[String]| {
        let cells: String = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let head = row("th", &COLUMNS.map(str::to_owned));
    let rows: String = lines.iter().map(|line| row("td", &cells(*line))).collect();
    format!("<div class=\"wide\"><table>\n<thead>{head}</thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n")
}

fn of_manifest(manifest: &Value) -> String {
    let one = |(name, value): (&String, &Value)| {
        format!("<dt>{}</dt><dd>{}</dd>\n", escape(&name.replace('_', " ")), escape(&shown(value)))
    };
    let all: String = manifest.as_object().into_iter().flatten().map(one).collect();
    format!("<dl>\n{all}</dl>\n")
}

/// A setting is a pair of name and value.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(settings) => settings.iter().map(shown_setting).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn shown_setting(setting: &Value) -> String {
    match setting.as_array().map(Vec::as_slice) {
        Some([name, value]) => format!("{} = {}", shown(name), shown(value)),
        _ => shown(setting),
    }
}

#[cfg(test)]
mod tests;
