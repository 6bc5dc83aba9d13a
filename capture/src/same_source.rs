//! Whether the source of a restart is the one that was read before, and still has everything that comes next.
//!
//! The checkpoint names a server, a binlog file by name and creation time, and an offset in it. A file that is shorter, or
//! that was made at another time, is not the file that was read: the server was reset, restored, or lost the end of its
//! binlog in a crash, and may have given the same GTIDs or places to other transactions. A file that was purged while the
//! GTIDs say that nothing is missing tells nothing, and is no reason to stop.

use millrace_model::position::Reading;
use millrace_model::{BinlogPlace, Failure, GtidSet, SourceMark};
use millrace_mysql::binlog::read_file_created;
use millrace_mysql::server::{BinlogFile, read_binlogs, read_executed, read_purged};
use millrace_mysql::{Session, SourceOptions};
use millrace_task::Task;

use crate::options::reader_id;

/// What the server says of itself now.
#[derive(Debug)]
struct Present {
    executed: Reading,
    purged: GtidSet,
    files: Vec<BinlogFile>,
    /// When the checkpoint's file was made, seconds; none where there is no file of that name.
    created: Option<u32>,
}

/// Ensures that the source is the one that was read up to `mark`, and that nothing after `mark` is gone.
pub(crate) async fn ensure_same_source(
    session: &mut Session,
    task: &Task,
    options: &SourceOptions,
    mark: &SourceMark,
) -> Result<(), Failure> {
    let files = read_binlogs(session).await?;
    let is_there = files.iter().any(|file| *file.name == *mark.place.file);
    let created = match is_there {
        true => Some(read_file_created(options.opts(), &mark.place.file, reader_id(task)).await?),
        false => None,
    };
    let executed = read_executed(session).await?;
    let purged = read_purged(session).await?;
    judge(mark, &Present { executed, purged, files, created })
}

fn judge(mark: &SourceMark, present: &Present) -> Result<(), Failure> {
    if let Reading::Gtids(delivered) = &mark.delivered {
        let Reading::Gtids(executed) = &present.executed else {
            return Err(Failure::fatal(
                "the source has no GTIDs any more, but the task was started with them",
                "set gtid_mode = ON again, step by step OFF_PERMISSIVE, ON_PERMISSIVE, ON",
            ));
        };
        ensure_gtids(delivered, executed)?;
        ensure_unread_is_there(mark, &present.purged)?;
    }
    ensure_file(mark, present)?;
    ensure_prepared_is_there(mark, &present.files)
}

fn ensure_gtids(delivered: &GtidSet, executed: &GtidSet) -> Result<(), Failure> {
    let missing = delivered.minus(executed);
    if missing.is_empty() {
        return Ok(());
    }
    Err(lost(format!("the source no longer has transactions that were read from it: {missing}")))
}

/// What a restart reads: what comes next, and the rows of distributed transactions that are prepared.
pub(crate) fn ensure_unread_is_there(mark: &SourceMark, purged: &GtidSet) -> Result<(), Failure> {
    let Reading::Gtids(resume) = mark.resume() else { return Ok(()) };
    let unread = purged.minus(&resume);
    if unread.is_empty() {
        return Ok(());
    }
    Err(purged_before(format!("the source has purged transactions that were not read yet: {unread}")))
}

fn ensure_prepared_is_there(mark: &SourceMark, files: &[BinlogFile]) -> Result<(), Failure> {
    let Reading::Place(BinlogPlace { file, .. }) = mark.resume() else { return Ok(()) };
    if files.iter().any(|found| *found.name == *file) {
        return Ok(());
    }
    Err(purged_before(format!(
        "the source has purged binlog {file}, which has rows of a distributed (xa) transaction that is still prepared"
    )))
}

fn ensure_file(mark: &SourceMark, present: &Present) -> Result<(), Failure> {
    let BinlogPlace { file, offset } = &mark.place;
    let Some(found) = present.files.iter().find(|found| *found.name == **file) else {
        return ensure_only_purged(mark, present);
    };
    if found.size < *offset {
        return Err(lost(format!(
            "binlog {file} of the source ends at {}, but the task has read it up to {offset}",
            found.size
        )));
    }
    match present.created {
        Some(created) if mark.file_created != 0 && created != mark.file_created => Err(lost(format!(
            "binlog {file} of the source is not the one that the task read: it was made {} later",
            seconds_between(mark.file_created, created)
        ))),
        _ => Ok(()),
    }
}

/// The checkpoint's file is gone.
fn ensure_only_purged(mark: &SourceMark, present: &Present) -> Result<(), Failure> {
    let (Some(oldest), Some(newest)) = (present.files.first(), present.files.last()) else {
        return Err(lost("the source has no binlog".to_owned()));
    };
    let is_later = BinlogPlace::new(oldest.name.as_str(), 0).file_number() > mark.place.file_number();
    let file = &mark.place.file;
    match (&mark.delivered, is_later) {
        (Reading::Gtids(_), true) => {
            tracing::info!(%file, "the binlog at which the task stood is purged; all that comes after it is there");
            Ok(())
        }
        (Reading::Place(_), true) => Err(purged_before(format!(
            "the source has purged binlog {file}, which was not read to its end: its oldest is {}",
            oldest.name
        ))),
        (_, false) => Err(lost(format!(
            "the source no longer has binlog {file}, from which the task read: it has {} to {}",
            oldest.name, newest.name
        ))),
    }
}

fn seconds_between(before: u32, after: u32) -> String {
    format!("{} s", i64::from(after) - i64::from(before))
}

fn lost(message: String) -> Failure {
    Failure::fatal(
        message,
        "the server was reset, restored, or lost its last transactions in a crash, and the destination may have changes \
         that it no longer has: start a new task under another name, which loads the tables anew, or point source.url to \
         the server as it was",
    )
}

fn purged_before(message: String) -> Failure {
    Failure::fatal(
        message,
        "the task cannot go on without a gap: put the purged binlogs back into the server's binlog folder and index, or \
         start a new task under another name, which loads the tables anew; keep binlogs longer \
         (binlog_expire_logs_seconds)",
    )
}

#[cfg(test)]
mod tests;
