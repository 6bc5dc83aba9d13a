//! How a failed test tells why.

use std::fmt;

/// The error of a test: prints each cause on a line of its own, and no backtrace, which says nothing about processes.
pub struct TestError(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for TestError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let causes: Vec<String> = self.0.chain().map(ToString::to_string).collect();
        f.write_str(&causes.join("\n  because: "))
    }
}

/// The result of a test.
pub type TestResult = Result<(), TestError>;
