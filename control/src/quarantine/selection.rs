//! Which of the held keys are meant, by what people write.

use millrace_model::{Cell, Hold, Row};

/// Those of a table, and of these keys; all where nothing is said.
pub(super) fn select(holds: Vec<Hold>, table: Option<&str>, keys: &[String]) -> Vec<Hold> {
    let is_meant = |hold: &Hold| {
        table.is_none_or(|table| hold.table.to_string() == table)
            && (keys.is_empty() || keys.contains(&key_text(&hold.key)))
    };
    holds.into_iter().filter(is_meant).collect()
}

/// A key as it is printed: its cells with commas between, bytes in hex, control characters escaped. Commas and backslashes of
/// a text have a backslash before them, so that no two keys of a table are printed alike.
pub(super) fn key_text(key: &Row) -> String {
    let cell = |cell: Cell<'_>| match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Int(value) => value.to_string(),
        Cell::UInt(value) => value.to_string(),
        Cell::Float(value) => value.to_string(),
        Cell::Double(value) => value.to_string(),
        Cell::Text(text) => printable(text),
        Cell::Bytes(bytes) => bytes.iter().fold("\\x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    };
    key.cells().map(cell).collect::<Vec<_>>().join(",")
}

fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        ',' | '\\' => format!("\\{c}"),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use millrace_model::{HoldOrigin, TableName};

    use super::*;

    fn hold(table: &str, cells: &[Cell<'_>]) -> Hold {
        Hold {
            table_id: 1,
            table: TableName::new("shop", table),
            key: cells.iter().copied().collect(),
            origin: HoldOrigin::Change,
            changes: 1,
            since: 0,
            reason: String::new(),
        }
    }

    #[test]
    fn no_two_keys_are_printed_alike() {
        let holds = [
            hold("a", &[Cell::Text("a,b"), Cell::Text("c")]),
            hold("a", &[Cell::Text("a"), Cell::Text("b,c")]),
            hold("a", &[Cell::Text("a\\"), Cell::Text("b,c")]),
            hold("a", &[Cell::Text("a\\,b"), Cell::Text("c")]),
            hold("a", &[Cell::Text("\\u{1b}")]),
            hold("a", &[Cell::Text("\u{1b}")]),
            hold("a", &[Cell::Text("\\x00")]),
            hold("a", &[Cell::Bytes(&[0])]),
        ];
        for meant in &holds {
            let found = select(holds.to_vec(), Some("shop.a"), &[key_text(&meant.key)]);
            assert_eq!(found, std::slice::from_ref(meant), "{}", key_text(&meant.key));
        }
        assert_eq!(key_text(&holds[0].key), "a\\,b,c");
    }

    #[test]
    fn keys_are_named_as_they_are_printed() {
        let holds = vec![
            hold("a", &[Cell::Int(-5)]),
            hold("a", &[Cell::UInt(7), Cell::Text("x\u{1b}y")]),
            hold("b", &[Cell::Bytes(&[0, 255])]),
        ];
        let texts: Vec<String> = holds.iter().map(|hold| key_text(&hold.key)).collect();
        assert_eq!(texts, ["-5", "7,x\\u{1b}y", "\\x00ff"]);
        let count = |table: Option<&str>, keys: &[&str]| {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            select(holds.clone(), table, &keys).len()
        };
        assert_eq!((count(None, &[]), count(Some("shop.a"), &[]), count(Some("a"), &[])), (3, 2, 0));
        assert_eq!((count(Some("shop.a"), &["-5", "\\x00ff"]), count(None, &["\\x00ff"])), (1, 1));
    }
}
