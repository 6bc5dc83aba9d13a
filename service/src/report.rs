//! How a process says why it failed: one or two lines on standard error.

use std::io::{self, Write};

use millrace_model::Failure;

/// Prints a failure on standard error; see [`write_failure`].
pub fn print_failure(failure: &Failure) {
    if let Err(error) = write_failure(&mut io::stderr().lock(), failure) {
        tracing::error!(%failure, %error, "cannot write to standard error");
    }
}

/// Writes `error: MESSAGE`, and `hint: HINT` on a second line where there is a hint; line ends within become spaces.
///
/// # Errors
/// Those of `out`.
pub fn write_failure(out: &mut impl Write, failure: &Failure) -> io::Result<()> {
    writeln!(out, "error: {}", one_line(&failure.message))?;
    if failure.hint.is_empty() {
        return Ok(());
    }
    writeln!(out, "hint: {}", one_line(&failure.hint))
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_failure_is_one_or_two_lines() {
        for (message, hint, expected) in [
            ("a \"b\"", "do c", "error: a \"b\"\nhint: do c\n"),
            ("a", "", "error: a\n"),
            ("a\n  b", "c\r\nd", "error: a b\nhint: c d\n"),
        ] {
            let mut out = Vec::new();
            write_failure(&mut out, &Failure::fatal(message, hint)).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
