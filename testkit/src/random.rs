//! Random numbers from a seed that a failing test names.

use std::time::{SystemTime, UNIX_EPOCH};

/// SplitMix64: small, and good enough to choose what happens next.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// From the environment variable MILLRACE_TEST_SEED where it is set, otherwise from the clock; the seed is printed.
    pub fn of_test(test: &str) -> Self {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::of_test_or(test, u64::from(clock.subsec_nanos()))
    }

    /// Like [`Random::of_test`], with this seed where none is set.
    pub fn of_test_or(test: &str, seed: u64) -> Self {
        let given = std::env::var("MILLRACE_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or(seed);
        eprintln!("{test}: MILLRACE_TEST_SEED={seed}");
        Self { state: seed }
    }

    /// The sequence of a seed.
    pub fn of_seed(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Another sequence that this one decides.
    pub fn fork(&mut self) -> Self {
        Self { state: self.next() }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to `bound` - 1; `bound` is above 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// One of the elements, in the order of the slice; the slice is not empty.
    pub fn choose<'a, T>(&mut self, elements: &'a [T]) -> &'a T {
        &elements[self.below(elements.len() as u64) as usize]
    }

    /// Puts the elements into a random order.
    pub fn shuffle<T>(&mut self, elements: &mut [T]) {
        for at in (1..elements.len()).rev() {
            elements.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}
