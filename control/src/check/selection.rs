//! The checks of `[[objects]]` against the tables that are there. Pure.

use millrace_model::Failure;
use millrace_mysql::SourceTable;
use millrace_task::{ObjectRule, Task};

use super::finding::{Area, Finding};
use crate::catalog::map_table;
use crate::loose_keys::key_notes;
use crate::text::{count, number};

/// Every rule selects a table.
pub(super) fn check_selected(task: &Task, tables: &[SourceTable]) -> Finding {
    let name = "selected_tables";
    let idle = task.selection.idle_rules(&tables.iter().map(|table| &table.name).collect::<Vec<_>>());
    if tables.is_empty() {
        return Finding::blocks(Area::Source, name, task.selection.nothing_selected());
    }
    let patterns = |rules: &[&ObjectRule]| {
        rules.iter().map(|rule| format!("\"{}\"", rule.pattern())).collect::<Vec<_>>().join(", ")
    };
    let literal: Vec<&ObjectRule> = idle.iter().copied().filter(|rule| is_literal(rule)).collect();
    if !literal.is_empty() {
        return Finding::blocks(
            Area::Source,
            name,
            Failure::fatal(
                format!("the source has no table {}, or the account may not see it", patterns(&literal)),
                "correct the name in [[objects]] (case counts), or grant SELECT on it",
            ),
        );
    }
    let rows = tables.iter().map(|table| table.estimated_rows).sum();
    let found = format!("{}, about {} rows", count(tables.len(), "table"), number(rows));
    if idle.is_empty() {
        return Finding::good(Area::Source, name, found);
    }
    let found = format!("{found}; no table is decided by the rules {}", patterns(&idle));
    Finding::warning(Area::Source, name, found, "correct the patterns in [[objects]], or take them out")
}

fn is_literal(rule: &ObjectRule) -> bool {
    rule.pattern().database.literal().is_some() && rule.pattern().table.literal().is_some()
}

/// Every column that is excluded by name is there: a slip would move what should stay.
pub(super) fn check_excluded_columns(task: &Task, tables: &[SourceTable]) -> Option<Finding> {
    let name = "excluded_columns";
    let mut seen = 0;
    let mut missing = Vec::new();
    for rule in task.selection.rules() {
        let decided: Vec<&SourceTable> =
            tables.iter().filter(|table| task.selection.selects(&table.name) == Some(rule)).collect();
        for column in rule.excluded_columns().iter().filter(|_| !decided.is_empty()) {
            seen += 1;
            let is_there = |table: &&SourceTable| table.columns.iter().any(|c| column.matches(&c.name.to_lowercase()));
            if column.literal().is_some() && !decided.iter().any(is_there) {
                missing.push(format!("\"{column}\" of \"{}\"", rule.pattern()));
            }
        }
    }
    if seen == 0 {
        return None;
    }
    if missing.is_empty() {
        return Some(Finding::good(Area::Source, name, format!("{} excluded", count(seen, "column"))));
    }
    let found = format!("no table has the excluded column {}", missing.join(", "));
    Some(Finding::warning(
        Area::Source,
        name,
        found,
        "correct the name in columns.exclude: as it is, nothing is excluded",
    ))
}

/// Every table can be mapped.
pub(super) fn check_mapping(task: &Task, tables: &[SourceTable]) -> Finding {
    let name = "table_mapping";
    let failed = tables.iter().zip(1..).find_map(|(table, number)| map_table(task, table, number).err());
    match failed {
        Some(error) => Finding::blocks(Area::Source, name, error),
        None => Finding::good(Area::Source, name, "every column has a type in the destination"),
    }
}

/// Tables that are named; the rest is counted.
const NAMED: usize = 5;

/// Unique keys say the same of texts in the destination as in MySQL.
pub(super) fn check_key_meaning(tables: &[SourceTable]) -> Finding {
    let name = "key_meaning";
    let notes: Vec<String> = tables
        .iter()
        .flat_map(|table| key_notes(table).into_iter().map(move |note| format!("\"{}\", {note}", table.name)))
        .collect();
    if notes.is_empty() {
        return Finding::good(Area::Source, name, "no unique key compares texts more loosely than the destination");
    }
    let mut found = notes[..notes.len().min(NAMED)].join("; ");
    if notes.len() > NAMED {
        found.push_str(&format!("; and {} more (millrace plan names all)", notes.len() - NAMED));
    }
    let mend = "nothing is lost or merged while the task runs; after the cut-over the application must not rely on it: write \
                the keys in one form, or make a unique index over lower(...) in the destination";
    Finding::warning(Area::Source, name, found, mend)
}
