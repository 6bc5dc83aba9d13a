//! Numbers as exact decimals, whatever their size, without a copy of their digits; and as doubles.

use std::cmp::Ordering;

use millrace_model::row::Cell;

/// A number: a whole one, or one in digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number<'d> {
    is_negative: bool,
    digits: Digits<'d>,
}

#[derive(Debug, Clone, Copy)]
enum Digits<'d> {
    Whole(u64),
    /// Without zeros at its beginning, and at its end.
    Decimal {
        whole: &'d str,
        fraction: &'d str,
    },
}

/// The double of a cell, as MySQL takes a number of any type for one (`val_real`): the nearest, and of two the even one.
pub(super) fn real(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Float(value) => Some(f64::from(value)),
        Cell::Double(value) => Some(value),
        Cell::Int(value) => Some(value as f64),
        Cell::UInt(value) => Some(value as f64),
        Cell::Text(digits) => digits.parse().ok(),
        _ => None,
    }
}

impl<'d> Number<'d> {
    /// The number of a cell; none where it is of another kind.
    pub(super) fn of_cell(cell: Cell<'d>) -> Option<Self> {
        match cell {
            Cell::Int(value) => Some(Self { is_negative: value < 0, digits: Digits::Whole(value.unsigned_abs()) }),
            Cell::UInt(value) => Some(Self { is_negative: false, digits: Digits::Whole(value) }),
            Cell::Text(text) => Some(Self::of_text(text)),
            _ => None,
        }
    }

    /// The number of plain decimal digits, with `-` or without.
    pub(super) fn of_text(text: &'d str) -> Self {
        let digits = text.trim_start_matches('-');
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let is_zero = whole.is_empty() && fraction.is_empty();
        Self { is_negative: text.starts_with('-') && !is_zero, digits: Digits::Decimal { whole, fraction } }
    }

    pub(super) fn is_zero(&self) -> bool {
        match self.digits {
            Digits::Whole(value) => value == 0,
            Digits::Decimal { whole, fraction } => whole.is_empty() && fraction.is_empty(),
        }
    }

    pub(super) fn cmp(&self, other: &Number<'_>) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => size(&self.digits, &other.digits),
            (true, true) => size(&other.digits, &self.digits),
        }
    }
}

fn size(one: &Digits<'_>, other: &Digits<'_>) -> Ordering {
    if let (Digits::Whole(one), Digits::Whole(other)) = (one, other) {
        return one.cmp(other);
    }
    let (mut one_space, mut other_space) = ([0; 20], [0; 20]);
    let (one, one_fraction) = parts(one, &mut one_space);
    let (other, other_fraction) = parts(other, &mut other_space);
    // Of whole numbers without zeros at their beginning the longer one is the larger.
    one.len().cmp(&other.len()).then_with(|| one.cmp(other)).then_with(|| one_fraction.cmp(other_fraction))
}

/// The digits before and after the point; `space` is for those of a whole number.
fn parts<'s>(digits: &Digits<'s>, space: &'s mut [u8; 20]) -> (&'s [u8], &'s [u8]) {
    match digits {
        Digits::Decimal { whole, fraction } => (whole.as_bytes(), fraction.as_bytes()),
        Digits::Whole(value) => {
            let (mut rest, mut at) = (*value, space.len());
            while rest > 0 {
                at -= 1;
                space[at] = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            (&space[at..], &[])
        }
    }
}
