//! What a scan found, as text and JSON. Pure.

use serde_json::{Value, json};

use super::tally::{Entry, Outcome};
use super::{Scan, ScannedTable};
use crate::output::{Colour, Colours};
use crate::text::{count, number};

/// For people.
pub(crate) fn to_text(scan: &Scan, colours: Colours) -> String {
    let rows: u64 = scan.tables.iter().map(|table| table.rows).sum();
    let title = format!("Task \"{}\": {}, {} rows read", scan.task, count(scan.tables.len(), "table"), number(rows));
    let mut lines = vec![colours.paint(Colour::Strong, &title)];
    for table in scan.tables.iter().filter(|table| !table.found.is_empty()) {
        lines.push(String::new());
        lines.push(format!("{}  ({} rows)", colours.paint(Colour::Strong, &table.name), number(table.rows)));
        table.found.iter().for_each(|entry| lines.extend(entry_text(entry, colours)));
    }
    lines.push(String::new());
    lines.push(match scan.stops() {
        true => colours.paint(Colour::Bad, "The task would stop: mend what \"stops\" first."),
        false => colours.paint(Colour::Good, "Every row can move."),
    });
    lines.join("\n") + "\n"
}

fn entry_text(entry: &Entry, colours: Colours) -> Vec<String> {
    let colour = match entry.outcome {
        Outcome::Stops => Colour::Bad,
        Outcome::MayStop | Outcome::Changed => Colour::Warning,
        Outcome::Moves => Colour::Faint,
    };
    let outcome = colours.paint(colour, &format!("{:<8}", entry.outcome.as_str()));
    let place = if entry.place.is_empty() { String::new() } else { format!("{}: ", entry.place) };
    let rows = entry.rows.map(|rows| format!(" ({rows})")).unwrap_or_default();
    let mut lines = vec![format!("  {outcome}  {place}{}{rows}", entry.what)];
    if !entry.keys.is_empty() {
        lines.push(format!("            {}", entry.keys.join("; ")));
    }
    if !entry.mend.is_empty() {
        lines.push(format!("            mend: {}", entry.mend));
    }
    lines
}

/// For programs.
pub(crate) fn to_json(scan: &Scan) -> Value {
    let table = |table: &ScannedTable| json!({ "table": table.name, "rows": table.rows, "found": table.found.iter().map(entry_json).collect::<Vec<Value>>() });
    json!({ "task": scan.task, "stops": scan.stops(), "tables": scan.tables.iter().map(table).collect::<Vec<Value>>() })
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "outcome": entry.outcome.as_str(),
        "place": entry.place,
        "what": entry.what,
        "rows": entry.rows,
        "keys": entry.keys,
        "mend": entry.mend,
    })
}
