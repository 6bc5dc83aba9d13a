//! Bytes as nobody should send them: valid ones, changed at random.

use std::fs;

use anyhow::{Context, Result};

use crate::random::Random;

/// Values that decoders stumble over.
const EDGES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xfa, 0xfc, 0xfe, 0xff];

/// Random changes, from a seed that is printed (or given by MILLRACE_TEST_SEED).
#[derive(Debug)]
pub struct Mutations {
    random: Random,
}

impl Mutations {
    /// For the test of this name.
    pub fn of_test(test: &str) -> Self {
        Self { random: Random::of_test(test) }
    }

    /// A number from 0 to `bound` - 1; 0 for a bound of 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.random.below(bound as u64) as usize }
    }

    /// The bytes with one to four changes: of bits, bytes and lengths, cut, repeated or moved.
    pub fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let length = self.below((bytes.len() - at).min(40) + 1);
        match self.below(9) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = EDGES[self.below(EDGES.len())],
            2 => bytes.insert(at, EDGES[self.below(EDGES.len())]),
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..at + length)),
            5 => {
                let part = bytes[at..at + length].to_vec();
                let to = self.below(bytes.len());
                bytes.splice(to..to, part);
            }
            // A length that promises more than there is.
            6 => bytes[at..at + length.min(8)].fill(0xff),
            7 => bytes[at..at + length].fill(0),
            _ => {
                let part: Vec<u8> = (0..length).map(|_| self.below(256) as u8).collect();
                bytes.splice(at..at + length, part);
            }
        }
    }
}

/// The most address space that this process has ever had, in bytes: what was allocated counts even if nobody touched it.
pub fn peak_address_space() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmPeak:")).context("no VmPeak in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]

    use super::*;

    #[test]
    fn empty_bytes_can_be_changed_too() {
        let mut mutations = Mutations::of_test("empty");
        let longest = (0..10_000).map(|_| mutations.mutate(b"").len()).max();
        assert!(longest > Some(0));
    }

    #[test]
    fn address_space_is_counted() {
        let before = peak_address_space().expect("linux");
        let space: Vec<u8> = Vec::with_capacity(1 << 30);
        assert!(peak_address_space().expect("linux") >= before.max(space.capacity() as u64));
    }
}
