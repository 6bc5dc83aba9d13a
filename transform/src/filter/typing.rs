//! A condition's words against a table's types: each comparison gets one kind, or is refused.
//!
//! MySQL compares a number with a text as floats, a text with a date as whichever can be converted, an ENUM with a number by
//! its index (Reference Manual, "Type Conversion in Expression Evaluation"). None of that is followed: a constant must be
//! written as its column's kind, so that there is one meaning, the obvious one. Only a number that meets a FLOAT or DOUBLE
//! becomes a double, as in MySQL, which has the well known consequence that a FLOAT is hardly ever equal to a fraction.

use millrace_model::mysql_type::{MysqlType, Rounding, Sign};
use millrace_model::{Column, TableSchema};
use millrace_task::{Comparison, Condition, ConditionProblem, Expression, Negation, Operand, Truth, Value};

use super::collation::Collation;
use super::like::Pattern;
use super::moment::{is_date, is_moment, micros};
use super::number::Number;
use super::{Filter, Kind, MOST_COLUMNS, Node, Slot, Term};

type Typed<T> = Result<T, ConditionProblem>;

/// What a column's values are in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Integer,
    Decimal,
    Real,
    Year,
    Date,
    DateTime,
    Timestamp,
    Time,
    Text(Collation),
    Bytes,
}

impl Family {
    fn kind(self) -> Kind {
        match self {
            Self::Integer | Self::Decimal | Self::Year => Kind::Number,
            Self::Real => Kind::Real,
            Self::Date | Self::DateTime | Self::Timestamp => Kind::Moment,
            Self::Time => Kind::Time,
            Self::Text(collation) => Kind::Text(collation),
            Self::Bytes => Kind::Bytes,
        }
    }

    /// What two columns are together, where MySQL compares them as they are, or as doubles; none elsewhere.
    fn with(self, other: Self) -> Option<Self> {
        let is_number = |family| matches!(family, Self::Integer | Self::Decimal | Self::Real);
        let is_moment = |family| matches!(family, Self::Date | Self::DateTime);
        match (self, other) {
            (one, other) if one == other => Some(one),
            (Self::Real, other) | (other, Self::Real) if is_number(other) => Some(Self::Real),
            (one, other) if is_number(one) && is_number(other) || is_moment(one) && is_moment(other) => Some(one),
            _ => None,
        }
    }

    fn constant_hint(self) -> &'static str {
        match self {
            Self::Integer | Self::Decimal => "write a number without quotes",
            Self::Real => {
                "write a number without quotes and exponent, of at most 65 digits, 30 of them after the point"
            }
            Self::Year => "write a year of four digits without quotes, from 1901 to 2155, or 0",
            Self::Date => "write a date as '2024-01-31'",
            Self::DateTime | Self::Timestamp => "write a date as '2024-01-31' or '2024-01-31 12:30:00'",
            Self::Time => "write a time as '12:30:00'",
            Self::Text(_) => "write a text in quotes",
            Self::Bytes => "write an ASCII text in quotes, or bytes as x'4D79'",
        }
    }
}

pub(super) fn filter(condition: &Condition, schema: &TableSchema<MysqlType>) -> Typed<Filter> {
    let mut columns = Vec::new();
    for operand in condition.operands() {
        if let Value::Column(name) = &operand.value {
            columns.push(place_of(schema, name, operand)?);
        }
    }
    columns.sort_unstable();
    columns.dedup();
    if columns.len() > MOST_COLUMNS {
        let message = format!("the condition names more than {MOST_COLUMNS} columns");
        return Err(problem(1, message, "name fewer columns"));
    }
    let typing = Typing { schema, columns };
    let root = typing.node(condition.tree())?;
    Ok(Filter { root, columns: typing.columns })
}

fn problem(column: usize, message: impl Into<String>, hint: impl Into<String>) -> ConditionProblem {
    ConditionProblem { column, message: message.into(), hint: hint.into() }
}

/// Names of columns have no case.
fn place_of(schema: &TableSchema<MysqlType>, name: &str, operand: &Operand) -> Typed<usize> {
    let wanted = name.to_lowercase();
    schema.columns.iter().position(|column| column.name.to_lowercase() == wanted).ok_or_else(|| {
        let names: Vec<&str> = schema.columns.iter().take(12).map(|column| &*column.name).collect();
        let message = format!("table \"{}\" has no column \"{name}\"", schema.name);
        problem(operand.column, message, format!("its columns are {}; a text stands in quotes", names.join(", ")))
    })
}

struct Typing<'s> {
    schema: &'s TableSchema<MysqlType>,
    columns: Vec<usize>,
}

impl Typing<'_> {
    fn node(&self, expression: &Expression) -> Typed<Node> {
        let all = |all: &[Expression]| all.iter().map(|inner| self.node(inner)).collect::<Typed<Vec<_>>>();
        Ok(match expression {
            Expression::And(inner) => Node::And(all(inner)?),
            Expression::Or(inner) => Node::Or(all(inner)?),
            Expression::Xor(one, other) => Node::Xor(Box::new(self.node(one)?), Box::new(self.node(other)?)),
            Expression::Not(inner) => Node::Not(Box::new(self.node(inner)?)),
            Expression::Is { inner, truth, negation } => is(self.node(inner)?, *truth, *negation),
            Expression::Value(operand) => self.truth_of(operand)?,
            Expression::IsNull { operand, negation } => negated(
                match &operand.value {
                    Value::Column(name) => Node::IsNull(self.slot(name, operand)?),
                    Value::Null => Node::Constant(Some(true)),
                    _ => Node::Constant(Some(false)),
                },
                *negation,
            ),
            Expression::Compare { left, comparison, right } => {
                let family = self.family_of_all([left, right])?;
                let (left, right) = (self.term(left, family)?, self.term(right, family)?);
                Node::Compare { left, comparison: *comparison, right, kind: kind(family) }
            }
            Expression::In { operand, list, negation } => {
                let family = self.family_of_list(std::iter::once(operand).chain(list))?;
                self.ensure_in_range(operand, list)?;
                let term = self.term(operand, family)?;
                let list = list.iter().map(|one| self.term(one, family)).collect::<Typed<_>>()?;
                negated(Node::In { term, list, kind: kind(family) }, *negation)
            }
            Expression::Between { operand, low, high, negation } => {
                ensure_bounds([low, high])?;
                self.ensure_in_range(operand, [low, high])?;
                let family = self.family_of_list([operand, low, high])?;
                let bound = |comparison, bound: &Operand| -> Typed<Node> {
                    let (left, right) = (self.term(operand, family)?, self.term(bound, family)?);
                    Ok(Node::Compare { left, comparison, right, kind: kind(family) })
                };
                let (low, high) = (bound(Comparison::GreaterOrEqual, low)?, bound(Comparison::LessOrEqual, high)?);
                negated(Node::And(vec![low, high]), *negation)
            }
            Expression::Like { operand, pattern, escape, negation } => {
                negated(self.like(operand, pattern, *escape)?, *negation)
            }
        })
    }

    fn column(&self, name: &str, operand: &Operand) -> Typed<&Column<MysqlType>> {
        Ok(&self.schema.columns[place_of(self.schema, name, operand)?])
    }

    fn slot(&self, name: &str, operand: &Operand) -> Typed<Slot> {
        let place = place_of(self.schema, name, operand)?;
        Ok(self.columns.binary_search(&place).unwrap_or(0))
    }

    /// A value where a condition is expected.
    fn truth_of(&self, operand: &Operand) -> Typed<Node> {
        match &operand.value {
            Value::Null => Ok(Node::Constant(None)),
            Value::Number(digits) => Ok(Node::Constant(Some(!Number::of_text(digits).is_zero()))),
            Value::Column(name) => match self.family(name, operand)? {
                Family::Integer | Family::Decimal | Family::Real | Family::Year => {
                    Ok(Node::NotZero(self.slot(name, operand)?))
                }
                _ => {
                    let message = format!("column \"{name}\" is no number, so it is neither true nor false");
                    Err(problem(operand.column, message, "compare it with something"))
                }
            },
            _ => Err(problem(operand.column, "a constant other than a number is neither true nor false", "compare it")),
        }
    }

    fn like(&self, operand: &Operand, pattern: &Operand, escape: char) -> Typed<Node> {
        let hint = "write a column of texts before LIKE, and a text in quotes behind it";
        let Value::Column(name) = &operand.value else {
            return Err(problem(operand.column, "LIKE is supported for columns", hint));
        };
        let family = self.family(name, operand)?;
        if !matches!(family, Family::Text(_) | Family::Bytes) {
            return Err(problem(operand.column, format!("column \"{name}\" holds no texts"), hint));
        }
        let slot = self.slot(name, operand)?;
        match &pattern.value {
            Value::Null => Ok(Node::Constant(None)),
            Value::Text(text) => {
                let collation = match family {
                    Family::Text(collation) => {
                        self.ensure_told(text, collation, Some(name), pattern)?;
                        Some(collation)
                    }
                    _ if text.is_ascii() => None,
                    _ => return Err(problem(pattern.column, "the pattern of binary data is not ASCII", hint)),
                };
                Ok(Node::Like { slot, pattern: Pattern::new(text, escape, collation) })
            }
            _ => Err(problem(pattern.column, "the pattern is no text", hint)),
        }
    }

    fn family(&self, name: &str, operand: &Operand) -> Typed<Family> {
        let column = self.column(name, operand)?;
        let refused = |why: String, hint: &str| Err(problem(operand.column, format!("column \"{name}\" {why}"), hint));
        Ok(match &column.ty {
            MysqlType::TinyInt(_)
            | MysqlType::SmallInt(_)
            | MysqlType::MediumInt(_)
            | MysqlType::Int(_)
            | MysqlType::BigInt(_)
            | MysqlType::Bit(_) => Family::Integer,
            MysqlType::Decimal { .. } => Family::Decimal,
            MysqlType::Year => Family::Year,
            MysqlType::Date => Family::Date,
            MysqlType::DateTime(_) => Family::DateTime,
            MysqlType::Timestamp(_) => Family::Timestamp,
            MysqlType::Time(_) => Family::Time,
            MysqlType::Binary(_) | MysqlType::Varbinary(_) | MysqlType::Blob(_) => Family::Bytes,
            MysqlType::Char { .. }
            | MysqlType::Varchar { .. }
            | MysqlType::Text { .. }
            | MysqlType::Enum(_)
            | MysqlType::Set(_) => match Collation::of_name(&column.collation) {
                Some(collation) => Family::Text(collation),
                None if column.collation.is_empty() => {
                    return refused(
                        "has a collation that is not known: its table came to be while the task ran".to_owned(),
                        "start a new task under another name",
                    );
                }
                None => {
                    let why = format!("has collation \"{}\", which is not supported in conditions", column.collation);
                    return refused(why, "filter by another column; docs/task-file.md lists the collations");
                }
            },
            MysqlType::Float(Rounding::None) | MysqlType::Double(Rounding::None) => Family::Real,
            MysqlType::Float(_) | MysqlType::Double(_) => {
                let why =
                    format!("is a {}, which MySQL compares with a tolerance: that is not supported", column.ty.name());
                return refused(why, "filter by another column, or by IS NULL");
            }
            MysqlType::Json
            | MysqlType::Geometry(_)
            | MysqlType::Vector(_)
            | MysqlType::Uuid
            | MysqlType::Inet4
            | MysqlType::Inet6 => {
                let why = format!("has type {}, which cannot be compared", column.ty.name());
                return refused(why, "filter by another column, or by IS NULL");
            }
        })
    }

    /// What all the columns among the operands are; none where there are only constants.
    fn family_of_all<'o>(&self, operands: impl IntoIterator<Item = &'o Operand>) -> Typed<Option<Family>> {
        let mut all: Option<(&str, Family)> = None;
        for operand in operands {
            let Value::Column(name) = &operand.value else { continue };
            let family = self.family(name, operand)?;
            let Some((other, before)) = all else {
                all = Some((name, family));
                continue;
            };
            let Some(together) = before.with(family) else {
                let message = format!("columns \"{other}\" and \"{name}\" are not of the same kind");
                let hint = "compare columns of one kind of types, and texts of one collation";
                return Err(problem(operand.column, message, hint));
            };
            all = Some((other, together));
        }
        Ok(all.map(|(_, family)| family))
    }

    /// As [`Self::family_of_all`]; in lists and ranges MySQL decides for each pair whether to compare doubles.
    fn family_of_list<'o>(&self, operands: impl IntoIterator<Item = &'o Operand> + Clone) -> Typed<Option<Family>> {
        let family = self.family_of_all(operands.clone())?;
        if family == Some(Family::Real) {
            for operand in operands {
                let Value::Column(name) = &operand.value else { continue };
                if self.family(name, operand)? != Family::Real {
                    let message = format!("column \"{name}\" is no FLOAT or DOUBLE, and others here are");
                    return Err(problem(operand.column, message, "compare them one by one, with = or <= and >="));
                }
            }
        }
        Ok(family)
    }

    fn term(&self, operand: &Operand, family: Option<Family>) -> Typed<Term> {
        let Some(family) = family else {
            return match &operand.value {
                Value::Null => Ok(Term::Null),
                Value::Number(digits) => Ok(Term::Number(digits.clone())),
                _ => Err(problem(operand.column, "constants are compared with each other", "compare a column")),
            };
        };
        let wrong = || {
            let message = "the constant is not of the kind of the column that it is compared with";
            problem(operand.column, message, family.constant_hint())
        };
        let moment = |text: &str| Term::Moment(text.to_owned());
        Ok(match (&operand.value, family) {
            (Value::Column(name), _) => Term::Column(self.slot(name, operand)?),
            (Value::Null, _) => Term::Null,
            (Value::Number(digits), Family::Integer | Family::Decimal) => Term::Number(digits.clone()),
            (Value::Number(digits), Family::Real) => Term::Real(digits.parse().map_err(|_| wrong())?),
            (Value::Number(digits), Family::Year) if is_year(digits) => Term::Number(digits.clone()),
            (Value::Bytes(bytes), Family::Integer) if bytes.len() <= 8 => {
                let value = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
                Term::Number(value.to_string())
            }
            (Value::Text(text) | Value::Date(text), Family::Date) if is_date(text) => moment(text),
            (Value::Text(text) | Value::Date(text), Family::DateTime | Family::Timestamp) if is_date(text) => {
                moment(text)
            }
            (Value::Text(text) | Value::Timestamp(text), Family::DateTime | Family::Timestamp) if is_moment(text) => {
                moment(text)
            }
            (Value::Text(text) | Value::Time(text), Family::Time) => Term::Time(micros(text).ok_or_else(wrong)?),
            (Value::Text(text), Family::Text(collation)) => {
                self.ensure_told(text, collation, None, operand)?;
                Term::Text(text.clone())
            }
            (Value::Text(text), Family::Bytes) if text.is_ascii() => Term::Bytes(text.clone().into_bytes()),
            (Value::Bytes(bytes), Family::Bytes) => Term::Bytes(bytes.clone()),
            _ => return Err(wrong()),
        })
    }

    /// In lists and ranges MySQL takes a number that an integer column cannot hold for the nearest one that it can.
    fn ensure_in_range<'o>(&self, operand: &Operand, others: impl IntoIterator<Item = &'o Operand>) -> Typed<()> {
        let Value::Column(name) = &operand.value else { return Ok(()) };
        let Some((least, most)) = range(&self.column(name, operand)?.ty) else { return Ok(()) };
        for other in others {
            let Value::Number(digits) = &other.value else { continue };
            let number = Number::of_text(digits);
            if number.cmp(&Number::of_text(least)).is_lt() || number.cmp(&Number::of_text(most)).is_gt() {
                let message = format!("column \"{name}\" holds numbers from {least} to {most} only");
                return Err(problem(other.column, message, "write numbers that the column can hold"));
            }
        }
        Ok(())
    }

    /// A constant's characters must be known to the collation.
    fn ensure_told(&self, text: &str, collation: Collation, column: Option<&str>, operand: &Operand) -> Typed<()> {
        if collation.takes_constant(text) {
            return Ok(());
        }
        let column = column.map_or_else(String::new, |name| format!(" of column \"{name}\""));
        let message = format!(
            "the collation{column} is supported for printable ASCII and Chinese characters only, and the text has others"
        );
        Err(problem(operand.column, message, "filter by another text, or give the column a _bin collation"))
    }
}

/// The least and the largest number of an integer type.
fn range(ty: &MysqlType) -> Option<(&'static str, &'static str)> {
    Some(match ty {
        MysqlType::TinyInt(Sign::Signed) => ("-128", "127"),
        MysqlType::TinyInt(Sign::Unsigned) => ("0", "255"),
        MysqlType::SmallInt(Sign::Signed) => ("-32768", "32767"),
        MysqlType::SmallInt(Sign::Unsigned) => ("0", "65535"),
        MysqlType::MediumInt(Sign::Signed) => ("-8388608", "8388607"),
        MysqlType::MediumInt(Sign::Unsigned) => ("0", "16777215"),
        MysqlType::Int(Sign::Signed) => ("-2147483648", "2147483647"),
        MysqlType::Int(Sign::Unsigned) => ("0", "4294967295"),
        MysqlType::BigInt(Sign::Signed) => ("-9223372036854775808", "9223372036854775807"),
        MysqlType::BigInt(Sign::Unsigned) | MysqlType::Bit(_) => ("0", "18446744073709551615"),
        _ => return None,
    })
}

/// With NULL as a bound MySQL compares times as something else.
fn ensure_bounds(bounds: [&Operand; 2]) -> Typed<()> {
    match bounds.iter().find(|bound| bound.value == Value::Null) {
        None => Ok(()),
        Some(bound) => Err(problem(bound.column, "NULL is no bound of BETWEEN", "write two constants, or <= and >=")),
    }
}

fn kind(family: Option<Family>) -> Kind {
    family.map_or(Kind::Number, Family::kind)
}

fn negated(node: Node, negation: Negation) -> Node {
    match negation {
        Negation::Plain => node,
        Negation::Negated => Node::Not(Box::new(node)),
    }
}

fn is(inner: Node, truth: Truth, negation: Negation) -> Node {
    negated(Node::Is(Box::new(inner), truth), negation)
}

/// Years that a YEAR can hold; MySQL takes others of fewer digits for years of this or the last century.
fn is_year(digits: &str) -> bool {
    digits == "0" || digits.len() == 4 && digits.parse().is_ok_and(|year: u16| (1901..=2155).contains(&year))
}
