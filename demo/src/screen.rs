//! What the demo shows: lines with the time, and how far each table is - bars on a terminal, a line now and then
//! otherwise.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::shop::TABLES;

/// Between two lines of progress without a terminal.
const LINES: Duration = Duration::from_secs(5);

/// The output.
pub(crate) struct Screen {
    started: Instant,
    bars: MultiProgress,
    tables: Vec<ProgressBar>,
    live: ProgressBar,
    is_terminal: bool,
    printed_at: Option<Instant>,
}

/// How far it is.
pub(crate) struct Shown<'a> {
    /// Rows in the destination of each of [`TABLES`], and how many the source had.
    pub(crate) tables: &'a [(u64, u64)],
    /// Rows per second since the start.
    pub(crate) rate: f64,
    /// How far behind the destination is.
    pub(crate) latency: Option<Duration>,
}

impl Screen {
    /// On standard output.
    pub(crate) fn new() -> Self {
        let (bars, live) = (MultiProgress::new(), ProgressBar::new_spinner());
        let is_terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        Self { started: Instant::now(), bars, tables: Vec::new(), live, is_terminal, printed_at: None }
    }

    /// Prints a line with the seconds since the start.
    pub(crate) fn say(&self, text: &str) {
        self.print(&format!("[{:5.1} s] {text}", self.started.elapsed().as_secs_f64()));
    }

    /// Prints a text as it is.
    pub(crate) fn print(&self, text: &str) {
        self.bars.suspend(|| {
            // A closed terminal is no reason to stop.
            let _ = writeln!(std::io::stdout(), "{text}");
        });
    }

    /// Shows how far it is.
    pub(crate) fn show(&mut self, shown: &Shown<'_>) {
        let (rows, all) = shown.tables.iter().fold((0, 0), |sum, table| (sum.0 + table.0, sum.1 + table.1));
        let latency = shown.latency.map_or(String::new(), |latency| format!(", latency {}", milliseconds(latency)));
        let line = format!("{} of {} rows, {} rows/s{latency}", number(rows), number(all), number(shown.rate as u64));
        if self.is_terminal {
            self.draw(shown.tables, line);
        } else if self.printed_at.is_none_or(|at| at.elapsed() >= LINES) {
            self.printed_at = Some(Instant::now());
            let part = |(table, (rows, all)): (&str, &(u64, u64))| {
                let percent = (rows * 100).checked_div(*all).unwrap_or(100).min(100);
                (percent < 100).then(|| format!("{table} {percent} %"))
            };
            let parts: Vec<String> = TABLES.into_iter().zip(shown.tables).filter_map(part).collect();
            let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
            self.say(&format!("{line}{parts}"));
        }
    }

    /// Shows what the writers have done and how late it arrives.
    pub(crate) fn show_live(&mut self, transactions: u64, rows: u64, latency: Option<Duration>) {
        let latency = latency.map_or("-".to_owned(), milliseconds);
        let line = format!("{} rows in {} transactions, latency {latency}", number(rows), number(transactions));
        if self.is_terminal {
            self.live.set_style(style("  {spinner} {msg}"));
            self.live.set_message(line);
            self.live.tick();
        } else if self.printed_at.is_none_or(|at| at.elapsed() >= LINES) {
            self.printed_at = Some(Instant::now());
            self.say(&line);
        }
    }

    fn draw(&mut self, tables: &[(u64, u64)], line: String) {
        if self.tables.is_empty() {
            for name in TABLES {
                let bar = self.bars.add(ProgressBar::new(0));
                bar.set_style(style("  {prefix:12} [{bar:40}] {human_pos:>9} of {human_len:>9} rows"));
                bar.set_prefix(name);
                self.tables.push(bar);
            }
            self.live = self.bars.add(ProgressBar::new_spinner());
            self.live.set_style(style("  {spinner} {msg}"));
        }
        for (bar, (rows, all)) in self.tables.iter().zip(tables) {
            bar.set_length((*all).max(*rows));
            bar.set_position(*rows);
        }
        self.live.set_message(line);
        self.live.tick();
    }

    /// Takes the bars away.
    pub(crate) fn clear(&mut self) {
        for bar in self.tables.drain(..) {
            bar.finish_and_clear();
        }
        self.live.finish_and_clear();
        self.live = self.bars.add(ProgressBar::new_spinner());
        self.printed_at = None;
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// With a comma between thousands.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// In milliseconds; from ten seconds on in seconds.
pub(crate) fn milliseconds(duration: Duration) -> String {
    if duration >= Duration::from_secs(10) {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_can_be_read() {
        for (value, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_080_200, "1,080,200")] {
            assert_eq!(number(value), text);
        }
        assert_eq!(milliseconds(Duration::from_micros(20_900)), "20 ms");
        assert_eq!(milliseconds(Duration::from_secs(12)), "12.0 s");
    }
}
