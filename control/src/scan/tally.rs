//! What was found, counted, with the keys of the first rows. Pure.

use std::collections::BTreeMap;

use millrace_adbpg::Dialect;
use millrace_model::schema::Uniqueness;
use millrace_model::{Cell, Failure, MysqlType, Row, TableSchema};
use millrace_transform::ValueProblem;
use millrace_transform::inspect::{Found, Inspector, Outcome as Judgement, Problem};
use millrace_transform::table::TableMapping;

/// Keys that are shown of what was found.
const EXAMPLES: usize = 3;

/// Characters of a text in a key that are shown.
const CHARACTERS: usize = 60;

/// Longest row of an index, in bytes, that PostgreSQL holds whatever is in it: a third of a page of 8 KiB (its sources,
/// `BTMaxItemSize`). The pages of the Greenplum family are four times as large, and hold every key that MySQL can.
const INDEX_BYTES: usize = 2_700;

/// What becomes of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// The task stops there.
    Stops,
    /// The task may stop there.
    MayStop,
    /// A policy of the task changes it.
    Changed,
    /// It moves as it is.
    Moves,
}

impl Outcome {
    /// Its word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stops => "stops",
            Self::MayStop => "may stop",
            Self::Changed => "changed",
            Self::Moves => "moves",
        }
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) outcome: Outcome,
    /// Column, index or name; empty for the whole table.
    pub(crate) place: String,
    /// What is the matter.
    pub(crate) what: String,
    /// In how many rows; none where it is not a matter of rows.
    pub(crate) rows: Option<u64>,
    /// The keys of some of them.
    pub(crate) keys: Vec<String>,
    /// How to mend it; empty where there is nothing to mend.
    pub(crate) mend: String,
}

impl Entry {
    /// A table that cannot be moved, or not be read to its end.
    pub(crate) fn of_table(failure: &Failure) -> Self {
        let (what, mend) = (failure.message.clone(), failure.hint.clone());
        Self { outcome: Outcome::Stops, place: String::new(), what, rows: None, keys: Vec::new(), mend }
    }
}

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A value of a column.
    Value(Found),
    /// The columns of an index, by place in the destination's table, are together too long.
    LongKey(usize),
}

#[derive(Debug, Default)]
struct Counted {
    rows: u64,
    keys: Vec<String>,
}

/// Counts what is found in the rows of a table.
pub(super) struct Tally<'m> {
    mapping: &'m TableMapping,
    inspector: Inspector<'m>,
    /// Name and columns (places in the source) of each index whose rows could be too long.
    indexes: Vec<(String, Vec<usize>)>,
    counted: BTreeMap<Kind, Counted>,
    rows: u64,
    /// What ended the reading.
    end: Option<Failure>,
}

impl<'m> Tally<'m> {
    pub(super) fn new(dialect: &Dialect, mapping: &'m TableMapping) -> Self {
        let indexes = if dialect.is_distributed() { Vec::new() } else { indexes(mapping) };
        let (inspector, counted) = (Inspector::new(mapping), BTreeMap::new());
        Self { mapping, inspector, indexes, counted, rows: 0, end: None }
    }

    /// Rows that were looked at.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Looks at a row.
    pub(super) fn look_at(&mut self, row: &Row) {
        self.rows += 1;
        for found in self.inspector.look_at(row) {
            self.count(Kind::Value(found), row);
        }
        let too_long =
            |columns: &[usize]| columns.iter().map(|&place| bytes(row.cell(place))).sum::<usize>() > INDEX_BYTES;
        let long: Vec<usize> = (0..self.indexes.len()).filter(|&index| too_long(&self.indexes[index].1)).collect();
        for index in long {
            self.count(Kind::LongKey(index), row);
        }
    }

    /// The table cannot be read any further.
    pub(super) fn end(&mut self, failure: Failure) {
        self.end = Some(failure);
    }

    fn count(&mut self, kind: Kind, row: &Row) {
        let counted = self.counted.entry(kind).or_default();
        counted.rows += 1;
        let source = self.mapping.source();
        if counted.keys.len() < EXAMPLES && source.is_keyed() {
            counted.keys.push(key_text(source, row));
        }
    }

    /// What was found.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        let Self { mapping, indexes, counted, end, .. } = self;
        let entry = |(kind, Counted { rows, keys })| {
            let (outcome, place, what, mend) = match kind {
                Kind::Value(found) => words(mapping, found),
                Kind::LongKey(index) => (
                    Outcome::MayStop,
                    indexes[index].0.clone(),
                    format!(
                        "is longer than {INDEX_BYTES} bytes, which an index of PostgreSQL holds only if it can be compressed"
                    ),
                    "drop the index in the source, or make the task without it (schema.indexes = false)".to_owned(),
                ),
            };
            Entry { outcome, place, what, rows: Some(rows), keys, mend }
        };
        counted.into_iter().map(entry).chain(end.iter().map(Entry::of_table)).collect()
    }
}

/// Outcome, column, problem and how to mend it.
fn words(mapping: &TableMapping, found: Found) -> (Outcome, String, String, String) {
    let source = mapping.source();
    let column = source.columns.get(found.column).map_or_else(String::new, |column| column.name.to_string());
    let table = source.name.clone();
    match (found.problem, found.outcome) {
        (Problem::Value(problem), Judgement::Changed) => {
            let instead = match problem {
                ValueProblem::ZeroDate => "schema.zero_dates says what stands for it",
                ValueProblem::InvalidDate => "schema.invalid_dates says what stands for it",
                ValueProblem::InvalidText => "schema.invalid_text says what stands for them",
                _ => "schema.nul_characters says what becomes of it",
            };
            let unique = source.indexes.iter().filter(|index| index.uniqueness == Uniqueness::Unique);
            let mend = match unique.into_iter().find(|index| index.columns.contains(&found.column)) {
                Some(index) => {
                    format!("look at unique index \"{}\": values that become equal stop the task", index.name)
                }
                None => String::new(),
            };
            (Outcome::Changed, column, format!("{problem}; {instead}"), mend)
        }
        (Problem::Value(problem), Judgement::Stops) => {
            let error = millrace_transform::TransformError::Value { table, column: column.clone(), problem };
            (Outcome::Stops, column, problem.to_string(), error.hint())
        }
        (Problem::NoVerdict(reason), _) => {
            let error = millrace_transform::TransformError::NoVerdict { table, column: column.clone(), reason };
            (Outcome::Stops, column, format!("{reason}: \"objects.where\" cannot judge it"), error.hint())
        }
    }
}

/// The indexes of the destination that hold texts or bytes: what to call each, and its columns in the source.
fn indexes(mapping: &TableMapping) -> Vec<(String, Vec<usize>)> {
    let (target, moving) = (mapping.target(), mapping.moving_columns());
    let key = (!target.key.is_empty()).then(|| ("the key".to_owned(), target.key.clone()));
    let others = target.indexes.iter().map(|index| (format!("index \"{}\"", index.name), index.columns.clone()));
    let in_source = |(name, columns): (String, Vec<usize>)| {
        (name, columns.into_iter().filter_map(|place| moving.get(place).copied()).collect::<Vec<usize>>())
    };
    let types = &mapping.source().columns;
    let can_be_long = |columns: &[usize]| columns.iter().any(|&place| types.get(place).is_some_and(|c| is_long(&c.ty)));
    key.into_iter().chain(others).map(in_source).filter(|(_, columns)| can_be_long(columns)).collect()
}

fn is_long(ty: &MysqlType) -> bool {
    matches!(
        ty,
        MysqlType::Char { .. }
            | MysqlType::Varchar { .. }
            | MysqlType::Binary(_)
            | MysqlType::Varbinary(_)
            | MysqlType::Enum(_)
    )
}

fn bytes(cell: Cell<'_>) -> usize {
    match cell {
        Cell::Text(text) => text.len(),
        Cell::Bytes(bytes) => bytes.len(),
        _ => 8,
    }
}

/// The key of a row, such as `id = 5, code = "a"`.
fn key_text(schema: &TableSchema<MysqlType>, row: &Row) -> String {
    let cell = |&place: &usize| format!("{} = {}", schema.columns[place].name, cell_text(row.cell(place)));
    schema.key.iter().map(cell).collect::<Vec<String>>().join(", ")
}

fn cell_text(cell: Cell<'_>) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Int(value) => value.to_string(),
        Cell::UInt(value) => value.to_string(),
        Cell::Float(value) => value.to_string(),
        Cell::Double(value) => value.to_string(),
        Cell::Text(text) => quoted(text),
        Cell::Bytes(bytes) => {
            let digits: String = bytes.iter().take(CHARACTERS / 2).map(|byte| format!("{byte:02x}")).collect();
            format!("0x{digits}{}", if bytes.len() > CHARACTERS / 2 { "..." } else { "" })
        }
    }
}

/// A text in quotes, with escapes for what cannot be seen, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_escaped_and_cut() {
        assert_eq!(cell_text(Cell::Text("a\0\"b")), "\"a\\0\\\"b\"");
        assert_eq!(cell_text(Cell::Text(&"é".repeat(61))), format!("\"{}\"...", "é".repeat(60)));
        assert_eq!(cell_text(Cell::Bytes(&[0, 255])), "0x00ff");
        assert_eq!(cell_text(Cell::Bytes(&[7; 31])).len(), 2 + 60 + 3);
        assert_eq!(cell_text(Cell::UInt(u64::MAX)), "18446744073709551615");
    }
}
