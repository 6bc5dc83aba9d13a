//! TABLE_MAP events: the columns of a table as the rows after it have them (MySQL source, `Table_map_event`).
//!
//! The type codes and their metadata fix how many bytes each cell takes, so a row can be cut into cells with nothing
//! else; names, signedness and labels come only with `binlog_row_metadata` MINIMAL or FULL and are used as a check.

use std::sync::Arc;

use bytes::Bytes;
use millrace_model::TableName;
use millrace_model::mysql_type::Sign;
use millrace_model::schema::Nullability;

use super::cursor::Cursor;
use super::metadata;

/// How a column's cells stand in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireType {
    /// 1 byte.
    Tiny,
    /// 2 bytes.
    Short,
    /// 3 bytes.
    Int24,
    /// 4 bytes.
    Long,
    /// 8 bytes.
    LongLong,
    /// 4 bytes.
    Float,
    /// 8 bytes.
    Double,
    /// Packed decimal digits.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// Big-endian bits, in whole bytes.
    Bit {
        /// How many.
        bits: u16,
    },
    /// 1 byte, 0 or years since 1900.
    Year,
    /// 3 bytes.
    Date,
    /// TIME of before MySQL 5.6: 3 bytes.
    OldTime,
    /// DATETIME of before MySQL 5.6: 8 bytes.
    OldDateTime,
    /// TIMESTAMP of before MySQL 5.6: 4 bytes.
    OldTimestamp,
    /// TIME with 0 to 6 digits of fraction.
    Time(u8),
    /// DATETIME with 0 to 6 digits of fraction.
    DateTime(u8),
    /// TIMESTAMP with 0 to 6 digits of fraction.
    Timestamp(u8),
    /// VARCHAR or VARBINARY of at most so many bytes.
    Varchar(u16),
    /// CHAR or BINARY of at most so many bytes.
    String(u16),
    /// Index of a label in so many bytes.
    Enum(u8),
    /// Bits of labels in so many bytes.
    Set(u8),
    /// TEXT or BLOB with so many bytes of length.
    Blob(u8),
    /// JSON with so many bytes of length.
    Json(u8),
    /// A geometry with so many bytes of length.
    Geometry(u8),
    /// A vector with so many bytes of length.
    Vector(u8),
}

/// A column as the table map describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedColumn {
    /// How its cells stand in a row.
    pub wire: WireType,
    /// Whether NULL is allowed.
    pub nullability: Nullability,
    /// Its name; with FULL metadata.
    pub name: Option<Arc<str>>,
    /// Whether it is UNSIGNED; with MINIMAL or FULL metadata, for numbers.
    pub sign: Option<Sign>,
    /// Number of its collation; with MINIMAL or FULL metadata, for strings and blobs (63 for bytes).
    pub collation: Option<u64>,
    /// The labels of ENUM and SET in the column's character set; with FULL metadata.
    pub labels: Option<Vec<Box<[u8]>>>,
}

/// A table as the rows after its event have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableMap {
    /// The server's number for the table's definition; says nothing beyond one server's run.
    pub table_id: u64,
    /// Its name.
    pub name: TableName,
    /// Its columns in order.
    pub columns: Vec<MappedColumn>,
    /// Places of the primary key's columns, in key order; with FULL metadata.
    pub primary_key: Option<Vec<usize>>,
    event: Bytes,
}

/// The id by which a rows or table map event names a table.
pub(crate) fn table_id(event: &[u8]) -> Option<u64> {
    Cursor::new(event).uint(6)
}

impl TableMap {
    /// Takes the data of a TABLE_MAP event apart; the error says what is wrong with it.
    pub fn parse(event: Bytes) -> Result<Self, &'static str> {
        let short = "it is cut short";
        let mut cursor = Cursor::new(&event);
        let table_id = cursor.uint(6).ok_or(short)?;
        let _flags = cursor.take(2).ok_or(short)?;
        let database = name(&mut cursor).ok_or("its database's name is broken")?;
        let table = name(&mut cursor).ok_or("its table's name is broken")?;
        let count = cursor.length_encoded().and_then(|n| usize::try_from(n).ok()).ok_or(short)?;
        if count == 0 {
            return Err("it has no columns");
        }
        let codes = cursor.take(count).ok_or(short)?;
        let mut details = Cursor::new(cursor.length_encoded_bytes().ok_or(short)?);
        let nullable = cursor.take(count.div_ceil(8)).ok_or(short)?;
        let mut columns = Vec::with_capacity(count);
        for (index, &code) in codes.iter().enumerate() {
            let nullability = match nullable[index / 8] >> (index % 8) & 1 {
                1 => Nullability::Nullable,
                _ => Nullability::NotNull,
            };
            let wire = wire_type(code, &mut details)?;
            columns.push(MappedColumn { wire, nullability, name: None, sign: None, collation: None, labels: None });
        }
        let primary_key = metadata::fill(&mut columns, cursor.rest()).ok_or("its optional metadata is broken")?;
        let name = TableName::new(database, table);
        Ok(Self { table_id, name, columns, primary_key, event })
    }

    /// Whether the event's data is the very same: then the table is the same, under the same number.
    pub(crate) fn is_of(&self, event: &[u8]) -> bool {
        self.event == event
    }
}

fn name(cursor: &mut Cursor<'_>) -> Option<Arc<str>> {
    let length = usize::from(cursor.u8()?);
    let name = std::str::from_utf8(cursor.take(length)?).ok()?;
    (cursor.u8()? == 0).then(|| name.into())
}

/// Reads a column's type and the metadata that belongs to it (MySQL source, `Field::do_save_field_metadata`).
fn wire_type(code: u8, details: &mut Cursor<'_>) -> Result<WireType, &'static str> {
    let mut byte = || details.u8().ok_or("its column metadata is cut short");
    let fraction =
        |digits: u8| if digits <= 6 { Ok(digits) } else { Err("a column has more than 6 digits of fraction") };
    let length_bytes = |n: u8| if (1..=4).contains(&n) { Ok(n) } else { Err("a column's length has no 1 to 4 bytes") };
    Ok(match code {
        1 => WireType::Tiny,
        2 => WireType::Short,
        3 => WireType::Long,
        4 => byte().map(|_| WireType::Float)?,
        5 => byte().map(|_| WireType::Double)?,
        7 => WireType::OldTimestamp,
        8 => WireType::LongLong,
        9 => WireType::Int24,
        10 | 14 => WireType::Date,
        11 => WireType::OldTime,
        12 => WireType::OldDateTime,
        13 => WireType::Year,
        15 | 253 => WireType::Varchar(u16::from_le_bytes([byte()?, byte()?])),
        16 => {
            let (bits, bytes) = (byte()?, byte()?);
            WireType::Bit { bits: u16::from(bytes) * 8 + u16::from(bits) }
        }
        17 => WireType::Timestamp(fraction(byte()?)?),
        18 => WireType::DateTime(fraction(byte()?)?),
        19 => WireType::Time(fraction(byte()?)?),
        242 => WireType::Vector(length_bytes(byte()?)?),
        245 => WireType::Json(length_bytes(byte()?)?),
        246 => WireType::Decimal { precision: byte()?, scale: byte()? },
        249..=252 => WireType::Blob(length_bytes(byte()?)?),
        254 => string_type(byte()?, byte()?)?,
        255 => WireType::Geometry(length_bytes(byte()?)?),
        140 | 141 => return Err("a column is stored compressed (COMPRESSED), which is not supported"),
        _ => return Err("a column has a type that is not known"),
    })
}

/// CHAR, BINARY, ENUM and SET share a code; lengths above 255 hide two of their bits in the real type's byte.
fn string_type(real: u8, length: u8) -> Result<WireType, &'static str> {
    let (real, length) = match real & 0x30 {
        0x30 => (real, u16::from(length)),
        high => (real | 0x30, u16::from(length) | u16::from(high ^ 0x30) << 4),
    };
    match (real, length) {
        (247, 1..=2) => Ok(WireType::Enum(length as u8)),
        (248, 1..=8) => Ok(WireType::Set(length as u8)),
        (254, _) => Ok(WireType::String(length)),
        _ => Err("a column has a string type that is not known"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn event(codes: &[u8], details: &[u8], optional: &[u8]) -> Bytes {
        let mut data = vec![7, 0, 0, 0, 0, 0, 1, 0, 1, b'd', 0, 1, b't', 0, codes.len() as u8];
        data.extend(codes);
        data.push(details.len() as u8);
        data.extend(details);
        data.extend(vec![0b10; codes.len().div_ceil(8)]);
        data.extend(optional);
        data.into()
    }

    #[test]
    fn reads_types_and_metadata() {
        let optional = [
            &[1, 1, 0b1000_0000][..], // the first number is unsigned
            &[2, 3, 45, 0, 63],       // utf8mb4, but the first string is bytes
            &[4, 8, 1, b'a', 1, b'b', 1, b'c', 1, b'd'],
            &[6, 5, 1, 3, b'o', b'n', b'e'],
            &[8, 1, 0],
        ]
        .concat();
        let map = TableMap::parse(event(&[3, 254, 15, 254], &[0xee, 0xfc, 5, 0, 0xf7, 1], &optional)).unwrap();
        assert_eq!((map.table_id, map.name.to_string().as_str()), (7, "d.t"));
        let wires: Vec<_> = map.columns.iter().map(|c| c.wire).collect();
        assert_eq!(wires, [WireType::Long, WireType::String(508), WireType::Varchar(5), WireType::Enum(1)]);
        assert_eq!(map.columns[0].sign, Some(Sign::Unsigned));
        assert_eq!(map.columns[1].nullability, Nullability::Nullable);
        assert_eq!((map.columns[1].collation, map.columns[2].collation), (Some(63), Some(45)));
        assert_eq!(map.columns[3].labels.as_ref().unwrap()[0], b"one"[..].into());
        assert_eq!((map.columns[3].name.as_deref(), map.primary_key), (Some("d"), Some(vec![0])));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(TableMap::parse(event(&[20], &[], &[])).is_err());
        assert!(TableMap::parse(event(&[254], &[1, 1], &[])).is_err());
        assert!(TableMap::parse(event(&[], &[], &[])).is_err());
        let whole = event(&[3, 15], &[5, 0], &[]);
        for end in 0..whole.len() {
            assert!(TableMap::parse(whole.slice(..end)).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(mut data: Vec<u8>, optional: Vec<u8>) {
            let _ = TableMap::parse(data.clone().into());
            let _ = TableMap::parse(event(&[3, 254, 15, 254, 252], &[0xee, 0xfc, 5, 0, 0xf7, 1, 2], &optional));
            data.splice(0..0, event(&[1], &[], &[]));
            let _ = TableMap::parse(data.into());
        }
    }
}
