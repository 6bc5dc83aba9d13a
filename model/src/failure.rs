//! The three classes of failure, and the form in which a failure reaches the operator.
//!
//! Libraries have `thiserror` enums of their own and convert into [`Failure`] at the edge of a stage; from then on only
//! the class decides what happens (retry from the checkpoint, or stop) and only `message` and `hint` are shown.

use std::fmt;

/// What can be done about a failure; decided in one function per outside system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The other side could not be reached, or the connection broke: retried for `retry.connection_minutes`.
    Connection,
    /// The other side answered with an error that may pass (lock time-out, deadlock, disk full): retried for
    /// `retry.other_minutes`.
    Statement,
    /// Retrying cannot help: the stage stops, says what happened and how to mend it.
    Fatal,
}

/// A failure as an operator sees it: what and where in one line, and how to mend it in another.
/// Holds no secrets and no row values: whoever builds one sees to that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What can be done about it.
    pub class: ErrorClass,
    /// One line, lower case: what happened, with the object named in quotes.
    pub message: String,
    /// How to mend it; empty when there is nothing better to say than the message. Says what the operator can do, not what
    /// the program will: the same failure is retried in one place and ends the process in another.
    pub hint: String,
}

impl Failure {
    /// A failure of class [`ErrorClass::Fatal`].
    pub fn fatal(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { class: ErrorClass::Fatal, message: message.into(), hint: hint.into() }
    }

    /// A failure of class [`ErrorClass::Connection`].
    pub fn connection(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { class: ErrorClass::Connection, message: message.into(), hint: hint.into() }
    }

    /// A failure of class [`ErrorClass::Statement`].
    pub fn statement(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { class: ErrorClass::Statement, message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
