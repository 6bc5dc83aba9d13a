//! The tables as the source has them now: what writers and schema changes choose from.

use std::collections::BTreeMap;

use millrace_testkit::Random;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

/// Values of a key's column: so few that writers meet each other's rows.
const KEYS: u64 = 90;

/// A table of the source.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// Names of the indexes beside the primary key.
    pub(super) indexes: Vec<String>,
}

/// A column of it.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    /// Such as `varchar`.
    pub(super) kind: String,
    /// Such as `varchar(20)`.
    pub(super) definition: String,
    pub(super) null: Null,
    pub(super) has_default: bool,
    pub(super) in_key: bool,
}

/// Whether a column may be NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    Allowed,
    Refused,
}

impl Null {
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Allowed => "NULL",
            Self::Refused => "NOT NULL",
        }
    }
}

/// The tables of a database.
pub(super) async fn tables(connection: &mut Conn, database: &str) -> Result<Vec<Table>, mysql_async::Error> {
    let sql = "SELECT c.table_name, c.column_name, c.data_type, c.column_type, c.is_nullable, \
               c.column_default IS NOT NULL OR c.extra <> '', c.column_key = 'PRI' FROM information_schema.columns c \
               WHERE c.table_schema = ? ORDER BY c.table_name, c.ordinal_position";
    let rows: Vec<(String, String, String, String, String, bool, bool)> = connection.exec(sql, (database,)).await?;
    let mut tables = BTreeMap::<String, Table>::new();
    for (table, name, kind, definition, null, has_default, in_key) in rows {
        let null = if null == "YES" { Null::Allowed } else { Null::Refused };
        let empty = || Table { name: table.clone(), columns: Vec::new(), indexes: Vec::new() };
        let column = Column { name, kind, definition, null, has_default, in_key };
        tables.entry(table.clone()).or_insert_with(empty).columns.push(column);
    }
    let sql = "SELECT DISTINCT table_name, index_name FROM information_schema.statistics \
               WHERE table_schema = ? AND index_name <> 'PRIMARY' ORDER BY 1, 2";
    let indexes: Vec<(String, String)> = connection.exec(sql, (database,)).await?;
    for (table, index) in indexes {
        if let Some(table) = tables.get_mut(&table) {
            table.indexes.push(index);
        }
    }
    Ok(tables.into_values().collect())
}

impl Table {
    pub(super) fn key(&self) -> Vec<&Column> {
        self.columns.iter().filter(|column| column.in_key).collect()
    }

    pub(super) fn column(&self, random: &mut Random) -> &Column {
        random.choose(&self.columns)
    }
}

impl Column {
    /// SQL of a random value.
    pub(super) fn value(&self, random: &mut Random) -> String {
        if self.in_key {
            return self.key_value(random.below(KEYS));
        }
        match (self.null, random.below(6)) {
            (Null::Allowed, 0) => "NULL".to_owned(),
            (_, 1) if self.has_default => "DEFAULT".to_owned(),
            _ => self.some_value(random),
        }
    }

    fn key_value(&self, number: u64) -> String {
        match self.kind.as_str() {
            "varchar" => format!("'k{number}'"),
            "datetime" | "date" => format!("'2024-01-01' + INTERVAL {number} DAY"),
            _ => number.to_string(),
        }
    }

    /// The number in parentheses; of strings the length.
    pub(super) fn length(&self) -> u64 {
        let (_, rest) = self.definition.split_once('(').unwrap_or_default();
        rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Not NULL.
    pub(super) fn some_value(&self, random: &mut Random) -> String {
        let number = random.below(100_000);
        let negative = if self.definition.contains("unsigned") || !number.is_multiple_of(3) { "" } else { "-" };
        match self.kind.as_str() {
            "tinyint" => format!("{negative}{}", number % 100),
            "smallint" => format!("{negative}{}", number % 30_000),
            "int" => format!("{negative}{}", number * 17_000),
            "bigint" => format!("{negative}{}", number * if number.is_multiple_of(5) { 90_000_000 } else { 1 }),
            "decimal" => format!("{negative}{}.{}", number % 10_000, number % 97),
            "double" | "float" => format!("{negative}{number} / 8"),
            "varchar" => self.text(random, self.length()),
            "text" | "mediumtext" | "longtext" => self.text(random, if number.is_multiple_of(20) { 3_000 } else { 40 }),
            "varbinary" | "blob" => format!("UNHEX(LEFT(SHA2({number}, 256), {}))", 2 * random.below(9)),
            "datetime" | "timestamp" | "date" => {
                format!("'2001-02-03 04:05:06.789' + INTERVAL {number} MINUTE")
            }
            "json" => format!("JSON_OBJECT('a', {number}, 'b', JSON_ARRAY('x', NULL))"),
            "enum" => format!("'{}'", random.choose(&["a", "b", "c"])),
            _ => "0".to_owned(),
        }
    }

    fn text(&self, random: &mut Random, longest: u64) -> String {
        let length = random.below(longest.min(3_000) + 1);
        match random.below(4) {
            // Numbers, which survive a change to a number.
            0 if longest >= 6 => format!("'{}'", random.below(100_000)),
            1 => format!("REPEAT('é', {length})"),
            2 => format!("LEFT('it''s \\\\ a \\t \"text\" ', {length})"),
            _ => format!("REPEAT('{}', {length})", char::from(b'a' + (random.below(26)) as u8)),
        }
    }
}
