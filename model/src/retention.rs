//! How much is left of the time for which something is kept that is still to be read.

use std::time::Duration;

/// How much of that time has gone by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Used {
    /// Less than half, or it is kept for ever.
    Little,
    /// Half or more.
    Half,
    /// Four fifths or more.
    Most,
}

impl Used {
    /// The share of the time that [`Used::Half`] begins at, in hundredths.
    pub const HALF: u32 = 50;
    /// The same for [`Used::Most`].
    pub const MOST: u32 = 80;

    /// For what was written `age` ago and is kept for `kept`; none for what is never deleted.
    pub fn of(age: Duration, kept: Option<Duration>) -> Self {
        let Some(kept) = kept else { return Self::Little };
        match age.as_millis().saturating_mul(100) {
            used if used >= kept.as_millis().saturating_mul(u128::from(Self::MOST)) => Self::Most,
            used if used >= kept.as_millis().saturating_mul(u128::from(Self::HALF)) => Self::Half,
            _ => Self::Little,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_at_half_and_at_four_fifths() {
        let day = Some(Duration::from_secs(86_400));
        for (hours, expected) in [
            (0, Used::Little),
            (11, Used::Little),
            (12, Used::Half),
            (19, Used::Half),
            (20, Used::Most),
            (1000, Used::Most),
        ] {
            let age = Duration::from_secs(hours * 3600);
            assert_eq!(Used::of(age, day), expected, "{hours} hours");
            assert_eq!(Used::of(age, None), Used::Little);
        }
    }
}
