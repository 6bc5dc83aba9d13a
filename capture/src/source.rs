//! The server that an attempt reads from: the source of the task file, or one of those to go on from.
//!
//! A task stays on the server that its checkpoint names as long as that can be reached, and stops if that server is no
//! longer what it was ([`crate::same_source`]). Only where it cannot be reached another takes over, and only with GTIDs: one
//! whose executed set has everything that was delivered, and the transaction that is partly published, and whose binlog gets
//! all that comes (no replica that does not log what it replicates). They are tried in the order of the task file; where none
//! will do, the failure says for each why. What a snapshot had under way ends with the attempt, so no chunk is joined to the
//! stream of two servers.

use millrace_model::checkpoint::Checkpoint;
use millrace_model::position::Reading;
use millrace_model::{ErrorClass, Failure, GtidSet, SourceMark};
use millrace_mysql::binlog::read_file_created;
use millrace_mysql::server::{read_binlog_end, read_executed, read_purged};
use millrace_mysql::{ServerFacts, Session, SourceOptions};
use millrace_task::{Phase, Task};

use crate::checks::ensure_binlog_can_be_followed;
use crate::options::{candidates, reader_id};
use crate::same_source::{ensure_same_source, ensure_unread_is_there};

/// A server that answered.
pub(crate) struct OpenSource {
    pub(crate) session: Session,
    pub(crate) facts: ServerFacts,
    pub(crate) options: SourceOptions,
}

impl OpenSource {
    /// Connects to the first server that can be reached; of those to go on from, to one whose binlog can be followed.
    pub(crate) async fn connect(task: &Task) -> Result<Self, Failure> {
        let mut passed = Vec::new();
        for options in candidates(&task.source) {
            let address = options.address();
            match Self::open(task, options).await {
                Ok(open) => return Ok(open),
                Err(failure) if passed.is_empty() && failure.class != ErrorClass::Connection => return Err(failure),
                Err(failure) => passed.push((address, failure)),
            }
        }
        // The first may come back: what is wrong with the others is no reason to stop.
        Err(none_will_do(passed, 0))
    }

    async fn open(task: &Task, options: SourceOptions) -> Result<Self, Failure> {
        let mut session = Session::connect(&options).await?;
        let facts = ServerFacts::read(&mut session).await?;
        if task.phases.contains(Phase::Incremental) {
            ensure_binlog_can_be_followed(&mut session, &facts, task).await?;
        }
        Ok(Self { session, facts, options })
    }

    /// Ensures that this is the server of `source.url`: a task begins nowhere else.
    pub(crate) fn ensure_is_first(&self, task: &Task) -> Result<(), Failure> {
        if self.options.address() == task.source.server.address() {
            return Ok(());
        }
        Err(Failure::connection(
            format!(
                "the source at \"{}\" cannot be reached, and a new task begins there",
                task.source.server.address()
            ),
            "servers in source.failover take over only from a task that was started",
        ))
    }

    /// The server to go on from, with the checkpoint as it is there.
    pub(crate) async fn for_restart(mut self, task: &Task, checkpoint: &mut Checkpoint) -> Result<Self, Failure> {
        let Some(mark) = &checkpoint.source else { return Ok(self) };
        if mark.server != self.facts.server_uuid {
            self = self.or_the_one_read_before(task, mark).await;
        }
        let mark = mark.clone();
        if mark.server == self.facts.server_uuid {
            ensure_same_source(&mut self.session, task, &self.options, &mark).await?;
            return Ok(self);
        }
        let partial = checkpoint.partial.as_ref().map(|partial| partial.name.clone());
        let (source, moved) = self.or_another_take_over(task, &mark, partial.as_deref()).await?;
        tracing::warn!(from = mark.server, to = moved.server, "the task goes on from another server");
        checkpoint.source = Some(moved);
        Ok(source)
    }

    /// This server, or the first of the others that has everything, with the mark there.
    async fn or_another_take_over(
        mut self,
        task: &Task,
        mark: &SourceMark,
        partial: Option<&str>,
    ) -> Result<(Self, SourceMark), Failure> {
        let address = self.options.address();
        let mut passed = match self.take_over(task, mark, partial).await {
            Ok(moved) => return Ok((self, moved)),
            Err(failure) => vec![(address.clone(), failure)],
        };
        self.session.close().await;
        for options in candidates(&task.source).into_iter().filter(|options| options.address() != address) {
            let address = options.address();
            match Self::open_and_take_over(task, options, mark, partial).await {
                Ok(found) => return Ok(found),
                Err(failure) => passed.push((address, failure)),
            }
        }
        let main = passed.iter().position(|(_, failure)| failure.class != ErrorClass::Connection);
        Err(none_will_do(passed, main.unwrap_or(0)))
    }

    async fn open_and_take_over(
        task: &Task,
        options: SourceOptions,
        mark: &SourceMark,
        partial: Option<&str>,
    ) -> Result<(Self, SourceMark), Failure> {
        let mut other = Self::open(task, options).await?;
        let moved = other.take_over(task, mark, partial).await?;
        Ok((other, moved))
    }

    /// The server that was read before, if it is among the others and can be reached; this one otherwise.
    async fn or_the_one_read_before(self, task: &Task, mark: &SourceMark) -> Self {
        for options in candidates(&task.source) {
            if options.address() == self.options.address() {
                continue;
            }
            if let Ok(other) = Self::open(task, options).await
                && other.facts.server_uuid == mark.server
            {
                self.session.close().await;
                return other;
            }
        }
        self
    }

    /// The mark on this server, if it has everything that was read from the one before.
    async fn take_over(
        &mut self,
        task: &Task,
        mark: &SourceMark,
        partial: Option<&str>,
    ) -> Result<SourceMark, Failure> {
        let executed = read_executed(&mut self.session).await?;
        ensure_has_all(mark, partial, &self.facts.server_uuid, &executed)?;
        ensure_unread_is_there(mark, &read_purged(&mut self.session).await?)?;
        let place = read_binlog_end(&mut self.session).await?;
        let file_created = read_file_created(self.options.opts(), &place.file, reader_id(task)).await?;
        Ok(SourceMark { server: self.facts.server_uuid.clone(), place, file_created, ..mark.clone() })
    }
}

/// Why each of several servers, by address, was passed over; `main` is the place of the failure that says what follows.
fn none_will_do(passed: Vec<(String, Failure)>, main: usize) -> Failure {
    let each: Vec<String> =
        passed.iter().map(|(address, failure)| format!("\"{address}\": {}", failure.message)).collect();
    let is_one = passed.len() == 1;
    let Some((_, failure)) = passed.into_iter().nth(main) else {
        return Failure::fatal("the task has no source", "write source.url");
    };
    match is_one {
        true => failure,
        false => Failure { message: format!("no server can be read on: {}", each.join("; ")), ..failure },
    }
}

/// Ensures that a server has executed everything that was read from another.
fn ensure_has_all(mark: &SourceMark, partial: Option<&str>, server: &str, executed: &Reading) -> Result<(), Failure> {
    let (Reading::Gtids(delivered), Reading::Gtids(executed)) = (&mark.delivered, executed) else {
        return Err(Failure::fatal(
            format!("the source is server \"{server}\", but the task read from \"{}\"", mark.server),
            "without GTIDs a task cannot go on from another server: correct source.url, or start a new task under another \
             name",
        ));
    };
    let mut needed = delivered.clone();
    if let Some(partial) = partial.and_then(|name| name.parse::<GtidSet>().ok()) {
        for (source, intervals) in partial.intervals() {
            intervals.iter().for_each(|&(first, last)| needed.add_range(source.clone(), first, last));
        }
    }
    let missing = needed.minus(executed);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::fatal(
        format!("server \"{server}\" lacks transactions that were read from server \"{}\": {missing}", mark.server),
        "if it is still applying what it got from there, start again when it has them; if they are lost, the destination has \
         changes that the source has not: start a new task under another name, which loads the tables anew",
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use millrace_model::BinlogPlace;

    use super::*;

    const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn gtids(intervals: &str) -> Reading {
        Reading::Gtids(format!("{UUID}:{intervals}").parse().unwrap())
    }

    fn mark(delivered: Reading) -> SourceMark {
        SourceMark {
            server: "a".into(),
            place: BinlogPlace::new("binlog.000007", 500),
            file_created: 1000,
            delivered,
            last_gtid: String::new(),
            committed_at: 0,
            prepared: Vec::new(),
        }
    }

    #[test]
    fn another_server_needs_all_that_was_read() {
        let read = mark(gtids("1-50"));
        ensure_has_all(&read, None, "b", &gtids("1-50")).unwrap();
        ensure_has_all(&read, Some(&format!("{UUID}:51")), "b", &gtids("1-60")).unwrap();
        let lacks = ensure_has_all(&read, None, "b", &gtids("1-48")).unwrap_err();
        assert!(lacks.message.contains(&format!("{UUID}:49-50")), "{}", lacks.message);
        // What is partly published must come again.
        let lacks = ensure_has_all(&read, Some(&format!("{UUID}:51")), "b", &gtids("1-50")).unwrap_err();
        assert!(lacks.message.contains(&format!("{UUID}:51")), "{}", lacks.message);
    }

    #[test]
    fn each_server_that_will_not_do_is_named() {
        let away = || ("a:3306".to_owned(), Failure::connection("no answer", "start it"));
        let lacks = || ("b:3306".to_owned(), Failure::fatal("lacks 49", "wait"));
        assert_eq!(none_will_do(vec![away()], 0).message, "no answer");
        let all = none_will_do(vec![away(), lacks()], 1);
        assert_eq!((all.class, all.hint.as_str()), (ErrorClass::Fatal, "wait"));
        assert!(
            all.message.contains("\"a:3306\": no answer") && all.message.contains("\"b:3306\": lacks 49"),
            "{all:?}"
        );
        assert_eq!(none_will_do(vec![away(), lacks()], 0).class, ErrorClass::Connection);
    }

    #[test]
    fn places_mean_nothing_on_another_server() {
        let place = || Reading::Place(BinlogPlace::new("binlog.000007", 500));
        let refused = ensure_has_all(&mark(place()), None, "b", &place()).unwrap_err();
        assert!(refused.hint.contains("without GTIDs"), "{}", refused.hint);
    }
}
