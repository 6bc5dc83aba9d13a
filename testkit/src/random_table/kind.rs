//! Types of columns with values at and between their edges, as SQL.

use crate::Random;
use crate::random_table::text::{bytes, constant, hex, label_list, labels, text};
use crate::random_table::{Material, Realm, documents};

/// What a column holds.
#[derive(Debug, Clone)]
pub enum Kind {
    /// An integer type with its least and greatest value.
    Integer(&'static str, i128, i128),
    /// DECIMAL(p,s).
    Decimal(u64, u64),
    /// FLOAT.
    Float,
    /// DOUBLE.
    Double,
    /// BIT(n).
    Bit(u64),
    /// DATE.
    Date,
    /// DATETIME with digits of a second's fraction.
    DateTime(u64),
    /// TIMESTAMP, likewise.
    Timestamp(u64),
    /// TIME, likewise.
    Time(u64),
    /// YEAR.
    Year,
    /// A text type, its most characters, its character set.
    Text(String, u64, String),
    /// A type of bytes and its most bytes.
    Bytes(String, u64),
    /// ENUM with its labels and character set.
    Enum(Vec<String>, String),
    /// SET, likewise.
    Set(Vec<String>, String),
    /// JSON.
    Json,
    /// GEOMETRY, or one kind of it with its SRID.
    Geometry(&'static str, u32),
    /// VECTOR(n).
    Vector(u64),
}

const INTEGERS: [Kind; 11] = [
    Kind::Integer("TINYINT", -128, 127),
    Kind::Integer("TINYINT UNSIGNED", 0, 255),
    Kind::Integer("SMALLINT", -32_768, 32_767),
    Kind::Integer("SMALLINT UNSIGNED", 0, 65_535),
    Kind::Integer("MEDIUMINT", -8_388_608, 8_388_607),
    Kind::Integer("MEDIUMINT UNSIGNED ZEROFILL", 0, 16_777_215),
    Kind::Integer("INT", -2_147_483_648, 2_147_483_647),
    Kind::Integer("INT UNSIGNED", 0, 4_294_967_295),
    Kind::Integer("BIGINT", i64::MIN as i128, i64::MAX as i128),
    Kind::Integer("BIGINT UNSIGNED", 0, u64::MAX as i128),
    Kind::Integer("TINYINT(1)", -128, 127),
];

impl Kind {
    /// A random type.
    pub fn random(random: &mut Random, material: &Material) -> Self {
        let charset = random.choose(&material.charsets).clone();
        let digits = random.below(7);
        match random.below(24) {
            0 | 1 => random.choose(&INTEGERS).clone(),
            2 | 3 => {
                let precision = 1 + random.below(65);
                Self::Decimal(precision, random.below(precision.min(30) + 1))
            }
            4 => Self::Float,
            5 => Self::Double,
            6 => Self::Bit(1 + random.below(64)),
            7 => Self::Date,
            8 => Self::DateTime(digits),
            9 => Self::Timestamp(digits),
            10 => Self::Time(digits),
            11 => Self::Year,
            12 | 13 => Self::Text(format!("CHAR({})", 1 + digits * 10), 1 + digits * 10, charset),
            14 | 15 => {
                let length = *random.choose(&[1, 20, 63, 64, 85, 86, 127, 128, 255, 300]);
                Self::Text(format!("VARCHAR({length})"), length, charset)
            }
            16 => {
                let (name, most) =
                    *random.choose(&[("TINYTEXT", 60), ("TEXT", 900), ("MEDIUMTEXT", 70_000), ("LONGTEXT", 300)]);
                Self::Text(name.into(), most, charset)
            }
            17 => Self::bytes(random),
            18 => Self::Enum(distinct(labels(random, 300), random), label_charset(&charset)),
            19 => Self::Set(without_commas(labels(random, 64)), label_charset(&charset)),
            20 | 21 => Self::Json,
            22 => {
                let (name, srid) =
                    *random.choose(&[("GEOMETRY", 0), ("POINT", 4326), ("LINESTRING", 0), ("POLYGON", 3857)]);
                Self::Geometry(name, srid)
            }
            _ => Self::Vector(1 + random.below(20)),
        }
    }

    fn bytes(random: &mut Random) -> Self {
        let length = *random.choose(&[1, 16, 255]);
        match random.below(6) {
            0 | 1 => Self::Bytes(format!("BINARY({length})"), length),
            2 | 3 => Self::Bytes(format!("VARBINARY({})", length + 10), length + 10),
            4 => Self::Bytes("TINYBLOB".into(), 200),
            _ => Self::Bytes("LONGBLOB".into(), 70_000),
        }
    }

    /// The type in CREATE TABLE.
    pub fn definition(&self) -> String {
        match self {
            Self::Integer(name, ..) => (*name).to_owned(),
            Self::Decimal(precision, scale) => format!("DECIMAL({precision},{scale})"),
            Self::Float => "FLOAT".into(),
            Self::Double => "DOUBLE".into(),
            Self::Bit(bits) => format!("BIT({bits})"),
            Self::Date => "DATE".into(),
            Self::DateTime(digits) => format!("DATETIME({digits})"),
            Self::Timestamp(digits) => format!("TIMESTAMP({digits})"),
            Self::Time(digits) => format!("TIME({digits})"),
            Self::Year => "YEAR".into(),
            Self::Text(name, _, charset) => format!("{name} CHARACTER SET {charset}"),
            Self::Bytes(name, _) => name.clone(),
            Self::Enum(labels, charset) => format!("ENUM({}) CHARACTER SET {charset}", label_list(labels)),
            Self::Set(labels, charset) => format!("SET({}) CHARACTER SET {charset}", label_list(labels)),
            Self::Json => "JSON".into(),
            Self::Geometry("GEOMETRY", _) => "GEOMETRY".into(),
            Self::Geometry(name, srid) => format!("{name} SRID {srid}"),
            Self::Vector(length) => format!("VECTOR({length})"),
        }
    }

    /// A value that is not NULL, as an expression.
    pub fn value(&self, random: &mut Random, realm: Realm) -> String {
        match self {
            Self::Integer(_, least, most) => {
                let span = (most - least) as u128;
                let within = least + ((u128::from(random.below(u64::MAX)) * span) >> 64) as i128;
                random.choose(&[*least, *most, 0, 1.min(*most), (*least).max(-1), within, within]).to_string()
            }
            Self::Decimal(precision, scale) => decimal(random, *precision, *scale),
            Self::Float => float(f64::from(f32::from_bits(random.below(1 << 32) as u32)), random),
            Self::Double => float(f64::from_bits(random.below(u64::MAX)), random),
            Self::Bit(bits) => {
                let most = u64::MAX >> (64 - bits);
                random.choose(&[0, 1, most, most ^ 1, random.clone().below(u64::MAX) & most]).to_string()
            }
            Self::Date => format!("'{}'", date(random, realm)),
            Self::DateTime(_) => match random.below(5) {
                0 if realm == Realm::AllOfMysql => "'0000-00-00 00:00:00'".into(),
                _ => format!("'{} {}.{:06}'", date(random, realm), clock(random), fraction(random)),
            },
            Self::Timestamp(_) => timestamp(random, realm),
            Self::Time(_) => {
                let sign = random.choose(&["", "-"]);
                let hours = *random.choose(&[0, 0, 1, 23, 24, 837, random.clone().below(838)]);
                format!("'{sign}{hours:02}{}.{:06}'", &clock(random)[2..], fraction(random))
            }
            Self::Year => random.choose(&[0, 1901, 2155, 1970, 1901 + random.clone().below(255)]).to_string(),
            Self::Text(_, most, charset) => written(&text(random, realm, *most), charset),
            Self::Bytes(_, most) => format!("x'{}'", hex(&bytes(random, *most))),
            // An index beyond the last becomes the error value.
            Self::Enum(labels, _) => (1 + random.below(labels.len() as u64)).to_string(),
            Self::Set(labels, _) => (random.below(u64::MAX) & (u64::MAX >> (64 - labels.len()))).to_string(),
            Self::Json => documents::document(random, realm),
            Self::Geometry(name, srid) => geometry(random, name, *srid),
            Self::Vector(length) => {
                let number = |random: &mut Random| format!("{}", random.below(1 << 30) as f32 / 1e4 - 5e4);
                let numbers: Vec<String> = (0..*length).map(|_| number(random)).collect();
                format!("STRING_TO_VECTOR('[{}]')", numbers.join(","))
            }
        }
    }
}

/// Through the column's character set: what it does not have becomes `?`.
fn written(text: &str, charset: &str) -> String {
    format!("CONVERT({} USING {charset})", constant(text))
}

/// Labels that hold more than ASCII need a set that has it.
fn label_charset(charset: &str) -> String {
    let has_all = charset.starts_with("utf") || charset == "gb18030";
    if has_all { charset.to_owned() } else { "utf8mb4".to_owned() }
}

fn without_commas(labels: Vec<String>) -> Vec<String> {
    labels.into_iter().map(|label| label.replace(',', ";")).collect()
}

/// One label may be empty, and one may hold a comma.
fn distinct(mut labels: Vec<String>, random: &mut Random) -> Vec<String> {
    if random.below(3) == 0 {
        labels.push(String::new());
        labels.push("with, comma".into());
    }
    labels
}

fn decimal(random: &mut Random, precision: u64, scale: u64) -> String {
    let kind = random.below(6);
    let digit = |random: &mut Random| match kind {
        0 => '9',
        1 => '0',
        _ => char::from(b'0' + random.below(10) as u8),
    };
    let before: String = (0..precision - scale).map(|_| digit(random)).collect();
    let after: String = (0..scale).map(|_| digit(random)).collect();
    let sign = random.choose(&["", "-"]);
    format!("'{sign}0{before}.{after}'")
}

/// Finite and of the type's range after all.
fn float(value: f64, random: &mut Random) -> String {
    let special = ["0", "-0e0", "1.17549435e-38", "1e-45", "3.40282e38", "0.1", "16777217", "-1.5"];
    if !value.is_finite() || random.below(3) == 0 {
        return random.choose(&special).to_string();
    }
    format!("{value:e}")
}

fn date(random: &mut Random, realm: Realm) -> String {
    let strange = ["0000-00-00", "2024-00-10", "2024-10-00", "2023-02-29", "0000-01-01", "2024-02-31"];
    if realm == Realm::AllOfMysql && random.below(4) == 0 {
        return random.choose(&strange).to_string();
    }
    let year = *random.choose(&[1, 999, 1000, 1582, 1970, 2024, 9999, 1 + random.clone().below(9999)]);
    format!("{year:04}-{:02}-{:02}", 1 + random.below(12), 1 + random.below(28))
}

fn clock(random: &mut Random) -> String {
    let times = ["00:00:00", "23:59:59", "00:00:01", "12:00:00"];
    match random.below(2) {
        0 => random.choose(&times).to_string(),
        _ => format!("{:02}:{:02}:{:02}", random.below(24), random.below(60), random.below(60)),
    }
}

fn fraction(random: &mut Random) -> u64 {
    *random.choose(&[0, 1, 999_999, 500_000, 123_456, random.clone().below(1_000_000)])
}

/// Local to the session's time zone: a day from either edge.
fn timestamp(random: &mut Random, realm: Realm) -> String {
    match random.below(5) {
        0 if realm == Realm::AllOfMysql => "0".into(),
        1 => "'1970-01-02 00:00:01'".into(),
        2 => "'2038-01-18 03:14:07'".into(),
        _ => format!("FROM_UNIXTIME({}.{:06})", 1 + random.below(2_147_483_646), fraction(random)),
    }
}

fn geometry(random: &mut Random, name: &str, srid: u32) -> String {
    let point = |random: &mut Random| format!("{} {}", random.below(90) as f64 - 0.5, random.below(90) as f64 / 8.0);
    let point_of = |inner: String| format!("POINT({inner})");
    let shape = match name {
        "POINT" => point_of(point(random)),
        "LINESTRING" => format!("LINESTRING({},{})", point(random), point(random)),
        "POLYGON" => "POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 2,1 1))".into(),
        _ => match random.below(4) {
            0 => point_of(point(random)),
            1 => format!("MULTIPOINT({},{})", point(random), point(random)),
            2 => format!("GEOMETRYCOLLECTION(POINT({}),LINESTRING(0 0,1 1))", point(random)),
            _ => "GEOMETRYCOLLECTION EMPTY".into(),
        },
    };
    let srid = if name == "GEOMETRY" { *random.choose(&[0, 4326, 3857]) } else { srid };
    format!("ST_GeomFromText('{shape}', {srid})")
}
