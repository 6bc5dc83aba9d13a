//! The types of MySQL columns, and the form in which their values travel in `<task>.captured`.
//!
//! | type | cell |
//! |---|---|
//! | signed integers | `Int` |
//! | unsigned integers, YEAR, BIT | `UInt` (YEAR 0000 is 0) |
//! | DECIMAL(p,s) | `Text`, exactly `s` digits after the point, no superfluous zeros before it, `-` only for values below 0 |
//! | FLOAT / DOUBLE | `Float` / `Double`, bit-exact |
//! | DATE | `Text` `YYYY-MM-DD` (also `0000-00-00` and the like: transform decides) |
//! | DATETIME(f) | `Text` `YYYY-MM-DD hh:mm:ss`, and with f > 0 `.` and exactly f digits |
//! | TIMESTAMP(f) | the same, the instant in UTC; the zero value is `0000-00-00 00:00:00` |
//! | TIME(f) | `Text` `[-]hh:mm:ss` (hours two or three digits), fraction as above |
//! | CHAR, VARCHAR, TEXT kinds | `Text`, UTF-8; CHAR without its padding. Outside of the key, what is not text of the character set: `Bytes`, UTF-8 with 0xff for each code that is no character |
//! | ENUM, SET | `Text`: the label; the labels joined by `,` in definition order |
//! | BINARY(n), VARBINARY, BLOB kinds | `Bytes`; BINARY padded to n with 0x00 |
//! | JSON | `Text`: the document as MySQL prints it |
//! | GEOMETRY and kin | `Bytes`: SRID and WKB as MySQL stores it |
//! | VECTOR(n) | `Bytes`: n little-endian 32-bit floats |
//! | UUID, INET4, INET6 (MariaDB) | `Text`: as MariaDB prints it |
//!
//! The snapshot's reader and the binlog's decoder must give the same bytes for the same value: a key is compared by
//! the bytes of its cells everywhere.

use std::sync::Arc;

/// Whether an integer column is UNSIGNED.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// The default.
    Signed,
    /// `UNSIGNED` (ZEROFILL implies it).
    Unsigned,
}

/// The type of a MySQL column (MySQL 9.x Reference Manual, chapter 13 "Data Types").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MysqlType {
    /// TINYINT, BOOL.
    TinyInt(Sign),
    /// SMALLINT.
    SmallInt(Sign),
    /// MEDIUMINT.
    MediumInt(Sign),
    /// INT.
    Int(Sign),
    /// BIGINT.
    BigInt(Sign),
    /// DECIMAL(precision, scale): up to (65, 30).
    Decimal {
        /// Digits in all, 1 to 65.
        precision: u8,
        /// Digits after the point, 0 to 30.
        scale: u8,
    },
    /// FLOAT, 32 bits.
    Float(Rounding),
    /// DOUBLE, 64 bits.
    Double(Rounding),
    /// BIT(n), n from 1 to 64.
    Bit(u8),
    /// DATE.
    Date,
    /// DATETIME with 0 to 6 digits of fraction.
    DateTime(u8),
    /// TIMESTAMP with 0 to 6 digits of fraction.
    Timestamp(u8),
    /// TIME with 0 to 6 digits of fraction.
    Time(u8),
    /// YEAR.
    Year,
    /// CHAR(n), n in characters.
    Char {
        /// Characters.
        length: u32,
        /// MySQL's name of the character set, such as `utf8mb4`.
        charset: Arc<str>,
    },
    /// VARCHAR(n), n in characters.
    Varchar {
        /// Characters.
        length: u32,
        /// MySQL's name of the character set.
        charset: Arc<str>,
    },
    /// TINYTEXT to LONGTEXT.
    Text {
        /// Bytes in the length prefix of the row format: 1, 2, 3 or 4.
        length_bytes: u8,
        /// MySQL's name of the character set.
        charset: Arc<str>,
    },
    /// BINARY(n), n in bytes.
    Binary(u32),
    /// VARBINARY(n), n in bytes.
    Varbinary(u32),
    /// TINYBLOB to LONGBLOB; the bytes in the length prefix of the row format: 1, 2, 3 or 4.
    Blob(u8),
    /// ENUM with its labels in definition order.
    Enum(Arc<[String]>),
    /// SET with its labels in definition order.
    Set(Arc<[String]>),
    /// JSON.
    Json,
    /// GEOMETRY and its subtypes; the name as MySQL prints it, such as `point`.
    Geometry(Arc<str>),
    /// VECTOR(n), n in elements.
    Vector(u32),
    /// UUID (MariaDB).
    Uuid,
    /// INET4 (MariaDB).
    Inet4,
    /// INET6 (MariaDB).
    Inet6,
}

/// Whether MySQL rounds the values of a FLOAT or DOUBLE when they are stored: FLOAT(precision, scale), deprecated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// No.
    None,
    /// To so many digits; comparisons then have a tolerance.
    Digits {
        /// Digits in all, 1 to 255.
        precision: u8,
        /// Digits after the point, 0 to 30.
        scale: u8,
    },
}

impl MysqlType {
    /// The type as a user knows it, such as `int unsigned` or `decimal(10,2)`, for plans and error messages.
    pub fn name(&self) -> String {
        let signed = |name: &str, sign: &Sign| match sign {
            Sign::Signed => name.to_owned(),
            Sign::Unsigned => format!("{name} unsigned"),
        };
        let fraction = |name: &str, digits: u8| match digits {
            0 => name.to_owned(),
            n => format!("{name}({n})"),
        };
        let rounded = |name: &str, rounding: &Rounding| match rounding {
            Rounding::None => name.to_owned(),
            Rounding::Digits { precision, scale } => format!("{name}({precision},{scale})"),
        };
        let size = |n: u8, tiny: &str| {
            let base = &tiny[4..];
            match n {
                1 => tiny.to_owned(),
                2 => base.to_owned(),
                3 => format!("medium{base}"),
                _ => format!("long{base}"),
            }
        };
        match self {
            Self::TinyInt(s) => signed("tinyint", s),
            Self::SmallInt(s) => signed("smallint", s),
            Self::MediumInt(s) => signed("mediumint", s),
            Self::Int(s) => signed("int", s),
            Self::BigInt(s) => signed("bigint", s),
            Self::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
            Self::Float(rounding) => rounded("float", rounding),
            Self::Double(rounding) => rounded("double", rounding),
            Self::Bit(n) => format!("bit({n})"),
            Self::Date => "date".into(),
            Self::DateTime(f) => fraction("datetime", *f),
            Self::Timestamp(f) => fraction("timestamp", *f),
            Self::Time(f) => fraction("time", *f),
            Self::Year => "year".into(),
            Self::Char { length, .. } => format!("char({length})"),
            Self::Varchar { length, .. } => format!("varchar({length})"),
            Self::Text { length_bytes, .. } => size(*length_bytes, "tinytext"),
            Self::Binary(n) => format!("binary({n})"),
            Self::Varbinary(n) => format!("varbinary({n})"),
            Self::Blob(n) => size(*n, "tinyblob"),
            Self::Enum(_) => "enum".into(),
            Self::Set(_) => "set".into(),
            Self::Json => "json".into(),
            Self::Geometry(kind) => kind.to_string(),
            Self::Vector(n) => format!("vector({n})"),
            Self::Uuid => "uuid".into(),
            Self::Inet4 => "inet4".into(),
            Self::Inet6 => "inet6".into(),
        }
    }
}
