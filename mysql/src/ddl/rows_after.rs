//! What is known of a table's rows after a statement that changed its columns: the one place that decides whether they
//! are read again.
//!
//! The server changes rows without writing images. Where the destination can do the same by the definitions alone (a new
//! column with a constant default, a type that holds all that the old one did) nothing is read. Where the values are the
//! server's own (an expression, AUTO_INCREMENT, a cast) the rows are read again and replace those that are there. That
//! needs a key whose values are known: where they are not, or where rows may be gone, the table is emptied and loaded.

use millrace_model::mysql_type::Sign;
use millrace_model::schema::{DefaultValue, Nullability};
use millrace_model::{Column, MysqlType, TableSchema};

use crate::schema::SourceTable;
use crate::sql_text::SqlMode;

/// What is known of the rows that were there before a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowsAfter {
    /// All of them: the definitions before and after say what became of each value.
    Known,
    /// Their keys, but not all of their values: they must be read again and replaced.
    ReadAgain,
    /// Too little: the table must be emptied and loaded.
    LoadAnew,
}

/// How a column's values came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// A new column.
    New,
    /// Those of a column before, by its place, cast to the type now.
    Continued(usize),
    /// Computed by the server: generated, numbered, or converted.
    Computed,
}

/// Whether rows may have been left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// All are there.
    None,
    /// ALTER IGNORE TABLE.
    Possible,
}

/// Decides about the rows of a table.
pub(super) fn rows_after(
    before: &TableSchema<MysqlType>,
    after: &SourceTable,
    endings: &[Ending],
    mode: SqlMode,
    loss: Loss,
) -> RowsAfter {
    if loss == Loss::Possible {
        return RowsAfter::LoadAnew;
    }
    let is_known = |at: usize| match endings[at] {
        Ending::Computed => false,
        Ending::New => is_constant(&after.columns[at]),
        Ending::Continued(old) => is_kept(&before.columns[old], &after.columns[at], mode),
    };
    if !after.key.iter().all(|&at| is_known(at)) {
        return RowsAfter::LoadAnew;
    }
    if (0..endings.len()).all(is_known) { RowsAfter::Known } else { RowsAfter::ReadAgain }
}

/// Whether a new column holds the same in every row, by its definition: NULL, or a literal that is the same everywhere. That
/// it is stored as written was looked at before.
fn is_constant(column: &Column<MysqlType>) -> bool {
    match (&column.default, column.nullability) {
        (None, Nullability::Nullable) => true,
        (Some(DefaultValue::Literal(text)), _) => match &column.ty {
            MysqlType::Date | MysqlType::DateTime(_) => !text.starts_with("0000") && !text.contains("-00"),
            MysqlType::TinyInt(_)
            | MysqlType::SmallInt(_)
            | MysqlType::MediumInt(_)
            | MysqlType::Int(_)
            | MysqlType::BigInt(_)
            | MysqlType::Decimal { .. }
            | MysqlType::Char { .. }
            | MysqlType::Varchar { .. }
            | MysqlType::Text { .. }
            | MysqlType::Enum(_)
            | MysqlType::Set(_) => true,
            // A TIMESTAMP is written in the time zone of the session, others are rounded, or their defaults are not in the
            // destination.
            _ => false,
        },
        _ => false,
    }
}

/// Whether a cast keeps every value.
fn is_kept(before: &Column<MysqlType>, after: &Column<MysqlType>, mode: SqlMode) -> bool {
    let null_may_change =
        before.nullability == Nullability::Nullable && after.nullability == Nullability::NotNull && !mode.is_strict();
    !null_may_change && (before.ty == after.ty || is_wider(&before.ty, &after.ty))
}

/// Whether a type holds every value of another one unchanged.
fn is_wider(before: &MysqlType, after: &MysqlType) -> bool {
    use MysqlType::{Blob, Char, DateTime, Decimal, Enum, Set, Text, Time, Timestamp, Varbinary, Varchar};
    if let (Some(old), Some(new)) = (integer_range(before), integer_range(after)) {
        return new.0 <= old.0 && old.1 <= new.1;
    }
    match (before, after) {
        (Decimal { precision: p, scale: s }, Decimal { precision, scale }) => {
            scale >= s && precision.saturating_sub(*scale) >= p.saturating_sub(*s)
        }
        (Char { length: old, charset: from }, Char { length: new, charset: to })
        | (
            Char { length: old, charset: from } | Varchar { length: old, charset: from },
            Varchar { length: new, charset: to },
        ) => new >= old && holds_characters(from, to),
        (Char { charset: from, .. } | Varchar { charset: from, .. }, Text { charset: to, length_bytes }) => {
            *length_bytes >= 2 && from == to
        }
        (Text { length_bytes: old, charset: from }, Text { length_bytes: new, charset: to }) => {
            new >= old && (from == to || (new > old && holds_characters(from, to)))
        }
        (Varbinary(old), Varbinary(new)) => new >= old,
        (Varbinary(_), Blob(new)) => *new >= 2,
        (Blob(old), Blob(new)) => new >= old,
        (DateTime(old), DateTime(new)) | (Timestamp(old), Timestamp(new)) | (Time(old), Time(new)) => new >= old,
        (Enum(old), Enum(new)) | (Set(old), Set(new)) => new.starts_with(old),
        _ => false,
    }
}

fn integer_range(ty: &MysqlType) -> Option<(i128, i128)> {
    let (bits, sign) = match ty {
        MysqlType::TinyInt(sign) => (8, sign),
        MysqlType::SmallInt(sign) => (16, sign),
        MysqlType::MediumInt(sign) => (24, sign),
        MysqlType::Int(sign) => (32, sign),
        MysqlType::BigInt(sign) => (64, sign),
        _ => return None,
    };
    let size = 1i128 << bits;
    Some(match sign {
        Sign::Signed => (-size / 2, size / 2 - 1),
        Sign::Unsigned => (0, size - 1),
    })
}

/// Whether every character of one set is in the other. swe7 has letters in the place of brackets.
fn holds_characters(from: &str, to: &str) -> bool {
    from == to || (from == "ascii" && to != "swe7") || to == "utf8mb4" || (to == "utf8mb3" && from == "latin1")
}
