//! A 64-bit float as MySQL prints it in JSON (MySQL source, `my_gcvt` in `strings/dtoa.cc` and `Json_wrapper`).
//!
//! Both MySQL and Rust print the shortest digits that read back as the same number, and of those the nearest to it. Where
//! two are equally near, MySQL takes the even one and Rust the upper one. The layout differs, too: MySQL uses an exponent
//! where the point would stand more than 15 digits away, without `+` or leading zeros.

use std::fmt::Write;

use super::text::ShortText;

/// Up to so many digits from the first digit to the point, numbers are written without an exponent.
const MAX_POINT: i32 = 15;

/// Writes `value`, which always gets a point or an exponent.
pub(crate) fn write_double(value: f64, text: &mut ShortText) {
    let mut shortest = ShortText::new();
    let _ = write!(shortest, "{value:e}");
    let (mantissa, exponent) = shortest.as_str().split_once('e').unwrap_or((shortest.as_str(), "0"));
    let mut digits = ShortText::new();
    mantissa.bytes().filter(u8::is_ascii_digit).for_each(|digit| digits.push(digit));
    let digits = even_of_two(value, digits);
    let digits = digits.as_bytes();
    // Where the point stands, counted from the first digit.
    let point = if value == 0.0 { 1 } else { exponent.parse::<i32>().unwrap_or(0) + 1 };
    if mantissa.starts_with('-') {
        text.push(b'-');
    }
    let plain = point > -MAX_POINT && (point <= MAX_POINT || digits.len() as i32 > point);
    if plain { write_plain(digits, point, text) } else { write_exponent(digits, point - 1, text) }
}

/// The digits with an even last one, where that is equally near to `value`: then its exact digits go on with a single 5.
fn even_of_two(value: f64, digits: ShortText) -> ShortText {
    // Shorter digits are never halfway: the next ones would stand further apart than two numbers do.
    const LEAST_DIGITS: usize = 15;
    let length = digits.as_bytes().len();
    if length < LEAST_DIGITS {
        return digits;
    }
    let (mut exact, mut lower) = (ShortText::new(), ShortText::new());
    let _ = write!(exact, "{:.60e}", value.abs());
    let exact_digits = exact.as_bytes().iter().take_while(|&&byte| byte != b'e').filter(|byte| byte.is_ascii_digit());
    exact_digits.clone().take(length).for_each(|&digit| lower.push(digit));
    let is_halfway = exact_digits
        .skip(length)
        .map(|digit| digit - b'0')
        .enumerate()
        .all(|(n, digit)| digit == if n == 0 { 5 } else { 0 });
    let is_even = lower.as_bytes().last().is_some_and(|digit| digit % 2 == 0);
    if is_halfway && is_even { lower } else { digits }
}

fn write_plain(digits: &[u8], point: i32, text: &mut ShortText) {
    if point <= 0 {
        text.push(b'0');
        text.push(b'.');
        (point..0).for_each(|_| text.push(b'0'));
        digits.iter().for_each(|&digit| text.push(digit));
        return;
    }
    let point = point as usize;
    for index in 0..point.max(digits.len()) {
        if index == point {
            text.push(b'.');
        }
        text.push(digits.get(index).copied().unwrap_or(b'0'));
    }
    if digits.len() <= point {
        text.push(b'.');
        text.push(b'0');
    }
}

fn write_exponent(digits: &[u8], exponent: i32, text: &mut ShortText) {
    for (index, &digit) in digits.iter().enumerate() {
        if index == 1 {
            text.push(b'.');
        }
        text.push(digit);
    }
    let _ = write!(text, "e{exponent}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_mysql_does() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (1e14, "100000000000000.0"),
            (1e15, "1e15"),
            (123_456_789_012_345_680.0, "1.2345678901234568e17"),
            (1_234_567_890_123_456.7, "1234567890123456.8"),
            (1e-5, "0.00001"),
            (1e-15, "0.000000000000001"),
            (1e-16, "1e-16"),
            (1e300, "1e300"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e308"),
            (0.1, "0.1"),
            (2_592_817_071_269_593.0 / 4.0, "648204267817398.2"),
            (2_592_817_071_269_595.0 / 4.0, "648204267817398.8"),
        ] {
            let mut text = ShortText::new();
            write_double(value, &mut text);
            assert_eq!(text.as_str(), expected);
        }
    }
}
