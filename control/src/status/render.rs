//! A report for people. Pure.

use std::time::Duration;

use millrace_service::StageName;
use serde_json::Value;

use super::report::{Report, StageReport};
use super::state::State;
use crate::output::{Colour, Colours};
use crate::text::{Side, bytes, count, duration, number, table};

/// Tables that are shown; the rest is counted.
const SHOWN: usize = 30;

/// Characters of a bar.
const BAR: u64 = 20;

/// The report as text.
pub(super) fn to_text(report: &Report, colours: Colours) -> String {
    let mut lines = vec![title(report, colours)];
    lines.extend(numbers(report));
    lines.extend(next_step(report).map(|step| format!("  {step}")));
    lines.push(String::new());
    lines.push(colours.paint(Colour::Strong, "Stages"));
    lines.extend(stages(report));
    lines.push(String::new());
    lines.push(colours.paint(Colour::Strong, "Destination"));
    lines.push(format!("  {}", destination(report)));
    lines.extend(tables(report, colours));
    lines.extend(held(report, colours));
    let problems = report.all_problems();
    if !problems.is_empty() {
        lines.push(String::new());
        lines.push(colours.paint(Colour::Bad, "Problems"));
    }
    for problem in &problems {
        lines.push(format!("  {}: {}", problem.place, problem.message));
        if !problem.hint.is_empty() {
            lines.push(format!("    hint: {}", problem.hint));
        }
    }
    lines.join("\n") + "\n"
}

fn title(report: &Report, colours: Colours) -> String {
    let environment = report.environment.as_ref().map(|tag| format!(" [{tag}]")).unwrap_or_default();
    let colour = match report.state {
        State::Running | State::Completed => Colour::Good,
        State::NotStarted | State::NotRunning | State::Retrying | State::Incomplete => Colour::Warning,
        State::Failed | State::Unknown => Colour::Bad,
    };
    let phase = report.phase.as_ref().filter(|_| report.state != State::Completed);
    let phase = phase.map(|phase| format!(", phase {phase}")).unwrap_or_default();
    let task = colours.paint(Colour::Strong, &format!("Task \"{}\"{environment}", report.task));
    format!("{task}: {}{phase}", colours.paint(colour, report.state.as_str()))
}

/// What to do about a state that is not as it should be and that no problem below explains.
fn next_step(report: &Report) -> Option<String> {
    match report.state {
        State::NotStarted => Some(format!("start it: {}", report.start)),
        State::NotRunning => Some(format!("start it again, and it goes on where it was: {}", report.start)),
        State::Incomplete => {
            Some("start the stage that does not answer again, or name where it listens with --at".to_owned())
        }
        State::Running | State::Retrying | State::Failed | State::Completed | State::Unknown => None,
    }
}

/// Latency and lag, where they are known.
fn numbers(report: &Report) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend(report.latency.map(|latency| format!("latency {}", duration(latency))));
    parts.extend(report.behind.map(|behind| format!("behind {} of binlog", bytes(behind))));
    parts.extend(report.source_end.as_ref().map(|end| format!("source at {end}")));
    (!parts.is_empty()).then(|| format!("  {}", parts.join(", ")))
}

fn stages(report: &Report) -> Vec<String> {
    let heading = [
        ("stage", Side::Left),
        ("address", Side::Left),
        ("state", Side::Left),
        ("rate", Side::Right),
        ("", Side::Left),
        ("where", Side::Left),
    ];
    table(&heading, &report.stages.iter().map(stage_row).collect::<Vec<_>>())
}

fn stage_row(stage: &StageReport) -> Vec<String> {
    let (state, place) = match &stage.answer {
        Ok(_) => (stage.state().unwrap_or_default().to_owned(), place(stage)),
        Err(reason) => ("does not answer".to_owned(), reason.clone()),
    };
    let (detail, unit) = match stage.stage {
        StageName::Capture => ("rows_per_second", "rows/s"),
        StageName::Transform => ("entries_per_second", "entries/s"),
        StageName::Apply => ("changes_per_second", "changes/s"),
    };
    let (rate, unit) = match stage.detail(detail).as_f64() {
        Some(rate) => (number(rate as u64), unit),
        None => (String::new(), ""),
    };
    vec![stage.stage.to_string(), stage.address.clone(), state, rate, unit.to_owned(), place]
}

/// Where a stage is: its place in the binlog, its partitions, or what it waits for.
fn place(stage: &StageReport) -> String {
    let mut parts = Vec::new();
    if let Some(waits) = stage.detail("waiting_for").as_str().filter(|waits| !waits.is_empty()) {
        parts.push(format!("waits for {waits}"));
    }
    parts.extend(stage.detail("place").as_str().map(str::to_owned));
    if let Some(partitions) = stage.detail("partitions").as_array() {
        parts.push(match partitions.len() {
            1 => "1 partition".to_owned(),
            many => format!("{many} partitions"),
        });
    }
    parts.join(", ")
}

fn destination(report: &Report) -> String {
    match &report.destination {
        Err(reason) => format!("does not answer: {reason}"),
        Ok(found) if found.partitions.is_empty() => "nothing of this task is there yet".to_owned(),
        Ok(found) => {
            let ended = found.partitions.iter().filter(|progress| progress.ended).count();
            let least = found.partitions.iter().map(|progress| progress.watermark).min().unwrap_or(0);
            let most = found.partitions.iter().map(|progress| progress.watermark).max().unwrap_or(0);
            let written =
                found.last_write.map(|ago| format!(", last written {} ago", duration(ago))).unwrap_or_default();
            let watermarks =
                if least == most { format!("watermark {most}") } else { format!("watermarks {least} to {most}") };
            let captured = report.captured_watermark.filter(|captured| *captured > least);
            let captured = captured.map(|captured| format!(" (capture is at {captured})")).unwrap_or_default();
            let ended = if ended > 0 { format!(", {ended} ended") } else { String::new() };
            let partitions = count(found.partitions.len(), "partition");
            format!("{partitions} at {watermarks}{captured}{ended}{written}")
        }
    }
}

fn tables(report: &Report, colours: Colours) -> Vec<String> {
    let mut all = report.tables();
    if all.is_empty() {
        return Vec::new();
    }
    let text = |table: &Value, field: &str| table[field].as_str().unwrap_or_default().to_owned();
    let order = |state: &str| match state {
        "loading" => 0,
        "waiting" => 1,
        _ => 2,
    };
    all.sort_by_key(|table| order(&text(table, "state")));
    let row = |table: &&Value| {
        // Of a table that is only created and followed nothing is read.
        let is_read = !matches!(table["state"].as_str(), Some("followed" | "created"));
        let estimate = table["estimated_rows"].as_u64().filter(|_| is_read);
        let done = permille(table).map(|done| format!("{} {} %", bar(done), done / 10)).unwrap_or_default();
        vec![
            text(table, "table"),
            text(table, "state"),
            if is_read { number(table["rows"].as_u64().unwrap_or(0)) } else { "-".to_owned() },
            estimate.map(number).unwrap_or_default(),
            done,
        ]
    };
    let heading = [
        ("table", Side::Left),
        ("state", Side::Left),
        ("rows read", Side::Right),
        ("of about", Side::Right),
        ("", Side::Left),
    ];
    let mut lines = vec![String::new(), colours.paint(Colour::Strong, &tables_title(report, &all))];
    lines.extend(table(&heading, &all.iter().take(SHOWN).map(row).collect::<Vec<_>>()));
    if all.len() > SHOWN {
        lines.push(format!("  and {} more: --json has them all", all.len() - SHOWN));
    }
    lines
}

/// Tables that are not as the source's because the task leaves changes of them out.
fn held(report: &Report, colours: Colours) -> Vec<String> {
    let held = report.held();
    if held.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), colours.paint(Colour::Strong, "Held (operations leaves their changes out)")];
    for table in held {
        let what = match (table["columns"].as_bool(), table["name"].as_bool()) {
            (Some(true), Some(true)) => "columns and name",
            (Some(true), _) => "columns",
            _ => "name",
        };
        let text = |field: &str| table[field].as_str().unwrap_or_default().to_owned();
        lines.push(format!("  {} keeps its {what} in {}", text("table"), text("destination")));
    }
    lines
}

fn tables_title(report: &Report, all: &[&Value]) -> String {
    let is_pending = |table: &&&Value| matches!(table["state"].as_str(), Some("loading" | "waiting"));
    let pending: Vec<&&Value> = all.iter().filter(is_pending).collect();
    if pending.is_empty() {
        return format!("Tables ({})", all.len());
    }
    let left: u64 = pending
        .iter()
        .filter_map(|table| Some(table["estimated_rows"].as_u64()?.saturating_sub(table["rows"].as_u64()?)))
        .sum();
    let rate = report.sum(StageName::Capture, "rows_per_second").filter(|rate| *rate >= 1.0);
    let time =
        rate.map(|rate| format!(", about {} left", duration(Duration::from_secs((left as f64 / rate).ceil() as u64))));
    format!("Tables ({} of {} loaded{})", all.len() - pending.len(), all.len(), time.unwrap_or_default())
}

/// How much of a table is read, in thousandths; none where nothing is to be read or nothing is known. An estimate is
/// never complete before the table is.
fn permille(table: &Value) -> Option<u64> {
    let rows = table["rows"].as_u64()?;
    match table["state"].as_str()? {
        "loaded" => Some(1000),
        "loading" | "waiting" => {
            let estimate = table["estimated_rows"].as_u64().filter(|estimate| *estimate > 0)?;
            Some((rows.saturating_mul(1000) / estimate).min(990))
        }
        _ => None,
    }
}

fn bar(permille: u64) -> String {
    let full = usize::try_from(permille * BAR / 1000).unwrap_or(0);
    format!("[{}{}]", "#".repeat(full), ".".repeat(BAR as usize - full))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_estimate_is_never_complete_before_the_table_is() {
        let of = |state: &str, rows: u64, estimate: u64| {
            permille(&json!({ "state": state, "rows": rows, "estimated_rows": estimate }))
        };
        assert_eq!(of("loading", 500, 1000), Some(500));
        assert_eq!(of("loading", 5000, 1000), Some(990));
        assert_eq!(of("loaded", 5000, 1000), Some(1000));
        assert_eq!(of("loading", 5, 0), None);
        assert_eq!(of("followed", 0, 10), None);
        assert_eq!(bar(500), "[##########..........]");
    }
}
