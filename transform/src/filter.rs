//! Row filters (`objects.where`): whether a condition is true for a row, exactly as the source would say.
//!
//! What makes the verdict the server's: a condition is typed against the table before the first row, and every comparison
//! is of one [kind](typing) whose meaning is known exactly - numbers as decimals, and as doubles only where a FLOAT
//! or DOUBLE is among them, as MySQL does; dates as dates;
//! texts by the column's collation. Whatever would make MySQL convert one kind into another is refused by name and place.
//! Where a collation can only be told for some characters, a row with others stops the task: nothing is guessed. A test
//! compares random conditions over random rows with the server's own answer.
//!
//! Nothing is allocated for a row: the cells that the condition needs stand in an array on the stack.

mod collation;
mod like;
pub mod moment;
mod number;
mod typing;

use std::cmp::Ordering;

use millrace_model::row::{Cell, Row};
use millrace_model::{MysqlType, TableSchema};
use millrace_task::{Comparison, Condition, ConditionProblem, Truth};

use collation::{Collation, NotTold};
use like::Pattern;
use moment::{Moment, micros};
use number::{Number, real};

/// Columns that one condition can name.
pub const MOST_COLUMNS: usize = 32;

/// A condition over the rows of one table.
#[derive(Debug)]
pub struct Filter {
    root: Node,
    /// Place in the table of each slot's column, rising.
    columns: Vec<usize>,
}

/// Why there is no verdict about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoVerdict {
    /// Place of the column in the table.
    pub column: usize,
    /// Why.
    pub reason: Reason,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The column's collation is known for some characters only, and the verdict rests on others.
    #[error("holds characters other than printable ASCII and Chinese ones, whose order in its collation is not known")]
    Characters,
    /// Bytes of a text are no character.
    #[error("holds bytes that are no text of its character set")]
    InvalidText,
    /// The cell is not of its column's type.
    #[error("holds a value that is not of its type")]
    OtherKind,
}

/// The cells of one row that the condition needs.
type Cells<'r> = [Cell<'r>; MOST_COLUMNS];

/// True, false or unknown.
type Verdict = Result<Option<bool>, NoVerdict>;

/// A typed condition.
#[derive(Debug)]
enum Node {
    Constant(Option<bool>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Xor(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Is(Box<Node>, Truth),
    /// A number that is not 0.
    NotZero(Slot),
    IsNull(Slot),
    Compare {
        left: Term,
        comparison: Comparison,
        right: Term,
        kind: Kind,
    },
    In {
        term: Term,
        list: Vec<Term>,
        kind: Kind,
    },
    Like {
        slot: Slot,
        pattern: Pattern,
    },
}

/// Place of a column among the condition's columns.
type Slot = usize;

/// A column or a constant, in the form of its comparison's kind.
#[derive(Debug)]
enum Term {
    Column(Slot),
    Null,
    Number(String),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
    Moment(String),
    Time(i64),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Exactly, as decimals.
    Number,
    /// As doubles, because one of them is a FLOAT or DOUBLE.
    Real,
    /// DATE, DATETIME and TIMESTAMP.
    Moment,
    /// TIME.
    Time,
    /// Character data, ENUM and SET.
    Text(Collation),
    /// Binary data.
    Bytes,
}

impl Filter {
    /// Places in the table of the columns that the condition names, rising.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The condition over the rows of this table; refused where a column is not there or cannot be compared so.
    pub fn new(condition: &Condition, schema: &TableSchema<MysqlType>) -> Result<Self, ConditionProblem> {
        typing::filter(condition, schema)
    }

    /// Whether the condition is true for the row: not if it is false or unknown.
    pub fn is_true(&self, row: &Row) -> Result<bool, NoVerdict> {
        let mut cells: Cells<'_> = [Cell::Null; MOST_COLUMNS];
        let mut wanted = self.columns.iter().enumerate().peekable();
        for (place, cell) in row.cells().enumerate() {
            match wanted.peek() {
                None => break,
                Some((slot, column)) if **column == place => {
                    cells[*slot] = cell;
                    wanted.next();
                }
                Some(_) => {}
            }
        }
        Ok(self.verdict(&self.root, &cells)? == Some(true))
    }

    fn verdict(&self, node: &Node, cells: &Cells<'_>) -> Verdict {
        match node {
            Node::Constant(verdict) => Ok(*verdict),
            Node::And(all) => self.all(all, cells, false),
            Node::Or(all) => self.all(all, cells, true),
            Node::Xor(one, other) => {
                let (one, other) = (self.verdict(one, cells)?, self.verdict(other, cells)?);
                Ok(one.zip(other).map(|(one, other)| one != other))
            }
            Node::Not(inner) => Ok(self.verdict(inner, cells)?.map(|verdict| !verdict)),
            Node::Is(inner, truth) => {
                let verdict = self.verdict(inner, cells)?;
                Ok(Some(match truth {
                    Truth::True => verdict == Some(true),
                    Truth::False => verdict == Some(false),
                    Truth::Unknown => verdict.is_none(),
                }))
            }
            Node::NotZero(slot) => match cells[*slot] {
                Cell::Null => Ok(None),
                Cell::Float(value) => Ok(Some(value != 0.0)),
                Cell::Double(value) => Ok(Some(value != 0.0)),
                cell => Ok(Some(!self.number(*slot, cell)?.is_zero())),
            },
            Node::IsNull(slot) => Ok(Some(cells[*slot] == Cell::Null)),
            Node::Compare { left, comparison, right, kind } => {
                let order = self.compare(left, right, *kind, cells)?;
                let both_null = || is_null(left, cells) && is_null(right, cells);
                Ok(judge(order, *comparison, both_null))
            }
            Node::In { term, list, kind } => self.is_among(term, list, *kind, cells),
            Node::Like { slot, pattern } => match cells[*slot] {
                Cell::Null => Ok(None),
                Cell::Text(text) => pattern.matches_text(text).map(Some).map_err(|NotTold| self.characters(*slot)),
                Cell::Bytes(bytes) if pattern.is_of_bytes() => Ok(Some(pattern.matches_bytes(bytes))),
                Cell::Bytes(_) => Err(self.no_verdict(*slot, Reason::InvalidText)),
                _ => Err(self.other_kind(*slot)),
            },
        }
    }

    /// AND and OR: `decisive` settles it, whatever else is unknown. All of it is looked at in order, up to there.
    fn all(&self, all: &[Node], cells: &Cells<'_>, decisive: bool) -> Verdict {
        let mut together = Some(!decisive);
        for node in all {
            match self.verdict(node, cells)? {
                Some(verdict) if verdict == decisive => return Ok(Some(decisive)),
                Some(_) => {}
                None => together = None,
            }
        }
        Ok(together)
    }

    fn is_among(&self, term: &Term, list: &[Term], kind: Kind, cells: &Cells<'_>) -> Verdict {
        if is_null(term, cells) {
            return Ok(None);
        }
        let mut otherwise = Some(false);
        for one in list {
            match self.compare(term, one, kind, cells)? {
                Some(Ordering::Equal) => return Ok(Some(true)),
                Some(_) => {}
                None => otherwise = None,
            }
        }
        Ok(otherwise)
    }

    /// How two terms of a kind are ordered; none where one is NULL.
    fn compare(&self, left: &Term, right: &Term, kind: Kind, cells: &Cells<'_>) -> Result<Option<Ordering>, NoVerdict> {
        if is_null(left, cells) || is_null(right, cells) {
            return Ok(None);
        }
        let order = match kind {
            Kind::Number => self.number_of(left, cells)?.cmp(&self.number_of(right, cells)?),
            // No FLOAT or DOUBLE of MySQL is NaN.
            Kind::Real => {
                let order = self.real_of(left, cells)?.partial_cmp(&self.real_of(right, cells)?);
                order.ok_or_else(|| self.other_kind(0))?
            }
            Kind::Moment => self.moment_of(left, cells)?.cmp(&self.moment_of(right, cells)?),
            Kind::Time => self.time_of(left, cells)?.cmp(&self.time_of(right, cells)?),
            Kind::Bytes => self.bytes_of(left, cells)?.cmp(self.bytes_of(right, cells)?),
            Kind::Text(collation) => {
                let (one, other) = (self.text_of(left, cells)?, self.text_of(right, cells)?);
                let told = collation.compare(one, other);
                told.map_err(|NotTold| self.characters(column_of(left, one, right)))?
            }
        };
        Ok(Some(order))
    }

    fn number<'c>(&self, slot: Slot, cell: Cell<'c>) -> Result<Number<'c>, NoVerdict> {
        Number::of_cell(cell).ok_or_else(|| self.other_kind(slot))
    }

    fn number_of<'t>(&self, term: &'t Term, cells: &Cells<'t>) -> Result<Number<'t>, NoVerdict> {
        match term {
            Term::Number(digits) => Ok(Number::of_text(digits)),
            Term::Column(slot) => self.number(*slot, cells[*slot]),
            _ => Err(self.other_kind(0)),
        }
    }

    fn real_of(&self, term: &Term, cells: &Cells<'_>) -> Result<f64, NoVerdict> {
        match term {
            Term::Real(value) => Ok(*value),
            Term::Column(slot) => real(cells[*slot]).ok_or_else(|| self.other_kind(*slot)),
            _ => Err(self.other_kind(0)),
        }
    }

    fn moment_of<'t>(&self, term: &'t Term, cells: &Cells<'t>) -> Result<Moment<'t>, NoVerdict> {
        match term {
            Term::Moment(text) => Ok(Moment::of(text)),
            _ => Ok(Moment::of(self.text_of(term, cells)?)),
        }
    }

    fn time_of(&self, term: &Term, cells: &Cells<'_>) -> Result<i64, NoVerdict> {
        match term {
            Term::Time(micros) => Ok(*micros),
            Term::Column(slot) => micros(self.text_of(term, cells)?).ok_or_else(|| self.other_kind(*slot)),
            _ => Err(self.other_kind(0)),
        }
    }

    fn text_of<'t>(&self, term: &'t Term, cells: &Cells<'t>) -> Result<&'t str, NoVerdict> {
        match term {
            Term::Text(text) => Ok(text),
            Term::Column(slot) => match cells[*slot] {
                Cell::Text(text) => Ok(text),
                Cell::Bytes(_) => Err(self.no_verdict(*slot, Reason::InvalidText)),
                _ => Err(self.other_kind(*slot)),
            },
            _ => Err(self.other_kind(0)),
        }
    }

    fn bytes_of<'t>(&self, term: &'t Term, cells: &Cells<'t>) -> Result<&'t [u8], NoVerdict> {
        match term {
            Term::Bytes(bytes) => Ok(bytes),
            Term::Column(slot) => match cells[*slot] {
                Cell::Bytes(bytes) => Ok(bytes),
                _ => Err(self.other_kind(*slot)),
            },
            _ => Err(self.other_kind(0)),
        }
    }

    fn characters(&self, slot: Slot) -> NoVerdict {
        self.no_verdict(slot, Reason::Characters)
    }

    fn other_kind(&self, slot: Slot) -> NoVerdict {
        self.no_verdict(slot, Reason::OtherKind)
    }

    fn no_verdict(&self, slot: Slot, reason: Reason) -> NoVerdict {
        NoVerdict { column: self.columns.get(slot).copied().unwrap_or(0), reason }
    }
}

fn is_null(term: &Term, cells: &Cells<'_>) -> bool {
    match term {
        Term::Null => true,
        Term::Column(slot) => cells[*slot] == Cell::Null,
        _ => false,
    }
}

/// The column whose text has the characters: constants were looked at before the first row.
fn column_of(left: &Term, left_text: &str, right: &Term) -> Slot {
    match (left, right) {
        (Term::Column(slot), Term::Column(_)) if !collation::is_told(left_text) => *slot,
        (_, Term::Column(slot)) | (Term::Column(slot), _) => *slot,
        _ => 0,
    }
}

fn judge(order: Option<Ordering>, comparison: Comparison, both_null: impl FnOnce() -> bool) -> Option<bool> {
    let Some(order) = order else {
        return (comparison == Comparison::NullSafeEqual).then(both_null);
    };
    Some(match comparison {
        Comparison::Equal | Comparison::NullSafeEqual => order.is_eq(),
        Comparison::Different => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}

#[cfg(test)]
mod tests;
