//! One thing that the destination needs. Pure.

use millrace_adbpg::Numbering;
use serde_json::{Value, json};

use super::columns::Numbered;
use crate::check_constraints::MappedCheck;
use crate::foreign_keys::MappedKey;

/// Whether what is needed is printed or executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Printed.
    Shown,
    /// Executed.
    Done,
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A column that numbers its rows.
    NumberedColumn,
    /// A CHECK constraint.
    Check,
    /// A foreign key.
    ForeignKey,
}

impl Kind {
    /// Its word in JSON.
    fn as_str(self) -> &'static str {
        match self {
            Self::NumberedColumn => "AUTO_INCREMENT column",
            Self::Check => "CHECK constraint",
            Self::ForeignKey => "foreign key",
        }
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It was as it should be.
    Ready,
    /// These statements are needed.
    Needed(Vec<String>),
    /// These statements were executed.
    Done(Vec<String>),
    /// It stays behind, as `plan` says: why.
    LeftOut(String),
    /// It is needed, but not yet: until when.
    Waiting(String),
    /// Somebody must decide: why.
    Impossible(String),
}

impl State {
    /// Its word in JSON and text.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Needed(_) => "needed",
            Self::Done(_) => "done",
            Self::LeftOut(_) => "left out",
            Self::Waiting(_) => "waiting",
            Self::Impossible(_) => "impossible",
        }
    }

    fn of(statements: Vec<String>, deed: Deed) -> Self {
        match deed {
            Deed::Shown => Self::Needed(statements),
            Deed::Done => Self::Done(statements),
        }
    }
}

/// One thing that the destination needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    kind: Kind,
    /// Its name in the source.
    pub(super) source: String,
    /// Its name in the destination, or its table's.
    destination: Option<String>,
    /// What one should know of it, in a few words.
    pub(super) remark: String,
    /// The number that comes next.
    next: Option<i64>,
    pub(super) state: State,
}

impl Item {
    pub(super) fn of_numbering(numbered: &Numbered, numbering: Numbering, deed: Deed) -> Self {
        let (next, state) = match numbering {
            Numbering::Ready { next } => (Some(next), State::Ready),
            Numbering::Needed { next, statements } => (Some(next), State::of(statements, deed)),
            Numbering::Impossible { why } => (None, State::Impossible(why)),
        };
        Self {
            kind: Kind::NumberedColumn,
            source: numbered.source.clone(),
            destination: Some(format!("{}.{}", numbered.column.table, numbered.column.column)),
            remark: next.map(|next| format!("{next} comes next")).unwrap_or_default(),
            next,
            state,
        }
    }

    pub(super) fn of_check(check: &MappedCheck, state: State) -> Self {
        Self {
            kind: Kind::Check,
            source: format!("{}.{}", check.table, check.name),
            destination: check.target.as_ref().ok().map(|target| target.table.to_string()),
            remark: "CHECK constraint".to_owned(),
            next: None,
            state,
        }
    }

    pub(super) fn of_foreign_key(key: &MappedKey, state: State) -> Self {
        let target = key.target.as_ref().ok();
        let remark = target.map(|target| format!("foreign key to {}", target.referenced));
        Self {
            kind: Kind::ForeignKey,
            source: key.source.clone(),
            destination: target.map(|target| target.table.to_string()),
            remark: remark.unwrap_or_default(),
            next: None,
            state,
        }
    }

    /// Whether nothing of it is left.
    pub(super) fn is_good(&self) -> bool {
        !matches!(self.state, State::Waiting(_) | State::Impossible(_))
    }

    /// The item for programs.
    pub(super) fn to_json(&self) -> Value {
        let (statements, why) = match &self.state {
            State::Ready => (&[][..], None),
            State::Needed(statements) | State::Done(statements) => (&statements[..], None),
            State::LeftOut(why) | State::Waiting(why) | State::Impossible(why) => (&[][..], Some(why)),
        };
        json!({
            "kind": self.kind.as_str(),
            "source": self.source,
            "destination": self.destination,
            "state": self.state.as_str(),
            "next": self.next,
            "statements": statements,
            "why": why,
        })
    }
}
