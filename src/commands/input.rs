//! What a command reads as a whole: a file, or standard input where it is called `-`.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use crate::commands::failure::Failure;

/// What is read.
pub(super) struct Input<'i> {
    /// What it is, in the plural.
    pub(super) what: &'i str,
    /// The most bytes that are read.
    pub(super) max: u64,
    /// What prints it, and how it is given.
    pub(super) hint: &'i str,
    /// What to do where it is larger.
    pub(super) split: &'i str,
}

/// Returns what `file` has.
///
/// # Errors
/// A usage error: it cannot be read, it is too large, or it is standard input and that is a terminal, where nobody is going to type
/// it.
pub(super) fn read(file: &Path, input: &Input<'_>) -> Result<Vec<u8>, Failure> {
    let Input { what, max, hint, split } = input;
    let mut bytes = Vec::new();
    let read = if file != Path::new("-") {
        // Not fs_err: the message names the file already.
        std::fs::File::open(file).and_then(|file| file.take(max + 1).read_to_end(&mut bytes))
    } else if std::io::stdin().is_terminal() {
        let message = format!("the {what} are expected on standard input, which is a terminal");
        return Err(Failure::usage(message, *hint));
    } else {
        std::io::stdin().take(max + 1).read_to_end(&mut bytes)
    };
    let shown = shown(file);
    read.map_err(|error| Failure::usage(format!("the {what} in {shown} cannot be read: {error}"), *hint))?;
    if bytes.len() as u64 > *max {
        let message = format!("{shown} is larger than the {max} bytes that tagpin reads");
        return Err(Failure::usage(message, *split));
    }
    Ok(bytes)
}

/// Returns what messages call it.
pub(super) fn shown(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { format!("`{}`", file.display()) }
}
