//! CHECK constraints: which of them the destination can have, and what makes each at cut-over. Pure.
//!
//! While a task runs, the source checks its rows: the destination has no constraints of its own, so that none is stricter than
//! the source after a change there. A condition is translated only where it means the same in the destination for every row
//! that the source accepts: comparisons of numbers and dates, and whether values are NULL. Texts are compared by other rules
//! there (case, accents, spaces at the end), and arithmetic has other bounds: all others are named with the reason.
//!
//! A zero date that becomes NULL makes a comparison unknown. Through AND, OR, XOR and NOT that can turn a condition from
//! true to unknown only, which a constraint lets pass; where something asks for more, such columns are not translated.

mod terms;
mod words;

use std::collections::{HashMap, HashSet};

use millrace_adbpg::Check;
use millrace_model::{Column, MysqlType, PgType, TableName};
use millrace_mysql::constraints::{CheckConstraint, Enforcement};
use millrace_task::{
    CheckConstraints, Comparison, Condition, Expression, InsteadOfDate, Negation, ObjectRule, Operand, Task, Truth,
    Value,
};
use millrace_transform::types::{may_hold_zero_date, target_type};

use self::terms::{Kind, Term, comparable, quoted};
use self::words::in_plain_words;
use crate::catalog::MappedTable;

/// A CHECK constraint of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MappedCheck {
    /// Its table in the source.
    pub(crate) table: TableName,
    /// Its name there.
    pub(crate) name: String,
    /// What it is in the destination, or why it stays behind.
    pub(crate) target: Result<Check, String>,
}

/// The constraints of the moved tables, by table and name.
pub(crate) fn map_checks(task: &Task, checks: &[CheckConstraint], mapped: &[MappedTable]) -> Vec<MappedCheck> {
    let mut checks_of: HashMap<&TableName, Vec<&CheckConstraint>> = HashMap::new();
    for check in checks {
        checks_of.entry(&check.table).or_default().push(check);
    }
    let of_table = |mapped: &MappedTable| {
        let checks = checks_of.get(&mapped.source.name).map_or(&[][..], |checks| checks);
        map_table(checks, mapped, task.selection.selects(&mapped.source.name), task.check_constraints)
    };
    mapped.iter().flat_map(of_table).collect()
}

fn map_table(
    checks: &[&CheckConstraint],
    mapped: &MappedTable,
    rule: Option<&ObjectRule>,
    made: CheckConstraints,
) -> Vec<MappedCheck> {
    let mut names: HashSet<String> = HashSet::new();
    let mut map = |check: &&CheckConstraint| {
        let wanted = rule.map_or_else(|| check.name.clone(), |rule| rule.destination_index(&check.name));
        let condition = match made {
            CheckConstraints::AtCutOver => translate(check, mapped),
            CheckConstraints::LeftOut => Err("schema.check_constraints = false".to_owned()),
        };
        let target = condition.map(|condition| Check {
            table: mapped.target.name.clone(),
            name: free_name(wanted, &mut names),
            condition,
        });
        MappedCheck { table: check.table.clone(), name: check.name.clone(), target }
    };
    checks.iter().map(&mut map).collect()
}

/// A name that no other has: MariaDB gives a column's constraint the column's name, which one of the table can have, too.
fn free_name(wanted: String, names: &mut HashSet<String>) -> String {
    let mut name = wanted.clone();
    let mut number = 2;
    while !names.insert(name.clone()) {
        name = format!("{wanted}_{number}");
        number += 1;
    }
    name
}

/// Why a condition is not translated.
type Untranslated = String;

/// The constraint's condition in the destination's SQL.
fn translate(check: &CheckConstraint, mapped: &MappedTable) -> Result<String, Untranslated> {
    if check.enforcement == Enforcement::NotEnforced {
        return Err("the source does not enforce it".to_owned());
    }
    let words = in_plain_words(&check.condition).ok_or_else(|| TEXTS.to_owned())?;
    let condition = Condition::parse(&words).map_err(|problem| {
        format!("only comparisons of numbers and dates, and with NULL, are translated: {}", problem.message)
    })?;
    Translation { mapped }.condition(condition.tree(), Unknown::Passes)
}

const TEXTS: &str = "it is about a text, and the destination has other rules for comparing texts";

/// What follows where a part of a condition is unknown in the destination, and not in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// The row passes.
    Passes,
    /// The row may be refused.
    Counts,
}

struct Translation<'m> {
    mapped: &'m MappedTable,
}

impl Translation<'_> {
    /// The condition within parentheses, or one word.
    fn condition(&self, expression: &Expression, unknown: Unknown) -> Result<String, Untranslated> {
        let all = |inner: &[Expression], word: &str| {
            let inner = inner.iter().map(|inner| self.condition(inner, unknown));
            Ok(format!("({})", inner.collect::<Result<Vec<String>, Untranslated>>()?.join(word)))
        };
        match expression {
            Expression::And(inner) => all(inner, " AND "),
            Expression::Or(inner) => all(inner, " OR "),
            // Both unknown where one side is.
            Expression::Xor(one, other) => {
                Ok(format!("({} <> {})", self.condition(one, unknown)?, self.condition(other, unknown)?))
            }
            Expression::Not(inner) => Ok(format!("(NOT {})", self.condition(inner, unknown)?)),
            Expression::Is { inner, truth, negation } => {
                let truth = match truth {
                    Truth::True => "TRUE",
                    Truth::False => "FALSE",
                    Truth::Unknown => "UNKNOWN",
                };
                Ok(format!("({} IS {}{truth})", self.condition(inner, Unknown::Counts)?, not(*negation)))
            }
            Expression::Value(operand) => self.truth(operand),
            Expression::Compare { left, comparison, right } => {
                let unknown = match comparison {
                    Comparison::NullSafeEqual => Unknown::Counts,
                    _ => unknown,
                };
                let both = self.compared(&[left, right], unknown)?;
                Ok(format!("({} {} {})", both[0], sign(*comparison), both[1]))
            }
            Expression::IsNull { operand, negation } => {
                Ok(format!("({} IS {}NULL)", self.nullable(operand)?, not(*negation)))
            }
            Expression::In { operand, list, negation } => {
                let all: Vec<&Operand> = std::iter::once(operand).chain(list).collect();
                let all = self.compared(&all, unknown)?;
                Ok(format!("({} {}IN ({}))", all[0], not(*negation), all[1..].join(", ")))
            }
            Expression::Between { operand, low, high, negation } => {
                let all = self.compared(&[operand, low, high], unknown)?;
                Ok(format!("({} {}BETWEEN {} AND {})", all[0], not(*negation), all[1], all[2]))
            }
            Expression::Like { .. } => Err(TEXTS.to_owned()),
        }
    }

    /// A value that stands alone.
    fn truth(&self, operand: &Operand) -> Result<String, Untranslated> {
        match self.term(operand, Unknown::Counts)? {
            Term::Column(Kind::Exact | Kind::Real, name) => Ok(format!("({name} <> 0)")),
            Term::Number(number) => {
                Ok(if number.contains(|c: char| matches!(c, '1'..='9')) { "TRUE" } else { "FALSE" }.to_owned())
            }
            Term::Null => Ok("NULL::boolean".to_owned()),
            Term::Column(..) | Term::Text(_) => Err("it takes a value that is no number for a condition".to_owned()),
        }
    }

    fn compared(&self, operands: &[&Operand], unknown: Unknown) -> Result<Vec<String>, Untranslated> {
        let terms: Result<Vec<Term>, Untranslated> =
            operands.iter().map(|operand| self.term(operand, unknown)).collect();
        comparable(&terms?)
    }

    fn term(&self, operand: &Operand, unknown: Unknown) -> Result<Term, Untranslated> {
        let name = match &operand.value {
            Value::Column(name) => name,
            Value::Null => return Ok(Term::Null),
            Value::Number(number) => return Ok(Term::Number(number.clone())),
            Value::Text(text) | Value::Date(text) => return Ok(Term::Text(text.clone())),
            Value::Bytes(_) | Value::Time(_) | Value::Timestamp(_) => return Err(TEXTS.to_owned()),
        };
        let (source, target) = self.column(name)?;
        if target_type(&source.ty) != target.ty {
            return Err(format!("column \"{}\" has another type there", source.name));
        }
        let kind = Kind::of(&source.ty)
            .ok_or_else(|| format!("it compares column \"{}\" of type {}", source.name, source.ty.name()))?;
        if may_hold_zero_date(&source.ty) {
            let policies = [self.mapped.policies.zero_dates, self.mapped.policies.invalid_dates];
            if policies.contains(&InsteadOfDate::FirstDay) {
                return Err(format!("column \"{}\" has the first day there where it has no date", source.name));
            }
            if unknown == Unknown::Counts {
                self.ensure_null_is_null(source)?;
            }
        }
        Ok(Term::Column(kind, quoted(target)?))
    }

    /// A column that is NULL in the destination exactly where it is in the source.
    fn nullable(&self, operand: &Operand) -> Result<String, Untranslated> {
        let Value::Column(name) = &operand.value else { return Err("it asks whether a constant is NULL".to_owned()) };
        let (source, target) = self.column(name)?;
        self.ensure_null_is_null(source)?;
        quoted(target)
    }

    fn ensure_null_is_null(&self, source: &Column<MysqlType>) -> Result<(), Untranslated> {
        let policies = [self.mapped.policies.zero_dates, self.mapped.policies.invalid_dates];
        if may_hold_zero_date(&source.ty) && policies.contains(&InsteadOfDate::Null) {
            return Err(format!("column \"{}\" is NULL there where it has a zero date", source.name));
        }
        Ok(())
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
