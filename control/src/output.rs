//! Where a command's result goes, and whether colours are wanted there.

use std::io::{self, ErrorKind, IsTerminal, Write};

use millrace_model::Failure;

/// Whether colours are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    /// A terminal that takes them, and nobody said no.
    On,
    /// A file, a pipe, `NO_COLOR` (<https://no-color.org>) or `TERM=dumb`.
    Off,
}

impl Colours {
    /// What standard output wants.
    pub(crate) fn of_standard_output() -> Self {
        let says = |name: &str| std::env::var(name).unwrap_or_default();
        if io::stdout().is_terminal() && says("NO_COLOR").is_empty() && says("TERM") != "dumb" {
            Self::On
        } else {
            Self::Off
        }
    }

    /// A text in a colour.
    pub(crate) fn paint(self, colour: Colour, text: &str) -> String {
        match self {
            Self::Off => text.to_owned(),
            Self::On => format!("\x1b[{}m{text}\x1b[0m", colour.code()),
        }
    }
}

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// All is well.
    Good,
    /// Somebody should look.
    Warning,
    /// It does not work.
    Bad,
    /// A heading.
    Strong,
    /// Beside the point.
    Faint,
}

impl Colour {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "31",
            Self::Strong => "1",
            Self::Faint => "2",
        }
    }
}

/// Prints a text on standard output. A reader that has gone (`| head`) is no failure.
///
/// # Errors
/// Standard output cannot be written, such as a full disk.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::fatal(format!("cannot write to standard output: {error}"), ""))
        }
        _ => Ok(()),
    }
}

/// Prints a value as indented JSON.
///
/// # Errors
/// As [`print`].
pub(crate) fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_there_only_when_wanted() {
        assert_eq!(Colours::Off.paint(Colour::Bad, "x"), "x");
        assert_eq!(Colours::On.paint(Colour::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
