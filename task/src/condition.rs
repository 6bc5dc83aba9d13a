//! `objects.where`: a condition in MySQL's words, as far as its words alone say. What its columns are, and whether they can
//! be compared, is decided where their types are known; there too it is evaluated.
//!
//! The grammar is MySQL's for the operators that are there (Reference Manual, "Operator Precedence"): OR, XOR, AND, NOT,
//! then BETWEEN, then comparisons, IS, LIKE and IN from left to right. Everything else is refused by name and place: a
//! condition that was not understood as a whole never decides about a row.

mod lexer;
mod parser;
mod words;

use std::fmt;

/// A condition that is well formed, with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    text: String,
    tree: Expression,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// What is not understood, where, and how to write it.
    pub fn parse(text: &str) -> Result<Self, ConditionProblem> {
        let tree = parser::parse(text)?;
        Ok(Self { text: text.to_owned(), tree })
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it means.
    pub fn tree(&self) -> &Expression {
        &self.tree
    }

    /// Its columns and constants, in the order of the text.
    pub fn operands(&self) -> Vec<&Operand> {
        let mut operands = Vec::new();
        self.tree.visit(&mut |operand| operands.push(operand));
        operands
    }
}

/// What is wrong with a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionProblem {
    /// Column of the text, in characters from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// How to write it.
    pub hint: String,
}

impl fmt::Display for ConditionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at column {} of the condition: {}", self.column, self.message)
    }
}

/// A condition: true, false or unknown for a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// Of all, one after the other.
    And(Vec<Expression>),
    /// Of all, one after the other.
    Or(Vec<Expression>),
    /// One or the other, but not both.
    Xor(Box<Expression>, Box<Expression>),
    /// NOT.
    Not(Box<Expression>),
    /// `IS [NOT] TRUE`, `FALSE` or `UNKNOWN`.
    Is {
        /// Of what.
        inner: Box<Expression>,
        /// What it is asked to be.
        truth: Truth,
        /// Whether it is asked not to be.
        negation: Negation,
    },
    /// A value that stands alone: it is true if it is a number other than 0.
    Value(Operand),
    /// A comparison of two values.
    Compare {
        /// Left.
        left: Operand,
        /// How.
        comparison: Comparison,
        /// Right.
        right: Operand,
    },
    /// `IS [NOT] NULL`.
    IsNull {
        /// What.
        operand: Operand,
        /// Whether NOT was written.
        negation: Negation,
    },
    /// `[NOT] IN (...)`.
    In {
        /// What.
        operand: Operand,
        /// Among what, at least one.
        list: Vec<Operand>,
        /// Whether NOT was written.
        negation: Negation,
    },
    /// `[NOT] BETWEEN low AND high`.
    Between {
        /// What.
        operand: Operand,
        /// The least.
        low: Operand,
        /// The most.
        high: Operand,
        /// Whether NOT was written.
        negation: Negation,
    },
    /// `[NOT] LIKE pattern ESCAPE character`.
    Like {
        /// What.
        operand: Operand,
        /// The pattern.
        pattern: Operand,
        /// The character that takes `%` and `_` their meaning; `\` where none is written.
        escape: char,
        /// Whether NOT was written.
        negation: Negation,
    },
}

/// Whether NOT was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Negation {
    /// No.
    Plain,
    /// Yes.
    Negated,
}

/// What `IS` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// TRUE.
    True,
    /// FALSE.
    False,
    /// UNKNOWN, which is NULL.
    Unknown,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`.
    Equal,
    /// `<>`, `!=`.
    Different,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
    /// `<=>`: equal, or both NULL; never unknown.
    NullSafeEqual,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    /// Column of the text, in characters from 1.
    pub column: usize,
    /// The value.
    pub value: Value,
}

/// A column or a constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A column of the source, as written.
    Column(String),
    /// NULL.
    Null,
    /// A number in plain decimal digits, with `-` where it is negative; TRUE and FALSE are 1 and 0.
    Number(String),
    /// A text, its escapes resolved.
    Text(String),
    /// A hexadecimal constant.
    Bytes(Vec<u8>),
    /// `DATE '...'`.
    Date(String),
    /// `TIME '...'`.
    Time(String),
    /// `TIMESTAMP '...'`.
    Timestamp(String),
}

impl Expression {
    /// Visits every operand.
    fn visit<'e>(&'e self, see: &mut impl FnMut(&'e Operand)) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().for_each(|inner| inner.visit(see)),
            Self::Xor(one, other) => {
                one.visit(see);
                other.visit(see);
            }
            Self::Not(inner) | Self::Is { inner, .. } => inner.visit(see),
            Self::Value(operand) | Self::IsNull { operand, .. } => see(operand),
            Self::Compare { left, right, .. } => [left, right].into_iter().for_each(see),
            Self::In { operand, list, .. } => std::iter::once(operand).chain(list).for_each(see),
            Self::Between { operand, low, high, .. } => [operand, low, high].into_iter().for_each(see),
            Self::Like { operand, pattern, .. } => [operand, pattern].into_iter().for_each(see),
        }
    }
}

#[cfg(test)]
mod tests;
