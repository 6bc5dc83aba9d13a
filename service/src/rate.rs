//! How many things a second, over the last ten seconds: what `status` shows as a rate.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// What is looked at.
const WINDOW: Duration = Duration::from_secs(10);

/// Additions this close together are one sample, so that a rate holds few of them whatever is added how often.
const SAMPLE: Duration = Duration::from_millis(250);

/// Counts things over a sliding window.
#[derive(Debug)]
pub struct Rate {
    began: Instant,
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    /// A rate that begins to count now.
    pub fn new(now: Instant) -> Self {
        Self { began: now, samples: VecDeque::new() }
    }

    /// Counts some more.
    pub fn add(&mut self, count: u64, now: Instant) {
        match self.samples.back_mut() {
            Some((at, sum)) if now.duration_since(*at) < SAMPLE => *sum += count,
            _ => self.samples.push_back((now, count)),
        }
        self.forget(now);
    }

    /// Things a second, over the last ten seconds or since the beginning; 0 in the first quarter of a second.
    pub fn per_second(&mut self, now: Instant) -> f64 {
        self.forget(now);
        let over = now.duration_since(self.began).min(WINDOW);
        if over < SAMPLE {
            return 0.0;
        }
        let sum: u64 = self.samples.iter().map(|(_, count)| count).sum();
        sum as f64 / over.as_secs_f64()
    }

    fn forget(&mut self, now: Instant) {
        while self.samples.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.samples.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_counts_no_more() {
        let began = Instant::now();
        let mut rate = Rate::new(began);
        for second in 0..20 {
            rate.add(100, began + Duration::from_secs(second));
        }
        let now = began + Duration::from_secs(20);
        assert!((rate.per_second(now) - 100.0).abs() < 1e-9);
        assert_eq!(rate.per_second(now + Duration::from_secs(60)), 0.0);
    }

    #[test]
    fn the_first_seconds_are_over_the_time_that_there_was() {
        let began = Instant::now();
        let mut rate = Rate::new(began);
        rate.add(50, began);
        assert_eq!(rate.per_second(began), 0.0);
        assert!((rate.per_second(began + Duration::from_secs(2)) - 25.0).abs() < 1e-9);
    }

    #[test]
    fn many_additions_are_few_samples() {
        let began = Instant::now();
        let mut rate = Rate::new(began);
        for millisecond in 0..5000 {
            rate.add(1, began + Duration::from_millis(millisecond));
        }
        assert!(rate.samples.len() <= 20, "{}", rate.samples.len());
        assert!((rate.per_second(began + Duration::from_secs(5)) - 1000.0).abs() < 1.0);
    }
}
