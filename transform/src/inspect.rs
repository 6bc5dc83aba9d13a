//! What transform would make of a row, without moving it: for looking through a table before anything is moved.
//!
//! The rules that judge a cell here are those that transform applies, so that what is found is what would happen: each cell
//! is judged twice, by its rule, and by the same rule under which nothing is changed. What the second refuses and the first
//! lets through is changed by a policy of the task.

use millrace_model::row::{Row, RowWriter};

use crate::cells::CellRule;
use crate::error::ValueProblem;
use crate::filter::Reason;
use crate::table::TableMapping;

/// Something that the destination cannot hold as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Found {
    /// Place of the column in the source's table.
    pub column: usize,
    /// What.
    pub problem: Problem,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// What is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Problem {
    /// A value.
    Value(ValueProblem),
    /// The task's condition cannot tell whether the row moves.
    NoVerdict(Reason),
}

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A policy of the task changes it.
    Changed,
    /// The task stops.
    Stops,
}

/// Judges rows of one table.
#[derive(Debug)]
pub struct Inspector<'m> {
    mapping: &'m TableMapping,
    strict: Vec<CellRule>,
    buffer: String,
    out: RowWriter,
}

impl<'m> Inspector<'m> {
    /// For rows of the mapping's source.
    pub fn new(mapping: &'m TableMapping) -> Self {
        let strict = mapping.rules.iter().map(|rule| rule.strict()).collect();
        Self { mapping, strict, buffer: String::new(), out: RowWriter::new() }
    }

    /// What is found in a row, by column; nothing in one that does not move.
    pub fn look_at(&mut self, row: &Row) -> Vec<Found> {
        if let Some(filter) = &self.mapping.filter {
            match filter.is_true(row) {
                Ok(true) => {}
                Ok(false) => return Vec::new(),
                Err(none) => {
                    let (problem, outcome) = (Problem::NoVerdict(none.reason), Outcome::Stops);
                    return vec![Found { column: none.column, problem, outcome }];
                }
            }
        }
        let mut found = Vec::new();
        for (column, cell) in row.cells().enumerate() {
            let Some((rule, strict)) = self.mapping.rules.get(column).zip(self.strict.get(column)) else { break };
            let Err(problem) = strict.apply(cell, &mut self.buffer, &mut self.out) else { continue };
            let (problem, outcome) = match rule.apply(cell, &mut self.buffer, &mut self.out) {
                Ok(()) => (problem, Outcome::Changed),
                Err(problem) => (problem, Outcome::Stops),
            };
            found.push(Found { column, problem: Problem::Value(problem), outcome });
        }
        self.out.discard();
        found
    }
}
