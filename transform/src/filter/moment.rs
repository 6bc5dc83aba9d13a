//! DATE, DATETIME and TIMESTAMP as they are ordered, and TIME in microseconds.

use crate::treatment::{DateKind, kind_of_date};

/// A moment in parts that are ordered as they stand. A zero date is before all others, as in MySQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment<'t> {
    date: &'t str,
    time: &'t str,
    /// Without zeros at its end.
    fraction: &'t str,
}

impl<'t> Moment<'t> {
    /// The moment of `YYYY-MM-DD[ hh:mm:ss[.ffffff]]`; a date alone is its midnight.
    pub(super) fn of(text: &'t str) -> Self {
        let (date, time) = text.split_once(' ').unwrap_or((text, "00:00:00"));
        let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
        Self { date, time, fraction: fraction.trim_end_matches('0') }
    }
}

/// The microseconds of `[-]hh:mm:ss[.ffffff]`, hours of two or three digits.
pub(crate) fn micros(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (clock, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut parts = clock.split(':');
    let mut next = |longest: usize| -> Option<i64> {
        let part = parts.next()?;
        let fits = (2..=longest).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit());
        fits.then(|| part.parse().ok())?
    };
    let (hours, minutes, seconds) = (next(3)?, next(2)?, next(2)?);
    let is_fraction = fraction.len() <= 6 && fraction.bytes().all(|digit| digit.is_ascii_digit());
    let in_range = hours <= 838 && minutes < 60 && seconds < 60 && is_fraction;
    if !in_range || parts.next().is_some() || digits.ends_with('.') {
        return None;
    }
    let fraction = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    let micros = fraction.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let size = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros;
    Some(if text.starts_with('-') { -size } else { size })
}

/// Whether a text is `YYYY-MM-DD` and a date of the calendar.
pub fn is_date(text: &str) -> bool {
    let shape = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    text.len() == 10 && shape && matches!(kind_of_date(text), Ok(DateKind::Valid))
}

/// Whether a text is `YYYY-MM-DD hh:mm:ss` with at most six digits of a fraction.
pub fn is_moment(text: &str) -> bool {
    let Some((date, time)) = text.split_once(' ') else { return false };
    let of_day = time.len() >= 8 && time.as_bytes()[2] == b':' && time.get(..2).is_some_and(|hours| hours < "24");
    is_date(date) && of_day && micros(time).is_some()
}
