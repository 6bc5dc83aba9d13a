//! Waiting for a condition without a fixed sleep.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Polls until `condition` gives true; fails after `limit`, naming `what` was awaited, and at once on an error.
/// The pause between polls grows from 5 to 100 milliseconds, so that quick conditions are seen quickly.
pub async fn poll_until(limit: Duration, what: &str, mut condition: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(5);
    while !condition().await? {
        if start.elapsed() >= limit {
            bail!("not within {limit:?}: {what}");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    Ok(())
}

/// Lets time pass as a writer or an accident does: for a load's pace and for random moments, never for a result.
pub async fn pace(time: Duration) {
    tokio::time::sleep(time).await;
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn ends_when_the_condition_holds() {
        let mut calls = 0;
        poll_until(Duration::from_secs(10), "three calls", async || {
            calls += 1;
            Ok(calls == 3)
        })
        .await
        .expect("it holds at the third call");
        assert_eq!(calls, 3);
    }

    #[tokio::test]
    async fn a_condition_that_never_holds_is_named() {
        let waited = poll_until(Duration::from_millis(20), "the moon", async || Ok(false)).await;
        assert!(waited.expect_err("it never holds").to_string().contains("the moon"));
    }

    #[tokio::test]
    async fn an_error_ends_it() {
        let waited = poll_until(Duration::from_secs(10), "nothing", async || bail!("broken")).await;
        assert_eq!(waited.expect_err("it is an error").to_string(), "broken");
    }
}
