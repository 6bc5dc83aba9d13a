//! Tables of random columns with random values, in SQL: all types, character sets and edge values that MySQL has.
//!
//! Nothing here says what a value becomes: what the server says of itself is what a test compares with.

mod documents;
mod kind;
mod text;

use crate::Random;
pub use kind::Kind;

/// What values may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Realm {
    /// Everything that MySQL can store.
    AllOfMysql,
    /// What PostgreSQL can hold as well: neither dates that do not exist nor U+0000.
    OfBothDatabases,
}

/// What tables are made of.
#[derive(Debug, Clone)]
pub struct Material {
    /// What values may be.
    pub realm: Realm,
    /// Character sets of text columns, by MySQL's names.
    pub charsets: Vec<String>,
}

/// How the rows of a table are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// By the primary key `id`.
    PrimaryKey,
    /// By the key that the server generates where `sql_generate_invisible_primary_key` is on; `id` is a plain column.
    Generated,
}

/// A column.
#[derive(Debug, Clone)]
pub struct RandomColumn {
    /// Its name.
    pub name: String,
    /// What follows the name in CREATE TABLE.
    pub definition: String,
    /// What it holds; none for a column that the server computes.
    pub kind: Option<Kind>,
    is_nullable: bool,
}

/// A table with the integer column `id`, which numbers its rows, among random ones.
#[derive(Debug, Clone)]
pub struct RandomTable {
    /// Its name.
    pub name: String,
    /// Its columns in order; `id` is one of them.
    pub columns: Vec<RandomColumn>,
    /// How its rows are told apart.
    pub identity: Identity,
    realm: Realm,
}

const MOST_COLUMNS: u64 = 24;

impl RandomTable {
    /// A table of 1 to 24 random columns.
    pub fn new(random: &mut Random, name: &str, material: &Material) -> Self {
        let count = 1 + random.below(MOST_COLUMNS);
        let mut columns: Vec<RandomColumn> = (0..count).map(|nth| random_column(random, nth, material)).collect();
        let place = random.below(count + 1) as usize;
        let id = RandomColumn { name: "id".into(), definition: "INT NOT NULL".into(), kind: None, is_nullable: false };
        columns.insert(place, id);
        let identity = if random.below(5) == 0 { Identity::Generated } else { Identity::PrimaryKey };
        Self { name: name.to_owned(), columns, identity, realm: material.realm }
    }

    /// The statement that makes it.
    pub fn create(&self) -> String {
        let column = |column: &RandomColumn| format!("`{}` {}", column.name, column.definition);
        let mut parts: Vec<String> = self.columns.iter().map(column).collect();
        if self.identity == Identity::PrimaryKey {
            parts.push("PRIMARY KEY (id)".into());
        }
        format!("CREATE TABLE {} ({}) CHARACTER SET utf8mb4", self.name, parts.join(", "))
    }

    /// A statement that inserts the row of this number.
    pub fn insert(&self, random: &mut Random, id: usize) -> String {
        let (mut names, mut values) = (vec!["id".to_owned()], vec![id.to_string()]);
        for column in &self.columns {
            if let Some(value) = self.value(random, column) {
                names.push(format!("`{}`", column.name));
                values.push(value);
            }
        }
        format!("INSERT IGNORE INTO {} ({}) VALUES ({})", self.name, names.join(", "), values.join(", "))
    }

    /// A statement that changes some columns of the row of this number; documents of JSON in part.
    pub fn update(&self, random: &mut Random, id: usize) -> String {
        let mut changes = Vec::new();
        for column in &self.columns {
            if random.below(3) == 0 {
                continue;
            }
            let change = match &column.kind {
                Some(Kind::Json) if random.below(4) > 0 => Some(documents::change(random, &column.name)),
                _ => self.value(random, column),
            };
            changes.extend(change.map(|value| format!("`{}` = {value}", column.name)));
        }
        if changes.is_empty() {
            changes.push("id = id".into());
        }
        format!("UPDATE IGNORE {} SET {} WHERE id = {id}", self.name, changes.join(", "))
    }

    fn value(&self, random: &mut Random, column: &RandomColumn) -> Option<String> {
        let kind = column.kind.as_ref()?;
        if column.is_nullable && random.below(6) == 0 {
            return Some("NULL".into());
        }
        Some(kind.value(random, self.realm))
    }
}

fn random_column(random: &mut Random, nth: u64, material: &Material) -> RandomColumn {
    let names = ["c", "C d", "é漢", "a`", "select"];
    let name = format!("{}{nth}", random.choose(&names)).replace('`', "``");
    if random.below(12) == 0 {
        let definition = random.choose(&GENERATED).to_string();
        return RandomColumn { name, definition, kind: None, is_nullable: true };
    }
    let kind = Kind::random(random, material);
    let is_nullable = random.below(3) > 0;
    let mut definition = format!("{} {}", kind.definition(), if is_nullable { "NULL" } else { "NOT NULL" });
    if random.below(10) == 0 {
        definition.push_str(" INVISIBLE");
    }
    RandomColumn { name, definition, kind: Some(kind), is_nullable }
}

/// Columns that the server computes.
const GENERATED: [&str; 6] = [
    "INT GENERATED ALWAYS AS (id * 2) VIRTUAL",
    "BIGINT UNSIGNED GENERATED ALWAYS AS (id + 18446744073709551000) STORED",
    "VARCHAR(40) GENERATED ALWAYS AS (CONCAT('row ', id, ' é')) STORED",
    "CHAR(10) CHARACTER SET latin1 GENERATED ALWAYS AS (CONCAT(id, ' ö  ')) VIRTUAL",
    "JSON GENERATED ALWAYS AS (JSON_OBJECT('id', id, 'd', id / 7)) STORED",
    "DECIMAL(20,6) GENERATED ALWAYS AS (id / 7) VIRTUAL",
];
