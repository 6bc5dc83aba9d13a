//! Columns and constants of a condition in the destination's SQL, and which of them may be compared with each other.

use millrace_adbpg::ident::Ident;
use millrace_model::mysql_type::Rounding;
use millrace_model::{Column, MysqlType, PgType};
use millrace_transform::filter::moment::{is_date, is_moment};

use super::Untranslated;

/// What the values of a column are, where both sides order them alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole and decimal numbers.
    Exact,
    /// Floating-point numbers.
    Real,
    /// DATE.
    Day,
    /// DATETIME.
    Moment,
    /// TIMESTAMP.
    Instant,
    /// TIME.
    Clock,
}

impl Kind {
    /// The kind of a column; none where its values are ordered by rules that the destination does not have.
    pub(super) fn of(ty: &MysqlType) -> Option<Self> {
        match ty {
            MysqlType::TinyInt(_)
            | MysqlType::SmallInt(_)
            | MysqlType::MediumInt(_)
            | MysqlType::Int(_)
            | MysqlType::BigInt(_)
            | MysqlType::Decimal { .. } => Some(Self::Exact),
            MysqlType::Float(Rounding::None) | MysqlType::Double(Rounding::None) => Some(Self::Real),
            MysqlType::Date => Some(Self::Day),
            MysqlType::DateTime(_) => Some(Self::Moment),
            MysqlType::Timestamp(_) => Some(Self::Instant),
            MysqlType::Time(_) => Some(Self::Clock),
            _ => None,
        }
    }
}

/// An operand.
#[derive(Debug)]
pub(super) enum Term {
    /// A column, by its quoted name.
    Column(Kind, String),
    /// A number, with `-` where it is negative.
    Number(String),
    /// A text.
    Text(String),
    Null,
}

/// The quoted name of a column of the destination.
pub(super) fn quoted(column: &Column<PgType>) -> Result<String, Untranslated> {
    Ident::new(&column.name).map(|name| name.to_string()).map_err(|error| error.to_string())
}

/// Operands that are compared with each other, in SQL: with constants of the columns' kind only.
pub(super) fn comparable(terms: &[Term]) -> Result<Vec<String>, Untranslated> {
    let mut kinds = Vec::new();
    for term in terms {
        if let Term::Column(kind, _) = term
            && !kinds.contains(kind)
        {
            kinds.push(*kind);
        }
    }
    let columns = terms.iter().filter(|term| matches!(term, Term::Column(..))).count();
    let has_constants = terms.iter().any(|term| matches!(term, Term::Number(_) | Term::Text(_)));
    let form = match kinds[..] {
        [] | [Kind::Exact] => Form::Number,
        // Two of them, or one and a column of another kind, are compared by way of the wider type.
        [Kind::Real] if columns == 1 => Form::Double,
        [Kind::Day] => Form::Day,
        [Kind::Moment] => Form::Moment,
        [Kind::Instant | Kind::Clock] if !has_constants => Form::Moment,
        [Kind::Day, Kind::Moment] | [Kind::Moment, Kind::Day] if terms.len() == 2 => Form::Moment,
        _ => return Err("it compares values of different kinds".to_owned()),
    };
    terms.iter().map(|term| form.render(term)).collect()
}

/// How the operands of one comparison are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Number,
    Double,
    Day,
    Moment,
}

impl Form {
    fn render(self, term: &Term) -> Result<String, Untranslated> {
        match (self, term) {
            (_, Term::Null) => Ok("NULL".to_owned()),
            (Self::Double, Term::Column(_, name)) => Ok(format!("{name}::double precision")),
            (_, Term::Column(_, name)) => Ok(name.clone()),
            (Self::Number, Term::Number(number)) if number.starts_with('-') => Ok(format!("({number})")),
            (Self::Number, Term::Number(number)) => Ok(number.clone()),
            (Self::Double, Term::Number(number)) => Ok(format!("({number})::double precision")),
            (Self::Day, Term::Text(text)) if is_date(text) => Ok(format!("'{text}'::date")),
            (Self::Moment, Term::Text(text)) if is_date(text) || is_moment(text) => Ok(format!("'{text}'::timestamp")),
            (_, Term::Number(_) | Term::Text(_)) => {
                Err("it compares a column with a constant of another kind".to_owned())
            }
        }
    }
}
