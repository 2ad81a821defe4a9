//! Reading and writing the file of `--baseline`.

use std::io::Read as _;
use std::path::Path;

use crate::atomic_file;
use crate::check::baseline::{Baseline, BaselineError};
use crate::commands::failure::Failure;

/// The largest baseline that is read, in bytes.
const SIZE_MAX: u64 = 64 * 1024 * 1024;

const HINT: &str = "`tagpin check --baseline FILE --write-baseline` writes one";

/// Returns the baseline in a file.
///
/// # Errors
/// It cannot be read, or is no baseline: usage errors.
pub(super) fn load(file: &Path) -> Result<Baseline, Failure> {
    let mut bytes = Vec::new();
    // Not fs_err: the message names the file already.
    std::fs::File::open(file).and_then(|file| file.take(SIZE_MAX + 1).read_to_end(&mut bytes)).map_err(
        |error| Failure::usage(format!("the baseline `{}` cannot be read: {error}", file.display()), HINT),
    )?;
    parse(file, &bytes)
}

/// Returns the failure of a baseline that is nowhere.
pub(super) fn not_there(file: &Path) -> Failure {
    Failure::usage(format!("the baseline `{}` cannot be read: it does not exist", file.display()), HINT)
}

/// Returns the baseline that the bytes of a file spell.
///
/// # Errors
/// It is none: a usage error.
pub(super) fn parse(file: &Path, bytes: &[u8]) -> Result<Baseline, Failure> {
    if bytes.len() as u64 > SIZE_MAX {
        let message = format!(
            "the baseline `{}` is larger than the {SIZE_MAX} bytes that tagpin reads",
            file.display()
        );
        return Err(Failure::usage(message, HINT));
    }
    Baseline::parse(bytes).map_err(|error: BaselineError| {
        Failure::usage(format!("`{}` cannot be used as a baseline: {error}", file.display()), HINT)
    })
}

/// Writes a baseline; a file that is there must be one.
///
/// # Errors
/// There is something else at its place, or it cannot be written.
pub(super) fn save(file: &Path, text: &str) -> Result<(), Failure> {
    if fs_err::symlink_metadata(file).is_ok() {
        load(file)?;
        return Ok(atomic_file::replace(file, text.as_bytes())?);
    }
    Ok(fs_err::write(file, text)?)
}
