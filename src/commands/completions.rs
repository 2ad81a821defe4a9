//! `tagpin completions`

use std::io::Write;

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs};
use crate::error::Failure;
use crate::exit::Exit;
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
