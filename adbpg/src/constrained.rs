//! What becomes of a constraint that is made at cut-over.

use crate::error::AdbpgError;

/// What became of a constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constrained {
    /// It was made.
    Made,
    /// Rows break it; nothing was changed.
    Violated {
        /// How many.
        rows: u64,
    },
    /// The destination does not take it; nothing was changed.
    Refused {
        /// Why.
        why: String,
    },
}

/// What the destination says against a constraint's definition (types that cannot be compared, columns that are not
/// unique, names); an error where that is about something else.
pub(crate) fn refusal(error: AdbpgError) -> Result<Constrained, AdbpgError> {
    match &error {
        AdbpgError::Server { state, text, .. } if state.starts_with("42") && state != "42501" => {
            Ok(Constrained::Refused { why: text.clone() })
        }
        _ => Err(error),
    }
}
