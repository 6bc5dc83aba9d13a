//! Defaults of columns, in one form whether they come from `information_schema` or from CREATE TABLE.
//!
//! A literal is its text as a value of the column: numbers without quotes, DECIMAL with its scale, BIT as exactly n binary
//! digits, binary strings as `0x` and hexadecimal digits, dates in full. The catalog of MySQL cuts binary defaults at
//! their first zero byte; nothing shows that it did.

use millrace_model::MysqlType;
use millrace_model::schema::DefaultValue;

use crate::addresses;
use crate::server::Flavour;
use crate::sql_text::{Cursor, SqlMode, Token, render, tokenize};

/// A default from `COLUMN_DEFAULT` and `EXTRA`. MySQL prints literals without quotes and marks expressions by
/// `DEFAULT_GENERATED` (since 8.0.13); MariaDB quotes literals and prints NULL as a word.
pub fn from_catalog(flavour: Flavour, ty: &MysqlType, text: Option<&str>, extra: &str) -> Option<DefaultValue> {
    let text = text?;
    if let Some(digits) = current_timestamp_digits(text)
        && is_instant(ty)
    {
        return Some(DefaultValue::CurrentTimestamp(digits));
    }
    match flavour {
        Flavour::MariaDb => from_maria_db(ty, text),
        Flavour::Mysql if extra.contains("DEFAULT_GENERATED") => Some(DefaultValue::Expression(text.to_owned())),
        Flavour::Mysql => Some(DefaultValue::Literal(match ty {
            MysqlType::Bit(n) => bits(text.trim_start_matches("b'").trim_end_matches('\''), *n),
            MysqlType::Binary(_) | MysqlType::Varbinary(_) if !text.starts_with("0x") => hex(text.as_bytes()),
            _ => text.to_owned(),
        })),
    }
}

fn from_maria_db(ty: &MysqlType, text: &str) -> Option<DefaultValue> {
    let tokens = tokenize(text, SqlMode::default(), u32::MAX).unwrap_or_default();
    let mut cursor = Cursor::new(&tokens);
    match read_default(&mut cursor, ty) {
        Ok(default @ (None | Some(DefaultValue::Literal(_)))) if cursor.is_done() => default,
        _ => Some(DefaultValue::Expression(text.to_owned())),
    }
}

/// `CURRENT_TIMESTAMP`, `current_timestamp()`, `CURRENT_TIMESTAMP(3)`: the digits.
fn current_timestamp_digits(text: &str) -> Option<u8> {
    let rest = text.to_ascii_lowercase();
    match rest.strip_prefix("current_timestamp")? {
        "" | "()" => Some(0),
        digits => digits.strip_prefix('(')?.strip_suffix(')')?.parse().ok(),
    }
}

fn is_instant(ty: &MysqlType) -> bool {
    matches!(ty, MysqlType::Timestamp(_) | MysqlType::DateTime(_))
}

/// Reads what follows the word DEFAULT; none for NULL. The error is what was found instead.
pub fn read_default(cursor: &mut Cursor<'_>, ty: &MysqlType) -> Result<Option<DefaultValue>, String> {
    let start = *cursor;
    if cursor.skip_parentheses() {
        let inside = start.until(cursor);
        return Ok(Some(DefaultValue::Expression(render(&inside[1..inside.len() - 1]))));
    }
    let word = cursor.word();
    if matches!(&*word, "CURRENT_TIMESTAMP" | "NOW" | "LOCALTIME" | "LOCALTIMESTAMP") {
        return Ok(Some(DefaultValue::CurrentTimestamp(read_current_timestamp(cursor))));
    }
    let negative = cursor.take_symbol('-');
    if !negative {
        cursor.take_symbol('+');
    }
    // An introducer such as _utf8mb4 says how the bytes of the text are to be read.
    if matches!(cursor.peek(), Some(Token::Word(w)) if w.starts_with('_')) {
        cursor.advance();
    }
    let literal = match cursor.advance() {
        Some(Token::Number(number)) => number_literal(ty, number, negative),
        Some(Token::Text(text)) => text_literal(ty, text),
        Some(token @ (Token::Hex(digits) | Token::Bits(digits))) => {
            let radix = if matches!(token, Token::Hex(_)) { 16 } else { 2 };
            match bytes_literal(ty, &bytes_of(digits, radix)) {
                Some(literal) => literal,
                None => return Ok(Some(DefaultValue::Expression(render(start.until(cursor))))),
            }
        }
        Some(Token::Word(w)) if w.eq_ignore_ascii_case("NULL") => return Ok(None),
        Some(Token::Word(w)) if w.eq_ignore_ascii_case("TRUE") => number_literal(ty, "1", false),
        Some(Token::Word(w)) if w.eq_ignore_ascii_case("FALSE") => number_literal(ty, "0", false),
        Some(Token::Word(_)) => return Ok(Some(read_function(start, cursor))),
        other => return Err(other.map_or("nothing".into(), |token| render(std::slice::from_ref(token)))),
    };
    Ok(Some(DefaultValue::Literal(literal)))
}

/// Reads what follows ALTER COLUMN ... SET DEFAULT. There, and only there, the server takes a constant in parentheses for a
/// literal; a number with a sign is an expression.
pub fn read_set_default(tokens: &[Token], ty: &MysqlType) -> Result<Option<DefaultValue>, String> {
    let mut inside = tokens;
    while let [Token::Symbol('('), rest @ .., Token::Symbol(')')] = inside {
        inside = rest;
    }
    let is_expression = inside.len() < tokens.len() && matches!(inside.first(), Some(Token::Symbol('-')) | None);
    let mut cursor = Cursor::new(inside);
    match read_default(&mut cursor, ty) {
        Ok(constant @ (None | Some(DefaultValue::Literal(_)))) if cursor.is_done() && !is_expression => Ok(constant),
        _ => read_default(&mut Cursor::new(tokens), ty),
    }
}

/// Reads CURRENT_TIMESTAMP or a synonym with its optional digits.
pub fn read_current_timestamp(cursor: &mut Cursor<'_>) -> u8 {
    cursor.advance();
    if !cursor.take_symbol('(') {
        return 0;
    }
    let digits = match cursor.peek() {
        Some(Token::Number(n)) => n.parse().unwrap_or(0),
        _ => 0,
    };
    while !cursor.is_done() && !cursor.take_symbol(')') {
        cursor.advance();
    }
    digits
}

/// MariaDB allows function calls without parentheses around them.
fn read_function(start: Cursor<'_>, cursor: &mut Cursor<'_>) -> DefaultValue {
    cursor.skip_parentheses();
    DefaultValue::Expression(render(start.until(cursor)))
}

fn number_literal(ty: &MysqlType, number: &str, negative: bool) -> String {
    let signed = if negative { format!("-{number}") } else { number.to_owned() };
    match ty {
        MysqlType::TinyInt(_)
        | MysqlType::SmallInt(_)
        | MysqlType::MediumInt(_)
        | MysqlType::Int(_)
        | MysqlType::BigInt(_) => decimal(&signed, 0),
        MysqlType::Decimal { scale, .. } => decimal(&signed, usize::from(*scale)),
        MysqlType::Year => year(number),
        MysqlType::Bit(n) => match number.parse::<u64>() {
            Ok(value) => bits(&format!("{value:b}"), *n),
            Err(_) => signed,
        },
        MysqlType::Float(_) => {
            signed.parse().map_or(signed, |v: f32| float(f64::from(v), &v.to_string(), &format!("{v:e}")))
        }
        MysqlType::Double(_) => signed.parse().map_or(signed, |v: f64| float(v, &v.to_string(), &format!("{v:e}"))),
        MysqlType::Date | MysqlType::DateTime(_) | MysqlType::Timestamp(_) => packed_date(ty, &signed),
        MysqlType::Binary(_) | MysqlType::Varbinary(_) => hex(signed.as_bytes()),
        _ => signed,
    }
}

fn text_literal(ty: &MysqlType, text: &str) -> String {
    match ty {
        MysqlType::Date => pad_date(text),
        MysqlType::DateTime(digits) | MysqlType::Timestamp(digits) => pad_moment(text, *digits),
        MysqlType::Time(digits) => pad_time(text, *digits),
        MysqlType::Binary(_) | MysqlType::Varbinary(_) => hex(text.as_bytes()),
        MysqlType::Bit(n) => bits(&text.bytes().map(|b| format!("{b:08b}")).collect::<String>(), *n),
        MysqlType::Char { .. } => text.trim_end_matches(' ').to_owned(),
        MysqlType::Varchar { .. } | MysqlType::Text { .. } | MysqlType::Json => text.to_owned(),
        MysqlType::Enum(labels) => label(labels, text.trim_end_matches(' ')).to_owned(),
        MysqlType::Set(labels) => in_order(labels, text),
        MysqlType::Uuid | MysqlType::Inet4 | MysqlType::Inet6 => printed(ty, text),
        _ => {
            let text = text.trim();
            match text.strip_prefix('-') {
                Some(number) => number_literal(ty, number, true),
                None => number_literal(ty, text, false),
            }
        }
    }
}

/// The text of an address as MariaDB prints it, however it is written.
fn printed(ty: &MysqlType, text: &str) -> String {
    let mut normal = String::new();
    addresses::put_text(ty, text, &mut normal).map_or_else(|| text.to_owned(), |()| normal)
}

/// The label that a text means: letters count in either case, as in most collations.
fn label<'a>(labels: &'a [String], text: &'a str) -> &'a str {
    let exact = labels.iter().find(|label| **label == *text);
    let loose = || labels.iter().find(|label| label.to_lowercase() == text.to_lowercase());
    exact.or_else(loose).map_or(text, |label| label)
}

/// Labels in the order of the definition; as they are where one is not known.
fn in_order(labels: &[String], text: &str) -> String {
    let meant: Vec<&str> = text.split(',').map(|part| label(labels, part)).collect();
    if !meant.iter().all(|part| labels.iter().any(|label| **label == **part)) {
        return text.to_owned();
    }
    labels.iter().map(|label| &**label).filter(|label| meant.contains(label)).collect::<Vec<_>>().join(",")
}

/// A constant of bytes; none for characters that only the server's tables know.
fn bytes_literal(ty: &MysqlType, bytes: &[u8]) -> Option<String> {
    let is_utf8 = match ty {
        MysqlType::Char { charset, .. } | MysqlType::Varchar { charset, .. } | MysqlType::Text { charset, .. } => {
            charset.starts_with("utf8")
        }
        _ => false,
    };
    match ty {
        MysqlType::Char { .. }
        | MysqlType::Varchar { .. }
        | MysqlType::Text { .. }
        | MysqlType::Enum(_)
        | MysqlType::Set(_) => {
            let text = std::str::from_utf8(bytes).ok().filter(|text| is_utf8 || text.is_ascii())?;
            Some(text_literal(ty, text))
        }
        MysqlType::Binary(_) | MysqlType::Varbinary(_) => Some(hex(bytes)),
        MysqlType::Uuid | MysqlType::Inet4 | MysqlType::Inet6 => {
            let mut text = String::new();
            Some(addresses::put_bytes(ty, bytes, &mut text).map_or_else(|| hex(bytes), |()| text))
        }
        _ => {
            let value = bytes.iter().fold(0u64, |value, &b| value << 8 | u64::from(b));
            Some(number_literal(ty, &value.to_string(), false))
        }
    }
}

fn bytes_of(digits: &str, radix: u32) -> Vec<u8> {
    let per_byte = if radix == 2 { 8 } else { 2 };
    let padded = format!("{}{digits}", "0".repeat((per_byte - digits.len() % per_byte) % per_byte));
    (0..padded.len() / per_byte)
        .map(|i| u8::from_str_radix(&padded[i * per_byte..(i + 1) * per_byte], radix).unwrap_or(0))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", bytes.iter().map(|b| format!("{b:02X}")).collect::<String>())
}

fn bits(digits: &str, length: u8) -> String {
    let digits = digits.trim_start_matches('0');
    format!("{digits:0>width$}", width = usize::from(length))
}

/// MySQL prints floats in plain digits from 1e-15 up to 1e15, otherwise with an exponent without sign `+`.
fn float(value: f64, plain: &str, exponent: &str) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-15..1e15).contains(&size) { plain.to_owned() } else { exponent.to_owned() }
}

fn year(number: &str) -> String {
    match number.parse::<u32>() {
        Ok(0) => "0000".into(),
        Ok(n @ 1..=69) => (2000 + n).to_string(),
        Ok(n @ 70..=99) => (1900 + n).to_string(),
        _ => number.to_owned(),
    }
}

/// The number with exactly `scale` digits after the point, rounded half away from zero.
fn decimal(number: &str, scale: usize) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let shift = exponent.parse::<i64>().unwrap_or(0).clamp(-400, 400);
    let point = i64::try_from(whole.len()).unwrap_or(0) + shift;
    let end = point + i64::try_from(scale).unwrap_or(0);
    let digit = |at: i64| usize::try_from(at).ok().and_then(|at| all.as_bytes().get(at).copied()).unwrap_or(b'0');
    let mut kept: Vec<u8> = (point.min(0)..end).map(digit).collect();
    if digit(end) >= b'5' {
        let mut at = kept.len();
        loop {
            if at == 0 {
                kept.insert(0, b'1');
                break;
            }
            at -= 1;
            if kept[at] < b'9' {
                kept[at] += 1;
                break;
            }
            kept[at] = b'0';
        }
    }
    let mut text: String = kept.into_iter().map(char::from).collect();
    if text.len() <= scale {
        text = format!("{text:0>width$}", width = scale + 1);
    }
    let (whole, fraction) = text.split_at(text.len() - scale);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if text.bytes().all(|b| b == b'0') { "" } else { sign };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn parts(text: &str, separators: &[char]) -> Vec<String> {
    text.split(|c| separators.contains(&c)).map(str::to_owned).collect()
}

fn pad_date(text: &str) -> String {
    let date = text.split([' ', 'T']).next().unwrap_or(text);
    match parts(date, &['-', '/', '.']).as_slice() {
        [y, m, d] if y.len() == 2 => format!("{}-{m:0>2}-{d:0>2}", full_year(y)),
        [y, m, d] => format!("{y:0>4}-{m:0>2}-{d:0>2}"),
        _ => packed_date(&MysqlType::Date, text),
    }
}

/// The year of two digits (manual, 13.2.9 "2-Digit Years in Dates").
fn full_year(digits: &str) -> String {
    format!("{}{digits}", if digits < "70" { "20" } else { "19" })
}

fn pad_moment(text: &str, digits: u8) -> String {
    match text.split_once([' ', 'T']) {
        Some((date, time)) => format!("{} {}", pad_date(date), pad_time(time, digits)),
        None if text.contains('-') => format!("{} {}", pad_date(text), pad_time("0:0:0", digits)),
        None => packed_date(&MysqlType::DateTime(digits), text),
    }
}

/// Dates written as one number: 20240102 or 20240102030405.
fn packed_date(ty: &MysqlType, text: &str) -> String {
    let fraction_digits = match ty {
        MysqlType::DateTime(n) | MysqlType::Timestamp(n) => *n,
        _ => 0,
    };
    let is_date = matches!(ty, MysqlType::Date);
    if text == "0" {
        return if is_date {
            "0000-00-00".into()
        } else {
            format!("0000-00-00 {}", pad_time("0:0:0", fraction_digits))
        };
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) || !matches!(text.len(), 8 | 14) {
        return text.to_owned();
    }
    let date = format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..8]);
    let time =
        if text.len() == 14 { format!("{}:{}:{}", &text[8..10], &text[10..12], &text[12..]) } else { "0:0:0".into() };
    if is_date { date } else { format!("{date} {}", pad_time(&time, fraction_digits)) }
}

fn pad_time(text: &str, digits: u8) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (clock, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let (h, m, s) = match parts(clock, &[':']).as_slice() {
        [h, m, s] => (h.clone(), m.clone(), s.clone()),
        [h, m] => (h.clone(), m.clone(), "0".into()),
        _ => return text.to_owned(),
    };
    let clock = format!("{sign}{h:0>2}:{m:0>2}:{s:0>2}");
    if digits == 0 { clock } else { format!("{clock}.{fraction:0<width$.width$}", width = usize::from(digits)) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::column_type::parse_column_type;

    fn of(ty: &str, sql: &str) -> String {
        let ty = parse_column_type(ty, Some("utf8mb4")).unwrap();
        let tokens = tokenize(sql, SqlMode::default(), 80036).unwrap();
        match read_default(&mut Cursor::new(&tokens), &ty).unwrap() {
            None => "NULL".into(),
            Some(DefaultValue::Literal(text)) => text,
            Some(DefaultValue::CurrentTimestamp(digits)) => format!("now {digits}"),
            Some(DefaultValue::Expression(text)) => format!("({text})"),
        }
    }

    #[test]
    fn gives_literals_one_form() {
        for (ty, sql, expected) in [
            ("int", "'1'", "1"),
            ("int", "1.6", "2"),
            ("int", "-5", "-5"),
            ("int", "NULL", "NULL"),
            ("tinyint(1)", "TRUE", "1"),
            ("decimal(10,2)", "1.5", "1.50"),
            ("decimal(10,2)", "'-0.001'", "0.00"),
            ("decimal(10,0)", "'007.5'", "8"),
            ("decimal(10,3)", "99.9996", "100.000"),
            ("decimal(10,2)", "1e3", "1000.00"),
            ("double", "1e3", "1000"),
            ("double", "1e22", "1e22"),
            ("float", "1.1", "1.1"),
            ("bit(8)", "b'101'", "00000101"),
            ("bit(3)", "5", "101"),
            ("binary(4)", "'ab'", "0x6162"),
            ("char(5)", "x'4142'", "AB"),
            ("char(5)", "'a  '", "a"),
            ("varchar(5)", "_latin1'a '", "a "),
            ("date", "'2024-1-1'", "2024-01-01"),
            ("date", "'24-1-1'", "2024-01-01"),
            ("datetime", "'70-1-1 1:2:3'", "1970-01-01 01:02:03"),
            ("date", "'70-1-2'", "1970-01-02"),
            ("datetime", "20240102", "2024-01-02 00:00:00"),
            ("enum('Small','Large')", "'small'", "Small"),
            ("set('a','b')", "'B,a'", "a,b"),
            ("text", "' x'", " x"),
            ("varchar(9)", "0xC3A9", "é"),
            ("varchar(9) character set gbk", "0xC4E3", "(x'C4E3')"),
            ("datetime(3)", "'2024-01-01 1:2:3'", "2024-01-01 01:02:03.000"),
            ("timestamp", "0", "0000-00-00 00:00:00"),
            ("time", "'1:2:3'", "01:02:03"),
            ("year", "24", "2024"),
            ("timestamp(3)", "CURRENT_TIMESTAMP(3)", "now 3"),
            ("timestamp", "now()", "now 0"),
            ("varchar(9)", "(uuid())", "(uuid ( ))"),
            ("uuid", "'550E8400E29B41D4A716446655440000'", "550e8400-e29b-41d4-a716-446655440000"),
            ("uuid", "uuid()", "(uuid ( ))"),
            ("inet6", "'0:0::0:1'", "::1"),
            ("inet4", "x'0A000001'", "10.0.0.1"),
        ] {
            assert_eq!(of(ty, sql), expected, "{ty} {sql}");
        }
    }

    #[test]
    fn reads_maria_db_catalogs() {
        let of = |ty: &str, text: &str| {
            from_catalog(Flavour::MariaDb, &parse_column_type(ty, None).unwrap(), Some(text), "")
        };
        assert_eq!(of("int", "NULL"), None);
        assert_eq!(of("set('a')", "'it''s'"), Some(DefaultValue::Literal("it's".into())));
        assert_eq!(of("timestamp", "current_timestamp()"), Some(DefaultValue::CurrentTimestamp(0)));
        assert_eq!(of("int", "uuid()"), Some(DefaultValue::Expression("uuid()".into())));
    }
}
