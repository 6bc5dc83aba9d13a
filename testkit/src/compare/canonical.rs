//! One text for each number, interval and vector.

use anyhow::{Context, Result, ensure};

/// A decimal, perhaps with an exponent, as digits with neither leading nor trailing zeros, and `e` with the power of
/// ten of the last digit; 0 is `0`, whatever its sign.
pub(super) fn decimal(text: &str) -> Result<String> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    ensure!(!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()), "\"{text}\" is not a number");
    let exponent: i64 = exponent.parse().with_context(|| format!("\"{text}\" is not a number"))?;
    let significant = digits.trim_end_matches('0');
    let dropped = digits.len() - significant.len();
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Ok("0".to_owned());
    }
    let power = exponent - i64::try_from(fraction.len())? + i64::try_from(dropped)?;
    let sign = if negative { "-" } else { "" };
    Ok(if power == 0 { format!("{sign}{significant}") } else { format!("{sign}{significant}e{power}") })
}

/// A number in shortest or exact text as the bits of the nearest double, in hexadecimal, and its value to be read.
pub(super) fn double(text: &str) -> Result<String> {
    let value: f64 = text.parse().with_context(|| format!("\"{text}\" is not a double"))?;
    Ok(format!("{:016x} ({value:e})", value.to_bits()))
}

/// MySQL's `[-]h..h:mm:ss[.f..f]` in microseconds.
pub(super) fn time_microseconds(text: &str) -> Result<String> {
    let read = || -> Option<i64> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (seconds, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let mut parts = seconds.split(':').map(|part| part.parse::<i64>().ok());
        let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
        let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
        let total = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction;
        Some(if unsigned.len() < text.len() { -total } else { total })
    };
    Ok(read().with_context(|| format!("\"{text}\" is not a TIME"))?.to_string())
}

/// PostgreSQL's `{1,2.5}`, each element as the bits of the nearest single-precision number.
pub(super) fn array(text: &str) -> Result<String> {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.with_context(|| format!("\"{text}\" is not an array"))?;
    let elements = inner.split(',').filter(|element| !element.is_empty());
    let bits = elements.map(|element| Ok(format!("{:08x}", element.parse::<f32>()?.to_bits())));
    Ok(bits.collect::<Result<Vec<_>>>()?.join(","))
}

/// The hexadecimal of little-endian single-precision numbers, as MySQL keeps a VECTOR, in the form of [`array`].
pub(super) fn single_precision_hex(text: &str) -> Result<String> {
    ensure!(text.len().is_multiple_of(8) && text.is_ascii(), "\"{text}\" is not a VECTOR");
    let elements = (0..text.len()).step_by(8).map(|at| u32::from_str_radix(&text[at..at + 8], 16));
    let bits = elements.map(|element| Ok(format!("{:08x}", element?.swap_bytes())));
    Ok(bits.collect::<Result<Vec<_>>>()?.join(","))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]

    use super::*;

    #[test]
    fn decimals_of_one_value_have_one_text() {
        for (text, expected) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("007", "7"),
            ("1.50", "15e-1"),
            ("1.5", "15e-1"),
            ("15e-1", "15e-1"),
            ("-1500", "-15e2"),
            ("-1.5E3", "-15e2"),
            ("0.001", "1e-3"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(decimal(text).expect(text), expected, "{text}");
        }
        assert!(decimal("").is_err() && decimal("1x").is_err() && decimal("--1").is_err());
    }

    #[test]
    fn doubles_differ_by_bits() {
        assert_eq!(double("1e2").expect("a number"), double("100").expect("a number"));
        assert_ne!(double("-0").expect("a number"), double("0").expect("a number"));
        assert_ne!(double("0.1").expect("a number"), double("0.10000000149011612").expect("a number"));
    }

    #[test]
    fn times_are_microseconds() {
        for (text, expected) in [
            ("00:00:00", "0"),
            ("-00:00:00.5", "-500000"),
            ("838:59:59.000000", "3020399000000"),
            ("01:02:03.040506", "3723040506"),
        ] {
            assert_eq!(time_microseconds(text).expect(text), expected, "{text}");
        }
        assert!(time_microseconds("12:00").is_err());
    }

    #[test]
    fn vectors_meet() {
        assert_eq!(array("{1,-2.5}").expect("an array"), "3f800000,c0200000");
        assert_eq!(single_precision_hex("0000803F000020C0").expect("a vector"), "3f800000,c0200000");
    }
}
