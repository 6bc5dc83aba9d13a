//! How MySQL compares texts, as far as it is known to be exactly that: every collation here orders the printable ASCII
//! characters (and tab to carriage return) one by one, without contractions and without characters that it overlooks, so
//! its order is a list; the lists are MySQL's own weights (`WEIGHT_STRING`), and a test asks the server for all of them.
//! The Chinese characters from U+4E00 to U+9FA5 follow in the order of their code points, in every collation. These
//! characters are *told*. `_bin` collations know every character: they compare code points.
//!
//! Of other characters it is only known that what stands behind the first difference does not matter. So a text that has
//! them is compared up to the first of them; that, or an ASCII character before it, with which it could be one (the dot
//! of a Catalan `l·`, an accent), must not be reached.

use std::cmp::Ordering;

/// A collation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Collation {
    order: Order,
    padding: Padding,
    repertoire: Repertoire,
}

/// Which of the told characters constants may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repertoire {
    /// Those of ASCII: the column holds no others, or only some of them.
    Ascii,
    /// All.
    Unicode,
}

/// How characters are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// By code point.
    CodePoint,
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

/// Where the told characters beyond ASCII stand in the orders: all of them behind it.
const BEYOND_ASCII: u32 = 0x100;

fn is_told_character(character: char) -> bool {
    matches!(character, '\t'..='\r' | ' '..='~' | '\u{4e00}'..='\u{9fa5}')
}

/// Whether all characters of a text are among those that every collation here tells.
pub(super) fn is_told(text: &str) -> bool {
    text.chars().all(is_told_character)
}

impl Collation {
    /// The collation of MySQL's name, if it is known here.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (order, padding, repertoire) = match name {
            "utf8mb4_bin" => (Order::CodePoint, Padding::Spaces, Repertoire::Unicode),
            // Its characters go to U+FFFF, and a constant may go beyond.
            "utf8mb3_bin" | "ascii_bin" => (Order::CodePoint, Padding::Spaces, Repertoire::Ascii),
            "utf8mb4_0900_bin" => (Order::CodePoint, Padding::None, Repertoire::Unicode),
            "utf8mb4_0900_ai_ci" | "utf8mb4_0900_as_ci" => (Order::Uca9, Padding::None, Repertoire::Unicode),
            "utf8mb4_0900_as_cs" => (Order::Uca9WithCase, Padding::None, Repertoire::Unicode),
            "utf8mb4_unicode_ci" | "utf8mb3_unicode_ci" | "utf8mb4_unicode_520_ci" | "utf8mb3_unicode_520_ci" => {
                (Order::Uca4, Padding::Spaces, Repertoire::Unicode)
            }
            "utf8mb4_general_ci" | "utf8mb3_general_ci" => (Order::Capitals, Padding::Spaces, Repertoire::Unicode),
            "latin1_swedish_ci" | "latin1_general_ci" | "ascii_general_ci" => {
                (Order::Capitals, Padding::Spaces, Repertoire::Ascii)
            }
            _ => return None,
        };
        Some(Self { order, padding, repertoire })
    }

    /// Whether the collation tells all characters of a text.
    pub(super) fn tells(self, text: &str) -> bool {
        self.order == Order::CodePoint || is_told(text)
    }

    /// Whether a constant can be compared.
    pub(super) fn takes_constant(self, text: &str) -> bool {
        self.tells(text) && (text.is_ascii() || self.repertoire == Repertoire::Unicode)
    }

    /// How two texts are ordered.
    pub(super) fn compare(self, one: &str, other: &str) -> Result<Ordering, NotTold> {
        let by_weight = self.by_weight(one, other)?;
        Ok(match self.order {
            Order::Uca9WithCase => by_weight.then_with(|| by_case(one, other)),
            _ => by_weight,
        })
    }

    fn by_weight(self, one: &str, other: &str) -> Result<Ordering, NotTold> {
        let (mut one, mut other) = (one.chars(), other.chars());
        loop {
            let (left, right) = (self.next_weight(&mut one)?, self.next_weight(&mut other)?);
            let order = match (left, right, self.padding) {
                (None, None, _) => return Ok(Ordering::Equal),
                (Some(left), Some(right), _) => left.cmp(&right),
                (left, right, Padding::None) => left.cmp(&right),
                (left, right, Padding::Spaces) => {
                    let space = self.weight(' ');
                    left.unwrap_or(space).cmp(&right.unwrap_or(space))
                }
            };
            if order.is_ne() {
                return Ok(order);
            }
        }
    }

    /// The weight of the next character; none at the end.
    fn next_weight(self, letters: &mut std::str::Chars<'_>) -> Result<Option<u32>, NotTold> {
        let Some(letter) = letters.next() else { return Ok(None) };
        if self.order != Order::CodePoint {
            let joins = |next: char| letter.is_ascii() && !is_told_character(next);
            if !is_told_character(letter) || letters.clone().next().is_some_and(joins) {
                return Err(NotTold);
            }
        }
        Ok(Some(self.weight(letter)))
    }

    fn weight(self, letter: char) -> u32 {
        let of = |weights: &[u8; 128]| match weights.get(letter as usize) {
            Some(weight) => u32::from(*weight),
            None => BEYOND_ASCII + u32::from(letter),
        };
        match self.order {
            Order::CodePoint => letter.into(),
            Order::Capitals => letter.to_ascii_uppercase().into(),
            Order::Uca9 | Order::Uca9WithCase => of(&UCA_9_WEIGHTS),
            Order::Uca4 => of(&UCA_4_WEIGHTS),
        }
    }

    /// Whether LIKE takes two characters for one.
    pub(super) fn same(self, one: char, other: char) -> bool {
        match self.order {
            Order::CodePoint | Order::Uca9WithCase => one == other,
            Order::Capitals | Order::Uca9 | Order::Uca4 => one.eq_ignore_ascii_case(&other),
        }
    }
}

fn by_case(one: &str, other: &str) -> Ordering {
    let is_capital = |letter: char| letter.is_ascii_uppercase();
    one.chars().map(is_capital).cmp(other.chars().map(is_capital))
}
