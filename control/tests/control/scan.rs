//! `millrace plan --scan`.

use anyhow::Result;
use serde_json::Value;

use crate::world::{World, millrace};

/// One of each value that the destination cannot hold, among good rows; `hunter2` is in columns that no output may show.
const SALTED: &str = "
SET SESSION sql_mode = 'ALLOW_INVALID_DATES';
CREATE TABLE dates (id INT PRIMARY KEY, day DATE, at DATETIME(3), secret VARCHAR(20) DEFAULT 'hunter2');
INSERT INTO dates (id, day, at) VALUES (1, '2024-02-29', '1000-01-01'), (2, '0000-00-00', NULL), (3, '2024-00-10', NULL),
    (4, NULL, '0000-01-01 10:00:00'), (5, '2023-02-30', '0000-00-00'), (6, '0000-00-00', '2024-01-00 00:00:00');
CREATE TABLE keyed_by_date (day DATE PRIMARY KEY);
INSERT INTO keyed_by_date VALUES ('2024-01-01'), ('0000-00-00');
CREATE TABLE texts (id BIGINT UNSIGNED PRIMARY KEY, t TEXT, doc JSON);
INSERT INTO texts VALUES (1, 'fine', '{}'), (18446744073709551615, CONCAT('hunter2', CHAR(0 USING utf8mb4)), NULL),
    (3, NULL, JSON_OBJECT('a', CONCAT('x', CHAR(0 USING utf8mb4)))), (4, NULL, JSON_OBJECT(CONCAT('n', CHAR(0 USING utf8mb4)), 1)),
    (5, 'a\\\\u0000', JSON_ARRAY('\\\\u0000'));
CREATE TABLE typed (code VARCHAR(9), part INT, opens TIME, note VARCHAR(90), amount DECIMAL(20, 3), flag INT, small BIGINT,
    day DATETIME, fixed VARCHAR(9), PRIMARY KEY (code, part));
INSERT INTO typed VALUES ('good', 1, '23:59:59', 'äöü', 9.500, 1, 32767, '2024-01-01', 'x'),
    ('bad', 1, '24:00:00', 'four', 9.555, 2, 32768, '2024-01-01 00:00:01', 'x '),
    ('bad', 2, '-00:00:01', 'fünf!', 100000.000, -1, -32769, '2024-01-01 12:00:00', ' ');
CREATE TABLE long_keys (name VARCHAR(760) PRIMARY KEY);
INSERT INTO long_keys VALUES (REPEAT('a', 760)), (REPEAT('🦀', 700));
CREATE TABLE exact_keys (code VARCHAR(20) COLLATE utf8mb4_0900_bin PRIMARY KEY);
INSERT INTO exact_keys VALUES ('ab'), ('AB'), ('Äb'), ('ab '), ('c'), ('d'), ('D');
CREATE TABLE coded (id INT PRIMARY KEY, c VARCHAR(20) CHARACTER SET cp1250, e VARCHAR(20) CHARACTER SET ucs2);
INSERT INTO coded VALUES (1, 'fine', 'fine'), (2, x'68756E746572328100', x'D800'), (3, x'6181', '');
CREATE TABLE without_key (t VARCHAR(20));
INSERT INTO without_key VALUES ('x'), (CONCAT(CHAR(0 USING utf8mb4), 'hunter2'));
CREATE TABLE judged (id INT PRIMARY KEY, status VARCHAR(20));
INSERT INTO judged VALUES (1, 'draft'), (2, 'öffentlich');
CREATE TABLE filtered (id INT PRIMARY KEY, day DATE);
INSERT INTO filtered VALUES (1, '2024-00-01'), (2, '2024-00-02');
";

/// Table, place, outcome, part of what it says, rows, keys.
const EXPECTED: [(&str, &str, &str, &str, u64, &str); 27] = [
    ("dates", "day", "changed", "zero date", 2, "id = 2; id = 6"),
    ("dates", "day", "stops", "calendar", 2, "id = 3; id = 5"),
    ("dates", "at", "changed", "zero date", 1, "id = 5"),
    ("dates", "at", "stops", "calendar", 2, "id = 4; id = 6"),
    ("keyed_by_date", "day", "stops", "part of the key", 1, "day = \"0000-00-00\""),
    ("texts", "t", "stops", "U+0000", 1, "id = 18446744073709551615"),
    ("texts", "doc", "stops", "U+0000", 2, "id = 3; id = 4"),
    ("typed", "opens", "stops", "no time of a day", 2, "code = \"bad\", part = 1; code = \"bad\", part = 2"),
    ("typed", "note", "stops", "longer than", 2, "code = \"bad\", part = 1; code = \"bad\", part = 2"),
    ("typed", "amount", "stops", "more digits", 1, "code = \"bad\", part = 1"),
    ("typed", "amount", "stops", "cannot hold", 1, "code = \"bad\", part = 2"),
    ("typed", "flag", "stops", "0 and 1", 2, "code = \"bad\", part = 1; code = \"bad\", part = 2"),
    ("typed", "small", "stops", "cannot hold", 2, "code = \"bad\", part = 1; code = \"bad\", part = 2"),
    ("typed", "day", "stops", "midnight", 2, "code = \"bad\", part = 1; code = \"bad\", part = 2"),
    ("typed", "fixed", "stops", "space at its end", 2, "code = \"bad\", part = 1; code = \"bad\", part = 2"),
    ("long_keys", "the key", "may stop", "2700 bytes", 1, "🦀"),
    ("exact_keys", "code", "moves", "case, accents or spaces", 2, "\""),
    ("coded", "c", "stops", "no text of its character set", 2, "id = 2; id = 3"),
    ("coded", "e", "stops", "no text of its character set", 1, "id = 2"),
    ("without_key", "t", "stops", "U+0000", 1, ""),
    ("judged", "status", "stops", "objects.where", 1, "id = 2"),
    ("filtered", "day", "stops", "calendar", 1, "id = 2"),
    ("customers", "", "", "", 0, ""),
    ("orders", "", "", "", 0, ""),
    ("lines_without_key", "", "", "", 0, ""),
    ("LONG", "LONG", "stops", "63 bytes", 0, "rename = { "),
    ("LONG", "the table's name", "stops", "63 bytes", 0, "rename = \""),
];

fn task_of(world: &World, policies: &str) -> Result<String> {
    let name = &world.name;
    world.task(
        &world.servers.mysql,
        &format!(
            "{policies}\nobjects = [{{ table = \"{name}.*\" }}, {{ table = \"{name}.typed\", columns = {{ type = {{ \
             opens = \"time\", note = \"varchar(3)\", amount = \"numeric(6,2)\", flag = \"boolean\", small = \"smallint\", \
             day = \"date\", fixed = \"char(9)\" }} }} }}, {{ table = \"{name}.judged\", where = \"status <> 'draft'\" }}, \
             {{ table = \"{name}.filtered\", where = \"id > 1\" }}]"
        ),
    )
}

fn found<'v>(report: &'v Value, table: &str) -> &'v Vec<Value> {
    let tables = report["tables"].as_array().unwrap();
    let table = tables.iter().find(|found| found["table"] == table).unwrap_or_else(|| panic!("{table} in {report:#}"));
    table["found"].as_array().unwrap()
}

#[tokio::test]
async fn each_kind_of_bad_value_is_found() -> Result<()> {
    let world = World::new("scan").await?;
    let name = &world.name;
    let long = "x".repeat(64);
    let long_table = format!("CREATE TABLE {long} (id INT PRIMARY KEY, {long} INT)");
    world.mysql(&format!("USE {name}; {SALTED} {long_table};")).await?;
    let task = task_of(&world, "")?;
    let ended = millrace(&["plan", &task, "--scan", "--json"])?;
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(!ended.out.contains("hunter2") && !ended.err.contains("hunter2"), "a value is shown: {}", ended.out);
    let report = ended.json();
    assert_eq!(report["stops"], true);
    let mut expected_of_table: Vec<(&str, usize)> = Vec::new();
    for (table, place, outcome, what, rows, keys) in EXPECTED {
        let here = found(&report, &format!("{name}.{}", table.replace("LONG", &long)));
        match expected_of_table.iter_mut().find(|(known, _)| *known == table) {
            Some((_, count)) => *count += 1,
            None => expected_of_table.push((table, usize::from(!outcome.is_empty()))),
        }
        let fits = |entry: &&Value| {
            let shown: Vec<&str> = entry["keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
            let text = format!("{} {}", shown.join("; "), entry["mend"].as_str().unwrap());
            entry["place"] == place.replace("LONG", &long)
                && entry["outcome"] == outcome
                && entry["what"].as_str().unwrap().contains(what)
                && entry["rows"].as_u64().unwrap_or(0) == rows
                && text.contains(keys)
        };
        let is_there = outcome.is_empty() || here.iter().any(|entry| fits(&entry));
        assert!(is_there, "{table} {place} {what} in {here:#?}");
    }
    for (table, count) in expected_of_table {
        let here = found(&report, &format!("{name}.{}", table.replace("LONG", &long)));
        assert_eq!(here.len(), count, "{table}: {here:#?}");
    }
    world.remove().await
}

#[tokio::test]
async fn policies_and_names_change_what_is_found() -> Result<()> {
    let world = World::new("scan_policies").await?;
    let name = &world.name;
    world.mysql(&format!("USE {name}; {SALTED} CREATE TABLE `Dates2` (id INT PRIMARY KEY);")).await?;
    let policies = "schema = { zero_dates = \"stop\", invalid_dates = \"null\", nul_characters = \"remove\", \
                    invalid_text = \"replace\", names = \"lower\" }";
    let task = task_of(&world, policies)?;
    let text = std::fs::read_to_string(&task)?;
    let renamed = format!("objects = [{{ table = \"{name}.keyed_by_date\", rename = \"{name}.dates2\" }}, ");
    std::fs::write(&task, text.replacen("objects = [", &renamed, 1))?;
    let report = millrace(&["plan", &task, "--scan", "--json", "--rows-per-second", "100000"])?.json();
    let outcomes = |table: &str| -> Vec<String> {
        let here = found(&report, &format!("{name}.{table}"));
        here.iter()
            .map(|entry| format!("{} {}", entry["place"].as_str().unwrap(), entry["outcome"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(outcomes("dates"), ["day stops", "at stops", "day changed", "at changed"]);
    assert_eq!(outcomes("texts"), ["doc stops", "t changed", "doc changed"], "the name of a member is never changed");
    assert_eq!(outcomes("coded"), ["c changed", "e changed"]);
    assert_eq!(outcomes("without_key"), ["t changed"]);
    for table in ["Dates2", "keyed_by_date"] {
        assert!(outcomes(table).contains(&"the table's name stops".to_owned()), "{table}: {report:#}");
    }
    let shown = millrace(&["plan", &task, "--scan"])?.out;
    assert!(shown.contains("The task would stop") && shown.contains("mend: "), "{shown}");
    world.remove().await
}
