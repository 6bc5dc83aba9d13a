//! `millrace completions`: what a shell needs to complete commands and options.

use clap::{Args, CommandFactory, ValueEnum};
use millrace_model::Failure;

use crate::Ending;
use crate::output::print;

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bash    millrace completions bash > ~/.local/share/bash-completion/completions/millrace
  zsh     millrace completions zsh > \"${fpath[1]}/_millrace\"
  fish    millrace completions fish > ~/.config/fish/completions/millrace.fish")]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// A shell whose completions are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints them.
pub(crate) fn run(arguments: &Arguments) -> Result<Ending, Failure> {
    let shell = match arguments.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::Arguments::command(), "millrace", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Ending::Good)
}
