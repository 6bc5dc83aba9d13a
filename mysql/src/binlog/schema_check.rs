//! Whether the table of the binlog is the table that a schema describes.
//!
//! Rows hold no types: decoded with the wrong schema they give wrong values without an error. So a decoder is only made
//! where the column count and every column's form agree with the schema, and with more metadata also names, signs,
//! character sets and labels.

use std::fmt;

use millrace_model::mysql_type::Sign;
use millrace_model::{Column, MysqlType, TableName, TableSchema};
use thiserror::Error;

use super::table_map::{MappedColumn, TableMap, WireType};
use crate::charset::Charset;

/// The table in the binlog is not the table that the schema describes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("table \"{table}\" in the binlog is not as its schema says: {mismatch}")]
pub struct SchemaMismatch {
    /// The table, by the binlog's name.
    pub table: TableName,
    /// What disagrees.
    pub mismatch: Mismatch,
}

/// What disagrees between binlog and schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// The number of columns.
    Count {
        /// In the binlog.
        binlog: usize,
        /// In the schema.
        schema: usize,
    },
    /// A column's name.
    Name {
        /// In the binlog.
        binlog: String,
        /// In the schema.
        schema: String,
    },
    /// A column's type, or its size.
    Type {
        /// The column.
        column: String,
        /// In the binlog.
        binlog: WireType,
        /// In the schema.
        schema: String,
    },
    /// UNSIGNED or not.
    Sign {
        /// The column.
        column: String,
    },
    /// The labels of an ENUM or SET.
    Labels {
        /// The column.
        column: String,
    },
    /// The character set.
    Charset {
        /// The column.
        column: String,
        /// Number of the collation in the binlog.
        collation: u64,
        /// Character set in the schema.
        schema: String,
    },
    /// The character set cannot be read.
    UnknownCharset {
        /// The column.
        column: String,
        /// MySQL's name of the character set.
        charset: String,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { binlog, schema } => write!(f, "{binlog} columns instead of {schema}"),
            Self::Name { binlog, schema } => write!(f, "column \"{binlog}\" instead of \"{schema}\""),
            Self::Type { column, binlog, schema } => write!(f, "column \"{column}\" is {binlog:?} instead of {schema}"),
            Self::Sign { column } => write!(f, "column \"{column}\" differs in UNSIGNED"),
            Self::Labels { column } => write!(f, "column \"{column}\" has other labels"),
            Self::Charset { column, collation, schema } => {
                write!(f, "column \"{column}\" has collation number {collation} instead of character set {schema}")
            }
            Self::UnknownCharset { column, charset } => {
                write!(f, "column \"{column}\" has character set \"{charset}\", which cannot be read")
            }
        }
    }
}

impl SchemaMismatch {
    /// How to mend it.
    pub fn hint(&self) -> String {
        match &self.mismatch {
            Mismatch::UnknownCharset { .. } => "leave the table out, or convert the column to utf8mb4".into(),
            _ => "the table was changed in a way that was not seen: load it anew".into(),
        }
    }
}

/// Checks a table map against a schema.
pub(crate) fn check(map: &TableMap, schema: &TableSchema<MysqlType>) -> Result<(), SchemaMismatch> {
    let fail = |mismatch| SchemaMismatch { table: map.name.clone(), mismatch };
    if map.columns.len() != schema.columns.len() {
        return Err(fail(Mismatch::Count { binlog: map.columns.len(), schema: schema.columns.len() }));
    }
    for (mapped, column) in map.columns.iter().zip(&schema.columns) {
        check_column(mapped, column).map_err(fail)?;
    }
    Ok(())
}

/// The character set of a text column, where it is one that can be read.
pub(crate) fn charset_of(column: &Column<MysqlType>, name: &str) -> Result<Charset, Mismatch> {
    Charset::of_name(name).ok_or_else(|| unknown_charset(column, name))
}

pub(crate) fn unknown_charset(column: &Column<MysqlType>, charset: &str) -> Mismatch {
    Mismatch::UnknownCharset { column: column.name.to_string(), charset: charset.to_owned() }
}

fn check_column(mapped: &MappedColumn, column: &Column<MysqlType>) -> Result<(), Mismatch> {
    let name = || column.name.to_string();
    if let Some(mapped_name) = mapped.name.as_deref().filter(|&mapped_name| *mapped_name != *column.name) {
        return Err(Mismatch::Name { binlog: mapped_name.to_owned(), schema: name() });
    }
    if !agrees(mapped.wire, column)? {
        return Err(Mismatch::Type { column: name(), binlog: mapped.wire, schema: column.ty.name() });
    }
    if let (Some(mapped_sign), Some(sign)) = (mapped.sign, sign(&column.ty))
        && mapped_sign != sign
    {
        return Err(Mismatch::Sign { column: name() });
    }
    check_charset(mapped, column)?;
    check_labels(mapped, column)
}

/// Whether a column of this type has cells of this form.
fn agrees(wire: WireType, column: &Column<MysqlType>) -> Result<bool, Mismatch> {
    let bytes = |length: u32, charset: &str| Ok(length.saturating_mul(charset_of(column, charset)?.max_bytes()));
    Ok(match (wire, &column.ty) {
        (WireType::Tiny, MysqlType::TinyInt(_))
        | (WireType::Short, MysqlType::SmallInt(_))
        | (WireType::Int24, MysqlType::MediumInt(_))
        | (WireType::Long, MysqlType::Int(_))
        | (WireType::LongLong, MysqlType::BigInt(_))
        | (WireType::Float, MysqlType::Float(_))
        | (WireType::Double, MysqlType::Double(_))
        | (WireType::Year, MysqlType::Year)
        | (WireType::Date, MysqlType::Date)
        | (WireType::OldTime, MysqlType::Time(0))
        | (WireType::OldDateTime, MysqlType::DateTime(0))
        | (WireType::OldTimestamp, MysqlType::Timestamp(0))
        | (WireType::Json(_), MysqlType::Json)
        | (WireType::Geometry(_), MysqlType::Geometry(_))
        | (WireType::Vector(_), MysqlType::Vector(_)) => true,
        (WireType::Decimal { precision, scale }, MysqlType::Decimal { precision: p, scale: s }) => {
            precision == *p && scale == *s
        }
        (WireType::Bit { bits }, MysqlType::Bit(n)) => bits == u16::from(*n),
        (WireType::Time(f), MysqlType::Time(n))
        | (WireType::DateTime(f), MysqlType::DateTime(n))
        | (WireType::Timestamp(f), MysqlType::Timestamp(n)) => f == *n,
        (WireType::String(max), MysqlType::Char { length, charset })
        | (WireType::Varchar(max), MysqlType::Varchar { length, charset }) => {
            u32::from(max) == bytes(*length, charset)?
        }
        (WireType::String(max), MysqlType::Binary(n)) | (WireType::Varchar(max), MysqlType::Varbinary(n)) => {
            u32::from(max) == *n
        }
        (WireType::String(16), MysqlType::Uuid | MysqlType::Inet6) | (WireType::String(4), MysqlType::Inet4) => true,
        (WireType::Blob(n), MysqlType::Text { length_bytes, charset }) => {
            charset_of(column, charset)?;
            n == *length_bytes
        }
        (WireType::Blob(n), MysqlType::Blob(length_bytes)) => n == *length_bytes,
        (WireType::Enum(width), MysqlType::Enum(labels)) => width == if labels.len() > 255 { 2 } else { 1 },
        (WireType::Set(width), MysqlType::Set(labels)) => width == set_width(labels.len()),
        _ => false,
    })
}

/// Bytes of a SET of so many labels (MySQL source, `get_set_pack_length`).
fn set_width(labels: usize) -> u8 {
    match labels.div_ceil(8) {
        0 | 1 => 1,
        n @ 2..=4 => n as u8,
        _ => 8,
    }
}

fn sign(ty: &MysqlType) -> Option<Sign> {
    use MysqlType::{BigInt, Int, MediumInt, SmallInt, TinyInt};
    match ty {
        TinyInt(sign) | SmallInt(sign) | MediumInt(sign) | Int(sign) | BigInt(sign) => Some(*sign),
        _ => None,
    }
}

fn check_charset(mapped: &MappedColumn, column: &Column<MysqlType>) -> Result<(), Mismatch> {
    const BINARY: u64 = 63;
    let Some(collation) = mapped.collation else { return Ok(()) };
    let (same, schema) = match &column.ty {
        MysqlType::Char { charset, .. } | MysqlType::Varchar { charset, .. } | MysqlType::Text { charset, .. } => {
            (Charset::of_collation(collation) == Some(charset_of(column, charset)?), &**charset)
        }
        MysqlType::Binary(_) | MysqlType::Varbinary(_) | MysqlType::Blob(_) => (collation == BINARY, "binary"),
        _ => return Ok(()),
    };
    if same {
        return Ok(());
    }
    Err(Mismatch::Charset { column: column.name.to_string(), collation, schema: schema.to_owned() })
}

/// Labels are compared where their character set is read by a rule, and else counted.
fn check_labels(mapped: &MappedColumn, column: &Column<MysqlType>) -> Result<(), Mismatch> {
    let (MysqlType::Enum(labels) | MysqlType::Set(labels)) = &column.ty else { return Ok(()) };
    let Some(mapped_labels) = &mapped.labels else { return Ok(()) };
    let charset = mapped.collation.and_then(Charset::of_collation).filter(|c| !matches!(c, Charset::Coded(_)));
    let mut scratch = String::new();
    let same = mapped_labels.len() == labels.len()
        && mapped_labels.iter().zip(labels.iter()).all(|(bytes, label)| {
            charset.is_none_or(|charset| charset.decode(bytes, &mut scratch).is_some_and(|text| text == label))
        });
    if same { Ok(()) } else { Err(Mismatch::Labels { column: column.name.to_string() }) }
}
