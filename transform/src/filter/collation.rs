//! How MySQL compares texts, as far as it is known to be exactly that: every collation here orders the printable ASCII
//! characters (and tab to carriage return) one by one, without contractions and without characters that it overlooks, so
//! its order is a list; the lists are MySQL's own weights (`WEIGHT_STRING`), and a test asks the server for all of them.
//! `_bin` collations know every character: they compare code points.

use std::cmp::Ordering;

/// A collation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Collation {
    order: Order,
    padding: Padding,
}

/// How characters are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// By code point.
    CodePoint,
    /// By code point, constants in ASCII.
    Ascii,
    /// By code point, small letters as capital ones.
    Capitals,
    /// By [`UCA_9`], small letters as capital ones.
    Uca9,
    /// The same; texts that are equal so are ordered by their first difference in case, small letters first.
    Uca9WithCase,
    /// By [`UCA_4`], small letters as capital ones.
    Uca4,
}

/// Whether spaces at the end count (Reference Manual, "The binary Collation Compared to _bin Collations").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Padding {
    /// They count.
    None,
    /// The shorter text is filled with spaces.
    Spaces,
}

/// Characters of the Unicode Collation Algorithm 9.0.0 in rising order; letters follow.
const UCA_9: &[u8] = b"\t\n\x0b\x0c\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789";
/// The same of the versions 4.0.0 and 5.2.0.
const UCA_4: &[u8] = b"\t\n\x0b\x0c\r `^_-,;:!?.'\"()[]{}@*/\\&#%+<=>|~$0123456789";

const UCA_9_WEIGHTS: [u8; 128] = weights(UCA_9);
const UCA_4_WEIGHTS: [u8; 128] = weights(UCA_4);

/// The places of the characters, from 1; letters behind.
const fn weights(order: &[u8]) -> [u8; 128] {
    let mut weights = [0; 128];
    let mut at = 0;
    while at < order.len() {
        weights[order[at] as usize] = at as u8 + 1;
        at += 1;
    }
    let mut letter = 0;
    while letter < 26 {
        weights[b'A' as usize + letter] = (order.len() + letter) as u8 + 1;
        weights[b'a' as usize + letter] = (order.len() + letter) as u8 + 1;
        letter += 1;
    }
    weights
}

/// A character whose place in the collation is not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotTold;

/// Whether all characters of a text are among those that every collation here tells.
pub(super) fn is_told(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'\t'..=b'\r' | b' '..=b'~'))
}

impl Collation {
    /// The collation of MySQL's name, if it is known here.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (order, padding) = match name {
            "utf8mb4_bin" => (Order::CodePoint, Padding::Spaces),
            // Its characters go to U+FFFF, and a constant may go beyond.
            "utf8mb3_bin" | "ascii_bin" => (Order::Ascii, Padding::Spaces),
            "utf8mb4_0900_bin" => (Order::CodePoint, Padding::None),
            "utf8mb4_0900_ai_ci" | "utf8mb4_0900_as_ci" => (Order::Uca9, Padding::None),
            "utf8mb4_0900_as_cs" => (Order::Uca9WithCase, Padding::None),
            "utf8mb4_unicode_ci" | "utf8mb3_unicode_ci" | "utf8mb4_unicode_520_ci" | "utf8mb3_unicode_520_ci" => {
                (Order::Uca4, Padding::Spaces)
            }
            "utf8mb4_general_ci" | "utf8mb3_general_ci" | "latin1_swedish_ci" | "latin1_general_ci"
            | "ascii_general_ci" => (Order::Capitals, Padding::Spaces),
            _ => return None,
        };
        Some(Self { order, padding })
    }

    /// Whether the collation tells all characters of a text.
    pub(super) fn tells(self, text: &str) -> bool {
        matches!(self.order, Order::CodePoint | Order::Ascii) || is_told(text)
    }

    /// Whether constants of any character can be compared.
    pub(super) fn holds_unicode(self) -> bool {
        self.order == Order::CodePoint
    }

    /// How two texts are ordered.
    pub(super) fn compare(self, one: &str, other: &str) -> Result<Ordering, NotTold> {
        if !self.tells(one) || !self.tells(other) {
            return Err(NotTold);
        }
        // The order of UTF-8 is that of code points, byte by byte.
        let by_weight = self.by_weight(one.as_bytes(), other.as_bytes());
        Ok(match self.order {
            Order::Uca9WithCase => by_weight.then_with(|| by_case(one.as_bytes(), other.as_bytes())),
            _ => by_weight,
        })
    }

    fn by_weight(self, one: &[u8], other: &[u8]) -> Ordering {
        let common = one.len().min(other.len());
        let weight = |byte: &u8| self.weight(*byte);
        let start = one[..common].iter().map(weight).cmp(other[..common].iter().map(weight));
        let space = self.weight(b' ');
        start.then_with(|| match self.padding {
            Padding::None => one.len().cmp(&other.len()),
            Padding::Spaces if one.len() > common => {
                one[common..].iter().map(weight).cmp(std::iter::repeat_n(space, one.len() - common))
            }
            Padding::Spaces => std::iter::repeat_n(space, other.len() - common).cmp(other[common..].iter().map(weight)),
        })
    }

    fn weight(self, byte: u8) -> u8 {
        let of = |weights: &[u8; 128]| weights.get(usize::from(byte)).copied().unwrap_or(u8::MAX);
        match self.order {
            Order::CodePoint | Order::Ascii => byte,
            Order::Capitals => byte.to_ascii_uppercase(),
            Order::Uca9 | Order::Uca9WithCase => of(&UCA_9_WEIGHTS),
            Order::Uca4 => of(&UCA_4_WEIGHTS),
        }
    }

    /// Whether LIKE takes two characters for one.
    pub(super) fn same(self, one: char, other: char) -> bool {
        match self.order {
            Order::CodePoint | Order::Ascii | Order::Uca9WithCase => one == other,
            Order::Capitals | Order::Uca9 | Order::Uca4 => one.eq_ignore_ascii_case(&other),
        }
    }
}

fn by_case(one: &[u8], other: &[u8]) -> Ordering {
    let is_capital = |byte: &u8| byte.is_ascii_uppercase();
    one.iter().map(is_capital).cmp(other.iter().map(is_capital))
}
