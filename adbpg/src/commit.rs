//! COMMIT, and knowing what became of it.
//!
//! A server answers COMMIT of an aborted transaction with success and the tag `ROLLBACK`, and the driver does not show
//! tags. So COMMIT is only sent after a SAVEPOINT was accepted: an aborted transaction refuses it (25P02), a session
//! that is in no transaction too (25P01), and on Greenplum it also reaches the segments. Between the two the
//! transaction is idle, where only the end of the session can abort it, and then COMMIT fails instead of "succeeding".
//!
//! An error *from* COMMIT says "not committed" only where the server decided so while it could still abort (class 23,
//! 40, 25); everything else - a lost reply above all - is [`CommitOutcome::Unknown`], and the caller reads progress.

use std::time::Duration;

use millrace_model::ErrorClass;
use tokio_postgres::Transaction;

use crate::connect::Usability;
use crate::error::AdbpgError;

/// How long an answer to COMMIT is waited for. Greenplum retries the second phase for up to ten minutes by itself.
const COMMIT_LIMIT: Duration = Duration::from_secs(60);

/// What became of a COMMIT that was sent.
#[derive(Debug)]
#[must_use]
pub enum CommitOutcome {
    /// It is durable.
    Committed,
    /// It may have happened or may still happen: connect anew and read progress. A commit that is still running keeps
    /// its progress row locked, so that the next advance waits for it and cannot pass it.
    Unknown(AdbpgError),
}

/// Ends a transaction with COMMIT. An error means that nothing was committed.
pub(crate) async fn commit(
    transaction: Transaction<'_>,
    usability: &mut Usability,
) -> Result<CommitOutcome, AdbpgError> {
    if let Err(error) = transaction.batch_execute("SAVEPOINT millrace_commit").await {
        let error = AdbpgError::of("prepare the commit", &error);
        if error.class() == ErrorClass::Connection {
            *usability = Usability::Doubtful;
        }
        return Err(match error {
            AdbpgError::Server { state, text, .. } if state == "25P01" || state == "25P02" => AdbpgError::Aborted(text),
            other => other,
        });
    }
    let answer = tokio::time::timeout(COMMIT_LIMIT, transaction.commit()).await;
    let error = match answer {
        Ok(Ok(())) => return Ok(CommitOutcome::Committed),
        Ok(Err(error)) => AdbpgError::of("commit", &error),
        Err(_) => AdbpgError::CommitTimeout(COMMIT_LIMIT.as_secs()),
    };
    if error.state().is_some_and(was_refused) {
        return Err(error);
    }
    *usability = Usability::Doubtful;
    Ok(CommitOutcome::Unknown(error))
}

/// Whether an error of COMMIT says that the server aborted. 40003 is "statement completion unknown".
fn was_refused(state: &str) -> bool {
    state != "40003" && ["23", "25", "40"].iter().any(|class| state.starts_with(class))
}
