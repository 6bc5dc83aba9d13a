//! Damage to bytes on their way: one bit of one byte is changed, as a faulty device does after TCP's own checksum was looked at.

use crate::random::Random;

/// Least bytes that come together once a TLS connection is made; what is said before is shorter.
const STRETCH: usize = 4 << 10;

/// How a record of TLS with data begins.
const RECORD: [u8; 3] = [0x17, 3, 3];

/// Whose bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What the client sends.
    ToServer,
    /// What the server sends.
    ToClient,
}

/// Which bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// Those of this text, wherever it comes next.
    Text(Vec<u8>),
    /// Data of a TLS connection; not the length of a record, with which both sides would wait for each other.
    Encrypted,
}

/// A byte that is changed, once.
#[derive(Debug)]
pub struct Damage {
    direction: Direction,
    spot: Spot,
    random: Random,
}

impl Damage {
    /// One of the bytes of this spot, at a random place.
    pub fn new(direction: Direction, spot: Spot, random: &mut Random) -> Self {
        Self { direction, spot, random: random.fork() }
    }

    /// Changes one of these bytes, if the spot is among them; says whether it was.
    pub(crate) fn hits(&mut self, direction: Direction, bytes: &mut [u8]) -> bool {
        if direction != self.direction {
            return false;
        }
        let place = match &self.spot {
            Spot::Text(text) => bytes
                .windows(text.len())
                .position(|window| window == text)
                .map(|begin| begin + self.random.below(text.len() as u64) as usize),
            Spot::Encrypted if bytes.len() < STRETCH => None,
            Spot::Encrypted => {
                let place = 16 + self.random.below(bytes.len() as u64 - 32) as usize;
                let near = &bytes[place - 4..place + 3];
                (!near.windows(RECORD.len()).any(|window| window == RECORD)).then_some(place)
            }
        };
        let bit = 1 << self.random.below(8);
        let Some(byte) = place.and_then(|place| bytes.get_mut(place)) else { return false };
        *byte ^= bit;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_of_the_spot_is_changed_and_nothing_else() {
        let spot = Spot::Text(b"here".to_vec());
        let mut damage = Damage::new(Direction::ToServer, spot, &mut Random::of_seed(7));
        let before = b"not this, but here, and not there".to_vec();
        let mut bytes = before.clone();
        assert!(!damage.hits(Direction::ToClient, &mut bytes) && !damage.hits(Direction::ToServer, &mut bytes[..9]));
        assert_eq!(bytes, before);
        assert!(damage.hits(Direction::ToServer, &mut bytes));
        let changed: Vec<usize> = (0..before.len()).filter(|at| before[*at] != bytes[*at]).collect();
        assert!(matches!(changed[..], [14..18]), "{changed:?}");
        assert_eq!((bytes[changed[0]] ^ before[changed[0]]).count_ones(), 1);
    }

    #[test]
    fn lengths_of_encrypted_records_are_left_alone() {
        let mut random = Random::of_seed(7);
        let header = [0x17, 3, 3, 1, 0];
        let before = header.repeat(STRETCH / header.len() + 1);
        let mut bytes = before.clone();
        assert!(!Damage::new(Direction::ToServer, Spot::Encrypted, &mut random).hits(Direction::ToServer, &mut bytes));
        let mut bytes = vec![9; STRETCH];
        assert!(Damage::new(Direction::ToServer, Spot::Encrypted, &mut random).hits(Direction::ToServer, &mut bytes));
        assert_eq!(bytes.iter().filter(|byte| **byte != 9).count(), 1);
    }
}
