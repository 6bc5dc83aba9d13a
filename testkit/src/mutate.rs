//! Bytes as nobody should send them: valid ones, changed at random.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// Values that decoders stumble over.
const EDGES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xfa, 0xfc, 0xfe, 0xff];

/// Random changes, from a seed that is printed (or given by MILLRACE_TEST_SEED).
#[derive(Debug)]
pub struct Mutations {
    state: u64,
}

impl Mutations {
    /// For the test of this name.
    pub fn of_test(test: &str) -> Self {
        let given = std::env::var("MILLRACE_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = given.unwrap_or_else(|| u64::from(clock().subsec_nanos()));
        eprintln!("{test}: MILLRACE_TEST_SEED={seed}");
        Self { state: seed }
    }

    /// A number from 0 to `bound` - 1; 0 for a bound of 0. (SplitMix64.)
    pub fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) as usize).checked_rem(bound).unwrap_or(0)
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
