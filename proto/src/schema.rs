//! `TableSchema`: the records of `<task>.schemas`.

use bytes::Bytes;
use millrace_model::mysql_type::{MysqlType, Rounding, Sign};
use millrace_model::pg_type::PgType;
use millrace_model::schema::{
    Column, DefaultValue, Distribution, Index, Nullability, Placement, Route, SchemaKey, Storage, TableName,
    TableSchema, Uniqueness,
};
use prost::Message;
use xxhash_rust::xxh3::xxh3_64;

use crate::wire::{default_value, table_schema};
use crate::{DecodeError, wire};

/// The key of a schema's record in `<task>.schemas`.
pub fn schema_record_key<T: ColumnTypeWire>(key: SchemaKey<T>) -> String {
    format!("{}{:016x}", schema_record_prefix::<T>(key.version), key.hash)
}

/// What the keys of all schemas of a version begin with: on each side there is one.
pub fn schema_record_prefix<T: ColumnTypeWire>(version: u64) -> String {
    format!("{}/{version}-", T::SIDE)
}

/// The hash that names a schema: XXH3 (64 bits) over its record's value.
pub fn schema_hash<T: ColumnTypeWire>(schema: &TableSchema<T>) -> u64 {
    xxh3_64(&encode_schema(schema))
}

/// A column type in parts, as it stands in `ColumnType`.
#[derive(Debug, Clone, Default)]
pub struct TypeParts {
    name: String,
    unsigned: bool,
    length: u32,
    precision: u32,
    scale: u32,
    charset: String,
    labels: Vec<String>,
}

/// A side's column types on the wire.
pub trait ColumnTypeWire: Sized {
    /// `captured` or `transformed`.
    const SIDE: &'static str;
    /// Takes the type apart.
    fn to_parts(&self) -> TypeParts;
    /// Puts it together again; none where the parts are no type of this side.
    fn from_parts(parts: &TypeParts) -> Option<Self>;
}

fn named(name: &str) -> TypeParts {
    TypeParts { name: name.into(), ..TypeParts::default() }
}

fn sized(name: &str, length: u32) -> TypeParts {
    TypeParts { length, ..named(name) }
}

fn fraction(name: &str, scale: u8) -> TypeParts {
    TypeParts { scale: scale.into(), ..named(name) }
}

fn rounded(name: &str, rounding: Rounding) -> TypeParts {
    match rounding {
        Rounding::None => named(name),
        Rounding::Digits { precision, scale } => TypeParts { precision: precision.into(), ..fraction(name, scale) },
    }
}

impl ColumnTypeWire for MysqlType {
    const SIDE: &'static str = "captured";

    fn to_parts(&self) -> TypeParts {
        let int = |name, sign: &Sign| TypeParts { unsigned: *sign == Sign::Unsigned, ..named(name) };
        let text = |name, length, charset: &str| TypeParts { charset: charset.into(), ..sized(name, length) };
        match self {
            Self::TinyInt(sign) => int("tinyint", sign),
            Self::SmallInt(sign) => int("smallint", sign),
            Self::MediumInt(sign) => int("mediumint", sign),
            Self::Int(sign) => int("int", sign),
            Self::BigInt(sign) => int("bigint", sign),
            Self::Decimal { precision, scale } => {
                TypeParts { precision: u32::from(*precision), ..fraction("decimal", *scale) }
            }
            Self::Float(rounding) => rounded("float", *rounding),
            Self::Double(rounding) => rounded("double", *rounding),
            Self::Bit(n) => sized("bit", u32::from(*n)),
            Self::Date => named("date"),
            Self::DateTime(f) => fraction("datetime", *f),
            Self::Timestamp(f) => fraction("timestamp", *f),
            Self::Time(f) => fraction("time", *f),
            Self::Year => named("year"),
            Self::Char { length, charset } => text("char", *length, charset),
            Self::Varchar { length, charset } => text("varchar", *length, charset),
            Self::Text { length_bytes, charset } => text("text", u32::from(*length_bytes), charset),
            Self::Binary(n) => sized("binary", *n),
            Self::Varbinary(n) => sized("varbinary", *n),
            Self::Blob(n) => sized("blob", u32::from(*n)),
            Self::Enum(labels) => TypeParts { labels: labels.to_vec(), ..named("enum") },
            Self::Set(labels) => TypeParts { labels: labels.to_vec(), ..named("set") },
            Self::Json => named("json"),
            Self::Geometry(kind) => TypeParts { labels: vec![kind.to_string()], ..named("geometry") },
            Self::Vector(n) => sized("vector", *n),
            Self::Uuid => named("uuid"),
            Self::Inet4 => named("inet4"),
            Self::Inet6 => named("inet6"),
        }
    }

    fn from_parts(parts: &TypeParts) -> Option<Self> {
        let sign = if parts.unsigned { Sign::Unsigned } else { Sign::Signed };
        let charset = || parts.charset.as_str().into();
        let length_byte = || u8::try_from(parts.length).ok();
        let scale = || u8::try_from(parts.scale).ok();
        let rounding = || match u8::try_from(parts.precision).ok()? {
            0 => Some(Rounding::None),
            precision => Some(Rounding::Digits { precision, scale: scale()? }),
        };
        Some(match parts.name.as_str() {
            "tinyint" => Self::TinyInt(sign),
            "smallint" => Self::SmallInt(sign),
            "mediumint" => Self::MediumInt(sign),
            "int" => Self::Int(sign),
            "bigint" => Self::BigInt(sign),
            "decimal" => Self::Decimal { precision: u8::try_from(parts.precision).ok()?, scale: scale()? },
            "float" => Self::Float(rounding()?),
            "double" => Self::Double(rounding()?),
            "bit" => Self::Bit(length_byte()?),
            "date" => Self::Date,
            "datetime" => Self::DateTime(scale()?),
            "timestamp" => Self::Timestamp(scale()?),
            "time" => Self::Time(scale()?),
            "year" => Self::Year,
            "char" => Self::Char { length: parts.length, charset: charset() },
            "varchar" => Self::Varchar { length: parts.length, charset: charset() },
            "text" => Self::Text { length_bytes: length_byte()?, charset: charset() },
            "binary" => Self::Binary(parts.length),
            "varbinary" => Self::Varbinary(parts.length),
            "blob" => Self::Blob(length_byte()?),
            "enum" => Self::Enum(parts.labels.clone().into()),
            "set" => Self::Set(parts.labels.clone().into()),
            "json" => Self::Json,
            "geometry" => Self::Geometry(parts.labels.first()?.as_str().into()),
            "vector" => Self::Vector(parts.length),
            "uuid" => Self::Uuid,
            "inet4" => Self::Inet4,
            "inet6" => Self::Inet6,
            _ => return None,
        })
    }
}

impl ColumnTypeWire for PgType {
    const SIDE: &'static str = "transformed";

    fn to_parts(&self) -> TypeParts {
        match self {
            Self::SmallInt => named("smallint"),
            Self::Integer => named("integer"),
            Self::BigInt => named("bigint"),
            Self::Numeric { precision, scale } => {
                TypeParts { precision: u32::from(*precision), scale: u32::from(*scale), ..named("numeric") }
            }
            Self::Real => named("real"),
            Self::Double => named("double precision"),
            Self::Bit(n) => sized("bit", u32::from(*n)),
            Self::Boolean => named("boolean"),
            Self::Date => named("date"),
            Self::Timestamp(p) => fraction("timestamp", *p),
            Self::TimestampTz(p) => fraction("timestamptz", *p),
            Self::Time(p) => fraction("time", *p),
            Self::Interval(p) => fraction("interval", *p),
            Self::Varchar(n) => sized("varchar", *n),
            Self::Char(n) => sized("char", *n),
            Self::Text => named("text"),
            Self::Bytea => named("bytea"),
            Self::Json => named("json"),
            Self::Jsonb => named("jsonb"),
            Self::RealArray => named("real[]"),
            Self::Uuid => named("uuid"),
            Self::Inet => named("inet"),
        }
    }

    fn from_parts(parts: &TypeParts) -> Option<Self> {
        let scale = || u8::try_from(parts.scale).ok();
        Some(match parts.name.as_str() {
            "smallint" => Self::SmallInt,
            "integer" => Self::Integer,
            "bigint" => Self::BigInt,
            "numeric" => Self::Numeric {
                precision: u16::try_from(parts.precision).ok()?,
                scale: u16::try_from(parts.scale).ok()?,
            },
            "real" => Self::Real,
            "double precision" => Self::Double,
            "bit" => Self::Bit(u8::try_from(parts.length).ok()?),
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp(scale()?),
            "timestamptz" => Self::TimestampTz(scale()?),
            "time" => Self::Time(scale()?),
            "interval" => Self::Interval(scale()?),
            "varchar" => Self::Varchar(parts.length),
            "char" => Self::Char(parts.length),
            "text" => Self::Text,
            "bytea" => Self::Bytea,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "real[]" => Self::RealArray,
            "uuid" => Self::Uuid,
            "inet" => Self::Inet,
            _ => return None,
        })
    }
}

/// Renders a schema as a record's value.
pub fn encode_schema<T: ColumnTypeWire>(schema: &TableSchema<T>) -> Bytes {
    schema_to_wire(schema).encode_to_vec().into()
}

/// Reads a record's value.
pub fn decode_schema<T: ColumnTypeWire>(value: Bytes) -> Result<TableSchema<T>, DecodeError> {
    schema_from_wire(wire::TableSchema::decode(value)?)
}

pub(crate) fn schema_to_wire<T: ColumnTypeWire>(schema: &TableSchema<T>) -> wire::TableSchema {
    let places = |list: &[usize]| list.iter().map(|&place| place as u32).collect();
    wire::TableSchema {
        table_id: schema.table_id,
        database: schema.name.database.to_string(),
        table: schema.name.table.to_string(),
        columns: schema.columns.iter().map(column_to_wire).collect(),
        primary_key: places(&schema.primary_key),
        key: places(&schema.key),
        indexes: schema
            .indexes
            .iter()
            .map(|index| wire::Index {
                name: index.name.to_string(),
                columns: places(&index.columns),
                unique: index.uniqueness == Uniqueness::Unique,
            })
            .collect(),
        comment: schema.comment.clone(),
        route: match schema.route {
            Route::Key => table_schema::Route::Key as i32,
            Route::Table => table_schema::Route::Table as i32,
        },
        distribution: match schema.placement.distribution {
            Distribution::Key => table_schema::Distribution::Key as i32,
            Distribution::Columns(_) => table_schema::Distribution::Columns as i32,
            Distribution::Replicated => table_schema::Distribution::Replicated as i32,
        },
        distribution_columns: match &schema.placement.distribution {
            Distribution::Columns(columns) => places(columns),
            Distribution::Key | Distribution::Replicated => Vec::new(),
        },
        storage: match schema.placement.storage {
            Storage::Usual => table_schema::Storage::Usual as i32,
            Storage::Heap => table_schema::Storage::Heap as i32,
            Storage::Beam => table_schema::Storage::Beam as i32,
        },
    }
}

fn column_to_wire<T: ColumnTypeWire>(column: &Column<T>) -> wire::Column {
    let parts = column.ty.to_parts();
    let default_value = column.default.as_ref().map(|value| match value {
        DefaultValue::Literal(text) => default_value::Kind::Literal(text.clone()),
        DefaultValue::CurrentTimestamp(digits) => default_value::Kind::CurrentTimestamp((*digits).into()),
        DefaultValue::Expression(text) => default_value::Kind::Expression(text.clone()),
    });
    wire::Column {
        name: column.name.to_string(),
        r#type: Some(wire::ColumnType {
            name: parts.name,
            unsigned: parts.unsigned,
            length: parts.length,
            precision: parts.precision,
            scale: parts.scale,
            charset: parts.charset,
            labels: parts.labels,
            collation: column.collation.to_string(),
        }),
        not_null: column.nullability == Nullability::NotNull,
        default_value: default_value.map(|kind| wire::DefaultValue { kind: Some(kind) }),
        comment: column.comment.clone(),
    }
}

pub(crate) fn schema_from_wire<T: ColumnTypeWire>(schema: wire::TableSchema) -> Result<TableSchema<T>, DecodeError> {
    let count = schema.columns.len();
    let places = |list: Vec<u32>| -> Result<Vec<usize>, DecodeError> {
        let places: Vec<usize> = list.into_iter().map(|place| place as usize).collect();
        match places.iter().all(|&place| place < count) {
            true => Ok(places),
            false => Err(DecodeError::Field("column place")),
        }
    };
    let route = match table_schema::Route::try_from(schema.route) {
        Ok(table_schema::Route::Key) => Route::Key,
        Ok(table_schema::Route::Table) => Route::Table,
        _ => return Err(DecodeError::Field("route")),
    };
    let placement = Placement {
        distribution: match table_schema::Distribution::try_from(schema.distribution) {
            Ok(table_schema::Distribution::Key) => Distribution::Key,
            Ok(table_schema::Distribution::Columns) => Distribution::Columns(places(schema.distribution_columns)?),
            Ok(table_schema::Distribution::Replicated) => Distribution::Replicated,
            Err(_) => return Err(DecodeError::Field("distribution")),
        },
        storage: match table_schema::Storage::try_from(schema.storage) {
            Ok(table_schema::Storage::Usual) => Storage::Usual,
            Ok(table_schema::Storage::Heap) => Storage::Heap,
            Ok(table_schema::Storage::Beam) => Storage::Beam,
            Err(_) => return Err(DecodeError::Field("storage")),
        },
    };
    let indexes = schema.indexes.into_iter().map(|index| {
        let uniqueness = if index.unique { Uniqueness::Unique } else { Uniqueness::NonUnique };
        Ok(Index { name: index.name.into(), columns: places(index.columns)?, uniqueness })
    });
    Ok(TableSchema {
        table_id: schema.table_id,
        name: TableName::new(schema.database, schema.table),
        primary_key: places(schema.primary_key)?,
        key: places(schema.key)?,
        indexes: indexes.collect::<Result<_, DecodeError>>()?,
        columns: schema.columns.into_iter().map(column_from_wire).collect::<Result<_, _>>()?,
        comment: schema.comment,
        route,
        placement,
    })
}

fn column_from_wire<T: ColumnTypeWire>(column: wire::Column) -> Result<Column<T>, DecodeError> {
    let ty = column.r#type.ok_or(DecodeError::Field("column type"))?;
    let collation = ty.collation.into();
    let parts = TypeParts {
        name: ty.name,
        unsigned: ty.unsigned,
        length: ty.length,
        precision: ty.precision,
        scale: ty.scale,
        charset: ty.charset,
        labels: ty.labels,
    };
    let default = match column.default_value {
        None => None,
        Some(value) => Some(match value.kind.ok_or(DecodeError::Field("default value"))? {
            default_value::Kind::Literal(text) => DefaultValue::Literal(text),
            default_value::Kind::CurrentTimestamp(digits) => {
                DefaultValue::CurrentTimestamp(u8::try_from(digits).map_err(|_| DecodeError::Field("default value"))?)
            }
            default_value::Kind::Expression(text) => DefaultValue::Expression(text),
        }),
    };
    Ok(Column {
        name: column.name.into(),
        ty: T::from_parts(&parts).ok_or(DecodeError::Field("column type"))?,
        nullability: if column.not_null { Nullability::NotNull } else { Nullability::Nullable },
        default,
        comment: column.comment,
        collation,
    })
}
