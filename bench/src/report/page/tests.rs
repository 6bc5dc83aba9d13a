//! The page of recorded lines: what a browser needs to show it, read from the page itself.

#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;
use crate::report::chart::WIDTH;

fn recorded() -> (Vec<Value>, Value) {
    let lines = include_str!("recorded.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (lines, serde_json::from_str(include_str!("manifest.json")).unwrap())
}

fn page() -> String {
    let (lines, manifest) = recorded();
    render(&lines, &manifest)
}

/// What stands between two texts, each time.
fn between<'a>(text: &'a str, from: &'a str, to: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(from).skip(1).map(move |rest| rest.split(to).next().unwrap())
}

/// The chart under a heading.
fn chart_of<'a>(page: &'a str, title: &'a str) -> &'a str {
    let heading = format!("<h2>{title}</h2>");
    let (_, rest) = page.split_once(&heading).unwrap_or_else(|| panic!("no {title}"));
    rest.split("</svg>").next().unwrap()
}

fn attribute(tag: &str, name: &str) -> f64 {
    between(tag, &format!(" {name}=\""), "\"").next().unwrap().parse().unwrap()
}

/// Widths of the bars of a chart whose title begins so.
fn width(chart: &str, title: &str) -> f64 {
    let found = between(chart, "<rect", "</rect>").find(|bar| bar.contains(&format!("<title>{title}"))).unwrap();
    attribute(found, "width")
}

#[test]
fn every_tag_is_closed_and_nothing_is_fetched() {
    let page = page();
    let mut open = Vec::new();
    for tag in between(&page, "<", ">").filter(|tag| !tag.starts_with(['!', '?'])) {
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed));
        } else if !tag.ends_with('/') && name != "meta" {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    for fetched in ["<script", "http", "src=", "href", "url(", "@import", "@font-face"] {
        assert!(!page.contains(fetched), "{fetched}");
    }
}

#[test]
fn every_colour_is_there_for_light_and_dark() {
    let (light, dark) = STYLE.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let dark = dark.split("}\n}").next().unwrap();
    let page = page();
    for name in between(STYLE, "var(", ")") {
        let defined = format!("{name}: #");
        assert!(light.contains(&defined) && dark.contains(&defined), "{name}");
    }
    let bars = between(&page, "<rect", ">").map(|bar| between(bar, "class=\"", "\"").next().unwrap());
    for class in bars.chain(between(&page, "<i class=\"", "\"")) {
        assert!(
            STYLE.contains(&format!(".{class} {{ fill: var(--{class}); background: var(--{class}); }}")),
            "{class}"
        );
    }
}

#[test]
fn bars_are_as_long_as_the_figures_and_stay_in_the_drawing() {
    let page = page();
    let rates = chart_of(&page, "Rates against the limit");
    let (run, pipe) = (width(rates, "W1 run"), width(rates, "mysql piped into COPY"));
    assert!((run / pipe - 434_506.0 / 552_547.0).abs() < 0.001, "{run} of {pipe}");
    assert!(rates.contains("434,506: 0.79 of mysql piped into COPY") && rates.contains("class=\"mark\""));
    assert!(!rates.contains("idle") && !rates.contains("W4"), "no rates of what has none");
    let latency = chart_of(&page, "Latency");
    assert!(latency.contains("6.5 / 9.9 / 11.1 / 21.6 ms"));
    assert!(width(latency, "max: 21.6") > width(latency, "p50: 6.5"));
    for bar in between(&page, "<rect", ">") {
        let end = attribute(bar, "x") + attribute(bar, "width");
        assert!(end <= WIDTH && attribute(bar, "width") >= 0.0, "{bar}");
    }
    for (svg, view) in
        between(&page, "<svg", "</svg>").map(|svg| (svg, between(svg, "viewBox=\"0 0 ", "\"").next().unwrap()))
    {
        let height: f64 = view.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(between(svg, "<rect", ">").all(|bar| attribute(bar, "y") + attribute(bar, "height") <= height));
        // About seven units a letter.
        for value in between(svg, "<text", "</text>").filter(|text| text.contains("class=\"value\"")) {
            let letters = value.split('>').nth(1).unwrap().chars().count() as f64;
            assert!(attribute(value, "x") + letters * 7.0 <= WIDTH, "{value}");
        }
    }
}

#[test]
fn each_run_has_its_part_of_each_chart() {
    let (page, (lines, _)) = (page(), recorded());
    let bars = |title: &str| chart_of(&page, title).matches("<rect").count();
    assert_eq!(bars("Rates against the limit"), 10, "four limits, W1 to W3 both ways");
    assert_eq!(bars("CPU by process"), 3 * 4, "W1 to W3, three processes and one");
    assert_eq!(bars("Latency"), 4 * 4, "two rates both ways");
    assert_eq!(bars("Memory"), 5 * 4 + 1, "W1 to W4 and idle");
    let (_, rows) = page.split_once("<tbody>").unwrap();
    assert_eq!(rows.matches("<tr>").count(), lines.len());
    assert!(page.contains("<dt>mysql settings</dt><dd>binlog_row_image = FULL, "));
}

#[test]
fn text_is_no_markup_and_no_run_is_no_error() {
    let line = json!({ "workload": "<b>&", "way": "staged", "rows": 1, "rows_per_second": 1.0, "seconds": 1.0,
        "processes": { "apply": { "cpu_seconds": 0.1, "peak_bytes": 1 } }, "table_scans": 17 });
    let page = render(&[line], &json!({ "note": "a < b" }));
    assert!(page.contains("&lt;b&gt;&amp;") && !page.contains("<b>") && page.contains("a &lt; b"));
    assert!(page.contains("<td>17</td>"));
    assert!(!render(&[], &json!({})).contains("<svg"));
}
