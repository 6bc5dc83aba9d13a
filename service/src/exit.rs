//! Exit codes of every program of the project: they say which kind of failure it was, so that a supervisor knows whether
//! starting again can help.

use std::process::ExitCode;

use millrace_model::{ErrorClass, Failure};

use crate::report::print_failure;
use crate::retry::Outcome;

/// The exit code of a program that ended with such a failure: 1 where somebody has to mend something first, 3 where a
/// server could not be reached, 4 where one answered with an error that may pass. (2 is a wrong call, 0 is good.)
pub fn code_of_class(class: ErrorClass) -> u8 {
    match class {
        ErrorClass::Fatal => 1,
        ErrorClass::Connection => 3,
        ErrorClass::Statement => 4,
    }
}

/// Prints a failure, if it is one, and gives the exit code of the process.
pub fn exit_code(ended: &Result<Outcome, Failure>) -> ExitCode {
    match ended {
        Ok(Outcome::Completed | Outcome::Stopped) => ExitCode::SUCCESS,
        Err(failure) => exit_code_of_failure(failure),
    }
}

/// Prints a failure and gives the exit code that says of which kind it is.
pub fn exit_code_of_failure(failure: &Failure) -> ExitCode {
    print_failure(failure);
    ExitCode::from(code_of_class(failure.class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_stays() {
        let codes = [ErrorClass::Fatal, ErrorClass::Connection, ErrorClass::Statement].map(code_of_class);
        assert_eq!(codes, [1, 3, 4]);
        for failure in [Failure::fatal("a", ""), Failure::connection("a", ""), Failure::statement("a", "")] {
            let expected = ExitCode::from(code_of_class(failure.class));
            assert_eq!(format!("{:?}", exit_code(&Err(failure))), format!("{expected:?}"));
        }
        assert_eq!(format!("{:?}", exit_code(&Ok(Outcome::Stopped))), format!("{:?}", ExitCode::SUCCESS));
    }
}
