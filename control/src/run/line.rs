//! The lines that a person sees of a running task, each within the width of the terminal. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::text::{duration, number};

/// Widest bar, in characters.
const WIDEST_BAR: usize = 24;
/// Narrowest bar that says anything.
const NARROWEST_BAR: usize = 5;
/// Where names of tables end that are longer.
const WIDEST_NAME: usize = 30;

/// How far the full load of a table is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TableLoad<'t> {
    /// The table.
    pub(super) name: &'t str,
    /// Rows that are read.
    pub(super) rows: u64,
    /// The server's guess of all of them.
    pub(super) estimate: Option<u64>,
    /// Rows a second, once it is known.
    pub(super) rate: Option<f64>,
}

/// A line with as much of it as fits: the name, how much is read, the time left, then a bar, the rate and the rows.
pub(super) fn of_table(table: &TableLoad<'_>, width: usize) -> String {
    // A table that has more rows than was guessed is as long as it is.
    let estimate = table.estimate.map(|estimate| estimate.max(table.rows)).filter(|estimate| *estimate > 0);
    let share = estimate.map(|estimate| (table.rows.saturating_mul(100) / estimate).min(99));
    let left = estimate.zip(table.rate.filter(|rate| *rate >= 1.0)).map(|(estimate, rate)| {
        let seconds = ((estimate - table.rows) as f64 / rate).max(1.0);
        format!("{} left", duration(Duration::from_secs(seconds.ceil() as u64)))
    });
    let mut end = share.map(|share| format!(" {share:>3} %")).unwrap_or_default();
    end.extend(left.map(|left| format!("  {left}")));
    let rate = table.rate.map(|rate| format!("  {}/s", number(rate as u64))).unwrap_or_default();
    let rows = match estimate {
        Some(estimate) => format!("  {} of about {} rows", number(table.rows), number(estimate)),
        None => format!("  {} rows", number(table.rows)),
    };
    let name_width = (width / 3).clamp(10, WIDEST_NAME);
    let name = format!("  {:<name_width$}", cut(table.name, name_width));
    let mut free = width.saturating_sub(name.chars().count() + end.chars().count() + 1);
    for part in [rate, rows] {
        if part.chars().count() + NARROWEST_BAR < free {
            free -= part.chars().count();
            end.push_str(&part);
        }
    }
    let bar_width = free.min(WIDEST_BAR);
    let bar = match share.filter(|_| bar_width >= NARROWEST_BAR) {
        Some(share) => {
            let full = bar_width * usize::try_from(share).unwrap_or(0) / 100;
            format!(" {}{}", "#".repeat(full), ".".repeat(bar_width - full))
        }
        None => String::new(),
    };
    cut(&format!("{name}{bar}{end}"), width)
}

/// As many of the parts as fit, the first of them in any case.
pub(super) fn of_parts(parts: &[String], width: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { ", " };
        if line.is_empty() || line.chars().count() + gap.len() + part.chars().count() <= width {
            line.push_str(gap);
            line.push_str(part);
        }
    }
    cut(&line, width)
}

/// What is retried, why, until when and what to do about it; none where nothing is. It is told whole, over several lines.
pub(super) fn of_retry(status: &Value) -> Option<String> {
    let retry = status["retry"].as_object()?;
    let (error, until) = (&status["last_error"], retry.get("until")?.as_str()?);
    let until = until.split_once('.').map_or(until, |(time, _)| time);
    let mut text = format!(
        "retrying until {until}Z (failure {} in a row): {}",
        retry.get("failures")?,
        error["message"].as_str().unwrap_or_default()
    );
    if let Some(hint) = error["hint"].as_str().filter(|hint| !hint.is_empty()) {
        text.push_str(&format!("\n  hint: {hint}"));
    }
    Some(text)
}

/// The text, or its beginning with dots behind where it is wider.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let start: String = text.chars().take(width.saturating_sub(2)).collect();
    format!("{start}..")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_has_as_much_as_fits() {
        let load = TableLoad { name: "shop.order_items", rows: 180_256, estimate: Some(233_916), rate: Some(35_461.7) };
        for (width, expected) in [
            (
                120,
                "  shop.order_items               ##################......  77 %  2 s left  35,461/s  180,256 of about 233,916 rows",
            ),
            (80, "  shop.order_items           ##################......  77 %  2 s left  35,461/s"),
            (40, "  shop.order_.. ######..  77 %  2 s left"),
        ] {
            let line = of_table(&load, width);
            assert_eq!(line, expected, "{width}");
            assert!(line.chars().count() <= width, "{line}");
        }
        for width in 0..200 {
            assert!(of_table(&load, width).chars().count() <= width.max(2));
        }
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let unknown = TableLoad { name: "a.b", rows: 5, estimate: None, rate: None };
        assert_eq!(of_table(&unknown, 60), "  a.b                   5 rows");
        let more = TableLoad { rows: 500, estimate: Some(100), rate: Some(0.5), ..unknown };
        assert_eq!(of_table(&more, 46), "  a.b             ################.  99 %  0/s");
    }

    #[test]
    fn parts_that_do_not_fit_are_left_out() {
        let parts =
            ["running: 3 of 3 tables", "30,003 rows (0/s)", "latency 23 ms", "binlog.000003:842326"].map(String::from);
        let whole = "running: 3 of 3 tables, 30,003 rows (0/s), latency 23 ms, binlog.000003:842326";
        assert_eq!(of_parts(&parts, 79), whole);
        assert_eq!(of_parts(&parts, 39), "running: 3 of 3 tables, latency 23 ms");
        assert_eq!(of_parts(&parts, 10), "running:..");
    }

    #[test]
    fn a_retry_is_told_whole() {
        let status = json!({
            "retry": { "failures": 3, "until": "2026-11-23T02:23:05.120Z" },
            "last_error": { "message": "the server is gone", "hint": "start it" },
        });
        assert_eq!(
            of_retry(&status).unwrap(),
            "retrying until 2026-11-23T02:23:05Z (failure 3 in a row): the server is gone\n  hint: start it"
        );
        assert_eq!(of_retry(&json!({ "retry": null })), None);
    }
}
