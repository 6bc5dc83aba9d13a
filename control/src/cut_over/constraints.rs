//! Making constraints, when nobody applies any more.

use millrace_adbpg::{Check, CheckFound, Connection, Constrained};
use millrace_model::Failure;

use super::Writer;
use super::item::{Deed, State};
use crate::check_constraints::MappedCheck;
use crate::foreign_keys::MappedKey;
use crate::text::count;

/// What makes them, or shows what would.
pub(super) struct Maker<'c> {
    pub(super) destination: &'c mut Connection,
    pub(super) deed: Deed,
    pub(super) writer: Writer,
}

impl Maker<'_> {
    pub(super) async fn check(&mut self, check: &MappedCheck) -> Result<State, Failure> {
        let check = match &check.target {
            Ok(check) => check,
            Err(why) => return Ok(State::LeftOut(why.clone())),
        };
        let mut statements = check.render()?;
        let found = self.destination.find_check(check).await?;
        match found {
            CheckFound::Valid => return Ok(State::Ready),
            CheckFound::Different => return Ok(State::Impossible(different(check))),
            // The first step was taken.
            CheckFound::NotValid => _ = statements.remove(0),
            CheckFound::Absent => {}
        }
        if let Some(state) = self.not_now(&statements) {
            return Ok(state);
        }
        Ok(match self.destination.add_check(check, found).await? {
            Constrained::Made => State::Done(statements),
            Constrained::Violated { rows } => {
                State::Impossible(format!("{} of \"{}\" break it: {}", rows_text(rows), check.table, check.condition))
            }
            Constrained::Refused { why } => State::Impossible(why),
        })
    }

    pub(super) async fn foreign_key(&mut self, key: &MappedKey) -> Result<State, Failure> {
        let key = match &key.target {
            Ok(key) => key,
            Err(why) => return Ok(State::LeftOut((*why).to_owned())),
        };
        if self.destination.has_foreign_key(key).await? {
            return Ok(State::Ready);
        }
        let statements = vec![key.render()?];
        if let Some(state) = self.not_now(&statements) {
            return Ok(state);
        }
        Ok(match self.destination.add_foreign_key(key).await? {
            Constrained::Made => State::Done(statements),
            Constrained::Violated { rows } => {
                let rows = rows_text(rows);
                let why = format!("{rows} of \"{}\" without the row of \"{}\" referred to", key.table, key.referenced);
                State::Impossible(why)
            }
            Constrained::Refused { why } => State::Impossible(why),
        })
    }

    /// What becomes of a constraint that is not made in this run.
    fn not_now(&self, statements: &[String]) -> Option<State> {
        match (self.deed, self.writer) {
            (Deed::Shown, _) => Some(State::Needed(statements.to_vec())),
            (Deed::Done, Writer::Task) => Some(State::Waiting("until the task is stopped".to_owned())),
            (Deed::Done, Writer::Nobody) => None,
        }
    }
}

fn rows_text(rows: u64) -> String {
    count(usize::try_from(rows).unwrap_or(usize::MAX), "row")
}

fn different(check: &Check) -> String {
    format!("\"{}\" has a CHECK constraint of that name with another condition: drop or rename it", check.table)
}
