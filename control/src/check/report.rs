//! Findings as text and as JSON. Pure.

use millrace_task::Task;
use serde_json::{Value, json};

use super::finding::{Area, Finding, Meaning};
use crate::output::{Colour, Colours};
use crate::text::count;

/// Which findings are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// All.
    All,
    /// Those that are not good.
    NotGood,
}

/// The findings as JSON: `task`, `environment`, `good`, counts, and `checks` in the order in which they were made.
pub(super) fn to_json(task: &Task, findings: &[Finding]) -> Value {
    let check = |finding: &Finding| {
        json!({
            "area": finding.area.as_str(),
            "name": finding.name,
            "result": finding.meaning.as_str(),
            "found": finding.found,
            "mend": finding.mend,
        })
    };
    json!({
        "task": task.name.as_str(),
        "environment": task.environment.as_ref().map(|environment| environment.as_str()),
        "good": of(findings, Meaning::Blocks) + of(findings, Meaning::Warning) == 0,
        "blocks": of(findings, Meaning::Blocks),
        "warnings": of(findings, Meaning::Warning),
        "accepted": of(findings, Meaning::Accepted),
        "checks": findings.iter().map(check).collect::<Vec<Value>>(),
    })
}

fn of(findings: &[Finding], meaning: Meaning) -> usize {
    findings.iter().filter(|finding| finding.meaning == meaning).count()
}

/// The findings as text, by area, with how to mend what is not good.
pub(super) fn to_text(task: &Task, findings: &[Finding], shown: Shown, colours: Colours) -> String {
    let mut lines = Vec::new();
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    for area in Area::ALL {
        let of_area: Vec<&Finding> = findings
            .iter()
            .filter(|finding| finding.area == area && (shown == Shown::All || finding.meaning != Meaning::Good))
            .collect();
        if of_area.is_empty() {
            continue;
        }
        lines.push(colours.paint(Colour::Strong, area.as_str()));
        for finding in of_area {
            let (word, colour) = match finding.meaning {
                Meaning::Good => ("ok      ", Colour::Good),
                Meaning::Warning => ("warning ", Colour::Warning),
                Meaning::Accepted => ("accepted", Colour::Faint),
                Meaning::Blocks => ("BLOCKS  ", Colour::Bad),
            };
            lines.push(format!("  {}  {:<width$}  {}", colours.paint(colour, word), finding.name, finding.found));
            if !finding.mend.is_empty() && finding.meaning != Meaning::Accepted {
                lines.push(format!("            {} {}", colours.paint(Colour::Faint, "mend:"), finding.mend));
            }
        }
        lines.push(String::new());
    }
    lines.push(conclusion(task, findings, colours));
    lines.join("\n") + "\n"
}

fn conclusion(task: &Task, findings: &[Finding], colours: Colours) -> String {
    let (blocks, warnings) = (of(findings, Meaning::Blocks), of(findings, Meaning::Warning));
    let checks = count(findings.len(), "check");
    match (blocks, warnings) {
        (0, 0) => colours.paint(Colour::Good, &format!("{checks}: task \"{}\" can start.", task.name)),
        (0, _) => {
            let mut names: Vec<&str> =
                findings.iter().filter(|f| f.meaning == Meaning::Warning).map(|finding| finding.name).collect();
            names.dedup();
            let accept = names.iter().map(|name| format!("--accept {name}")).collect::<Vec<_>>().join(" ");
            let told = format!("{checks}, {}: task \"{}\" can start.", count(warnings, "warning"), task.name);
            format!("{}\nTo accept what is warned of: {accept}", colours.paint(Colour::Warning, &told))
        }
        _ => {
            let block = if blocks == 1 { "blocks" } else { "block" };
            let told = format!("{checks}, {blocks} that {block}: task \"{}\" cannot start.", task.name);
            colours.paint(Colour::Bad, &told)
        }
    }
}
