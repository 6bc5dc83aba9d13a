//! LIKE: `%` stands for any characters, `_` for one; it compares character by character, so spaces at the end count in
//! every collation (Reference Manual, "String Comparison Functions and Operators").

use super::collation::{Collation, NotTold};

/// A pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    steps: Vec<Step>,
    /// None for binary data.
    collation: Option<Collation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Exactly(char),
    One,
    Any,
}

impl Pattern {
    /// A pattern over texts of a collation, or over bytes.
    pub(super) fn new(text: &str, escape: char, collation: Option<Collation>) -> Self {
        let mut steps = Vec::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            steps.push(match letter {
                // At the end of the pattern it stands for itself.
                letter if letter == escape => Step::Exactly(letters.next().unwrap_or(letter)),
                '%' => Step::Any,
                '_' => Step::One,
                letter => Step::Exactly(letter),
            });
        }
        Self { steps, collation }
    }

    pub(super) fn matches_text(&self, text: &str) -> Result<bool, NotTold> {
        let Some(collation) = self.collation else { return Err(NotTold) };
        if !collation.tells(text) {
            return Err(NotTold);
        }
        Ok(matches(&self.steps, text.chars(), |one, other| collation.same(one, other)))
    }

    /// Whether the column is a binary one.
    pub(super) fn is_of_bytes(&self) -> bool {
        self.collation.is_none()
    }

    /// Bytes are characters of their own here; the pattern of a binary column is ASCII.
    pub(super) fn matches_bytes(&self, bytes: &[u8]) -> bool {
        matches(&self.steps, bytes.iter().map(|byte| char::from(*byte)), |one, other| one == other)
    }
}

/// Goes back to the last `%` only: what an earlier one could take, the last one can take too.
fn matches<L: Iterator<Item = char> + Clone>(steps: &[Step], letters: L, same: impl Fn(char, char) -> bool) -> bool {
    let (mut step, mut rest) = (0, letters);
    let mut star: Option<(usize, L)> = None;
    loop {
        let mut ahead = rest.clone();
        let letter = ahead.next();
        let takes = match (steps.get(step), letter) {
            (Some(Step::Any), _) => {
                star = Some((step + 1, rest.clone()));
                step += 1;
                continue;
            }
            (None, None) => return true,
            (Some(Step::One), Some(_)) => true,
            (Some(Step::Exactly(own)), Some(letter)) => same(*own, letter),
            (_, None) | (None, Some(_)) => false,
        };
        if takes {
            (step, rest) = (step + 1, ahead);
            continue;
        }
        // The last `%` takes one letter more.
        let Some((after, mut from)) = star.take() else { return false };
        if from.next().is_none() {
            return false;
        }
        (step, rest) = (after, from.clone());
        star = Some((after, from));
    }
}
