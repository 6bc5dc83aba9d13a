//! A random schema change of one table, from what the table has now.

use millrace_testkit::Random;

use super::shape::{Column, Null, Table};

/// Types of new columns, each with a default.
const TYPES: [(&str, &str); 12] = [
    ("INT", "7"),
    ("BIGINT", "-5000000000"),
    ("SMALLINT UNSIGNED", "65535"),
    ("TINYINT(1)", "1"),
    ("VARCHAR(20)", "'dé''f'"),
    ("VARCHAR(60) CHARACTER SET latin1", "'é'"),
    ("TEXT", "('text')"),
    ("DECIMAL(10,2)", "1.5"),
    ("DATETIME(3)", "'2020-02-29 12:00:00.123'"),
    ("DOUBLE", "0.25"),
    ("VARBINARY(16)", "'ab'"),
    ("ENUM('a','b','c')", "'b'"),
];

/// What an ALTER TABLE does to a column or to the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    Add,
    AddWithDefault,
    AddNotNull,
    AddCurrentTime,
    Drop,
    Rename,
    Widen,
    Narrow,
    OtherType,
    NotNull,
    Nullable,
    Default,
    Constant,
    Change,
    Comment,
    TableComment,
    Index,
    UniqueIndex,
    RenameIndex,
    DropIndex,
    Key,
    DropKey,
    NumberedKey,
}

/// All of them.
pub(super) const ACTIONS: [Action; 23] = [
    Action::Add,
    Action::AddWithDefault,
    Action::AddNotNull,
    Action::AddCurrentTime,
    Action::Drop,
    Action::Rename,
    Action::Widen,
    Action::Narrow,
    Action::OtherType,
    Action::NotNull,
    Action::Nullable,
    Action::Default,
    Action::Constant,
    Action::Change,
    Action::Comment,
    Action::TableComment,
    Action::Index,
    Action::UniqueIndex,
    Action::RenameIndex,
    Action::DropIndex,
    Action::Key,
    Action::DropKey,
    Action::NumberedKey,
];

impl Action {
    /// The words of it for a table; none where the table has nothing that it could be done to. The source may refuse it.
    pub(super) fn sql(self, table: &Table, random: &mut Random) -> Option<String> {
        let column = table.column(random);
        let name = &column.name;
        let (kind, default) = random.choose(&TYPES);
        let place = place(table, random);
        Some(match self {
            Self::Add => format!("ADD COLUMN {} {kind}{place}", free_name(table, random)?),
            Self::AddWithDefault => {
                let null = random.choose(&["NULL", "NOT NULL"]);
                format!("ADD COLUMN {} {kind} {null} DEFAULT {default}{place}", free_name(table, random)?)
            }
            Self::AddNotNull => format!("ADD COLUMN {} {kind} NOT NULL{place}", free_name(table, random)?),
            Self::AddCurrentTime => {
                let name = free_name(table, random)?;
                format!("ADD COLUMN {name} TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3){place}")
            }
            Self::Drop => (table.columns.len() > 2).then(|| format!("DROP COLUMN {name}"))?,
            Self::Rename => format!("RENAME COLUMN {name} TO {}", free_name(table, random)?),
            Self::Widen => modify(column, &wider(column, random)?, place),
            Self::Narrow => modify(column, &narrower(column)?, place),
            Self::OtherType => modify(column, other_type(column, random)?, place),
            Self::NotNull => format!("MODIFY COLUMN {name} {} NOT NULL{place}", column.definition),
            Self::Nullable => format!("MODIFY COLUMN {name} {} NULL{place}", column.definition),
            Self::Default if column.has_default && random.below(2) == 0 => format!("ALTER COLUMN {name} DROP DEFAULT"),
            Self::Default => format!("ALTER COLUMN {name} SET DEFAULT ({})", column.some_value(random)),
            Self::Constant => {
                format!("ALTER COLUMN {name} SET DEFAULT {}", random.choose(&["7", "'3'", "NULL", "'2020-02-29'"]))
            }
            Self::Change => {
                let (to, null) = (free_name(table, random)?, column.null.sql());
                let kind = wider(column, random).unwrap_or_else(|| column.definition.clone());
                format!("CHANGE COLUMN {name} {to} {kind} {null} COMMENT 'was {name}'{place}")
            }
            Self::Comment => {
                let null = column.null.sql();
                format!("MODIFY COLUMN {name} {} {null} COMMENT 'it''s {}'", column.definition, random.below(9))
            }
            Self::TableComment => format!("COMMENT = '{}'", random.choose(&["", "of \"all\" kinds", "it''s"])),
            Self::Index => format!("ADD INDEX i{} ({})", random.below(1_000), index_columns(table, random)),
            Self::UniqueIndex => {
                format!("ADD UNIQUE INDEX u{} ({})", random.below(1_000), index_columns(table, random))
            }
            Self::RenameIndex if table.indexes.is_empty() => return None,
            Self::RenameIndex => {
                format!("RENAME INDEX {} TO r{}", random.choose(&table.indexes), random.below(1_000))
            }
            Self::DropIndex if table.indexes.is_empty() => return None,
            Self::DropIndex => format!("DROP INDEX {}", random.choose(&table.indexes)),
            Self::Key => key(table, random)?,
            Self::DropKey => (!table.key().is_empty()).then(|| "DROP PRIMARY KEY".to_owned())?,
            Self::NumberedKey if !table.key().is_empty() => return None,
            Self::NumberedKey => {
                format!("ADD COLUMN {} INT AUTO_INCREMENT PRIMARY KEY{place}", free_name(table, random)?)
            }
        })
    }
}

fn modify(column: &Column, kind: &str, place: String) -> String {
    format!("MODIFY COLUMN {} {kind} {}{place}", column.name, column.null.sql())
}

/// One of ten names, so that names come back with another meaning.
fn free_name(table: &Table, random: &mut Random) -> Option<String> {
    let names: Vec<String> = (0..10).map(|number| format!("c{number}")).collect();
    let free: Vec<&String> =
        names.iter().filter(|name| table.columns.iter().all(|column| column.name != **name)).collect();
    (!free.is_empty()).then(|| (*random.choose(&free)).clone())
}

fn place(table: &Table, random: &mut Random) -> String {
    match random.below(4) {
        0 => " FIRST".to_owned(),
        1 => format!(" AFTER {}", table.column(random).name),
        _ => String::new(),
    }
}

fn wider(column: &Column, random: &mut Random) -> Option<String> {
    let length = column.length();
    let unsigned = if column.definition.contains("unsigned") { " UNSIGNED" } else { "" };
    Some(match column.kind.as_str() {
        "tinyint" => format!("SMALLINT{unsigned}"),
        "smallint" => format!("INT{unsigned}"),
        "int" => format!("BIGINT{unsigned}"),
        "varchar" if random.below(3) == 0 && !column.in_key => "TEXT".to_owned(),
        "varchar" => format!("VARCHAR({})", (length + 10).min(400)),
        "text" => "MEDIUMTEXT".to_owned(),
        "varbinary" => format!("VARBINARY({})", length + 4),
        "decimal" => {
            let scale = column.definition.split_once(',').map_or("0", |(_, rest)| rest.trim_end_matches(')'));
            let scale: u64 = scale.split(')').next()?.parse().ok()?;
            let more = random.below(2);
            format!("DECIMAL({},{})", (length + 2).min(60), (scale + more).min(20))
        }
        "datetime" => "DATETIME(6)".to_owned(),
        "enum" => "ENUM('a','b','c','d')".to_owned(),
        "float" => "DOUBLE".to_owned(),
        _ => return None,
    })
}

/// Values may be cut or rounded by the source, or refused.
fn narrower(column: &Column) -> Option<String> {
    Some(match column.kind.as_str() {
        "bigint" => "INT".to_owned(),
        "int" => "SMALLINT".to_owned(),
        "varchar" => format!("VARCHAR({})", column.length().saturating_sub(5).max(5)),
        "text" | "mediumtext" => "VARCHAR(300)".to_owned(),
        "decimal" => "DECIMAL(12,1)".to_owned(),
        "datetime" => "DATETIME".to_owned(),
        "timestamp" => "TIMESTAMP".to_owned(),
        _ => return None,
    })
}

fn other_type(column: &Column, random: &mut Random) -> Option<&'static str> {
    let types: &[&'static str] = match column.kind.as_str() {
        "tinyint" | "smallint" | "int" | "bigint" => &["DECIMAL(22,2)", "VARCHAR(30)", "BIGINT UNSIGNED", "DOUBLE"],
        "decimal" => &["BIGINT", "VARCHAR(70)", "DOUBLE"],
        "double" => &["DECIMAL(20,4)", "VARCHAR(40)"],
        "varchar" | "text" | "mediumtext" => {
            &["INT", "VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "VARBINARY(900)", "LONGTEXT"]
        }
        "datetime" | "timestamp" => &["DATE", "VARCHAR(40)", "TIMESTAMP(6)", "DATETIME(2)"],
        "date" => &["DATETIME(3)", "VARCHAR(40)"],
        "enum" => &["VARCHAR(10)", "ENUM('c','b','a')"],
        "varbinary" => &["BLOB"],
        _ => return None,
    };
    Some(*random.choose(types))
}

/// Whether equality of it means the same on both sides, and MySQL can index it whole.
fn keyed(column: &Column) -> bool {
    matches!(column.kind.as_str(), "tinyint" | "smallint" | "int" | "bigint" | "varchar" | "decimal" | "datetime")
        && column.length() <= 80
}

fn index_columns(table: &Table, random: &mut Random) -> String {
    let mut columns: Vec<&Column> = table.columns.iter().filter(|column| keyed(column)).collect();
    random.shuffle(&mut columns);
    let names: Vec<&str> =
        columns.iter().take(1 + random.below(2) as usize).map(|column| column.name.as_str()).collect();
    names.join(", ")
}

fn key(table: &Table, random: &mut Random) -> Option<String> {
    let mut columns: Vec<&Column> =
        table.columns.iter().filter(|column| column.null == Null::Refused && keyed(column)).collect();
    if columns.is_empty() {
        return None;
    }
    random.shuffle(&mut columns);
    let count = 1 + random.below(3) as usize;
    let names: Vec<&str> = columns.iter().take(count).map(|column| column.name.as_str()).collect();
    let drop = if table.key().is_empty() { "" } else { "DROP PRIMARY KEY, " };
    Some(format!("{drop}ADD PRIMARY KEY ({})", names.join(", ")))
}
