//! The corpus: text files by theme. A line at the margin creates the table `t`; a line indented by two is an action of
//! `ALTER TABLE t` on it (or a whole statement, after `!`); the line indented by four after it says what follows.
//!
//! What follows: the columns in their order; `+` before a new one, `old>new` for another name, the definition in
//! parentheses where it is another one. Then, after `|`, what else changed: the primary key, the replication key, the
//! indexes with `!` for unique ones, those not carried, comment, character set; and at last what is known of the rows, where not all is.

use std::fmt::Write;

use millrace_model::schema::{DefaultValue, Nullability, SourceOnly, Uniqueness};
use millrace_model::{Column, MysqlType, TableSchema};
use millrace_mysql::ddl::{Evolution, RowsAfter};

/// The files.
pub(crate) const THEMES: [&str; 10] = [
    include_str!("corpus/add_columns.txt"),
    include_str!("corpus/change_columns.txt"),
    include_str!("corpus/types.txt"),
    include_str!("corpus/drop_and_rename_columns.txt"),
    include_str!("corpus/defaults.txt"),
    include_str!("corpus/keys.txt"),
    include_str!("corpus/indexes.txt"),
    include_str!("corpus/character_sets.txt"),
    include_str!("corpus/options.txt"),
    include_str!("corpus/syntax.txt"),
];

/// A statement.
pub(crate) struct Case<'a> {
    /// What made the table.
    pub(crate) create: &'a str,
    /// The statement.
    pub(crate) sql: String,
    /// What follows.
    pub(crate) expected: &'a str,
}

/// The statements of a file.
pub(crate) fn cases(theme: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    let mut create = "";
    for line in theme.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(expected) = line.strip_prefix("    ") {
            cases.last_mut().unwrap().expected = expected;
        } else if let Some(action) = line.strip_prefix("  ") {
            let sql = match action.strip_prefix("! ") {
                Some(sql) => sql.to_owned(),
                None => format!("ALTER TABLE t {action}"),
            };
            cases.push(Case { create, sql, expected: "" });
        } else {
            create = line;
        }
    }
    cases
}

/// What a statement made of a table, in the notation of the corpus.
pub(crate) fn shown((before, rest): &(TableSchema<MysqlType>, SourceOnly), after: &Evolution) -> String {
    let table = &after.table;
    let mut parts = vec![];
    for (column, origin) in table.columns.iter().zip(&after.origins) {
        parts.push(match origin.map(|at| &before.columns[at]) {
            None => format!("+{}({})", column.name, of(column)),
            Some(old) => {
                let renamed = if old.name == column.name { String::new() } else { format!("{}>", old.name) };
                let changed = if of(old) == of(column) { String::new() } else { format!("({})", of(column)) };
                format!("{renamed}{}{changed}", column.name)
            }
        });
    }
    let mut out = parts.join(", ");
    let now = table.clone().into_schema(1);
    let mut note = |what: &str, old: String, new: String| {
        if old != new {
            let _ = write!(out, " | {what} {new}");
        }
    };
    let key = |schema: &TableSchema<MysqlType>, places: &[usize]| names(schema, places.iter().copied().map(Some));
    note("primary", key(before, &before.primary_key), key(&now, &now.primary_key));
    note("key", key(before, &before.key), key(&now, &now.key));
    note("route", format!("{:?}", before.route), format!("{:?}", now.route));
    note("indexes", indexes(before), indexes(&now));
    note("others", others(before, rest), others(&now, &table.source_only));
    note("comment", before.comment.clone(), now.comment.clone());
    note("charset", rest.collation.to_string(), table.source_only.collation.to_string());
    match after.rows {
        RowsAfter::Known => {}
        RowsAfter::ReadAgain => out.push_str(" | rows again"),
        RowsAfter::LoadAnew => out.push_str(" | rows anew"),
    }
    out
}

fn of(column: &Column<MysqlType>) -> String {
    let mut text = match &column.ty {
        MysqlType::Enum(labels) => format!("enum {}", labels.join(",")),
        MysqlType::Set(labels) => format!("set {}", labels.join(",")),
        ty => ty.name(),
    };
    if column.nullability == Nullability::NotNull {
        text.push_str(" not null");
    }
    match &column.default {
        None => {}
        Some(DefaultValue::Literal(literal)) => text.push_str(&format!(" = '{literal}'")),
        Some(DefaultValue::CurrentTimestamp(digits)) => text.push_str(&format!(" = now({digits})")),
        Some(DefaultValue::Expression(_)) => text.push_str(" = (...)"),
    }
    if !column.comment.is_empty() {
        text.push_str(&format!(" comment '{}'", column.comment));
    }
    if !column.collation.is_empty() && &*column.collation != "utf8mb4_0900_ai_ci" {
        text.push_str(&format!(" {}", column.collation));
    }
    text
}

fn names(schema: &TableSchema<MysqlType>, places: impl Iterator<Item = Option<usize>>) -> String {
    let name = |place: Option<usize>| place.map_or("(...)", |at| &*schema.columns[at].name);
    format!("({})", places.map(name).collect::<Vec<_>>().join(","))
}

fn mark(uniqueness: Uniqueness) -> &'static str {
    if uniqueness == Uniqueness::Unique { "!" } else { "" }
}

fn indexes(schema: &TableSchema<MysqlType>) -> String {
    let index = |index: &millrace_model::Index| {
        let columns = names(schema, index.columns.iter().copied().map(Some));
        format!("{}{}{columns}", mark(index.uniqueness), index.name)
    };
    let all: Vec<String> = schema.indexes.iter().map(index).collect();
    if all.is_empty() { "none".into() } else { all.join(" ") }
}

fn others(schema: &TableSchema<MysqlType>, rest: &SourceOnly) -> String {
    let other = |other: &millrace_model::schema::OtherIndex| {
        format!("{}{}{}", mark(other.uniqueness), other.name, names(schema, other.columns.iter().copied()))
    };
    let all: Vec<String> = rest.indexes.iter().map(other).collect();
    if all.is_empty() { "none".into() } else { all.join(" ") }
}
