//! Dates and times in the forms of rows (MySQL source, `mysys/my_time.cc`) and of JSON documents, as text.
//!
//! Nothing is checked against a calendar: MySQL stores `0000-00-00` and, by mode, `2024-02-31`; transform decides.

use super::cursor::Cursor;
use super::text::ShortText;

const SHORT: &str = "the row is cut short";

/// Bytes of 0 to 6 digits of fraction.
pub(crate) fn fraction_bytes(digits: u8) -> usize {
    usize::from(digits).div_ceil(2)
}

/// DATE: day, month and year in 5, 4 and 15 bits.
pub(crate) fn date(cursor: &mut Cursor<'_>, text: &mut ShortText) -> Result<(), &'static str> {
    let value = cursor.uint(3).ok_or(SHORT)? as u32;
    push_date(text, value >> 9, value >> 5 & 15, value & 31);
    Ok(())
}

/// DATETIME: a sign bit, 17 bits of year * 13 + month, then day, hour, minute, second in 5, 5, 6, 6 bits.
pub(crate) fn date_time(cursor: &mut Cursor<'_>, digits: u8, text: &mut ShortText) -> Result<(), &'static str> {
    let value = cursor.uint_big_endian(5).ok_or(SHORT)?;
    let micros = fraction(cursor, digits)?;
    let value = value.checked_sub(1 << 39).ok_or("a date below year 0")?;
    push_packed_date(text, value >> 17);
    text.push(b' ');
    push_packed_time(text, (value & 0x1_ffff) as u32);
    push_fraction(text, micros, digits);
    Ok(())
}

/// TIMESTAMP: seconds since 1970 in 4 bytes; 0 is the zero date.
pub(crate) fn timestamp(cursor: &mut Cursor<'_>, digits: u8, text: &mut ShortText) -> Result<(), &'static str> {
    let seconds = cursor.uint_big_endian(4).ok_or(SHORT)?;
    let micros = fraction(cursor, digits)?;
    push_instant(text, seconds);
    push_fraction(text, if seconds == 0 { 0 } else { micros }, digits);
    Ok(())
}

/// TIME: a signed number of hour, minute, second in 10, 6, 6 bits, and the fraction, which has the same sign: a negative
/// time with a fraction has the whole part one lower and the fraction's complement, as one big number would.
pub(crate) fn time(cursor: &mut Cursor<'_>, digits: u8, text: &mut ShortText) -> Result<(), &'static str> {
    let width = 3 + fraction_bytes(digits);
    let raw = cursor.uint_big_endian(width).ok_or(SHORT)? as i64;
    let fraction_bits = 8 * fraction_bytes(digits);
    // The offset stands for zero: its top bit is the sign's.
    let value = raw - (0x80_0000_i64 << fraction_bits);
    if value < 0 {
        text.push(b'-');
    }
    let magnitude = value.unsigned_abs();
    push_packed_time(text, (magnitude >> fraction_bits) as u32);
    let units = (magnitude & ((1 << fraction_bits) - 1)) as u32;
    push_fraction(text, to_micros(units, digits), digits);
    Ok(())
}

/// TIMESTAMP of before MySQL 5.6.
pub(crate) fn old_timestamp(cursor: &mut Cursor<'_>, text: &mut ShortText) -> Result<(), &'static str> {
    push_instant(text, cursor.uint(4).ok_or(SHORT)?);
    Ok(())
}

/// DATETIME of before MySQL 5.6: the decimal number YYYYMMDDhhmmss.
pub(crate) fn old_date_time(cursor: &mut Cursor<'_>, text: &mut ShortText) -> Result<(), &'static str> {
    let value = cursor.uint(8).ok_or(SHORT)?;
    let (date, time) = ((value / 1_000_000) as u32, (value % 1_000_000) as u32);
    if value > 99_991_231_235_959 {
        return Err("not a date");
    }
    push_date(text, date / 10_000, date / 100 % 100, date % 100);
    text.push(b' ');
    push_time(text, time / 10_000, time / 100 % 100, time % 100);
    Ok(())
}

/// TIME of before MySQL 5.6: the signed decimal number hhmmss in 3 bytes.
pub(crate) fn old_time(cursor: &mut Cursor<'_>, text: &mut ShortText) -> Result<(), &'static str> {
    let value = cursor.uint(3).ok_or(SHORT)? as i32;
    let value = value << 8 >> 8;
    if value < 0 {
        text.push(b'-');
    }
    let value = value.unsigned_abs();
    push_time(text, value / 10_000, value / 100 % 100, value % 100);
    Ok(())
}

/// The packed forms of JSON documents, always with 6 digits of fraction. `packed` has the fraction in its low 24 bits.
pub(crate) fn json_date(packed: i64, text: &mut ShortText) {
    push_packed_date(text, packed.unsigned_abs() >> 24 >> 17);
}

/// See [`json_date`].
pub(crate) fn json_date_time(packed: i64, text: &mut ShortText) {
    let magnitude = packed.unsigned_abs();
    push_packed_date(text, magnitude >> 24 >> 17);
    text.push(b' ');
    push_packed_time(text, (magnitude >> 24 & 0x1_ffff) as u32);
    push_fraction(text, (magnitude & 0xff_ffff) as u32, 6);
}

/// See [`json_date`].
pub(crate) fn json_time(packed: i64, text: &mut ShortText) {
    if packed < 0 {
        text.push(b'-');
    }
    let magnitude = packed.unsigned_abs();
    push_packed_time(text, (magnitude >> 24 & 0x3f_ffff) as u32);
    push_fraction(text, (magnitude & 0xff_ffff) as u32, 6);
}

/// The fraction's 0 to 3 bytes as microseconds.
fn fraction(cursor: &mut Cursor<'_>, digits: u8) -> Result<u32, &'static str> {
    let units = cursor.uint_big_endian(fraction_bytes(digits)).ok_or(SHORT)? as u32;
    Ok(to_micros(units, digits))
}

fn to_micros(units: u32, digits: u8) -> u32 {
    match fraction_bytes(digits) {
        0 => 0,
        1 => units * 10_000,
        2 => units * 100,
        _ => units,
    }
}

fn push_fraction(text: &mut ShortText, micros: u32, digits: u8) {
    if digits > 0 {
        text.push(b'.');
        text.push_padded(micros / 10u32.pow(6 - u32::from(digits.min(6))), usize::from(digits));
    }
}

fn push_packed_date(text: &mut ShortText, packed: u64) {
    let months = (packed >> 5) as u32;
    push_date(text, months / 13, months % 13, (packed & 31) as u32);
}

fn push_packed_time(text: &mut ShortText, packed: u32) {
    push_time(text, packed >> 12, packed >> 6 & 63, packed & 63);
}

fn push_date(text: &mut ShortText, year: u32, month: u32, day: u32) {
    text.push_padded(year, 4);
    text.push(b'-');
    text.push_padded(month, 2);
    text.push(b'-');
    text.push_padded(day, 2);
}

fn push_time(text: &mut ShortText, hour: u32, minute: u32, second: u32) {
    text.push_padded(hour, 2);
    text.push(b':');
    text.push_padded(minute, 2);
    text.push(b':');
    text.push_padded(second, 2);
}

fn push_instant(text: &mut ShortText, seconds: u64) {
    if seconds == 0 {
        push_date(text, 0, 0, 0);
    } else {
        let (year, month, day) = civil_date(seconds / 86_400);
        push_date(text, year, month, day);
    }
    text.push(b' ');
    let second = (seconds % 86_400) as u32;
    push_time(text, second / 3600, second / 60 % 60, second % 60);
}

/// Year, month and day of a day since 1970-01-01, by whole 400-year eras that begin on a 1 March.
fn civil_date(days: u64) -> (u32, u32, u32) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year as u32, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn text(bytes: &[u8], read: impl Fn(&mut Cursor<'_>, &mut ShortText) -> Result<(), &'static str>) -> String {
        let (mut cursor, mut text) = (Cursor::new(bytes), ShortText::new());
        read(&mut cursor, &mut text).unwrap();
        assert!(cursor.is_empty());
        text.as_str().to_owned()
    }

    #[test]
    fn reads_times() {
        for (bytes, digits, expected) in [
            (&[0x80, 0, 0][..], 0, "00:00:00"),
            (&[0xb4, 0x6e, 0xfb], 0, "838:59:59"),
            (&[0x4b, 0x91, 0x05], 0, "-838:59:59"),
            (&[0x7f, 0xff, 0xff], 0, "-00:00:01"),
            (&[0x7f, 0xff, 0xfe, 0xce], 2, "-00:00:01.50"),
            (&[0x7f, 0xff, 0xff, 0xf6], 1, "-00:00:00.1"),
            (&[0x80, 0, 1, 0x32], 1, "00:00:01.5"),
            (&[0x7f, 0xff, 0xff, 0xff, 0xf6], 3, "-00:00:00.001"),
            (&[0x80, 0, 0, 0, 1], 4, "00:00:00.0001"),
            (&[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff], 6, "-00:00:00.000001"),
            (&[0x80, 0, 0, 0x0f, 0x42, 0x36], 5, "00:00:00.99999"),
        ] {
            assert_eq!(text(bytes, |c, t| time(c, digits, t)), expected);
        }
    }

    #[test]
    fn reads_dates() {
        assert_eq!(text(&[0, 0, 0], date), "0000-00-00");
        assert_eq!(text(&[0x9f, 0x1f, 0x4e], date), "9999-12-31");
        assert_eq!(text(&[0x80, 0, 0, 0, 0], |c, t| date_time(c, 0, t)), "0000-00-00 00:00:00");
        assert_eq!(
            text(&[0xfe, 0xf3, 0xff, 0x7e, 0xfb, 15, 66, 63], |c, t| date_time(c, 6, t)),
            "9999-12-31 23:59:59.999999"
        );
        assert_eq!(text(&[0xfe, 0xf3, 0xff, 0x7e, 0xfb, 90], |c, t| date_time(c, 1, t)), "9999-12-31 23:59:59.9");
    }

    #[test]
    fn reads_timestamps() {
        for (seconds, expected) in [
            (0u32, "0000-00-00 00:00:00.000"),
            (1, "1970-01-01 00:00:01.123"),
            (951_782_400, "2000-02-29 00:00:00.123"),
            (i32::MAX as u32, "2038-01-19 03:14:07.123"),
            (u32::MAX, "2106-02-07 06:28:15.123"),
        ] {
            let bytes = [&seconds.to_be_bytes()[..], &1230u16.to_be_bytes()].concat();
            assert_eq!(text(&bytes, |c, t| timestamp(c, 3, t)), expected);
        }
    }

    #[test]
    fn reads_the_old_forms() {
        assert_eq!(text(&20_240_229_235_958u64.to_le_bytes(), old_date_time), "2024-02-29 23:59:58");
        assert_eq!(text(&(-8_385_959i32).to_le_bytes()[..3], old_time), "-838:59:59");
        assert_eq!(text(&1u32.to_le_bytes(), old_timestamp), "1970-01-01 00:00:01");
        assert_eq!(text(&0u32.to_le_bytes(), old_timestamp), "0000-00-00 00:00:00");
    }
}
