//! A plan as text, SQL and JSON. Pure.

use std::path::Path;

use serde_json::{Value, json};

use super::build::{Creates, Plan, PlannedColumn, PlannedTable};
use super::estimate::Estimate;
use super::objects::Unmoved;
use super::way::Way;
use crate::output::{Colour, Colours};
use crate::text::{Side, bytes, count, duration, number, shell_word, table};

/// How much of each table is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// A line.
    Tables,
    /// Its columns too.
    Columns,
}

/// Names of one kind that are shown; the rest is counted.
const NAMED: usize = 8;

/// The statements for the destination, in order.
pub(super) fn to_sql(plan: &Plan) -> String {
    let mut sql = format!("-- Task \"{}\" for {}.\n", plan.task, plan.destination);
    for statement in &plan.schemas {
        sql.push_str(&format!("{statement};\n"));
    }
    for table in &plan.tables {
        sql.push('\n');
        for statement in &table.statements {
            sql.push_str(&format!("{statement};\n"));
        }
    }
    if plan.tables.iter().any(|table| !table.after_load.is_empty()) {
        sql.push_str("\n-- After the full load of each table:\n");
    }
    for statement in plan.tables.iter().flat_map(|table| &table.after_load) {
        sql.push_str(&format!("{statement};\n"));
    }
    if plan.tables.iter().any(|table| !table.at_cut_over.is_empty()) {
        sql.push_str("\n-- By `millrace cut-over`, when the task has ended:\n");
    }
    for statement in plan.tables.iter().flat_map(|table| &table.at_cut_over) {
        sql.push_str(&format!("-- {};\n", statement.replace(['\n', '\r'], "\n-- ")));
    }
    sql
}

/// The plan of a file's task for people.
pub(super) fn to_text(plan: &Plan, file: &Path, detail: Detail, colours: Colours) -> String {
    let environment = plan.environment.as_ref().map(|tag| format!(" [{tag}]")).unwrap_or_default();
    let title =
        format!("Task \"{}\"{environment}: {} to {}", plan.task, count(plan.tables.len(), "table"), plan.destination);
    let mut lines = vec![colours.paint(Colour::Strong, &title), plan.way.to_text()];
    if plan.creates == Creates::Nothing {
        lines.push("The task has no phase \"schema\": these tables must be there already.".to_owned());
    }
    lines.push(String::new());
    match detail {
        Detail::Tables => lines.extend(table_lines(plan)),
        Detail::Columns => plan.tables.iter().for_each(|planned| lines.extend(table_text(planned, colours))),
    }
    lines.extend(unmoved_text(&plan.unmoved, colours));
    lines.push(String::new());
    lines.push(colours.paint(Colour::Strong, "Estimate"));
    let size = format!("  about {} rows, {}", number(plan.estimate.rows), bytes(plan.estimate.bytes));
    match plan.estimate.time {
        Some(time) => {
            lines.push(format!("{size}: full load in about {}", duration(time)));
            lines.push(format!("  {}", colours.paint(Colour::Faint, &Estimate::assumption())));
        }
        None => lines.push(format!("{size}; the task has no full load")),
    }
    if let Some(kept) = plan.way.kept() {
        lines.push(format!("  {}", colours.paint(Colour::Faint, kept)));
    }
    lines.push(String::new());
    let file = shell_word(file);
    lines.push(format!("The statements: millrace plan {file} --sql. What every type becomes: docs/type-mapping.md."));
    lines.join("\n") + "\n"
}

fn table_lines(plan: &Plan) -> Vec<String> {
    let row = |planned: &PlannedTable| {
        let first = [planned.source.clone(), planned.destination.clone(), number(planned.rows), bytes(planned.bytes)];
        let last = [planned.key.join(", ")];
        first.into_iter().chain(planned.route.map(str::to_owned)).chain(last).collect()
    };
    let mut heading = vec![
        ("source", Side::Left),
        ("destination", Side::Left),
        ("rows", Side::Right),
        ("bytes", Side::Right),
        ("key", Side::Left),
    ];
    if plan.way != Way::OneProcess {
        heading.insert(4, ("route", Side::Left));
    }
    let mut lines = table(&heading, &plan.tables.iter().map(row).collect::<Vec<_>>());
    lines.push(String::new());
    lines
}

fn table_text(planned: &PlannedTable, colours: Colours) -> Vec<String> {
    let name = format!("{} -> {}", planned.source, planned.destination);
    let size = format!(
        "about {}, {}",
        count(usize::try_from(planned.rows).unwrap_or(usize::MAX), "row"),
        bytes(planned.bytes)
    );
    let mut lines = vec![format!("{}  ({size})", colours.paint(Colour::Strong, &name))];
    let key = if planned.key.is_empty() { "none".to_owned() } else { planned.key.join(", ") };
    let route = if planned.route_reason.is_empty() { String::new() } else { format!("; {}", planned.route_reason) };
    lines.push(format!("  key: {key}{route}"));
    let row = |column: &PlannedColumn| {
        vec![
            column.name.clone(),
            column.source_type.clone(),
            column.destination_type.clone().unwrap_or_else(|| "-".to_owned()),
            if column.nullable { "null" } else { "not null" }.to_owned(),
            column.notes.join("; "),
        ]
    };
    let heading = [
        ("column", Side::Left),
        ("MySQL", Side::Left),
        ("destination", Side::Left),
        ("", Side::Left),
        ("to know", Side::Left),
    ];
    lines.extend(table(&heading, &planned.columns.iter().map(row).collect::<Vec<_>>()));
    lines.extend(planned.key_notes.iter().map(|note| format!("  {}", colours.paint(Colour::Faint, note))));
    for (what, why) in &planned.left_out {
        lines.push(format!("  {} {what}: {why}", colours.paint(Colour::Warning, "does not move:")));
    }
    for statement in &planned.at_cut_over {
        lines.push(format!("  {} {statement}", colours.paint(Colour::Faint, "at cut-over:")));
    }
    lines.push(String::new());
    lines
}

fn unmoved_text(unmoved: &[Unmoved], colours: Colours) -> Vec<String> {
    let heading = colours.paint(Colour::Strong, "Does not move");
    if unmoved.is_empty() {
        return vec![heading, "  nothing: there are no views, triggers, routines or events".to_owned()];
    }
    let mut lines = vec![heading];
    for of_kind in unmoved.chunk_by(|one, next| (one.kind, one.why) == (next.kind, next.why)) {
        let names: Vec<&str> = of_kind.iter().take(NAMED).map(|object| object.name.as_str()).collect();
        let more = match of_kind.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        lines.push(format!("  {}: {}{more}", count(of_kind.len(), of_kind[0].kind), names.join(", ")));
        lines.push(format!("    {}", colours.paint(Colour::Faint, of_kind[0].why)));
    }
    lines
}

/// The plan for programs.
pub(super) fn to_json(plan: &Plan) -> Value {
    let unmoved = |object: &Unmoved| json!({ "kind": object.kind, "name": object.name, "why": object.why });
    json!({
        "task": plan.task,
        "environment": plan.environment,
        "destination": plan.destination,
        "creates_tables": plan.creates == Creates::Tables,
        "log": plan.way.to_json(),
        "schema_statements": plan.schemas,
        "tables": plan.tables.iter().map(table_json).collect::<Vec<Value>>(),
        "does_not_move": plan.unmoved.iter().map(unmoved).collect::<Vec<Value>>(),
        "estimate": {
            "rows": plan.estimate.rows,
            "bytes": plan.estimate.bytes,
            "seconds": plan.estimate.time.map(|time| time.as_secs()),
            "assumption": Estimate::assumption(),
        },
    })
}

fn table_json(planned: &PlannedTable) -> Value {
    let column = |column: &PlannedColumn| {
        json!({
            "name": column.name,
            "source_type": column.source_type,
            "destination_type": column.destination_type,
            "nullable": column.nullable,
            "notes": column.notes,
        })
    };
    let left_out = |(what, why): &(String, String)| json!({ "what": what, "why": why });
    json!({
        "source": planned.source,
        "destination": planned.destination,
        "route": planned.route,
        "route_reason": planned.route_reason,
        "key": planned.key,
        "key_notes": planned.key_notes,
        "estimated_rows": planned.rows,
        "estimated_bytes": planned.bytes,
        "columns": planned.columns.iter().map(column).collect::<Vec<Value>>(),
        "left_out": planned.left_out.iter().map(left_out).collect::<Vec<Value>>(),
        "statements": planned.statements,
        "statements_after_load": planned.after_load,
        "statements_at_cut_over": planned.at_cut_over,
    })
}
