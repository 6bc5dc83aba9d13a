//! A value of each common type, in the binlog's form (MySQL source, `Field::pack` and `my_time.cc`) and as it travels.

use std::sync::Arc;

use millrace_model::mysql_type::{Rounding, Sign};
use millrace_model::{Cell, MysqlType};

use super::rows::Field;

/// The columns behind a BIGINT key.
pub(super) fn fields() -> Vec<Field> {
    let labels: Arc<[String]> = ["new", "paid", "sent", "lost"].map(String::from).into();
    let field = |name, ty, cell, code, details, bytes| Field { name, ty, cell, binlog: (code, details, bytes) };
    let charset: Arc<str> = "utf8mb4".into();
    let (name, note) = ("a name of some length: grün, 日本", "a tab\t, a line\n, a \\");
    vec![
        field("id", MysqlType::BigInt(Sign::Signed), Cell::Null, 8, &[], vec![0; 8]),
        field("small", MysqlType::SmallInt(Sign::Signed), Cell::Int(-321), 2, &[], (-321i16).to_le_bytes().to_vec()),
        field("big", MysqlType::BigInt(Sign::Unsigned), Cell::UInt(u64::MAX), 8, &[], vec![0xff; 8]),
        field(
            "price",
            MysqlType::Decimal { precision: 10, scale: 2 },
            Cell::Text("12345678.90"),
            246,
            &[10, 2],
            // Eight digits in four bytes, of which the first has the sign's bit, and two in one.
            [&(0x8000_0000 | 12_345_678_u32).to_be_bytes()[..], &[90]].concat(),
        ),
        field("ratio", MysqlType::Double(Rounding::None), Cell::Double(RATIO), 5, &[8], RATIO.to_le_bytes().to_vec()),
        field("born", MysqlType::Date, Cell::Text("2026-11-23"), 10, &[], BORN.to_le_bytes()[..3].to_vec()),
        field("made", MysqlType::DateTime(6), Cell::Text("2026-11-23 09:08:07.123456"), 18, &[6], made()),
        field("seen", MysqlType::Timestamp(3), Cell::Text("2026-11-23 09:08:07.125"), 17, &[3], seen()),
        field(
            "name",
            MysqlType::Varchar { length: 100, charset: charset.clone() },
            Cell::Text(name),
            15,
            // 400 bytes at most.
            &[0x90, 1],
            with_length(name.as_bytes(), 2),
        ),
        field(
            "note",
            MysqlType::Text { length_bytes: 2, charset },
            Cell::Text(note),
            252,
            &[2],
            with_length(note.as_bytes(), 2),
        ),
        field("hash", MysqlType::Varbinary(32), Cell::Bytes(HASH), 15, &[32, 0], with_length(HASH, 1)),
        field("state", MysqlType::Enum(labels.clone()), Cell::Text("paid"), 254, &[0xf7, 1], vec![2]),
        field("marks", MysqlType::Set(labels), Cell::Text("new,sent"), 254, &[0xf8, 1], vec![0b101]),
        field("document", MysqlType::Json, Cell::Text("true"), 245, &[4], vec![2, 0, 0, 0, 4, 1]),
        field("nothing", MysqlType::Int(Sign::Signed), Cell::Null, 3, &[], Vec::new()),
    ]
}

const RATIO: f64 = 1234.5678;
const HASH: &[u8] = &[0x5c, 0, 9, 255, 0x5c, 7, 10, 13, 200, 201, 202, 203, 204, 205, 206, 207];
const BORN: u32 = 2026 << 9 | 11 << 5 | 23;

/// Five bytes of the date and time, three of microseconds.
fn made() -> Vec<u8> {
    let day = (2026 * 13 + 11) << 5 | 23;
    let packed = (day << 17 | 9 << 12 | 8 << 6 | 7) + 0x80_0000_0000_u64;
    [&packed.to_be_bytes()[3..], &123_456_u32.to_be_bytes()[1..]].concat()
}

/// Four bytes of seconds since 1970, two of ten-thousandths of a second.
fn seen() -> Vec<u8> {
    [&1_795_424_887_u32.to_be_bytes()[..], &1_250_u16.to_be_bytes()].concat()
}

pub(super) fn with_length(bytes: &[u8], length_bytes: usize) -> Vec<u8> {
    [&bytes.len().to_le_bytes()[..length_bytes], bytes].concat()
}
