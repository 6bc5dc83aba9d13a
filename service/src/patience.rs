//! How often something is looked for that another process is to make: often at first, when all stages have just been
//! started and it is a matter of moments, and seldom where it takes long. Pure arithmetic.

use std::time::Duration;

use tokio::time::Instant;

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_millis(500);

/// A pause is this part of the time waited so far: what is looked for is found at most so much later than it was there.
const PART: u32 = 10;

/// Something that is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    since: Instant,
}

impl Patience {
    /// The waiting begins now.
    pub fn begin() -> Self {
        Self { since: Instant::now() }
    }

    /// Waits until it is time to look again: 50 ms at first, half a second after five seconds.
    pub async fn pause(&self) {
        tokio::time::sleep(pause_after(self.since.elapsed())).await;
    }
}

fn pause_after(waited: Duration) -> Duration {
    (waited / PART).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_the_time_waited() {
        let milliseconds = |waited| pause_after(Duration::from_millis(waited)).as_millis();
        assert_eq!([0, 400, 2_000, 5_000, 60_000].map(milliseconds), [50, 50, 200, 500, 500]);
    }
}
