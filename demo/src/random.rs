//! Random numbers that a seed repeats (xorshift64*), and Zipf's law.

/// A generator.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// From a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 to below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// From 1 to `limit`, of which k comes about in proportion to 1/k.
    pub(crate) fn zipf(&mut self, limit: u32) -> u64 {
        let part = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        f64::from(limit).powf(part) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_stays_in_range_and_prefers_the_first() {
        let mut random = Random::new(7);
        let drawn: Vec<u64> = (0..10_000).map(|_| random.zipf(1000)).collect();
        assert!(drawn.iter().all(|k| (1..=1000).contains(k)));
        let count = |wanted: u64| drawn.iter().filter(|k| **k == wanted).count();
        assert!(count(1) > 3 * count(10), "{} and {}", count(1), count(10));
    }
}
