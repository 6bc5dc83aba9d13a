//! A constant as the default of a column: only where the column holds it as it is. MySQL finds out at the first INSERT that
//! one does not fit, and cuts, rounds or refuses it; the destination would do so in its own way, or refuse the table.

use millrace_model::mysql_type::{MysqlType, Rounding, Sign};
use millrace_model::schema::DefaultValue;

use super::constant::Constant;
use crate::filter::moment::{is_date, is_moment, micros};

/// Character sets in which printable ASCII characters are themselves.
const CHARSETS: [&str; 13] = [
    "utf8mb4", "utf8mb3", "utf8", "ascii", "latin1", "ucs2", "utf16", "utf16le", "utf32", "gbk", "gb2312", "gb18030",
    "big5",
];

/// The default that the constant is for a column of the type; none where it does not fit as it is.
pub(super) fn default_of(constant: &Constant, ty: &MysqlType) -> Option<DefaultValue> {
    match (constant, ty) {
        (Constant::Now(digits), MysqlType::DateTime(_) | MysqlType::Timestamp(_)) => {
            Some(DefaultValue::CurrentTimestamp(*digits))
        }
        // With a fraction MySQL rounds to the next day.
        (Constant::Today | Constant::Now(0), MysqlType::Date) => Some(DefaultValue::CurrentTimestamp(0)),
        (Constant::Now(_) | Constant::Today, _) => None,
        _ => literal(constant, ty).map(DefaultValue::Literal),
    }
}

/// The constant in the form of the column's literals.
fn literal(constant: &Constant, ty: &MysqlType) -> Option<String> {
    match (constant, ty) {
        (Constant::Integer(value), _) => of_integer(*value, ty),
        (Constant::Number(text), _) => of_number(text, ty),
        (Constant::Bytes(bytes), MysqlType::Bit(n)) => {
            let value =
                bytes.iter().try_fold(0u64, |value, byte| (value >> 56 == 0).then(|| value << 8 | u64::from(*byte)));
            bits(value?, *n)
        }
        (Constant::Bytes(bytes), _) => binary(bytes, ty),
        (Constant::Text(text), MysqlType::Binary(_) | MysqlType::Varbinary(_) | MysqlType::Blob(_)) => {
            binary(text.as_bytes(), ty)
        }
        (Constant::Text(text) | Constant::Document(text), MysqlType::Json) => is_simple(text).then(|| text.clone()),
        (Constant::Text(text), _) => of_text(text, ty),
        (Constant::Document(_) | Constant::Now(_) | Constant::Today, _) => None,
    }
}

fn of_integer(value: i128, ty: &MysqlType) -> Option<String> {
    let fits = match ty {
        MysqlType::TinyInt(sign) => is_within(value, 8, *sign),
        MysqlType::SmallInt(sign) => is_within(value, 16, *sign),
        MysqlType::MediumInt(sign) => is_within(value, 24, *sign),
        MysqlType::Int(sign) => is_within(value, 32, *sign),
        MysqlType::BigInt(sign) => is_within(value, 64, *sign),
        MysqlType::Year => (1901..=2155).contains(&value),
        MysqlType::Bit(n) => return bits(u64::try_from(value).ok()?, *n),
        MysqlType::Decimal { .. } | MysqlType::Float(_) | MysqlType::Double(_) => {
            return of_number(&value.to_string(), ty);
        }
        _ => false,
    };
    fits.then(|| value.to_string())
}

fn is_within(value: i128, bits: u32, sign: Sign) -> bool {
    let size = 1i128 << bits;
    match sign {
        Sign::Signed => (-size / 2..size / 2).contains(&value),
        Sign::Unsigned => (0..size).contains(&value),
    }
}

fn bits(value: u64, length: u8) -> Option<String> {
    let digits = format!("{value:0>width$b}", width = usize::from(length));
    (digits.len() == usize::from(length)).then_some(digits)
}

fn of_number(text: &str, ty: &MysqlType) -> Option<String> {
    let is_negative_zero = text.starts_with('-') && !text.contains(|c: char| matches!(c, '1'..='9'));
    // Longer ones MySQL cuts.
    if text.len() > 60 || is_negative_zero {
        return None;
    }
    match ty {
        MysqlType::Decimal { precision, scale } => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            let whole = whole.trim_start_matches('0');
            let has_exponent = text.contains(['e', 'E']);
            let fits =
                whole.len() <= usize::from(precision.saturating_sub(*scale)) && fraction.len() <= usize::from(*scale);
            (fits && !has_exponent).then(|| text.to_owned())
        }
        MysqlType::Double(Rounding::None) => {
            text.parse::<f64>().ok().filter(|value| value.is_finite()).map(|_| text.to_owned())
        }
        // By way of a double, as MySQL does it, and at once, as the destination does.
        MysqlType::Float(Rounding::None) => {
            let (double, single) = (text.parse::<f64>().ok()?, text.parse::<f32>().ok()?);
            #[expect(clippy::cast_possible_truncation, reason = "the rounding is what is compared")]
            let by_double = double as f32;
            (single.is_finite() && by_double.to_bits() == single.to_bits()).then(|| text.to_owned())
        }
        _ => None,
    }
}

fn of_text(text: &str, ty: &MysqlType) -> Option<String> {
    let fits = match ty {
        MysqlType::Char { length, charset } => {
            let kept = text.trim_end_matches(' ');
            return (kept.len() <= *length as usize && is_plain_in(charset)).then(|| kept.to_owned());
        }
        MysqlType::Varchar { length, charset } => text.len() <= *length as usize && is_plain_in(charset),
        // Of one character four bytes at most.
        MysqlType::Text { length_bytes, charset } => {
            is_plain_in(charset) && text.len() <= if *length_bytes == 1 { 63 } else { 16_383 }
        }
        MysqlType::Enum(labels) => labels.iter().any(|label| label == text),
        MysqlType::Set(labels) => text.is_empty() || is_in_order(text, labels),
        MysqlType::Date => is_date(text),
        MysqlType::DateTime(digits) => is_moment(text) && has_fraction_of(text, *digits),
        MysqlType::Time(digits) => {
            text.len() >= 8 && text.as_bytes()[2] == b':' && micros(text).is_some() && has_fraction_of(text, *digits)
        }
        _ => false,
    };
    fits.then(|| text.to_owned())
}

fn is_plain_in(charset: &str) -> bool {
    CHARSETS.contains(&charset)
}

/// Whether a text is labels of a SET, each once, in the order of the definition.
fn is_in_order(text: &str, labels: &[String]) -> bool {
    let places: Option<Vec<usize>> =
        text.split(',').map(|part| labels.iter().position(|label| label == part)).collect();
    places.is_some_and(|places| places.is_sorted_by(|one, next| one < next))
}

fn has_fraction_of(text: &str, digits: u8) -> bool {
    text.split_once('.').is_none_or(|(_, fraction)| fraction.len() <= usize::from(digits))
}

/// The bytes in the destination's own form.
fn binary(bytes: &[u8], ty: &MysqlType) -> Option<String> {
    let (length, longest) = match ty {
        MysqlType::Binary(n) => (*n as usize, *n as usize),
        MysqlType::Varbinary(n) => (0, *n as usize),
        MysqlType::Blob(1) => (0, 255),
        MysqlType::Blob(_) => (0, 65_535),
        _ => return None,
    };
    let padding = length.saturating_sub(bytes.len());
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    (bytes.len() <= longest).then(|| format!("\\x{digits}{}", "00".repeat(padding)))
}

/// Whether a text is a JSON document that both sides read the same: its numbers are whole and not large.
fn is_simple(text: &str) -> bool {
    fn has_plain_numbers(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::Number(number) => number.as_i64().is_some_and(|number| number.unsigned_abs() < 1 << 53),
            serde_json::Value::Array(values) => values.iter().all(has_plain_numbers),
            serde_json::Value::Object(members) => members.values().all(has_plain_numbers),
            _ => true,
        }
    }
    text.len() < 200 && serde_json::from_str(text).is_ok_and(|value| has_plain_numbers(&value))
}
