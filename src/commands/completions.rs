//! `tagpin completions`

use std::io::Write;

use clap::CommandFactory;

use crate::commands::args::{Cli, CompletionsArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::report::terminal::Terminal;

/// Prints the completion script for a shell.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &CompletionsArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    // clap_complete panics where its writer fails, so it writes into memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tagpin", &mut script);
    terminal.stdout.write_all(&script)?;
    Ok(Exit::Done)
}
