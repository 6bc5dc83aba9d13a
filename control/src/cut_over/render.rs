//! A cut-over as text and JSON. Pure.

use serde_json::{Value, json};

use super::item::{Deed, Item, State};
use crate::output::{Colour, Colours};
use crate::status::caught_up::CaughtUp;

/// Everything that was found or done.
pub(super) struct Report {
    pub(super) task: String,
    /// Product and version of the destination.
    pub(super) destination: String,
    pub(super) deed: Deed,
    /// None where it was not asked for.
    pub(super) arrival: Option<CaughtUp>,
    pub(super) items: Vec<Item>,
}

impl Report {
    /// Whether nothing is left to decide or to wait for.
    pub(super) fn is_good(&self) -> bool {
        !matches!(self.arrival, Some(CaughtUp::No { .. })) && self.items.iter().all(Item::is_good)
    }
}

/// The report for people: a script where it only shows statements.
pub(super) fn to_text(report: &Report, colours: Colours) -> String {
    let title = format!("cut-over of task \"{}\" to {}", report.task, report.destination);
    let arrival = match &report.arrival {
        None => "whether everything has arrived was not looked at".to_owned(),
        Some(CaughtUp::Yes) => "everything that the source has is in the destination".to_owned(),
        Some(CaughtUp::No { why, hint }) => {
            let heading = colours.paint(Colour::Bad, "not everything has arrived");
            format!("{heading}: {}\n-- hint: {}", in_one_line(why), in_one_line(hint))
        }
    };
    let mut text = format!("-- {}\n-- {arrival}\n\n", colours.paint(Colour::Strong, &title));
    if report.items.is_empty() {
        text.push_str("-- nothing is needed\n");
    }
    for item in &report.items {
        let colour = match item.state {
            State::Ready | State::Done(_) => Colour::Good,
            State::Needed(_) | State::Waiting(_) => Colour::Warning,
            State::LeftOut(_) => Colour::Faint,
            State::Impossible(_) => Colour::Bad,
        };
        let remark = match &item.state {
            State::LeftOut(why) | State::Waiting(why) | State::Impossible(why) => why,
            State::Ready | State::Needed(_) | State::Done(_) => &item.remark,
        };
        let (word, about) = (colours.paint(colour, item.state.as_str()), format!("{}, {remark}", item.source));
        text.push_str(&format!("-- {word}: {}\n", in_one_line(&about)));
        if let State::Needed(statements) | State::Done(statements) = &item.state {
            statements.iter().for_each(|statement| text.push_str(&format!("{statement};\n")));
        }
    }
    text
}

/// A comment ends with its line, and names can hold everything.
fn in_one_line(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// The report for programs.
pub(super) fn to_json(report: &Report) -> Value {
    let (arrived, why) = match &report.arrival {
        None => (None, None),
        Some(CaughtUp::Yes) => (Some(true), None),
        Some(CaughtUp::No { why, .. }) => (Some(false), Some(why)),
    };
    json!({
        "task": report.task,
        "destination": report.destination,
        "executed": report.deed == Deed::Done,
        "arrived": arrived,
        "not_arrived": why,
        "good": report.is_good(),
        "items": report.items.iter().map(Item::to_json).collect::<Vec<Value>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millrace_adbpg::{NumberedColumn, Numbering};
    use millrace_model::TableName;

    use super::super::columns::Numbered;
    use super::*;

    fn report(arrival: Option<CaughtUp>, numbering: Numbering) -> Report {
        let column = Arc::from("id");
        let column = NumberedColumn { table: TableName::new("sales", "orders"), column, next_in_source: 7 };
        let numbered = Numbered { source: "shop.or\nders.id".to_owned(), column };
        let items = vec![Item::of_numbering(&numbered, numbering, Deed::Shown)];
        let (task, destination) = ("shop".to_owned(), "PostgreSQL 15.4".to_owned());
        Report { task, destination, deed: Deed::Shown, arrival, items }
    }

    #[test]
    fn what_is_shown_is_a_script() {
        let needed = Numbering::Needed { next: 8, statements: vec!["A".to_owned(), "B".to_owned()] };
        let text = to_text(&report(Some(CaughtUp::Yes), needed), Colours::Off);
        let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("--") && !line.is_empty()).collect();
        assert_eq!(code, ["A;", "B;"]);
        assert!(text.contains("-- needed: shop.or\\nders.id, 8 comes next\n"), "{text}");
    }

    #[test]
    fn what_is_left_to_decide_or_to_wait_for_is_a_finding() {
        let ready = || Numbering::Ready { next: 8 };
        let late = CaughtUp::No { why: "a".to_owned(), hint: "b".to_owned() };
        assert!(report(Some(CaughtUp::Yes), ready()).is_good() && report(None, ready()).is_good());
        assert!(!report(Some(late.clone()), ready()).is_good());
        let impossible = report(None, Numbering::Impossible { why: "c".to_owned() });
        assert!(!impossible.is_good() && to_text(&impossible, Colours::Off).contains(", c\n"));
        let json = to_json(&report(Some(late), ready()));
        assert_eq!(
            (&json["arrived"], &json["not_arrived"], &json["good"]),
            (&false.into(), &"a".into(), &false.into())
        );
        assert_eq!(
            (&json["items"][0]["destination"], &json["items"][0]["next"]),
            (&"sales.orders.id".into(), &8.into())
        );
    }
}
