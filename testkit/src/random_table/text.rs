//! Random characters and labels, as SQL.

use crate::Random;
use crate::random_table::Realm;

/// First and last characters of alphabets; each is in some character set of MySQL.
const ALPHABETS: [(u32, u32); 20] = [
    (0x20, 0x7e),
    (0x20, 0x7e),
    (0x01, 0x1f),
    (0x7f, 0xa0),
    (0xa0, 0xff),
    (0x100, 0x17f),
    (0x391, 0x3c9),
    (0x401, 0x45f),
    (0x531, 0x587),
    (0x5d0, 0x5ea),
    (0x621, 0x64a),
    (0xe01, 0xe5b),
    (0x10d0, 0x10f0),
    (0x2010, 0x2122),
    (0x2500, 0x25a0),
    (0x3041, 0x30fe),
    (0x4e00, 0x9fa5),
    (0xac00, 0xd7a3),
    (0xff01, 0xff9f),
    (0x1f300, 0x1f6ff),
];

/// A text of at most `most` characters.
pub(super) fn text(random: &mut Random, realm: Realm, most: u64) -> String {
    let length = match random.below(6) {
        0 => 0,
        1 => most,
        _ => random.below(most.min(40) + 1),
    };
    let (first, last) = *random.choose(&ALPHABETS);
    let mut characters = String::new();
    for _ in 0..length {
        let (first, last) = if random.below(4) == 0 { *random.choose(&ALPHABETS) } else { (first, last) };
        let code = first + random.below(u64::from(last - first + 1)) as u32;
        characters.push(char::from_u32(code).unwrap_or('?'));
    }
    match random.below(12) {
        0 if realm == Realm::AllOfMysql && most > 1 => replace_first(&characters, '\0'),
        1 if most > 1 => replace_first(&characters, ' '),
        _ => characters,
    }
}

fn replace_first(text: &str, with: char) -> String {
    let rest: String = text.chars().skip(1).collect();
    if rest.len().is_multiple_of(2) { format!("{with}{rest}") } else { format!("{rest}{with}") }
}

/// A text as a constant of utf8mb4, whatever is in it.
pub(super) fn constant(text: &str) -> String {
    format!("_utf8mb4 x'{}'", hex(text.as_bytes()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Random bytes.
pub(super) fn bytes(random: &mut Random, most: u64) -> Vec<u8> {
    let length = if random.below(4) == 0 { most } else { random.below(most.min(60) + 1) };
    let kinds = random.below(3);
    let byte = |random: &mut Random| match kinds {
        0 => 0,
        1 => *random.choose(&[0, 0x20, 0x5c, 0x27, 0xff]),
        _ => random.below(256) as u8,
    };
    (0..length).map(|_| byte(random)).collect()
}

/// Labels of ENUM or SET; those of a SET hold no comma.
pub(super) fn labels(random: &mut Random, most: u64) -> Vec<String> {
    const STRANGE: [&str; 14] =
        ["", "'", "''", "\\", "\\n", "\n", "\"", "é", "ß", "漢", "(", " b", "%_", "a very long label with many words"];
    let count = match random.below(4) {
        0 => most,
        _ => 1 + random.below(most.min(10)),
    };
    let mut labels: Vec<String> =
        (0..count).map(|nth| format!("{}{nth}{}", random.choose(&STRANGE), random.choose(&STRANGE))).collect();
    if random.below(4) == 0 {
        labels[0].clear();
    }
    random.shuffle(&mut labels);
    labels
}

/// Labels as SQL.
pub(super) fn label_list(labels: &[String]) -> String {
    let quoted = |label: &String| format!("'{}'", label.replace('\\', "\\\\").replace('\'', "''"));
    labels.iter().map(quoted).collect::<Vec<_>>().join(",")
}
