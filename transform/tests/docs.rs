//! `docs/type-mapping.md` says of every MySQL type what the code does.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use millrace_model::MysqlType;
use millrace_model::mysql_type::{Rounding, Sign};
use millrace_task::TypeProfile;
use millrace_transform::convert::allowed;
use millrace_transform::types::{target_type, type_of_profile};

const DOCUMENT: &str = include_str!("../../docs/type-mapping.md");

/// Source and destination of each row of the document's first table.
fn documented() -> BTreeMap<&'static str, &'static str> {
    let table = DOCUMENT.split("| what to know |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let code = |cell: &'static str| cell.trim().strip_prefix('`').unwrap().strip_suffix('`').unwrap();
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        (code(cells[1]), code(cells[2]))
    })
    .collect()
}

/// The document's word for a type, and what stands in it for the type's numbers. Exhaustive: a new type needs a row.
fn label(ty: &MysqlType) -> (String, Vec<(&'static str, u32)>) {
    let plain = |name: String| (name, Vec::new());
    let sized = |name: &str, n: u32| (format!("{name}(n)"), vec![("n", n)]);
    let fraction = |name: &str, f: u8| (format!("{name}(f)"), vec![("f", u32::from(f))]);
    match ty {
        MysqlType::TinyInt(_) | MysqlType::SmallInt(_) | MysqlType::MediumInt(_) | MysqlType::Int(_) => {
            plain(ty.name())
        }
        MysqlType::BigInt(_) | MysqlType::Date => plain(ty.name()),
        // Rounded ones become the same.
        MysqlType::Float(_) => plain("float".into()),
        MysqlType::Double(_) => plain("double".into()),
        MysqlType::Uuid | MysqlType::Inet4 | MysqlType::Inet6 => plain(ty.name()),
        MysqlType::Year | MysqlType::Json | MysqlType::Enum(_) | MysqlType::Set(_) => plain(ty.name()),
        MysqlType::Decimal { precision, scale } => {
            ("decimal(p,s)".into(), vec![("p", u32::from(*precision)), ("s", u32::from(*scale))])
        }
        MysqlType::Bit(n) => sized("bit", u32::from(*n)),
        MysqlType::DateTime(f) => fraction("datetime", *f),
        MysqlType::Timestamp(f) => fraction("timestamp", *f),
        MysqlType::Time(f) => fraction("time", *f),
        MysqlType::Char { length, .. } => sized("char", *length),
        MysqlType::Varchar { length, .. } => sized("varchar", *length),
        MysqlType::Binary(n) => sized("binary", *n),
        MysqlType::Varbinary(n) => sized("varbinary", *n),
        MysqlType::Vector(n) => sized("vector", *n),
        MysqlType::Text { .. } => plain("text".into()),
        MysqlType::Blob(_) => plain("blob".into()),
        MysqlType::Geometry(_) => plain("geometry".into()),
    }
}

fn samples() -> Vec<MysqlType> {
    let charset = || "utf8mb4".into();
    let mut samples = Vec::new();
    for sign in [Sign::Signed, Sign::Unsigned] {
        samples.extend([MysqlType::TinyInt(sign), MysqlType::SmallInt(sign), MysqlType::MediumInt(sign)]);
        samples.extend([MysqlType::Int(sign), MysqlType::BigInt(sign)]);
    }
    for digits in [0, 3, 6] {
        samples.extend([MysqlType::DateTime(digits), MysqlType::Timestamp(digits), MysqlType::Time(digits)]);
    }
    for length_bytes in 1..=4 {
        samples.extend([MysqlType::Text { length_bytes, charset: charset() }, MysqlType::Blob(length_bytes)]);
    }
    samples.extend([MysqlType::Decimal { precision: 65, scale: 30 }, MysqlType::Decimal { precision: 10, scale: 0 }]);
    for rounding in [Rounding::None, Rounding::Digits { precision: 7, scale: 2 }] {
        samples.extend([MysqlType::Float(rounding), MysqlType::Double(rounding)]);
    }
    samples.extend([MysqlType::Date, MysqlType::Year, MysqlType::Json]);
    samples.extend([MysqlType::Bit(1), MysqlType::Bit(64), MysqlType::Binary(16), MysqlType::Varbinary(255)]);
    samples.push(MysqlType::Char { length: 7, charset: charset() });
    samples.push(MysqlType::Varchar { length: 255, charset: charset() });
    samples.extend([MysqlType::Enum(vec!["a".into()].into()), MysqlType::Set(vec!["a".into()].into())]);
    samples.extend([MysqlType::Geometry("point".into()), MysqlType::Vector(4)]);
    samples.extend([MysqlType::Uuid, MysqlType::Inet4, MysqlType::Inet6]);
    samples
}

#[test]
fn every_type_goes_where_the_document_says() {
    let documented = documented();
    let mut unused = documented.clone();
    for ty in samples() {
        let (label, numbers) = label(&ty);
        let target = documented.get(&*label).copied().unwrap_or("");
        assert!(!target.is_empty(), "docs/type-mapping.md has no row for \"{label}\"");
        unused.remove(&*label);
        let (name, arguments) = target.split_once('(').unwrap_or((target, ""));
        let number = |text: String, (word, n): &(&str, u32)| text.replace(word, &n.to_string());
        let arguments = numbers.iter().fold(arguments.to_owned(), number);
        let expected = if arguments.is_empty() { name.to_owned() } else { format!("{name}({arguments}") };
        assert_eq!(target_type(&ty).to_string(), expected, "{}", ty.name());
    }
    assert!(unused.is_empty(), "docs/type-mapping.md has rows of no type: {unused:?}");
}

#[test]
fn the_profile_dts_has_the_types_that_the_document_says() {
    let table = DOCUMENT.split("| with dts |").nth(1).unwrap();
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    let mut seen = 0;
    for ty in samples() {
        let (label, numbers) = label(&ty);
        let row = rows.iter().find(|row| row.starts_with(&format!("| `{label}` |")));
        seen += usize::from(row.is_some());
        let written = row.map(|row| row.split('|').nth(2).unwrap().trim());
        let number = |text: String, (word, n): &(&str, u32)| text.replace(&format!("({word})"), &format!("({n})"));
        let expected = written.map(|text| numbers.iter().fold(text.trim_matches('`').to_owned(), number));
        match type_of_profile(&ty, TypeProfile::Dts) {
            Ok(found) => assert_eq!(found.map(|ty| ty.to_string()), expected, "{label}"),
            Err(profile) => assert!(profile == "dts" && written.unwrap().starts_with("refused"), "{label}"),
        }
        assert_eq!(type_of_profile(&ty, TypeProfile::Lossless), Ok(None));
    }
    assert!(seen >= rows.len() && rows.len() == 6);
}

#[test]
fn a_length_of_zero_becomes_text() {
    let charset = || "ascii".into();
    for ty in [MysqlType::Char { length: 0, charset: charset() }, MysqlType::Varchar { length: 0, charset: charset() }]
    {
        assert_eq!(target_type(&ty).to_string(), "text");
    }
    assert_eq!(DOCUMENT.matches("`text` where n is 0").count(), 2);
}

/// What the document says that a type can become: the last column of the row that names it, or a range that holds it.
#[test]
fn every_type_can_become_what_the_document_says() {
    let table = DOCUMENT.split("| MySQL | can become |").nth(1).unwrap();
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    for ty in samples() {
        let label = label(&ty).0.replace(" unsigned", "");
        let is_integer = label.ends_with("int");
        let wanted = if is_integer { "`tinyint` to `bigint`".to_owned() } else { format!("`{label}`") };
        let row = rows.iter().find(|row| row.contains(&wanted)).unwrap_or_else(|| panic!("no row for {label}"));
        assert_eq!(row.split('|').nth(2).unwrap().trim(), allowed(&ty), "{label}");
    }
}
