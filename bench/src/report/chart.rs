//! Horizontal bars as inline SVG. Colours are classes that the page's style sheet has for light and dark; nothing is fetched.

use std::fmt::Write;

use super::page::escape;

/// How the parts of a row stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    /// One after the other: the row's length is their sum.
    Stacked,
    /// Each on a line of its own.
    Beside,
    /// All from the beginning, the longest first.
    Nested,
}

/// A part of a bar.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Class of the style sheet.
    pub(super) class: &'static str,
    pub(super) value: f64,
    /// Shown under the pointer.
    pub(super) title: String,
}

/// A bar with its label, and what stands behind it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) parts: Vec<Part>,
    pub(super) text: String,
    /// A line across the bar at this value.
    pub(super) mark: Option<f64>,
}

/// Of the whole drawing, in its own units; the page scales it.
pub(super) const WIDTH: f64 = 960.0;
/// Where the bars begin and end: labels stand before them, values behind.
const LEFT: f64 = 210.0;
const RIGHT: f64 = 640.0;
const BAR: f64 = 16.0;
const BAR_BESIDE: f64 = 8.0;
const GAP: f64 = 8.0;
const AXIS: f64 = 22.0;

/// The chart of these rows.
pub(super) fn bars(name: &str, rows: &[Row], parts: Parts) -> String {
    let largest = rows.iter().map(|row| length(row, parts)).fold(0.0, f64::max);
    let scale = if largest > 0.0 { (RIGHT - LEFT) / largest } else { 0.0 };
    let height = rows.iter().map(|row| thickness(row, parts) + GAP).sum::<f64>() + AXIS;
    let name = escape(name);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{name}\">\n");
    svg.push_str(&grid(largest, scale, height - AXIS));
    let mut top = GAP / 2.0;
    for row in rows {
        svg.push_str(&bar(row, parts, scale, top));
        top += thickness(row, parts) + GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

fn thickness(row: &Row, parts: Parts) -> f64 {
    match parts {
        Parts::Beside => (BAR_BESIDE * row.parts.len() as f64).max(BAR),
        Parts::Stacked | Parts::Nested => BAR,
    }
}

fn length(row: &Row, parts: Parts) -> f64 {
    let values = row.parts.iter().map(|part| part.value);
    match parts {
        Parts::Stacked => values.sum(),
        Parts::Beside | Parts::Nested => values.fold(0.0, f64::max),
    }
}

fn bar(row: &Row, parts: Parts, scale: f64, top: f64) -> String {
    let (thick, middle) = (thickness(row, parts), top + thickness(row, parts) / 2.0 + 4.0);
    let mut svg = String::new();
    put(
        &mut svg,
        format_args!("<text x=\"{:.1}\" y=\"{middle:.1}\" class=\"label\">{}</text>", LEFT - 8.0, escape(&row.label)),
    );
    let beside = (thick - BAR_BESIDE * row.parts.len() as f64) / 2.0;
    let mut before = 0.0;
    for (place, part) in row.parts.iter().enumerate() {
        let (x, y, height) = match parts {
            Parts::Stacked => (LEFT + before * scale, top, thick),
            Parts::Beside => (LEFT, top + beside + BAR_BESIDE * place as f64, BAR_BESIDE - 1.0),
            Parts::Nested => (LEFT, top, thick),
        };
        before += part.value;
        let (width, class, title) = (part.value * scale, part.class, escape(&part.title));
        put(
            &mut svg,
            format_args!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" class=\"{class}\">\
                 <title>{title}</title></rect>"
            ),
        );
    }
    let end = LEFT + length(row, parts) * scale;
    // A limit far above the bars is not shown: the ratio in the text says it.
    let mark = row.mark.map(|value| LEFT + value * scale).filter(|x| *x <= RIGHT);
    if let Some(x) = mark {
        let (from, to) = (top - 2.0, top + thick + 2.0);
        put(
            &mut svg,
            format_args!("<line x1=\"{x:.1}\" y1=\"{from:.1}\" x2=\"{x:.1}\" y2=\"{to:.1}\" class=\"mark\"/>"),
        );
    }
    let behind = mark.map_or(end, |x| x.max(end)) + 6.0;
    put(
        &mut svg,
        format_args!("<text x=\"{behind:.1}\" y=\"{middle:.1}\" class=\"value\">{}</text>", escape(&row.text)),
    );
    svg
}

/// Lines at round values, with these below.
fn grid(largest: f64, scale: f64, bottom: f64) -> String {
    let mut svg = String::new();
    let step = round_step(largest);
    let mut value = 0.0;
    while step > 0.0 && value <= largest {
        let x = LEFT + value * scale;
        put(&mut svg, format_args!("<line x1=\"{x:.1}\" y1=\"0\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" class=\"grid\"/>"));
        let (y, text) = (bottom + 15.0, number(value));
        put(&mut svg, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"tick\">{text}</text>"));
        value += step;
    }
    svg
}

fn put(svg: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(svg, "{what}");
}

/// 1, 2 or 5 times a power of ten, so that three to seven of them make the largest value; 0 where there is none.
fn round_step(largest: f64) -> f64 {
    if largest <= 0.0 {
        return 0.0;
    }
    let power = 10f64.powf((largest / 6.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| largest / step <= 6.0).unwrap_or(largest)
}

/// A number for people: thousands parted by commas, and up to three digits that say something.
pub(super) fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 10.0 {
        let text = format!("{value:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        let shown = [0.0, 0.3, 1.25, 9.999, 87.6, 1_000.0, 454_785.0, 1_234_567.0].map(number);
        assert_eq!(shown, ["0", "0.3", "1.25", "10", "88", "1,000", "454,785", "1,234,567"]);
    }

    #[test]
    fn steps_are_round_and_few() {
        for (largest, step) in [(970_579.0, 200_000.0), (6.0, 1.0), (0.7, 0.2), (88.0, 20.0), (0.0, 0.0)] {
            assert!((round_step(largest) - step).abs() < 1e-9, "{largest}: {}", round_step(largest));
        }
    }
}
