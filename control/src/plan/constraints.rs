//! CHECK constraints: which of them the destination can have, and the statement that makes each at cut-over. Pure.
//!
//! While a task runs, the source checks its rows: the destination has no constraints of its own, so that none is stricter than
//! the source after a change there. A condition is translated only where it means the same in the destination for every row
//! that the source accepts: comparisons of numbers, and whether values are NULL. Texts are compared by other rules
//! there (case, accents, spaces at the end), and arithmetic has other bounds: all others are named with the reason.

use millrace_adbpg::AdbpgError;
use millrace_adbpg::ddl::render_add_check;
use millrace_adbpg::ident::Ident;
use millrace_model::mysql_type::Rounding;
use millrace_model::{Column, MysqlType, PgType};
use millrace_mysql::constraints::{CheckConstraint, Enforcement};
use millrace_task::{Comparison, Condition, Expression, InsteadOfDate, Negation, Operand, Truth, Value};
use millrace_transform::types::{may_hold_zero_date, target_type};

use crate::catalog::MappedTable;

/// What becomes of a table's constraints.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Constraints {
    /// The statements that make those that can be made.
    pub(super) at_cut_over: Vec<String>,
    /// The others: what, and why.
    pub(super) left_out: Vec<(String, String)>,
}

/// What becomes of the table's constraints.
///
/// # Errors
/// A name of the destination that cannot stand in SQL.
pub(super) fn constraints(checks: &[CheckConstraint], mapped: &MappedTable) -> Result<Constraints, AdbpgError> {
    let mut constraints = Constraints::default();
    for check in checks {
        match translate(check, mapped) {
            Ok(condition) => {
                constraints.at_cut_over.push(render_add_check(&mapped.target.name, &check.name, &condition)?);
            }
            Err(why) => constraints.left_out.push((format!("check \"{}\"", check.name), why)),
        }
    }
    Ok(constraints)
}

/// Why a condition is not translated.
type Untranslated = String;

/// The constraint's condition in the destination's SQL.
fn translate(check: &CheckConstraint, mapped: &MappedTable) -> Result<String, Untranslated> {
    if check.enforcement == Enforcement::NotEnforced {
        return Err("the source does not enforce it".to_owned());
    }
    Ident::new(&check.name).map_err(|_| "its name is longer than 63 bytes".to_owned())?;
    if check.condition.contains(['\'', '"']) {
        return Err(TEXTS.to_owned());
    }
    let condition = Condition::parse(&with_plain_signs(&check.condition)).map_err(|problem| {
        format!("only comparisons of numbers, and with NULL, are translated: {}", problem.message)
    })?;
    Translation { mapped }.condition(condition.tree())
}

/// The condition with `-1` for `-(1)`, as the server's catalog shows a negative constant. Names in backquotes stay as they are.
fn with_plain_signs(condition: &str) -> String {
    let plain = |(place, part): (usize, &str)| match place % 2 {
        0 => part
            .split("-(")
            .enumerate()
            .map(|(place, part)| if place == 0 { part.to_owned() } else { signed(part) })
            .collect(),
        _ => part.to_owned(),
    };
    condition.split('`').enumerate().map(plain).collect::<Vec<String>>().join("`")
}

/// What stood behind `-(`, with the sign.
fn signed(behind: &str) -> String {
    match behind.split_once(')') {
        Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
            format!("-{number}{rest}")
        }
        _ => format!("-({behind}"),
    }
}

const TEXTS: &str = "it has a text or a date as a constant, and the destination has other rules for comparing them";

/// An operand in the destination's SQL.
enum Term {
    /// A whole or decimal number of a column.
    Exact(String),
    /// A floating-point number of a column.
    Real(String),
    /// A constant number.
    Number(String),
    Null,
}

struct Translation<'m> {
    mapped: &'m MappedTable,
}

impl Translation<'_> {
    /// The condition within parentheses, or one word.
    fn condition(&self, expression: &Expression) -> Result<String, Untranslated> {
        let all = |inner: &[Expression], word: &str| {
            let inner: Result<Vec<String>, Untranslated> = inner.iter().map(|inner| self.condition(inner)).collect();
            Ok(format!("({})", inner?.join(word)))
        };
        match expression {
            Expression::And(inner) => all(inner, " AND "),
            Expression::Or(inner) => all(inner, " OR "),
            // Both unknown where one side is.
            Expression::Xor(one, other) => Ok(format!("({} <> {})", self.condition(one)?, self.condition(other)?)),
            Expression::Not(inner) => Ok(format!("(NOT {})", self.condition(inner)?)),
            Expression::Is { inner, truth, negation } => {
                let truth = match truth {
                    Truth::True => "TRUE",
                    Truth::False => "FALSE",
                    Truth::Unknown => "UNKNOWN",
                };
                Ok(format!("({} IS {}{truth})", self.condition(inner)?, not(*negation)))
            }
            Expression::Value(operand) => self.truth(operand),
            Expression::Compare { left, comparison, right } => {
                let both = self.numbers(&[left, right])?;
                Ok(format!("({} {} {})", both[0], sign(*comparison), both[1]))
            }
            Expression::IsNull { operand, negation } => {
                Ok(format!("({} IS {}NULL)", self.nullable(operand)?, not(*negation)))
            }
            Expression::In { operand, list, negation } => {
                let all: Vec<&Operand> = std::iter::once(operand).chain(list).collect();
                let all = self.numbers(&all)?;
                Ok(format!("({} {}IN ({}))", all[0], not(*negation), all[1..].join(", ")))
            }
            Expression::Between { operand, low, high, negation } => {
                let all = self.numbers(&[operand, low, high])?;
                Ok(format!("({} {}BETWEEN {} AND {})", all[0], not(*negation), all[1], all[2]))
            }
            Expression::Like { .. } => Err(TEXTS.to_owned()),
        }
    }

    /// A value that stands alone.
    fn truth(&self, operand: &Operand) -> Result<String, Untranslated> {
        match self.term(operand)? {
            Term::Exact(value) | Term::Real(value) => Ok(format!("({value} <> 0)")),
            Term::Number(number) => {
                Ok(if number.contains(|c: char| matches!(c, '1'..='9')) { "TRUE" } else { "FALSE" }.to_owned())
            }
            Term::Null => Ok("NULL::boolean".to_owned()),
        }
    }

    /// Operands that are compared with each other.
    fn numbers(&self, operands: &[&Operand]) -> Result<Vec<String>, Untranslated> {
        let terms: Result<Vec<Term>, Untranslated> = operands.iter().map(|operand| self.term(operand)).collect();
        let terms = terms?;
        let reals = terms.iter().filter(|term| matches!(term, Term::Real(_))).count();
        let constants = terms.iter().filter(|term| matches!(term, Term::Number(_))).count();
        if reals > 0 && reals + constants < terms.len() {
            return Err("it compares floating-point numbers with other columns".to_owned());
        }
        let of_reals = |term| match term {
            Term::Number(number) if reals > 0 => format!("{number}::double precision"),
            Term::Exact(text) | Term::Real(text) | Term::Number(text) => text,
            Term::Null => "NULL".to_owned(),
        };
        Ok(terms.into_iter().map(of_reals).collect())
    }

    fn term(&self, operand: &Operand) -> Result<Term, Untranslated> {
        let name = match &operand.value {
            Value::Column(name) => name,
            Value::Null => return Ok(Term::Null),
            Value::Number(number) if number.starts_with('-') => return Ok(Term::Number(format!("({number})"))),
            Value::Number(number) => return Ok(Term::Number(number.clone())),
            Value::Text(_) | Value::Bytes(_) | Value::Date(_) | Value::Time(_) | Value::Timestamp(_) => {
                return Err(TEXTS.to_owned());
            }
        };
        let (source, target) = self.column(name)?;
        if target_type(&source.ty) != target.ty {
            return Err(format!("column \"{}\" has another type there", source.name));
        }
        let quoted = Ident::new(&target.name).map_err(|error| error.to_string())?;
        match &source.ty {
            MysqlType::TinyInt(_)
            | MysqlType::SmallInt(_)
            | MysqlType::MediumInt(_)
            | MysqlType::Int(_)
            | MysqlType::BigInt(_)
            | MysqlType::Decimal { .. } => Ok(Term::Exact(quoted.to_string())),
            MysqlType::Float(Rounding::None) | MysqlType::Double(Rounding::None) => {
                Ok(Term::Real(format!("{quoted}::double precision")))
            }
            _ => Err(format!("it compares column \"{}\" of type {}", source.name, source.ty.name())),
        }
    }

    /// A column that is NULL in the destination exactly where it is in the source.
    fn nullable(&self, operand: &Operand) -> Result<String, Untranslated> {
        let Value::Column(name) = &operand.value else { return Err("it asks whether a constant is NULL".to_owned()) };
        let (source, target) = self.column(name)?;
        let policies = self.mapped.policies;
        let dates_become_null = [policies.zero_dates, policies.invalid_dates].contains(&InsteadOfDate::Null);
        if may_hold_zero_date(&source.ty) && dates_become_null {
            return Err(format!("column \"{}\" is NULL there where it has a zero date", source.name));
        }
        Ident::new(&target.name).map(|name| name.to_string()).map_err(|error| error.to_string())
    }

    fn column(&self, name: &str) -> Result<(&Column<MysqlType>, &Column<PgType>), Untranslated> {
        let wanted = name.to_lowercase();
        let columns = &self.mapped.source.columns;
        let place = columns.iter().position(|column| column.name.to_lowercase() == wanted);
        let place = place.ok_or_else(|| format!("the table has no column \"{name}\""))?;
        let moved = self.mapped.moving.iter().position(|&moving| moving == place);
        let moved = moved.ok_or_else(|| format!("column \"{}\" is excluded", columns[place].name))?;
        Ok((&columns[place], &self.mapped.target.columns[moved]))
    }
}

fn not(negation: Negation) -> &'static str {
    match negation {
        Negation::Plain => "",
        Negation::Negated => "NOT ",
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::Different => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::NullSafeEqual => "IS NOT DISTINCT FROM",
    }
}

#[cfg(test)]
mod tests;
