//! Random documents of JSON, and changes of them, as SQL.

use crate::Random;
use crate::random_table::text::constant;
use crate::random_table::{Realm, text};

/// Keys that documents have, so that changes meet them.
const KEYS: [&str; 7] = ["a", "b", "key", "é", "a longer name", "", "x.y"];

/// A document.
pub(super) fn document(random: &mut Random, realm: Realm) -> String {
    match random.below(5) {
        // A scalar of SQL is not one of JSON.
        0 => format!("JSON_EXTRACT(JSON_ARRAY({}), '$[0]')", scalar(random, realm)),
        depth => value(random, realm, depth),
    }
}

/// A document that the column's becomes, such that the server can log the difference alone.
pub(super) fn change(random: &mut Random, column: &str) -> String {
    let mut changed = format!("`{column}`");
    for _ in 0..=random.below(3) {
        let path = path(random);
        let with = value(random, Realm::OfBothDatabases, 1);
        changed = match random.below(6) {
            0 | 1 => format!("JSON_REPLACE({changed}, {path}, {with})"),
            2 => format!("JSON_REMOVE({changed}, {path})"),
            3 => format!("JSON_SET({changed}, {path}, {with}, '$.new', {with})"),
            _ => format!("JSON_SET({changed}, {path}, {with})"),
        };
    }
    changed
}

/// A path of one step or more; never the whole document, which cannot be removed.
fn path(random: &mut Random) -> String {
    let mut path = "$".to_owned();
    for _ in 0..=random.below(3) {
        match random.below(3) {
            0 => path.push_str(&format!("[{}]", random.below(4))),
            _ => path.push_str(&format!(".\"{}\"", random.choose(&KEYS))),
        }
    }
    format!("'{path}'")
}

fn value(random: &mut Random, realm: Realm, depth: u64) -> String {
    if depth == 0 {
        return scalar(random, realm);
    }
    let count = random.below(5);
    match random.below(3) {
        0 => {
            let elements: Vec<String> = (0..count).map(|_| value(random, realm, depth - 1)).collect();
            format!("JSON_ARRAY({})", elements.join(", "))
        }
        _ => {
            let first = random.below(KEYS.len() as u64) as usize;
            let member = |random: &mut Random, nth: u64| {
                let key = KEYS[(first + nth as usize) % KEYS.len()];
                format!("'{key}', {}", value(random, realm, depth - 1))
            };
            let members: Vec<String> = (0..count).map(|nth| member(random, nth)).collect();
            format!("JSON_OBJECT({})", members.join(", "))
        }
    }
}

fn scalar(random: &mut Random, realm: Realm) -> String {
    match random.below(14) {
        0 => "CAST('null' AS JSON)".into(),
        1 => (*random.choose(&["CAST('true' AS JSON)", "CAST('false' AS JSON)"])).into(),
        2 => (random.below(70_000) as i64 - 35_000).to_string(),
        3 => (random.below(1 << 33) as i64 - (1 << 32)).to_string(),
        4 => random.choose(&["18446744073709551615", "-9223372036854775808", "9223372036854775807"]).to_string(),
        5 => format!("CAST({} AS DOUBLE)", random.below(1 << 40) as f64 / 1024.0 - 1e6),
        6 => format!("{}.{:03}", random.below(100_000) as i64 - 50_000, random.below(1000)),
        7 => "CAST('-99999999999999999999999999999999999.123456789012345678901234567890' AS DECIMAL(65,30))".into(),
        8 => format!("DATE'2{:03}-0{}-1{}'", random.below(1000), 1 + random.below(9), random.below(10)),
        9 => format!("TIME'-{:03}:59:59.{:06}'", random.below(838), random.below(1_000_000)),
        10 => format!("TIMESTAMP'19{:02}-12-31 23:59:59.{:03}'", random.below(100), random.below(1000)),
        11 => format!("CAST(x'{}' AS BINARY)", text::hex(&text::bytes(random, 120))),
        // Strings of more than 127 bytes have a length of two.
        _ => {
            let most = *random.choose(&[10, 130]);
            constant(&text::text(random, realm, most))
        }
    }
}
