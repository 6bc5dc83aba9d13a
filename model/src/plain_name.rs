//! Names that the destination reads without quotes (PostgreSQL manual, 4.1.1 "Identifiers and Key Words").
//!
//! Without quotes its scanner takes letters, digits, `_`, `$` and every character beyond ASCII, the first one neither a
//! digit nor `$`, and makes the capital ASCII letters small ones; a reserved word is no name. Which words are reserved
//! differs: here are those of PostgreSQL 12 to 18 and of the Greenplum family, so that a name is plain everywhere. Words
//! that only cannot name functions or types (`time`, `values`) can name tables and columns.

/// Words that name no table or no column without quotes, in order.
#[rustfmt::skip]
const RESERVED: [&str; 110] = [
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "binary",
    "both", "case", "cast", "check", "collate", "collation", "column", "concurrently", "constraint", "create",
    "cross", "current_catalog", "current_date", "current_role", "current_schema", "current_time",
    "current_timestamp", "current_user", "decode", "default", "deferrable", "desc", "distinct", "distributed", "do",
    "else", "end", "except", "exclude", "false", "fetch", "following", "for", "foreign", "freeze", "from", "full",
    "grant", "group", "having", "ilike", "in", "initially", "inner", "intersect", "into", "is", "isnull", "join",
    "lateral", "leading", "left", "like", "limit", "localtime", "localtimestamp", "log", "natural", "not",
    "notnull", "null", "offset", "on", "only", "or", "order", "outer", "overlaps", "partition", "placing",
    "preceding", "primary", "references", "returning", "right", "scatter", "select", "session_user", "similar",
    "some", "symmetric", "system_user", "table", "tablesample", "then", "to", "trailing", "true", "unbounded",
    "union", "unique", "user", "using", "variadic", "verbose", "when", "where", "window", "with",
];

fn is_reserved(name: &str) -> bool {
    RESERVED.binary_search(&name).is_ok()
}

fn is_plain_character(character: char) -> bool {
    !character.is_ascii() || character.is_ascii_lowercase() || character.is_ascii_digit() || "_$".contains(character)
}

/// Whether the name means itself without quotes.
pub fn is_plain_name(name: &str) -> bool {
    let starts_well = name.chars().next().is_some_and(|first| !first.is_ascii_digit() && first != '$');
    starts_well && name.chars().all(is_plain_character) && !is_reserved(name)
}

/// What the destination makes of the name without quotes; the name itself where it cannot be written without them.
pub fn without_quotes(name: &str) -> String {
    let folded = name.to_ascii_lowercase();
    if is_plain_name(&folded) { folded } else { name.to_owned() }
}

/// A plain name that is like this one.
pub fn plain_name_like(name: &str) -> String {
    let folded = name.to_ascii_lowercase();
    let mut plain: String =
        folded.chars().map(|character| if is_plain_character(character) { character } else { '_' }).collect();
    if !plain.starts_with(|first: char| !first.is_ascii_digit() && first != '$') {
        plain.insert(0, '_');
    }
    if is_reserved(&plain) {
        plain.push('_');
    }
    plain
}

/// A part of a name, in plain characters: each other one, and `$`, becomes its number between two `$`, so that two names
/// stay two.
pub fn plain_part(name: &str) -> String {
    let mut plain = String::new();
    for character in name.to_ascii_lowercase().chars() {
        match character {
            character if is_plain_character(character) && character != '$' => plain.push(character),
            other => plain.push_str(&format!("${:x}$", u32::from(other))),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_where_the_scanner_takes_them_as_they_are() {
        assert!(RESERVED.is_sorted());
        for plain in ["a", "_", "a1$", "größe", "日本", "time", "values", "orders", "a\u{a0}b"] {
            assert!(is_plain_name(plain), "{plain}");
            assert_eq!((without_quotes(plain).as_str(), plain_name_like(plain).as_str()), (plain, plain));
        }
        for other in ["", "A", "1a", "$a", "a b", "a-b", "a\"", "order", "with", "user", "log", "a\0", "a.b"] {
            assert!(!is_plain_name(other), "{other}");
            assert!(is_plain_name(&plain_name_like(other)), "{other}");
        }
    }

    #[test]
    fn capital_letters_become_small_ones_where_nothing_else_needs_quotes() {
        for (name, without) in [
            ("Orders", "orders"),
            ("Größe", "größe"),
            ("ÖL", "Öl"),
            ("Order", "Order"),
            ("Order Lines", "Order Lines"),
            ("1A", "1A"),
        ] {
            assert_eq!(without_quotes(name), without);
        }
        for (name, like) in
            [("Order", "order_"), ("Order Lines", "order_lines"), ("1A", "_1a"), ("", "_"), ("a\"b", "a_b")]
        {
            assert_eq!(plain_name_like(name), like);
        }
    }

    #[test]
    fn parts_of_names_stay_apart() {
        assert_eq!(plain_part("By Day"), "by$20$day");
        assert_ne!(plain_part("a b"), plain_part("a-b"));
        assert_ne!(plain_part("a$20$b"), plain_part("a b"));
    }
}
