//! The canonical form of each MySQL type, and the SQL that gives it (or what [`Form::canonical`] makes it of) on
//! either side. The session of either side is in UTC.

use anyhow::{Result, bail};

use super::canonical::{array, decimal, double, single_precision_hex, time_microseconds};
use super::json::canonical_json;

/// In what form the values of a column are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Digits without superfluous zeros.
    Number,
    /// The bits of a double, in hexadecimal: a FLOAT is exact in it.
    Double,
    /// Characters `0` and `1`, as many as the type has bits.
    Bit(u32),
    /// `YYYY-MM-DD`; the all-zero date is NULL, as the product's default has it.
    Date,
    /// `YYYY-MM-DD hh:mm:ss.ffffff`, a TIMESTAMP in UTC; the all-zero value is NULL.
    DateTime,
    /// Microseconds.
    Time,
    /// The characters.
    Text,
    /// Hexadecimal.
    Bytes,
    /// JSON with sorted keys and without space, numbers by value.
    Json,
    /// The bits of each element, in hexadecimal.
    Vector,
    /// The text as the source prints it.
    Address,
}

/// Bytes of UTF-8, or of a binary value, from which on the SHA-256 of a value is compared: servers and drivers take packets of
/// some tens of megabytes.
const HASHED: usize = 1_000_000;

fn source_value_or_hash(column: &str, value: &str) -> String {
    let bytes = if value.starts_with("HEX") { column } else { value };
    format!("IF(LENGTH({bytes}) > {HASHED}, CONCAT('sha256 ', SHA2({bytes}, 256)), {value})")
}

fn destination_value_or_hash(bytes: &str, value: &str) -> String {
    format!(
        "CASE WHEN octet_length({bytes}) > {HASHED} THEN 'sha256 ' || encode(sha256({bytes}), 'hex') ELSE {value} END"
    )
}

impl Form {
    /// By `data_type` and `column_type` of MySQL's `information_schema.columns`; an unknown type is an error.
    pub(super) fn of(data_type: &str, column_type: &str) -> Result<Self> {
        Ok(match data_type {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" | "decimal" => Self::Number,
            "float" | "double" => Self::Double,
            "bit" => Self::Bit(column_type.trim_start_matches("bit(").trim_end_matches(')').parse()?),
            "date" => Self::Date,
            "datetime" | "timestamp" => Self::DateTime,
            "time" => Self::Time,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" => Self::Text,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Self::Bytes,
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
            | "geomcollection" => Self::Bytes,
            "json" => Self::Json,
            "vector" => Self::Vector,
            "uuid" | "inet4" | "inet6" => Self::Address,
            other => bail!("columns of the MySQL type \"{other}\" cannot be compared yet"),
        })
    }

    /// SQL for MySQL; `column` is quoted.
    pub(super) fn source_sql(self, column: &str) -> String {
        match self {
            // YEAR + 0 is a number: as text, YEAR 0000 would be "0000".
            Self::Number => format!("CAST({column} + 0 AS CHAR)"),
            // Without CAST(... AS CHAR), which cuts the text of a double at 22 characters.
            Self::Double => format!("CAST({column} AS DOUBLE)"),
            Self::Bit(bits) => format!("LPAD(BIN({column} + 0), {bits}, '0')"),
            Self::Date => format!("NULLIF(CAST({column} AS CHAR), '0000-00-00')"),
            Self::DateTime => {
                format!("NULLIF(DATE_FORMAT({column}, '%Y-%m-%d %H:%i:%s.%f'), '0000-00-00 00:00:00.000000')")
            }
            Self::Time => format!("CAST({column} AS CHAR)"),
            Self::Json => format!("CONVERT({column} USING utf8mb4)"),
            Self::Text => source_value_or_hash(column, &format!("CONVERT({column} USING utf8mb4)")),
            Self::Bytes => source_value_or_hash(column, &format!("HEX({column})")),
            Self::Vector => format!("HEX({column})"),
            Self::Address => format!("CAST({column} AS CHAR)"),
        }
    }

    /// SQL for PostgreSQL; `column` is quoted, `kind` is its type's name as `format_type` gives it without modifier.
    pub(super) fn destination_sql(self, column: &str, kind: &str) -> Result<String> {
        Ok(match (self, kind) {
            (Self::Number, "boolean") => format!("{column}::integer::text"),
            (Self::Number, "smallint" | "integer" | "bigint" | "numeric" | "text" | "character varying") => {
                format!("{column}::text")
            }
            (Self::Double, "real" | "double precision") => format!("{column}::double precision::text"),
            (Self::Bit(_), "bit" | "bit varying") => format!("{column}::text"),
            (Self::Date, "date" | "timestamp without time zone") => format!("to_char({column}, 'YYYY-MM-DD')"),
            (Self::DateTime, "timestamp without time zone" | "timestamp with time zone" | "date") => {
                format!("to_char({column}, 'YYYY-MM-DD HH24:MI:SS.US')")
            }
            (Self::Time, "interval" | "time without time zone") => {
                format!("round(extract(epoch from {column})::numeric * 1000000)::text")
            }
            (Self::Text, "character varying" | "character" | "text") => {
                let text = format!("{column}::text");
                destination_value_or_hash(&format!("convert_to({text}, 'UTF8')"), &text)
            }
            (Self::Date, "text") => column.to_owned(),
            (Self::Bytes, "bytea") => destination_value_or_hash(column, &format!("upper(encode({column}, 'hex'))")),
            (Self::Json, "jsonb" | "json" | "text") => format!("{column}::text"),
            (Self::Address, "uuid" | "text" | "character varying") => format!("{column}::text"),
            // As it prints an address, which its cast to text does not.
            (Self::Address, "inet") => format!("textin(inet_out({column}))"),
            (Self::Vector, "real[]") => format!("{column}::double precision[]::text"),
            (_, other) => {
                bail!("destination column {column} has type \"{other}\", which is not compared with {self:?}")
            }
        })
    }

    /// Whether the same text from both sides is the same value: [`Form::canonical_source`] and
    /// [`Form::canonical_destination`] are one function.
    pub(super) fn is_alike_on_both_sides(self) -> bool {
        !matches!(self, Self::Time | Self::Vector)
    }

    /// The canonical form of what [`Form::source_sql`] gave.
    pub(super) fn canonical_source(self, text: String) -> Result<String> {
        match self {
            Self::Time => time_microseconds(&text),
            Self::Vector => single_precision_hex(&text),
            _ => self.canonical(text),
        }
    }

    /// The canonical form of what [`Form::destination_sql`] gave.
    pub(super) fn canonical_destination(self, text: String) -> Result<String> {
        self.canonical(text)
    }

    fn canonical(self, text: String) -> Result<String> {
        match self {
            Self::Number => decimal(&text),
            Self::Double => double(&text),
            Self::Json => canonical_json(&text),
            Self::Vector => array(&text),
            Self::Bit(_) | Self::Date | Self::DateTime | Self::Time | Self::Text | Self::Bytes | Self::Address => {
                Ok(text)
            }
        }
    }
}
